//! From a sink's name to the sink.

use rplay_diag::nearest;
use rplay_event::Sink;

use crate::{Default, Look, Terminal};

/// The names [`open`] knows.
pub const NAMES: &[&str] = &["default"];

/// A name that is no sink.
#[derive(Debug, thiserror::Error)]
#[error("there is no output called `{name}`")]
pub struct OpenError {
    /// The name.
    pub name: String,
    /// What may have been meant.
    pub near: Option<&'static str>,
}

/// The sink of this name (short, or with `ansible.builtin.`), writing to the terminal.
pub fn open(name: &str, terminal: Terminal, look: Look) -> Result<Box<dyn Sink>, OpenError> {
    let short = name.strip_prefix("ansible.builtin.").unwrap_or(name);
    match short {
        "default" => Ok(Box::new(Default::new(terminal, look))),
        _ => Err(OpenError { name: name.to_owned(), near: nearest(short, NAMES.iter().copied()) }),
    }
}
