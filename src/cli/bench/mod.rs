//! `andon bench`: what an inspection costs on this machine, stage by stage.

mod usage;
mod trial;
mod spread;
mod operators;
mod cameras;
mod report;
mod rounds;

use std::{
    io::{BufRead, IsTerminal, Write},
    path::PathBuf,
    sync::Arc,
    time::Instant,
};

use clap::Args;

use super::outcome::{Failure, write_json};
use crate::inspection::{Engine, Model, Region};
use cameras::{Cameras, Shared};
use operators::Profile;
use report::{Load, Report};
use trial::{Trial, Turn};
use usage::memory;

/// So many runs of the graph, operator by operator, are enough to have each operator once undisturbed.
const PROFILED: u32 = 20;

/// Pictures of a folder that are taken at most.
const PICTURES: usize = 100;

#[derive(Debug, Args)]
pub(super) struct BenchArguments {
    /// The model pack's folder
    #[arg(long, value_name = "PACK")]
    model: PathBuf,
    /// What runs the model: tract, or onnxruntime in a build that has it
    #[arg(long, value_name = "ENGINE", default_value = "tract")]
    engine: Engine,
    /// Pictures to inspect in turns, each at least twice; the pack's own sample without it, which needs no decoding
    #[arg(long, value_name = "DIR")]
    images: Option<PathBuf>,
    /// What of each picture is inspected, in pixels from its upper left corner; all of it without this
    #[arg(long, value_name = "X,Y,WIDTH,HEIGHT", value_parser = region)]
    region: Option<Region>,
    /// How many frames to inspect, after a tenth as many to warm up
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    frames: u32,
    /// So many simulated cameras at a time besides, each with as many frames, at one pool of workers
    #[arg(long, value_name = "N,N...", value_delimiter = ',', value_parser = clap::value_parser!(u16).range(1..=256))]
    cameras: Vec<u16>,
    /// One JSON object on standard output
    #[arg(long)]
    json: bool,
    /// Measure what standard input asks for until it ends, to compare in turns with other programs: a line such as
    /// "infer 20" (decode, pixels, infer, frame; or "memory", or "write DIR" for the model's input and outputs)
    /// is answered by a line of JSON
    #[arg(long, conflicts_with_all = ["frames", "json", "cameras"])]
    rounds: bool,
}

pub(super) fn run(
    arguments: &BenchArguments,
    requests: &mut dyn BufRead,
    out: &mut dyn Write,
    notes: &mut (impl Write + IsTerminal),
) -> Result<(), Failure> {
    let (cpu, start) = (usage::cpu(), Instant::now());
    let model = Model::load(&arguments.model, &arguments.engine)?;
    let (wall, cpu) = (start.elapsed(), usage::cpu() - cpu);
    let load = Load { wall, cpu, memory: memory()? };
    let inspector = model.inspector().map_err(Failure::Failed)?;
    let warm_up = arguments.frames.div_ceil(10);
    let all = warm_up + arguments.frames;
    let most = if arguments.rounds { PICTURES } else { PICTURES.min(all as usize / 2) };
    let mut trial = Trial::new(inspector, arguments.images.as_deref(), arguments.region, most)?;
    if arguments.rounds {
        return rounds::answer(&mut trial, requests, out);
    }
    let turns = take_turns(&mut trial, warm_up, all, notes)?;
    let peak = memory()?.peak;
    let profile = profile(&mut trial, arguments.frames.min(PROFILED))?;
    let cameras = show(Cameras::new(Arc::new(model), &trial)?, arguments, notes)?;
    let report =
        Report { trial: &trial, load, turns: &turns, peak, profile: profile.as_ref(), cameras: &cameras };
    if arguments.json {
        write_json(out, &report.json())?;
    } else {
        report.write(notes)?;
    }
    Ok(())
}

/// The turns after those to warm up.
fn take_turns(
    trial: &mut Trial,
    warm_up: u32,
    all: u32,
    notes: &mut (impl Write + IsTerminal),
) -> Result<Vec<Turn>, Failure> {
    let mut turns = Vec::with_capacity((all - warm_up) as usize);
    for number in 0..all {
        let turn = trial.turn(number as usize)?;
        if number >= warm_up {
            turns.push(turn);
        }
        if notes.is_terminal() && number % 10 == 0 {
            write!(notes, "\r{number}/{all}")?;
        }
    }
    if notes.is_terminal() {
        // Nothing of it stays.
        write!(notes, "\r\x1b[K")?;
    }
    Ok(turns)
}

/// As many cameras at a time as asked for, one number after the other.
fn show(
    cameras: Cameras,
    arguments: &BenchArguments,
    notes: &mut (impl Write + IsTerminal),
) -> Result<Vec<Shared>, Failure> {
    let mut shown = Vec::new();
    for number in &arguments.cameras {
        if notes.is_terminal() {
            write!(notes, "\r{number} cameras\x1b[K\r")?;
        }
        shown.push(cameras.show(usize::from(*number), arguments.frames)?);
    }
    Ok(shown)
}

/// Where the time goes in the graph, if its engine tells.
fn profile(trial: &mut Trial, runs: u32) -> Result<Option<Profile>, Failure> {
    let runs: Result<Vec<_>, _> = (0..runs).map(|_| trial.inspector.steps()).collect();
    let runs = runs.map_err(|error| Failure::Failed(error.to_string()))?;
    Ok(runs.iter().all(|steps| !steps.is_empty()).then(|| Profile::of(runs)))
}

fn region(text: &str) -> Result<Region, String> {
    const EXPECTED: &str = "not four whole numbers; give X,Y,WIDTH,HEIGHT in pixels, such as 320,40,640,640";
    let numbers: Result<Vec<u32>, _> = text.split(',').map(|number| number.trim().parse()).collect();
    let [x, y, width, height] = *numbers.map_err(|_| EXPECTED)? else { return Err(EXPECTED.to_owned()) };
    Ok(Region { x, y, width, height })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_four_whole_numbers() {
        assert_eq!(region("1,2, 3,4"), Ok(Region { x: 1, y: 2, width: 3, height: 4 }));
        for wrong in ["", "1,2,3", "1,2,3,4,5", "1,2,3,-4", "1,2,3,4.5"] {
            assert!(region(wrong).unwrap_err().contains("X,Y,WIDTH,HEIGHT"), "{wrong}");
        }
    }
}
