//! Folders of function apps, good and bad.

use super::*;

fn app(host: &str, function: &str) -> Result<App, String> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("host.json"), host).unwrap();
    fs::create_dir(folder.path().join("Mailer")).unwrap();
    fs::create_dir(folder.path().join("no-function")).unwrap();
    fs::write(folder.path().join("Mailer/function.json"), function).unwrap();
    let settings =
        [("HUB", "plant"), ("EVENTS", "Endpoint=sb://ihsuprod.example.net/;SharedAccessKeyName=service")];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    App::read(folder.path(), &settings).map_err(|error| error.to_string())
}

const HOST: &str =
    r#"{"version": "2.0", "customHandler": {"description": {"defaultExecutablePath": "mailer"}}}"#;
const FUNCTION: &str = r#"{"bindings": [{"type": "eventHubTrigger", "name": "events", "direction": "in",
    "eventHubName": "%HUB%", "connection": "EVENTS", "consumerGroup": "mailer", "cardinality": "many"}]}"#;

#[test]
fn what_is_not_said_is_as_in_azure() {
    let app = app(HOST, FUNCTION).unwrap();
    assert_eq!(app.executable, Path::new("mailer"));
    assert_eq!(app.timeout, Some(Duration::from_secs(1800)));
    assert_eq!((app.batches.max_event_batch_size, app.batches.min_event_batch_size), (100, 1));
    assert_eq!(app.batches.initial_offset_options, InitialOffset::FromStart);
    let [function] = app.functions.as_slice() else { panic!("{:?}", app.functions) };
    assert_eq!((function.name.as_str(), function.binding.as_str()), ("Mailer", "events"));
    assert_eq!((function.event_hub.as_str(), function.namespace.as_str()), ("plant", "ihsuprod.example.net"));
    assert!(!function.retry.allows(1) && !function.binary);
}

#[test]
fn what_is_said_counts() {
    let host = r#"{"customHandler": {"description": {"defaultExecutablePath": "mailer", "arguments": ["-v"]}},
        "extensions": {"eventHubs": {"maxEventBatchSize": 7, "minEventBatchSize": 3, "maxWaitTime": "00:00:09",
            "batchCheckpointFrequency": 2, "initialOffsetOptions": {"type": "fromEnd"}}},
        "functionTimeout": "00:10:00"}"#;
    let app = app(host, FUNCTION).unwrap();
    assert_eq!(app.arguments, ["-v"]);
    assert_eq!(app.timeout, Some(Duration::from_secs(600)));
    assert_eq!(app.batches.max_event_batch_size, 7);
    assert_eq!(app.batches.max_wait_time, Duration::from_secs(9));
    assert_eq!(app.batches.initial_offset_options, InitialOffset::FromEnd);
}

#[test]
fn what_cannot_be_driven_is_refused_with_the_file_and_a_remedy() {
    let zero = r#"{"customHandler": {"description": {"defaultExecutablePath": "m"}},
        "extensions": {"eventHubs": {"maxEventBatchSize": 0}}}"#;
    let late =
        r#"{"customHandler": {"description": {"defaultExecutablePath": "m"}}, "functionTimeout": "10 min"}"#;
    for (host, function, wanted) in [
        ("{}", FUNCTION, "host.json"),
        ("{", FUNCTION, "host.json"),
        (zero, FUNCTION, "maxEventBatchSize"),
        (late, FUNCTION, "hh:mm:ss"),
        (HOST, r#"{"bindings": [{"type": "timerTrigger", "name": "t"}]}"#, "six fields"),
        (
            HOST,
            r#"{"bindings": [{"type": "timerTrigger", "name": "t", "schedule": "0 * * * * *"}]}"#,
            "eventHubTrigger",
        ),
        (HOST, r#"{"bindings": [{"type": "eventHubTrigger", "name": "e"}]}"#, "cardinality"),
        (HOST, &FUNCTION.replace("\"many\"", "\"many\", \"dataType\": \"stream\""), "dataType"),
    ] {
        let refusal = app(host, function).unwrap_err();
        assert!(refusal.contains(wanted), "{refusal}");
    }
}

#[test]
fn time_spans_are_read_as_dotnet_writes_them() {
    let seconds = |text| time_span::parse(text).map(|span| span.as_secs_f64());
    assert_eq!(seconds("00:05:00"), Some(300.0));
    assert_eq!(seconds("1.02:03:04.5"), Some(93_784.5));
    for text in
        ["", "5", "00:05", "24:00:00", "00:60:00", "-00:00:01", "00:00:61", "00:00:00:00", "00:00:NaN"]
    {
        assert_eq!(seconds(text), None, "{text}");
    }
}
