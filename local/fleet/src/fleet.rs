//! The whole run: everything is started, the stations connect, work, go home, and are counted.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use functions_host::{FunctionsHost, HandlerOutput, HostError, HostOptions};
use iothub_standin::{Builder, Standin, StartError};
use rumqttc::{TlsConfiguration, Transport};
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::post_office;
use crate::station::{self, Access, Counters, Shift};
use crate::usage;
use crate::verdicts::Line;

const HOST_JSON: &str = include_str!("../../../azure/defect-mailer/host.json");
const MAILER_JSON: &str = include_str!("../../../azure/defect-mailer/DefectMailer/function.json");
const CLOCK_JSON: &str = include_str!("../../../azure/defect-mailer/Clock/function.json");
/// How long what is under way may take to arrive.
const PATIENCE: Duration = Duration::from_secs(120);

/// What to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Stations, each a session of its own.
    pub stations: usize,
    /// Items a minute and station.
    pub items_per_minute: f64,
    /// Share of items that are NG, 0..1.
    pub ng_rate: f64,
    /// How long the stations work.
    pub seconds: u64,
    /// New sessions a second; an S1 hub allows 100.
    pub connects_per_second: u64,
    /// Instances of the mailer.
    pub instances: usize,
    /// The built mailer.
    pub mailer: PathBuf,
    /// Where files go.
    pub out: PathBuf,
}

/// What came of it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Figures {
    /// Stations that were connected when work began.
    pub connected: u64,
    /// How long it took until they were, in seconds.
    pub connecting_seconds: f64,
    /// Memory a station, both ends of its session (this process holds the stand-in too), in KiB.
    pub kib_per_station: f64,
    /// How long they worked, in seconds.
    pub worked_seconds: f64,
    /// Items judged.
    pub items: u64,
    /// Reports published.
    pub reports: u64,
    /// Reports published a second.
    pub reports_per_second: f64,
    /// Reports that the hub acknowledged.
    pub acknowledged: u64,
    /// From publishing to the acknowledgement on average, in milliseconds.
    pub puback_ms: f64,
    /// The longest.
    pub puback_longest_ms: f64,
    /// Sessions that were lost on the way.
    pub lost_sessions: u64,
    /// Events that the mailer took.
    pub taken: u64,
    /// How long after the end of work until it had, in seconds: what the mailer lags behind.
    pub lag_seconds: f64,
    /// Mails.
    pub mails: usize,
    /// Items that the mails tell for the first time; the others wait for an update or the incident's end.
    pub told_items: u64,
    /// Processor time of stations, stand-in and driver, in seconds.
    pub cpu_seconds: f64,
    /// Processor time of the mailers, in seconds.
    pub mailer_cpu_seconds: f64,
}

