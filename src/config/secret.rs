//! The one secret of a station: where its connection string is kept, and how it is read without being shown.

use std::{
    env,
    ffi::OsString,
    fs::{self, File},
    io::{self, Read},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use crate::hub::{Identity, IdentityError};

/// The name under which systemd's `LoadCredential=` gives the connection string.
const CREDENTIAL: &str = "hub-connection-string";

/// A connection string has a few hundred bytes.
const MAX_BYTES: u64 = 4096;

/// Where the device's connection string is kept; never in the configuration itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConnectionString {
    /// A file that only the agent's user can read.
    File(PathBuf),
    /// `$CREDENTIALS_DIRECTORY/hub-connection-string`, as systemd's `LoadCredential=` gives it; where systemd gave no
    /// credentials, as to a person at a shell, the file from which the unit takes it.
    CredentialOr(PathBuf),
}

/// Why there is no connection string; no text of it is repeated.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be read.
    #[error("cannot read the connection string in {}: {cause}; {remedy}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
        /// What a person can do.
        remedy: &'static str,
    },
    /// Not a file, but a folder or a device.
    #[error("{} is not a file; put the device's connection string into a file of its own", .0.display())]
    NotAFile(PathBuf),
    /// Other users can read or write the file.
    #[error(
        "{path} with the connection string is open to other users (mode {mode:03o}); run: chmod 600 {path}",
        path = path.display()
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file is too large to be one connection string.
    #[error(
        "{} is larger than {MAX_BYTES} bytes; it must hold the device's connection string alone",
        .0.display()
    )]
    TooLarge(PathBuf),
    /// The file does not hold text.
    #[error("{} does not hold text; it must hold the device's connection string alone", .0.display())]
    NotText(PathBuf),
    /// The text is no connection string of a device.
    #[error("{}: {fault}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: IdentityError,
    },
}

impl ConnectionString {
    /// The one that is used where the configuration of a station in this folder names none.
    pub(super) fn unnamed(folder: &Path) -> Self {
        Self::CredentialOr(folder.join(CREDENTIAL))
    }

    /// The file that is named, or that is read where systemd gives no credentials.
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::File(path) | Self::CredentialOr(path) => path,
        }
    }

    /// Reads the connection string, at most 4 KiB, without the newline at its end.
    ///
    /// # Errors
    /// When it is not there, cannot be read, is open to other users or is not the connection string of a device.
    pub fn read(&self) -> Result<Identity, SecretError> {
        match self {
            Self::File(path) => identity(path, Access::OwnerOnly),
            Self::CredentialOr(path) => credential(env::var_os("CREDENTIALS_DIRECTORY"), path),
        }
    }
}

/// Who may read the file.
#[derive(Clone, Copy, PartialEq)]
enum Access {
    OwnerOnly,
    /// systemd keeps credentials where no other service can look, with permissions of its own choice.
    AsGiven,
}

fn credential(folder: Option<OsString>, otherwise: &Path) -> Result<Identity, SecretError> {
    match folder.filter(|folder| !folder.is_empty()) {
        Some(folder) => identity(&Path::new(&folder).join(CREDENTIAL), Access::AsGiven),
        None => identity(otherwise, Access::OwnerOnly),
    }
}

fn identity(path: &Path, access: Access) -> Result<Identity, SecretError> {
    let unreadable = |cause| unreadable(path, access, cause);
    // Opening a pipe would wait for its writer.
    if !fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(SecretError::NotAFile(path.to_owned()));
    }
    let file = File::open(path).map_err(unreadable)?;
    let mode = file.metadata().map_err(unreadable)?.permissions().mode() & 0o777;
    if access == Access::OwnerOnly && mode & 0o077 != 0 {
        return Err(SecretError::Exposed { path: path.to_owned(), mode });
    }
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(SecretError::TooLarge(path.to_owned()));
    }
    let text = str::from_utf8(&bytes).map_err(|_| SecretError::NotText(path.to_owned()))?;
    Identity::parse(text.trim_end_matches(['\r', '\n']))
        .map_err(|fault| SecretError::Unusable { path: path.to_owned(), fault })
}

fn unreadable(path: &Path, access: Access, cause: io::Error) -> SecretError {
    let remedy = match (access, cause.kind()) {
        (Access::AsGiven, _) => "the unit needs LoadCredential=hub-connection-string:FILE",
        (_, io::ErrorKind::NotFound) => {
            "put the device's connection string there, or name another file in [hub] connection_string_file"
        }
        _ => "it must be readable for the agent's user",
    };
    SecretError::Unreadable { path: path.to_owned(), cause, remedy }
}

