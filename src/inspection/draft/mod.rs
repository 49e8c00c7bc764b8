//! A pack for a model that came from elsewhere: what its file says is read, what it does not say is asked.

mod whole;
mod graph;
mod decoder;
mod told;
mod sample;
mod trial;
mod reference;
mod text;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

pub use told::Question;

use crate::{
    camera::Pixels,
    inspection::{
        inspector::Inspector,
        network::Engine,
        pack::{PackError, hex, read_model},
    },
};
use decoder::{Candidate, PRIORS, Tried, candidates};
use graph::Graph;
use told::Told;
use trial::Trial;

/// A pack in the making.
#[derive(Debug)]
pub struct Draft {
    bytes: Vec<u8>,
    graph: Graph,
    given: Option<Pixels>,
    engine: Engine,
    priors: Option<PathBuf>,
    told: Told,
    /// What the model answers to the sample, once its input is settled.
    tried: Option<Trial>,
}

/// Why there is no pack.
#[derive(Debug, thiserror::Error)]
pub enum DraftError {
    /// The file cannot be used.
    #[error("{file} cannot be used: {reason}")]
    Model {
        /// Its path.
        file: String,
        /// What is wrong, and the remedy.
        reason: String,
    },
    /// An answer is impossible.
    #[error("{0}")]
    Answer(String),
    /// The reference runtime does not run it.
    #[error("{0}; where it is right that it cannot, --python none asks nobody")]
    Reference(String),
    /// A file of the pack cannot be written.
    #[error("cannot write the pack: {0}")]
    Unwritten(#[from] io::Error),
    /// What was written is refused as a pack.
    #[error(transparent)]
    Refused(#[from] PackError),
}

/// A finished pack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Its decoder.
    pub decoder: String,
    /// The tensor within the graph that it reads, where it does not read the graph's outputs.
    pub within: Option<String>,
    /// The reference runtime whose answer is its sample's, if one was found; otherwise it is the answer of this
    /// program, which guards against later changes only.
    pub reference: Option<String>,
}

impl Draft {
    /// Begins with an ONNX file, and perhaps a picture such as the model will see.
    ///
    /// # Errors
    /// When the file is none, or takes no picture.
    pub fn of(file: &Path, given: Option<Pixels>) -> Result<Self, DraftError> {
        let unusable = |reason| DraftError::Model { file: file.display().to_string(), reason };
        let beside = file.parent().unwrap_or(Path::new(""));
        let bytes = whole::whole(read_model(file)?, beside).map_err(unusable)?;
        let graph = Graph::read(&bytes).map_err(unusable)?;
        let told = Told::by(&graph).map_err(unusable)?;
        Ok(Self { bytes, graph, given, engine: Engine::Tract, priors: None, told, tried: None })
    }

    /// What will run it; tract without this.
    #[must_use]
    pub fn run_by(self, engine: Engine) -> Self {
        Self { engine, tried: None, ..self }
    }

    /// The file with an SSD's priors, where its graph does not hold them: float32, four numbers a box.
    #[must_use]
    pub fn with_priors(self, priors: Option<PathBuf>) -> Self {
        Self { priors, ..self }
    }

    /// What is still to be told; empty when the pack can be written.
    ///
    /// # Errors
    /// When tract cannot run the graph, or no decoder reads what it answers.
    pub fn questions(&mut self) -> Result<Vec<Question>, String> {
        let mut open = self.told.open();
        if let (Some(input), None) = (self.told.input(), &self.tried) {
            match Trial::run(&self.bytes, &self.engine, &self.graph, &self.told, &input, self.given.as_ref())
            {
                Ok(trial) => self.tried = Some(trial),
                // With the labels there may be a way round.
                Err(_) if self.told.labels.is_none() => {}
                Err(reason) => return Err(reason),
            }
        }
        if open.is_empty() {
            match self.candidate()? {
                None => open.push(Question::Decoder),
                Some(it) if it.has_ok_labels && self.told.ok_labels.is_none() => {
                    open.push(Question::OkLabels)
                }
                Some(_) => {}
            }
        }
        Ok(open)
    }

