//! A pack for a model that came from elsewhere: what its file says is read, what it does not say is asked.

mod graph;
mod decoder;
mod reference;
mod sample;
mod text;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use crate::{
    camera::Pixels,
    inspection::{
        Region,
        decode::Pick,
        inspector::Inspector,
        manifest::{Fit, Input, InputColour, Layout},
        network::Network,
        pack::{PackError, hex, read_model},
        prepare::Preparation,
    },
};
use decoder::{Candidate, Tried, candidates};
use graph::Graph;

/// A pack in the making.
#[derive(Debug)]
pub struct Draft {
    bytes: Vec<u8>,
    graph: Graph,
    channels: usize,
    layout: Layout,
    given: Option<Pixels>,
    told: Told,
    /// What the model answers to the sample, once its input is settled.
    tried: Option<Trial>,
}

#[derive(Debug)]
struct Trial {
    sample: Pixels,
    shape: [usize; 4],
    tensor: Vec<f32>,
    outputs: Vec<Tried>,
}

/// Settled by the file or by an answer.
#[derive(Debug, Default)]
struct Told {
    size: Option<[u32; 2]>,
    colour: Option<InputColour>,
    normalise: Option<Normalise>,
    fit: Option<Fit>,
    labels: Option<Vec<String>>,
    ok_labels: Option<Vec<String>>,
    decoder: Option<String>,
    outputs: Option<Vec<String>>,
}

/// What a sample 0..=255 becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Normalise {
    /// 0..=1.
    Unit,
    /// -1..=1.
    Signed,
    /// 0..=255.
    Bytes,
    /// 0..=1, less the mean and divided by the standard deviation of ImageNet's pictures.
    Imagenet,
}

