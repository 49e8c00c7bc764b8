//! Whether the graph computes what its pack promises: an export that does not would condemn every item.

use std::path::Path;

use crate::{
    camera::{Colour, Picture, Pixels},
    inspection::pack::read,
};

/// Pictures and outputs larger than this are no sample.
const MAX_SAMPLE_BYTES: u64 = 64 * 1024 * 1024;

/// The sample picture, which must have the input's size so that no resampling takes part.
pub(super) fn picture(path: &Path, colour: Colour, size: [u32; 2]) -> Result<Pixels, String> {
    let bytes = read(path, MAX_SAMPLE_BYTES).map_err(|error| error.to_string())?;
    let pixels = Picture::Encoded(bytes.into()).decode(colour).map_err(|error| error.to_string())?;
    if [pixels.width, pixels.height] != size {
        let [width, height] = size;
        return Err(format!(
            "its sample {} has {}x{} pixels, not the input's {width}x{height}",
            path.display(),
            pixels.width,
            pixels.height
        ));
    }
    Ok(std::sync::Arc::unwrap_or_clone(pixels))
}

/// The float32 numbers of a NumPy file.
pub(super) fn numbers(path: &Path) -> Result<Vec<f32>, String> {
    let bytes = read(path, MAX_SAMPLE_BYTES).map_err(|error| error.to_string())?;
    parse_npy(&bytes).map_err(|reason| format!("{} {reason}", path.display()))
}

/// Compares; the tolerance is relative to the greatest absolute value that is expected.
pub(super) fn compare(found: &[f32], expected: &[f32], tolerance: f32) -> Result<(), String> {
    if found.len() != expected.len() {
        return Err(format!("it gives {} values for its sample, not {}", found.len(), expected.len()));
    }
    let greatest = expected.iter().fold(0.0f32, |greatest, value| greatest.max(value.abs()));
    let differences = found.iter().zip(expected).map(|(a, b)| (a - b).abs());
    // A NaN is the greatest difference of all, which `f32::max` would pass over.
    let worst = differences.fold(0.0f32, |worst, it| if it.is_nan() || it > worst { it } else { worst });
    if worst <= tolerance * greatest {
        return Ok(());
    }
    Err(format!(
        "its sample's output differs by {worst:.2e}, at most {:.2e} is allowed",
        tolerance * greatest
    ))
}

/// NumPy's format 1.0 (numpy.org, `numpy.lib.format`), restricted to little-endian float32 in C order.
fn parse_npy(bytes: &[u8]) -> Result<Vec<f32>, &'static str> {
    const WRONG: &str = "is no NumPy file of format 1.0 with float32 values in C order";
    let rest = bytes.strip_prefix(b"\x93NUMPY\x01\x00").ok_or(WRONG)?;
    let (length, rest) = rest.split_first_chunk::<2>().ok_or(WRONG)?;
    let (header, data) = rest.split_at_checked(usize::from(u16::from_le_bytes(*length))).ok_or(WRONG)?;
    let header = std::str::from_utf8(header).map_err(|_| WRONG)?;
    if !header.contains("'<f4'") || !header.contains("'fortran_order': False") || data.len() % 4 != 0 {
        return Err(WRONG);
    }
    Ok(data.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_beyond_the_tolerance_or_a_nan_is_told() {
        let expected = [0.0, 2.0, -4.0];
        assert_eq!(compare(&[0.003, 2.0, -4.0], &expected, 1e-3), Ok(()));
        assert!(compare(&[0.005, 2.0, -4.0], &expected, 1e-3).is_err());
        assert!(compare(&[0.0, f32::NAN, -4.0], &expected, 1e-3).is_err());
        assert!(compare(&[0.0, 2.0], &expected, 1e-3).is_err());
    }

    #[test]
    fn a_numpy_file_is_read_and_nonsense_is_refused() {
        let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n";
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend([1.5f32, -2.0].iter().flat_map(|value| value.to_le_bytes()));
        assert_eq!(parse_npy(&bytes), Ok(vec![1.5, -2.0]));
        for end in 0..bytes.len() {
            // Cut short anywhere it is refused or, between two values, shorter; it never panics.
            assert_ne!(parse_npy(&bytes[..end]), Ok(vec![1.5, -2.0]));
        }
    }
}
