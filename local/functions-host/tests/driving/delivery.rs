//! How events reach the handler, and what becomes of them.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use functions_host::{FunctionsHost, HostError};
use serde_json::{Value, json};

use super::plant::{Plant, line, range, until};

#[tokio::test]
async fn the_handler_is_posted_to_only_once_it_answers_whatever_it_answers() {
    let plant = Plant::answering("ok").setting("START_AFTER", "0.5");
    plant.events("0", 0..1);
    let begin = Instant::now();
    let host = plant.start().await;
    assert!(begin.elapsed() > Duration::from_millis(500));
    let progress = until(&host, |progress| progress.checkpoints == 1).await;
    assert_eq!((progress.delivered, progress.failed_attempts, progress.restarts), (1, 0, 0));
    let post = &plant.posts()[0];
    assert_eq!(post["path"], "/DefectMailer");
    assert_eq!(post["headers"]["content-type"], "application/json; charset=utf-8");
    assert!(post["headers"]["x-azure-functions-invocationid"].as_str().is_some_and(|id| id.len() == 36));
    assert!(post["headers"]["user-agent"].as_str().unwrap().starts_with("Azure-Functions-Host/"));
    host.stop().await.unwrap();
}

#[tokio::test]
async fn events_go_partition_by_partition_in_order_and_in_batches_of_the_set_size() {
    let plant = Plant::answering("ok");
    plant.events("0", 0..6);
    plant.events("1", 10..12);
    let host = plant.start().await;
    until(&host, |progress| progress.delivered == 8).await;
    plant.events("1", 12..13);
    let progress = until(&host, |progress| progress.delivered == 9).await;
    let mut batches = plant.batches();
    batches.sort();
    assert_eq!(batches, [range("0", 0..4), range("0", 4..6), range("1", 10..12), range("1", 12..13)]);
    assert_eq!(progress.batches, 4);
    host.stop().await.unwrap();
    assert_eq!((plant.checkpoint("0"), plant.checkpoint("1")), (json!(5), json!(12)));
}

#[tokio::test]
async fn a_failed_batch_is_posted_again_until_it_succeeds_and_only_then_checkpointed() {
    let plant = Plant::answering("500,404,ok");
    plant.events("0", 0..2);
    let host = plant.start().await;
    let progress = until(&host, |progress| progress.checkpoints == 1).await;
    assert_eq!((progress.failed_attempts, progress.retries, progress.delivered), (2, 2, 2));
    assert_eq!(plant.batches(), [range("0", 0..2), range("0", 0..2), range("0", 0..2)]);
    let retries: Vec<Value> = plant
        .posts()
        .iter()
        .map(|post| post["body"]["Metadata"]["RetryContext"]["RetryCount"].clone())
        .collect();
    assert_eq!(retries, [Value::Null, json!(1), json!(2)]);
    host.stop().await.unwrap();
}

#[tokio::test]
async fn after_the_last_retry_the_batch_is_given_up_and_checkpointed_all_the_same() {
    let plant = Plant::answering("500,500,500,500,ok");
    plant.events("0", 0..3);
    let host = plant.start().await;
    until(&host, |progress| progress.checkpoints == 1).await;
    plant.events("0", 3..4);
    let progress = until(&host, |progress| progress.checkpoints == 2).await;
    assert_eq!((progress.given_up, progress.delivered, progress.failed_attempts), (3, 1, 4));
    assert_eq!(plant.batches().last().unwrap(), &range("0", 3..4));
    host.stop().await.unwrap();
}

#[tokio::test]
async fn without_a_retry_policy_a_failed_batch_is_lost_at_once() {
    let plant = Plant::answering("500,ok").changing("DefectMailer/function.json", |function| {
        function.as_object_mut().unwrap().remove("retry");
    });
    plant.events("0", 0..1);
    let host = plant.start().await;
    let progress = until(&host, |progress| progress.checkpoints == 1).await;
    assert_eq!((progress.given_up, progress.retries, progress.delivered), (1, 0, 0));
    host.stop().await.unwrap();
}

