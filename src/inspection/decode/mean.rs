//! One answer out of those to a picture and to its mirror images: their mean.

use super::{
    answer::{Answer, DecodeError},
    decoder::Scene,
    grid_ltrb::GridLtrb,
    mirror::Mirror,
};

/// The mean of several answers, in a buffer that is kept.
#[derive(Debug, Default)]
pub(in crate::inspection) struct Mean {
    shape: Vec<usize>,
    sum: Vec<f32>,
    count: f32,
}

impl Mean {
    /// Begins with the answer to the input as it is.
    pub(in crate::inspection) fn begin(&mut self, answer: &Answer<'_>) {
        self.shape.clear();
        self.shape.extend_from_slice(answer.shape);
        self.sum.clear();
        self.sum.extend_from_slice(answer.values);
        self.count = 1.0;
    }

    /// Adds the answer to a mirror image of it.
    ///
    /// # Errors
    /// When the answer has another shape than the decoder and the labels ask for.
    pub(in crate::inspection) fn add(
        &mut self,
        decoder: &GridLtrb,
        answers: &[Answer<'_>],
        scene: &Scene<'_>,
        mirror: Mirror,
    ) -> Result<(), DecodeError> {
        decoder.add_mirrored(answers, scene, mirror, &mut self.sum)?;
        self.count += 1.0;
        Ok(())
    }

    /// The mean of what was added; nothing can be added to it any more.
    pub(in crate::inspection) fn take(&mut self) -> Answer<'_> {
        let share = 1.0 / self.count;
        self.sum.iter_mut().for_each(|value| *value *= share);
        Answer { shape: &self.shape, values: &self.sum }
    }
}
