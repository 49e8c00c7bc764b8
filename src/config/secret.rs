//! A secret of a station: where it is kept, and how it is read without being shown.

use std::{
    env,
    ffi::OsString,
    fs::{self, File},
    io::{self, Read},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

/// A connection string has a few hundred bytes, a certificate with its chain a few thousand.
const MAX_BYTES: u64 = 32 * 1024;

/// A kind of secret.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Kind {
    /// The name under which systemd's `LoadCredential=` gives it, and that of the file beside the configuration.
    pub(super) credential: &'static str,
    /// In words for people.
    pub(super) what: &'static str,
    /// The section of the configuration, and the key in it, that names another file.
    pub(super) section: &'static str,
    pub(super) key: &'static str,
    /// A certificate may be seen by everybody; its key may not.
    pub(super) is_public: bool,
}

/// Where a secret is kept; never in the configuration itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Secret {
    kind: &'static Kind,
    place: Place,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    /// A file that only the agent's user can read.
    File(PathBuf),
    /// What systemd's `LoadCredential=` gives in `$CREDENTIALS_DIRECTORY`; where systemd gave no credentials, as to a
    /// person at a shell, the file from which the unit takes it.
    CredentialOr(PathBuf),
}

/// Why a secret cannot be had; no text of it is repeated.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be read.
    #[error("cannot read {what} in {}: {cause}; {remedy}", path.display())]
    Unreadable {
        /// What it should hold.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
        /// What a person can do.
        remedy: String,
    },
    /// Not a file, but a folder or a device.
    #[error("{} is not a file; put {what} into a file of its own", path.display())]
    NotAFile {
        /// What it should hold.
        what: &'static str,
        /// The path.
        path: PathBuf,
    },
    /// Other users can read or write the file.
    #[error(
        "{path} with {what} is open to other users (mode {mode:03o}); run: chmod 600 {path}",
        path = path.display()
    )]
    Exposed {
        /// What it holds.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file is too large to be what it should.
    #[error("{} is larger than {MAX_BYTES} bytes; it must hold {what} alone", path.display())]
    TooLarge {
        /// What it should hold.
        what: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// The file does not hold text.
    #[error("{} does not hold text; it must hold {what} alone", path.display())]
    NotText {
        /// What it should hold.
        what: &'static str,
        /// The file.
        path: PathBuf,
    },
}

impl Secret {
    /// The one in this file, or, without one, where a station in this folder keeps it.
    pub(super) fn new(kind: &'static Kind, file: Option<PathBuf>, folder: &Path) -> Self {
        let place = file.map_or_else(|| Place::CredentialOr(folder.join(kind.credential)), Place::File);
        Self { kind, place }
    }

    /// The file that is named, or that is read where systemd gives no credentials.
    pub(super) fn path(&self) -> &Path {
        match &self.place {
            Place::File(path) | Place::CredentialOr(path) => path,
        }
    }

    /// The section of the configuration, and the key in it, that names the file.
    pub(super) fn key(&self) -> (&'static str, &'static str) {
        (self.kind.section, self.kind.key)
    }

    /// Reads it, at most 32 KiB, without the newline at its end; and says from which file.
    ///
    /// # Errors
    /// When it is not there, cannot be read or is open to other users.
    pub(super) fn read(&self) -> Result<(PathBuf, String), SecretError> {
        self.read_given(env::var_os("CREDENTIALS_DIRECTORY"))
    }

    fn read_given(&self, credentials: Option<OsString>) -> Result<(PathBuf, String), SecretError> {
        let given = credentials.filter(|folder| !folder.is_empty());
        let (path, access) = match (&self.place, given) {
            (Place::CredentialOr(_), Some(folder)) => {
                (Path::new(&folder).join(self.kind.credential), Access::AsGiven)
            }
            (Place::File(path) | Place::CredentialOr(path), _) => {
                (path.clone(), if self.kind.is_public { Access::Anybody } else { Access::OwnerOnly })
            }
        };
        let text = self.text(&path, access)?;
        Ok((path, text))
    }

    fn text(&self, path: &Path, access: Access) -> Result<String, SecretError> {
        let what = self.kind.what;
        let unreadable = |cause| self.unreadable(path, access, cause);
        // Opening a pipe would wait for its writer.
        if !fs::metadata(path).map_err(unreadable)?.is_file() {
            return Err(SecretError::NotAFile { what, path: path.to_owned() });
        }
        let file = File::open(path).map_err(unreadable)?;
        let mode = file.metadata().map_err(unreadable)?.permissions().mode() & 0o777;
        if access == Access::OwnerOnly && mode & 0o077 != 0 {
            return Err(SecretError::Exposed { what, path: path.to_owned(), mode });
        }
        let mut bytes = Vec::new();
        file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() as u64 > MAX_BYTES {
            return Err(SecretError::TooLarge { what, path: path.to_owned() });
        }
        let text =
            str::from_utf8(&bytes).map_err(|_| SecretError::NotText { what, path: path.to_owned() })?;
        Ok(text.trim_end_matches(['\r', '\n']).to_owned())
    }

    fn unreadable(&self, path: &Path, access: Access, cause: io::Error) -> SecretError {
        let Kind { credential, what, section, key, .. } = self.kind;
        let remedy = match (access, cause.kind()) {
            (Access::AsGiven, _) => format!("the unit needs LoadCredential={credential}:FILE"),
            (_, io::ErrorKind::NotFound) => {
                format!("put {what} there, or name another file in [{section}] {key}")
            }
            _ => "it must be readable for the agent's user".to_owned(),
        };
        SecretError::Unreadable { what, path: path.to_owned(), cause, remedy }
    }
}

/// Who may read the file.
#[derive(Clone, Copy, PartialEq)]
enum Access {
    OwnerOnly,
    Anybody,
    /// systemd keeps credentials where no other service can look, with permissions of its own choice.
    AsGiven,
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "HostName=h.example;DeviceId=station-3;SharedAccessKey=c2VjcmV0LXNlY3JldA==\n";

    const KIND: Kind =
        Kind { credential: "hub-word", what: "the word", section: "hub", key: "word_file", is_public: false };

    fn file(text: impl AsRef<[u8]>, mode: u32) -> (tempfile::TempDir, Secret) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(KIND.credential);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        (folder, Secret::new(&KIND, Some(path), Path::new("")))
    }

    fn refusal(text: impl AsRef<[u8]>, mode: u32) -> String {
        let (_folder, secret) = file(text, mode);
        secret.read().unwrap_err().to_string()
    }

    #[test]
    fn a_file_of_the_agents_user_alone_is_read() {
        for mode in [0o600, 0o400] {
            let (_folder, secret) = file(TEXT, mode);
            assert_eq!(secret.read().unwrap().1, TEXT.trim_end());
        }
    }

    #[test]
    fn a_file_that_others_can_use_is_refused_with_the_command_that_mends_it() {
        for mode in [0o640, 0o604, 0o620, 0o644, 0o666] {
            let error = refusal(TEXT, mode);
            assert!(error.contains(&format!("mode {mode:03o}")) && error.contains("chmod 600 /"), "{error}");
        }
    }

    #[test]
    fn what_is_public_may_be_open_to_others() {
        static PUBLIC: Kind = Kind { is_public: true, ..KIND };
        let (folder, _) = file(TEXT, 0o644);
        assert!(Secret::new(&PUBLIC, None, folder.path()).read_given(None).is_ok());
    }

    #[test]
    fn a_credential_keeps_the_permissions_that_systemd_gave_it() {
        let (folder, _) = file(TEXT, 0o440);
        let secret = Secret::new(&KIND, None, Path::new("/else"));
        assert!(secret.read_given(Some(folder.path().into())).is_ok());
    }

    #[test]
    fn a_credential_that_systemd_did_not_give_is_told_with_its_remedy() {
        let (beside, _) = file(TEXT, 0o600);
        let folder = tempfile::tempdir().unwrap();
        let secret = Secret::new(&KIND, None, beside.path());
        let error = secret.read_given(Some(folder.path().into())).unwrap_err().to_string();
        assert!(error.contains("the unit needs LoadCredential=hub-word:FILE"), "{error}");
    }

    #[test]
    fn without_systemd_the_file_beside_the_configuration_is_taken() {
        let (beside, _) = file(TEXT, 0o600);
        for none in [None, Some(OsString::new())] {
            assert!(Secret::new(&KIND, None, beside.path()).read_given(none).is_ok());
        }
        let error = Secret::new(&KIND, None, Path::new("/else")).read_given(None).unwrap_err().to_string();
        assert!(error.contains("/else/hub-word") && error.contains("put the word there"), "{error}");
    }

    #[test]
    fn what_is_no_file_with_a_secret_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let of = |path: PathBuf| Secret::new(&KIND, Some(path), Path::new("")).read().unwrap_err();
        let absent = of(folder.path().join("absent")).to_string();
        assert!(absent.contains("name another file in [hub] word_file"), "{absent}");
        let directory = of(folder.path().to_owned());
        assert!(matches!(directory, SecretError::NotAFile { .. }), "{directory}");
        assert!(refusal("x".repeat(32 * 1024 + 1), 0o600).contains("larger than 32768 bytes"));
        assert!(refusal([0xff, 0xfe], 0o600).contains("does not hold text"));
    }
}
