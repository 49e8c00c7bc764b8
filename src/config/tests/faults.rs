//! A text and the exact words that it gets.

use super::{parse, parse_more};

/// The faults of a text that is put after the least configuration, without the file's name and with lines counted
/// from the first of `more`.
pub(super) fn faults(more: &str) -> Vec<String> {
    let error = parse_more(more).unwrap_err();
    let lines = super::LEAST.lines().count();
    let shown = error.faults.into_iter().map(|mut fault| {
        fault.line = fault.line.map(|line| line - lines);
        fault.to_string().replacen("/etc/andon/station.toml:", "", 1)
    });
    shown.collect()
}

pub(super) fn check(cases: &[(&str, &str)]) {
    for (text, message) in cases {
        assert_eq!(faults(text), [*message], "{text}");
    }
}

#[test]
fn a_misspelt_key_is_told_with_what_was_meant() {
    check(&[
        ("[hub]\nprot = 8883", "2: [hub] prot: there is no such key; did you mean port?"),
        (
            "[hub]\nkeepalive_seconds = 9",
            "2: [hub] keepalive_seconds: there is no such key; did you mean keep_alive_seconds?",
        ),
        (
            "[incidents]\nquiet_seconds = 9",
            "2: [incidents] quiet_seconds: there is no such key; the name says the unit: quiet_minutes",
        ),
        (
            "[incidents]\nquiet = 9",
            "2: [incidents] quiet: there is no such key; the name says the unit: quiet_minutes",
        ),
        ("[items]\nrepeat = true", "2: [items] repeat: there is no such key; it belongs to [source]"),
        (
            "[log]\nlimit_megabytes = 1",
            "2: [log] limit_megabytes: there is no such key; it belongs to [evidence] or [outbox]",
        ),
        ("[log]\ncolour = true", "2: [log] colour: there is no such key; remove it; [log] has level"),
        (
            "[model.thresholds]\nshort = 0.5\n[log]\n\"\" = 1",
            "4: [log]: there is no such key; remove it; [log] has level",
        ),
    ]);
}

#[test]
fn a_key_outside_of_its_section_is_told_where_it_belongs() {
    let first = |text: &str| parse(&format!("{text}\n{}", super::LEAST)).unwrap_err().to_string();
    assert_eq!(
        first("port = 1"),
        "/etc/andon/station.toml:1: port: there is no such key; it belongs to [hub]"
    );
    assert_eq!(
        first("hub = 1"),
        "/etc/andon/station.toml:1: [hub]: this is a section and has no value of its own; write [hub] once, on a line of its own, and its keys below it"
    );
}

#[test]
fn a_misspelt_section_is_told_with_what_was_meant() {
    check(&[
        ("[evidnece]\nenabled = true", "1: [evidnece]: there is no such section; did you mean [evidence]?"),
        ("[Hub]\nport = 1", "1: [Hub]: there is no such section; did you mean [hub]?"),
        (
            "[thresholds]\nx = 1",
            "1: [thresholds]: there is no such section; did you mean [model.thresholds]?",
        ),
        (
            "[model.treshold]\nx = 1",
            "1: [model.treshold]: there is no such section; did you mean [model.thresholds]?",
        ),
        (
            "[[hub]]\nport = 1",
            "1: [hub]: this is a section and has no value of its own; write [hub] once, on a line of its own, and its keys below it",
        ),
        (
            "[wifi]\nx = 1",
            "1: [wifi]: there is no such section; remove it; there are [evidence], [hub], [hub.provisioning], [incidents], [items], [items.region], [log], [model], [model.thresholds], [outbox], [outputs], [outputs.gpio], [outputs.modbus], [severity], [severity.labels], [source], [source.camera], [source.controls], [station], [trigger], [trigger.gpio], [trigger.modbus]",
        ),
    ]);
}

