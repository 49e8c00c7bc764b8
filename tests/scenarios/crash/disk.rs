//! What is on a disk after a power cut: all that was synchronised, and of the rest as much as chance wants.

use std::{collections::HashMap, fs, path::Path};

use rand::{Rng, rngs::StdRng, seq::IndexedRandom};

use super::recording::Deed;

/// What a disk writes whole or not at all.
const SECTOR: usize = 512;

/// A file's bytes on the disk, and what was done since they were synchronised.
#[derive(Default)]
struct File {
    synced: Vec<u8>,
    pending: Vec<Change>,
}

#[derive(Clone)]
enum Change {
    Written(usize, Vec<u8>),
    Cut(usize),
}

/// What a name stood for when the folder was synchronised, and since.
#[derive(Default)]
struct Name {
    synced: Option<usize>,
    since: Vec<Option<usize>>,
}

/// A disk that was written to and not switched off yet.
#[derive(Default)]
pub(super) struct Disk {
    files: HashMap<usize, File>,
    names: HashMap<String, Name>,
}

impl Disk {
    pub(super) fn after(deeds: &[Deed]) -> Self {
        let mut disk = Self::default();
        for deed in deeds {
            disk.take(deed);
        }
        disk
    }

    fn take(&mut self, deed: &Deed) {
        match deed {
            Deed::Made(name, number) => {
                self.files.insert(*number, File::default());
                self.names.entry(name.clone()).or_default().since.push(Some(*number));
            }
            Deed::Removed(name) => self.names.entry(name.clone()).or_default().since.push(None),
            Deed::Written(number, at, bytes) => {
                self.file(*number).pending.push(Change::Written(*at, bytes.clone()));
            }
            Deed::Cut(number, length) => self.file(*number).pending.push(Change::Cut(*length)),
            Deed::Synced(number) => {
                let file = self.file(*number);
                for change in std::mem::take(&mut file.pending) {
                    change.apply(&mut file.synced, |_| true);
                }
            }
            Deed::FolderSynced => {
                for name in self.names.values_mut() {
                    name.synced = name.since.pop().unwrap_or(name.synced);
                    name.since.clear();
                }
            }
            Deed::Said(_) => {}
        }
    }

    fn file(&mut self, number: usize) -> &mut File {
        self.files.entry(number).or_default()
    }

    /// Cuts the power, and puts what is left into a folder. What was not synchronised is there, is not, or is there in
    /// part, each write and each sector of it by chance.
    pub(super) fn loses_power(&self, chance: &mut StdRng, folder: &Path) {
        let mut names: Vec<_> = self.names.iter().collect();
        names.sort_unstable_by_key(|(name, _)| *name);
        for (name, stands_for) in names {
            let mut possible = stands_for.since.clone();
            possible.push(stands_for.synced);
            let Some(number) = possible.choose(chance).copied().flatten() else { continue };
            fs::write(folder.join(name), self.files[&number].left(chance)).unwrap();
        }
    }
}

impl File {
    fn left(&self, chance: &mut StdRng) -> Vec<u8> {
        let mut bytes = self.synced.clone();
        for change in &self.pending {
            match chance.random_range(0..3) {
                0 => {}
                1 => change.apply(&mut bytes, |_| true),
                _ => change.apply(&mut bytes, |_| chance.random()),
            }
        }
        bytes
    }
}

impl Change {
    /// Does what was asked, with those sectors that `reaches` lets through.
    fn apply(&self, bytes: &mut Vec<u8>, mut reaches: impl FnMut(usize) -> bool) {
        match self {
            Self::Cut(length) => {
                if reaches(0) {
                    bytes.resize(*length, 0);
                }
            }
            Self::Written(at, new) => {
                let mut done = 0;
                while done < new.len() {
                    let place = at + done;
                    let count = (SECTOR - place % SECTOR).min(new.len() - done);
                    if reaches(place / SECTOR) {
                        if bytes.len() < place + count {
                            bytes.resize(place + count, 0);
                        }
                        bytes[place..place + count].copy_from_slice(&new[done..done + count]);
                    }
                    done += count;
                }
            }
        }
    }
}
