//! A frame takes no memory once everything is warm, but for what the engine takes inside its own run.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail by panicking")]

use std::{collections::BTreeMap, path::Path, time::Instant};

use allocation_counter::measure;
use andon::{
    camera::{Colour, Decoder, Detail, Picture, Region, Taken, Wanted},
    inspection::{Confidence, Engine, Inspector},
    items::{Decisive, Judgement, Rule, Verdict},
};
use andon_telemetry::Severity;
use image::{DynamicImage, RgbImage, codecs::jpeg::JpegEncoder};

/// A camera's frame; each of them looks a little different.
fn frame(number: u32) -> Picture {
    let image = RgbImage::from_fn(640, 480, |x, y| {
        image::Rgb([((x + number) / 3) as u8, (y / 2) as u8, ((x * y + number) % 97) as u8])
    });
    let mut bytes = Vec::new();
    DynamicImage::ImageRgb8(image).write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, 85)).unwrap();
    Picture::Encoded(bytes.into())
}

#[test]
fn decoding_takes_no_memory_once_it_is_warm() {
    let frames: Vec<Picture> = (0..4).map(frame).collect();
    let region = Some(Region { x: 100, y: 60, width: 300, height: 300 });
    for colour in [Colour::Grey, Colour::Rgb] {
        for (region, detail) in
            [(None, Detail::Full), (region, Detail::Full), (region, Detail::Both([100, 100]))]
        {
            let wanted = Wanted { colour, region, detail };
            let mut decoder = Decoder::default();
            // The largest of them decides how large the buffers become.
            let mut decode_all = || {
                for frame in &frames {
                    decoder.decode(frame, &wanted).unwrap();
                }
            };
            decode_all();
            let counted = measure(decode_all);
            assert_eq!(counted.count_total, 0, "{wanted:?}");
        }
    }
}

#[test]
fn a_look_takes_what_the_engine_takes_and_every_one_the_same() {
    let pack = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/pcb");
    let mut inspector = Inspector::load(&pack, &Engine::Tract).unwrap();
    let frames: Vec<Picture> = (0..4).map(frame).collect();
    // Nothing is that sure: an OK item.
    let floor = Confidence::CERTAIN;
    let mut look = |frame: &Picture| {
        let (mut findings, mut runs) = (0, 0);
        let counted = measure(|| {
            let seen = inspector.look(frame, None, floor).unwrap();
            (findings, runs) = (seen.findings.len(), seen.timings.runs);
        });
        assert_eq!((findings, runs), (0, 1), "nothing is there to be looked at again");
        counted
    };
    for frame in &frames {
        look(frame);
    }
    let counts: Vec<_> = frames.iter().chain(&frames).map(look).collect();
    assert!(counts.iter().all(|it| it.count_total == counts[0].count_total), "{counts:?}");
    assert!(counts.iter().all(|it| it.bytes_current == 0), "{counts:?}");
    let prepared = measure(|| frames.iter().for_each(|frame| inspector.prepare(frame, None).unwrap()));
    assert_eq!(prepared.count_total, 0, "from the picture to the tensor");
    let answered = measure(|| assert_eq!(inspector.answer().unwrap().len(), 1));
    assert_eq!(counts[0].count_total, answered.count_total, "reading the answer takes none");
}

#[test]
fn judging_good_items_takes_no_memory_once_it_is_warm() {
    let half = Confidence::new(0.5).unwrap();
    let mut judgement = Judgement::new(Rule {
        threshold: half,
        thresholds: BTreeMap::new(),
        severity: Severity::Major,
        severities: BTreeMap::new(),
        frames_enough: 3,
    });
    let picture = frame(0);
    let mut judge = |item| {
        for _ in 0..3 {
            let region = Region { x: 0, y: 0, width: 640, height: 480 };
            let (taken, inspected, picture) = (Taken::now(), Instant::now(), picture.clone());
            judgement.saw(item, &[], Decisive { taken, inspected, name: None, picture, region });
        }
        assert_eq!(judgement.judge(item, 0).verdict, Verdict::Ok);
    };
    judge(1);
    let counted = measure(|| (2..50).for_each(&mut judge));
    assert_eq!(counted.count_total, 0);
}