    /// A question in words, with what is known that helps to answer it.
    #[must_use]
    pub fn ask(&self, question: Question) -> String {
        match question {
            Question::Size => {
                "width and height of the model's input in pixels (16 to 4096), such as 640x640".to_owned()
            }
            Question::Colour => "the order of its channels: rgb or bgr".to_owned(),
            Question::Normalise => {
                "what the samples of a picture become: unit (0 to 1), signed (-1 to 1), bytes \
                (0 to 255) or imagenet (unit, then ImageNet's mean and deviation)"
                    .to_owned()
            }
            Question::Fit => {
                "how a picture becomes the input's size: letterbox (all of it, grey around), stretch \
                (all of it, out of proportion) or crop (its middle)"
                    .to_owned()
            }
            Question::Labels => format!(
                "its labels in their order, separated by commas{}",
                self.tried.as_ref().map_or_else(String::new, |it| format!(" (it answers {})", it.shapes()))
            ),
            Question::OkLabels => format!(
                "which of its labels mean that nothing is wrong, separated by commas ({}); none: -",
                self.told.labels.as_deref().unwrap_or_default().join(", ")
            ),
            Question::Decoder => {
                let names: Vec<_> = self.candidates().iter().map(|it| it.decoder).collect();
                format!("the decoder that reads its answer: {}", names.join(" or "))
            }
            Question::Outputs => "the outputs that are read, separated by commas".to_owned(),
        }
    }

    /// Takes an answer in.
    ///
    /// # Errors
    /// When it is none to this question.
    pub fn answer(&mut self, question: Question, text: &str) -> Result<(), DraftError> {
        let taken = self.told.take(question, text);
        // What was tried out was tried out with another input or other outputs.
        if !matches!(question, Question::Labels | Question::OkLabels | Question::Decoder) {
            self.tried = None;
        }
        taken.ok_or_else(|| DraftError::Answer(format!("{:?} is not {}", text.trim(), self.ask(question))))
    }

    /// Writes the pack, once no question is open, into a folder that is not there yet, and loads it as `andon run` will.
    ///
    /// # Errors
    /// When a file cannot be written, or the pack is refused: then nothing is left.
    pub fn write(&self, folder: &Path, name: &str, python: &str) -> Result<Written, DraftError> {
        if folder.exists() {
            let reason = format!("{} is there already; name another with --out", folder.display());
            return Err(DraftError::Answer(reason));
        }
        let mut aside = folder.as_os_str().to_owned();
        aside.push(".part");
        let aside = PathBuf::from(aside);
        if aside.exists() {
            fs::remove_dir_all(&aside)?;
        }
        fs::create_dir_all(&aside)?;
        let written = self.fill(&aside, name, python);
        let written = written.and_then(|it| Ok(fs::rename(&aside, folder).map(|()| it)?));
        if written.is_err() {
            // Whatever stopped it is what is told.
            let _ = fs::remove_dir_all(&aside);
        }
        written
    }

