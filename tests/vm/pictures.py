"""Writes bright.png and dark.png, 32x32, and bright.jpg and dark.jpg, 640x480, into a folder: `pictures.py FOLDER`."""

import struct
import sys
import zlib


def png(shade):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\0" + bytes([shade]) * 32) * 32
    header = struct.pack(">2I5B", 32, 32, 8, 0, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def jpeg(shade, width=640, height=480):
    """One shade needs two Huffman codes: the first block's level, then "as before" for every other one."""

    def segment(marker, data):
        return bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data

    def codes(kind, short, long):
        lengths = [len(short), len(long)] + [0] * 14
        return segment(0xC4, bytes([kind]) + bytes(lengths) + bytes(short + long))

    level = shade - 128
    assert 64 <= abs(level) < 128, "seven bits"
    bits = "10" + format(level if level > 0 else level + 127, "07b") + "0" + "00" * (width * height // 64 - 1)
    bits += "1" * (-len(bits) % 8)
    data = bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8)).replace(b"\xff", b"\xff\0")
    size = struct.pack(">BHHB", 8, height, width, 1) + bytes([1, 0x11, 0])
    tables = segment(0xDB, bytes([0] + [8] * 64)) + segment(0xC0, size) + codes(0x00, [0], [7]) + codes(0x10, [0], [])
    return b"\xff\xd8" + tables + segment(0xDA, bytes([1, 1, 0, 0, 63, 0])) + data + b"\xff\xd9"


for name, shade in (("bright", 230), ("dark", 20)):
    for ending, content in (("png", png(shade)), ("jpg", jpeg(shade))):
        with open(f"{sys.argv[1]}/{name}.{ending}", "wb") as file:
            file.write(content)
