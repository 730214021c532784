//! Questions on the terminal: passwords without echo, `vars_prompt`, `pause`, `--step`.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::fd::AsFd as _;

use nix::sys::termios::{LocalFlags, SetArg, tcgetattr, tcsetattr};
use rplay_engine::{Prompter, Question};

/// The controlling terminal, whatever standard input is.
pub(crate) struct Terminal;

impl Terminal {
    fn open() -> io::Result<File> {
        OpenOptions::new().read(true).write(true).open("/dev/tty").map_err(|error| {
            io::Error::new(io::ErrorKind::Unsupported, format!("there is no terminal to ask on ({error})"))
        })
    }

    /// A secret, asked for once.
    pub(crate) fn password(text: &str) -> io::Result<String> {
        Self.ask(&Question { text: text.to_owned(), private: true })
    }
}

impl Prompter for Terminal {
    fn ask(&self, question: &Question) -> io::Result<String> {
        let mut tty = Self::open()?;
        write!(tty, "{}", question.text)?;
        tty.flush()?;
        let before = if question.private { Some(silence(&tty)?) } else { None };
        let mut line = String::new();
        let read = BufReader::new(tty.try_clone()?).read_line(&mut line);
        if let Some(before) = before {
            tcsetattr(tty.as_fd(), SetArg::TCSANOW, &before)?;
            writeln!(tty)?;
        }
        if read? == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "no answer"));
        }
        Ok(line.trim_end_matches(['\r', '\n']).to_owned())
    }
}

/// Turns echo off; returns what was set before.
fn silence(tty: &File) -> io::Result<nix::sys::termios::Termios> {
    let before = tcgetattr(tty.as_fd())?;
    let mut quiet = before.clone();
    quiet.local_flags.remove(LocalFlags::ECHO);
    tcsetattr(tty.as_fd(), SetArg::TCSANOW, &quiet)?;
    Ok(before)
}
