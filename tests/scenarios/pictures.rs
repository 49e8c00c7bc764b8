//! Pictures, good and bad.

use std::{
    fs,
    path::{Path, PathBuf},
};

use image::{GrayImage, ImageBuffer, Luma};

/// A small grey picture of one shade. The pack `shade` takes dark ones for defects.
pub(crate) fn shade(path: &Path, value: u8) -> PathBuf {
    GrayImage::from_pixel(32, 32, Luma([value])).save(path).unwrap();
    path.to_owned()
}

pub(crate) const DARK: u8 = 20;
pub(crate) const BRIGHT: u8 = 230;

/// Files that a camera or a person could leave, none of which can be inspected.
pub(crate) fn bad(folder: &Path) -> Vec<PathBuf> {
    let path = |name: &str| folder.join(name);
    let whole = shade(&path("whole.jpg"), DARK);
    let jpeg = fs::read(&whole).unwrap();
    fs::remove_file(whole).unwrap();
    let whole = shade(&path("whole.png"), DARK);
    let png = fs::read(&whole).unwrap();
    fs::remove_file(whole).unwrap();

    fs::write(path("truncated.jpg"), &jpeg[..jpeg.len() / 2]).unwrap();
    fs::write(path("truncated.png"), &png[..png.len() - 20]).unwrap();
    fs::write(path("empty.png"), b"").unwrap();
    fs::write(path("text.png"), b"this is no picture").unwrap();
    fs::write(path("bomb.png"), bomb(100_000)).unwrap();
    GrayImage::new(1, 1).save(path("one.png")).unwrap();
    ImageBuffer::<Luma<u16>, _>::from_pixel(32, 32, Luma([1_000])).save(path("sixteen.png")).unwrap();
    let names =
        ["truncated.jpg", "truncated.png", "empty.png", "text.png", "bomb.png", "one.png", "sixteen.png"];
    names.map(path).to_vec()
}

/// A PNG whose few bytes claim `side` x `side` pixels.
fn bomb(side: u32) -> Vec<u8> {
    let chunk = |kind: &[u8; 4], data: &[u8]| {
        let mut chunk = (data.len() as u32).to_be_bytes().to_vec();
        chunk.extend_from_slice(kind);
        chunk.extend_from_slice(data);
        let crc = crc32(&chunk[4..]);
        chunk.extend_from_slice(&crc.to_be_bytes());
        chunk
    };
    let mut header = [side.to_be_bytes(), side.to_be_bytes()].concat();
    header.extend_from_slice(&[8, 0, 0, 0, 0]);
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    png.extend(chunk(b"IHDR", &header));
    // A deflate stream that would go on for a while.
    png.extend(chunk(b"IDAT", &[0x78, 0x9c, 0x63, 0x60, 0x18, 0x05]));
    png.extend(chunk(b"IEND", &[]));
    png
}

/// CRC-32 as PNG wants it (ISO 3309).
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, byte| {
        (0..8).fold(
            crc ^ u32::from(*byte),
            |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 },
        )
    })
}
