//! What a check found.

use rplay_diag::{Diagnostic, Severity, Sources, Span};
use rplay_value::Version;
use serde::Serialize;

/// How bad it is under the release that is checked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Works, and will not for ever, or reads badly. Shown when asked for.
    Info,
    /// Warned about, or fails for some values.
    Warning,
    /// Refused, or means something else.
    Error,
}

/// One thing that is looked for.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its name: `test-as-filter`.
    pub name: &'static str,
    /// The first release that refuses it or warns about it.
    pub since: Version,
    /// What it is about.
    pub about: &'static str,
}

/// One place that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub rule: &'static Rule,
    /// How bad.
    pub level: Level,
    /// The first release that refuses it or warns about it, here.
    pub since: Version,
    /// What is wrong.
    pub message: String,
    /// Where.
    pub span: Span,
    /// What to do.
    pub help: String,
    /// The text to write in place of what stands at `span`, where there is one answer.
    pub replacement: Option<String>,
}

impl Finding {
    /// As it is drawn.
    pub fn diagnostic(&self) -> Diagnostic {
        let severity = match self.level {
            Level::Error => Severity::Error,
            Level::Warning | Level::Info => Severity::Warning,
        };
        let label = match self.level {
            Level::Error => format!("from {} on", self.since),
            Level::Warning => format!("warned about or refused from {} on", self.since),
            Level::Info => String::new(),
        };
        Diagnostic::new(severity, format!("{} [{}]", self.message, self.rule.name))
            .at(self.span, label)
            .hint(self.help.clone())
    }

    /// As programs read it.
    pub fn record(&self, sources: &Sources) -> Record {
        let position = sources.position(self.span);
        Record {
            rule: self.rule.name,
            level: self.level,
            since: self.since.to_string(),
            message: self.message.clone(),
            file: position.as_ref().map(|p| p.name.to_string()).unwrap_or_default(),
            line: position.as_ref().map_or(0, |p| p.line),
            column: position.as_ref().map_or(0, |p| p.column),
            help: self.help.clone(),
            replacement: self.replacement.clone(),
        }
    }
}

/// A finding as JSON has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Record {
    /// The rule's name.
    pub rule: &'static str,
    /// How bad.
    pub level: Level,
    /// The first release that refuses it or warns about it.
    pub since: String,
    /// What is wrong.
    pub message: String,
    /// The file as given, or below a folder given.
    pub file: String,
    /// One-based.
    pub line: usize,
    /// One-based, in characters.
    pub column: usize,
    /// What to do.
    pub help: String,
    /// What to write instead.
    pub replacement: Option<String>,
}
