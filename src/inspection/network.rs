//! The graph itself, run by tract.

use std::{
    io::Cursor,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use tract_onnx::prelude::*;

use crate::inspection::manifest::{Input, Layout};

/// A loaded graph with one image input and one output that matters.
pub(super) struct Network {
    plan: Arc<TypedRunnableModel>,
    shape: [usize; 4],
    name: Option<String>,
    output_shape: Vec<usize>,
}

impl Network {
    /// Reads and optimises a graph for an input of the manifest's size. Data outside the file is refused.
    ///
    /// # Errors
    /// What tract cannot do, in its words and with a remedy.
    pub(super) fn load(bytes: &[u8], input: &Input) -> Result<Self, String> {
        let loaded = catch_unwind(AssertUnwindSafe(|| Self::build(bytes, input)));
        loaded.unwrap_or_else(|_| Err("the graph is damaged; export it again".to_owned()))
    }

    fn build(bytes: &[u8], input: &Input) -> Result<Self, String> {
        let [width, height] = input.size.map(|side| side as usize);
        let channels = input.colour.channels();
        let shape = match input.layout {
            Layout::Nchw => [1, channels, height, width],
            Layout::Nhwc => [1, height, width, channels],
        };
        let tell =
            |error: TractError| format!("{error:#}; export it with static shapes and standard operators");
        let mut model = tract_onnx::onnx().model_for_read(&mut Cursor::new(bytes)).map_err(tell)?;
        let inputs = model.input_outlets().map_err(tell)?.to_vec();
        let names: Vec<String> = inputs.iter().map(|it| model.node(it.node).name.clone()).collect();
        let index = match (&input.name, names.as_slice()) {
            (Some(name), _) => names.iter().position(|it| it == name),
            (None, [_]) => Some(0),
            (None, _) => None,
        };
        let Some(index) = index else {
            return Err(format!(
                "its inputs are {}; name the one that takes the picture in model.toml, `[input]`, `name`",
                names.join(", ")
            ));
        };
        if names.len() != 1 {
            return Err(format!("it has {} inputs ({}); one is supported", names.len(), names.join(", ")));
        }
        model
            .set_input_fact(index, f32::fact(shape).into())
            .map_err(|error| format!("{error:#}; [input] in model.toml asks for the shape {shape:?}"))?;
        let typed = model.into_optimized().map_err(|error| {
            format!("{error:#}; [input] in model.toml asks for the shape {shape:?}: does it fit the graph?")
        })?;
        let fact = typed.output_fact(0).map_err(tell)?;
        let output_shape = fact
            .shape
            .as_concrete()
            .map(<[usize]>::to_vec)
            .ok_or_else(|| "its output has no fixed shape; export it with static shapes".to_owned())?;
        if fact.datum_type != f32::datum_type() {
            return Err(format!("it answers with {:?}; float32 is supported", fact.datum_type));
        }
        let plan = typed.into_runnable().map_err(tell)?;
        Ok(Self { plan, shape, name: input.name.clone(), output_shape })
    }

    /// How many values the input has.
    pub(super) fn input_len(&self) -> usize {
        self.shape.iter().product()
    }

    /// The first output's shape.
    pub(super) fn output_shape(&self) -> &[usize] {
        &self.output_shape
    }

    /// Runs the graph. A panic inside it is an error of this one frame.
    ///
    /// # Errors
    /// What went wrong, in tract's words.
    pub(super) fn run(&self, input: &[f32]) -> Result<Answer, String> {
        let tensor = Tensor::from_shape(&self.shape, input).map_err(|error| format!("{error:#}"))?;
        let run = catch_unwind(AssertUnwindSafe(|| self.plan.run(tvec!(tensor.into()))));
        match run {
            Ok(Ok(outputs)) => outputs.into_iter().next().map(Answer).ok_or_else(|| "no output".to_owned()),
            Ok(Err(error)) => Err(format!("{error:#}")),
            Err(_) => Err("the model panicked".to_owned()),
        }
    }
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Network")
            .field("input", &self.name)
            .field("shape", &self.shape)
            .finish_non_exhaustive()
    }
}

/// The values of the first output.
pub(super) struct Answer(TValue);

impl Answer {
    pub(super) fn values(&self) -> Result<&[f32], String> {
        self.0.try_as_plain_ram().and_then(|it| it.as_slice::<f32>()).map_err(|error| format!("{error:#}"))
    }
}
