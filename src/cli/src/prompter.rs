//! Questions on the terminal: passwords without echo, `vars_prompt`, `pause`, `--step`.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Write as _};
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

    /// A secret, asked for once. Without a terminal the question goes to standard error and the answer is a line of
    /// standard input, as Python's `getpass`.
    pub(crate) fn password(text: &str) -> io::Result<String> {
        if Self::open().is_ok() {
            return Self.ask(&Question { text: text.to_owned(), private: true });
        }
        write!(io::stderr().lock(), "{text}")?;
        let answer = line(&mut io::stdin().lock());
        writeln!(io::stderr().lock())?;
        answer
    }
}

/// Nobody is asked, and every question is answered with its default.
pub(crate) struct Defaults;

impl Prompter for Defaults {
    fn ask(&self, _: &Question) -> io::Result<String> {
        Ok(String::new())
    }
}

impl Prompter for Terminal {
    fn ask(&self, question: &Question) -> io::Result<String> {
        let mut tty = Self::open()?;
        write!(tty, "{}", question.text)?;
        tty.flush()?;
        let before = if question.private { Some(silence(&tty)?) } else { None };
        let answer = line(&mut BufReader::new(tty.try_clone()?));
        if let Some(before) = before {
            tcsetattr(tty.as_fd(), SetArg::TCSANOW, &before)?;
            writeln!(tty)?;
        }
        answer
    }

    /// Commands come from standard input, as Python's `cmd` reads them: they may be a script.
    fn command(&self, question: &Question) -> io::Result<Option<String>> {
        let mut stdout = io::stdout().lock();
        write!(stdout, "{}", question.text)?;
        stdout.flush()?;
        match line(&mut io::stdin().lock()) {
            Ok(line) => Ok(Some(line)),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                writeln!(stdout)?;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn say(&self, text: &str) -> io::Result<()> {
        writeln!(io::stdout().lock(), "{text}")
    }
}

/// A line without its end; no line at all is an error.
fn line(from: &mut dyn io::BufRead) -> io::Result<String> {
    let mut line = String::new();
    if from.read_line(&mut line)? == 0 {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "no answer"));
    }
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// Turns echo off; returns what was set before.
fn silence(tty: &File) -> io::Result<nix::sys::termios::Termios> {
    let before = tcgetattr(tty.as_fd())?;
    let mut quiet = before.clone();
    quiet.local_flags.remove(LocalFlags::ECHO);
    tcsetattr(tty.as_fd(), SetArg::TCSANOW, &quiet)?;
    Ok(before)
}
