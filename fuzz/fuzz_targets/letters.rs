//! What a hub sends, of any bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| andon::hub::hostile::letters(bytes));
