//! By what a secret is known that somebody wrote into the configuration.

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
