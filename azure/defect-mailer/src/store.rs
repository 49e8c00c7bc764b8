//! What must outlive the process, as documents under keys, each with a version: whoever writes says which version
//! it has read, and whoever comes second reads again. So two instances may work at the same time.

mod document;
mod folder;
mod blob;

use std::time::Duration;

use rand::Rng;
use tokio::time::sleep;

use document::failed;

pub use blob::{Blob, BlobError, Credentials};
pub use document::{Document, Expected, StoreError, Versioned};
pub use folder::Folder;

/// How often a document is read again because somebody else was quicker.
const ATTEMPTS: u32 = 60;

/// A place that keeps documents.
#[derive(Debug)]
pub enum Store {
    /// A folder, for a machine of one's own and for the demo.
    Folder(Folder),
    /// A container of an Azure storage account.
    Blob(Box<Blob>),
}

impl Store {
    /// Reads a document.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn get(&self, key: &str) -> Result<Option<Versioned>, StoreError> {
        match self {
            Self::Folder(folder) => folder.get(key),
            Self::Blob(blob) => blob.get(key).await,
        }
    }

    /// Writes a document, whole or not at all and durable when it returns; `false` where something else than
    /// expected was there.
    ///
    /// # Errors
    /// When the storage fails; the older document is then still whole.
    pub async fn put(&self, key: &str, bytes: Vec<u8>, expected: Expected<'_>) -> Result<bool, StoreError> {
        match self {
            Self::Folder(folder) => folder.put(key, &bytes, expected).await,
            Self::Blob(blob) => blob.put(key, bytes, expected).await,
        }
    }

    /// The keys that begin so, with the seconds since the epoch at which each was written.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn list(&self, prefix: &str) -> Result<Vec<(String, i64)>, StoreError> {
        match self {
            Self::Folder(folder) => folder.list(prefix),
            Self::Blob(blob) => blob.list(prefix).await,
        }
    }

    /// Reads, changes and writes a document, again and again until nobody else was quicker. `change` says with its
    /// answer whether the document must be written; it may be called more than once.
    ///
    /// # Errors
    /// When the storage fails, or others are quicker every time.
    pub async fn update<T: Document, R>(
        &self,
        key: &str,
        fresh: impl Fn() -> T,
        mut change: impl FnMut(&mut T) -> (R, bool),
    ) -> Result<(T, R), StoreError> {
        for attempt in 0..ATTEMPTS {
            let found = self.get(key).await?;
            let known = found.as_ref().map(|found| serde_json::from_slice::<T>(&found.bytes));
            let mut document = match known {
                None => fresh(),
                Some(Ok(document)) if document.is_known() => document,
                Some(_) => {
                    self.keep_unreadable(key, &found).await?;
                    fresh()
                }
            };
            let (answer, write) = change(&mut document);
            if !write {
                return Ok((document, answer));
            }
            let bytes = serde_json::to_vec(&document).map_err(|error| failed("writing", key, &error))?;
            let expected = match &found {
                Some(found) => Expected::Version(&found.version),
                None => Expected::Absent,
            };
            if self.put(key, bytes, expected).await? {
                return Ok((document, answer));
            }
            // Longer with each attempt and never the same for two instances.
            let most = 20 * u64::from(attempt.min(10) + 1);
            let wait = rand::rng().random_range(0..=most);
            sleep(Duration::from_millis(wait)).await;
        }
        Err(failed("writing", key, &"others were quicker every time"))
    }

    /// A document that cannot be understood is copied aside before another takes its place.
    async fn keep_unreadable(&self, key: &str, found: &Option<Versioned>) -> Result<(), StoreError> {
        let Some(found) = found else { return Ok(()) };
        let aside = format!("refused/unreadable-{}", key.replace('/', "-"));
        tracing::error!(key, aside, "a document cannot be understood and is set aside; it begins anew");
        self.put(&aside, found.bytes.clone(), Expected::Anything).await.map(drop)
    }
}
