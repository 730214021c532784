//! Long texts on a terminal.

use std::ffi::OsString;
use std::io::{IsTerminal as _, Write as _};
use std::process::{Command, Stdio};

/// Columns of the terminal less one, at least 79.
pub(super) fn columns() -> usize {
    let known = terminal_size::terminal_size_of(std::io::stdout()).map(|(width, _)| usize::from(width.0));
    known.map_or(79, |columns| columns.saturating_sub(1).max(79))
}

/// Shows a text: through `PAGER`, else `less`, when it goes to a terminal, as it is to everything else.
pub(super) fn show(text: &str) {
    if std::io::stdout().is_terminal() && !text.is_empty() && paged(text).is_some() {
        return;
    }
    // A reader that went away (`| head`) has what it wanted.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

fn paged(text: &str) -> Option<()> {
    let chosen = std::env::var_os("PAGER").filter(|pager| !pager.is_empty());
    let pager = chosen.unwrap_or_else(|| OsString::from("less"));
    let mut command = Command::new("sh");
    command.arg("-c").arg(pager).stdin(Stdio::piped());
    if std::env::var_os("LESS").is_none() {
        command.env("LESS", "FRX");
    }
    let mut child = command.spawn().ok()?;
    // Whoever leaves the pager has read enough.
    let _ = child.stdin.take()?.write_all(text.as_bytes());
    child.wait().ok()?.success().then_some(())
}
