//! Every command of the README does what the README says.
//!
//! `make test` is this run itself; what `make demo` starts is run by the demo's own tests; `cargo run` and
//! `cargo build` are replaced by the program that was built for this test.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail by panicking")]

use std::{
    collections::BTreeSet,
    fs,
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
};

use andon::config::Config;
use iothub_standin::Builder;

const README: &str = include_str!("../README.md");

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The README's blocks in one language.
fn blocks(language: &str) -> Vec<String> {
    let parts = README.split("```").skip(1).step_by(2);
    parts.filter_map(|part| part.strip_prefix(language)?.strip_prefix('\n')).map(str::to_owned).collect()
}

/// The commands of a block, without what is said beside them.
fn commands(block: &str) -> Vec<&str> {
    let bare = |line: &'_ str| line.split("  #").next().map_or(0, |it| it.trim_end().len());
    block.lines().map(|line| &line[..bare(line)]).filter(|line| !line.is_empty()).collect()
}

fn run(program: &str, arguments: &[&str]) -> Output {
    Command::new(program).args(arguments).current_dir(root()).stdin(Stdio::null()).output().unwrap()
}

#[test]
fn the_readme_holds_the_commands_that_are_tested_here_and_no_other() {
    let blocks = blocks("sh");
    let [two, model, install] = blocks.as_slice() else { panic!("{} blocks of commands", blocks.len()) };
    assert_eq!(commands(two), ["make demo", "make test"]);
    assert_eq!(
        commands(model),
        [
            "cargo run --release -- inspect --model models/pcb models/pcb/parity.png",
            "cargo run --release -- bench --model models/pcb",
        ]
    );
    assert!(commands(install)[0].starts_with("install "), "{install}");
    let inline: BTreeSet<_> = README.split('`').filter(|it| it.starts_with("make ")).collect();
    let tested = [
        "make bench",
        "make bench-delivery",
        "make crash-test ROUNDS=1000",
        "make cross",
        "make deb",
        "make deb ARCHITECTURE=arm64",
        "make deb FEATURES=websocket",
        "make demo ARGS='--frames DIR'",
        "make demo ARGS=--json",
        "make fleet ARGS='--stations 1000'",
        "make fuzz",
        "make infra",
        "make soak DAYS=30",
        "make test",
        "make test-arm",
        "make test-vm",
    ];
    assert_eq!(inline, BTreeSet::from(tested));
    for line in tested {
        let plan = shell(&line.replacen("make", "make --dry-run", 1), "");
        assert!(plan.status.success(), "{line}: {}", String::from_utf8_lossy(&plan.stderr));
    }
}

#[test]
fn make_demo_starts_the_demo_with_the_arguments_that_it_is_given() {
    for (given, expected) in
        [("ARGS=", ""), ("ARGS=--json", " --json"), ("ARGS=--frames DIR", " --frames DIR")]
    {
        // The tests may themselves be run by `make`, which makes an inner one talkative.
        let plan = run("make", &["--no-print-directory", "--dry-run", "demo", "TARGET=target", given]);
        let plan = String::from_utf8(plan.stdout).unwrap();
        let last = plan.lines().last().unwrap().trim_end();
        assert_eq!(last, format!("target/release/andon-demo{expected}"));
    }
}

#[test]
fn make_fuzz_runs_each_target_as_long_as_it_is_told() {
    let plan = run("make", &["--no-print-directory", "--dry-run", "fuzz", "SECONDS=7"]);
    let plan = String::from_utf8(plan.stdout).unwrap();
    assert!(plan.lines().any(|line| line.trim_end() == "local/fuzz.sh 7"), "{plan}");
}

/// What is packed is tried by `make test-vm`, which is this plan and a virtual machine.
#[test]
fn make_deb_packs_what_it_has_built_for_either_processor() {
    for (given, build, pack) in [
        ("ARCHITECTURE=amd64", "cargo build --locked --package andon --profile dist", "amd64 dist"),
        (
            "ARCHITECTURE=arm64",
            "local/aarch64.sh build --locked --package andon --profile dist",
            "arm64 dist",
        ),
        (
            "FEATURES=websocket",
            "cargo build --locked --package andon --profile dist --features websocket",
            "amd64 dist",
        ),
    ] {
        let plan = run("make", &["--no-print-directory", "--dry-run", "deb", "TARGET=target", given]);
        let plan = String::from_utf8(plan.stdout).unwrap();
        let lines: Vec<_> = plan.lines().map(str::trim_end).collect();
        assert_eq!(lines[1..3], [build.to_owned(), format!("local/deb.sh {pack} target/debian")], "{plan}");
        assert!(lines[3].starts_with("lintian --fail-on error,warning target/debian/andon_"), "{plan}");
    }
    let plan = run("make", &["--no-print-directory", "--dry-run", "cross"]);
    let plan = String::from_utf8(plan.stdout).unwrap();
    assert!(plan.contains("local/aarch64.sh build --locked --package andon --profile dist"), "{plan}");
}

