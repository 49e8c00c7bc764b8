//! A mail server that takes everything and counts it: mails, and the items that they tell for the first time.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What was taken: new items by Message-ID, so that a mail that comes twice counts once.
#[derive(Debug, Default)]
pub struct Counted(Mutex<HashMap<String, u64>>);

impl Counted {
    /// Different mails.
    #[must_use]
    pub fn mails(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Items that they tell for the first time.
    #[must_use]
    pub fn items(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().sum()
    }
}

/// Opens on a free port of loopback and works until the runtime ends.
///
/// # Errors
/// When loopback cannot be listened on.
pub async fn open() -> io::Result<(u16, Arc<Counted>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let (port, counted) = (listener.local_addr()?.port(), Arc::new(Counted::default()));
    let shared = Arc::clone(&counted);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let shared = Arc::clone(&shared);
            // A client that breaks off has nothing more to be told.
            tokio::spawn(async move { drop(serve(stream, &shared).await) });
        }
    });
    Ok((port, counted))
}

async fn serve(stream: TcpStream, counted: &Counted) -> io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut lines = BufReader::new(reader).lines();
    writer.write_all(b"220 fleet\r\n").await?;
    while let Some(line) = lines.next_line().await? {
        let verb = line.split(' ').next().unwrap_or_default().to_ascii_uppercase();
        if verb == "DATA" {
            writer.write_all(b"354 go on\r\n").await?;
            let (mut id, mut items) = (String::new(), 0);
            while let Some(line) = lines.next_line().await? {
                if line == "." {
                    break;
                }
                if let Some(value) = line.strip_prefix("Message-ID: ") {
                    value.clone_into(&mut id);
                } else if let Some(value) = line.strip_prefix("X-Andon-New-Items: ") {
                    items = value.trim().parse().unwrap_or(0);
                }
            }
            counted.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id, items);
        }
        writer.write_all(if verb == "QUIT" { b"221 bye\r\n" } else { b"250 ok\r\n" }).await?;
    }
    Ok(())
}
