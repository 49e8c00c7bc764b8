//! Softmax as an operator among tract's, whose own is slow along any axis but the last.

use tract_onnx::tract_core::{
    internal::*,
    ops::nn::{Softmax, SoftmaxKind},
};

use crate::{Isa, softmax::softmax};

/// A softmax along one axis, which others stand behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shares {
    isa: Isa,
    axis: usize,
}

impl Shares {
    /// What does the same as this node, where it can be done.
    pub(super) fn of(model: &TypedModel, node: &TypedNode, isa: Isa) -> Option<Self> {
        let it = node.op_as::<Softmax>().filter(|it| it.quant_output_dt.is_none())?;
        let fact = model.outlet_fact(*node.inputs.first()?).ok()?;
        let shape = fact.shape.as_concrete().filter(|_| fact.datum_type == f32::datum_type())?;
        let [axis] = *it.axes else { return None };
        let inner: usize = shape[axis + 1..].iter().product();
        (it.kind == SoftmaxKind::Softmax && inner >= 16 && !shape.contains(&0)).then_some(Self { isa, axis })
    }
}

impl Op for Shares {
    fn name(&self) -> StaticName {
        "PlanesSoftmax".into()
    }

    op_as_typed_op!();
}

impl EvalOp for Shares {
    op_out_of_plan!();

    fn eval(&self, _ctx: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let input = args_1!(inputs);
        let shape = input.shape();
        let (count, inner) = (shape[self.axis], shape[self.axis + 1..].iter().product());
        let mut made = Tensor::zero::<f32>(shape)?;
        let fits = {
            let given = input.try_as_plain_ram()?;
            let mut plain = made.try_as_plain_ram_mut()?;
            softmax(self.isa, given.as_slice::<f32>()?, plain.as_slice_mut::<f32>()?, count, inner)
        };
        ensure!(fits, "a softmax of another shape than it was made for");
        Ok(tvec!(made.into()))
    }
}

impl TypedOp for Shares {
    as_op!();

    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(tvec!(inputs[0].without_value()))
    }
}
