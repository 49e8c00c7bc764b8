//! The commands of SMTP (RFC 5321), without the network.

/// Largest mail in bytes, announced by the SIZE extension (RFC 1870).
pub(super) const LARGEST_MAIL: usize = 10 * 1024 * 1024;
/// Most recipients of a mail; RFC 5321 asks for at least 100.
const MOST_RECIPIENTS: usize = 100;
/// Refused commands after which a client is sent away.
const MOST_MISTAKES: u32 = 20;

/// Who sent a mail to whom, which its head need not say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Envelope {
    /// Empty for a notice that must not be answered.
    pub(super) from: String,
    pub(super) to: Vec<String>,
}

/// What a command leads to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reply {
    Say(String),
    Close(String),
    /// The mail itself comes next.
    TakeMail(Envelope),
}

/// A client's session between two mails.
#[derive(Debug, Default)]
pub(super) struct Session {
    greeted: bool,
    from: Option<String>,
    to: Vec<String>,
    mistakes: u32,
}

impl Session {
    /// Answers one command line.
    pub(super) fn command(&mut self, line: &[u8]) -> Reply {
        let Some(line) = std::str::from_utf8(line).ok().map(str::trim_end).filter(|line| is_visible(line))
        else {
            return self.refuse("500 commands are visible ASCII");
        };
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        match verb.to_ascii_uppercase().as_str() {
            "EHLO" if !rest.is_empty() => {
                self.greet();
                Reply::Say(format!(
                    "250-mailbox\r\n250-8BITMIME\r\n250-PIPELINING\r\n250 SIZE {LARGEST_MAIL}\r\n"
                ))
            }
            "HELO" if !rest.is_empty() => {
                self.greet();
                say("250 mailbox")
            }
            "EHLO" | "HELO" => self.refuse("501 say who you are"),
            "MAIL" => self.mail(rest),
            "RCPT" => self.recipient(rest),
            "DATA" if self.from.is_none() => self.refuse("503 MAIL and RCPT come first"),
            "DATA" if self.to.is_empty() => self.refuse("503 RCPT comes first"),
            "DATA" => Reply::TakeMail(Envelope {
                from: self.from.take().unwrap_or_default(),
                to: std::mem::take(&mut self.to),
            }),
            "RSET" => {
                self.forget();
                say("250 forgotten")
            }
            "NOOP" => say("250 still here"),
            "VRFY" => say("252 any address is taken"),
            "QUIT" => Reply::Close("221 bye\r\n".to_owned()),
            _ => self.refuse("502 unknown command"),
        }
    }

    fn greet(&mut self) {
        self.greeted = true;
        self.forget();
    }

    fn forget(&mut self) {
        self.from = None;
        self.to.clear();
    }

    fn mail(&mut self, rest: &str) -> Reply {
        if !self.greeted {
            return self.refuse("503 EHLO comes first");
        }
        if self.from.is_some() {
            return self.refuse("503 one MAIL at a time");
        }
        let Some((from, parameters)) = path(rest, "FROM:") else {
            return self.refuse("501 write MAIL FROM:<address>");
        };
        for parameter in parameters.split_whitespace() {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            match (name.to_ascii_uppercase().as_str(), value.to_ascii_uppercase().as_str()) {
                ("BODY", "7BIT" | "8BITMIME") => {}
                ("SIZE", size) => match size.parse::<usize>() {
                    Ok(size) if size <= LARGEST_MAIL => {}
                    Ok(_) => return self.refuse("552 the mail is too large"),
                    Err(_) => return self.refuse("501 SIZE is a number of bytes"),
                },
                _ => return self.refuse("555 unknown parameter"),
            }
        }
        self.from = Some(from.to_owned());
        say("250 go on")
    }

    fn recipient(&mut self, rest: &str) -> Reply {
        if self.from.is_none() {
            return self.refuse("503 MAIL comes first");
        }
        match path(rest, "TO:") {
            Some((to, parameters)) if !to.is_empty() && parameters.trim().is_empty() => {
                if self.to.len() >= MOST_RECIPIENTS {
                    return self.refuse("452 too many recipients");
                }
                self.to.push(to.to_owned());
                say("250 go on")
            }
            Some((_, parameters)) if !parameters.trim().is_empty() => self.refuse("555 unknown parameter"),
            _ => self.refuse("501 write RCPT TO:<address>"),
        }
    }

    fn refuse(&mut self, text: &str) -> Reply {
        self.mistakes += 1;
        if self.mistakes > MOST_MISTAKES {
            return Reply::Close("421 too many mistakes\r\n".to_owned());
        }
        say(text)
    }
}

fn say(text: &str) -> Reply {
    Reply::Say(format!("{text}\r\n"))
}

fn is_visible(line: &str) -> bool {
    line.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

/// The address in `KEYWORD<address> parameters`, and the parameters.
fn path<'a>(rest: &'a str, keyword: &str) -> Option<(&'a str, &'a str)> {
    let head = rest.get(..keyword.len())?;
    let rest = rest[keyword.len()..].trim_start();
    let (address, parameters) = rest.strip_prefix('<')?.split_once('>')?;
    let sound = head.eq_ignore_ascii_case(keyword)
        && !address.contains([' ', '<'])
        && (parameters.is_empty() || parameters.starts_with(' '));
    sound.then_some((address, parameters))
}
