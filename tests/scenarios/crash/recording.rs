//! What a process did to the files of its outbox, in order, recorded by strace.

use std::{
    collections::HashMap,
    fs,
    path::Path,
    process::{Command, Stdio},
};

use super::writer::{FOLDER, MARKS, Mark, OUTBOX, SEED, STEPS};

/// One thing that was done; files are numbered as they were made.
#[derive(Debug)]
pub(super) enum Deed {
    /// A name came to be, for a new file.
    Made(String, usize),
    /// A name was removed.
    Removed(String),
    /// Bytes were written at a place of a file.
    Written(usize, usize, Vec<u8>),
    /// A file was cut or grown to a length.
    Cut(usize, usize),
    /// What was written to a file is on the disk.
    Synced(usize),
    /// Which names there are is on the disk.
    FolderSynced,
    /// The process said something.
    Said(Mark),
}

/// Has the writer work in a folder, under strace.
pub(super) fn record(folder: &Path, seed: u64, steps: u64) -> Vec<Deed> {
    let log = folder.join("strace");
    let calls =
        "openat,close,lseek,write,pwrite64,ftruncate,fsync,fdatasync,unlink,unlinkat,rename,renameat2";
    let done = Command::new("strace")
        .args(["--follow-forks", "-xx", "--string-limit=1000000", "--signal=none"])
        .arg(format!("--trace={calls}"))
        .arg("--output")
        .arg(&log)
        .arg(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "crash::writer::the_process_whose_power_is_cut", "--nocapture"])
        .env(FOLDER, folder)
        .env(SEED, seed.to_string())
        .env(STEPS, steps.to_string())
        .stdin(Stdio::null())
        .output()
        .expect("strace should run: local/prerequisites.sh test installs it");
    let log = fs::read_to_string(log).unwrap_or_default();
    let deeds = Reader::new(folder).read(&log);
    let said = deeds.iter().filter(|it| matches!(it, Deed::Said(_))).count();
    assert!(said > 0, "nothing was recorded: {}", String::from_utf8_lossy(&done.stderr));
    deeds
}

/// What is open, and what it is.
#[derive(Clone, Copy)]
enum Open {
    File { number: usize, at: usize },
    Folder,
    Marks,
}

struct Reader<'a> {
    folder: &'a str,
    open: HashMap<i64, Open>,
    names: HashMap<String, usize>,
    files: usize,
    deeds: Vec<Deed>,
}

impl<'a> Reader<'a> {
    fn new(folder: &'a Path) -> Self {
        let folder = folder.to_str().unwrap();
        Self { folder, open: HashMap::new(), names: HashMap::new(), files: 0, deeds: Vec::new() }
    }

    fn read(mut self, log: &str) -> Vec<Deed> {
        let mut begun: HashMap<&str, &str> = HashMap::new();
        for line in log.lines() {
            let Some((thread, rest)) = line.split_once(' ') else { continue };
            let rest = rest.trim_start();
            // A call during which another thread's was told comes in two parts.
            if let Some(head) = rest.strip_suffix("<unfinished ...>") {
                begun.insert(thread, head);
            } else if let Some((_, tail)) = rest.split_once(" resumed>").filter(|_| rest.starts_with("<... "))
            {
                if let Some(head) = begun.remove(thread) {
                    self.call(&format!("{head}{tail}"));
                }
            } else {
                self.call(rest);
            }
        }
        self.deeds
    }

