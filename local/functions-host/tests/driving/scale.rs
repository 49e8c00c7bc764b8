//! Timers, and several instances.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use functions_host::{FunctionsHost, HostError};
use serde_json::{Value, json};

use super::plant::{Plant, events_of, range, until};

fn with_a_clock(plant: Plant) -> Plant {
    let timer =
        json!({ "bindings": [{ "type": "timerTrigger", "name": "timer", "schedule": "0 0 0 1 1 *" }] });
    std::fs::create_dir_all(plant.options.app.join("Clock")).unwrap();
    std::fs::write(plant.options.app.join("Clock/function.json"), timer.to_string()).unwrap();
    plant
}

#[tokio::test]
async fn a_timer_is_posted_to_its_function_and_a_failure_is_counted_and_not_repeated() {
    let mut plant = with_a_clock(Plant::answering("ok,500,ok"));
    plant.options.timer_every = Some(Duration::from_millis(30));
    let host = plant.start().await;
    let progress = until(&host, |progress| progress.ticks >= 4).await;
    host.stop().await.unwrap();
    assert_eq!((progress.failed_ticks, progress.retries), (1, 0));
    let post = &plant.posts()[0];
    assert_eq!(post["path"], "/Clock");
    let timer = &post["body"]["Data"]["timer"];
    assert_eq!(timer["IsPastDue"], json!(false), "an object, not the text of one: {post}");
    assert!(timer["ScheduleStatus"]["Next"].as_str().unwrap().contains("-01-01T00:00:00Z"), "{timer}");
}

#[tokio::test]
async fn instances_share_the_partitions_and_the_timer_runs_on_one() {
    let mut plant = with_a_clock(Plant::answering("ok"));
    (plant.options.instances, plant.options.timer_every) = (2, Some(Duration::from_millis(30)));
    for partition in ["0", "1", "2", "3"] {
        plant.events(partition, 0..6);
    }
    let host = plant.start().await;
    until(&host, |progress| progress.delivered == 24 && progress.ticks >= 2).await;
    host.stop().await.unwrap();
    let mut readers: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
    let mut clocks = BTreeSet::new();
    for post in plant.posts() {
        let process = post["pid"].as_u64().unwrap();
        if post["path"] == "/Clock" {
            clocks.insert(process);
        } else {
            let partition = post["body"]["Metadata"]["PartitionContext"]["PartitionId"].as_str().unwrap();
            readers.entry(partition.to_owned()).or_default().insert(process);
        }
    }
    assert!(readers.values().all(|processes| processes.len() == 1), "{readers:?}");
    assert_eq!(readers.values().flatten().collect::<BTreeSet<_>>().len(), 2, "{readers:?}");
    assert_eq!(clocks.len(), 1);
}

#[tokio::test]
async fn a_crash_of_one_instance_holds_up_its_partitions_only() {
    let mut plant = Plant::answering("500-for-poison").changing("DefectMailer/function.json", |function| {
        function["retry"] =
            json!({ "strategy": "fixedDelay", "maxRetryCount": -1, "delayInterval": "00:00:20" });
    });
    plant.options.instances = 2;
    plant.append(&super::plant::line("0", 0, "poison"));
    plant.events("1", 0..4);
    let host = plant.start().await;
    let progress = until(&host, |progress| progress.delivered == 4 && progress.failed_attempts >= 2).await;
    assert_eq!(progress.given_up, 0);
    host.stop().await.unwrap();
    assert_eq!((plant.checkpoint("0"), plant.checkpoint("1")), (Value::Null, json!(3)));
}

fn kill(process: u64) {
    let killed = std::process::Command::new("kill").args(["-KILL", &process.to_string()]).status().unwrap();
    assert!(killed.success());
}

#[tokio::test]
async fn a_handler_killed_in_a_batch_gets_it_again_and_one_that_does_not_stay_leaves_it_to_the_other() {
    let mut plant = Plant::answering("ok-unless-held").changing("host.json", |host| {
        host["functionTimeout"] = json!("-1");
        host["extensions"]["eventHubs"]["batchCheckpointFrequency"] = json!(2);
    });
    plant.options.instances = 2;
    let host = plant.start().await;
    plant.events("0", 0..1);
    until(&host, |progress| progress.delivered == 1).await;
    plant.hold(true);
    plant.events("0", 1..2);
    kill(plant.process_of_post(2).await);
    plant.process_of_post(3).await;
    plant.hold(false);
    until(&host, |progress| progress.checkpoints == 1).await;
    plant.events("0", 2..3);
    until(&host, |progress| progress.delivered == 3).await;

    plant.hold(true);
    plant.events("0", 3..4);
    kill(plant.process_of_post(5).await);
    let first = plant.process_of_post(6).await;
    kill(first);
    // The third end is its last, and what it had taken since the checkpoint comes again.
    let second = plant.process_of_post(7).await;
    plant.hold(false);
    plant.events("0", 4..5);
    let progress = until(&host, |progress| progress.checkpoints == 2).await;
    assert_eq!((progress.given_up, progress.restarts), (0, 2));
    assert_ne!(first, second);
    let posts = [0..1, 1..2, 1..2, 2..3, 3..4, 3..4, 2..4, 4..5].map(|numbers| range("0", numbers));
    assert_eq!(plant.batches(), posts);
    assert_eq!(plant.checkpoint("0"), json!(4));
    host.stop().await.unwrap();
}