/// Why there are no figures.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    /// The stand-in.
    #[error("the stand-in for IoT Hub did not start: {0}")]
    Standin(#[from] StartError),
    /// The driver or the mailer.
    #[error("the mailer did not start: {0}")]
    Host(#[from] HostError),
    /// A file or a port.
    #[error("cannot {doing}: {source}")]
    System {
        /// What was attempted.
        doing: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// TLS cannot be set up.
    #[error("cannot set up TLS with the stand-in's authority: {0}")]
    Tls(#[from] native_tls::Error),
    /// Not all stations came in.
    #[error("only {0} of {1} stations came in; each needs two files here: raise `ulimit -n` to {2}")]
    Missing(u64, usize, usize),
}

/// Runs the fleet; needs a tokio runtime with several threads.
///
/// # Errors
/// Says which part did not start, or that stations did not come in.
pub async fn run(options: &Options) -> Result<Figures, FleetError> {
    let system = |doing| move |source| FleetError::System { doing, source };
    std::fs::create_dir_all(&options.out).map_err(system("make the folder"))?;
    let out = options.out.canonicalize().map_err(system("find the folder"))?;
    let events = out.join("events.jsonl");
    let names: Vec<String> = (1..=options.stations).map(|n| format!("station-{n:05}")).collect();
    let standin = names
        .iter()
        .fold(Builder::new(), |builder, name| builder.device(name))
        .events(events.clone())
        .start()?;
    let (post, counted) = post_office::open().await.map_err(system("open the mail server"))?;
    let host = start_mailer(options, &out, &events, post).await?;

    let before = usage::now();
    let counters = Arc::new(Counters::default());
    let (work, working) = watch::channel(false);
    let (end, over) = watch::channel(false);
    let begin = Instant::now();
    let transport = transport(&standin)?;
    let mut stations = tokio::task::JoinSet::new();
    for (index, name) in names.iter().enumerate() {
        let Some(access) = access(&standin, name, &transport) else { continue };
        let line = Line::new(name, &format!("Line {}", index / 10 + 1), options.ng_rate);
        let interval = Duration::from_secs_f64(60.0 / options.items_per_minute.max(0.001));
        let delay = interval.mul_f64(rand::random());
        let shift = Shift { interval, delay, working: working.clone(), over: over.clone() };
        stations.spawn(station::run(access, line, shift, Arc::clone(&counters)));
        if options.connects_per_second > 0 {
            sleep(Duration::from_secs_f64(1.0 / options.connects_per_second as f64)).await;
        }
    }
    let connected = wait(PATIENCE, || counters.connected.load(Ordering::Relaxed) >= names.len() as u64).await;
    let mut figures = Figures {
        connected: counters.connected.load(Ordering::Relaxed),
        connecting_seconds: begin.elapsed().as_secs_f64(),
        ..Figures::default()
    };
    if !connected {
        return Err(FleetError::Missing(figures.connected, names.len(), names.len() * 2 + 100));
    }
    let grown = usage::now().resident.saturating_sub(before.resident);
    figures.kib_per_station = grown as f64 / 1024.0 / names.len().max(1) as f64;

    let begin = Instant::now();
    work.send_replace(true);
    sleep(Duration::from_secs(options.seconds)).await;
    work.send_replace(false);
    figures.worked_seconds = begin.elapsed().as_secs_f64();
    let load = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    wait(PATIENCE, || load(&counters.acknowledged) >= load(&counters.published)).await;
    wait(PATIENCE, || {
        let progress = host.progress();
        progress.delivered + progress.given_up >= load(&counters.published)
    })
    .await;
    figures.lag_seconds = begin.elapsed().as_secs_f64() - figures.worked_seconds;
    figures.taken = host.progress().delivered;
    end.send_replace(true);
    while stations.join_next().await.is_some() {}
    host.stop().await?;

    let used = usage::now();
    figures.items = load(&counters.items);
    figures.reports = load(&counters.published);
    figures.reports_per_second = figures.reports as f64 / figures.worked_seconds;
    figures.acknowledged = load(&counters.acknowledged);
    figures.puback_ms = load(&counters.waited) as f64 / 1000.0 / figures.acknowledged.max(1) as f64;
    figures.puback_longest_ms = load(&counters.longest) as f64 / 1000.0;
    figures.lost_sessions = load(&counters.lost);
    (figures.mails, figures.told_items) = (counted.mails(), counted.items());
    figures.cpu_seconds = (used.own - before.own).as_secs_f64();
    figures.mailer_cpu_seconds = (used.children - before.children).as_secs_f64();
    Ok(figures)
}

async fn start_mailer(
    options: &Options,
    out: &Path,
    events: &Path,
    post: u16,
) -> Result<FunctionsHost, FleetError> {
    let app = out.join("mailer");
    let files = [
        ("host.json", HOST_JSON),
        ("DefectMailer/function.json", MAILER_JSON),
        ("Clock/function.json", CLOCK_JSON),
    ];
    for (name, text) in files {
        let path = app.join(name);
        let written =
            path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(&path, text));
        written.map_err(|source| FleetError::System { doing: "write the function app", source })?;
    }
    let environment: BTreeMap<String, String> = [
        ("MAILER_SMTP_HOST", "127.0.0.1".to_owned()),
        ("MAILER_SMTP_PORT", post.to_string()),
        ("MAILER_SMTP_FROM", "andon <andon@example.com>".to_owned()),
        ("MAILER_TO", "supervisor@example.com".to_owned()),
        ("MAILER_STATE", out.join("mailer-state").display().to_string()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    let options = HostOptions {
        executable: Some(options.mailer.clone()),
        environment,
        instances: options.instances,
        output: HandlerOutput::File(out.join("mailer.log")),
        timer_every: Some(Duration::from_secs(5)),
        ..HostOptions::new(app, events)
    };
    Ok(FunctionsHost::start(options).await?)
}

fn transport(standin: &Standin) -> Result<Transport, FleetError> {
    let mut connector = native_tls::TlsConnector::builder();
    connector.add_root_certificate(native_tls::Certificate::from_pem(standin.ca_pem().as_bytes())?);
    Ok(Transport::tls_with_config(TlsConfiguration::NativeConnector(connector.build()?)))
}

fn access(standin: &Standin, device: &str, transport: &Transport) -> Option<Access> {
    let text = standin.connection_string(device)?;
    let part = |name: &str| text.split(';').find_map(|part| part.strip_prefix(name)).map(str::to_owned);
    Some(Access {
        device: device.to_owned(),
        hub: part("HostName=")?,
        key: part("SharedAccessKey=")?,
        port: standin.address().port(),
        transport: transport.clone(),
    })
}

async fn wait(patience: Duration, mut is_so: impl FnMut() -> bool) -> bool {
    let begin = Instant::now();
    while begin.elapsed() < patience {
        // First the pause: what a station has just begun it has counted by then.
        sleep(Duration::from_millis(50)).await;
        if is_so() {
            return true;
        }
    }
    false
}