/// Marks of keys and tokens as Azure writes them, without blanks and in lower case.
const MARKS: [&str; 4] = ["sharedaccesskey=", "sharedaccesssignature", "accountkey=", "password="];

/// Keys that ask for a secret in the configuration itself, in lower case and without `_` and `-`.
const ASKING: [&str; 9] = [
    "connectionstring",
    "password",
    "secret",
    "sharedaccesskey",
    "sharedaccesssignature",
    "primarykey",
    "secondarykey",
    "devicekey",
    "sastoken",
];

/// Whether a text holds a connection string or a token, also one that was mangled in copying.
pub(super) fn is_secret(text: &str) -> bool {
    let folded: String =
        text.chars().filter(|it| !it.is_whitespace()).map(|it| it.to_ascii_lowercase()).collect();
    MARKS.iter().any(|mark| folded.contains(mark))
}

/// Whether the value of a key of this name would be a secret.
pub(super) fn asks_for_secret(key: &str) -> bool {
    let folded: String =
        key.chars().filter(|it| !"_- ".contains(*it)).map(|it| it.to_ascii_lowercase()).collect();
    ASKING.contains(&folded.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "HostName=h.example;DeviceId=station-3;SharedAccessKey=c2VjcmV0LXNlY3JldA==\n";

    fn file(text: impl AsRef<[u8]>, mode: u32) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(CREDENTIAL);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        (folder, path)
    }

    fn refusal(text: impl AsRef<[u8]>, mode: u32) -> String {
        let (_folder, path) = file(text, mode);
        ConnectionString::File(path).read().unwrap_err().to_string()
    }

    #[test]
    fn a_file_of_the_agents_user_alone_is_read() {
        for mode in [0o600, 0o400] {
            let (_folder, path) = file(TEXT, mode);
            assert_eq!(ConnectionString::File(path).read().unwrap().device(), "station-3");
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
    fn a_credential_keeps_the_permissions_that_systemd_gave_it() {
        let (folder, _path) = file(TEXT, 0o440);
        assert_eq!(credential(Some(folder.path().into()), Path::new("/else")).unwrap().device(), "station-3");
    }

    #[test]
    fn a_credential_that_systemd_did_not_give_is_told_with_its_remedy() {
        let (_folder, beside) = file(TEXT, 0o600);
        let folder = tempfile::tempdir().unwrap();
        let error = credential(Some(folder.path().into()), &beside).unwrap_err().to_string();
        assert!(error.contains("the unit needs LoadCredential=hub-connection-string:FILE"), "{error}");
    }

    #[test]
    fn without_systemd_the_file_beside_the_configuration_is_taken() {
        let (_folder, beside) = file(TEXT, 0o600);
        for none in [None, Some(OsString::new())] {
            assert_eq!(credential(none, &beside).unwrap().device(), "station-3");
        }
        let error = credential(None, Path::new("/else/hub-connection-string")).unwrap_err().to_string();
        assert!(
            error.contains("/else/hub-connection-string") && error.contains("put the device's"),
            "{error}"
        );
    }

    #[test]
    fn what_is_no_file_with_a_connection_string_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let absent = ConnectionString::File(folder.path().join("absent")).read().unwrap_err().to_string();
        assert!(absent.contains("name another file in [hub] connection_string_file"), "{absent}");
        let directory = ConnectionString::File(folder.path().to_owned()).read().unwrap_err();
        assert!(matches!(directory, SecretError::NotAFile(_)), "{directory}");
        assert!(refusal("x".repeat(4097), 0o600).contains("larger than 4096 bytes"));
        assert!(refusal([0xff, 0xfe], 0o600).contains("does not hold text"));
        assert!(refusal("", 0o600).contains("no HostName"));
    }

    #[test]
    fn no_error_shows_what_is_in_the_file() {
        for text in [TEXT.replace("HostName=", ""), TEXT.repeat(100), TEXT.replace("==", "")] {
            let (_folder, path) = file(text, 0o600);
            let error = ConnectionString::File(path).read().unwrap_err();
            assert!(!format!("{error} {error:?}").contains("c2Vj"), "{error:?}");
        }
    }

    #[test]
    fn a_secret_is_known_by_its_marks() {
        for text in
            ["HostName=h;SharedAccessKey=c2Vj", "sharedaccesskey = c2Vj", "SharedAccessSignature sr=h&sig=x"]
        {
            assert!(is_secret(text), "{text}");
        }
        for text in ["", "/etc/andon/hub-connection-string", "/run/SharedAccessKey", "HostName=h"] {
            assert!(!is_secret(text), "{text}");
        }
        assert!(asks_for_secret("connection_string") && asks_for_secret("SharedAccessKey"));
        assert!(!asks_for_secret("connection_string_file") && !asks_for_secret("key"));
    }
}
