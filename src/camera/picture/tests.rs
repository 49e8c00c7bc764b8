use std::{io::Cursor, sync::Arc};

use image::{
    DynamicImage, ExtendedColorType, ImageEncoder, ImageFormat,
    codecs::{jpeg::JpegEncoder, png::PngEncoder},
};
use proptest::prelude::*;

use super::{error::MAX_MEGAPIXELS, *};

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
fn a_jpeg_with_any_stretch_missing_is_refused_or_shows_a_picture_of_its_size() {
    let whole = encoded(&stripes(), ImageFormat::Jpeg);
    let mut refused = 0;
    for from in (600..whole.len() - 40).step_by(7) {
        let cut = [&whole[..from], &whole[from + 30..]].concat();
        match decode(cut) {
            Ok(pixels) => assert_eq!(pixels.samples.len(), 64 * 48),
            Err(_) => refused += 1,
        }
    }
    assert!(refused > 10, "{refused}");
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
    PngEncoder::new(&mut deep).write_image(&samples, 64, 64, ExtendedColorType::L16).unwrap();
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

/// Smooth and rough places, and colours.
fn scene(width: u32, height: u32) -> DynamicImage {
    DynamicImage::ImageRgb8(image::RgbImage::from_fn(width, height, |x, y| {
        let grain = (x * 7919 + y * 104_729) % 31;
        image::Rgb([
            (x * 2 + grain) as u8,
            (128.0 + 100.0 * (y as f32 / 9.0).sin()) as u8,
            ((x / 16 + y / 16) % 2 * 180 + grain) as u8,
        ])
    }))
}

fn jpeg_of(image: &DynamicImage, quality: u8) -> Picture {
    let mut bytes = Vec::new();
    image.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, quality)).unwrap();
    Picture::Encoded(bytes.into())
}

fn bytes(picture: &Picture) -> &[u8] {
    match picture {
        Picture::Encoded(bytes) => bytes,
        _ => panic!("encoded pictures are tested"),
    }
}

/// What the `image` crate makes of it.
fn reference(picture: &Picture, colour: Colour) -> Vec<u8> {
    let image = image::load_from_memory(bytes(picture)).unwrap();
    match colour {
        Colour::Grey if image.color().has_color() => {
            let luma = |it: &image::Rgb<u8>| {
                0.299 * f32::from(it[0]) + 0.587 * f32::from(it[1]) + 0.114 * f32::from(it[2])
            };
            image.into_rgb8().pixels().map(|pixel| luma(pixel).round() as u8).collect()
        }
        Colour::Grey => image.into_luma8().into_raw(),
        Colour::Rgb => image.into_rgb8().into_raw(),
    }
}

fn worst(found: &[u8], expected: &[u8]) -> u8 {
    assert_eq!(found.len(), expected.len());
    found.iter().zip(expected).map(|(a, b)| a.abs_diff(*b)).max().unwrap_or(0)
}

#[test]
fn jpegs_of_any_size_look_as_another_decoder_sees_them() {
    for (width, height) in [(64, 48), (65, 49), (71, 16), (16, 79), (200, 33)] {
        for quality in [30, 90, 100] {
            let picture = jpeg_of(&scene(width, height), quality);
            let rgb = picture.decode(Colour::Rgb).unwrap();
            assert_eq!((rgb.width, rgb.height, rgb.channels), (width, height, 3));
            assert!(
                worst(&rgb.samples, &reference(&picture, Colour::Rgb)) <= 4,
                "{width}x{height} {quality}"
            );
            let grey = jpeg_of(&DynamicImage::ImageLuma8(scene(width, height).into_luma8()), quality);
            let luma = grey.decode(Colour::Grey).unwrap();
            assert!(worst(&luma.samples, &reference(&grey, Colour::Grey)) <= 2, "{width}x{height} {quality}");
        }
    }
}

/// Written by libjpeg-turbo: colour sampled 4:2:2 as most cameras do, 4:2:0, with restart markers, progressive.
const KINDS: [(&str, &[u8]); 4] = [
    ("4:2:2", include_bytes!("tests/h2v1.jpg")),
    ("4:2:0", include_bytes!("tests/h2v2.jpg")),
    ("restarts", include_bytes!("tests/restarts.jpg")),
    ("progressive", include_bytes!("tests/progressive.jpg")),
];

#[test]
fn every_kind_of_jpeg_looks_as_another_decoder_sees_it() {
    for (kind, bytes) in KINDS {
        let picture = Picture::Encoded(bytes.to_vec().into());
        let rgb = picture.decode(Colour::Rgb).unwrap();
        let expected = reference(&picture, Colour::Rgb);
        assert!(worst(&rgb.samples, &expected) <= 6, "{kind}: {}", worst(&rgb.samples, &expected));
        // Luma as it is coded is the colours' luma but for rounding and for colours that do not exist.
        let grey = picture.decode(Colour::Grey).unwrap();
        let luma = reference(&picture, Colour::Grey);
        let far = grey.samples.iter().zip(&luma).filter(|(a, b)| a.abs_diff(**b) > 6).count();
        assert!(far * 50 < luma.len(), "{kind}: {far} of {}", luma.len());
    }
}

#[test]
fn grey_is_the_same_from_every_kind_of_file() {
    let image = scene(64, 48);
    let png = Picture::Encoded(encoded(&image, ImageFormat::Png).into()).decode(Colour::Grey).unwrap();
    let jpeg = jpeg_of(&image, 100).decode(Colour::Grey).unwrap();
    assert!(worst(&png.samples, &jpeg.samples) <= 4, "{}", worst(&png.samples, &jpeg.samples));
}