    fn fill(&self, folder: &Path, name: &str, python: &str) -> Result<Written, DraftError> {
        let unready = |reason: String| DraftError::Answer(reason);
        let (Some(input), Some(trial)) = (self.told.input(), &self.tried) else {
            return Err(unready("the model's input is not settled yet".to_owned()));
        };
        let candidate = self.candidate().map_err(unready)?;
        let candidate = candidate.ok_or_else(|| unready("the decoder is not settled yet".to_owned()))?;
        let read: Vec<&Tried> = trial.outputs.iter().filter(|it| candidate.reads(&it.name)).collect();
        let file = |place: usize| match read.len() {
            1 => "parity.npy".to_owned(),
            _ => format!("parity-{}.npy", place + 1),
        };
        fs::write(folder.join("model.onnx"), &self.bytes)?;
        fs::write(folder.join("parity.png"), sample::png(&trial.sample).map_err(unready)?)?;
        let wanted: Vec<_> =
            (0..).zip(&read).map(|(place, it)| (it.name.clone(), folder.join(file(place)))).collect();
        let reference = self.ask_reference(folder, python, trial, &wanted)?;
        if reference.is_none() {
            for ((_, path), output) in wanted.iter().zip(&read) {
                fs::write(path, sample::npy(&output.shape, &output.values))?;
            }
        }
        if let Some(priors) = &self.priors {
            fs::copy(priors, folder.join(PRIORS))?;
        }
        let sha256 = hex(&Sha256::digest(&self.bytes));
        let files: Vec<String> = (0..read.len()).map(file).collect();
        let pack = text::Pack {
            name,
            sha256: &sha256,
            labels: self.told.labels.as_deref().unwrap_or_default(),
            ok_labels: self.told.ok_labels.as_deref(),
            input: &input,
            candidate: &candidate,
            parity: &files,
            reference: reference.as_deref(),
        };
        fs::write(folder.join("model.toml"), pack.manifest())?;
        fs::write(folder.join("CARD.md"), pack.card(&self.graph))?;
        Inspector::load(folder, &self.engine)?;
        let within = read.iter().map(|it| &it.name).find(|name| !self.graph.outputs.contains(name)).cloned();
        Ok(Written { decoder: candidate.decoder.to_owned(), within, reference })
    }

    /// Has onnxruntime answer, which gives outputs only: where a tensor within the graph is read, it is made one.
    fn ask_reference(
        &self,
        folder: &Path,
        python: &str,
        trial: &Trial,
        wanted: &[(String, PathBuf)],
    ) -> Result<Option<String>, DraftError> {
        let answer = |model: &Path| {
            reference::answer(python, model, trial.shape, &trial.tensor, wanted)
                .map_err(DraftError::Reference)
        };
        if wanted.iter().all(|(name, _)| self.graph.outputs.contains(name)) {
            return answer(&folder.join("model.onnx"));
        }
        let names: Vec<String> = wanted.iter().map(|(name, _)| name.clone()).collect();
        let Some(bytes) = graph::with_outputs(&self.bytes, &names) else { return Ok(None) };
        let changed = folder.join("changed.onnx");
        fs::write(&changed, bytes)?;
        let answered = answer(&changed);
        fs::remove_file(&changed)?;
        answered
    }

    fn candidates(&self) -> Vec<Candidate> {
        match (&self.tried, &self.told.labels, self.told.size) {
            (Some(trial), Some(labels), Some(size)) => {
                candidates(&trial.outputs, labels.len(), size, self.priors.is_some())
            }
            _ => Vec::new(),
        }
    }

    /// The decoder: the only one that can read the answer, or the one that was named; `None` where there is a choice.
    fn candidate(&self) -> Result<Option<Candidate>, String> {
        let found = self.candidates();
        let names: Vec<_> = found.iter().map(|it| it.decoder).collect();
        let chosen = match &self.told.decoder {
            Some(name) => found.iter().find(|it| it.decoder == name),
            None if found.len() == 1 => found.first(),
            None if !found.is_empty() => return Ok(None),
            None => None,
        };
        chosen.cloned().map(Some).ok_or_else(|| {
            let labels = self.told.labels.as_ref().map_or(0, Vec::len);
            let shapes = self.tried.as_ref().map_or_else(String::new, Trial::shapes);
            match &self.told.decoder {
                Some(name) if !names.is_empty() => {
                    format!("the decoder {name} does not read {shapes}; {} would", names.join(" or "))
                }
                _ => format!(
                    "no decoder reads {shapes} with {labels} labels; is their number right? Otherwise write the pack's \
                     model.toml by hand: models/README.md shows every decoder. If the boxes are offsets from an SSD's priors, \
                     give these with --priors"
                ),
            }
        })
    }
}

#[cfg(test)]
mod tests;
