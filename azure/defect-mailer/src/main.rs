//! `defect-mailer`: what the Functions host starts.

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use defect_mailer::dispatch::Dispatch;
use defect_mailer::handler::Handler;
use defect_mailer::http::router;
use defect_mailer::post::Post;
use defect_mailer::settings::{Settings, State};
use defect_mailer::store::{Blob, Folder, Store};
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval, sleep};

/// How often mails that are still owed are tried without the host's asking.
const CATCH_UP: Duration = Duration::from_secs(60);
/// How long an invocation may take to end after a signal; a mail cut short is still owed.
const GRACE: Duration = Duration::from_secs(8);

/// What ends the program.
enum End {
    /// Wrong settings or arguments: 2.
    Settings(Vec<String>),
    /// Everything else: 1.
    Failure(String),
}

fn main() -> ExitCode {
    tracing_subscriber::fmt().with_ansi(false).with_writer(std::io::stderr).init();
    let (code, lines) = match run() {
        Ok(()) => return ExitCode::SUCCESS,
        Err(End::Settings(faults)) => (2, faults),
        Err(End::Failure(reason)) => (1, vec![reason]),
    };
    let mut stderr = std::io::stderr().lock();
    for line in lines {
        let _ = writeln!(stderr, "defect-mailer: {line}");
    }
    ExitCode::from(code)
}

fn run() -> Result<(), End> {
    if std::env::args_os().len() > 1 {
        return Err(End::Settings(vec![
            "takes no arguments; its settings are environment variables, see README.md".into(),
        ]));
    }
    let settings = Settings::read(std::env::vars_os())
        .map_err(|faults| End::Settings(faults.iter().map(ToString::to_string).collect()))?;
    let post = Post::new(settings.smtp).map_err(|error| End::Settings(vec![error.to_string()]))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| End::Failure(format!("the runtime cannot start: {error}")))?;
    runtime.block_on(async {
        let store = open(settings.state).await?;
        let dispatch = Dispatch::new(post, settings.from);
        let handler = Arc::new(Handler::new(store, dispatch, settings.plan, &instance()));
        serve(settings.port, handler).await
    })
}

async fn open(state: State) -> Result<Store, End> {
    let wrong = |error: &dyn std::fmt::Display| End::Settings(vec![error.to_string()]);
    match state {
        State::Folder(path) => Folder::open(&path).map(Store::Folder).map_err(|error| wrong(&error)),
        State::Container(address, key) => {
            let blob = Blob::new(&address, key.as_ref()).map_err(|error| wrong(&error))?;
            // Storage that cannot be reached now may be back with the first batch: the host's retries wait for it.
            if let Err(error) = blob.open().await {
                tracing::error!("{error}");
            }
            Ok(Store::Blob(Box::new(blob)))
        }
    }
}

/// What Azure calls the machine that this runs on. Elsewhere each run is an instance of its own.
fn instance() -> String {
    let names = ["WEBSITE_INSTANCE_ID", "WEBSITE_POD_NAME", "CONTAINER_NAME"];
    let named = names.iter().find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    named.unwrap_or_else(|| format!("run-{:x}", rand::random::<u64>()))
}

async fn serve(port: u16, handler: Arc<Handler>) -> Result<(), End> {
    let stop = stop_signal().map_err(|error| End::Failure(format!("signals cannot be watched: {error}")))?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await.map_err(|error| {
        End::Failure(format!(
            "listening on 127.0.0.1:{port} failed: {error}; is another mailer running there"
        ))
    })?;
    tracing::info!(port, "ready");
    let late = Arc::clone(&handler);
    let catch_up = async move {
        let mut tick = interval(CATCH_UP);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            late.look_at_the_clock(Timestamp::now()).await;
        }
    };
    let (stopping, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = axum::serve(listener, router(handler)).with_graceful_shutdown(async {
        stop.await;
        tracing::info!("stopping");
        drop(stopping);
    });
    tokio::select! {
        served = server => served.map_err(|error| End::Failure(format!("serving failed: {error}"))),
        () = catch_up => Ok(()),
        () = async { let _ = stopped.await; sleep(GRACE).await } => Ok(()),
    }
}

fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