#[tokio::test]
async fn one_that_joins_takes_its_share_and_gets_what_the_other_has_in_hand() {
    let plant = Plant::answering("ok-unless-held")
        .changing("host.json", |host| host["functionTimeout"] = json!("-1"));
    let host = plant.start().await;
    let partitions = ["0", "1", "2", "3"];
    let all = |numbers: Range<i64>| partitions.map(|partition| plant.events(partition, numbers.clone()));
    all(0..1);
    until(&host, |progress| progress.delivered == 4).await;
    plant.hold(true);
    all(1..2);
    let first = plant.process_of_post(8).await;
    host.add_instance();
    let second = plant.process_of_post(10).await;
    assert_ne!(first, second);
    plant.hold(false);
    until(&host, |progress| progress.delivered == 8).await;
    all(2..3);
    let progress = until(&host, |progress| progress.checkpoints == 12).await;
    assert_eq!((progress.delivered, progress.takeovers), (12, 2));
    assert_eq!((progress.given_up, progress.failed_attempts), (0, 0));
    host.stop().await.unwrap();

    let posts = plant.posts();
    let of = |partition: &str| -> Vec<(u64, Vec<String>)> {
        let start = format!("{partition}/");
        let posts = posts.iter().map(|post| (post["pid"].as_u64().unwrap(), events_of(post)));
        posts.filter(|(_, events)| events[0].starts_with(&start)).collect()
    };
    for moved in ["0", "1"] {
        let expected = [(first, 0), (first, 1), (second, 1), (second, 2)];
        assert_eq!(of(moved), expected.map(|(process, n)| (process, range(moved, n..n + 1))));
    }
    for stayed in ["2", "3"] {
        assert_eq!(of(stayed), [0, 1, 2].map(|n| (first, range(stayed, n..n + 1))));
    }
}

#[tokio::test]
async fn what_was_done_since_the_checkpoint_comes_again_to_the_instance_that_takes_over() {
    let plant = Plant::answering("ok").changing("host.json", |host| {
        host["extensions"]["eventHubs"]["batchCheckpointFrequency"] = json!(2);
    });
    let host = plant.start().await;
    for partition in ["0", "1"] {
        plant.events(partition, 0..1);
    }
    until(&host, |progress| progress.delivered == 2).await;
    host.add_instance();
    until(&host, |progress| progress.takeovers == 1).await;
    plant.events("0", 1..2);
    until(&host, |progress| progress.delivered == 4).await;
    plant.events("0", 2..3);
    until(&host, |progress| progress.checkpoints == 1).await;
    host.stop().await.unwrap();
    let expected = [range("0", 0..2), range("0", 2..3)];
    assert_eq!(plant.batches()[2..], expected);
    assert_eq!(plant.checkpoint("0"), json!(2));
}

#[tokio::test]
async fn one_that_cannot_join_leaves_the_others_at_work() {
    let mut plant = Plant::answering("ok");
    let (program, draft) = (plant.path("handler.sh"), plant.path("new"));
    plant.options.executable = Some(program.clone());
    let is = |line: &str| {
        // A new file: one that runs cannot be written.
        std::fs::write(&draft, format!("#!/bin/sh\n{line}\n")).unwrap();
        std::fs::set_permissions(&draft, PermissionsExt::from_mode(0o755)).unwrap();
        std::fs::rename(&draft, &program).unwrap();
    };
    is("exec python3 \"$@\"");
    let host = plant.start().await;
    is("exit 4");
    host.add_instance();
    until(&host, |progress| progress.restarts == 2).await;
    plant.events("0", 0..1);
    plant.events("1", 0..1);
    let progress = until(&host, |progress| progress.delivered == 2).await;
    assert_eq!(progress.takeovers, 0);
    host.stop().await.unwrap();
}

#[tokio::test]
async fn no_instance_is_no_host() {
    let mut plant = Plant::answering("ok");
    plant.options.instances = 0;
    let error = FunctionsHost::start(plant.options.clone()).await.unwrap_err();
    assert!(matches!(error, HostError::NoInstance), "{error}");
}
