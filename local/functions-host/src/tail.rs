//! Follows the events file as it grows and remembers where each event stands, not the events.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::event::Event;

/// Longest line that is read. IoT Hub takes 256 KiB; written as JSON text that can grow sixfold.
const LONGEST_LINE: u64 = 2 * 1024 * 1024;
/// Most events reported at once.
const MOST_AT_ONCE: usize = 1000;

/// Where an event stands in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) sequence_number: i64,
    pub(crate) start: u64,
    length: u64,
}

impl Place {
    /// Reads the event again.
    pub(crate) fn read(&self, path: &Path) -> io::Result<Event> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(self.start))?;
        let mut line = Vec::new();
        file.take(self.length).read_to_end(&mut line)?;
        Event::parse(&line).map_err(io::Error::other)
    }
}

/// What is new in the file.
#[derive(Debug, Default)]
pub(crate) struct News {
    /// Partition and place of each event.
    pub(crate) events: Vec<(String, Place)>,
    /// Lines that are no event.
    pub(crate) unreadable: u64,
}

/// A reader of a file that only grows.
#[derive(Debug)]
pub(crate) struct Tail {
    path: PathBuf,
    position: u64,
}

impl Tail {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, position: 0 }
    }

    /// What was added since the last call, as far as lines are complete. A file that is not there yet is empty.
    pub(crate) fn read(&mut self) -> io::Result<News> {
        let mut news = News::default();
        let mut file = match File::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(news),
            opened => opened?,
        };
        if file.metadata()?.len() < self.position {
            return Err(io::Error::other("the events file has become shorter; it must only grow"));
        }
        file.seek(SeekFrom::Start(self.position))?;
        let mut file = BufReader::new(file);
        while news.events.len() < MOST_AT_ONCE {
            let mut line = Vec::new();
            let length = (&mut file).take(LONGEST_LINE).read_until(b'\n', &mut line)? as u64;
            let complete = line.ends_with(b"\n");
            if !complete && length < LONGEST_LINE {
                break;
            }
            let place = |sequence_number| Place { sequence_number, start: self.position, length };
            match Event::parse(&line) {
                Ok(event) => news.events.push((event.partition, place(event.sequence_number))),
                Err(_) if line.iter().all(u8::is_ascii_whitespace) => {}
                Err(reason) => {
                    tracing::warn!(at = self.position, reason, "skipped a line that is no event");
                    news.unreadable += 1;
                }
            }
            self.position += length;
        }
        Ok(news)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn line(partition: &str, number: i64) -> String {
        format!(
            "{{\"partition\":\"{partition}\",\"sequence_number\":{number},\"offset\":\"{number}\",\
             \"enqueued_time\":\"2026-11-23T04:05:06Z\",\"body\":\"b{number}\"}}\n"
        )
    }

    #[test]
    fn a_file_that_is_not_there_yet_is_empty_and_a_half_line_waits_for_its_rest() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        let mut tail = Tail::new(path.clone());
        assert!(tail.read().unwrap().events.is_empty());

        let second = line("1", 8);
        let (begun, rest) = second.split_at(40);
        std::fs::write(&path, line("0", 7) + begun).unwrap();
        let first = tail.read().unwrap().events;
        assert_eq!(
            first.iter().map(|(part, place)| (part.as_str(), place.sequence_number)).collect::<Vec<_>>(),
            [("0", 7)]
        );
        assert!(tail.read().unwrap().events.is_empty());

        let mut file = File::options().append(true).open(&path).unwrap();
        file.write_all(rest.as_bytes()).unwrap();
        let (partition, place) = tail.read().unwrap().events.remove(0);
        let event = place.read(&path).unwrap();
        assert_eq!(
            (partition.as_str(), event.sequence_number, event.body.as_slice()),
            ("1", 8, b"b8".as_slice())
        );
    }

    #[test]
    fn lines_that_are_no_event_are_counted_and_the_next_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        let endless = "x".repeat(LONGEST_LINE as usize + 10);
        std::fs::write(&path, format!("nonsense\n\n{endless}\n{}", line("0", 1))).unwrap();
        let news = Tail::new(path).read().unwrap();
        // The endless line is cut, so it counts twice.
        assert_eq!((news.events.len(), news.unreadable), (1, 3));
    }

    #[test]
    fn a_file_that_became_shorter_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        std::fs::write(&path, line("0", 1)).unwrap();
        let mut tail = Tail::new(path.clone());
        tail.read().unwrap();
        std::fs::write(&path, "").unwrap();
        assert!(tail.read().is_err());
    }
}
