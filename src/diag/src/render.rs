//! Diagnostics as terminal text.

use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use crate::{Diagnostic, Label, NOT_SHOWN, Severity, SourceId, Sources};

/// Draws a diagnostic: heading, the source lines with carets, notes and hints. `color` turns on ANSI colours.
///
/// Labels whose source is not known are left out. Lines of a source are shown as they are, except that encrypted lines
/// (long runs of hexadecimal digits) and control characters are not drawn.
pub fn render(diagnostic: &Diagnostic, sources: &Sources, color: bool) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Deprecated => Level::WARNING.with_name("deprecated"),
    };
    let excerpts: Vec<Excerpt<'_>> = excerpts(diagnostic, sources);
    let mut group = Group::with_title(level.primary_title(diagnostic.message.as_str()));
    for excerpt in &excerpts {
        let mut snippet = Snippet::source(excerpt.text.as_str()).path(&*excerpt.name).line_start(excerpt.first_line);
        for (label, range) in &excerpt.labels {
            let kind = if label.primary { AnnotationKind::Primary } else { AnnotationKind::Context };
            let annotation = kind.span(range.clone());
            snippet = snippet.annotation(if label.text.is_empty() {
                annotation
            } else {
                annotation.label(label.text.as_str())
            });
        }
        group = group.element(snippet);
    }
    let hidden = diagnostic.labels.iter().filter(|label| sources.is_sealed(label.span.source));
    for position in hidden.filter_map(|label| sources.position(label.span)) {
        group = group.element(Level::NOTE.message(format!("in {position} {NOT_SHOWN}")));
    }
    for note in &diagnostic.notes {
        group = group.element(Level::NOTE.message(note.as_str()));
    }
    for hint in &diagnostic.hints {
        group = group.element(Level::HELP.with_name("hint").message(hint.as_str()));
    }
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    renderer.render(&[group])
}

/// The lines of one source that are drawn, with the labels in them.
struct Excerpt<'a> {
    name: Arc<str>,
    first_line: usize,
    text: String,
    labels: Vec<(&'a Label, Range<usize>)>,
}

/// A label over more lines than this is drawn at its first line only.
const MOST_LINES: usize = 6;

/// Cuts the labelled lines out of their sources, so that a large file costs no more than a small one.
fn excerpts<'a>(diagnostic: &'a Diagnostic, sources: &Sources) -> Vec<Excerpt<'a>> {
    let mut ids: Vec<SourceId> = Vec::new();
    for label in &diagnostic.labels {
        if !ids.contains(&label.span.source) {
            ids.push(label.span.source);
        }
    }
    ids.into_iter()
        .filter(|id| !sources.is_sealed(*id))
        .filter_map(|id| {
            let (name, text) = (sources.name(id)?, sources.text(id)?);
            let labels = || diagnostic.labels.iter().filter(|label| label.span.source == id);
            let ranges: Vec<Range<usize>> = labels().map(|label| drawn(&text, label)).collect();
            let start = line_start(&text, ranges.iter().map(|r| r.start).min().unwrap_or(0));
            let last = ranges.iter().map(|r| r.end).max().unwrap_or(0);
            let end = text[last..].find('\n').map_or(text.len(), |i| last + i);
            let first_line = text[..start].matches('\n').count() + 1;
            let labels =
                labels().zip(ranges).map(|(label, range)| (label, range.start - start..range.end - start)).collect();
            Some(Excerpt { name, first_line, text: masked(&text[start..end]), labels })
        })
        .collect()
}

fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |i| i + 1)
}

/// The bytes of a label, on character boundaries and not over too many lines. At the end of a file that is the end of
/// its last line.
fn drawn(text: &str, label: &Label) -> Range<usize> {
    let mut start = text.floor_char_boundary(label.span.start as usize);
    if start == text.len() {
        start = text.trim_end_matches(['\n', '\r']).len();
    }
    let end = text.ceil_char_boundary(label.span.end as usize).max(start);
    let covered = &text[start..end];
    let lines = covered.matches('\n').count();
    if lines < MOST_LINES {
        return start..end;
    }
    start..start + covered.find('\n').unwrap_or(covered.len())
}

/// The same number of bytes, without what must not or cannot be drawn.
fn masked(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let bare = line.trim();
        let secret = bare.len() >= 32 && bare.bytes().all(|b| b.is_ascii_hexdigit());
        for c in line.chars() {
            match c {
                _ if secret && c.is_ascii_hexdigit() => out.push('*'),
                '\n' | '\t' => out.push(c),
                c if c.is_ascii_control() => out.push(' '),
                c => out.push(c),
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Span;

    fn draw(text: &str, range: Range<usize>) -> String {
        let sources = Sources::new();
        let source = sources.add("a.yml", text);
        render(&Diagnostic::error("wrong").at(Span::new(source, range.start, range.end), "here"), &sources, false)
    }

    #[test]
    fn a_label_anywhere_is_drawn() {
        assert!(draw("a: 1\nb: é\n", 8..9).contains("2 | b: é"));
        assert!(draw("a: 1\n", 5..6).contains("1 | a: 1"));
        assert!(draw("", 0..1).contains("error: wrong"));
        assert!(draw("a\r\nb\u{7}\n", 3..5).contains("2 | b"));
        assert!(draw("x\n", 400..500).contains("1 | x"));
        let long = "word ".repeat(200) + "END" + &" word".repeat(200);
        let drawn = draw(&long, 1000..1003);
        assert!(drawn.contains("END") && drawn.lines().all(|line| line.chars().count() < 200), "{drawn}");
    }

    #[test]
    fn secrets_are_not_drawn() {
        let text = format!("a: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  {}\nb: 1\n", "6162".repeat(20));
        let drawn = draw(&text, 3..text.len() - 6);
        assert!(drawn.contains("$ANSIBLE_VAULT") && !drawn.contains("61626162"), "{drawn}");
    }

    #[test]
    fn lines_of_encrypted_files_are_not_drawn() {
        let sources = Sources::new();
        sources.seal(std::path::Path::new("vault.yml"));
        let id = sources.add("vault.yml", "password: [hunter2\n");
        let drawn = render(&Diagnostic::error("wrong").at(Span::new(id, 10, 18), "here"), &sources, false);
        assert!(drawn.contains("in vault.yml:1:11 (source not shown: content encrypted)"), "{drawn}");
        assert!(!drawn.contains("hunter2"));
    }

    #[test]
    fn labels_of_unknown_sources_are_left_out() {
        let diagnostic = Diagnostic::error("wrong").at(Span::new(SourceId::UNKNOWN, 0, 1), "here");
        assert_eq!(render(&diagnostic, &Sources::new(), false), "error: wrong");
    }
}
