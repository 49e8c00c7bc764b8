//! Which operators of a graph become programs.

use std::collections::{BTreeMap, HashMap, HashSet};

use tract_onnx::tract_core::{
    internal::*,
    ops::{cnn::Conv, einsum::EinSum, konst::Const},
};

use super::{
    operator::PlanesOperator,
    shares::Shares,
    translate::{add, is_known, planes},
};
use crate::{Graph, Isa, Program, Value};

/// Replaces all that can be computed over padded planes in a decluttered graph. What cannot, or would not gain by it,
/// is left as it is.
///
/// # Errors
/// Where tract finds that the new graph contradicts itself.
pub fn accelerate(model: &TypedModel, isa: Isa) -> TractResult<TypedModel> {
    let mut refused = HashSet::new();
    // An operator that is refused when its turn comes splits its island: begin again without it.
    loop {
        let levels = Levels::new(model, &refused)?;
        let mut copy = Copy { source: model, target: TypedModel::default(), outlets: HashMap::new() };
        copy.target.symbols = model.symbols.clone();
        match copy.all(&levels, isa)? {
            None => return copy.finish(),
            Some(node) => refused.insert(node),
        };
    }
}

/// Operators by how often the way to them changes between those that are known and others. Those of one level can be
/// computed together: no way leads out of a level and back.
struct Levels {
    /// Of each level, whether it is one of known operators, and they in their order.
    levels: BTreeMap<usize, (bool, Vec<usize>)>,
}

impl Levels {
    fn new(model: &TypedModel, refused: &HashSet<usize>) -> TractResult<Self> {
        let mut of_node: HashMap<usize, (usize, bool)> = HashMap::new();
        let mut levels: BTreeMap<usize, (bool, Vec<usize>)> = BTreeMap::new();
        for id in model.eval_order()? {
            let node = model.node(id);
            if node.op_is::<Const>() {
                continue;
            }
            let known = !refused.contains(&id) && is_known(model, node);
            let before = node.inputs.iter().filter_map(|input| of_node.get(&input.node));
            let mut level = before.map(|(level, of)| level + usize::from(*of != known)).max().unwrap_or(0);
            // Even levels are of others, odd ones of known operators.
            level += usize::from(known != (level % 2 == 1));
            of_node.insert(id, (level, known));
            levels.entry(level).or_insert((known, Vec::new())).1.push(id);
        }
        Ok(Self { levels })
    }
}

struct Copy<'m> {
    source: &'m TypedModel,
    target: TypedModel,
    outlets: HashMap<OutletId, OutletId>,
}

impl Copy<'_> {
    /// Copies all levels; gives an operator that was refused.
    fn all(&mut self, levels: &Levels, isa: Isa) -> TractResult<Option<usize>> {
        for (known, nodes) in levels.levels.values() {
            let multiplies = |id: &usize| {
                let node = self.source.node(*id);
                node.op_is::<Conv>() || node.op_is::<EinSum>()
            };
            if *known && nodes.iter().any(multiplies) {
                if let Some(refused) = self.island(nodes, isa)? {
                    return Ok(Some(refused));
                }
            } else {
                nodes.iter().try_for_each(|id| self.node(*id, isa))?;
            }
        }
        Ok(None)
    }

    fn node(&mut self, id: usize, isa: Isa) -> TractResult<()> {
        let node = self.source.node(id);
        let inputs = self.outlets(&node.inputs)?;
        let made = if self.source.input_outlets()?.iter().any(|it| it.node == id) {
            tvec!(self.target.add_source(&*node.name, node.outputs[0].fact.clone())?)
        } else if let Some(shares) = Shares::of(self.source, node, isa) {
            self.target.wire_node(&*node.name, shares, &inputs)?
        } else {
            self.target.wire_node(&*node.name, node.op.clone(), &inputs)?
        };
        for (slot, outlet) in made.into_iter().enumerate() {
            self.outlets.insert(OutletId::new(id, slot), outlet);
        }
        Ok(())
    }

    /// Where an outlet of the source is in the target; a constant is copied when it is first asked for.
    fn outlet(&mut self, outlet: OutletId) -> TractResult<OutletId> {
        if let Some(known) = self.outlets.get(&outlet) {
            return Ok(*known);
        }
        let node = self.source.node(outlet.node);
        let made = self.target.wire_node(&*node.name, node.op.clone(), &[])?[outlet.slot];
        self.outlets.insert(outlet, made);
        Ok(made)
    }

    fn outlets(&mut self, outlets: &[OutletId]) -> TractResult<TVec<OutletId>> {
        outlets.iter().map(|it| self.outlet(*it)).collect()
    }

    /// Makes one operator of many; gives one that was refused instead.
    fn island(&mut self, nodes: &[usize], isa: Isa) -> TractResult<Option<usize>> {
        let mut graph = Graph::default();
        let mut made: HashMap<OutletId, Value> = HashMap::new();
        let mut inputs: TVec<OutletId> = TVec::new();
        for id in nodes {
            let node = self.source.node(*id);
            let mut values = Vec::new();
            for input in &node.inputs {
                let fact = self.source.outlet_fact(*input)?;
                if fact.konst.is_some() {
                    continue;
                }
                if !made.contains_key(input) {
                    let given = planes(fact).and_then(|shape| graph.input(&node.name, shape).ok());
                    let Some(given) = given else { return Ok(Some(*id)) };
                    made.insert(*input, given);
                    inputs.push(*input);
                }
                values.push(made[input]);
            }
            match add(&mut graph, self.source, node, &values) {
                Ok(value) => made.insert(OutletId::new(*id, 0), value),
                Err(_) => return Ok(Some(*id)),
            };
        }
        let inside: HashSet<usize> = nodes.iter().copied().collect();
        let ends = self.source.output_outlets()?;
        let leaves = |outlet: &OutletId| {
            let successors = &self.source.node(outlet.node).outputs[outlet.slot].successors;
            ends.contains(outlet) || successors.iter().any(|it| !inside.contains(&it.node))
        };
        let outputs: Vec<OutletId> = nodes.iter().map(|id| OutletId::new(*id, 0)).filter(leaves).collect();
        let mut facts = Vec::new();
        for outlet in &outputs {
            graph.output(made[outlet]);
            facts.push(self.source.outlet_fact(*outlet)?.without_value());
        }
        let inputs = self.outlets(&inputs)?;
        let operator = PlanesOperator::new(Program::new(graph, isa), facts);
        let name = format!("planes.{}", self.source.node(nodes[0]).name);
        for (outlet, place) in outputs.iter().zip(self.target.wire_node(name, operator, &inputs)?) {
            self.outlets.insert(*outlet, place);
        }
        Ok(None)
    }

    fn finish(mut self) -> TractResult<TypedModel> {
        // The order of the inputs is the caller's.
        let inputs = self.outlets(self.source.input_outlets()?)?;
        let outputs = self.outlets(self.source.output_outlets()?)?;
        for (from, to) in self.source.output_outlets()?.iter().zip(&outputs) {
            if let Some(label) = self.source.outlet_label(*from) {
                self.target.set_outlet_label(*to, label.to_owned())?;
            }
        }
        self.target.set_input_outlets(&inputs)?;
        self.target.select_output_outlets(&outputs)?;
        self.target.properties = self.source.properties.clone();
        Ok(self.target)
    }
}
