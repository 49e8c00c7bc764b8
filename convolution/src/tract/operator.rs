//! A program as an operator among tract's.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tract_onnx::tract_core::internal::*;

use crate::{Memory, Program, Shape};

/// An operator that runs a [`Program`]: its inputs and outputs are dense `[1, channels, rows, columns]` or
/// `[channels, rows, columns]`.
#[derive(Clone)]
pub struct PlanesOperator {
    program: Arc<Program>,
    outputs: Vec<TypedFact>,
    /// One for each run at a time, kept for the next.
    memories: Arc<Mutex<Vec<Memory>>>,
}

impl PlanesOperator {
    pub(super) fn new(program: Program, outputs: Vec<TypedFact>) -> Self {
        Self { program: Arc::new(program), outputs, memories: Arc::default() }
    }

    /// Computes the outputs and tells of each step its name, its kind, the shape of what it made and how long it took.
    ///
    /// # Errors
    /// Where an input is not made of `f32`.
    pub fn profile(
        &self,
        inputs: TVec<TValue>,
        mut tell: impl FnMut(&str, &'static str, Shape, Duration),
    ) -> TractResult<TVec<TValue>> {
        self.with(inputs, |program, memory, inputs, outputs| {
            program.profile(memory, inputs, outputs, &mut tell);
        })
    }

    fn with(
        &self,
        inputs: TVec<TValue>,
        run: impl FnOnce(&Program, &mut Memory, &[&[f32]], &mut [&mut [f32]]),
    ) -> TractResult<TVec<TValue>> {
        let plain: TVec<_> = inputs.iter().map(|it| it.try_as_plain_ram()).collect::<TractResult<_>>()?;
        let given: TVec<&[f32]> = plain.iter().map(|it| it.as_slice::<f32>()).collect::<TractResult<_>>()?;
        let mut made: TVec<Tensor> = TVec::new();
        for fact in &self.outputs {
            let shape = fact.shape.as_concrete().context("a shape that is not known")?;
            // SAFETY: the program writes every value of its outputs before anybody reads them.
            made.push(unsafe { Tensor::uninitialized::<f32>(shape)? });
        }
        let kept = self.memories.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut memory = kept.unwrap_or_else(|| self.program.memory());
        {
            let mut plain: TVec<_> =
                made.iter_mut().map(|it| it.try_as_plain_ram_mut()).collect::<TractResult<_>>()?;
            let mut places: TVec<&mut [f32]> =
                plain.iter_mut().map(|it| it.as_slice_mut::<f32>()).collect::<TractResult<_>>()?;
            run(&self.program, &mut memory, &given, &mut places);
        }
        self.memories.lock().unwrap_or_else(PoisonError::into_inner).push(memory);
        Ok(made.into_iter().map(|it| it.into()).collect())
    }
}

impl std::fmt::Debug for PlanesOperator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PlanesOperator").field("outputs", &self.outputs).finish_non_exhaustive()
    }
}

// Two are the same if they run the same program: weights are not compared.
impl PartialEq for PlanesOperator {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.program, &other.program)
    }
}

impl Eq for PlanesOperator {}

impl Op for PlanesOperator {
    fn name(&self) -> StaticName {
        "Planes".into()
    }

    op_as_typed_op!();
}

impl EvalOp for PlanesOperator {
    op_out_of_plan!();

    fn eval(&self, _ctx: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        self.with(inputs, Program::run)
    }
}

impl TypedOp for PlanesOperator {
    as_op!();

    fn output_facts(&self, _inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(self.outputs.iter().cloned().collect())
    }
}
