//! What a model answers to the sample.

use super::{
    decoder::{Tried, is_before_choice},
    graph::Graph,
    sample,
    told::Told,
};
use crate::{
    camera::{Pixels, Window},
    inspection::{
        Region,
        decode::{Answer, Pick},
        manifest::Input,
        network::{self, Engine},
        prepare::Preparation,
    },
};

#[derive(Debug)]
pub(super) struct Trial {
    pub(super) sample: Pixels,
    /// The input's axes, and its values.
    pub(super) shape: [usize; 4],
    pub(super) tensor: Vec<f32>,
    pub(super) outputs: Vec<Tried>,
}

impl Trial {
    /// Runs the model on a given or a drawn picture.
    ///
    /// # Errors
    /// When tract cannot run it.
    pub(super) fn run(
        bytes: &[u8],
        engine: &Engine,
        graph: &Graph,
        told: &Told,
        input: &Input,
        given: Option<&Pixels>,
    ) -> Result<Self, String> {
        let load = |names: &[String]| {
            let picks: Vec<Pick> = names.iter().map(|name| Pick::Named(name.clone())).collect();
            network::load(engine, bytes.to_vec(), input, &picks)
        };
        let mut names = told.outputs.as_ref().unwrap_or(&graph.outputs).clone();
        let mut network = match load(&names) {
            Ok(network) => network,
            Err(error) => {
                // Often it is only the choice of boxes in the graph that cannot be run, which decoders can do as well.
                let before = before_choice(bytes, told, input).filter(|_| told.outputs.is_none());
                names = vec![before.ok_or(error)?];
                load(&names)?
            }
        };
        let sample = sample::fitted(given, input)?;
        let whole = Region { x: 0, y: 0, width: sample.width, height: sample.height };
        let shape = network.shape();
        let window = Window::whole([sample.width, sample.height]);
        let values = network.input()?;
        Preparation::new(input.clone()).write(&sample, &window, whole, values)?;
        let tensor = values.to_vec();
        let answers = network.run()?;
        let tried = |(name, answer): (&String, Answer<'_>)| Tried {
            name: name.clone(),
            shape: answer.shape.to_vec(),
            values: answer.values.to_vec(),
        };
        let outputs = names.iter().zip(answers).map(tried).collect();
        Ok(Self { sample, shape, tensor, outputs })
    }

    /// Names and shapes of what it answers.
    pub(super) fn shapes(&self) -> String {
        let shapes: Vec<String> =
            self.outputs.iter().map(|it| format!("{} {:?}", it.name, it.shape)).collect();
        shapes.join(", ")
    }
}

/// The last tensor that has a row for each cell of a detector: boxes and scores before any is chosen.
fn before_choice(bytes: &[u8], told: &Told, input: &Input) -> Option<String> {
    let labels = told.labels.as_ref()?.len();
    let tensors = network::tensors(bytes, input).ok()?;
    tensors
        .into_iter()
        .rev()
        .find(|(_, shape)| is_before_choice(shape, labels, input.size))
        .map(|(name, _)| name)
}
