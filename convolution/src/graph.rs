//! What is to be computed, step by step, before it is decided how.

use crate::{
    activation::{Activation, UNLIMITED},
    convolve::Convolution,
    enlarge::Between,
    pixelwise::Pairing,
    planes::Shape,
    pool::MaxPool,
    thin::Every,
};

/// A result of a step, for the steps that follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Value(pub(crate) usize);

/// Why a step is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The inputs' shapes do not fit each other or the step's numbers.
    Shapes,
    /// It would need more memory than a network of a camera station has any use for.
    TooLarge,
}

/// More values than any picture's planes have.
const MOST_VALUES: usize = 1 << 28;

/// Steps in the order in which they are computed.
#[derive(Debug, Default)]
pub struct Graph {
    pub(crate) steps: Vec<Step>,
    pub(crate) outputs: Vec<Value>,
}

#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) shape: Shape,
}

#[derive(Debug)]
pub(crate) enum Kind {
    /// Given to each run, in the order of these steps.
    Input,
    Convolve {
        input: Value,
        convolution: Box<Convolution>,
        plus: Option<Value>,
        then: Option<Activation>,
    },
    Activate {
        input: Value,
        activation: Activation,
    },
    /// Then clamped. The second has half the rows and columns where it is half: each of its pixels is paired with four.
    Pair {
        inputs: [Value; 2],
        pairing: Pairing,
        clamp: [f32; 2],
        is_half: bool,
    },
    Pool {
        input: Value,
        pool: MaxPool,
    },
    Enlarge {
        input: Value,
        factor: [usize; 2],
    },
    Interpolate {
        input: Value,
        axes: Box<[Vec<Between>; 2]>,
    },
    Thin {
        input: Value,
        axes: [Every; 2],
    },
    Join {
        inputs: Vec<Value>,
    },
    Part {
        input: Value,
        first: usize,
    },
    /// Became a part of another step.
    Gone,
}

impl Kind {
    pub(crate) fn inputs(&self) -> Vec<Value> {
        match self {
            Self::Input | Self::Gone => Vec::new(),
            Self::Convolve { input, plus, .. } => [Some(*input), *plus].into_iter().flatten().collect(),
            Self::Activate { input, .. }
            | Self::Pool { input, .. }
            | Self::Enlarge { input, .. }
            | Self::Interpolate { input, .. }
            | Self::Thin { input, .. }
            | Self::Part { input, .. } => vec![*input],
            Self::Pair { inputs, .. } => inputs.to_vec(),
            Self::Join { inputs } => inputs.clone(),
        }
    }
}

impl Graph {
    /// The shape of a result.
    #[must_use]
    pub fn shape(&self, value: Value) -> Shape {
        self.steps[value.0].shape
    }

    /// Planes that each run is given.
    ///
    /// # Errors
    /// Where they would be empty or too large; so it is with the other steps.
    pub fn input(&mut self, name: &str, shape: Shape) -> Result<Value, Refusal> {
        self.push(name, Kind::Input, shape)
    }

    /// A convolution.
    ///
    /// # Errors
    /// Where its numbers contradict each other or the input.
    pub fn convolve(&mut self, name: &str, input: Value, convolution: Convolution) -> Result<Value, Refusal> {
        let shape = convolution.output(self.shape(input)).ok_or(Refusal::Shapes)?;
        let convolution = Box::new(convolution);
        self.push(name, Kind::Convolve { input, convolution, plus: None, then: None }, shape)
    }

    /// A function of each pixel.
    ///
    /// # Errors
    /// As of [`Graph::input`].
    pub fn activate(&mut self, name: &str, input: Value, activation: Activation) -> Result<Value, Refusal> {
        self.push(name, Kind::Activate { input, activation }, self.shape(input))
    }

    /// `pixel * factor + offset`, with a factor and an offset for each channel.
    ///
    /// # Errors
    /// Where there are not as many as channels.
    pub fn scale(
        &mut self,
        name: &str,
        input: Value,
        factors: &[f32],
        offsets: &[f32],
    ) -> Result<Value, Refusal> {
        let channels = self.shape(input).channels;
        if [factors.len(), offsets.len()] != [channels; 2] {
            return Err(Refusal::Shapes);
        }
        // The same as a convolution of single pixels, each channel by itself.
        let convolution = Convolution {
            outputs: channels,
            groups: channels,
            kernel: [1, 1],
            stride: [1, 1],
            dilation: [1, 1],
            before: [0, 0],
            after: [0, 0],
            weights: factors.to_vec(),
            bias: offsets.to_vec(),
        };
        self.convolve(name, input, convolution)
    }

