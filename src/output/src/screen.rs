//! What the sinks for people share: warnings, errors and verbose lines on a terminal.

use std::collections::HashSet;
use std::io;

use rplay_event::{EventKind, Notice, Report, TaskResult};

use crate::follow;
use crate::log::Level;
use crate::report::{notice_text, report_text};
use crate::terminal::{Color, Look, Terminal};

/// A terminal, how output looks on it, and which messages were shown already.
pub(crate) struct Screen {
    pub(crate) terminal: Terminal,
    pub(crate) look: Look,
    seen: HashSet<String>,
    explained_deprecations: bool,
}

impl Screen {
    pub(crate) fn new(terminal: Terminal, look: Look) -> Self {
        Self { terminal, look, seen: HashSet::new(), explained_deprecations: false }
    }

    /// Whether a result is shown in full at this `-v` count.
    pub(crate) fn verbose(&self, result: &TaskResult, above: u8) -> bool {
        (self.look.verbosity > above || result.verbose_always) && !result.verbose_override
    }

    pub(crate) fn warned(&mut self, notice: &Notice) -> io::Result<()> {
        let text = format!("[WARNING]: {}", notice_text(notice));
        if !self.seen.insert(text.clone()) {
            return Ok(());
        }
        self.terminal.grave(Level::Warning, &text, Color::Warn, true)
    }

    pub(crate) fn deprecated(&mut self, notice: &Notice) -> io::Result<()> {
        if !self.look.deprecations {
            return Ok(());
        }
        if !std::mem::replace(&mut self.explained_deprecations, true) {
            self.warned(&Notice::new(
                "Deprecation warnings can be disabled by setting `deprecation_warnings=False` in ansible.cfg.",
            ))?;
        }
        let when = notice.removal();
        let message = format!("{}. This feature will be removed {when}.", notice.message.trim_end_matches('.'));
        let text = format!("[DEPRECATION WARNING]: {}", notice_text(&Notice { message, ..notice.clone() }));
        if !self.seen.insert(text.clone()) {
            return Ok(());
        }
        self.terminal.error_line(&text, Some(Color::Deprecate))
    }

    pub(crate) fn failed(&mut self, report: &Report, on_stderr: bool) -> io::Result<()> {
        let text = format!("[ERROR]: {}", report_text(report));
        if !self.seen.insert(text.clone()) {
            return Ok(());
        }
        self.terminal.grave(Level::Error, &text, Color::Error, on_stderr)
    }

    pub(crate) fn notices(&mut self, result: &TaskResult) -> io::Result<()> {
        for notice in &result.warnings {
            self.warned(notice)?;
        }
        for notice in &result.deprecations {
            self.deprecated(notice)?;
        }
        match &result.error {
            Some(report) => self.failed(report, self.look.failed_stderr),
            None => Ok(()),
        }
    }

    pub(crate) fn bad_line(&mut self, text: &str, color: Color) -> io::Result<()> {
        if self.look.failed_stderr {
            self.terminal.error_line(text, Some(color))
        } else {
            self.terminal.line(text, Some(color))
        }
    }

    /// What every sink for people shows in the same way; other events are not theirs.
    pub(crate) fn common(&mut self, kind: &EventKind) -> io::Result<()> {
        match kind {
            EventKind::Warned(notice) => self.warned(notice),
            EventKind::Deprecated(notice) => self.deprecated(notice),
            EventKind::Failed(report) => self.failed(report, true),
            EventKind::Verbose { level, host, text } if self.look.verbosity >= *level => {
                let text = host.as_ref().map_or_else(|| text.clone(), |host| format!("<{host}> {text}"));
                if self.look.verbose_stderr {
                    self.terminal.error_line(&text, Some(Color::Verbose))
                } else {
                    self.terminal.line(&text, Some(Color::Verbose))
                }
            }
            EventKind::OutputLine { .. } if self.look.follow => {
                let Some(line) = follow::line(kind) else { return Ok(()) };
                self.terminal.line(&line.text, Some(line.color))?;
                // Whoever follows looks now.
                self.terminal.flush()
            }
            EventKind::Prompted { text } => {
                self.terminal.line(text, None)?;
                self.terminal.flush()
            }
            _ => Ok(()),
        }
    }
}
