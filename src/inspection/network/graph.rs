//! A graph as it stands in its file: its input, its outputs, the tensors within.

use std::{
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
};

use tract_onnx::{
    prelude::*,
    tract_core::ops::{Op, unimpl::UnimplementedOp},
    tract_hir::{
        infer::{Factoid, ShapeFactoid},
        internal::DimLike,
    },
};

use super::{bounds, fault::tell, file};
use crate::inspection::{
    decode::Pick,
    manifest::{Input, Layout},
};

/// A graph whose input has the manifest's shape.
pub(super) struct Opened {
    pub(super) model: InferenceModel,
    pub(super) shape: [usize; 4],
    /// What the input takes: some exports want half floats, some the picture's bytes.
    pub(super) kind: DatumType,
}

/// Reads a graph and fixes its input's shape.
///
/// # Errors
/// What tract cannot read, or why it does not take the manifest's pictures.
pub(super) fn open(bytes: &[u8], input: &Input) -> Result<Opened, String> {
    let shape = shape(input);
    let mut model = tract_onnx::onnx().model_for_proto_model(&file::decode(bytes)?).map_err(tell)?;
    let index = picture_input(&model, input.name.as_deref())?;
    let declared = model.input_fact(index).map_err(tell)?;
    if !takes(&declared.shape, &shape) {
        return Err(format!(
            "its input takes {:?}, [input] in model.toml asks for {shape:?}: correct `size`, `colour` or `layout`, or \
             export it with open dimensions",
            declared.shape
        ));
    }
    let kind = declared.datum_type.concretize().unwrap_or_else(f32::datum_type);
    if ![f32::datum_type(), f16::datum_type(), u8::datum_type()].contains(&kind) {
        return Err(format!("its input takes {kind:?}; float32, float16 and uint8 are supported"));
    }
    model
        .set_input_fact(index, kind.fact(shape).into())
        .map_err(|error| format!("{error:#}; [input] in model.toml asks for the shape {shape:?}"))?;
    Ok(Opened { model, shape, kind })
}

/// The lengths of the input's axes.
pub(super) fn shape(input: &Input) -> [usize; 4] {
    let [width, height] = input.size.map(|side| side as usize);
    let channels = input.colour.channels();
    match input.layout {
        Layout::Nchw => [1, channels, height, width],
        Layout::Nhwc => [1, height, width, channels],
    }
}

/// Whether an input that is declared so can be given this shape: what is open is fixed by it.
fn takes(declared: &ShapeFactoid, shape: &[usize; 4]) -> bool {
    let lengths: Vec<_> =
        declared.dims().map(|it| it.concretize().and_then(|it| it.to_usize().ok())).collect();
    let may_be = |(declared, length): (&Option<usize>, &usize)| {
        matches!(declared, None | Some(0)) || *declared == Some(*length)
    };
    (declared.is_open() || lengths.len() == shape.len()) && lengths.iter().zip(shape).all(may_be)
}

/// Leaves of a graph what these outputs need, which must be what tract has operators for.
///
/// # Errors
/// Names the output or the operator that is missing.
pub(super) fn select(model: &mut InferenceModel, outputs: &[Pick]) -> Result<(), String> {
    let wanted = find_outputs(model, outputs)?;
    model.select_output_outlets(&wanted).map_err(tell)?;
    let missing: BTreeSet<String> = (model.eval_order().map_err(tell)?.iter())
        .filter_map(|node| model.node(*node).op_as::<UnimplementedOp>())
        .map(|operator| {
            let name = operator.name();
            let inner = name.strip_prefix("Unimplemented(").and_then(|it| it.strip_suffix(')'));
            inner.unwrap_or(&name).to_owned()
        })
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = missing.into_iter().collect();
    Err(format!(
        "it needs the operator {}, which tract does not have; export the model without it, or name a tensor before it \
         as the output",
        names.join(" and ")
    ))
}

/// Names and shapes of tensors within a graph in the order in which they are computed, as far as they are known
/// before anything runs.
///
/// # Errors
/// What tract cannot do, in its words.
pub(in crate::inspection) fn tensors(
    bytes: &[u8],
    input: &Input,
) -> Result<Vec<(String, Vec<usize>)>, String> {
    let find = || {
        let mut model = open(bytes, input)?.model;
        bounds::analyse(&mut model, false)?;
        let known = |node: &usize| {
            let outlet = OutletId::new(*node, 0);
            let shape = model.outlet_fact(outlet).ok()?.shape.as_concrete_finite().ok()??;
            Some((model.outlet_label(outlet)?.to_owned(), shape.to_vec()))
        };
        Ok(model.eval_order().map_err(tell)?.iter().filter_map(known).collect())
    };
    guarded(find)
}

/// Does what may panic in tract where a graph is damaged.
///
/// # Errors
/// Those of the work, and a panic.
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err("the graph is damaged; export it again".to_owned()))
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
