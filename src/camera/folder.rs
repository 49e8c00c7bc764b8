//! A folder of pictures as a source of frames.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use super::{Buffers, CameraError, Frame, FrameSource, Next, Picture, Taken};

/// A larger file is no picture of a station's camera; it becomes a frame that cannot be decoded.
const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024;

/// How fast a folder's pictures come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// The next one as soon as there is room for it; none is dropped.
    AsFastAsPossible,
    /// Like a camera, which does not wait: so many a second, greater than 0.
    FramesPerSecond(f64),
}

/// The pictures of a folder (or one picture) in the order of their names.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    pace: Pace,
    repeat: bool,
    pictures: Vec<PathBuf>,
    at: usize,
    sequence: u64,
    due: Option<Instant>,
    buffers: Buffers,
}

impl Folder {
    /// Gives the pictures that are in the folder now, once or (`repeat`) again and again. A folder that is not there
    /// yet is looked for at each call.
    #[must_use]
    pub fn new(path: &Path, pace: Pace, repeat: bool) -> Self {
        Self {
            path: path.to_owned(),
            pace,
            repeat,
            pictures: Vec::new(),
            at: 0,
            sequence: 0,
            due: None,
            buffers: Buffers::default(),
        }
    }

    fn fault(&self, reason: impl ToString, remedy: &str) -> CameraError {
        CameraError::Unavailable {
            source_name: format!("the folder {}", self.path.display()),
            reason: reason.to_string(),
            remedy: remedy.to_owned(),
        }
    }

    fn gone(&self, error: io::Error) -> CameraError {
        self.fault(error, "correct [source] path or its permissions")
    }

    fn list(&mut self) -> Result<(), CameraError> {
        self.at = 0;
        // Where the folder is gone now, nothing is left of what it held.
        self.pictures.clear();
        self.pictures = pictures_in(&self.path).map_err(|error| self.gone(error))?;
        if self.pictures.is_empty() {
            return Err(self.fault("it holds no .png, .jpg or .jpeg file", "put pictures into it"));
        }
        Ok(())
    }

    /// Waits until the next picture is due, but not longer than `patience`; whether it is due.
    fn wait(&mut self, patience: Duration) -> bool {
        let Pace::FramesPerSecond(rate) = self.pace else { return true };
        let now = Instant::now();
        let due = *self.due.get_or_insert(now);
        let wait = due.saturating_duration_since(now);
        thread::sleep(wait.min(patience));
        if wait > patience {
            return false;
        }
        let interval = Duration::try_from_secs_f64(1.0 / rate).unwrap_or(Duration::MAX);
        self.due = due.checked_add(interval);
        true
    }
}

impl FrameSource for Folder {
    fn next_frame(&mut self, patience: Duration) -> Result<Next, CameraError> {
        if self.at >= self.pictures.len() {
            if self.at > 0 && !self.repeat {
                return Ok(Next::End);
            }
            self.list()?;
        }
        if !self.wait(patience) {
            return Ok(Next::Late);
        }
        let path = &self.pictures[self.at];
        let picture = match read_with(path, &mut self.buffers) {
            Ok(picture) => picture,
            // A source that is gone shows nothing; it is looked for until it is back.
            Err(error) if self.repeat && !self.path.exists() => {
                let fault = self.gone(error);
                self.pictures.clear();
                return Err(fault);
            }
            // What cannot be read becomes a frame that cannot be decoded: it is an item all the same.
            Err(error) => {
                tracing::warn!("cannot read {}: {error}", path.display());
                Picture::Encoded(Arc::default())
            }
        };
        let frame = Frame {
            sequence: self.sequence,
            taken: Taken::now(),
            picture,
            name: path.file_name().map(|name| name.to_string_lossy().into_owned()),
        };
        self.at += 1;
        self.sequence += 1;
        Ok(Next::Frame(frame))
    }

    fn describe(&self) -> String {
        format!("folder {}", self.path.display())
    }

    fn is_live(&self) -> bool {
        matches!(self.pace, Pace::FramesPerSecond(_))
    }
}