#[test]
fn make_bench_compares_the_released_programs() {
    let plan = run("make", &["--no-print-directory", "--dry-run", "bench", "TARGET=target", "ARGS=--quick"]);
    let plan = String::from_utf8(plan.stdout).unwrap().replace("\\\n", "");
    let compared = plan.lines().find(|line| line.contains("compare.py")).unwrap_or_default();
    let words =
        compared.split_whitespace().skip_while(|word| !word.ends_with("compare.py")).collect::<Vec<_>>();
    let (andon, standin) = ("target/release/andon", "target/release/iothub-standin");
    let expected = [
        "tests/bench/compare.py",
        "--andon",
        andon,
        "--standin",
        standin,
        "--out",
        "target/bench",
        "--quick",
    ];
    assert_eq!(words, expected, "{plan}");
    assert!(README.contains("`target/bench/bench.md`"));
}

#[test]
fn the_long_commands_take_what_they_are_told() {
    for (command, given, expected) in [
        ("fleet", "ARGS=--stations 1000", "/andon-fleet --stations 1000"),
        ("crash-test", "ROUNDS=1000", "ANDON_CRASH_ROUNDS=1000"),
        ("infra", "TARGET=target", "azure/infra/tests/check.sh target/infra"),
    ] {
        let plan = run("make", &["--no-print-directory", "--dry-run", command, given]);
        let plan = String::from_utf8(plan.stdout).unwrap();
        assert!(plan.contains(expected), "{command}: {plan}");
    }
}

#[test]
fn the_shipped_model_finds_defects_in_its_sample_and_can_be_timed() {
    let andon = env!("CARGO_BIN_EXE_andon");
    let inspected = run(andon, &["inspect", "--model", "models/pcb", "models/pcb/parity.png"]);
    let notes = String::from_utf8(inspected.stderr).unwrap();
    assert!(inspected.status.success() && notes.contains("NG"), "{notes}");
    let timed = run(andon, &["bench", "--model", "models/pcb", "--frames", "2"]);
    let notes = String::from_utf8(timed.stderr).unwrap();
    assert!(timed.status.success() && notes.contains("infer"), "{notes}");
}

#[test]
fn the_stations_file_in_the_readme_is_enough() {
    let [text] = blocks("toml").try_into().unwrap();
    let config = Config::parse(&text, Path::new("/etc/andon/station.toml")).unwrap();
    assert_eq!(config.outbox.file, Path::new("/var/lib/andon/outbox.db"), "where the service may write");
}

/// Runs the README's lines with a folder in the place of `/`. The service manager is a real one as far as it works
/// without having been booted.
#[test]
fn a_station_is_installed_by_the_readmes_lines_and_passes_its_check() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_str().unwrap();
    let hub = Builder::new().device("press-3").start().unwrap();
    fs::create_dir_all(folder.path().join("usr/bin")).unwrap();
    fs::create_dir_all(folder.path().join("etc")).unwrap();
    let lines: Vec<String> = commands(&blocks("sh")[2])
        .iter()
        .map(|line| {
            line.replace(" /usr/", &format!(" {place}/usr/"))
                .replace(" /etc/", &format!(" {place}/etc/"))
                .replace("target/dist/andon ", &format!("{} ", env!("CARGO_BIN_EXE_andon")))
                .replace("systemd-sysusers", &format!("systemd-sysusers --root={place}"))
                .replace(" && systemctl daemon-reload", "")
                .replace("systemctl enable --now", &format!("systemctl --root={place} enable"))
                .replace("andon check", &format!("{place}/usr/bin/andon check"))
        })
        .collect();
    let line = |start: &str| {
        let found = lines.iter().find(|line| line.contains(start));
        found.unwrap_or_else(|| panic!("no line with {start}: {lines:?}")).clone()
    };
    let check = line("andon check");
    for line in lines.iter().take_while(|line| **line != check) {
        let input = hub.connection_string("press-3").unwrap();
        let done = shell(line, &input);
        assert!(done.status.success(), "{line}: {}", String::from_utf8_lossy(&done.stderr));
    }
    // "Make it yours": the hub here is not Azure, and the folder has a picture.
    fs::create_dir(folder.path().join("pictures")).unwrap();
    fs::copy(root().join("models/pcb/parity.png"), folder.path().join("pictures/1.png")).unwrap();
    fs::write(folder.path().join("etc/andon/ca.pem"), hub.ca_pem()).unwrap();
    let file = folder.path().join("etc/andon/station.toml");
    let text = fs::read_to_string(&file).unwrap();
    let ours = text
        .replace("path = \"pictures\"", &format!("path = \"{place}/pictures\""))
        .replace("pack = \"../models/pcb\"", "pack = \"pcb\"")
        .replace("port = 8883", &format!("port = {}\nca_file = \"ca.pem\"", hub.address().port()));
    fs::write(&file, ours).unwrap();
    let done = shell(&check, "");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(hub.logins(), 1);
    let done = shell(&line("systemctl"), "");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert!(folder.path().join("etc/systemd/system/multi-user.target.wants/andon.service").is_symlink());
    let users = fs::read_to_string(folder.path().join("etc/passwd")).unwrap();
    assert!(users.lines().any(|user| user.starts_with("andon:")), "{users}");
}