#[tokio::test]
async fn a_partition_that_fails_holds_up_no_other() {
    let plant = Plant::answering("500-for-poison").changing("DefectMailer/function.json", |function| {
        function["retry"] =
            json!({ "strategy": "fixedDelay", "maxRetryCount": -1, "delayInterval": "00:00:20" });
    });
    plant.append(&line("0", 0, "poison"));
    plant.events("0", 1..2);
    let host = plant.start().await;
    until(&host, |progress| progress.failed_attempts == 3).await;
    plant.events("1", 0..5);
    let progress = until(&host, |progress| progress.delivered == 5).await;
    assert_eq!(progress.given_up, 0);
    host.stop().await.unwrap();
    assert_eq!((plant.checkpoint("0"), plant.checkpoint("1")), (Value::Null, json!(4)));
}

#[tokio::test]
async fn an_empty_or_null_answer_never_ends_the_invocation_before_its_time_out_which_restarts_the_handler() {
    for answer in ["empty", "null", "hang"] {
        let plant = Plant::answering(&format!("{answer},ok"));
        plant.events("0", 0..1);
        let begin = Instant::now();
        let host = plant.start().await;
        let progress = until(&host, |progress| progress.checkpoints == 1).await;
        assert!(begin.elapsed() > Duration::from_secs(2), "{answer}");
        assert_eq!((progress.failed_attempts, progress.delivered, progress.restarts), (1, 1, 1), "{answer}");
        host.stop().await.unwrap();
    }
}

#[tokio::test]
async fn an_answer_that_is_no_json_is_a_failure() {
    let plant = Plant::answering("text,broken,ok");
    plant.events("0", 0..1);
    let host = plant.start().await;
    let progress = until(&host, |progress| progress.checkpoints == 1).await;
    assert_eq!((progress.failed_attempts, progress.delivered), (2, 1));
    host.stop().await.unwrap();
}

#[tokio::test]
async fn a_handler_that_crashes_is_started_again_and_gets_the_batch_again() {
    let plant = Plant::answering("crash,ok");
    plant.events("0", 0..2);
    let host = plant.start().await;
    let progress = until(&host, |progress| progress.checkpoints == 1).await;
    assert_eq!((progress.restarts, progress.delivered), (1, 2));
    // The host may try again before it sees that the process has ended.
    assert!(progress.failed_attempts >= 1);
    let posts = plant.posts();
    assert_ne!(posts[0]["pid"], posts[1]["pid"]);
    host.stop().await.unwrap();
}

#[tokio::test]
async fn a_handler_that_keeps_crashing_stops_the_host() {
    let plant = Plant::answering("crash");
    plant.events("0", 0..1);
    let mut host = plant.start().await;
    let error = host.ended().await.unwrap_err().to_string();
    assert!(error.contains("ended 3 times"), "{error}");
    assert_eq!(plant.posts().len(), 3);
}

#[tokio::test]
async fn a_handler_that_cannot_be_started_is_an_error_with_a_remedy() {
    let mut plant = Plant::answering("ok");
    plant.options.executable = Some(plant.path("not-there"));
    let error = FunctionsHost::start(plant.options.clone()).await.unwrap_err().to_string();
    assert!(error.contains("--executable"), "{error}");

    let plant = Plant::answering("exit at start");
    let error = FunctionsHost::start(plant.options.clone()).await.unwrap_err();
    assert!(matches!(error, HostError::Handler(_)), "{error}");
}

