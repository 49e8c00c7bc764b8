//! An ONNX file of any bytes, loaded and run.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| andon::inspection::hostile::graph(bytes));
