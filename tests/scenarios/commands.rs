//! `andon check`, `outbox` and `bench`, and how the command line refuses.

use std::{fs, process::Command};

use andon::outbox::Outbox;
use serde_json::{Value, json};

use crate::{
    pictures::{BRIGHT, DARK},
    station::{Station, andon, run, run_with, shade_pack},
};

#[test]
fn a_station_in_order_passes_its_check() {
    let station = Station::that_sees(&[DARK]);
    let done = station.does(&["check", "--json"]);
    assert_eq!(done.code, Some(0), "{done:?}");
    let lines = done.json();
    let levels: Vec<_> = lines.iter().map(|line| (&line["check"], &line["level"])).collect();
    assert!(levels.iter().all(|(_, level)| **level == "ok"), "{levels:?}");
    assert_eq!(station.hub().logins(), 1, "it logged in");
    assert!(!station.path("outbox.db").exists(), "and left nothing behind");

    let offline = station.does(&["check", "--offline"]);
    assert_eq!((offline.code, station.hub().logins()), (Some(0), 1), "{offline:?}");
}

#[test]
fn a_station_is_in_order_also_where_its_file_is_named_without_a_folder() {
    let station = Station::that_sees(&[DARK]);
    let mut command = Command::new(andon());
    command.args(["check", "--offline", "--config"]).arg(station.config().file_name().unwrap());
    let done = command.current_dir(station.config().parent().unwrap()).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn a_check_tells_every_fault_with_its_remedy() {
    let station = Station::that_sees(&[DARK]);
    let text = fs::read_to_string(station.config()).unwrap();
    fs::write(station.config(), text.replace("\"pictures\"", "\"pictrues\"").replace("shade\"", "shdae\""))
        .unwrap();
    station.hub().set_listening(false);
    let done = station.does(&["check", "--json"]);
    assert_eq!(done.code, Some(1), "{done:?}");
    let faults: Vec<Value> = done.json().into_iter().filter(|line| line["level"] == "fault").collect();
    let of = |subject: &str| {
        faults.iter().find(|line| line["check"] == subject).map(|line| line["message"].to_string())
    };
    assert!(of("model").is_some_and(|it| it.contains("shdae")), "{faults:?}");
    assert!(of("source").is_some_and(|it| it.contains("correct [source] path")), "{faults:?}");
    assert!(of("hub").is_some(), "{faults:?}");
}

#[test]
fn a_check_tells_every_fault_of_the_file_with_its_line() {
    let station = Station::that_sees(&[DARK]);
    let text = fs::read_to_string(station.config()).unwrap();
    fs::write(station.config(), text.replace("id = ", "idd = ").replace("port = ", "prot = ")).unwrap();
    let done = station.does(&["check", "--json"]);
    assert_eq!(done.code, Some(2), "{done:?}");
    let lines: Vec<_> = done.json().iter().filter_map(|line| line["line"].as_u64()).collect();
    assert!(lines.contains(&2) && lines.len() >= 2, "{}", done.out);
}

#[test]
fn a_check_never_takes_a_running_agents_connection() {
    let station = Station::that_sees_every_second_item_dark(10.0);
    let mut agent = station.starts();
    station.waits_until("delivered", |hub| hub.accepted() >= 1);
    let done = station.does(&["check"]);
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(done.notes.contains("its agent is running"), "{}", done.notes);
    assert_eq!(station.hub().logins(), 1);
    agent.gets("TERM");
    agent.ends_well();
}

#[test]
fn the_outbox_is_listed_shown_and_purged_by_hand() {
    let station = Station::that_sees(&[DARK; 3]);
    station.hub().set_listening(false);
    let mut agent = station.starts();
    station.waits_until("reported", |_| {
        let depth = Outbox::attach(&station.path("outbox.db")).and_then(|outbox| outbox.depth());
        depth.is_ok_and(|depth| depth.reports == 3)
    });
    agent.gets("TERM");
    agent.ends_well();

    let listed = station.does(&["outbox", "list", "--json"]).json();
    assert_eq!(listed.len(), 3);
    let id = listed[1]["report_id"].as_str().unwrap();
    let shown = station.does(&["outbox", "show", id]);
    let report = andon_telemetry::read(shown.out.trim().as_bytes()).unwrap();
    assert_eq!((report.report_id.as_str(), report.sequence), (id, 2));
    assert_eq!(station.does(&["outbox", "purge"]).code, Some(2), "not without a confirmation");
    assert_eq!(station.does(&["outbox", "purge", "--yes"]).code, Some(0));
    assert_eq!(station.does(&["outbox", "list", "--json"]).out, "");
}

#[test]
fn a_bench_gives_the_stages_of_a_frame() {
    let pack = shade_pack().display().to_string();
    let done = run(&["bench", "--model", &pack, "--frames", "20", "--json"]);
    assert_eq!((done.code, done.notes.as_str()), (Some(0), ""), "no progress where nobody looks: {done:?}");
    let bench = &done.json()[0];
    assert_eq!((&bench["frames"], &bench["repeated"]), (&json!(20), &json!(21)), "22 of one picture");
    for stage in ["decode", "prepare", "infer", "judge", "frame"] {
        let spread =
            ["p50", "p90", "p99", "max"].map(|it| bench["milliseconds"][stage][it].as_f64().unwrap());
        assert!(spread.is_sorted(), "{stage}: {bench}");
    }
    let memory = ["loaded", "peak"].map(|it| bench["memory"][it].as_f64().unwrap());
    assert!(memory[0] > 1.0 && memory.is_sorted(), "{bench}");
    assert!(bench["frames_per_second"].as_f64().unwrap() > 0.0, "{bench}");
    let operators = bench["graph"]["operators"].as_array().unwrap();
    let shares: f64 = operators.iter().map(|it| it["share"].as_f64().unwrap()).sum();
    assert!(operators.len() > 1 && (shares - 1.0).abs() < 0.01, "{bench}");
    assert_eq!(run(&["bench", "--model", &pack, "--frames", "0"]).code, Some(2));
}

#[test]
fn a_bench_shows_frames_of_several_cameras_to_one_pool() {
    let station = Station::that_sees(&[DARK, BRIGHT]);
    let (pack, pictures) =
        (shade_pack().display().to_string(), station.path("pictures").display().to_string());
    let done = run(&[
        "bench",
        "--model",
        &pack,
        "--images",
        &pictures,
        "--frames",
        "30",
        "--cameras",
        "1,3",
        "--json",
    ]);
    assert_eq!(done.code, Some(0), "{done:?}");
    let rows = done.json()[0]["cameras"].as_array().unwrap().clone();
    let counts: Vec<_> = rows.iter().map(|row| (&row["cameras"], &row["frames"])).collect();
    assert_eq!(counts, [(&json!(1), &json!(30)), (&json!(3), &json!(90))]);
    assert!(rows.iter().all(|row| row["cpu_milliseconds"].as_f64().unwrap() > 0.0), "{rows:?}");
}

#[test]
fn a_bench_measures_what_it_is_asked_for_in_turns() {
    let station = Station::that_sees(&[DARK, BRIGHT]);
    let (pack, pictures) =
        (shade_pack().display().to_string(), station.path("pictures").display().to_string());
    let arguments = ["bench", "--model", &pack, "--images", &pictures, "--region", "4,4,24,24", "--rounds"];
    let folder = station.path("tensors");
    fs::create_dir(&folder).unwrap();
    let requests = format!("pixels 3\ninfer 5\nframe 2\nmemory\nwrite {}\n", folder.display());
    let done = run_with(&arguments, &requests);
    assert_eq!(done.code, Some(0), "{done:?}");
    let answers = done.json();
    assert_eq!(answers.len(), 5, "{done:?}");
    let times: Vec<_> = answers[..3].iter().map(|it| (&it["stage"], &it["times"])).collect();
    let asked =
        [("pixels", 3), ("infer", 5), ("frame", 2)].map(|(stage, times)| (json!(stage), json!(times)));
    assert_eq!(times, asked.iter().map(|(stage, times)| (stage, times)).collect::<Vec<_>>());
    assert!(answers[3]["peak"].as_f64().unwrap() > 1.0, "{done:?}");
    assert_eq!(answers[4]["input"]["shape"], json!([1, 1, 16, 16]));
    assert_eq!(answers[4]["outputs"], json!([{"file": "output_0.f32", "shape": [1, 2]}]));
    assert_eq!(fs::read(folder.join("input.f32")).unwrap().len(), 4 * 256);

    for (wrong, why) in [("sleep 1", "names no stage"), ("infer", "has no number")] {
        let done = run_with(&arguments, wrong);
        assert_eq!(done.code, Some(2), "{wrong}");
        assert!(done.notes.contains(why), "{done:?}");
    }
}

#[test]
fn the_manual_and_the_completions_know_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let done = run(&["pages", folder.path().to_str().unwrap()]);
    assert_eq!((done.code, done.notes.as_str()), (Some(0), ""));
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    let page = read("man/andon.1");
    for command in ["run", "check", "inspect", "bench", "outbox"] {
        assert!(page.contains(&format!("andon\\-{command}(1)")), "{page}");
        assert!(read(&format!("man/andon-{command}.1")).contains("\n.SH OPTIONS\n"), "{command}");
        for shell in ["andon.bash", "andon.fish", "_andon"] {
            assert!(read(&format!("completions/{shell}")).contains(command), "{shell}: {command}");
        }
    }
    assert!(!page.contains("pages"), "it is for those who make packages");
}

#[test]
fn wrong_use_is_told_on_standard_error_with_exit_2() {
    for arguments in [&["rnu"][..], &["run", "--confg", "x"], &["inspect", "--model", "x"], &[]] {
        let done = run(arguments);
        assert_eq!((done.code, done.out.as_str()), (Some(2), ""), "{arguments:?}: {done:?}");
        assert!(!done.notes.is_empty());
    }
    assert_eq!(run(&["--help"]).code, Some(0));
    assert!(run(&["--version"]).out.starts_with("andon "));
}
