use image::{ImageEncoder, codecs::png::PngEncoder};
use proptest::prelude::*;

use super::*;

fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn stripes() -> DynamicImage {
    DynamicImage::ImageRgb8(image::RgbImage::from_fn(64, 48, |x, y| {
        image::Rgb([(x * 4) as u8, (y * 5) as u8, ((x ^ y) * 3) as u8])
    }))
}

fn decode(bytes: Vec<u8>) -> Result<Arc<Pixels>, PictureError> {
    Picture::Encoded(bytes.into()).decode(Colour::Grey)
}

#[test]
fn jpeg_and_png_are_recognised_by_content() {
    for format in [ImageFormat::Png, ImageFormat::Jpeg] {
        let picture = Picture::Encoded(encoded(&stripes(), format).into());
        let grey = picture.decode(Colour::Grey).unwrap();
        assert_eq!((grey.width, grey.height, grey.channels, grey.samples.len()), (64, 48, 1, 64 * 48));
        assert_eq!(picture.decode(Colour::Rgb).unwrap().samples.len(), 64 * 48 * 3);
    }
}

#[test]
fn a_picture_cut_short_anywhere_is_refused() {
    for format in [ImageFormat::Png, ImageFormat::Jpeg] {
        let whole = encoded(&stripes(), format);
        // The last bytes of a PNG are an empty end chunk, behind all pixels.
        for end in (0..whole.len() - 12).step_by(37) {
            assert!(decode(whole[..end].to_vec()).is_err(), "{format:?} cut at {end} of {}", whole.len());
        }
    }
}

#[test]
fn zeros_behind_a_jpeg_do_no_harm() {
    let mut bytes = encoded(&stripes(), ImageFormat::Jpeg);
    bytes.extend([0; 4096]);
    assert!(decode(bytes).is_ok());
}

#[test]
fn a_bomb_is_refused_by_its_header() {
    let mut bytes = encoded(&stripes(), ImageFormat::Png);
    bytes[16..24].copy_from_slice(&[0, 1, 0, 0, 0, 1, 0, 0]);
    let checksum = png_checksum(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&checksum.to_be_bytes());
    let error = decode(bytes).unwrap_err();
    assert_eq!(error, PictureError::TooLarge { width: 65536, height: 65536, limit: MAX_MEGAPIXELS });
}

/// CRC-32 as PNG defines it (RFC 2083, appendix 15).
fn png_checksum(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    })
}

#[test]
fn one_pixel_sixteen_bits_and_text_are_refused_with_a_reason() {
    let dot = DynamicImage::new_rgb8(1, 1);
    assert!(matches!(
        decode(encoded(&dot, ImageFormat::Png)),
        Err(PictureError::TooSmall { width: 1, height: 1, .. })
    ));
    let mut deep = Vec::new();
    let samples = vec![0u8; 64 * 64 * 2];
    PngEncoder::new(&mut deep).write_image(&samples, 64, 64, image::ExtendedColorType::L16).unwrap();
    assert!(decode(deep).unwrap_err().to_string().contains("8 bits"));
    assert!(decode(b"hello".to_vec()).unwrap_err().to_string().contains("neither JPEG nor PNG"));
    assert!(decode(Vec::new()).is_err());
}

proptest! {
    #[test]
    fn no_bytes_whatever_make_the_decoder_panic(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
        let _ = decode(bytes);
    }

    #[test]
    fn no_damage_to_a_real_picture_makes_the_decoder_panic(
        at in prop::collection::vec((0usize..4000, any::<u8>()), 1..20), is_png in any::<bool>()
    ) {
        let mut bytes = encoded(&stripes(), if is_png { ImageFormat::Png } else { ImageFormat::Jpeg });
        for (place, value) in at {
            let place = place % bytes.len();
            bytes[place] = value;
        }
        let _ = decode(bytes);
    }
}
