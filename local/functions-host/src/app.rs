//! What a function app's folder says: `host.json` and each `function.json`.
//!
//! Keys and defaults: Microsoft Learn, "host.json reference", "Azure Functions custom handlers" and "Azure Event Hubs
//! bindings for Azure Functions".

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::{
    retry::{RawRetry, RetryPolicy},
    schedule::{Schedule, Timer},
    time_span,
};

/// A function app as its folder describes it.
#[derive(Debug, Clone)]
pub struct App {
    /// The folder; the handler finds it in `FUNCTIONS_APP_ROOT_PATH`.
    pub root: PathBuf,
    /// The executable, absolute or to be looked up in `PATH`.
    pub executable: PathBuf,
    /// Arguments for the executable.
    pub arguments: Vec<String>,
    /// Where the executable runs.
    pub working_directory: PathBuf,
    /// How long an invocation may take; `None` for ever.
    pub timeout: Option<Duration>,
    /// How events become batches.
    pub batches: Batches,
    /// The functions with an Event Hubs trigger, by name.
    pub functions: Vec<Function>,
    /// The functions with a timer trigger, by name.
    pub timers: Vec<Timer>,
}

/// A function with an Event Hubs trigger.
#[derive(Debug, Clone)]
pub struct Function {
    /// Name of its folder, which is also the path that is posted to.
    pub name: String,
    /// Name of the trigger's binding, which is the key under `Data`.
    pub binding: String,
    /// Name of the event hub with settings filled in.
    pub event_hub: String,
    /// Host name of the Event Hubs namespace, from the connection setting; `localhost` without one.
    pub namespace: String,
    /// Consumer group.
    pub consumer_group: String,
    /// Whether events are handed over as base64 instead of text.
    pub binary: bool,
    /// What happens after a failed invocation.
    pub retry: RetryPolicy,
}

/// How events become batches, from `extensions.eventHubs`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Batches {
    /// Most events in one invocation.
    pub max_event_batch_size: usize,
    /// Least events in one invocation, as long as `max_wait_time` has not passed.
    pub min_event_batch_size: usize,
    /// Longest wait for the least number of events.
    #[serde(deserialize_with = "time_span::deserialize")]
    pub max_wait_time: Duration,
    /// Batches between two checkpoints.
    pub batch_checkpoint_frequency: u32,
    /// Where a partition without a checkpoint is read from.
    pub initial_offset_options: InitialOffset,
}

impl Default for Batches {
    fn default() -> Self {
        Self {
            max_event_batch_size: 100,
            min_event_batch_size: 1,
            max_wait_time: Duration::from_secs(60),
            batch_checkpoint_frequency: 1,
            initial_offset_options: InitialOffset::default(),
        }
    }
}

/// Where a partition without a checkpoint is read from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", tag = "type")]
pub enum InitialOffset {
    /// From the oldest event that is kept.
    #[default]
    FromStart,
    /// From the first event after the host's first start.
    FromEnd,
}

/// Why a folder is no function app that can be driven here.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}; name the folder that holds host.json", path.display())]
    Unreadable {
        /// Which file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file does not hold what it should.
    #[error("cannot understand {}: {reason}", path.display())]
    NotUnderstood {
        /// Which file.
        path: PathBuf,
        /// What is wrong and what would be right.
        reason: String,
    },
    /// No function has an Event Hubs trigger.
    #[error("no function in {} has an eventHubTrigger, so there is nothing to run", .0.display())]
    NoFunction(PathBuf),
}

impl App {
    /// Reads the folder. `settings` are the app settings that `%NAME%` and `connection` refer to.
    ///
    /// # Errors
    /// A file is missing or not understood, or it asks for what this driver does not do.
    pub fn read(root: &Path, settings: &BTreeMap<String, String>) -> Result<Self, AppError> {
        let root =
            root.canonicalize().map_err(|source| AppError::Unreadable { path: root.to_owned(), source })?;
        let path = root.join("host.json");
        let raw: RawHost = read_json(&path)?;
        let description = raw.custom_handler.description;
        let batches = raw.extensions.event_hubs;
        if batches.max_event_batch_size == 0 || batches.batch_checkpoint_frequency == 0 {
            let reason = "maxEventBatchSize and batchCheckpointFrequency must be at least 1".to_owned();
            return Err(AppError::NotUnderstood { path, reason });
        }
        let timeout = match raw.function_timeout.as_deref() {
            // Microsoft Learn, "host.json": 30 minutes where the plan sets no other default; -1 is unbounded.
            None => Some(Duration::from_secs(30 * 60)),
            Some("-1") => None,
            Some(text) => Some(time_span::parse(text).ok_or_else(|| AppError::NotUnderstood {
                path: path.clone(),
                reason: format!("functionTimeout is \"{text}\"; write hh:mm:ss or -1"),
            })?),
        };
        let (functions, timers) = read_functions(&root, settings)?;
        Ok(Self {
            executable: found_executable(&root, &description.default_executable_path),
            arguments: description.arguments,
            working_directory: root.join(description.working_directory),
            timeout,
            batches,
            functions,
            timers,
            root,
        })
    }
}