#[test]
fn a_frame_without_huffman_tables_is_decoded_with_the_usual_ones() {
    let (_, whole) = KINDS[0];
    let mut bare = Vec::new();
    let mut rest = whole;
    // Segments up to the scan; the tables are left out.
    bare.extend(&rest[..2]);
    rest = &rest[2..];
    while rest[1] != 0xda {
        let length = 2 + usize::from(u16::from_be_bytes([rest[2], rest[3]]));
        if rest[1] != 0xc4 {
            bare.extend(&rest[..length]);
        }
        rest = &rest[length..];
    }
    bare.extend(rest);
    assert!(bare.len() < whole.len());
    let picture = |bytes: &[u8]| Picture::Encoded(bytes.to_vec().into()).decode(Colour::Rgb).unwrap();
    assert_eq!(picture(&bare), picture(whole));
}

#[test]
fn a_reduced_scale_shows_the_same_picture() {
    for (kind, bytes) in KINDS.into_iter().filter(|(kind, _)| *kind != "progressive") {
        let picture = Picture::Encoded(bytes.to_vec().into());
        let full = picture.decode(Colour::Grey).unwrap();
        for shrink in [2, 4, 8] {
            let (width, height) = (full.width / shrink, full.height / shrink);
            let wanted = Wanted { detail: Detail::Both([width, height]), ..Wanted::all(Colour::Grey) };
            let mut decoder = Decoder::default();
            let (pixels, window) = decoder.decode(&picture, &wanted).unwrap();
            assert_eq!((window.shrink, window.region), (shrink, Region::whole([full.width, full.height])));
            assert_eq!(
                [pixels.width, pixels.height],
                [full.width, full.height].map(|it| it.div_ceil(shrink))
            );
            let mut difference = 0;
            for y in 0..height {
                for x in 0..width {
                    let block = (0..shrink * shrink).map(|n| {
                        let at = (y * shrink + n / shrink) * full.width + x * shrink + n % shrink;
                        u32::from(full.samples[at as usize])
                    });
                    let mean = block.sum::<u32>() / (shrink * shrink);
                    difference += mean.abs_diff(u32::from(pixels.samples[(y * pixels.width + x) as usize]));
                }
            }
            let mean = f64::from(difference) / f64::from(width * height);
            assert!(mean < 6.0, "{kind} 1/{shrink}: {mean}");
        }
    }
}

#[test]
fn a_region_outside_the_picture_is_refused() {
    for picture in [
        jpeg_of(&scene(64, 48), 90),
        Picture::Pixels(Arc::new(Pixels { width: 64, height: 48, ..Pixels::default() })),
    ] {
        let region = Some(Region { x: 40, y: 0, width: 30, height: 10 });
        let wanted = Wanted { region, ..Wanted::all(Colour::Grey) };
        assert!(matches!(Decoder::default().decode(&picture, &wanted), Err(PictureError::Region { .. })));
    }
}

proptest! {
    #[test]
    fn a_region_is_the_same_part_of_the_whole_picture(
        kind in 0..3usize, x in 0u32..120, y in 0u32..90, width in 1u32..60, height in 1u32..60, is_grey in any::<bool>()
    ) {
        let picture = Picture::Encoded(KINDS[kind].1.to_vec().into());
        let colour = if is_grey { Colour::Grey } else { Colour::Rgb };
        let whole = picture.decode(colour).unwrap();
        let region = Region { x, y, width: width.min(whole.width - x), height: height.min(whole.height - y) };
        let mut decoder = Decoder::default();
        let wanted = Wanted { region: Some(region), ..Wanted::all(colour) };
        let (pixels, window) = decoder.decode(&picture, &wanted).unwrap();
        prop_assert_eq!(window.shrink, 1);
        for row in region.y..region.y + region.height {
            let of_whole = ((row * whole.width + region.x) * u32::from(whole.channels)) as usize;
            let at = (row - window.region.y) * pixels.width + region.x - window.region.x;
            let of_part = (at * u32::from(pixels.channels)) as usize;
            let length = (region.width * u32::from(whole.channels)) as usize;
            prop_assert_eq!(&pixels.samples[of_part..][..length], &whole.samples[of_whole..][..length]);
        }
    }

    #[test]
    fn bits_that_flip_in_any_kind_of_jpeg_make_a_picture_of_its_size_or_a_refusal(
        kind in 0..4usize, at in prop::collection::vec((0usize..100_000, 0u32..8), 1..6), is_grey in any::<bool>()
    ) {
        let mut bytes = KINDS[kind].1.to_vec();
        for (place, bit) in at {
            let place = place % bytes.len();
            bytes[place] ^= 1 << bit;
        }
        let colour = if is_grey { Colour::Grey } else { Colour::Rgb };
        let mut decoder = Decoder::default();
        let wanted = Wanted { detail: Detail::Either([30, 20]), ..Wanted::all(colour) };
        if let Ok((pixels, window)) = decoder.decode(&Picture::Encoded(bytes.into()), &wanted) {
            prop_assert_eq!(
                pixels.samples.len(),
                pixels.width as usize * pixels.height as usize * usize::from(pixels.channels)
            );
            prop_assert_eq!(window.region.width.div_ceil(window.shrink), pixels.width);
        }
    }
}
