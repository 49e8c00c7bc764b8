//! One output of the graph, as numbers with a shape.

use std::fmt;

/// Why an answer cannot be read.
#[derive(Debug, PartialEq, thiserror::Error)]
pub(in crate::inspection) enum DecodeError {
    /// Another shape than the decoder reads.
    #[error("output {output} has the shape {found:?}, decoder and labels ask for {expected}")]
    Shape {
        /// Which of the decoder's outputs, from 1.
        output: usize,
        /// As the graph has it.
        found: Vec<usize>,
        /// In words.
        expected: String,
    },
    /// Not numbers.
    #[error("the model answered with values that are not numbers")]
    NotNumbers,
    /// A label beyond those of the pack.
    #[error("the model answered with label {number}, `labels` names {labels}, numbered from 0")]
    Label {
        /// As the model gave it.
        number: f32,
        /// How many there are.
        labels: usize,
    },
}

/// One output of a model, not read yet.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// The length of each axis, the outermost first.
    pub shape: &'a [usize],
    /// In row-major order.
    pub values: &'a [f32],
}

impl<'a> Answer<'a> {
    /// The axes after the batch's, which must be one item long.
    pub(super) fn axes<const N: usize>(
        answers: &[Self],
        output: usize,
        expected: impl fmt::Display,
    ) -> Result<([usize; N], &'a [f32]), DecodeError> {
        let found = answers.get(output).map_or(&[][..], |it| it.shape);
        let refused = || DecodeError::Shape {
            output: output + 1,
            found: found.to_vec(),
            expected: expected.to_string(),
        };
        let answer = answers.get(output).ok_or_else(refused)?;
        let Some((1, axes)) = answer.shape.split_first() else { return Err(refused()) };
        let axes = <[usize; N]>::try_from(axes).map_err(|_| refused())?;
        let size = axes.iter().try_fold(1_usize, |size, axis| size.checked_mul(*axis));
        if size == Some(answer.values.len()) { Ok((axes, answer.values)) } else { Err(refused()) }
    }
}

/// An answer of another shape than this.
pub(super) fn mismatch<T>(
    answers: &[Answer<'_>],
    output: usize,
    expected: impl fmt::Display,
) -> Result<T, DecodeError> {
    let found = answers.get(output).map_or_else(Vec::new, |it| it.shape.to_vec());
    Err(DecodeError::Shape { output: output + 1, found, expected: expected.to_string() })
}