fn found_executable(root: &Path, named: &str) -> PathBuf {
    let beside = root.join(named);
    if beside.is_file() { beside } else { PathBuf::from(named) }
}

fn read_functions(
    root: &Path,
    settings: &BTreeMap<String, String>,
) -> Result<(Vec<Function>, Vec<Timer>), AppError> {
    let unreadable = |source| AppError::Unreadable { path: root.to_owned(), source };
    let (mut functions, mut timers) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(root).map_err(unreadable)? {
        let folder = entry.map_err(unreadable)?.path();
        let path = folder.join("function.json");
        let Some(name) = folder.file_name().and_then(|name| name.to_str()).filter(|_| path.is_file()) else {
            continue;
        };
        let raw: RawFunction = read_json(&path)?;
        let not_understood = |reason| AppError::NotUnderstood { path: path.clone(), reason };
        let trigger = raw.bindings.into_iter().find(|binding| binding.kind.ends_with("Trigger"));
        match trigger.as_ref().map(|binding| binding.kind.as_str()).zip(trigger.as_ref()) {
            Some(("eventHubTrigger", binding)) => {
                functions.push(function(name, binding.clone(), raw.retry, settings).map_err(not_understood)?)
            }
            Some(("timerTrigger", binding)) => timers.push(timer(name, binding).map_err(not_understood)?),
            _ => tracing::warn!(function = name, "has no trigger that is driven here and is not run"),
        }
    }
    if functions.is_empty() {
        return Err(AppError::NoFunction(root.to_owned()));
    }
    functions.sort_by(|a, b| a.name.cmp(&b.name));
    timers.sort_by(|a, b| a.name.cmp(&b.name));
    Ok((functions, timers))
}

fn function(
    name: &str,
    binding: RawBinding,
    retry: Option<RawRetry>,
    settings: &BTreeMap<String, String>,
) -> Result<Function, String> {
    if binding.cardinality.as_deref() != Some("many") {
        return Err("cardinality must be \"many\"; single events are not driven here".to_owned());
    }
    let setting = |name: &str| settings.get(name).cloned();
    Ok(Function {
        name: name.to_owned(),
        binding: binding.name,
        event_hub: match binding.event_hub_name.strip_prefix('%').and_then(|name| name.strip_suffix('%')) {
            Some(name) => setting(name).unwrap_or_else(|| binding.event_hub_name.clone()),
            None => binding.event_hub_name,
        },
        namespace: binding
            .connection
            .and_then(|name| setting(&name))
            .and_then(|connection| namespace(&connection))
            .unwrap_or_else(|| "localhost".to_owned()),
        consumer_group: binding.consumer_group.unwrap_or_else(|| "$Default".to_owned()),
        binary: match binding.data_type.as_deref() {
            None | Some("string") => false,
            Some("binary") => true,
            Some(other) => return Err(format!("dataType is \"{other}\"; write \"string\" or \"binary\"")),
        },
        retry: retry.map_or(Ok(RetryPolicy::none()), RetryPolicy::try_from)?,
    })
}

fn timer(name: &str, binding: &RawBinding) -> Result<Timer, String> {
    let schedule = Schedule::parse(binding.schedule.as_deref().unwrap_or_default())?;
    Ok(Timer { name: name.to_owned(), binding: binding.name.clone(), schedule })
}

/// The host name in `Endpoint=sb://NAME/;SharedAccessKeyName=...`.
fn namespace(connection: &str) -> Option<String> {
    let endpoint = connection.split(';').find_map(|part| part.trim().strip_prefix("Endpoint=sb://"))?;
    Some(endpoint.trim_end_matches('/').to_owned())
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, AppError> {
    let text = fs::read(path).map_err(|source| AppError::Unreadable { path: path.to_owned(), source })?;
    serde_json::from_slice(&text)
        .map_err(|error| AppError::NotUnderstood { path: path.to_owned(), reason: error.to_string() })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawHost {
    custom_handler: RawHandler,
    #[serde(default)]
    extensions: RawExtensions,
    function_timeout: Option<String>,
}

#[derive(Deserialize)]
struct RawHandler {
    description: RawDescription,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawDescription {
    default_executable_path: String,
    #[serde(default)]
    working_directory: String,
    #[serde(default)]
    arguments: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RawExtensions {
    event_hubs: Batches,
}

#[derive(Deserialize)]
struct RawFunction {
    bindings: Vec<RawBinding>,
    retry: Option<RawRetry>,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawBinding {
    #[serde(rename = "type")]
    kind: String,
    name: String,
    #[serde(default)]
    event_hub_name: String,
    connection: Option<String>,
    consumer_group: Option<String>,
    cardinality: Option<String>,
    data_type: Option<String>,
    schedule: Option<String>,
}

#[cfg(test)]
mod tests;