#[test]
fn a_value_out_of_its_range_is_told_with_the_range() {
    check(&[
        (
            "[hub]\n\nkeep_alive_seconds = 5000",
            "3: [hub] keep_alive_seconds = 5000: this is too large; write a whole number from 5 to 1177 (seconds)",
        ),
        ("[hub]\nport = 0", "2: [hub] port = 0: this is too small; write a whole number from 1 to 65535"),
        ("[hub]\nport = -1", "2: [hub] port = -1: this is too small; write a whole number from 1 to 65535"),
        (
            "[hub]\ntoken_minutes = 1",
            "2: [hub] token_minutes = 1: this is too small; write a whole number from 2 to 1440 (minutes)",
        ),
        (
            "[hub]\nreports_in_flight = 101",
            "2: [hub] reports_in_flight = 101: this is too large; write a whole number from 1 to 100 (reports)",
        ),
        (
            "[outbox]\nlimit_reports = 99999999999999999999999999999999999999999",
            "2: [outbox] limit_reports = 99999999999999999999999999999999999999999: this is too large; write a whole number from 1 to 10000000 (reports)",
        ),
        (
            "[outbox]\nlimit_megabytes = -99999999999999999999999999999999999999999",
            "2: [outbox] limit_megabytes = -99999999999999999999999999999999999999999: this is too small; write a whole number from 1 to 1000000 (megabytes)",
        ),
        (
            "[items]\nframes_enough = 0",
            "2: [items] frames_enough = 0: this is too small; write a whole number from 1 to 1000 (frames)",
        ),
        (
            "[items]\nmode = \"passing\"\nlevel = 255",
            "3: [items] level = 255: this is too large; write a whole number from 1 to 254 (grey value)",
        ),
        (
            "[items]\nmode = \"passing\"\ncoverage = 1",
            "3: [items] coverage = 1: this is out of range; write a number greater than 0 and less than 1",
        ),
        (
            "[items]\nmode = \"passing\"\ncoverage = nan",
            "3: [items] coverage = nan: this is out of range; write a number greater than 0 and less than 1",
        ),
        (
            "[items]\nmode = \"passing\"\nmin_length_pixels = 1",
            "3: [items] min_length_pixels = 1: this is too small; write a whole number from 2 to 65535 (pixels)",
        ),
        (
            "[incidents]\nquiet_minutes = 0",
            "2: [incidents] quiet_minutes = 0: this is too small; write a whole number from 1 to 1440 (minutes)",
        ),
    ]);
}

#[test]
fn a_confidence_in_percent_is_told_as_what_it_means() {
    check(&[
        ("threshold = 85", "1: [model] threshold = 85: a confidence is between 0 and 1; 0.85?"),
        ("threshold = 1.5", "1: [model] threshold = 1.5: a confidence is between 0 and 1; 0.015?"),
        (
            "threshold = -0.1",
            "1: [model] threshold = -0.1: this is out of range; write a number between 0 and 1",
        ),
        (
            "threshold = inf",
            "1: [model] threshold = inf: this is out of range; write a number between 0 and 1",
        ),
        (
            "threshold = \"high\"",
            "1: [model] threshold = \"high\": this is a text; write a number between 0 and 1",
        ),
        (
            "[model.thresholds]\nshort = 0.5\n\"pin-hole\" = 40",
            "3: [model.thresholds] pin-hole = 40: a confidence is between 0 and 1; 0.4?",
        ),
    ]);
}

#[test]
fn a_value_of_another_kind_is_told_with_the_kind_that_is_meant() {
    check(&[
        (
            "[hub]\nport = \"8883\"",
            "2: [hub] port = \"8883\": this is a text; write a whole number from 1 to 65535",
        ),
        (
            "[hub]\nkeep_alive_seconds = 4.5",
            "2: [hub] keep_alive_seconds = 4.5: this is a number with a fraction; write a whole number from 5 to 1177 (seconds)",
        ),
        (
            "[hub]\nkeep_alive_seconds = 00:04:00",
            "2: [hub] keep_alive_seconds: this is a date or a time; write a whole number from 5 to 1177 (seconds)",
        ),
        (
            "[evidence]\nenabled = \"yes\"",
            "2: [evidence] enabled = \"yes\": this is a text; write true or false, without quotes",
        ),
        (
            "[evidence]\nfolder = { path = 1 }",
            "2: [evidence] folder: this is a section; write a path in quotes",
        ),
        ("[evidence]\nfolder = [\"a\"]", "2: [evidence] folder: this is a list; write a path in quotes"),
        (
            "[incidents]\nupdate_counts = 10",
            "2: [incidents] update_counts = 10: this is a whole number; write at most 32 whole numbers, each greater than the one before",
        ),
        (
            "[severity.labels]\nshort = 3",
            "2: [severity.labels] short = 3: this is a whole number; write \"critical\" or \"major\" or \"minor\"",
        ),
    ]);
}

