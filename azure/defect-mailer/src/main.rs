//! `defect-mailer`: what the Functions host starts.

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use defect_mailer::dispatch::Dispatch;
use defect_mailer::handler::Handler;
use defect_mailer::http::router;
use defect_mailer::ledger::Folder;
use defect_mailer::post::Post;
use defect_mailer::settings::Settings;
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
    let ledger = Folder::open(&settings.state).map_err(|error| End::Settings(vec![error.to_string()]))?;
    let handler =
        Arc::new(Handler::new(ledger, Dispatch::new(post, settings.from, settings.to, settings.zone)));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| End::Failure(format!("the runtime cannot start: {error}")))?;
    runtime.block_on(serve(settings.port, handler))
}

async fn serve(port: u16, handler: Arc<Handler<Folder>>) -> Result<(), End> {
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
            late.catch_up(Timestamp::now()).await;
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
