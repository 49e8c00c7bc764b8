//! How much memory and arithmetic a graph takes, found out from its shapes before any of it is spent.

use std::collections::{BTreeSet, HashMap};

use tract_onnx::{
    ops::logic::If,
    prelude::*,
    tract_core::ops::{
        Op,
        cnn::Conv,
        konst::Const,
        logic::IfThenElse,
        scan::{Scan, iteration_count},
    },
    tract_hir::{
        infer::{Factoid, InferenceFact},
        internal::DimLike,
        ops::scan::InferenceScan,
    },
};

use super::fault::tell;

/// What stands in memory at the same time, weights not counted: more than a station has to spare.
const MAX_WORKING_BYTES: u64 = 1 << 30;

/// A convolution's input unrolled for its multiplication, where tract does that.
const MAX_PATCHES_BYTES: u64 = 4 << 30;

/// Multiplications of one picture: a station would need minutes for them.
const MAX_WORK: u64 = 1 << 40;

/// Finds the shape of every tensor as tract does, but looks at it before tract computes a value of that shape.
///
/// # Errors
/// Names the tensor that is too large, or says what does not fit. Where `stops_at_errors` is not set, only the first of
/// these is an error.
pub(super) fn analyse(model: &mut InferenceModel, stops_at_errors: bool) -> Result<(), String> {
    // What is in a circle has no order.
    model.eval_order().map_err(tell)?;
    // All of it, for so does tract, also what no output needs.
    let mut open: BTreeSet<usize> = (0..model.nodes().len()).collect();
    let mut observers: HashMap<OutletId, Vec<usize>> = HashMap::new();
    for &node in &open {
        for outlet in observed(model, node).map_err(tell)? {
            observers.entry(outlet).or_default().push(node);
        }
    }
    while let Some(node) = open.pop_first() {
        let changed = match refine(model, node) {
            Ok(changed) => changed,
            Err(Refusal::Large(reason)) => return Err(reason),
            Err(Refusal::Wrong(error)) if stops_at_errors => return Err(tell(error)),
            Err(Refusal::Wrong(_)) => continue,
        };
        for outlet in changed {
            let readers = model.node(outlet.node).outputs[outlet.slot].successors.iter().map(|it| it.node);
            let observers = observers.get(&outlet).into_iter().flatten().copied();
            open.extend(readers.chain(observers).chain([outlet.node]).filter(|it| *it != node));
        }
    }
    Ok(())
}

enum Refusal {
    Large(String),
    Wrong(TractError),
}

impl From<TractError> for Refusal {
    fn from(error: TractError) -> Self {
        Self::Wrong(error)
    }
}

fn observed(model: &InferenceModel, node: usize) -> TractResult<Vec<OutletId>> {
    let node = model.node(node);
    node.op.observe_outlets(model, node)
}

/// Learns what one operator says of the tensors around it; gives those of which more is known now.
fn refine(model: &mut InferenceModel, id: usize) -> Result<Vec<OutletId>, Refusal> {
    let observed = observed(model, id)?;
    let node = model.node(id);
    let outlets: Vec<OutletId> = (node.inputs.iter().copied())
        .chain((0..node.outputs.len()).map(|slot| OutletId::new(id, slot)))
        .chain(observed.iter().copied())
        .collect();
    let known = outlets.iter().map(|it| model.outlet_fact(*it).cloned()).collect::<TractResult<Vec<_>>>()?;
    let (inputs, rest) = known.split_at(node.inputs.len());
    let (outputs, observed) = rest.split_at(node.outputs.len());
    let name = node.name.clone();
    let operator = &mut model.node_mut(id).op;
    for body in bodies(operator.as_op_mut()) {
        analyse(body, false).map_err(Refusal::Large)?;
    }
    let facts = |facts: &[InferenceFact]| -> TVec<_> { facts.iter().cloned().collect() };
    let (inputs, outputs, observed) = (facts(inputs), facts(outputs), facts(observed));
    let [inputs, outputs, observed] = [&inputs, &outputs, &observed].map(|it| it.iter().collect::<TVec<_>>());
    if operator.name() == "Range"
        && range(&inputs).is_some_and(|count| count * 8.0 > MAX_WORKING_BYTES as f64)
    {
        return Err(Refusal::Large(too_large(&name, "that its numbers say")));
    }
    let (_, shapes, _) = operator.infer_facts(inputs.clone(), outputs.clone(), observed.clone())?;
    if let Some(large) = shapes.iter().find(|it| bytes(it) > u128::from(MAX_WORKING_BYTES)) {
        return Err(Refusal::Large(too_large(&name, &format!("{:?}", large.shape))));
    }
    let (inputs, outputs, observed) = operator.infer(inputs, outputs, observed)?;
    let mut changed = Vec::new();
    for ((outlet, known), learnt) in
        outlets.iter().zip(&known).zip(inputs.iter().chain(&outputs).chain(&observed))
    {
        let now = learnt.unify(known)?;
        if now != *known {
            model.set_outlet_fact(*outlet, now)?;
            changed.push(*outlet);
        }
    }
    Ok(changed)
}

