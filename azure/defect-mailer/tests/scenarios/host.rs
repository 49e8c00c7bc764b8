//! What the Functions host sends: reports, folded into its three-layer payload.

use serde_json::{Value, json};

/// A report's JSON: item `n` of incident `incident`, found by station press-3.
pub(crate) fn report(incident: &str, n: u64, notify: &str) -> Value {
    json!({
        "schema": "andon.defect/1",
        "report_id": format!("{incident}-report-{n}"),
        "sequence": n,
        "station": { "id": "press-3", "line": "line-1", "product": "board rev C" },
        "agent": { "version": "0.1.0" },
        "item": { "sequence": 100 + n, "tracked_frames": 5 },
        "captured_at": format!("2026-11-23T06:{:02}:07.318Z", n % 60),
        "clock": "synchronised",
        "defects": [{ "label": "short", "severity": "major", "confidence": 0.93, "box": [0.8, 0.1, 0.9, 0.2] }],
        "score": 0.93,
        "model": { "name": "pcb", "version": "1.0.0", "sha256": "00" },
        "incident": { "id": incident, "opened_at": "2026-11-23T06:01:07.318Z", "count": n, "notify": notify },
        "evidence": format!("2026-11-23/{:06}", 100 + n),
    })
}

/// Device and body of each event, as the host posts them (cardinality many, dataType string).
pub(crate) fn payload(events: &[(&str, String)]) -> Value {
    let bodies: Vec<&String> = events.iter().map(|(_, body)| body).collect();
    let systems: Vec<Value> = events
        .iter()
        .map(|(device, _)| json!({ "iothub-connection-device-id": device, "iothub-message-source": "Telemetry" }))
        .collect();
    let numbers: Vec<usize> = (12..12 + events.len()).collect();
    let text = |value: Value| Value::String(value.to_string());
    json!({
        "Data": { "events": text(json!(bodies)) },
        "Metadata": {
            "PartitionContext": { "PartitionId": "1", "ConsumerGroup": "mailer" },
            "PartitionKeyArray": text(json!(vec![Value::Null; events.len()])),
            "SequenceNumberArray": text(json!(numbers)),
            "PropertiesArray": text(json!(vec![json!({}); events.len()])),
            "SystemPropertiesArray": text(json!(systems)),
            "sys": { "MethodName": "DefectMailer" },
        },
    })
}

/// A batch of reports from device press-3.
pub(crate) fn batch(reports: &[Value]) -> Value {
    let events: Vec<(&str, String)> = reports.iter().map(|report| ("press-3", report.to_string())).collect();
    payload(&events)
}
