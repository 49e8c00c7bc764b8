//! A model pack: a folder with an ONNX file and its manifest, refused unless both are what they say.

use std::{
    fs::File,
    io::{self, Read},
    path::{Component, Path, PathBuf},
};

use sha2::{Digest, Sha256};

use crate::inspection::{Confidence, manifest::Manifest};

/// A manifest is a page of text; anything larger is none.
const MAX_MANIFEST_BYTES: u64 = 64 * 1024;

/// Larger than any model that a station can run.
pub(super) const MAX_MODEL_BYTES: u64 = 512 * 1024 * 1024;

/// The name and the numbers of a model pack whose files are what the manifest says.
#[derive(Clone, Debug)]
pub struct Pack {
    pub(super) folder: PathBuf,
    pub(super) manifest: Manifest,
}

/// Why a model pack is refused.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// A file of the pack cannot be read.
    #[error("cannot read {file}: {reason}; a model pack is a folder with model.toml and the files it names")]
    Unreadable {
        /// Its path.
        file: String,
        /// What the system said.
        reason: String,
    },
    /// The manifest is not as it must be.
    #[error("{file} cannot be used: {faults}")]
    Manifest {
        /// Its path.
        file: String,
        /// What is wrong, with the line where the parser knows it.
        faults: String,
    },
    /// The model's file is not the one that the manifest was written for.
    #[error(
        "{file} has the SHA-256 {found}, the manifest says {expected}; copy the pack again, or write the hash of a model that you trust into model.toml"
    )]
    Hash {
        /// Its path.
        file: String,
        /// The manifest's hash.
        expected: String,
        /// The file's.
        found: String,
    },
    /// tract cannot run the graph, or its inputs and outputs are not what the manifest says.
    #[error("{file} cannot be run: {reason}")]
    Graph {
        /// Its path.
        file: String,
        /// What is wrong, and the remedy.
        reason: String,
    },
    /// The graph computes something else than it should.
    #[error(
        "{file} computes something else than it should: {reason}; export the model again, or make its parity sample anew with the reference runtime"
    )]
    Parity {
        /// Its path.
        file: String,
        /// By how much.
        reason: String,
    },
}

impl Pack {
    /// Reads the manifest and checks the model's file against it; gives the file's bytes too.
    pub(super) fn open(folder: &Path) -> Result<(Self, Vec<u8>), PackError> {
        let file = folder.join("model.toml");
        let bytes = read(&file, MAX_MANIFEST_BYTES)?;
        let refuse = |faults: String| PackError::Manifest { file: file.display().to_string(), faults };
        let text = String::from_utf8(bytes).map_err(|_| refuse("it is not UTF-8 text".to_owned()))?;
        let manifest: Manifest = toml::from_str(&text).map_err(|error| refuse(error.to_string()))?;
        let mut faults = manifest.faults();
        let named = [manifest.file.as_str(), &manifest.parity.image];
        let named = named.into_iter().chain(manifest.parity.output.names().iter().map(String::as_str));
        for name in named.chain(manifest.output.files()) {
            if !is_plain_name(name) {
                faults.push(format!("`{name}` must be the name of a file in the pack's folder"));
            }
        }
        if !faults.is_empty() {
            return Err(refuse(faults.join("; ")));
        }
        let model = folder.join(&manifest.file);
        let bytes = read_model(&model)?;
        let found = hex(&Sha256::digest(&bytes));
        if !found.eq_ignore_ascii_case(&manifest.sha256) {
            let expected = manifest.sha256.chars().take(64).collect();
            return Err(PackError::Hash { file: model.display().to_string(), expected, found });
        }
        Ok((Self { folder: folder.to_owned(), manifest }, bytes))
    }

    /// The pack's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.manifest.name
    }

    /// The pack's version.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.manifest.version
    }

    /// The model file's SHA-256 in lower-case hex.
    #[must_use]
    pub fn sha256(&self) -> String {
        self.manifest.sha256.to_ascii_lowercase()
    }

    /// The labels that a finding may bear.
    #[must_use]
    pub fn labels(&self) -> &[String] {
        &self.manifest.labels
    }

    /// From which confidence on a finding of this label is a defect.
    #[must_use]
    pub fn threshold(&self, label: &str) -> Confidence {
        let thresholds = &self.manifest.thresholds;
        let value = thresholds.by_label.get(label).copied().unwrap_or(thresholds.overall);
        Confidence::new(value.clamp(0.0, 1.0)).unwrap_or(Confidence::CERTAIN)
    }

    pub(super) fn model_path(&self) -> String {
        self.folder.join(&self.manifest.file).display().to_string()
    }
}

/// Reads a model's file.
pub(super) fn read_model(path: &Path) -> Result<Vec<u8>, PackError> {
    read(path, MAX_MODEL_BYTES)
}

/// Reads a file of at most `limit` bytes.
pub(super) fn read(path: &Path, limit: u64) -> Result<Vec<u8>, PackError> {
    let unreadable = |error: io::Error| PackError::Unreadable {
        file: path.display().to_string(),
        reason: error.to_string(),
    };
    let mut bytes = Vec::new();
    File::open(path).map_err(unreadable)?.take(limit + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > limit {
        return Err(unreadable(io::Error::other(format!("it is larger than {limit} bytes"))));
    }
    Ok(bytes)
}

/// A pack is a folder that can be copied: nothing outside it belongs to it.
pub(super) fn is_plain_name(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    matches!(parts.next(), Some(Component::Normal(_))) && parts.next().is_none()
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
