//! A folder of pictures as a source of frames.

/// Stands for the real one until it is written.
#[derive(Debug)]
pub struct Folder;

/// Stands for the real one until it is written.
#[derive(Debug)]
pub struct Pace;