#[tokio::test]
async fn a_restart_goes_on_at_the_checkpoint_and_repeats_what_was_under_way() {
    let plant =
        Plant::answering("ok,hang,ok").changing("host.json", |host| host["functionTimeout"] = json!("-1"));
    plant.events("0", 0..2);
    let host = plant.start().await;
    until(&host, |progress| progress.checkpoints == 1).await;
    plant.events("0", 2..4);
    let begin = Instant::now();
    while plant.posts().len() < 2 {
        assert!(begin.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    drop(host); // as a crash would

    let host = plant.start().await;
    let progress = until(&host, |progress| progress.checkpoints == 1).await;
    assert_eq!(progress.delivered, 2);
    assert_eq!(plant.batches(), [range("0", 0..2), range("0", 2..4), range("0", 2..4)]);
    host.stop().await.unwrap();
}

#[tokio::test]
async fn a_stop_lets_the_invocation_under_way_finish() {
    let plant = Plant::answering("slow");
    plant.events("0", 0..1);
    let host = plant.start().await;
    while plant.posts().is_empty() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let progress = host.stop().await.unwrap();
    assert_eq!((progress.delivered, progress.checkpoints), (1, 1));
    assert_eq!(plant.checkpoint("0"), json!(0));
}

#[tokio::test]
async fn from_the_end_skips_what_was_there_at_the_first_start_but_not_at_the_next() {
    let from_end = |host: &mut Value| {
        host["extensions"]["eventHubs"]["initialOffsetOptions"] = json!({ "type": "fromEnd" });
    };
    let plant = Plant::answering("ok").changing("host.json", from_end);
    plant.events("0", 0..3);
    let host = plant.start().await;
    host.stop().await.unwrap();
    plant.events("0", 3..5);
    let host = plant.start().await;
    until(&host, |progress| progress.checkpoints == 1).await;
    assert_eq!(plant.batches(), [range("0", 3..5)]);
    host.stop().await.unwrap();
}

#[tokio::test]
async fn an_event_file_that_comes_late_with_a_half_line_and_nonsense_loses_nothing() {
    let plant = Plant::answering("ok");
    let host = plant.start().await;
    let event = line("0", 1, "late");
    let (begun, rest) = event.split_at(30);
    plant.append(&format!("nonsense\n{}{begun}", line("0", 0, "first")));
    until(&host, |progress| progress.delivered == 1).await;
    plant.append(rest);
    let progress = until(&host, |progress| progress.delivered == 2).await;
    assert_eq!(progress.unreadable, 1);
    assert_eq!(plant.batches(), [["first"], ["late"]]);
    host.stop().await.unwrap();
}

#[tokio::test]
async fn the_least_batch_size_waits_for_more_events_but_not_for_ever() {
    let plant = Plant::answering("ok").changing("host.json", |host| {
        host["extensions"]["eventHubs"]["minEventBatchSize"] = json!(3);
        host["extensions"]["eventHubs"]["maxWaitTime"] = json!("00:00:01");
    });
    plant.events("0", 0..2);
    let begin = Instant::now();
    let host = plant.start().await;
    until(&host, |progress| progress.delivered == 2).await;
    assert!(begin.elapsed() > Duration::from_secs(1));
    plant.events("0", 2..5);
    until(&host, |progress| progress.delivered == 5).await;
    assert_eq!(plant.batches(), [range("0", 0..2), range("0", 2..5)]);
    host.stop().await.unwrap();
}

#[test]
fn the_program_ends_its_handler_on_sigterm_and_reports_a_missing_app() {
    let plant = Plant::answering("ok");
    plant.events("0", 0..1);
    let program = || {
        let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_functions-host"));
        program.envs(&plant.options.environment).arg("--events").arg(&plant.options.events);
        program.arg("--checkpoint").arg(plant.path("checkpoints.json"));
        program.stderr(std::process::Stdio::null()).stdout(std::process::Stdio::null());
        program
    };
    let mut host = program().arg("--app").arg(&plant.options.app).spawn().unwrap();
    let begin = Instant::now();
    while !plant.path("checkpoints.json").exists() || plant.checkpoint("0") != json!(0) {
        assert!(begin.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(10));
    }
    let terminated = std::process::Command::new("kill").arg(host.id().to_string()).status().unwrap();
    assert!(terminated.success());
    assert!(host.wait().unwrap().success());
    let handler = plant.posts()[0]["pid"].as_u64().unwrap();
    assert!(!PathBuf::from(format!("/proc/{handler}")).exists(), "the handler outlived its host");

    let missing = program().arg("--app").arg(plant.path("nowhere")).status().unwrap();
    assert_eq!(missing.code(), Some(1));
}
