//! Several stations in one process: what no two of them may share.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{
    document::Document,
    fault::{ConfigError, Fault, Key},
    secret::Secret,
    source::Source,
};

/// One thing of a station that must be its alone.
pub(super) struct Own {
    pub(super) section: &'static str,
    pub(super) key: &'static str,
    /// `None` for a key that is not written.
    pub(super) line: Option<usize>,
    /// What it is: things of two kinds are never the same.
    pub(super) kind: &'static str,
    /// Something that is equal for two stations that share it.
    pub(super) value: PathBuf,
    /// How a message repeats it.
    pub(super) shown: String,
    pub(super) remedy: &'static str,
}

impl Own {
    pub(super) fn is_same(&self, other: &Self) -> bool {
        (self.kind, &self.value) == (other.kind, &other.value)
    }
}

/// What a station shares with no other.
pub(super) fn own(
    document: &Document<'_>,
    id: &str,
    outbox: &Path,
    evidence: Option<&Path>,
    secret: &Secret,
    source: &Source,
) -> Vec<Own> {
    let own = |kind, section, key, value: PathBuf, remedy| {
        let line = document.section(section).line_of(key);
        let shown = format!("{:?}", value.display().to_string());
        Own { section, key, line, kind, value, shown, remedy }
    };
    let file = "name another file here, or keep the stations' files in folders of their own";
    let folder = "name another folder here, or keep the stations' files in folders of their own";
    let device = "each station is a device of its own at the hub: name the file with its own secret here";
    let (secret_section, secret_key) = secret.key();
    let mut all = vec![
        own("station", "station", "id", PathBuf::from(id), "give each station an id of its own"),
        own("outbox", "outbox", "file", place(outbox), file),
        own("secret", secret_section, secret_key, place(secret.path()), device),
    ];
    all.extend(evidence.map(|it| own("evidence", "evidence", "folder", place(it), folder)));
    if let Source::Usb(camera) = source {
        let which = &camera.which;
        // A camera streams to one program, and there to one station. Cheap ones share their serial numbers.
        let remedy = "give each station a camera of its own";
        for (key, word) in [("usb_path", &which.usb_path), ("by_id", &which.by_id)] {
            let word = word.as_ref().map(PathBuf::from);
            all.extend(word.map(|it| own(key, "source.camera", key, it, remedy)));
        }
    }
    all
}

/// Every key in which a station is not set apart from the first that has the same.
pub(super) fn faults(stations: &[(PathBuf, Vec<Own>)]) -> ConfigError {
    let mut error = ConfigError::default();
    for (number, (path, own)) in stations.iter().enumerate() {
        for own in own {
            let first = stations[..number]
                .iter()
                .find_map(|(path, others)| Some((path, others.iter().find(|it| it.is_same(own))?)));
            let Some((first, theirs)) = first else { continue };
            let first = match theirs.line {
                Some(line) => format!("{}:{line}", first.display()),
                None => first.display().to_string(),
            };
            let (theirs, key) = (Key::new(theirs.section, theirs.key), Key::new(own.section, own.key));
            let also = if theirs == key { String::new() } else { format!(" as {theirs}") };
            error.faults.push(Fault {
                file: path.clone(),
                line: own.line,
                key: Some(key),
                value: Some(own.shown.clone()),
                problem: format!("the station in {first} has the same{also}"),
                remedy: own.remedy.to_owned(),
            });
        }
    }
    error
}

/// A path by which one file is told from another, however it is written; it need not be there yet.
pub(super) fn place(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let found = absolute.ancestors().find_map(|there| {
        let rest = absolute.strip_prefix(there).ok()?;
        let there = fs::canonicalize(there).ok()?;
        // Joined with nothing it would get a slash at its end.
        Some(if rest.as_os_str().is_empty() { there } else { there.join(rest) })
    });
    found.unwrap_or(absolute)
}

/// The stations' files that are meant by a path: the file, or those of a folder that end in `.toml`, in the order of
/// their names.
pub(super) fn files(path: &Path) -> Result<Vec<PathBuf>, ConfigError> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let remedy = "give stations' files, or a folder with them, with --config";
    let unreadable = |cause| ConfigError::whole(path, format!("cannot list the folder: {cause}"), remedy);
    let listed: Result<Vec<_>, _> = fs::read_dir(path).map_err(unreadable)?.collect();
    let mut files: Vec<PathBuf> = listed.map_err(unreadable)?.into_iter().map(|it| it.path()).collect();
    files.retain(|it| it.extension().is_some_and(|ending| ending == "toml") && it.is_file());
    files.sort();
    if files.is_empty() {
        return Err(ConfigError::whole(path, "this folder holds no file that ends in .toml", remedy));
    }
    Ok(files)
}
