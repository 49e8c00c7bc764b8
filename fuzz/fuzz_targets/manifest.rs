//! A pack's manifest of any bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| andon::inspection::hostile::manifest(bytes));
