//! From a sink's name to the sink.

use rplay_diag::nearest;
use rplay_event::Sink;

use crate::{Default, JUnit, Json, JsonLines, Look, Minimal, OneLine, ResultFormat, Terminal};

/// The names [`open`] knows.
pub const NAMES: &[&str] = &["default", "json", "jsonl", "junit", "minimal", "oneline", "yaml"];

/// A name that is no sink.
#[derive(Debug, thiserror::Error)]
#[error("there is no output called `{name}`")]
pub struct OpenError {
    /// The name.
    pub name: String,
    /// What may have been meant.
    pub near: Option<&'static str>,
}

/// The sink of this name (short, or with `ansible.builtin.`, `ansible.posix.` or `community.general.`), writing to the
/// terminal. `yaml` is the default sink with YAML results.
pub fn open(name: &str, terminal: Terminal, look: Look) -> Result<Box<dyn Sink>, OpenError> {
    let short = ["ansible.builtin.", "ansible.posix.", "community.general."]
        .iter()
        .find_map(|collection| name.strip_prefix(collection))
        .unwrap_or(name);
    match short {
        "default" => Ok(Box::new(Default::new(terminal, look))),
        "yaml" => Ok(Box::new(Default::new(terminal, Look { results: ResultFormat::Yaml, ..look }))),
        "minimal" => Ok(Box::new(Minimal::new(terminal, look))),
        "oneline" => Ok(Box::new(OneLine::new(terminal, look))),
        "json" => Ok(Box::new(Json::new(terminal))),
        "jsonl" => Ok(Box::new(JsonLines::new(terminal))),
        "junit" => Ok(Box::new(JUnit::new(terminal))),
        _ => Err(OpenError { name: name.to_owned(), near: nearest(short, NAMES.iter().copied()) }),
    }
}
