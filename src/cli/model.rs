//! `andon model new`: a pack for a model that came from elsewhere.

use std::{
    io::{BufRead, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::{Args, Subcommand};

use super::outcome::Failure;
use crate::{
    camera::{Colour, Pixels, read_picture},
    inspection::{Draft, DraftError, Engine, Question},
};

#[derive(Debug, Subcommand)]
pub(super) enum ModelCommand {
    /// Write the model pack for an ONNX file
    ///
    /// Names, shapes, labels and more are read from the file. What it does not say is asked on a terminal; elsewhere it
    /// is to be given by these options.
    New(Box<NewArguments>),
}

#[derive(Debug, Args)]
pub(super) struct NewArguments {
    /// The model
    #[arg(long, value_name = "FILE")]
    onnx: PathBuf,
    /// The pack's folder, which must not be there yet; by default the file's name without its ending
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The pack's name; by default that of its folder
    #[arg(long)]
    name: Option<String>,
    /// Width and height of the model's input in pixels
    #[arg(long, value_name = "WxH")]
    size: Option<String>,
    /// Order of its channels: grey, rgb or bgr
    #[arg(long)]
    colour: Option<String>,
    /// What a picture's samples become: unit (0 to 1), signed (-1 to 1), bytes (0 to 255) or imagenet
    #[arg(long, value_name = "HOW")]
    normalise: Option<String>,
    /// How a picture becomes the input's size: letterbox, stretch or crop
    #[arg(long)]
    fit: Option<String>,
    /// Labels in the model's order, separated by commas
    #[arg(long)]
    labels: Option<String>,
    /// Those of a classifier's or mask's labels that mean that nothing is wrong; - for none
    #[arg(long, value_name = "LABELS")]
    ok_labels: Option<String>,
    /// How the answer is read, where several decoders can
    #[arg(long)]
    decoder: Option<String>,
    /// Outputs that are read, separated by commas, or tensors within the graph; by default all its outputs
    #[arg(long, value_name = "NAMES")]
    outputs: Option<String>,
    /// What runs the model: tract, or onnxruntime in a build that has it
    #[arg(long, value_name = "ENGINE", default_value = "tract")]
    engine: Engine,
    /// The priors of an SSD whose graph does not hold them: a NumPy file of float32, four numbers a box
    #[arg(long, value_name = "FILE")]
    priors: Option<PathBuf>,
    /// A picture such as the model will see, on which its answer is recorded; by default one is drawn
    #[arg(long, value_name = "IMAGE")]
    sample: Option<PathBuf>,
    /// The Python whose onnxruntime says what the right answer is
    #[arg(long, value_name = "PROGRAM", default_value = "python3")]
    python: String,
}

pub(super) fn run(
    command: &ModelCommand,
    answers: &mut dyn BufRead,
    can_ask: bool,
    notes: &mut dyn Write,
) -> Result<(), Failure> {
    let ModelCommand::New(arguments) = command;
    let sample = arguments.sample.as_ref().map(|path| read_sample(path)).transpose()?;
    let mut draft = Draft::of(&arguments.onnx, sample)?.run_by(arguments.engine.clone());
    draft = draft.with_priors(arguments.priors.clone());
    for (question, text) in arguments.given() {
        draft.answer(question, text)?;
    }
    let unusable = |reason| Failure::Failed(format!("{}: {reason}", arguments.onnx.display()));
    loop {
        let open = draft.questions().map_err(unusable)?;
        let Some(question) = open.first() else { break };
        if !can_ask {
            let open: Vec<String> =
                open.iter().map(|it| format!("\n  --{}: {}", it.option(), draft.ask(*it))).collect();
            return Err(Failure::WrongUse(format!(
                "the file does not say everything; give{}",
                open.join("")
            )));
        }
        write!(notes, "{}\n> ", draft.ask(*question))?;
        notes.flush()?;
        let mut line = String::new();
        if answers.read_line(&mut line)? == 0 {
            return Err(Failure::WrongUse("not all questions were answered".to_owned()));
        }
        if draft.answer(*question, &line).is_err() {
            writeln!(notes, "{:?} is no answer to this:", line.trim())?;
        }
    }
    let folder = arguments.out.clone().unwrap_or_else(|| arguments.onnx.with_extension(""));
    let name = folder.file_name().map(|it| it.to_string_lossy().into_owned()).unwrap_or_default();
    let written = draft.write(&folder, arguments.name.as_deref().unwrap_or(&name), &arguments.python)?;
    let folder = folder.display();
    writeln!(notes, "{folder} is written: its answer is read by the decoder {}", written.decoder)?;
    if let Some(tensor) = written.within {
        writeln!(notes, "from the tensor {tensor} within the graph, whose last steps are left out")?;
    }
    match written.reference {
        Some(version) => writeln!(notes, "and is what onnxruntime {version} answers to its sample")?,
        None => writeln!(
            notes,
            "{} has no onnxruntime to ask: the sample holds this program's own answer, which tells a later change but \
             not a wrong answer now. `pip install onnxruntime` and write the pack again to be sure.",
            arguments.python
        )?,
    }
    writeln!(notes, "Look at what it finds: andon inspect --model {folder} --annotate found PICTURE")?;
    writeln!(notes, "Then set [thresholds] in model.toml, and say in CARD.md what it was trained on.")?;
    Ok(())
}

impl NewArguments {
    fn given(&self) -> impl Iterator<Item = (Question, &str)> {
        [
            (Question::Outputs, &self.outputs),
            (Question::Size, &self.size),
            (Question::Colour, &self.colour),
            (Question::Normalise, &self.normalise),
            (Question::Fit, &self.fit),
            (Question::Labels, &self.labels),
            (Question::OkLabels, &self.ok_labels),
            (Question::Decoder, &self.decoder),
        ]
        .into_iter()
        .filter_map(|(question, text)| Some((question, text.as_deref()?)))
    }
}

fn read_sample(path: &Path) -> Result<Pixels, Failure> {
    let refuse = |reason: String| Failure::Failed(format!("cannot use {}: {reason}", path.display()));
    let picture = read_picture(path).map_err(|error| refuse(error.to_string()))?;
    let pixels = picture.decode(Colour::Rgb).map_err(|error| refuse(error.to_string()))?;
    Ok(Arc::unwrap_or_clone(pixels))
}

impl From<DraftError> for Failure {
    fn from(error: DraftError) -> Self {
        match error {
            DraftError::Answer(text) => Self::WrongUse(text),
            other => Self::Failed(other.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(out: &Path) -> ModelCommand {
        let onnx = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/packs/shade/model.onnx");
        ModelCommand::New(Box::new(NewArguments {
            onnx,
            out: Some(out.to_owned()),
            name: None,
            size: None,
            colour: None,
            normalise: Some("signed".to_owned()),
            fit: Some("stretch".to_owned()),
            labels: None,
            ok_labels: None,
            decoder: None,
            outputs: None,
            engine: Engine::Tract,
            priors: None,
            sample: None,
            python: "/nowhere/python3".to_owned(),
        }))
    }

    #[test]
    fn on_a_terminal_questions_are_asked_until_they_are_answered() {
        let folder = tempfile::tempdir().unwrap();
        let pack = folder.path().join("pack");
        let mut notes = Vec::new();
        run(&arguments(&pack), &mut &b" , \nbright,dark\nbright\n"[..], true, &mut notes).unwrap();
        let notes = String::from_utf8(notes).unwrap();
        assert_eq!(notes.matches("its labels in their order").count(), 2, "{notes}");
        assert!(notes.contains("\",\" is no answer to this:\n"), "{notes}");
        assert!(notes.contains("(it answers ") && notes.contains("(bright, dark)"), "{notes}");
        let manifest = std::fs::read_to_string(pack.join("model.toml")).unwrap();
        assert!(manifest.contains("ok_labels = [\"bright\"]"), "{manifest}");
        let left =
            run(&arguments(&folder.path().join("other")), &mut &b"bright,dark\n"[..], true, &mut Vec::new());
        assert!(matches!(left, Err(Failure::WrongUse(_))), "{left:?}");
    }

    #[test]
    fn elsewhere_the_options_that_are_missing_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let command = arguments(&folder.path().join("pack"));
        let Err(Failure::WrongUse(told)) = run(&command, &mut std::io::empty(), false, &mut Vec::new())
        else {
            panic!("nothing was missing");
        };
        assert!(told.contains("--labels: its labels in their order"), "{told}");
    }
}
