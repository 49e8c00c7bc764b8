//! Measures what another program asks for, so that several can take turns while each stays warm.

use std::{
    fs,
    io::{BufRead, Write},
    path::Path,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{
    spread::milliseconds,
    trial::Trial,
    usage::{self, memory},
};
use crate::{
    camera::Picture,
    cli::outcome::{Failure, write_json},
    inspection::{Answer, InspectionError},
};

/// Answers a line of `requests` by one of `out` until there are no more.
///
/// # Errors
/// When a request makes no sense, or what it asks for fails.
pub(super) fn answer(
    trial: &mut Trial,
    requests: &mut dyn BufRead,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let mut rounds = Rounds::new(trial)?;
    for request in requests.lines() {
        let request = request.map_err(|error| Failure::Failed(format!("cannot read a request: {error}")))?;
        let answer = match request.split_once(' ').unwrap_or((&request, "")) {
            ("memory", "") => {
                let memory = memory()?;
                json!({"now": memory.now, "peak": memory.peak})
            }
            ("write", folder) => rounds.write(Path::new(folder))?,
            (stage, times) => rounds.measure(stage, times)?,
        };
        write_json(out, &answer)?;
    }
    Ok(())
}

struct Rounds<'a> {
    trial: &'a mut Trial,
    /// Read once: no stage reads files.
    pictures: Vec<Picture>,
    /// Whose turn it is.
    next: usize,
}

impl<'a> Rounds<'a> {
    fn new(trial: &'a mut Trial) -> Result<Self, Failure> {
        let pictures = (0..trial.pictures()).map(|number| trial.picture(number)).collect::<Result<_, _>>()?;
        let mut rounds = Self { trial, pictures, next: 0 };
        // The model has something to work on then.
        rounds.pixels()?;
        Ok(rounds)
    }

    fn measure(&mut self, stage: &str, times: &str) -> Result<Value, Failure> {
        let wrong = |what: &str| Failure::WrongUse(format!("the request \"{stage} {times}\" {what}"));
        let count: u32 = times.parse().map_err(|_| wrong("has no number, as \"infer 20\" has"))?;
        let step = match stage {
            "decode" => Self::decode,
            "pixels" => Self::pixels,
            "infer" => |it: &mut Self| it.trial.inspector.answer().map(drop).map_err(failed),
            "frame" => Self::frame,
            _ => return Err(wrong("names no stage; there are decode, pixels, infer and frame")),
        };
        let (cpu, start) = (usage::cpu(), Instant::now());
        for _ in 0..count {
            step(self)?;
            self.next = (self.next + 1) % self.pictures.len();
        }
        let (cpu, wall) = (usage::cpu() - cpu, start.elapsed());
        let each = |all: Duration| milliseconds(all.div_f64(f64::from(count.max(1))));
        Ok(json!({"stage": stage, "times": count, "cpu_ms": each(cpu), "wall_ms": each(wall)}))
    }

    fn decode(&mut self) -> Result<(), Failure> {
        let Self { trial, pictures, next } = self;
        trial.inspector.decode(&pictures[*next], trial.region).map_err(failed)
    }

    fn pixels(&mut self) -> Result<(), Failure> {
        let Self { trial, pictures, next } = self;
        trial.inspector.prepare(&pictures[*next], trial.region).map_err(failed)
    }

    fn frame(&mut self) -> Result<(), Failure> {
        let Self { trial, pictures, next } = self;
        trial.inspect(&pictures[*next], &mut |_| ()).map(drop)
    }

    /// Writes the first picture's tensor and the model's answers, little-endian float32, into a folder.
    fn write(&mut self, folder: &Path) -> Result<Value, Failure> {
        self.next = 0;
        self.pixels()?;
        let inspector = &mut self.trial.inspector;
        let (shape, values) = inspector.input().map_err(failed)?;
        let input = write(folder, "input.f32", Answer { shape: &shape, values })?;
        let answers = inspector.answer().map_err(failed)?;
        let numbered = answers.iter().enumerate();
        let outputs = numbered.map(|(place, it)| write(folder, &format!("output_{place}.f32"), *it));
        let outputs = outputs.collect::<Result<Vec<_>, _>>()?;
        Ok(json!({"input": input, "outputs": outputs}))
    }
}

fn write(folder: &Path, name: &str, tensor: Answer<'_>) -> Result<Value, Failure> {
    let file = folder.join(name);
    let bytes: Vec<u8> = tensor.values.iter().flat_map(|value| value.to_le_bytes()).collect();
    fs::write(&file, bytes)
        .map_err(|error| Failure::Failed(format!("cannot write {}: {error}", file.display())))?;
    Ok(json!({"file": name, "shape": tensor.shape}))
}

fn failed(error: InspectionError) -> Failure {
    Failure::Failed(error.to_string())
}
