//! A graph run by tract.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Instant,
};

use convolution::{
    Isa, Shape,
    tract::{PlanesOperator, accelerate},
};
use tract_onnx::{
    prelude::*,
    tract_core::plan,
    tract_hir::{infer::InferenceModelExt, internal::TractErrorContext},
};

use super::{
    bounds,
    engine::{Network, Step},
    fault::tell,
    graph::{Opened, guarded, open, select},
};
use crate::inspection::{
    decode::{Answer, Pick},
    manifest::Input,
};

pub(super) struct Tract {
    plan: Arc<TypedRunnableModel>,
    /// What operators keep between two pictures.
    state: TypedSimpleState,
    shape: [usize; 4],
    /// What the graph takes, where that is not float32.
    kind: DatumType,
    /// Made for the first picture: a network that is there for others to be made of needs none.
    input: Option<Arc<Tensor>>,
    outputs: Vec<TValue>,
}

impl Tract {
    /// # Errors
    /// What tract cannot do, in its words and with a remedy.
    pub(super) fn load(bytes: Vec<u8>, input: &Input, outputs: &[Pick]) -> Result<Self, String> {
        guarded(|| Self::build(bytes, input, outputs))
    }

    fn build(bytes: Vec<u8>, input: &Input, outputs: &[Pick]) -> Result<Self, String> {
        let Opened { mut model, shape, kind } = open(&bytes, input)?;
        // Their place is taken by what the weights become.
        drop(bytes);
        select(&mut model, outputs)?;
        let unfit = |reason: String| {
            format!("{reason}; [input] in model.toml asks for the shape {shape:?}: does it fit the graph?")
        };
        bounds::analyse(&mut model, true).map_err(unfit)?;
        let typed = model.into_typed().map_err(|error| unfit(format!("{error:#}")))?;
        bounds::weigh(&typed)?;
        let typed = optimise(typed).map_err(|error| unfit(format!("{error:#}")))?;
        Self::start(typed.into_runnable().map_err(tell)?, shape, kind).map_err(tell)
    }

    fn start(plan: Arc<TypedRunnableModel>, shape: [usize; 4], kind: DatumType) -> TractResult<Self> {
        let state = plan.spawn()?;
        Ok(Self { plan, state, shape, kind, input: None, outputs: Vec::new() })
    }

    fn infer(&mut self) -> TractResult<()> {
        let input = self.given()?;
        let outputs = self.state.run(tvec!(input))?;
        for output in outputs {
            self.outputs.push(match output.datum_type() {
                kind if kind == f32::datum_type() => output,
                _ => output.cast_to::<f32>()?.into_owned().into(),
            });
        }
        Ok(())
    }

    /// The input as the graph takes it.
    fn given(&mut self) -> TractResult<TValue> {
        // The last picture's answers may be what an operator writes the next one's into.
        self.outputs.clear();
        let input = self.input.as_ref().context("no picture was prepared")?;
        Ok(TValue::from_const(match self.kind {
            kind if kind == f32::datum_type() => input.clone(),
            kind => input.cast_to_dt(kind)?.into_owned().into(),
        }))
    }

    fn time(&mut self) -> TractResult<Vec<Step>> {
        let input = self.given()?;
        let mut steps = Vec::new();
        self.state.run_plan_with_eval(tvec!(input), |context, state, node, inputs| {
            let given = inputs.iter().map(|it| written(it.shape())).collect::<Vec<_>>().join(" + ");
            let start = Instant::now();
            if let Some(planes) = node.op_as::<PlanesOperator>() {
                // It is many operators in one.
                return planes.profile(inputs, |name, kind, made: Shape, took| {
                    let shapes = written(&[made.channels, made.height, made.width]);
                    let (operator, node) = (format!("{} {kind}", node.op.name()), name.to_owned());
                    steps.push(Step { operator, node, shapes, took });
                });
            }
            let outputs = plan::eval(context, state, node, inputs)?;
            let took = start.elapsed();
            let made = outputs.iter().map(|it| written(it.shape())).collect::<Vec<_>>().join(" + ");
            let (operator, node) = (node.op.name().into_owned(), node.name.clone());
            steps.push(Step { operator, node, shapes: format!("{given} > {made}"), took });
            Ok::<_, TractError>(outputs)
        })?;
        Ok(steps)
    }

    /// After an error or a panic nothing of what operators kept is trusted.
    fn start_anew(&mut self, reason: String) -> String {
        match self.plan.spawn() {
            Ok(state) => self.state = state,
            Err(error) => return format!("{reason}; nor does it start anew: {error:#}"),
        }
        reason
    }
}

/// Lets tract optimise a graph, after what its own operators are slow at became operators of ours.
fn optimise(model: TypedModel) -> TractResult<TypedModel> {
    let model = model.into_decluttered()?;
    match Isa::best() {
        // tract's own kernels are better than plain code.
        Isa::Portable => model.into_optimized(),
        isa => accelerate(&model, isa)?.into_optimized(),
    }
}

impl Network for Tract {
    fn another(&self) -> Result<Box<dyn Network>, String> {
        let another = Self::start(Arc::clone(&self.plan), self.shape, self.kind);
        Ok(Box::new(another.map_err(|error| format!("tract cannot start another worker: {error:#}"))?))
    }

    fn shape(&self) -> [usize; 4] {
        self.shape
    }

    fn input(&mut self) -> Result<&mut [f32], String> {
        // An answer may be the input itself, which would otherwise be copied.
        self.outputs.clear();
        let input = match self.input.take() {
            Some(input) => input,
            None => Arc::new(Tensor::zero::<f32>(&self.shape).map_err(|error| format!("{error:#}"))?),
        };
        let view = Arc::make_mut(self.input.insert(input)).to_plain_array_view_mut::<f32>();
        let view = view.map_err(|error| format!("{error:#}"))?;
        view.into_slice().ok_or_else(|| "tract does not keep its input in one piece".to_owned())
    }

    fn run(&mut self) -> Result<Vec<Answer<'_>>, String> {
        match catch_unwind(AssertUnwindSafe(|| self.infer())) {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(self.start_anew(format!("{error:#}"))),
            Err(_) => return Err(self.start_anew("the model panicked".to_owned())),
        }
        let answers = self.outputs.iter().map(|tensor| {
            let values = tensor.try_as_plain_ram().and_then(|it| it.as_slice::<f32>());
            let values = values.map_err(|error| format!("{error:#}"))?;
            Ok(Answer { shape: tensor.shape(), values })
        });
        answers.collect()
    }

    fn steps(&mut self) -> Result<Vec<Step>, String> {
        match catch_unwind(AssertUnwindSafe(|| self.time())) {
            Ok(Ok(steps)) => Ok(steps),
            Ok(Err(error)) => Err(self.start_anew(format!("{error:#}"))),
            Err(_) => Err(self.start_anew("the model panicked".to_owned())),
        }
    }
}

fn written(shape: &[usize]) -> String {
    shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}
