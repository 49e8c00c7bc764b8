//! From the bytes in a driver's buffer to a picture, or why they are none.

use std::sync::Arc;

use super::{
    device::{Grab, Streaming},
    mode::PixelFormat,
};
use crate::camera::picture::{Buffers, Layout, Picture, Raw};

/// A larger frame is no picture of a station's camera.
pub(super) const MAX_FRAME_BYTES: usize = 64 * 1024 * 1024;

/// The picture that was grabbed, or why it is none.
///
/// An error flag, no bytes, too many, too few for the format, a JPEG without its end: each was seen of real drivers, and
/// some of them look like a picture to a decoder.
pub(super) fn picture(
    grab: &Grab<'_>,
    streaming: &Streaming,
    buffers: &mut Buffers,
) -> Result<Picture, String> {
    let (length, mode) = (grab.bytes.len(), streaming.mode);
    if grab.is_damaged {
        return Err("the driver says that the frame is damaged".to_owned());
    }
    if length == 0 {
        return Err("the frame is empty".to_owned());
    }
    if length > MAX_FRAME_BYTES {
        return Err(format!("the frame has {length} bytes, at most {MAX_FRAME_BYTES} are allowed"));
    }
    let layout = match mode.format {
        PixelFormat::Mjpeg => return jpeg(grab.bytes, buffers),
        PixelFormat::Yuyv => Layout::Yuyv,
        PixelFormat::Grey => Layout::Grey,
        PixelFormat::Nv12 => Layout::Nv12,
    };
    let bytes = buffers.copy(grab.bytes);
    let raw = Raw::new(mode.size, streaming.stride, layout, streaming.levels, bytes);
    raw.map(|raw| Picture::Raw(Arc::new(raw))).map_err(|error| format!("half a frame: {error}"))
}

/// Only from the start marker to the end marker: some cameras pad their frames.
fn jpeg(bytes: &[u8], buffers: &mut Buffers) -> Result<Picture, String> {
    if !bytes.starts_with(&[0xff, 0xd8]) {
        return Err("the frame is no JPEG".to_owned());
    }
    let padding = bytes.iter().rev().take_while(|byte| **byte == 0).count();
    let bytes = &bytes[..bytes.len() - padding];
    if !bytes.ends_with(&[0xff, 0xd9]) {
        return Err("half a frame: the JPEG ends early".to_owned());
    }
    Ok(Picture::Encoded(buffers.copy(bytes)))
}

#[cfg(test)]
mod tests {
    use super::{super::mode::Mode, *};
    use crate::camera::picture::Levels;

    #[test]
    fn only_whole_frames_are_pictures() {
        let whole = [&[0xff, 0xd8][..], &[1; 100], &[0xff, 0xd9]].concat();
        let padded = [&whole[..], &[0; 50]].concat();
        let yuyv = vec![1; 32 * 32 * 2];
        let huge = vec![1; MAX_FRAME_BYTES + 1];
        let cases: [(PixelFormat, &[u8], bool, Option<&str>); 10] = [
            (PixelFormat::Mjpeg, &whole, false, None),
            (PixelFormat::Mjpeg, &padded, false, None),
            (PixelFormat::Mjpeg, &whole[..60], false, Some("half a frame")),
            (PixelFormat::Mjpeg, &whole[2..], false, Some("no JPEG")),
            (PixelFormat::Mjpeg, &whole, true, Some("damaged")),
            (PixelFormat::Mjpeg, &[], false, Some("empty")),
            (PixelFormat::Mjpeg, &huge, false, Some("at most")),
            (PixelFormat::Yuyv, &yuyv, false, None),
            (PixelFormat::Yuyv, &yuyv[..1024], false, Some("half a frame")),
            (PixelFormat::Grey, &[], false, Some("empty")),
        ];
        for (format, bytes, is_damaged, expected) in cases {
            let mode = Mode { format, size: [32, 32], rate: None };
            let streaming = Streaming { mode, stride: 0, levels: Levels::Full };
            let grab = Grab { bytes, is_damaged, sequence: 0, age: None };
            match (picture(&grab, &streaming, &mut Buffers::default()), expected) {
                (Ok(_), None) => {}
                (Err(reason), Some(words)) => assert!(reason.contains(words), "{reason}"),
                (found, expected) => panic!("{format:?}: {found:?}, not {expected:?}"),
            }
        }
    }
}
