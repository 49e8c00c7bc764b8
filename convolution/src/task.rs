//! What a program does, step by step, and with what.

use crate::{
    activation::Activation,
    enlarge::Between,
    graph::{Graph, Kind, Value},
    layout::{Layout, Place},
    pixelwise::Pair,
    pool::MaxPool,
    prepared::Prepared,
    thin::Every,
    vector::Isa,
};

/// One step of a program.
#[derive(Debug)]
pub(crate) enum Task {
    /// Copies what the run is given.
    Bring {
        input: usize,
        to: Place,
    },
    Convolve {
        prepared: Prepared,
        from: Source,
        plus: Option<Place>,
        to: Place,
    },
    Activate {
        activation: Activation,
        from: Place,
        to: Place,
    },
    Pair {
        pair: Pair,
        from: [Place; 2],
        is_half: bool,
        to: Place,
    },
    Pool {
        pool: MaxPool,
        from: Place,
        to: Place,
    },
    Enlarge {
        factor: [usize; 2],
        from: Place,
        to: Place,
    },
    Interpolate {
        axes: Box<[Vec<Between>; 2]>,
        from: Place,
        to: Place,
    },
    Thin {
        axes: [Every; 2],
        from: Place,
        to: Place,
    },
    /// Copies the channels of a joined result that do not lie there yet; each with its first channel.
    Join {
        from: Vec<(Place, usize)>,
        to: Place,
    },
}

/// What a convolution reads.
#[derive(Debug)]
pub(crate) enum Source {
    Given(usize),
    Made(Place),
}

impl Task {
    /// What makes a value of a graph; nothing where it is there already. `given` are the graph's inputs in their order.
    pub(crate) fn new(
        graph: &Graph,
        layout: &Layout,
        given: &[Value],
        isa: Isa,
        value: Value,
    ) -> Option<Self> {
        let to = layout.place(value);
        let place = |value: &Value| layout.place(*value);
        Some(match &graph.steps[value.0].kind {
            Kind::Input => {
                let input =
                    given.iter().position(|it| *it == value).filter(|_| !is_only_gathered(graph, value))?;
                Self::Bring { input, to }
            }
            Kind::Part { .. } | Kind::Gone => return None,
            Kind::Convolve { input, convolution, plus, then } => {
                let direct =
                    given.iter().position(|it| it == input).filter(|_| is_only_gathered(graph, *input));
                let mut planes = place(input).planes;
                if direct.is_some() {
                    planes.pad = 0;
                }
                Self::Convolve {
                    prepared: Prepared::new(isa, convolution, [planes, to.planes], *then),
                    from: direct.map_or_else(|| Source::Made(place(input)), Source::Given),
                    plus: plus.as_ref().map(place),
                    to,
                }
            }
            Kind::Activate { input, activation } => {
                Self::Activate { activation: *activation, from: place(input), to }
            }
            Kind::Pair { inputs, pairing, clamp, is_half } => {
                let pair = Pair { pairing: *pairing, clamp: *clamp };
                Self::Pair { pair, from: [place(&inputs[0]), place(&inputs[1])], is_half: *is_half, to }
            }
            Kind::Pool { input, pool } => Self::Pool { pool: *pool, from: place(input), to },
            Kind::Enlarge { input, factor } => Self::Enlarge { factor: *factor, from: place(input), to },
            Kind::Interpolate { input, axes } => {
                Self::Interpolate { axes: axes.clone(), from: place(input), to }
            }
            Kind::Thin { input, axes } => Self::Thin { axes: *axes, from: place(input), to },
            Kind::Join { inputs } => {
                let mut from = Vec::new();
                let mut channel = 0;
                for input in inputs {
                    if place(input).at != to.at + channel * to.planes.plane() {
                        from.push((place(input), channel));
                    }
                    channel += place(input).planes.shape.channels;
                }
                if from.is_empty() {
                    return None;
                }
                Self::Join { from, to }
            }
        })
    }

    /// How many values it needs besides those that it reads and makes.
    pub(crate) fn scratch(&self) -> usize {
        match self {
            Self::Convolve { prepared, .. } => prepared.scratch(),
            Self::Pool { pool, from, .. } => {
                pool.scratch([from.planes.shape.height, from.planes.shape.width])
            }
            Self::Interpolate { from, .. } => from.planes.shape.width,
            _ => 0,
        }
    }

    /// What it makes as a whole.
    pub(crate) fn made(&self) -> Option<&Place> {
        match self {
            Self::Bring { to, .. }
            | Self::Convolve { to, .. }
            | Self::Activate { to, .. }
            | Self::Pair { to, .. }
            | Self::Pool { to, .. }
            | Self::Enlarge { to, .. }
            | Self::Interpolate { to, .. }
            | Self::Thin { to, .. } => Some(to),
            // Of what it joins some was made by other steps.
            Self::Join { .. } => None,
        }
    }

    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Bring { .. } => "Bring",
            Self::Convolve { .. } => "Convolve",
            Self::Activate { .. } => "Activate",
            Self::Pair { .. } => "Pair",
            Self::Pool { .. } => "Pool",
            Self::Enlarge { .. } => "Enlarge",
            Self::Interpolate { .. } => "Interpolate",
            Self::Thin { .. } => "Thin",
            Self::Join { .. } => "Join",
        }
    }
}

/// Whether an input is read only by convolutions that take their inputs apart first, and so where it is.
fn is_only_gathered(graph: &Graph, value: Value) -> bool {
    let mut readers = graph.steps.iter().filter(|step| step.kind.inputs().contains(&value));
    !graph.outputs.contains(&value)
        && readers.all(|step| match &step.kind {
            Kind::Convolve { convolution, plus, .. } => {
                *plus != Some(value) && convolution.gathers(graph.shape(value), step.shape)
            }
            _ => false,
        })
}
