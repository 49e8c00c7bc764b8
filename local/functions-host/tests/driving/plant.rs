//! A function app whose handler gives chosen answers, and what the host posted to it.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use functions_host::{FunctionsHost, HandlerOutput, HostOptions, Progress};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A function app whose handler gives chosen answers, and the events file that feeds it.
pub(crate) struct Plant {
    folder: TempDir,
    pub(crate) options: HostOptions,
}

impl Plant {
    pub(crate) fn answering(answers: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/handler.py");
        let host = json!({
            "version": "2.0",
            "customHandler": { "description": { "defaultExecutablePath": "python3", "arguments": [script] } },
            "extensions": { "eventHubs": { "maxEventBatchSize": 4 } },
            "functionTimeout": "00:00:02",
        });
        let function = json!({
            "bindings": [{ "type": "eventHubTrigger", "name": "events", "eventHubName": "hub", "cardinality": "many" }],
            "retry": {
                "strategy": "exponentialBackoff", "maxRetryCount": 3,
                "minimumInterval": "00:00:05", "maximumInterval": "00:05:00",
            },
        });
        fs::create_dir_all(root.join("app/DefectMailer")).unwrap();
        fs::write(root.join("app/host.json"), host.to_string()).unwrap();
        fs::write(root.join("app/DefectMailer/function.json"), function.to_string()).unwrap();
        let mut options = HostOptions::new(root.join("app"), root.join("events.jsonl"));
        options.checkpoint = Some(root.join("checkpoints.json"));
        options.output = HandlerOutput::Discard;
        options.retry_scale = 0.002;
        let record = root.join("record.jsonl").display().to_string();
        options.environment = [("ANSWERS", answers.to_owned()), ("RECORD", record)]
            .map(|(name, value)| (name.to_owned(), value))
            .into();
        Self { folder, options }
    }

    pub(crate) fn changing(self, file: &str, change: impl FnOnce(&mut Value)) -> Self {
        let path = self.options.app.join(file);
        let mut content: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        change(&mut content);
        fs::write(path, content.to_string()).unwrap();
        self
    }

    pub(crate) fn setting(mut self, name: &str, value: &str) -> Self {
        self.options.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    pub(crate) fn append(&self, text: &str) {
        let mut file = File::options().append(true).create(true).open(&self.options.events).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    /// Puts events with these numbers into a partition.
    pub(crate) fn events(&self, partition: &str, numbers: std::ops::Range<i64>) {
        for number in numbers {
            self.append(&line(partition, number, &format!("{partition}/{number}")));
        }
    }

    pub(crate) async fn start(&self) -> FunctionsHost {
        FunctionsHost::start(self.options.clone()).await.unwrap()
    }

    /// What the handler was sent, oldest first.
    pub(crate) fn posts(&self) -> Vec<Value> {
        let record = fs::read_to_string(self.path("record.jsonl")).unwrap_or_default();
        record.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The events of each post, as sent.
    pub(crate) fn batches(&self) -> Vec<Vec<String>> {
        self.posts().iter().map(events_of).collect()
    }

    /// With the answer `ok-unless-held`, whether the handler keeps whoever posts waiting.
    pub(crate) fn hold(&self, is_held: bool) {
        let file = self.path("record.jsonl.hold");
        if is_held { fs::write(file, "").unwrap() } else { fs::remove_file(file).unwrap() }
    }

    /// The process of the newest post, once there are so many.
    pub(crate) async fn process_of_post(&self, count: usize) -> u64 {
        let begin = Instant::now();
        while self.posts().len() < count {
            assert!(begin.elapsed() < Duration::from_secs(20), "still {:?}", self.batches());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.posts()[count - 1]["pid"].as_u64().unwrap()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn checkpoint(&self, partition: &str) -> Value {
        let kept: Value = serde_json::from_slice(&fs::read(self.path("checkpoints.json")).unwrap()).unwrap();
        kept["done"]["DefectMailer"][partition].clone()
    }
}

/// The events of a post, as sent.
pub(crate) fn events_of(post: &Value) -> Vec<String> {
    serde_json::from_str(post["body"]["Data"]["events"].as_str().unwrap()).unwrap()
}

pub(crate) fn line(partition: &str, number: i64, body: &str) -> String {
    let event = json!({
        "partition": partition, "sequence_number": number, "offset": format!("{}", number * 100),
        "enqueued_time": "2026-11-23T04:05:06Z", "body": body, "properties": {},
        "system_properties": { "iothub-connection-device-id": "st-3" },
    });
    format!("{event}\n")
}

/// Waits until the host's numbers are as wanted, and returns them.
pub(crate) async fn until(host: &FunctionsHost, wanted: impl Fn(&Progress) -> bool) -> Progress {
    let begin = Instant::now();
    loop {
        let progress = host.progress();
        if wanted(&progress) {
            return progress;
        }
        assert!(begin.elapsed() < Duration::from_secs(20), "still {progress:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub(crate) fn range(partition: &str, numbers: std::ops::Range<i64>) -> Vec<String> {
    numbers.map(|number| format!("{partition}/{number}")).collect()
}
