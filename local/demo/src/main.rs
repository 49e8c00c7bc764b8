//! `andon-demo`: the whole chain on one machine.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use andon::{
    agent::{self, Stop},
    camera::pictures_in,
    config::Config,
    pool::Pool,
    systemd::Systemd,
};
use andon_demo::{
    line::{LineSettings, SimulatedLine},
    narrator::{Narrator, new_mails},
    score::{Score, Summary},
    simulated::SimulatedCamera,
    stage::{Frames, Stage},
};
use clap::Parser;
use signal_hook::{
    consts::{SIGINT, SIGTERM},
    iterator::Signals,
};

/// Shows andon's whole chain on this machine: boards pass a simulated camera, a model finds defects, reports survive on
/// disk, reach a stand-in for IoT Hub over TLS, and mails arrive. Opens nothing outside loopback.
#[derive(Debug, Parser)]
#[command(name = "andon-demo", version, max_term_width = 100)]
struct Arguments {
    /// Print the summary as one JSON object on standard output
    #[arg(long)]
    json: bool,
    /// Take the pictures of this folder in place of the simulated line, each as an item
    #[arg(long, value_name = "DIR")]
    frames: Option<PathBuf>,
    /// How long the simulated line runs
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u32).range(5..=86_400))]
    seconds: u32,
    /// Where the run's files go; an earlier run's are replaced
    #[arg(long, value_name = "DIR", default_value = "demo-out")]
    out: PathBuf,
    /// The model pack
    #[arg(long, value_name = "PACK", default_value = "models/pcb")]
    model: PathBuf,
}

type Fault = Box<dyn std::error::Error>;

/// Frames a second of the simulated camera.
const RATE: f64 = 10.0;

/// The mailer tries a mail server that is down again for a while; here it is up.
const MAIL_PATIENCE: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("andon-demo: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the demo; whether it went as it should.
fn run(arguments: &Arguments) -> Result<bool, Fault> {
    tracing_subscriber::fmt().with_writer(io::stderr).with_max_level(tracing::Level::WARN).init();
    let stop = Stop::default();
    stop_on_signals(stop.clone())?;
    if let Some(folder) = &arguments.frames {
        has_pictures(folder)?;
    }
    let stage = Stage::set(&arguments.out, &beside_me("defect-mailer")?)?;
    let frames = arguments.frames.clone().map_or(Frames::Line, Frames::Folder);
    let config = Config::load(&stage.station(&arguments.model, &frames)?)?;

    let score = Arc::new(Score::default());
    let narrator = Arc::new(Narrator::new(Arc::clone(&score), Box::new(io::stderr())));
    let mut parts = agent::assemble(&[config])?.pop().ok_or("a station has parts")?;
    parts.listener = Arc::<Narrator>::clone(&narrator);
    let mut truth = None;
    if matches!(frames, Frames::Line) {
        let (camera, boards) = simulated(arguments.seconds)?;
        truth = Some(boards);
        parts.source = Box::new(camera);
    }
    narrator.say(&format!("a stand-in for IoT Hub listens on {} (TLS)", stage.hub().address()));
    narrator.say(&format!("frames: {}", parts.source.describe()));

    let run = || agent::run(vec![parts], Pool::usual_workers(), Systemd::default(), &stop);
    let outcome = with_mails(&stage, &narrator, run)?.pop().ok_or("a station has an outcome")?;
    narrator.say("the line has stopped; waiting for the last mails");
    let folder = stage.folder().to_owned();
    let taken = stage.clear_away(MAIL_PATIENCE)?;
    let items = outcome.ok + outcome.ng + outcome.not_inspected;
    // A run that was stopped is scored on the boards that it judged.
    let passed = truth.as_deref().map(|truth| {
        let judged = usize::try_from(items).unwrap_or(usize::MAX).min(truth.len());
        if stop.is_set() { &truth[..judged] } else { truth }
    });
    let summary = score.summary(passed, taken.mails.len() as u64, &taken.reports);
    if arguments.json {
        writeln!(io::stdout(), "{}", serde_json::to_string(&summary)?)?;
    } else {
        write!(io::stderr(), "{}", page(&summary, &folder))?;
    }
    Ok(summary.items == items && summary.lost == 0 && outcome.unwritten == 0)
}

/// A station waits for a folder that is not there yet; here it is a slip of the pen.
fn has_pictures(folder: &Path) -> Result<(), Fault> {
    let pictures = pictures_in(folder)
        .map_err(|error| format!("cannot read the pictures in {}: {error}", folder.display()))?;
    if pictures.is_empty() {
        return Err(format!("{} holds no .png, .jpg or .jpeg file", folder.display()).into());
    }
    Ok(())
}

/// A camera for so long, and which of the boards that pass it in that time have defects.
fn simulated(seconds: u32) -> Result<(SimulatedCamera, Vec<bool>), Fault> {
    let mut settings = LineSettings::default();
    let frames = (f64::from(seconds) * RATE) as u64;
    let boards =
        (1..).take_while(|boards| SimulatedCamera::frames_for(&settings, *boards) <= frames).count() as u64;
    settings.boards = boards;
    let line = SimulatedLine::new(settings.clone())?;
    let truth = (0..boards).map(|board| line.truth(board).is_ng()).collect();
    let frames = SimulatedCamera::frames_for(&settings, boards);
    Ok((SimulatedCamera::new(line, Duration::from_secs_f64(1.0 / RATE), frames), truth))
}

/// Does the work, telling of mails as they arrive.
fn with_mails<T>(stage: &Stage, narrator: &Narrator, work: impl FnOnce() -> T) -> T {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut told = 0;
            while !done.load(Ordering::Acquire) {
                for mail in new_mails(&stage.mails(), &mut told) {
                    narrator.mail(&mail);
                }
                thread::sleep(Duration::from_millis(100));
            }
        });
        let worked = work();
        done.store(true, Ordering::Release);
        worked
    })
}

fn stop_on_signals(stop: Stop) -> io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        if signals.forever().next().is_some() {
            stop.set();
        }
    })?;
    Ok(())
}

/// A program that cargo built into the same folder as this one.
fn beside_me(name: &str) -> io::Result<PathBuf> {
    let me = std::env::current_exe()?;
    Ok(me.parent().unwrap_or(Path::new(".")).join(name))
}

fn page(summary: &Summary, folder: &Path) -> String {
    let known = |count: Option<u64>| count.map_or_else(|| "unknown".to_owned(), |count| count.to_string());
    let delay = summary.frame_to_puback_ms.map_or_else(
        || "no report".to_owned(),
        |it| format!("{} ms in the middle, {} ms at the 99th percentile", it.p50, it.p99),
    );
    format!(
        "
items            {items:>6}   = {ok} OK + {ng} NG + {not_inspected} NOT INSPECTED
truly NG         {truth:>6}   missed {missed}, good items called NG {false_ng}
reports          {reports:>6}   lost {lost}
mails            {mails:>6}   in {folder}/mails
frame to PUBACK           {delay}
everything else           in {folder}: station.toml, outbox.db, evidence, events.jsonl, mailer.log
",
        items = summary.items,
        ok = summary.ok,
        ng = summary.ng,
        not_inspected = summary.not_inspected,
        truth = known(summary.truth_ng),
        missed = known(summary.missed),
        false_ng = known(summary.false_ng),
        reports = summary.reports,
        lost = summary.lost,
        mails = summary.mails,
        folder = folder.display(),
    )
}
