//! A model's answer of any shape and values, read by every family of models.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| andon::inspection::hostile::decoder(bytes));
