//! A sheet as HTML: one column that fits a phone, no script, nothing loaded from anywhere.

use super::catalogue::fill;
use super::sheet::{Reader, Row, Sheet, Tone};

const PAGE: &str = include_str!("page.html");

/// The page with the words in it, each escaped.
pub(super) fn render(reader: Reader<'_>, sheet: &Sheet) -> String {
    let section = &reader.texts.section;
    let facts = sheet.facts.iter().map(|(name, value)| {
        format!("<tr><th scope=\"row\">{}</th><td>{}</td></tr>\n", escape(name), escape(value))
    });
    let steps = sheet.steps.iter().map(|step| format!("<li>{}</li>\n", escape(step)));
    let values = [
        ("language", escape(&reader.texts.html_language)),
        ("subject", escape(&sheet.subject)),
        ("tone", tone(sheet.tone).to_owned()),
        ("headline", escape(&sheet.headline)),
        ("place", paragraph("place", &sheet.place)),
        ("glance", paragraph("glance", &sheet.glance)),
        ("steps", block(&section.steps, "", "<ol>\n", &steps.collect::<String>(), "</ol>")),
        ("ways", list(&section.ways, "", &sheet.ways)),
        ("notes", list(&section.notes, "notes", &sheet.notes)),
        (
            "facts",
            block(
                &section.facts,
                "",
                "<table role=\"presentation\">\n",
                &facts.collect::<String>(),
                "</table>",
            ),
        ),
        ("rows", rows(sheet)),
        ("origin", escape(&sheet.origin)),
    ];
    // The page's own braces are its style's; a value stands in two of them.
    page(&values.each_ref().map(|(name, value)| (*name, value.as_str())))
}

fn page(values: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(PAGE.len() * 2);
    let mut rest = PAGE;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((name, after)) = after.split_once("}}") else { break };
        filled.push_str(before);
        filled.push_str(&fill(&format!("{{{name}}}"), values));
        rest = after;
    }
    filled.push_str(rest);
    filled
}

fn block(title: &str, class: &str, open: &str, inner: &str, close: &str) -> String {
    if inner.is_empty() {
        return String::new();
    }
    let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
    format!("<div{class}>\n<h2>{}</h2>\n{open}{inner}{close}\n</div>\n", escape(title))
}

fn list(title: &str, class: &str, lines: &[String]) -> String {
    let items: String = lines.iter().map(|line| format!("<li>{}</li>\n", escape(line))).collect();
    block(title, class, "<ul>\n", &items, "</ul>")
}

fn rows(sheet: &Sheet) -> String {
    let one = |row: &Row| {
        format!(
            "<tr><td class=\"mark {}\"></td><td><b>{}</b><br>{}</td><td class=\"count\">{}</td></tr>\n",
            tone(row.tone),
            escape(&row.title),
            escape(&row.detail),
            escape(&row.count)
        )
    };
    let inner: String = sheet.rows.iter().map(one).collect();
    block(&sheet.rows_title, "", "<table class=\"rows\" role=\"presentation\">\n", &inner, "</table>")
}

fn paragraph(class: &str, text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("<p class=\"{class}\">{}</p>\n", escape(text)) }
}

fn tone(tone: Tone) -> &'static str {
    match tone {
        Tone::Critical => "critical",
        Tone::Major => "major",
        Tone::Minor => "minor",
        Tone::Good => "good",
    }
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
