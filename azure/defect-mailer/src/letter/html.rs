//! The words as HTML: one column that fits a phone, no script, nothing loaded from anywhere.

use andon_telemetry::Severity;

use super::words::Words;

const PAGE: &str = include_str!("page.html");

/// The page with the words in it, each escaped.
pub(super) fn render(words: &Words) -> String {
    let facts = words.facts.iter().map(|(name, value)| {
        format!("<tr><th scope=\"row\">{}</th><td>{}</td></tr>\n", escape(name), escape(value))
    });
    let steps = words.steps.iter().map(|step| format!("<li>{}</li>\n", escape(step)));
    let tone = match words.severity {
        Severity::Critical => "critical",
        Severity::Major => "major",
        Severity::Minor => "minor",
    };
    fill(
        PAGE,
        &[
            ("subject", escape(&words.subject)),
            ("tone", tone.to_owned()),
            ("headline", escape(&words.headline)),
            ("place", escape(&words.place)),
            ("glance", escape(&words.glance)),
            ("facts", facts.collect()),
            ("steps", steps.collect()),
            ("notes", section("Keep in mind", "notes", &words.notes)),
            ("also", section("Also at this station", "also", &words.also)),
            ("origin", escape(&words.origin)),
        ],
    )
}

fn section(title: &str, class: &str, lines: &[String]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let items: String = lines.iter().map(|line| format!("<li>{}</li>\n", escape(line))).collect();
    format!("<div class=\"{class}\">\n<h2>{title}</h2>\n<ul>\n{items}</ul>\n</div>")
}

/// Puts values in place of `{{name}}`, in one pass: what a value holds is never looked at again.
fn fill(page: &str, values: &[(&str, String)]) -> String {
    let mut filled = String::with_capacity(page.len() * 2);
    let mut rest = page;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((name, after)) = after.split_once("}}") else { break };
        filled.push_str(before);
        filled.extend(values.iter().filter(|(known, _)| *known == name).map(|(_, value)| value.as_str()));
        rest = after;
    }
    filled.push_str(rest);
    filled
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}
