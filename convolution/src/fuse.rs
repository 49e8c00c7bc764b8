//! Steps that become parts of others, so that what lies between them is never written.

use crate::{
    activation::{Activation, UNLIMITED},
    graph::{Graph, Kind, Value},
    pixelwise::Pairing,
};

impl Graph {
    /// Puts factors, sums and functions that follow a convolution into it, and into a pair the doubling before it and the
    /// clamp behind it, where nobody else reads what lies between.
    pub(crate) fn fuse(&mut self) {
        for at in 0..self.steps.len() {
            while let Some(kind) = self.fused(at) {
                self.steps[at].kind = kind;
            }
        }
    }

    /// What a step is together with one that it alone reads, which is gone then.
    fn fused(&mut self, at: usize) -> Option<Kind> {
        match &self.steps[at].kind {
            Kind::Convolve { input, convolution, plus: None, then: None } if convolution.is_scale() => {
                let (input, scale) = (*input, convolution.clone());
                let mut kind = self.take_bare_convolution(input)?;
                if let Kind::Convolve { convolution, .. } = &mut kind {
                    convolution.scale(&scale);
                }
                Some(kind)
            }
            Kind::Pair { inputs: [a, b], pairing, clamp: UNLIMITED, is_half: false } => {
                let (orders, pairing) = ([[*a, *b], [*b, *a]], *pairing);
                let sum = orders.into_iter().filter(|_| pairing == Pairing::Add).find_map(|[made, added]| {
                    // What is added is there by then, for the convolution is now made where the sum was.
                    let mut kind = self.take_bare_convolution(made)?;
                    if let Kind::Convolve { plus, .. } = &mut kind {
                        *plus = Some(added);
                    }
                    Some(kind)
                });
                sum.or_else(|| {
                    orders.into_iter().find_map(|[whole, doubled]| {
                        let half = self.take_doubled(doubled)?;
                        Some(Kind::Pair { inputs: [whole, half], pairing, clamp: UNLIMITED, is_half: true })
                    })
                })
            }
            Kind::Activate { input, activation } => {
                let (input, activation) = (*input, *activation);
                let is_open = matches!(
                    (&self.steps[input.0].kind, activation),
                    (Kind::Convolve { then: None, .. }, _)
                        | (Kind::Pair { clamp: UNLIMITED, .. }, Activation::Clamp { .. })
                );
                if !is_open {
                    return None;
                }
                let mut kind = self.take(input)?;
                match (&mut kind, activation) {
                    (Kind::Convolve { then, .. }, _) => *then = Some(activation),
                    (Kind::Pair { clamp, .. }, Activation::Clamp { low, high }) => *clamp = [low, high],
                    _ => {}
                }
                Some(kind)
            }
            _ => None,
        }
    }

    /// The convolution that made this, if nothing follows it yet and nobody else reads what it made.
    fn take_bare_convolution(&mut self, made: Value) -> Option<Kind> {
        let is_bare = matches!(self.steps[made.0].kind, Kind::Convolve { plus: None, then: None, .. });
        if is_bare { self.take(made) } else { None }
    }

    /// What was doubled along both axes to make this, if nobody else reads that.
    fn take_doubled(&mut self, made: Value) -> Option<Value> {
        let Kind::Enlarge { input, factor: [2, 2] } = self.steps[made.0].kind else { return None };
        self.take(made).map(|_| input)
    }

    /// The step that made this, if only one reads it.
    fn take(&mut self, made: Value) -> Option<Kind> {
        let inputs = self.steps.iter().flat_map(|step| step.kind.inputs());
        let readers = inputs.chain(self.outputs.iter().copied()).filter(|value| *value == made).count();
        (readers == 1).then(|| std::mem::replace(&mut self.steps[made.0].kind, Kind::Gone))
    }
}
