//! `rplay vault view`: what envelopes hold, through a pager on a terminal.

use std::io::{self, IsTerminal as _, Write as _};
use std::process::{Command, Stdio};

use super::session::{self, Session};
use crate::failure::Failure;

/// Quit if it fits on one screen, keep colours, cut long lines, leave the screen as it was.
const LESS: &str = "FRSX";

pub(super) fn run(options: &super::View, session: &Session<'_>) -> Result<(), Failure> {
    let secrets = session.known()?;
    for file in &options.files {
        let envelope = session::read_data(file)?;
        let opened = session::decrypt(&secrets, &envelope, file)?;
        show(&opened.plain, session)?;
    }
    Ok(())
}

fn show(plain: &[u8], session: &Session<'_>) -> Result<(), Failure> {
    let pager = session.settings.text("PAGER").filter(|_| io::stdout().is_terminal());
    if let Some(pager) = pager {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", &pager]).stdin(Stdio::piped());
        if pager.contains("less") {
            // Neither a history of searches nor a shell or an editor started from the pager.
            command.env("LESS", LESS).env("LESSHISTFILE", "-");
        }
        if let Ok(mut child) = command.spawn() {
            if let Some(mut stdin) = child.stdin.take() {
                // Who leaves the pager early has seen enough.
                let _ = stdin.write_all(plain);
            }
            let _ = child.wait();
            return Ok(());
        }
    }
    let mut stdout = io::stdout().lock();
    let line_end: &[u8] = if plain.ends_with(b"\n") { b"" } else { b"\n" };
    let written = stdout.write_all(plain).and_then(|()| stdout.write_all(line_end)).and_then(|()| stdout.flush());
    written.map_err(|error| session::trouble(format!("cannot write standard output: {error}")))
}