#[test]
fn a_word_that_is_no_choice_is_told_with_the_choices() {
    check(&[
        (
            "[items]\nmode = \"belt\"\ntravel = \"vertical\"",
            "2: [items] mode = \"belt\": this is not a choice here; write \"frame\" or \"passing\"",
        ),
        (
            "[items]\nmode = \"Frame\"",
            "2: [items] mode = \"Frame\": this is not a choice here; did you mean \"frame\"?",
        ),
        (
            "[log]\nlevel = \"loud\"",
            "2: [log] level = \"loud\": this is not a choice here; write \"error\" or \"warn\" or \"info\" or \"debug\" or \"trace\"",
        ),
        (
            "[severity]\nother = \"mayor\"",
            "2: [severity] other = \"mayor\": this is not a choice here; did you mean \"major\"?",
        ),
    ]);
}

#[test]
fn a_kind_of_source_that_does_not_exist_is_told_with_those_that_do() {
    let error = parse(&super::LEAST.replace("\"folder\"", "\"tape\"")).unwrap_err().to_string();
    assert_eq!(
        error,
        "/etc/andon/station.toml:6: [source] kind = \"tape\": this is not a choice here; write \"folder\" or \"usb\""
    );
}

#[test]
fn a_camera_must_be_named_and_a_folder_is_none() {
    let camera = |rest: &str| {
        let source = format!("kind = \"usb\"\n{rest}");
        let text = super::LEAST.replace("kind = \"folder\"\npath = \"pictures\"", &source);
        parse(&text).map_err(|error| error.to_string().replace("/etc/andon/station.toml:", ""))
    };
    assert!(camera("[source.camera]\nserial = \"A\"").is_ok());
    for (rest, expected) in [
        (
            "",
            "6: [source] kind: it is not said which camera; `andon cameras` lists the cameras with their sections; add usb_path, serial or by_id to [source.camera]",
        ),
        (
            "repeat = true\n[source.camera]\nserial = \"A\"",
            "7: [source] repeat: this means something for a folder only; remove it, or write kind = \"folder\"",
        ),
        (
            "[source.camera]\nserial = \"A\"\nsize = \"640*480\"",
            "9: [source.camera] size = \"640*480\": this is not a picture's size; write width and height in pixels in quotes, as \"1280x720\"",
        ),
        (
            "[source.camera]\nserial = \"A\"\nformat = \"mjpg\"",
            "9: [source.camera] format = \"mjpg\": this is not a choice here; did you mean \"mjpeg\"?",
        ),
    ] {
        assert_eq!(camera(rest).unwrap_err(), expected);
    }
    check(&[(
        "[source.camera]\nserial = \"A\"",
        "2: [source.camera] serial: this means something for a camera only; remove it, or write kind = \"usb\"",
    )]);
}

#[test]
fn a_list_is_refused_at_the_line_of_the_element_that_is_wrong() {
    check(&[
        (
            "[incidents]\nupdate_counts = [\n  10,\n  10,\n]",
            "4: [incidents] update_counts = 10: this is not greater than the number before it; write at most 32 whole numbers, each greater than the one before",
        ),
        (
            "[incidents]\nupdate_counts = [1]",
            "2: [incidents] update_counts = 1: this is too small; write a whole number from 2 to 1000000000",
        ),
    ]);
    let long = (2..35).map(|number| number.to_string()).collect::<Vec<_>>().join(", ");
    let message = "2: [incidents] update_counts: this list is too long; write at most 32 whole numbers, each greater than the one before";
    check(&[(&format!("[incidents]\nupdate_counts = [{long}]"), message)]);
}

