//! `andon bench`: how long the stages of an inspection take on this machine.

use std::{
    io::{self, IsTerminal, Write},
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use clap::Args;
use serde_json::{Value, json};

use super::outcome::{Failure, write_json};
use crate::{
    camera::{Picture, pictures_in, read_picture},
    inspection::{Confidence, Inspector, Region, Timings},
};

#[derive(Debug, Args)]
pub(super) struct BenchArguments {
    /// The model pack's folder
    #[arg(long, value_name = "PACK")]
    model: PathBuf,
    /// Pictures to inspect in turns; the pack's own sample without it, which needs no decoding
    #[arg(long, value_name = "DIR")]
    images: Option<PathBuf>,
    /// How many frames to inspect, after a tenth as many to warm up
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    frames: u32,
    /// One JSON object on standard output
    #[arg(long)]
    json: bool,
}

/// How long a stage took.
type Stage = fn(&Timings) -> Duration;

pub(super) fn run(
    arguments: &BenchArguments,
    out: &mut dyn Write,
    notes: &mut (impl Write + IsTerminal),
) -> Result<(), Failure> {
    let mut inspector = Inspector::load(&arguments.model)?;
    let frames = frames(arguments, &inspector)?;
    let warm_up = arguments.frames.div_ceil(10);
    let mut measured = Vec::new();
    for number in 0..warm_up + arguments.frames {
        let picture = &frames[number as usize % frames.len()];
        let timings = time(&mut inspector, picture)?;
        if number >= warm_up {
            measured.push(timings);
        }
        if notes.is_terminal() && number % 10 == 0 {
            write!(notes, "\r{number}/{}", warm_up + arguments.frames)?;
        }
    }
    if notes.is_terminal() {
        writeln!(notes)?;
    }
    let stages: [(&str, Stage); 5] = [
        ("decode", |it| it.decode),
        ("prepare", |it| it.prepare),
        ("infer", |it| it.infer),
        ("judge", |it| it.judge),
        ("frame", |it| it.decode + it.prepare + it.infer + it.judge),
    ];
    let rows: Vec<(&str, [f64; 3])> =
        stages.iter().map(|(name, of)| (*name, spread(measured.iter().map(of).collect()))).collect();
    let per_second = 1_000.0 / rows.last().map_or(f64::INFINITY, |(_, [p50, ..])| *p50);
    if arguments.json {
        let stages: serde_json::Map<String, Value> = rows
            .iter()
            .map(|(name, [p50, p99, max])| ((*name).to_owned(), json!({"p50": p50, "p99": p99, "max": max})))
            .collect();
        let pack = inspector.pack();
        write_json(
            out,
            &json!({
                "model": {"name": pack.name(), "version": pack.version(), "sha256": pack.sha256()},
                "frames": measured.len(),
                "milliseconds": stages,
                "frames_per_second": (per_second * 10.0).round() / 10.0,
            }),
        )?;
    } else {
        writeln!(
            notes,
            "{:<8} {:>9} {:>9} {:>9}   milliseconds, {} frames",
            "",
            "p50",
            "p99",
            "max",
            measured.len()
        )?;
        for (name, [p50, p99, max]) in rows {
            writeln!(notes, "{name:<8} {p50:>9.3} {p99:>9.3} {max:>9.3}")?;
        }
        writeln!(notes, "{per_second:.1} frames a second on one core")?;
    }
    Ok(())
}

fn frames(arguments: &BenchArguments, inspector: &Inspector) -> Result<Vec<Picture>, Failure> {
    let Some(folder) = &arguments.images else {
        let sample = inspector
            .sample()
            .map_err(|error| Failure::Failed(format!("cannot read the sample: {error}")))?;
        return Ok(vec![Picture::Pixels(Arc::new(sample))]);
    };
    let unreadable = |error: io::Error| Failure::Failed(format!("cannot read {}: {error}", folder.display()));
    // A hundred are enough, and memory is bounded.
    let files = pictures_in(folder).map_err(unreadable)?;
    let pictures: io::Result<Vec<_>> = files.iter().take(100).map(|file| read_picture(file)).collect();
    let pictures = pictures.map_err(unreadable)?;
    if pictures.is_empty() {
        return Err(Failure::WrongUse(format!("{} holds no .png, .jpg or .jpeg file", folder.display())));
    }
    Ok(pictures)
}

fn time(inspector: &mut Inspector, picture: &Picture) -> Result<Timings, Failure> {
    let start = Instant::now();
    let pixels = picture.decode(inspector.colour()).map_err(|error| Failure::Failed(error.to_string()))?;
    let decode = start.elapsed();
    let whole = Region { x: 0, y: 0, width: pixels.width, height: pixels.height };
    let floor = Confidence::new(0.1).unwrap_or(Confidence::CERTAIN);
    let inspection =
        inspector.inspect(&pixels, whole, floor).map_err(|error| Failure::Failed(error.to_string()))?;
    Ok(Timings { decode, ..inspection.timings })
}

/// Median, 99th percentile (nearest rank) and maximum in milliseconds of at least one duration.
fn spread(mut durations: Vec<Duration>) -> [f64; 3] {
    durations.sort_unstable();
    let rank = |share: f64| {
        let at = ((share * durations.len() as f64).ceil() as usize).max(1) - 1;
        let value = durations.get(at).copied().unwrap_or_default();
        (value.as_secs_f64() * 1e6).round() / 1e3
    };
    [rank(0.5), rank(0.99), rank(1.0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_is_of_values_that_were_seen() {
        let durations = (1..=200).rev().map(Duration::from_millis).collect();
        assert_eq!(spread(durations), [100.0, 198.0, 200.0]);
        assert_eq!(spread(vec![Duration::from_micros(1_500)]), [1.5, 1.5, 1.5]);
    }
}
