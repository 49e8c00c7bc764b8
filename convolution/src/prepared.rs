//! A convolution in the form in which it is run: one of two ways.

use crate::{
    activation::{Activation, UNLIMITED},
    convolve::Convolution,
    direct::Direct,
    planes::Planes,
    vector::Isa,
    winograd::Winograd,
};

/// A convolution whose weights are in order, and what follows it.
#[derive(Debug)]
pub(crate) enum Prepared {
    Direct(Box<Direct>),
    Winograd(Box<Winograd>),
}

impl Prepared {
    pub(crate) fn new(
        isa: Isa,
        convolution: &Convolution,
        [input, output]: [Planes; 2],
        activation: Option<Activation>,
    ) -> Self {
        // A clamp is done in registers, all else in a step of its own.
        let (clamp, activation) = match activation {
            Some(Activation::Clamp { low, high }) => ([low, high], None),
            other => (UNLIMITED, other),
        };
        if convolution.suits_winograd(input.shape, output.shape) {
            Self::Winograd(Box::new(Winograd::new(isa, convolution, [input, output], clamp, activation)))
        } else {
            Self::Direct(Box::new(Direct::new(isa, convolution, [input, output], clamp, activation)))
        }
    }

    /// How many values it needs besides its input and output.
    pub(crate) fn scratch(&self) -> usize {
        match self {
            Self::Direct(it) => it.scratch(),
            Self::Winograd(it) => it.scratch(),
        }
    }

    /// Runs it.
    ///
    /// # Safety
    /// `input`, `residual` (null for none) and `output` are the first values of planes of the geometries for which
    /// this was made (the residual's is the output's); `scratch` has as many values as asked for. What is written is
    /// not read.
    pub(crate) unsafe fn run(
        &self,
        isa: Isa,
        input: *const f32,
        residual: *const f32,
        output: *mut f32,
        scratch: *mut f32,
    ) {
        // SAFETY: handed on.
        unsafe {
            match self {
                Self::Direct(it) => it.run(isa, input, residual, output, scratch),
                Self::Winograd(it) => it.run(isa, input, residual, output, scratch),
            }
        }
    }
}