#[test]
fn keys_of_passing_items_mean_nothing_for_single_frames() {
    let message = |line, key| {
        format!(
            "{line}: [items{key}: this means something for passing items only; remove it, or write mode = \"passing\""
        )
    };
    check(&[
        ("[items]\ntravel = \"vertical\"", &message(2, "] travel")),
        ("[items]\nmode = \"frame\"\nlevel = 100", &message(3, "] level")),
    ]);
}

#[test]
fn a_region_is_whole_or_absent() {
    check(&[
        (
            "[items]\nmode = \"frame\"\nregion = { x = 0, y = 0, width = 640 }",
            "3: [items.region] height: this key is required; add height = 640 to [items.region]",
        ),
        (
            "[items]\nmode = \"passing\"\n[items.region]\nx = 0\ny = 0\nwidth = 0\nheight = 1",
            "6: [items.region] width = 0: this is too small; write a whole number from 1 to 65535 (pixels)",
        ),
        (
            "[items]\nmode = \"passing\"\nregion = \"all\"",
            "3: [items.region]: this is a section and has no value of its own; write [items.region] once, on a line of its own, and its keys below it",
        ),
    ]);
}

#[test]
fn nobody_vouching_for_the_hub_is_refused() {
    check(&[(
        "[hub]\nsystem_authorities = false",
        "2: [hub] system_authorities: without a ca_file nobody could vouch for the hub; add ca_file, or write true",
    )]);
}

#[test]
fn paths_that_cannot_be_meant_are_refused() {
    check(&[
        ("[evidence]\nfolder = \"\"", "2: [evidence] folder = \"\": this is empty; write a path in quotes"),
        (
            "[evidence]\nfolder = \"a\\u0000b\"",
            "2: [evidence] folder = \"a\\0b\": this holds characters that no path should have; write a path in quotes",
        ),
        (
            "[evidence]\nfolder = \"~/pictures\"",
            "2: [evidence] folder = \"~/pictures\": only a shell knows ~; write the path whole, as /home/...",
        ),
    ]);
}

#[test]
fn names_that_cannot_be_meant_are_refused() {
    let with_id = |id: &str| parse(&super::LEAST.replace("\"press-3\"", id)).unwrap_err().faults;
    for (id, problem) in [
        ("\"\"", "this is empty"),
        ("\" a\"", "this has blanks around it"),
        ("\"press 3\"", "this has a character that an id cannot have"),
        ("\"../3\"", "this has a character that an id cannot have"),
        ("\"pr\u{e4}sse\"", "this has a character that an id cannot have"),
        ("\"a\\nb\"", "this holds characters that cannot be shown"),
        ("3", "this is a whole number"),
    ] {
        let faults = with_id(id);
        assert_eq!((faults.len(), faults[0].line, faults[0].problem.as_str()), (1, Some(2), problem), "{id}");
    }
    let long = with_id(&format!("\"{}\"", "x".repeat(129)));
    assert_eq!(long[0].problem, "this is too long");
    assert!(long[0].to_string().contains(&format!("id = \"{}…\": ", "x".repeat(60))));
}

#[test]
fn required_keys_that_are_missing_are_told_with_an_example() {
    let error = parse("[station]\nline = \"l\"\n").unwrap_err().to_string();
    let expected = [
        ":1: [station] id: this key is required; add id = \"press-3\" to [station]",
        ":1: [station] product: this key is required; add product = \"door hinge\" to [station]",
        ": [source] kind: this key is required; add kind = \"folder\" to [source]",
        ": [model] pack: this key is required; add pack = \"models/pcb\" to [model]",
    ];
    assert_eq!(error, expected.map(|it| format!("/etc/andon/station.toml{it}")).join("\n"));
}

