//! Where each result lies in one piece of memory.

use std::collections::HashMap;

use crate::{
    graph::{Graph, Kind, Value},
    planes::{Planes, SLACK},
};

/// The place of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) planes: Planes,
    /// Of its first value.
    pub(crate) at: usize,
}

/// Every result's place, and how much memory that takes.
#[derive(Debug)]
pub(crate) struct Layout {
    places: Vec<Place>,
    pub(crate) len: usize,
}

/// A result that lies within another: channels of a joined one, or a part of one.
type Within = Vec<Option<(Value, usize)>>;

/// A piece of memory and the steps between which it is needed.
struct Piece {
    root: Value,
    len: usize,
    from: usize,
    to: usize,
}

impl Layout {
    pub(crate) fn new(graph: &Graph) -> Self {
        let pads = pads(graph);
        let planes = |value: Value| {
            let shape = graph.shape(value);
            Planes { shape, pad: pads.get(&(shape.height, shape.width)).copied().unwrap_or(0) }
        };
        let within = within(graph);
        let mut pieces = pieces(graph, &within, planes);
        let (starts, len) = arrange(&mut pieces);
        let place = |value: Value| {
            let (root, channel) = root(&within, value);
            let whole = planes(root);
            let at = starts.get(&root).map_or(0, |start| start + whole.lead() + channel * whole.plane());
            Place { planes: planes(value), at }
        };
        Self { places: (0..graph.steps.len()).map(|at| place(Value(at))).collect(), len }
    }

    pub(crate) fn place(&self, value: Value) -> Place {
        self.places[value.0]
    }
}

/// How much padding planes of each size have: as much as any convolution that makes them needs. Planes of one size
/// are alike, so that a step that goes from one to the other can run through both as one long row.
fn pads(graph: &Graph) -> HashMap<(usize, usize), usize> {
    let mut pads = HashMap::new();
    for step in &graph.steps {
        if let Kind::Convolve { input, convolution, .. } = &step.kind {
            let pad = pads.entry((step.shape.height, step.shape.width)).or_insert(0);
            *pad = convolution.padding(graph.shape(*input), step.shape).max(*pad);
        }
    }
    pads
}

fn within(graph: &Graph) -> Within {
    let mut within: Within = vec![None; graph.steps.len()];
    for (at, step) in graph.steps.iter().enumerate() {
        match &step.kind {
            Kind::Part { input, first } => within[at] = Some((*input, *first)),
            Kind::Join { inputs } => {
                let mut channel = 0;
                for input in inputs {
                    let is_made = !matches!(graph.steps[input.0].kind, Kind::Part { .. });
                    if is_made && within[input.0].is_none() {
                        within[input.0] = Some((Value(at), channel));
                    }
                    channel += graph.shape(*input).channels;
                }
            }
            _ => {}
        }
    }
    within
}

/// The result whose memory this lies in, and at which of its channels.
fn root(within: &Within, mut value: Value) -> (Value, usize) {
    let mut channel = 0;
    while let Some((next, first)) = within[value.0] {
        (value, channel) = (next, channel + first);
    }
    (value, channel)
}

fn pieces(graph: &Graph, within: &Within, planes: impl Fn(Value) -> Planes) -> Vec<Piece> {
    let mut pieces: HashMap<Value, Piece> = HashMap::new();
    let mut touch = |value: Value, step: usize| {
        let (root, _) = root(within, value);
        let new = || Piece { root, len: planes(root).len(), from: step, to: step };
        let piece = pieces.entry(root).or_insert_with(new);
        (piece.from, piece.to) = (piece.from.min(step), piece.to.max(step));
    };
    for (at, step) in graph.steps.iter().enumerate() {
        if matches!(step.kind, Kind::Gone) {
            continue;
        }
        touch(Value(at), at);
        step.kind.inputs().into_iter().for_each(|input| touch(input, at));
    }
    graph.outputs.iter().for_each(|output| touch(*output, graph.steps.len()));
    pieces.into_values().collect()
}

/// Lays each piece at the first gap that is free as long as it is needed, large ones first.
fn arrange(pieces: &mut [Piece]) -> (HashMap<Value, usize>, usize) {
    pieces.sort_by_key(|piece| (std::cmp::Reverse(piece.len), piece.root));
    let (mut starts, mut end) = (HashMap::new(), SLACK);
    let mut laid: Vec<(usize, &Piece)> = Vec::new();
    for piece in pieces.iter() {
        let len = piece.len.next_multiple_of(16);
        let mut at = SLACK;
        // `laid` is in the order of the starts.
        for (start, other) in &laid {
            let is_alive = other.from <= piece.to && piece.from <= other.to;
            if is_alive && at + len > *start {
                at = at.max(start + other.len.next_multiple_of(16));
            } else if is_alive {
                break;
            }
        }
        starts.insert(piece.root, at);
        end = end.max(at + len);
        let place = laid.partition_point(|(start, _)| *start <= at);
        laid.insert(place, (at, piece));
    }
    (starts, end)
}