/// `cross` itself needs a container engine; what it reads is looked at.
#[test]
fn the_image_that_cross_builds_in_is_where_its_file_says() {
    let text = fs::read_to_string(root().join("Cross.toml")).unwrap();
    let image = text.lines().find_map(|line| line.strip_prefix("dockerfile = ")).unwrap();
    let image = fs::read_to_string(root().join(image.trim_matches('"'))).unwrap();
    assert!(image.contains("\nFROM debian:bookworm"), "{image}");
}

#[test]
fn the_image_and_make_cross_build_with_the_same_packages() {
    let image = fs::read_to_string(root().join("local/cross/Dockerfile")).unwrap();
    let (_, installed) = image.split_once("--no-install-recommends").unwrap();
    let (installed, _) = installed.split_once("&&").unwrap();
    let in_image: BTreeSet<_> = installed.split_whitespace().filter(|word| *word != "\\").collect();
    let script = fs::read_to_string(root().join("local/aarch64.sh")).unwrap();
    let words = |key: &str| -> Vec<String> {
        let line = script.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix("=\""));
        line.unwrap().trim_end_matches('"').split(' ').map(str::to_owned).collect()
    };
    let mut expected: BTreeSet<String> = words("tools").into_iter().collect();
    expected.extend(words("libraries").iter().map(|library| format!("{library}:arm64")));
    // The image begins with nothing; of these a machine that builds has `prerequisites.sh build`.
    let from_the_start = ["ca-certificates", "gcc", "libc6-dev", "make", "perl", "pkg-config"];
    expected.extend(from_the_start.map(str::to_owned));
    assert_eq!(in_image, expected.iter().map(String::as_str).collect());
    for variable in ["BINDGEN_EXTRA_CLANG_ARGS", "CC", "CXX", "AR"] {
        let variable = format!("{variable}_aarch64_unknown_linux_gnu=");
        assert!(image.contains(&variable) && script.contains(&variable), "{variable}");
    }
}

fn shell(line: &str, input: &str) -> Output {
    let mut child = Command::new("sh")
        .args(["-euc", line])
        .current_dir(root())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that reads nothing may be gone already.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

/// What systemd-analyze has against the unit; it ends well whatever it finds, but says it.
#[test]
fn systemd_finds_nothing_wrong_with_the_unit() {
    let folder = tempfile::tempdir().unwrap();
    let unit = fs::read_to_string(root().join("systemd/andon.service")).unwrap();
    // The program must be there.
    let unit = unit.replace("/usr/bin/andon", env!("CARGO_BIN_EXE_andon"));
    let path = folder.path().join("andon.service");
    fs::write(&path, unit).unwrap();
    let verified = run("systemd-analyze", &["verify", "--man=no", path.to_str().unwrap()]);
    let notes = String::from_utf8(verified.stderr).unwrap();
    assert!(verified.status.success() && notes.is_empty(), "{notes}");
    let scored =
        run("systemd-analyze", &["security", "--offline=yes", "--threshold=15", path.to_str().unwrap()]);
    let notes = String::from_utf8(scored.stdout).unwrap();
    assert!(scored.status.success(), "worse than 1.5: {notes}");
}