/// What a draft may be asked to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// Width and height of the input, `WxH`.
    Size,
    /// The order of the channels.
    Colour,
    /// What a sample becomes.
    Normalise,
    /// How a picture becomes the input's size.
    Fit,
    /// The labels, separated by commas.
    Labels,
    /// Those of them that are no finding.
    OkLabels,
    /// The decoder, where several can read the answer.
    Decoder,
    /// Names of the outputs, or of tensors within the graph, that are read; never asked.
    Outputs,
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
        let bytes = read_model(file)?;
        let unusable = |reason| DraftError::Model { file: file.display().to_string(), reason };
        let graph = Graph::read(&bytes).map_err(unusable)?;
        let [input] = graph.inputs.as_slice() else {
            let names: Vec<&str> = graph.inputs.iter().map(|it| it.name.as_str()).collect();
            let reason = format!("it has {} inputs ({}); one is supported", names.len(), names.join(", "));
            return Err(unusable(reason));
        };
        let (layout, channels, sides) = match *input.axes {
            [_, Some(channels @ (1 | 3)), height, width] => (Layout::Nchw, channels, [width, height]),
            [_, height, width, Some(channels @ (1 | 3))] => (Layout::Nhwc, channels, [width, height]),
            _ => {
                let reason = format!(
                    "its input {} has the axes {:?}, not those of pictures with 1 or 3 channels",
                    input.name, input.axes
                );
                return Err(unusable(reason));
            }
        };
        let fixed = |side: Option<usize>| side.and_then(|it| u32::try_from(it).ok());
        let mut told = Told {
            size: fixed(sides[0])
                .zip(fixed(sides[1]))
                .map(|(width, height)| [width, height])
                .or(graph.size()),
            colour: (channels == 1).then_some(InputColour::Grey),
            normalise: input.takes_bytes.then_some(Normalise::Bytes),
            labels: graph.labels(),
            ..Told::default()
        };
        if graph.is_of_ultralytics() {
            told.colour = told.colour.or(Some(InputColour::Rgb));
            told.normalise = told.normalise.or(Some(Normalise::Unit));
            let is_classifier = graph.says("task") == Some("classify");
            told.fit = Some(if is_classifier { Fit::Crop } else { Fit::Letterbox });
        }
        Ok(Self { bytes, graph, channels, layout, given, told, tried: None })
    }

    /// What is still to be told; empty when the pack can be written.
    ///
    /// # Errors
    /// When tract cannot run the graph, or no decoder reads what it answers.
    pub fn questions(&mut self) -> Result<Vec<Question>, String> {
        let told = &self.told;
        let open = [
            (told.size.is_none(), Question::Size),
            (told.colour.is_none(), Question::Colour),
            (told.normalise.is_none(), Question::Normalise),
            (told.fit.is_none(), Question::Fit),
        ];
        let mut open: Vec<Question> =
            open.into_iter().filter_map(|(is_open, it)| is_open.then_some(it)).collect();
        if told.labels.is_none() {
            open.push(Question::Labels);
        }
        if let Some(input) = self.input() {
            match self.try_out(&input) {
                // With the labels there may be a way round.
                Err(_) if self.told.labels.is_none() => {}
                done => done?,
            }
        }
        if open.is_empty() {
            let candidate = self.candidate()?;
            match candidate {
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
            Question::Size => "width and height of the model's input in pixels, such as 640x640".to_owned(),
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
        let refuse = || DraftError::Answer(format!("{text:?} is not {}", self.ask(question)));
        let text = text.trim();
        let list = || -> Vec<String> {
            text.split(',').map(|it| it.trim().to_owned()).filter(|it| !it.is_empty()).collect()
        };
        match question {
            Question::Size => {
                let (width, height) = text.split_once('x').ok_or_else(refuse)?;
                let size = [width, height].map(|side| side.trim().parse().unwrap_or(0));
                if size.iter().any(|side| !(16..=4096).contains(side)) {
                    return Err(DraftError::Answer(format!(
                        "{text:?}: an input has 16 to 4096 pixels a side"
                    )));
                }
                self.told.size = Some(size);
            }
            Question::Colour => {
                self.told.colour = Some(match (text, self.channels) {
                    ("grey", 1) => InputColour::Grey,
                    ("rgb", 3) => InputColour::Rgb,
                    ("bgr", 3) => InputColour::Bgr,
                    _ => return Err(refuse()),
                });
            }
            Question::Normalise => {
                self.told.normalise = Some(match text {
                    "unit" => Normalise::Unit,
                    "signed" => Normalise::Signed,
                    "bytes" => Normalise::Bytes,
                    "imagenet" if self.channels == 3 => Normalise::Imagenet,
                    _ => return Err(refuse()),
                });
            }
            Question::Fit => {
                self.told.fit = Some(match text {
                    "letterbox" => Fit::Letterbox,
                    "stretch" => Fit::Stretch,
                    "crop" => Fit::Crop,
                    _ => return Err(refuse()),
                });
            }
            Question::Labels if list().is_empty() => return Err(refuse()),
            Question::Labels => self.told.labels = Some(list()),
            Question::OkLabels if text == "-" => self.told.ok_labels = Some(Vec::new()),
            Question::OkLabels => self.told.ok_labels = Some(list()),
            Question::Decoder => self.told.decoder = Some(text.to_owned()),
            Question::Outputs => self.told.outputs = Some(list()),
        }
        // What was tried out was tried out with another input or other outputs.
        if !matches!(question, Question::Labels | Question::OkLabels | Question::Decoder) {
            self.tried = None;
        }
        Ok(())
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
        let (Some(input), Some(trial)) = (self.input(), &self.tried) else {
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
        Inspector::load(folder)?;
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

    /// The manifest's input, once all of it is told.
    fn input(&self) -> Option<Input> {
        let (scale, mean, std) = self.told.normalise?.numbers(self.channels);
        Some(Input {
            name: None,
            size: self.told.size?,
            colour: self.told.colour?,
            layout: self.layout,
            fit: self.told.fit?,
            scale,
            mean,
            std,
        })
    }

    /// Runs the model on the sample.
    fn try_out(&mut self, input: &Input) -> Result<(), String> {
        if self.tried.is_some() {
            return Ok(());
        }
        let load = |names: &[String]| {
            let picks: Vec<Pick> = names.iter().map(|name| Pick::Named(name.clone())).collect();
            Network::load(&self.bytes, input, &picks)
        };
        let mut names = self.told.outputs.as_ref().unwrap_or(&self.graph.outputs).clone();
        let network = match load(&names) {
            Ok(network) => network,
            Err(error) => {
                // Often it is only the choice of boxes in the graph that cannot be run, which decoders can do as well.
                let before =
                    self.before_choice(input).filter(|_| self.told.outputs.is_none()).ok_or(error)?;
                names = vec![before];
                load(&names)?
            }
        };
        let sample = sample::fitted(self.given.as_ref(), input)?;
        let mut tensor = vec![0.0; network.input_len()];
        let whole = Region { x: 0, y: 0, width: sample.width, height: sample.height };
        Preparation::new(input.clone()).write(&sample, whole, &mut tensor)?;
        let answers = network.run(&tensor)?;
        let outputs = names
            .iter()
            .zip(answers.read()?)
            .map(|(name, it)| Tried {
                name: name.clone(),
                shape: it.shape.to_vec(),
                values: it.values.to_vec(),
            })
            .collect();
        self.tried = Some(Trial { sample, shape: network.shape(), tensor, outputs });
        Ok(())
    }

    /// The last tensor that has a row for each cell of a detector: boxes and scores before any is chosen.
    fn before_choice(&self, input: &Input) -> Option<String> {
        let tensors = Network::tensors(&self.bytes, input).ok()?;
        let labels = self.told.labels.as_ref()?.len();
        let is_candidates = |shape: &[usize]| decoder::is_before_choice(shape, labels, input.size);
        tensors.into_iter().rev().find(|(_, shape)| is_candidates(shape)).map(|(name, _)| name)
    }

    fn candidates(&self) -> Vec<Candidate> {
        match (&self.tried, &self.told.labels, self.told.size) {
            (Some(trial), Some(labels), Some(size)) => candidates(&trial.outputs, labels.len(), size),
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
                     model.toml by hand: models/README.md shows every decoder"
                ),
            }
        })
    }
}

impl Trial {
    fn shapes(&self) -> String {
        let shapes: Vec<String> =
            self.outputs.iter().map(|it| format!("{} {:?}", it.name, it.shape)).collect();
        shapes.join(", ")
    }
}

impl Normalise {
    /// Scale, mean and standard deviation; those of ImageNet as in torchvision's models.
    fn numbers(self, channels: usize) -> (f32, Vec<f32>, Vec<f32>) {
        let same = |value: f32| vec![value; channels];
        match self {
            Self::Unit => (1.0 / 255.0, same(0.0), same(1.0)),
            Self::Signed => (1.0 / 255.0, same(0.5), same(0.5)),
            Self::Bytes => (1.0, same(0.0), same(1.0)),
            Self::Imagenet => (1.0 / 255.0, vec![0.485, 0.456, 0.406], vec![0.229, 0.224, 0.225]),
        }
    }
}

impl Question {
    /// Its option on the command line, without the dashes.
    #[must_use]
    pub fn option(self) -> &'static str {
        match self {
            Self::Size => "size",
            Self::Colour => "colour",
            Self::Normalise => "normalise",
            Self::Fit => "fit",
            Self::Labels => "labels",
            Self::OkLabels => "ok-labels",
            Self::Decoder => "decoder",
            Self::Outputs => "outputs",
        }
    }
}

#[cfg(test)]
mod tests;
