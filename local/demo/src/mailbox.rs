//! A stand-in for a mail server: takes mails by SMTP on loopback and leaves each as an `.eml` file in a folder.
//!
//! It is for looking at what would have been sent, not for mail: it accepts any recipient, knows no TLS and no login,
//! and never passes a mail on. The embeddable servers on crates.io cannot be stopped or bring a runtime of their own.

mod session;

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use session::{Envelope, LARGEST_MAIL, Reply, Session};

/// Longest command line in bytes; RFC 5321 asks for at least 512.
const LONGEST_COMMAND: u64 = 2048;
/// How long a client may be silent.
const PATIENCE: Duration = Duration::from_secs(30);
/// Most clients at a time.
const MOST_CLIENTS: usize = 16;
/// Most mails; more are refused for now, so that a mailer gone wild fills no disk.
const MOST_MAILS: usize = 10_000;

/// Why there is no mailbox.
#[derive(Debug, thiserror::Error)]
pub enum MailboxError {
    /// The folder cannot be made.
    #[error("cannot make the folder {} for mails: {source}", folder.display())]
    Folder {
        /// Which folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// No port on loopback.
    #[error("cannot listen for mails on loopback: {0}")]
    Listen(io::Error),
}

/// A mail server on a free port of 127.0.0.1, until it is stopped or dropped.
#[derive(Debug)]
pub struct Mailbox {
    address: SocketAddr,
    shared: Arc<Shared>,
    listening: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    folder: PathBuf,
    mails: Mutex<Vec<PathBuf>>,
    clients: AtomicUsize,
    stopped: AtomicBool,
}

impl Mailbox {
    /// Opens the mailbox; mails go to `folder`, which is made if needed, as `0001.eml` and so on.
    ///
    /// # Errors
    /// The folder cannot be made or loopback cannot be listened on.
    pub fn start(folder: impl Into<PathBuf>) -> Result<Self, MailboxError> {
        let folder = folder.into();
        fs::create_dir_all(&folder)
            .map_err(|source| MailboxError::Folder { folder: folder.clone(), source })?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(MailboxError::Listen)?;
        let address = listener.local_addr().map_err(MailboxError::Listen)?;
        let shared = Arc::new(Shared {
            folder,
            mails: Mutex::default(),
            clients: AtomicUsize::new(0),
            stopped: AtomicBool::new(false),
        });
        let listening = std::thread::Builder::new().name("mailbox".to_owned()).spawn({
            let shared = shared.clone();
            move || listen(&listener, &shared)
        });
        Ok(Self { address, shared, listening: Some(listening.map_err(MailboxError::Listen)?) })
    }

    /// Where mails are taken.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where mails are left.
    pub fn folder(&self) -> &Path {
        &self.shared.folder
    }

