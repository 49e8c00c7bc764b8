//! The graph itself, run by tract.

use std::{
    collections::BTreeSet,
    io::Cursor,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use tract_onnx::{
    prelude::*,
    tract_core::ops::{Op, unimpl::UnimplementedOp},
    tract_hir::infer::{Factoid, InferenceModelExt},
};

use crate::inspection::{
    decode::{Answer, Pick},
    manifest::{Input, Layout},
};

/// A loaded graph with one image input and the outputs that a decoder reads.
pub(super) struct Network {
    plan: Arc<TypedRunnableModel>,
    shape: [usize; 4],
    name: Option<String>,
    /// What the graph takes: some exports want half floats, some the picture's bytes.
    kind: DatumType,
}

impl Network {
    /// Reads and optimises a graph for an input of the manifest's size, without what none of `outputs` needs. Data
    /// outside the file is refused.
    ///
    /// # Errors
    /// What tract cannot do, in its words and with a remedy.
    pub(super) fn load(bytes: &[u8], input: &Input, outputs: &[Pick]) -> Result<Self, String> {
        let loaded = catch_unwind(AssertUnwindSafe(|| Self::build(bytes, input, outputs)));
        loaded.unwrap_or_else(|_| Err("the graph is damaged; export it again".to_owned()))
    }

    fn build(bytes: &[u8], input: &Input, outputs: &[Pick]) -> Result<Self, String> {
        let (mut model, shape, kind) = open(bytes, input)?;
        let wanted = find_outputs(&model, outputs)?;
        model.select_output_outlets(&wanted).map_err(tell)?;
        let missing: BTreeSet<String> = (model.eval_order().map_err(tell)?.iter())
            .filter_map(|node| model.node(*node).op_as::<UnimplementedOp>())
            .map(|operator| {
                let name = operator.name();
                let inner = name.strip_prefix("Unimplemented(").and_then(|it| it.strip_suffix(')'));
                inner.unwrap_or(&name).to_owned()
            })
            .collect();
        if !missing.is_empty() {
            let names: Vec<String> = missing.into_iter().collect();
            return Err(format!(
                "it needs the operator {}, which tract does not have; export the model without it, or name a tensor \
                 before it as the output",
                names.join(" and ")
            ));
        }
        let typed = model.into_optimized().map_err(|error| {
            format!("{error:#}; [input] in model.toml asks for the shape {shape:?}: does it fit the graph?")
        })?;
        let plan = typed.into_runnable().map_err(tell)?;
        Ok(Self { plan, shape, name: input.name.clone(), kind })
    }

    /// Names and shapes of tensors within a graph in the order in which they are computed, as far as they are known
    /// before anything runs.
    ///
    /// # Errors
    /// What tract cannot do, in its words.
    pub(super) fn tensors(bytes: &[u8], input: &Input) -> Result<Vec<(String, Vec<usize>)>, String> {
        let find = || {
            let (mut model, ..) = open(bytes, input)?;
            // As far as it gets.
            let _ = model.analyse(true);
            let known = |node: &usize| {
                let outlet = OutletId::new(*node, 0);
                let shape = model.outlet_fact(outlet).ok()?.shape.as_concrete_finite().ok()??;
                Some((model.outlet_label(outlet)?.to_owned(), shape.to_vec()))
            };
            Ok(model.eval_order().map_err(tell)?.iter().filter_map(known).collect())
        };
        catch_unwind(AssertUnwindSafe(find))
            .unwrap_or_else(|_| Err("the graph is damaged; export it again".to_owned()))
    }

    /// The lengths of the input's axes.
    pub(super) fn shape(&self) -> [usize; 4] {
        self.shape
    }

    /// How many values the input has.
    pub(super) fn input_len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Runs the graph. A panic inside it is an error of this one frame.
    ///
    /// # Errors
    /// What went wrong, in tract's words.
    pub(super) fn run(&self, input: &[f32]) -> Result<Answers, String> {
        let tell = |error: TractError| format!("{error:#}");
        let tensor = Tensor::from_shape(&self.shape, input).map_err(tell)?;
        let tensor = tensor.cast_to_dt(self.kind).map_err(tell)?.into_owned();
        let run = catch_unwind(AssertUnwindSafe(|| self.plan.run(tvec!(tensor.into()))));
        let outputs = match run {
            Ok(Ok(outputs)) => outputs,
            Ok(Err(error)) => return Err(tell(error)),
            Err(_) => return Err("the model panicked".to_owned()),
        };
        let floats = |output: TValue| -> TractResult<TValue> {
            Ok(match output.datum_type() {
                kind if kind == f32::datum_type() => output,
                _ => output.cast_to::<f32>()?.into_owned().into(),
            })
        };
        Ok(Answers(outputs.into_iter().map(floats).collect::<TractResult<_>>().map_err(tell)?))
    }
}

/// Reads a graph and fixes its input's shape; gives that, and what the input takes.
fn open(bytes: &[u8], input: &Input) -> Result<(InferenceModel, [usize; 4], DatumType), String> {
    let [width, height] = input.size.map(|side| side as usize);
    let channels = input.colour.channels();
    let shape = match input.layout {
        Layout::Nchw => [1, channels, height, width],
        Layout::Nhwc => [1, height, width, channels],
    };
    let mut model = tract_onnx::onnx().model_for_read(&mut Cursor::new(bytes)).map_err(tell)?;
    let index = picture_input(&model, input.name.as_deref())?;
    let declared = model.input_fact(index).map_err(tell)?.datum_type.concretize();
    let kind = declared.unwrap_or_else(f32::datum_type);
    if ![f32::datum_type(), f16::datum_type(), u8::datum_type()].contains(&kind) {
        return Err(format!("its input takes {kind:?}; float32, float16 and uint8 are supported"));
    }
    model
        .set_input_fact(index, kind.fact(shape).into())
        .map_err(|error| format!("{error:#}; [input] in model.toml asks for the shape {shape:?}"))?;
    Ok((model, shape, kind))
}

fn tell(error: TractError) -> String {
    format!("{error:#}; export it with static shapes and standard operators")
}

/// The place of the input that takes the picture.
fn picture_input(model: &InferenceModel, name: Option<&str>) -> Result<usize, String> {
    let outlets = model.input_outlets().map_err(tell)?;
    let names: Vec<&str> = outlets.iter().map(|it| model.node(it.node).name.as_str()).collect();
    let place = match name {
        Some(name) => names.iter().position(|it| *it == name),
        None => (names.len() == 1).then_some(0),
    };
    match place {
        Some(place) if names.len() == 1 => Ok(place),
        Some(_) => Err(format!("it has {} inputs ({}); one is supported", names.len(), names.join(", "))),
        None => Err(format!(
            "its inputs are {}; name the one that takes the picture in model.toml, `[input]`, `name`",
            names.join(", ")
        )),
    }
}

/// Outputs by their names, or any tensor within the graph that has a name, and outputs by their places.
fn find_outputs(model: &InferenceModel, wanted: &[Pick]) -> Result<Vec<OutletId>, String> {
    let outlets = model.output_outlets().map_err(tell)?;
    let names = || {
        let names: Vec<&str> =
            outlets.iter().map(|it| model.outlet_label(*it).unwrap_or("without a name")).collect();
        names.join(", ")
    };
    wanted
        .iter()
        .map(|pick| match pick {
            Pick::Named(name) => model
                .find_outlet_label(name)
                .ok_or_else(|| format!("it has no output {name:?}; its outputs are {}", names())),
            Pick::Nth(place) => outlets.get(*place).copied().ok_or_else(|| {
                let count = wanted.len();
                format!("its outputs are {}; the decoder of [output] in model.toml reads {count}", names())
            }),
        })
        .collect()
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Network")
            .field("input", &self.name)
            .field("shape", &self.shape)
            .finish_non_exhaustive()
    }
}

/// The outputs of one run, in the decoder's order.
pub(super) struct Answers(Vec<TValue>);

impl Answers {
    /// What they hold.
    ///
    /// # Errors
    /// When tract keeps one of them elsewhere than in memory.
    pub(super) fn read(&self) -> Result<Vec<Answer<'_>>, String> {
        self.0
            .iter()
            .map(|tensor| {
                let plain = tensor.try_as_plain_ram().map_err(|error| format!("{error:#}"))?;
                let values = plain.as_slice::<f32>().map_err(|error| format!("{error:#}"))?;
                Ok(Answer { shape: tensor.shape(), values })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests;