#[test]
fn all_faults_of_a_file_are_told_in_the_order_of_its_lines() {
    let more = "treshold = 0.5\n[hub]\nport = 0\nkey = 1\n[log]\nlevel = 1\n[severity]\nother = \"bad\"";
    let lines: Vec<_> = faults(more).iter().map(|it| it.split(':').next().unwrap().to_owned()).collect();
    assert_eq!(lines, ["1", "3", "4", "6", "8"]);
}

#[test]
fn a_secret_is_refused_and_never_shown() {
    let secret = "HostName=h.example;DeviceId=x;SharedAccessKey=c2VjcmV0";
    let message = |key: &str| {
        format!(
            "{key}: secrets do not belong here; put the device's connection string into a file that only the agent's \
             user can read, name that in [hub] connection_string_file, and renew the key if others have seen this file"
        )
    };
    let cases = [
        (format!("[hub]\nconnection_string = \"{secret}\""), "2: [hub] connection_string"),
        ("[hub]\nSharedAccessKey = \"c2VjcmV0\"".to_owned(), "2: [hub] SharedAccessKey"),
        ("[hub]\npassword = \"c2VjcmV0\"".to_owned(), "2: [hub] password"),
        (format!("[hub]\nconnection_string_file = \"{secret}\""), "2: [hub] connection_string_file"),
        (format!("[hub]\nport = [\"{secret}\"]"), "2: [hub] port"),
        (format!("[log]\nnote = \"{secret}\""), "2: [log] note"),
        (format!("[wifi]\nnote = \"{secret}\""), "1: wifi"),
        (format!("[log]\n\"{secret}\" = 1"), "2: [log] (not shown)"),
        (format!("[model.thresholds]\n\"{secret}\" = 2"), "2: [model.thresholds] (not shown)"),
    ];
    for (text, key) in cases {
        let error = parse_more(&text).unwrap_err();
        assert_eq!(faults(&text), [message(key)], "{text}");
        let told = format!("{error} {error:?} {}", serde_json::to_string(&error).unwrap());
        assert!(!told.contains("c2Vj"), "{told}");
    }
}

#[test]
fn a_syntax_error_stands_alone_with_its_line_and_without_the_text() {
    let told = |more: &str| {
        let faults = faults(more);
        assert_eq!(faults.len(), 1, "{faults:?}");
        faults.into_iter().next().unwrap()
    };
    let twice = told("[hub]\nport = 1\nport = 2\ncolour = 1");
    assert_eq!(twice, "3: this is not TOML: duplicate key; keep one of the two");
    let again = told("[hub]\nport = 1\n[hub]\ncolour = 1");
    assert_eq!(again, "3: this is not TOML: duplicate key; keep one of the two");
    let unquoted = told("[hub]\nconnection_string = HostName=h;SharedAccessKey=c2VjcmV0");
    assert!(unquoted.starts_with("2: this is not TOML: ") && !unquoted.contains("c2Vj"), "{unquoted}");
}

#[test]
fn a_fault_is_told_to_machines_by_its_parts() {
    let error = parse_more("[hub]\nport = 0").unwrap_err();
    let json = serde_json::to_value(&error).unwrap();
    let expected = serde_json::json!({
        "faults": [{
            "file": "/etc/andon/station.toml", "line": 10, "key": "hub.port", "value": "0",
            "problem": "this is too small", "remedy": "write a whole number from 1 to 65535",
        }],
        "unlisted": 0,
    });
    let lines = super::LEAST.lines().count();
    assert_eq!(lines, 9);
    let mut expected = expected;
    expected["faults"][0]["line"] = (lines + 2).into();
    assert_eq!(json, expected);
}

#[cfg(not(feature = "websocket"))]
#[test]
fn websocket_is_refused_by_a_program_that_has_none() {
    check(&[(
        "[hub]\ncarrier = \"websocket\"",
        "2: [hub] carrier: this andon was built without WebSocket; install one that was built with --features \
         websocket, or let TCP port 8883 out and remove this",
    )]);
}
