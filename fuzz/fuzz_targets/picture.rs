//! A camera's picture of any bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| andon::inspection::hostile::picture(bytes));
