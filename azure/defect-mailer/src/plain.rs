//! Text from outside made fit for one line of a mail or a log.

/// At most `max` characters of `text` on one line, without control characters and marks that reorder text.
#[must_use]
pub fn plain(text: &str, max: usize) -> String {
    let mut kept = text.trim().chars().map(|c| if c.is_whitespace() { ' ' } else { c }).filter(shows);
    let mut line: String = kept.by_ref().take(max).collect();
    if kept.next().is_some() {
        line.pop();
        line.push('…');
    }
    line
}

/// [`plain`], with a word in place of nothing.
#[must_use]
pub fn plain_or(text: &str, max: usize, otherwise: &str) -> String {
    let line = plain(text, max);
    if line.is_empty() { otherwise.to_owned() } else { line }
}

/// Unicode's bidirectional controls could make a mail show something else than it holds.
fn shows(c: &char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stays_one_line_and_short() {
        let cases = [
            ("short", 40, "short"),
            ("  two\r\nlines\t ", 40, "two  lines"),
            ("Bcc: x\u{0}\u{1b}[31m", 40, "Bcc: x[31m"),
            ("\u{202e}txt.exe", 40, "txt.exe"),
            ("12\u{61c}-34", 40, "12-34"),
            ("kratzer ü", 7, "kratze…"),
            ("exactly", 7, "exactly"),
            ("", 7, ""),
        ];
        for (text, max, line) in cases {
            assert_eq!(plain(text, max), line, "{text:?}");
        }
        assert_eq!(plain_or(" \r\n", 7, "unnamed"), "unnamed");
    }
}