    /// The files of the mails taken so far, oldest first.
    pub fn mails(&self) -> Vec<PathBuf> {
        self.shared.mails.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes no more clients, and no more mails from those that are there.
    pub fn stop(mut self) -> Vec<PathBuf> {
        self.close();
        self.mails()
    }

    fn close(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        if let Some(listening) = self.listening.take() {
            // The listener sees the word only when a client comes.
            drop(TcpStream::connect(self.address));
            let _ = listening.join();
        }
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        self.close();
    }
}

fn listen(listener: &TcpListener, shared: &Arc<Shared>) {
    for client in listener.incoming() {
        if shared.stopped.load(Ordering::SeqCst) {
            return;
        }
        // A client that is gone before it was taken is no reason to stop.
        let Ok(client) = client else { continue };
        let place = Place::take(shared);
        let served = std::thread::Builder::new().name("mailbox client".to_owned()).spawn(move || {
            // A client that breaks off has nothing more to be told.
            let _ = serve(client, place);
        });
        // Without a thread the client is dropped, and its place with it.
        drop(served);
    }
}

/// One of the clients that may be there at a time.
struct Place {
    shared: Arc<Shared>,
    free: bool,
}

impl Place {
    fn take(shared: &Arc<Shared>) -> Self {
        let free = shared.clients.fetch_add(1, Ordering::SeqCst) < MOST_CLIENTS;
        Self { shared: shared.clone(), free }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shared.clients.fetch_sub(1, Ordering::SeqCst);
    }
}

fn serve(client: TcpStream, place: Place) -> io::Result<()> {
    client.set_read_timeout(Some(PATIENCE))?;
    client.set_write_timeout(Some(PATIENCE))?;
    let mut writer = client.try_clone()?;
    if !place.free {
        return writer.write_all(b"421 too many clients, come back later\r\n");
    }
    let mut reader = BufReader::new(client);
    let mut session = Session::default();
    writer.write_all(b"220 mailbox of the andon demo ESMTP\r\n")?;
    loop {
        let mut line = Vec::new();
        (&mut reader).take(LONGEST_COMMAND).read_until(b'\n', &mut line)?;
        if line.is_empty() || place.shared.stopped.load(Ordering::SeqCst) {
            return writer.write_all(b"421 closing\r\n");
        }
        if !line.ends_with(b"\r\n") {
            return writer.write_all(b"500 lines must end with CR LF and be shorter; closing\r\n");
        }
        match session.command(&line) {
            Reply::Say(text) => writer.write_all(text.as_bytes())?,
            Reply::Close(text) => return writer.write_all(text.as_bytes()),
            Reply::TakeMail(envelope) => {
                writer.write_all(b"354 send the mail, end with a lone dot\r\n")?;
                let answer = match read_mail(&mut reader)? {
                    None => "552 the mail is too large\r\n".to_owned(),
                    Some(mail) => keep(&place.shared, &envelope, &mail),
                };
                writer.write_all(answer.as_bytes())?;
            }
        }
    }
}

/// Reads up to the lone dot and takes the doubled dots away; `None` for a mail over the limit, read but not kept.
///
/// RFC 5321, 4.5.2 and 2.3.8: only CR LF ends a line, so a dot after a lone LF ends no mail.
fn read_mail(reader: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    const PIECE: u64 = 64 * 1024;
    let mut mail = Vec::new();
    let mut whole = true;
    let mut at_line_start = true;
    let mut after_return = false;
    loop {
        let mut piece = Vec::new();
        reader.take(PIECE).read_until(b'\n', &mut piece)?;
        if piece.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if at_line_start && piece == b".\r\n" {
            return Ok(whole.then_some(mail));
        }
        let text = piece.strip_prefix(b".").filter(|_| at_line_start).unwrap_or(&piece);
        if mail.len() + text.len() > LARGEST_MAIL {
            whole = false;
            mail.clear();
        }
        if whole {
            mail.extend_from_slice(text);
        }
        // The CR of a long line may have come with the piece before.
        at_line_start = piece.ends_with(b"\r\n") || (after_return && piece == b"\n");
        after_return = piece.ends_with(b"\r");
    }
}

/// Writes a mail to its file and says so to the client, in this order: a taken mail is on disk.
fn keep(shared: &Shared, envelope: &Envelope, mail: &[u8]) -> String {
    let mut mails = shared.mails.lock().unwrap_or_else(PoisonError::into_inner);
    if mails.len() >= MOST_MAILS {
        return "452 the mailbox is full\r\n".to_owned();
    }
    let number = mails.len() + 1;
    let file = shared.folder.join(format!("{number:04}.eml"));
    match write(&file, envelope, mail) {
        Ok(()) => {
            mails.push(file);
            format!("250 taken as {number:04}.eml\r\n")
        }
        Err(error) => {
            tracing::warn!(%error, file = %file.display(), "cannot keep a mail");
            "451 the mail cannot be kept now\r\n".to_owned()
        }
    }
}

/// RFC 5321, 4.4: who delivers a mail adds the path it came by.
fn write(path: &Path, envelope: &Envelope, mail: &[u8]) -> io::Result<()> {
    let unfinished = path.with_extension("part");
    let mut file = File::create(&unfinished)?;
    write!(file, "Return-Path: <{}>\r\n", envelope.from)?;
    for recipient in &envelope.to {
        write!(file, "Delivered-To: {recipient}\r\n")?;
    }
    file.write_all(mail)?;
    fs::rename(unfinished, path)
}

#[cfg(test)]
mod tests;
