//! What is known of a model's input and labels: by its file, or by an answer.

use super::graph::{Graph, Port};
use crate::inspection::manifest::{Fit, Input, InputColour, Layout};

/// Settled by the file or by an answer.
#[derive(Debug)]
pub(super) struct Told {
    /// How the input's axes lie, and how many channels it has.
    layout: Layout,
    channels: usize,
    pub(super) size: Option<[u32; 2]>,
    colour: Option<InputColour>,
    normalise: Option<Normalise>,
    fit: Option<Fit>,
    pub(super) labels: Option<Vec<String>>,
    pub(super) ok_labels: Option<Vec<String>>,
    pub(super) decoder: Option<String>,
    pub(super) outputs: Option<Vec<String>>,
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

impl Told {
    /// What the file says.
    ///
    /// # Errors
    /// When it takes no picture.
    pub(super) fn by(graph: &Graph) -> Result<Self, String> {
        let [input] = graph.inputs.as_slice() else {
            let names: Vec<&str> = graph.inputs.iter().map(|it| it.name.as_str()).collect();
            return Err(format!("it has {} inputs ({}); one is supported", names.len(), names.join(", ")));
        };
        let Port { name, axes, takes_bytes } = input;
        let (layout, channels, sides) = match *axes.as_slice() {
            [_, Some(channels @ (1 | 3)), height, width] => (Layout::Nchw, channels, [width, height]),
            [_, height, width, Some(channels @ (1 | 3))] => (Layout::Nhwc, channels, [width, height]),
            _ => {
                return Err(format!(
                    "its input {name} has the axes {axes:?}, not those of pictures with 1 or 3 channels"
                ));
            }
        };
        let fixed = |side: Option<usize>| side.and_then(|it| u32::try_from(it).ok());
        let size = fixed(sides[0]).zip(fixed(sides[1])).map(|(width, height)| [width, height]);
        let is_of_ultralytics = graph.says("author") == Some("Ultralytics");
        let fit = if graph.says("task") == Some("classify") { Fit::Crop } else { Fit::Letterbox };
        let colour = match channels {
            1 => Some(InputColour::Grey),
            _ => is_of_ultralytics.then_some(InputColour::Rgb),
        };
        let normalise = match takes_bytes {
            true => Some(Normalise::Bytes),
            false => is_of_ultralytics.then_some(Normalise::Unit),
        };
        Ok(Self {
            layout,
            channels,
            size: size.or(graph.size()),
            colour,
            normalise,
            fit: is_of_ultralytics.then_some(fit),
            labels: graph.labels(),
            ok_labels: None,
            decoder: None,
            outputs: None,
        })
    }

    /// What every model's pack must be told and is not.
    pub(super) fn open(&self) -> Vec<Question> {
        let open = [
            (self.size.is_none(), Question::Size),
            (self.colour.is_none(), Question::Colour),
            (self.normalise.is_none(), Question::Normalise),
            (self.fit.is_none(), Question::Fit),
            (self.labels.is_none(), Question::Labels),
        ];
        open.into_iter().filter_map(|(is_open, it)| is_open.then_some(it)).collect()
    }

    /// Takes an answer in; `None` when it is none to this question.
    pub(super) fn take(&mut self, question: Question, text: &str) -> Option<()> {
        let text = text.trim();
        let list = || -> Vec<String> {
            text.split(',').map(|it| it.trim().to_owned()).filter(|it| !it.is_empty()).collect()
        };
        match question {
            Question::Size => {
                let (width, height) = text.split_once('x')?;
                let size = [width.trim().parse().ok()?, height.trim().parse().ok()?];
                self.size = Some(size).filter(|size| size.iter().all(|side| (16..=4096).contains(side)));
                self.size?;
            }
            Question::Colour => {
                self.colour = Some(match (text, self.channels) {
                    ("grey", 1) => InputColour::Grey,
                    ("rgb", 3) => InputColour::Rgb,
                    ("bgr", 3) => InputColour::Bgr,
                    _ => return None,
                });
            }
            Question::Normalise => {
                self.normalise = Some(match text {
                    "unit" => Normalise::Unit,
                    "signed" => Normalise::Signed,
                    "bytes" => Normalise::Bytes,
                    "imagenet" if self.channels == 3 => Normalise::Imagenet,
                    _ => return None,
                });
            }
            Question::Fit => {
                self.fit = Some(match text {
                    "letterbox" => Fit::Letterbox,
                    "stretch" => Fit::Stretch,
                    "crop" => Fit::Crop,
                    _ => return None,
                });
            }
            Question::Labels => self.labels = Some(Some(list()).filter(|labels| !labels.is_empty())?),
            Question::OkLabels if text == "-" => self.ok_labels = Some(Vec::new()),
            Question::OkLabels => self.ok_labels = Some(list()),
            Question::Decoder => self.decoder = Some(text.to_owned()),
            Question::Outputs => self.outputs = Some(list()),
        }
        Some(())
    }

    /// The manifest's input, once all of it is told.
    pub(super) fn input(&self) -> Option<Input> {
        let (scale, mean, std) = self.normalise?.numbers(self.channels);
        let (size, colour, fit) = (self.size?, self.colour?, self.fit?);
        Some(Input { name: None, size, colour, layout: self.layout, fit, scale, mean, std })
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
