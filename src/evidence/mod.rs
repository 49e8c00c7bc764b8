//! Pictures of NG items, kept on the station within a quota: they never leave it, and nothing waits for them.

mod drawing;
mod store;

#[cfg(test)]
mod tests;

use std::{
    io,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use crate::{
    camera::{Colour, Picture},
    inspection::Area,
};
pub use drawing::{DrawingError, jpeg};
use store::{Name, Store};

/// Pictures that may wait to be written. Each may hold a frame's pixels, megabytes, so it is few.
const WAITING: usize = 8;

/// How soon another quota is seen while no picture comes.
const LOOK_UP: Duration = Duration::from_millis(500);

/// Where evidence is kept, and how much of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvidenceSettings {
    /// One station's own folder; it is made if need be.
    pub folder: PathBuf,
    /// Bytes that the pictures may have together; at the limit the oldest go.
    pub limit_bytes: u64,
}

/// What happened to pictures since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Written.
    pub kept: u64,
    /// Not written, because they came faster than the disk takes them.
    pub dropped: u64,
    /// Removed to stay within the quota.
    pub removed: u64,
    /// Not written, because the disk refused or the picture made no sense.
    pub failed: u64,
}

/// Why evidence could not be started.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// The folder cannot be made, read or written.
    #[error(
        "cannot use {} for evidence pictures: {cause}; name a folder that this user may write, or switch \
         evidence off",
        folder.display()
    )]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// The system gave no thread.
    #[error("cannot start the thread that writes evidence pictures: {0}")]
    Thread(io::Error),
}

/// Takes pictures of NG items and has them written by a thread of its own.
#[derive(Debug)]
pub struct Evidence {
    queue: SyncSender<Exhibit>,
    overflowing: AtomicBool,
    counters: Arc<Counters>,
    quota: Quota,
    writer: JoinHandle<()>,
}

/// A picture on its way to the disk.
#[derive(Debug)]
struct Exhibit {
    name: Name,
    picture: Picture,
    boxes: Vec<Area>,
}

/// How much the pictures may take together, changed at any time; clones are the same.
#[derive(Clone, Debug)]
pub struct Quota(Arc<AtomicU64>);

impl Quota {
    /// In bytes; in force within half a second.
    pub fn set(&self, bytes: u64) {
        self.0.store(bytes, Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

#[derive(Debug, Default)]
struct Counters {
    kept: AtomicU64,
    dropped: AtomicU64,
    removed: AtomicU64,
    failed: AtomicU64,
}

impl Evidence {
    /// Makes the folder if need be, removes what a crash left half written, and starts the writing thread.
    ///
    /// # Errors
    /// When the folder cannot be used. What fails later is counted and logged instead.
    pub fn start(settings: EvidenceSettings) -> Result<Self, EvidenceError> {
        let store = Store::open(&settings.folder, settings.limit_bytes)
            .map_err(|cause| EvidenceError::Folder { folder: settings.folder, cause })?;
        let quota = Quota(Arc::new(AtomicU64::new(settings.limit_bytes)));
        let for_writer = quota.clone();
        Self::with_writer(quota, move |queue, counters| write_all(store, &queue, &counters, &for_writer))
    }

    /// How much the pictures may take together.
    #[must_use]
    pub fn quota(&self) -> Quota {
        self.quota.clone()
    }

    fn with_writer(
        quota: Quota,
        write: impl FnOnce(Receiver<Exhibit>, Arc<Counters>) + Send + 'static,
    ) -> Result<Self, EvidenceError> {
        let (queue, waiting) = sync_channel(WAITING);
        let counters = Arc::<Counters>::default();
        let for_writer = Arc::clone(&counters);
        // Whoever starts it says of which station it is.
        let span = tracing::Span::current();
        let writer = thread::Builder::new()
            .name("evidence".to_owned())
            .spawn(move || span.in_scope(|| write(waiting, for_writer)))
            .map_err(EvidenceError::Thread)?;
        Ok(Self { queue, overflowing: AtomicBool::new(false), counters, quota, writer })
    }

    /// Hands over the picture of a report, to be kept as `<report_id>.jpg`; `boxes`, in pixels of the picture, are
    /// framed in it. Never waits: what the disk cannot take in time is dropped and counted.
    ///
    /// The id must be a UUIDv7 as reports carry it: in lower case, with hyphens.
    pub fn keep(&self, report_id: &str, picture: Picture, boxes: Vec<Area>) {
        let Some(name) = Name::of_report(report_id) else {
            self.counters.failed.fetch_add(1, Relaxed);
            tracing::error!("no evidence kept: {report_id:?} is not the id of a report");
            return;
        };
        match self.queue.try_send(Exhibit { name, picture, boxes }) {
            Ok(()) => self.overflowing.store(false, Relaxed),
            Err(TrySendError::Full(_)) => self.drop_one("they come faster than the disk takes them"),
            Err(TrySendError::Disconnected(_)) => self.drop_one("the thread that writes them has died"),
        }
    }

    fn drop_one(&self, reason: &str) {
        self.counters.dropped.fetch_add(1, Relaxed);
        if !self.overflowing.swap(true, Relaxed) {
            tracing::warn!("evidence pictures are dropped and counted: {reason}");
        }
    }

    /// What happened to pictures since the start.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counters.read()
    }

    /// Writes the few pictures that still wait, then ends the thread.
    pub fn stop(self) {
        drop(self.queue);
        if self.writer.join().is_err() {
            tracing::error!("the thread that writes evidence pictures has died of a bug");
        }
    }
}

impl Counters {
    fn read(&self) -> Counts {
        Counts {
            kept: self.kept.load(Relaxed),
            dropped: self.dropped.load(Relaxed),
            removed: self.removed.load(Relaxed),
            failed: self.failed.load(Relaxed),
        }
    }
}

/// The writing thread: until the queue is closed and empty.
fn write_all(mut store: Store, queue: &Receiver<Exhibit>, counters: &Counters, quota: &Quota) {
    // A full disk stays full for many items: it is said once, and again when that is over.
    let mut failing = false;
    let mut limit = quota.get();
    loop {
        let exhibit = match queue.recv_timeout(LOOK_UP) {
            Ok(exhibit) => Some(exhibit),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        if limit != quota.get() {
            limit = quota.get();
            if let Err(error) = store.set_limit(limit) {
                tracing::warn!("cannot remove evidence pictures above the quota: {error}");
            }
            counters.removed.fetch_add(store.take_removed(), Relaxed);
        }
        let Some(exhibit) = exhibit else { continue };
        // In its own colours, whatever the model looked at.
        let pixels = exhibit.picture.decode(Colour::Rgb).map_err(io::Error::other);
        let written = pixels
            .and_then(|pixels| jpeg(&pixels, &exhibit.boxes).map_err(io::Error::other))
            .and_then(|bytes| store.write(exhibit.name, &bytes));
        counters.removed.fetch_add(store.take_removed(), Relaxed);
        match written {
            Ok(()) => {
                counters.kept.fetch_add(1, Relaxed);
                if failing {
                    tracing::info!("evidence pictures are written again");
                }
                failing = false;
            }
            Err(error) => {
                counters.failed.fetch_add(1, Relaxed);
                if !failing {
                    tracing::warn!(
                        "evidence pictures are lost and counted, cannot write to {}: {error}",
                        store.folder().display()
                    );
                }
                failing = true;
            }
        }
    }
}
