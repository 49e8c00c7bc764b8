//! A mail server on loopback that does as a script says, without encryption.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
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
    /// Takes the mail, but does not answer a goodbye before it is told to.
    HoldGoodbye,
}

pub(crate) struct MailServer {
    pub(crate) port: u16,
    script: Arc<Mutex<VecDeque<Turn>>>,
    mails: mpsc::Receiver<Mail>,
    is_down: Arc<AtomicBool>,
    goodbye: Arc<Goodbye>,
}

/// A goodbye that was said, and may be answered.
#[derive(Default)]
struct Goodbye {
    is_said: AtomicBool,
    may_go: AtomicBool,
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
        Self::listen(script, false)
    }

    /// Hangs up on everybody, until it is up. Its port stays its own, whoever looks for a free one meanwhile.
    pub(crate) fn down() -> Self {
        Self::listen(&[], true)
    }

    pub(crate) fn up(&self) {
        self.is_down.store(false, Ordering::SeqCst);
    }

    fn listen(script: &[Turn], is_down: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let is_down = Arc::new(AtomicBool::new(is_down));
        let down = Arc::clone(&is_down);
        let port = listener.local_addr().unwrap().port();
        let script = Arc::new(Mutex::new(script.iter().copied().collect::<VecDeque<_>>()));
        let (sender, mails) = mpsc::channel();
        let turns = Arc::clone(&script);
        let goodbye = Arc::<Goodbye>::default();
        let bye = Arc::clone(&goodbye);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if down.load(Ordering::SeqCst) {
                    continue;
                }
                let (turns, sender, bye) = (Arc::clone(&turns), sender.clone(), Arc::clone(&bye));
                std::thread::spawn(move || converse(stream, &turns, &sender, &bye));
            }
        });
        Self { port, script, mails, is_down, goodbye }
    }

    pub(crate) fn then(&self, turn: Turn) {
        self.script.lock().unwrap().push_back(turn);
    }

    /// With [`Turn::HoldGoodbye`]: waits until a goodbye was said.
    pub(crate) fn hears_goodbye(&self) {
        let begin = std::time::Instant::now();
        while !self.goodbye.is_said.load(Ordering::SeqCst) {
            assert!(begin.elapsed() < PATIENCE, "no goodbye was said");
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
    }

    pub(crate) fn answers_goodbye(&self) {
        self.goodbye.may_go.store(true, Ordering::SeqCst);
    }

    pub(crate) fn has_no_script(&self) -> bool {
        self.script.lock().unwrap().is_empty()
    }

    pub(crate) fn next(&self) -> Mail {
        self.mails.recv_timeout(PATIENCE).expect("a mail should have arrived")
    }

    /// A mail that has arrived by now.
    pub(crate) fn now(&self) -> Option<Mail> {
        self.mails.try_recv().ok()
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

    /// How many items it tells for the first time.
    pub(crate) fn new_items(&self) -> u64 {
        self.header("X-Andon-New-Items").unwrap().parse().unwrap()
    }

    /// The content with soft line breaks of quoted-printable undone.
    pub(crate) fn text(&self) -> String {
        self.content.replace("=\r\n", "")
    }
}

fn converse(
    stream: TcpStream,
    script: &Mutex<VecDeque<Turn>>,
    mails: &mpsc::Sender<Mail>,
    goodbye: &Goodbye,
) -> Option<()> {
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
            goodbye.is_said.store(true, Ordering::SeqCst);
            while matches!(turn, Turn::HoldGoodbye) && !goodbye.may_go.load(Ordering::SeqCst) {
                std::thread::sleep(std::time::Duration::from_millis(2));
            }
            say("221 bye")?;
            return None;
        } else {
            say("250 ok")?;
        }
    }
    None
}
