use std::{fs, path::Path};

use proptest::{collection::vec, prelude::*, sample::Index};

use super::*;

/// Another file than the given one, though not by much: bytes are changed, put in or cut off.
fn altered(seed: Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
    vec((any::<Index>(), 0..4_u8, any::<u8>()), 0..8).prop_map(move |changes| {
        let mut bytes = seed.clone();
        for (place, change, byte) in changes {
            let at = place.index(bytes.len() + 1);
            match change {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, byte),
                2 if at < bytes.len() => bytes[at] = byte,
                3 if at < bytes.len() => bytes[at] ^= 1 << (byte & 7),
                _ => {}
            }
        }
        bytes
    })
}

fn file(path: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

proptest! {
    #[test]
    fn no_manifest_ends_the_process(bytes in altered(file("models/pcb/model.toml"))) {
        manifest(&bytes);
    }

    #[test]
    fn no_picture_ends_the_process(bytes in altered(file("tests/packs/shade/parity.png"))) {
        picture(&bytes);
    }

    #[test]
    fn no_answer_ends_the_process_or_becomes_nonsense(bytes in vec(any::<u8>(), 0..256)) {
        decoder(&bytes);
    }

    #[test]
    fn no_graph_ends_the_process(bytes in altered(file("tests/packs/shade/model.onnx"))) {
        graph(&bytes);
    }
}

/// What was found by drawing: numbers whose exponential or whose sum has no place among numbers.
#[test]
fn numbers_beyond_measure_are_no_nonsense_either() {
    for word in [f32::MAX, f32::MIN, f32::from_bits(0x7f00_0080), f32::MIN_POSITIVE] {
        for family in 0..FAMILIES.len() as u8 {
            let mut bytes = vec![family];
            bytes.extend(FAMILIES[usize::from(family)].1.iter().map(|_| 0xf0));
            bytes.extend(word.to_le_bytes());
            decoder(&bytes);
            bytes.extend((-word).to_le_bytes());
            decoder(&bytes);
        }
    }
}

#[test]
fn every_family_reads_what_it_should() {
    for family in 0..FAMILIES.len() as u8 {
        let (text, shapes) = FAMILIES[usize::from(family)];
        let output: Output = toml::from_str(text).unwrap();
        assert_eq!(output.outputs().len(), shapes.len(), "{text}");
        let labels = labels(text);
        let names: Vec<String> = labels.iter().map(|it| it.to_string()).collect();
        assert_eq!(output.faults(&names), [] as [String; 0], "{text}");
        let values: Vec<Vec<f32>> = shapes.iter().map(|it| vec![0.5; it.iter().product()]).collect();
        let answers: Vec<Answer<'_>> =
            shapes.iter().zip(&values).map(|(shape, values)| Answer { shape, values }).collect();
        let scene = Scene { labels: &labels, input: [96, 64], floor: Confidence::CERTAIN };
        output.read(&answers, &scene).unwrap_or_else(|error| panic!("{text}: {error}"));
    }
}
