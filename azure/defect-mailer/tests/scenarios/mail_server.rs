//! A mail server on loopback that does as a script says, without encryption.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, mpsc};

use super::mailer::PATIENCE;

/// What the server does with one mail.
#[derive(Clone, Copy)]
pub(crate) enum Turn {
    Take,
    /// Answers this to MAIL FROM.
    RefuseSender(&'static str),
    /// Answers this to recipients that start so.
    RefuseRecipient(&'static str, &'static str),
    /// Answers this after the content.
    RefuseContent(&'static str),
    /// Takes the content and closes without an answer.
    CutAfterContent,
    /// Takes the content and never answers.
    Hang,
}

pub(crate) struct MailServer {
    pub(crate) port: u16,
    script: Arc<Mutex<VecDeque<Turn>>>,
    mails: mpsc::Receiver<Mail>,
}

/// A mail whose content arrived, whatever was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mail {
    pub(crate) to: Vec<String>,
    pub(crate) content: String,
}

impl MailServer {
    /// Takes every mail, after the script has ended.
    pub(crate) fn start(script: &[Turn]) -> Self {
        Self::listen(TcpListener::bind("127.0.0.1:0").unwrap(), script)
    }

    pub(crate) fn on(port: u16) -> Self {
        Self::listen(TcpListener::bind(("127.0.0.1", port)).unwrap(), &[])
    }

    fn listen(listener: TcpListener, script: &[Turn]) -> Self {
        let port = listener.local_addr().unwrap().port();
        let script = Arc::new(Mutex::new(script.iter().copied().collect::<VecDeque<_>>()));
        let (sender, mails) = mpsc::channel();
        let turns = Arc::clone(&script);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (turns, sender) = (Arc::clone(&turns), sender.clone());
                std::thread::spawn(move || converse(stream, &turns, &sender));
            }
        });
        Self { port, script, mails }
    }

    pub(crate) fn then(&self, turn: Turn) {
        self.script.lock().unwrap().push_back(turn);
    }

    pub(crate) fn next(&self) -> Mail {
        self.mails.recv_timeout(PATIENCE).expect("a mail should have arrived")
    }

    /// The mails that arrived up to now.
    pub(crate) fn all(&self) -> Vec<Mail> {
        self.mails.try_iter().collect()
    }
}

impl Mail {
    /// A header's value, unfolded.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let head = self.content.split("\r\n\r\n").next().unwrap().replace("\r\n ", " ");
        let start = format!("{name}: ");
        head.lines().find_map(|line| line.strip_prefix(&start).map(str::to_owned))
    }

    pub(crate) fn id(&self) -> String {
        self.header("Message-ID").unwrap()
    }

    /// The content with soft line breaks of quoted-printable undone.
    pub(crate) fn text(&self) -> String {
        self.content.replace("=\r\n", "")
    }
}

fn converse(stream: TcpStream, script: &Mutex<VecDeque<Turn>>, mails: &mpsc::Sender<Mail>) -> Option<()> {
    let mut answers = stream.try_clone().ok()?;
    let mut say = move |line: &str| answers.write_all(format!("{line}\r\n").as_bytes()).ok();
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let (mut to, mut turn) = (Vec::new(), Turn::Take);
    say("220 scripted")?;
    while let Some(line) = lines.next() {
        let verb = line.to_ascii_uppercase();
        if verb.starts_with("EHLO") {
            say("250 scripted")?;
        } else if verb.starts_with("MAIL") {
            to.clear();
            turn = script.lock().unwrap().pop_front().unwrap_or(Turn::Take);
            say(if let Turn::RefuseSender(reply) = turn { reply } else { "250 ok" })?;
        } else if verb.starts_with("RCPT") {
            let address = line.split(['<', '>']).nth(1)?.to_owned();
            match turn {
                Turn::RefuseRecipient(who, reply) if address.starts_with(who) => say(reply)?,
                _ => {
                    to.push(address);
                    say("250 ok")?;
                }
            }
        } else if verb == "DATA" {
            say("354 go on")?;
            let content: Vec<String> = lines.by_ref().take_while(|line| line != ".").collect();
            let content =
                content.iter().map(|line| line.strip_prefix('.').unwrap_or(line).to_owned() + "\r\n");
            mails.send(Mail { to: to.clone(), content: content.collect() }).ok()?;
            match turn {
                Turn::RefuseContent(reply) => say(reply)?,
                Turn::CutAfterContent => return None,
                Turn::Hang => return lines.next().map(|_| ()),
                _ => say("250 2.0.0 taken")?,
            }
        } else if verb == "QUIT" {
            say("221 bye")?;
            return None;
        } else {
            say("250 ok")?;
        }
    }
    None
}