    /// Sums or products of the pixels of two values of one shape.
    ///
    /// # Errors
    /// Where they have not the same shape.
    pub fn pair(&mut self, name: &str, inputs: [Value; 2], pairing: Pairing) -> Result<Value, Refusal> {
        let shape = self.shape(inputs[0]);
        if shape != self.shape(inputs[1]) {
            return Err(Refusal::Shapes);
        }
        self.push(name, Kind::Pair { inputs, pairing, clamp: UNLIMITED, is_half: false }, shape)
    }

    /// The greatest of each window.
    ///
    /// # Errors
    /// Where a window would see nothing.
    pub fn pool(&mut self, name: &str, input: Value, pool: MaxPool) -> Result<Value, Refusal> {
        let Shape { channels, height, width } = self.shape(input);
        let [height, width] = pool.output([height, width]).ok_or(Refusal::Shapes)?;
        self.push(name, Kind::Pool { input, pool }, Shape { channels, height, width })
    }

    /// Every pixel becomes a rectangle of so many rows and columns.
    ///
    /// # Errors
    /// As of [`Graph::input`].
    pub fn enlarge(&mut self, name: &str, input: Value, factor: [usize; 2]) -> Result<Value, Refusal> {
        let Shape { channels, height, width } = self.shape(input);
        let [height, width] = [height.saturating_mul(factor[0]), width.saturating_mul(factor[1])];
        self.push(name, Kind::Enlarge { input, factor }, Shape { channels, height, width })
    }

    /// Planes of so many rows and columns, each of which lies between two of the input's.
    ///
    /// # Errors
    /// Where the input has not so many.
    pub fn interpolate(
        &mut self,
        name: &str,
        input: Value,
        axes: [Vec<Between>; 2],
    ) -> Result<Value, Refusal> {
        let shape = self.shape(input);
        let is_within = |axis: &[Between], side| axis.iter().all(|it| it.first.max(it.second) < side);
        if !is_within(&axes[0], shape.height) || !is_within(&axes[1], shape.width) {
            return Err(Refusal::Shapes);
        }
        let made = Shape { channels: shape.channels, height: axes[0].len(), width: axes[1].len() };
        self.push(name, Kind::Interpolate { input, axes: Box::new(axes) }, made)
    }

    /// Some of the rows and of the columns.
    ///
    /// # Errors
    /// Where there would be none.
    pub fn thin(&mut self, name: &str, input: Value, axes: [Every; 2]) -> Result<Value, Refusal> {
        let Shape { channels, height, width } = self.shape(input);
        let [height, width] = [axes[0].of(height), axes[1].of(width)];
        self.push(name, Kind::Thin { input, axes }, Shape { channels, height, width })
    }

    /// The channels of all, one behind the other.
    ///
    /// # Errors
    /// Where their planes have not the same size.
    pub fn join(&mut self, name: &str, inputs: &[Value]) -> Result<Value, Refusal> {
        let first = self.shape(*inputs.first().ok_or(Refusal::Shapes)?);
        let size = |value: &Value| (self.shape(*value).height, self.shape(*value).width);
        if inputs.iter().any(|value| size(value) != (first.height, first.width)) {
            return Err(Refusal::Shapes);
        }
        let channels = inputs.iter().map(|value| self.shape(*value).channels).sum();
        self.push(name, Kind::Join { inputs: inputs.to_vec() }, Shape { channels, ..first })
    }

    /// Some of the channels.
    ///
    /// # Errors
    /// Where there are not so many.
    pub fn part(
        &mut self,
        name: &str,
        input: Value,
        first: usize,
        channels: usize,
    ) -> Result<Value, Refusal> {
        let shape = self.shape(input);
        if first.checked_add(channels).is_none_or(|end| end > shape.channels) {
            return Err(Refusal::Shapes);
        }
        self.push(name, Kind::Part { input, first }, Shape { channels, ..shape })
    }

    /// Says that each run shall give this.
    pub fn output(&mut self, value: Value) {
        self.outputs.push(value);
    }

    fn push(&mut self, name: &str, kind: Kind, shape: Shape) -> Result<Value, Refusal> {
        if shape.is_empty() {
            return Err(Refusal::Shapes);
        }
        let sides = [shape.channels, shape.height, shape.width];
        let size = sides.iter().try_fold(1usize, |size, side| size.checked_mul(*side));
        if size.is_none_or(|size| size > MOST_VALUES) {
            return Err(Refusal::TooLarge);
        }
        self.steps.push(Step { name: name.to_owned(), kind, shape });
        Ok(Value(self.steps.len() - 1))
    }
}
