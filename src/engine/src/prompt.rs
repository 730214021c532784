//! Questions to the user. The caller owns the terminal.

use std::io;

/// One question.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// The text to show, ready as it is.
    pub text: String,
    /// Do not echo the answer.
    pub private: bool,
}

/// Who answers questions.
pub trait Prompter: Send + Sync {
    /// Shows the question and waits for a line. [`io::ErrorKind::Unsupported`] when there is nobody to ask.
    fn ask(&self, question: &Question) -> io::Result<String>;

    /// Shows a prompt and waits for a command; `None` when there are no more.
    fn command(&self, question: &Question) -> io::Result<Option<String>> {
        self.ask(question).map(Some)
    }

    /// Shows a command's answer.
    fn say(&self, text: &str) -> io::Result<()> {
        _ = text;
        Ok(())
    }
}

/// Nobody: every question is refused.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoPrompter;

impl Prompter for NoPrompter {
    fn ask(&self, _question: &Question) -> io::Result<String> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "there is no terminal to ask on"))
    }
}
