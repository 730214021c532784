//! Diagnostics as terminal text.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use crate::{Diagnostic, Severity, Sources};

/// Draws a diagnostic: heading, the source lines with carets, notes and hints. `color` turns on ANSI colours.
pub fn render(diagnostic: &Diagnostic, sources: &Sources, color: bool) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Deprecated => Level::WARNING.with_name("deprecated"),
    };
    let texts: Vec<_> = diagnostic
        .labels
        .iter()
        .map(|label| (sources.name(label.span.source).unwrap_or_default(), sources.text(label.span.source).unwrap_or_default()))
        .collect();
    let mut group = Group::with_title(level.primary_title(diagnostic.message.as_str()));
    let mut done: Vec<bool> = vec![false; texts.len()];
    for i in 0..texts.len() {
        if done[i] {
            continue;
        }
        let id = diagnostic.labels[i].span.source;
        let mut snippet = Snippet::source(&*texts[i].1).path(&*texts[i].0);
        for (j, label) in diagnostic.labels.iter().enumerate().filter(|(_, l)| l.span.source == id) {
            done[j] = true;
            let kind = if label.primary { AnnotationKind::Primary } else { AnnotationKind::Context };
            let length = texts[i].1.len();
            let start = (label.span.start as usize).min(length);
            let annotation = kind.span(start..(label.span.end as usize).clamp(start, length));
            snippet = snippet.annotation(if label.text.is_empty() { annotation } else { annotation.label(label.text.as_str()) });
        }
        group = group.element(snippet);
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