/// How many values ONNX's Range makes, which only making them tells tract.
fn range(inputs: &[&InferenceFact]) -> Option<f64> {
    let number = |fact: &&InferenceFact| fact.value.concretize()?.cast_to_scalar::<f64>().ok();
    let numbers: Vec<f64> = inputs.iter().filter_map(number).collect();
    let [from, to, by] = *numbers.as_slice() else { return None };
    Some((to - from) / by)
}

/// The graphs within an operator.
fn bodies(operator: &mut dyn Op) -> Vec<&mut InferenceModel> {
    if operator.is::<InferenceScan>() {
        return operator.downcast_mut::<InferenceScan>().map(|it| &mut it.body).into_iter().collect();
    }
    let choice = operator.downcast_mut::<If>();
    choice.map_or_else(Vec::new, |it| vec![&mut it.then_body, &mut it.else_body])
}

/// How many bytes a tensor takes, as far as that is known; at least.
fn bytes(fact: &InferenceFact) -> u128 {
    let kind = fact.datum_type.concretize().map_or(1, |kind| kind.size_of());
    let lengths = fact.shape.dims().filter_map(|it| it.concretize()?.to_usize().ok());
    lengths.fold(kind as u128, |size, length| size.saturating_mul(length as u128))
}

/// # Errors
/// When one picture would take more memory or arithmetic than a station has.
pub(super) fn weigh(model: &TypedModel) -> Result<(), String> {
    work(model).map(|_| ())
}

/// How many multiplications a graph makes; walks through it as a run would, with what stands in memory at each step.
fn work(model: &TypedModel) -> Result<u128, String> {
    let order = model.eval_order().map_err(tell)?;
    let mut last_read: HashMap<usize, usize> = HashMap::new();
    for (step, id) in order.iter().enumerate() {
        last_read.insert(*id, step);
        last_read.extend(model.node(*id).inputs.iter().map(|it| (it.node, step)));
    }
    last_read.extend(model.output_outlets().map_err(tell)?.iter().map(|it| (it.node, usize::MAX)));
    let mut freed: HashMap<usize, u128> = HashMap::new();
    let (mut live, mut all) = (0_u128, 0_u128);
    for (step, id) in order.iter().enumerate() {
        let node = model.node(*id);
        if node.op_is::<Const>() {
            continue;
        }
        let size: u128 =
            node.outputs.iter().map(|it| it.fact.datum_type.size_of() as u128 * volume(&it.fact)).sum();
        live += size;
        *freed.entry(last_read.get(id).copied().unwrap_or(step)).or_default() += size;
        if live > u128::from(MAX_WORKING_BYTES) || patches(node) > u128::from(MAX_PATCHES_BYTES) {
            let shapes: Vec<_> = node.outputs.iter().map(|it| format!("{:?}", it.fact.shape)).collect();
            return Err(too_large(&node.name, &shapes.join(", ")));
        }
        all = all.saturating_add(work_of(model, node)?);
        if all > u128::from(MAX_WORK) {
            return Err(format!(
                "it takes more than {MAX_WORK} multiplications a picture, for which a station would need minutes"
            ));
        }
        live -= freed.remove(&step).unwrap_or_default();
    }
    Ok(all)
}

fn work_of(model: &TypedModel, node: &TypedNode) -> Result<u128, String> {
    let inputs = model.node_input_facts(node.id).map_err(tell)?;
    if let Some(scan) = node.op_as::<Scan>() {
        let turns =
            iteration_count(&scan.input_mapping, &inputs).and_then(|it| it.to_usize().ok()).unwrap_or(1);
        return Ok(work(&scan.body)?.saturating_mul(turns as u128));
    }
    if let Some(choice) = node.op_as::<IfThenElse>() {
        return Ok(work(&choice.then_body)?.max(work(&choice.else_body)?));
    }
    let costs = node.op.cost(&inputs).map_err(tell)?;
    let counted = costs.iter().filter(|(kind, _)| kind.is_compute()).filter_map(|(_, it)| it.to_i64().ok());
    let moved: u128 = node.outputs.iter().map(|it| volume(&it.fact)).sum();
    Ok(counted.map(|it| u128::from(it.unsigned_abs())).fold(moved, u128::saturating_add))
}

/// Bytes of a convolution's input unrolled for its multiplication.
fn patches(node: &TypedNode) -> u128 {
    let Some(conv) = node.op_as::<Conv>() else { return 0 };
    let kernel: u128 = conv.pool_spec.kernel_shape.iter().map(|it| *it as u128).product();
    let (inputs, outputs) = (conv.pool_spec.input_channels as u128, conv.pool_spec.output_channels as u128);
    let places = node.outputs.first().map_or(0, |it| volume(&it.fact)) / outputs.max(1);
    4 * kernel * inputs * places
}

/// Values of a tensor; an axis whose length is known only at work counts as one.
fn volume(fact: &TypedFact) -> u128 {
    let lengths = fact.shape.iter().filter_map(|it| it.to_usize().ok());
    lengths.fold(1, |volume, length| volume.saturating_mul(length as u128))
}

fn too_large(name: &str, shape: &str) -> String {
    format!(
        "it needs more than {} MiB for one picture at {name}, of the shape {shape}; does the graph fit [input] in \
         model.toml?",
        MAX_WORKING_BYTES >> 20
    )
}