/// The picture files under a path, in the order of their names: the path itself where it is a file, else those of the
/// folder that end in `.png`, `.jpg` or `.jpeg`, without those of its folders.
///
/// # Errors
/// When the path is not there or the folder cannot be listed.
pub fn pictures_in(path: &Path) -> io::Result<Vec<PathBuf>> {
    if fs::metadata(path)?.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(path)? {
        let path = entry?.path();
        let ending = path.extension().and_then(|it| it.to_str()).unwrap_or_default().to_ascii_lowercase();
        if ["png", "jpg", "jpeg"].contains(&&*ending) && path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// A file as a picture that is not decoded yet.
///
/// # Errors
/// When the file cannot be read, or is larger than any picture of a station's camera.
pub fn read_picture(path: &Path) -> io::Result<Picture> {
    read_with(path, &mut Buffers::default())
}

fn read_with(path: &Path, buffers: &mut Buffers) -> io::Result<Picture> {
    let file = File::open(path)?;
    let bytes = buffers.fill(|bytes| {
        file.take(MAX_FILE_BYTES + 1).read_to_end(bytes)?;
        if bytes.len() as u64 > MAX_FILE_BYTES {
            return Err(io::Error::other(format!("it is larger than {MAX_FILE_BYTES} bytes")));
        }
        Ok(())
    })?;
    Ok(Picture::Encoded(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            fs::write(folder.path().join(name), name).unwrap();
        }
        folder
    }

    fn names(source: &mut Folder, count: usize) -> Vec<String> {
        (0..count)
            .map_while(|_| match source.next_frame(Duration::from_secs(5)).unwrap() {
                Next::Frame(frame) => frame.name,
                Next::Late | Next::End => None,
            })
            .collect()
    }

    #[test]
    fn pictures_come_in_the_order_of_their_names_and_other_files_do_not() {
        let folder = folder(&["b.JPG", "a.png", "c.jpeg", "notes.txt"]);
        let mut source = Folder::new(folder.path(), Pace::AsFastAsPossible, false);
        assert_eq!(names(&mut source, 9), ["a.png", "b.JPG", "c.jpeg"]);
        assert!(matches!(source.next_frame(Duration::ZERO), Ok(Next::End)));
    }

    #[test]
    fn a_repeated_folder_never_ends() {
        let folder = folder(&["a.png", "b.png"]);
        let mut source = Folder::new(folder.path(), Pace::AsFastAsPossible, true);
        assert_eq!(names(&mut source, 5), ["a.png", "b.png", "a.png", "b.png", "a.png"]);
    }

    #[test]
    fn a_missing_or_empty_folder_is_a_fault_that_can_be_mended() {
        let folder = folder(&[]);
        let path = folder.path().join("later");
        let mut source = Folder::new(&path, Pace::AsFastAsPossible, false);
        assert!(source.next_frame(Duration::ZERO).unwrap_err().to_string().contains("[source] path"));
        fs::create_dir(&path).unwrap();
        assert!(source.next_frame(Duration::ZERO).unwrap_err().to_string().contains("put pictures"));
        fs::write(path.join("a.png"), "a").unwrap();
        assert_eq!(names(&mut source, 1), ["a.png"]);
    }

    #[test]
    fn a_paced_folder_is_late_rather_than_early() {
        let folder = folder(&["a.png", "b.png"]);
        let mut source = Folder::new(folder.path(), Pace::FramesPerSecond(0.001), true);
        assert!(matches!(source.next_frame(Duration::ZERO), Ok(Next::Frame(_))));
        assert!(matches!(source.next_frame(Duration::ZERO), Ok(Next::Late)));
    }

    #[test]
    fn a_repeated_folder_that_goes_away_gives_nothing_until_it_is_back() {
        let folder = folder(&[]);
        let (path, elsewhere) = (folder.path().join("pictures"), folder.path().join("elsewhere"));
        fs::create_dir(&path).unwrap();
        fs::write(path.join("a.png"), "a").unwrap();
        fs::write(path.join("b.png"), "b").unwrap();
        let mut source = Folder::new(&path, Pace::AsFastAsPossible, true);
        assert_eq!(names(&mut source, 1), ["a.png"]);
        fs::rename(&path, &elsewhere).unwrap();
        for _ in 0..5 {
            assert!(source.next_frame(Duration::ZERO).is_err(), "there is nothing to be seen");
        }
        fs::rename(&elsewhere, &path).unwrap();
        assert_eq!(names(&mut source, 3), ["a.png", "b.png", "a.png"]);
    }

    #[test]
    fn a_picture_that_vanished_is_still_a_frame() {
        let folder = folder(&["a.png", "b.png"]);
        let mut source = Folder::new(folder.path(), Pace::AsFastAsPossible, false);
        assert_eq!(names(&mut source, 1), ["a.png"]);
        fs::remove_file(folder.path().join("b.png")).unwrap();
        let Ok(Next::Frame(frame)) = source.next_frame(Duration::ZERO) else { panic!("no frame") };
        assert!(frame.picture.decode(crate::camera::Colour::Grey).is_err());
    }
}