    /// Takes one call: `name(arguments) = result`; one that failed did nothing.
    fn call(&mut self, call: &str) {
        let Some((name, rest)) = call.split_once('(') else { return };
        let Some((arguments, result)) = rest.rsplit_once(" = ") else { return };
        let result = result.split(' ').next().and_then(|it| it.parse::<i64>().ok());
        let Some(result) = result.filter(|it| *it >= 0) else { return };
        let arguments = arguments.trim_end().trim_end_matches(')');
        let arguments: Vec<&str> = arguments.split(", ").collect();
        match name {
            "openat" => self.opened(&text(arguments[1]), arguments[2], result),
            "unlink" => self.removed(&text(arguments[0])),
            "unlinkat" => self.removed(&text(arguments[1])),
            "rename" | "renameat2" => {
                let names: Vec<_> = arguments.iter().filter(|it| it.starts_with('"')).collect();
                assert!(
                    names.iter().all(|it| self.name(&text(it)).is_none()),
                    "an outbox is not renamed here"
                );
            }
            _ => {
                let descriptor = arguments[0].parse::<i64>().unwrap();
                if let Some(open) = self.open.get(&descriptor).copied() {
                    self.used(name, descriptor, open, &arguments, result);
                }
            }
        }
    }

    /// The name within the folder, if it is one of the outbox's; its shared memory does not outlive the machine.
    fn name(&self, path: &str) -> Option<String> {
        let name = path.strip_prefix(self.folder)?.strip_prefix('/')?;
        let ours = [OUTBOX.to_owned(), format!("{OUTBOX}-wal"), format!("{OUTBOX}-journal")];
        ours.into_iter().find(|it| it == name)
    }

    fn opened(&mut self, path: &str, flags: &str, descriptor: i64) {
        let open = if path == self.folder {
            Open::Folder
        } else if path.strip_prefix(self.folder) == Some(&format!("/{MARKS}")) {
            Open::Marks
        } else if let Some(name) = self.name(path) {
            assert!(!flags.contains("O_TRUNC"), "{flags}");
            let number = match self.names.get(&name) {
                Some(number) => *number,
                None => {
                    let number = self.files;
                    self.files += 1;
                    self.names.insert(name.clone(), number);
                    self.deeds.push(Deed::Made(name, number));
                    number
                }
            };
            Open::File { number, at: 0 }
        } else {
            self.open.remove(&descriptor);
            return;
        };
        self.open.insert(descriptor, open);
    }

    fn removed(&mut self, path: &str) {
        if let Some(name) = self.name(path) {
            self.names.remove(&name);
            self.deeds.push(Deed::Removed(name));
        }
    }

    fn used(&mut self, name: &str, descriptor: i64, open: Open, arguments: &[&str], result: i64) {
        let result = usize::try_from(result).unwrap();
        match (name, open) {
            ("close", _) => {
                self.open.remove(&descriptor);
            }
            ("write", Open::Marks) => {
                let said = text(arguments[1]);
                self.deeds.extend(said.lines().map(|line| Deed::Said(Mark::parse(line))));
            }
            ("fsync" | "fdatasync", Open::Folder) => self.deeds.push(Deed::FolderSynced),
            ("fsync" | "fdatasync", Open::File { number, .. }) => self.deeds.push(Deed::Synced(number)),
            ("lseek", Open::File { number, .. }) => {
                self.open.insert(descriptor, Open::File { number, at: result });
            }
            ("write", Open::File { number, at }) => {
                self.deeds.push(Deed::Written(number, at, bytes(arguments[1])));
                self.open.insert(descriptor, Open::File { number, at: at + result });
            }
            ("pwrite64", Open::File { number, .. }) => {
                let at = arguments[3].parse().unwrap();
                self.deeds.push(Deed::Written(number, at, bytes(arguments[1])));
            }
            ("ftruncate", Open::File { number, .. }) => {
                self.deeds.push(Deed::Cut(number, arguments[1].parse().unwrap()));
            }
            (_, Open::Marks | Open::Folder) => {}
            other => panic!("no such call was expected on an outbox: {}", other.0),
        }
    }
}

/// What stands between quotation marks, each byte as `\x` and two digits.
fn bytes(quoted: &str) -> Vec<u8> {
    let inner =
        quoted.strip_prefix('"').and_then(|it| it.strip_suffix('"')).expect("a string that is not cut");
    inner.split("\\x").skip(1).map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect()
}

fn text(quoted: &str) -> String {
    String::from_utf8(bytes(quoted)).unwrap()
}
