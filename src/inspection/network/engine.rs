//! What runs a graph, as seen by what prepares pictures and reads answers.

use std::{path::PathBuf, str::FromStr, time::Duration};

use crate::inspection::decode::Answer;

/// A loaded graph with one image input and the outputs that a decoder reads.
///
/// There is a trait because there are two that keep it: tract, which is built in, and onnxruntime, a library of the
/// machine. It lives as long as its inspector, and so do its input and whatever else can be kept between two pictures.
pub(in crate::inspection) trait Network: Send {
    /// Another that shares the graph and its weights, for another thread; nothing was run on it yet.
    ///
    /// # Errors
    /// When the engine cannot start another, in its words.
    fn another(&self) -> Result<Box<dyn Network>, String>;

    /// The lengths of the input's axes.
    fn shape(&self) -> [usize; 4];

    /// The input's values in row-major order, for the next picture to be written into.
    ///
    /// # Errors
    /// When the engine does not give its input away.
    fn input(&mut self) -> Result<&mut [f32], String>;

    /// Runs the graph on what stands in its input; gives the outputs in the decoder's order.
    ///
    /// # Errors
    /// What went wrong, in the engine's words. A panic is an error of this one picture.
    fn run(&mut self) -> Result<Vec<Answer<'_>>, String>;

    /// Runs the graph on what stands in its input and gives what each of its operators took, in the order in which they
    /// ran; none where the engine does not tell.
    ///
    /// # Errors
    /// As [`Network::run`].
    fn steps(&mut self) -> Result<Vec<Step>, String> {
        Ok(Vec::new())
    }
}

/// One operator of a graph at work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its kind, as the engine calls it.
    pub operator: String,
    /// Its name in the graph, where the engine kept that.
    pub node: String,
    /// The shape of what it made, after that of what it was given where the engine tells: `1,3,320,320 > 1,16,160,160`.
    pub shapes: String,
    /// The time that it took.
    pub took: Duration,
}

/// What runs the graph.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Engine {
    /// tract, which is built in.
    #[default]
    Tract,
    /// onnxruntime, where this program was built with its feature.
    OnnxRuntime {
        /// The path of its library; without it, `ORT_DYLIB_PATH` or the system's own search says where it is.
        library: Option<PathBuf>,
    },
}

impl FromStr for Engine {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "tract" => Ok(Self::Tract),
            "onnxruntime" => Ok(Self::OnnxRuntime { library: None }),
            _ => Err("no engine; there are tract and onnxruntime".to_owned()),
        }
    }
}
