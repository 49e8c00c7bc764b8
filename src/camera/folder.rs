//! A folder of pictures as a source of frames.
