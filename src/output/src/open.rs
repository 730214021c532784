//! From a sink's name to the sink.

use rplay_diag::nearest;
use rplay_event::Sink;

use crate::{
    Default, Follow, JUnit, Json, JsonLines, Look, Minimal, OneLine, ProfileTasks, ResultFormat, Terminal, Timer,
};

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

/// The names [`open_extra`] knows: sinks that add to what another one shows (`callbacks_enabled`).
pub const EXTRA_NAMES: &[&str] = &["profile_tasks", "timer"];

/// The sink of this name (short, or with `ansible.builtin.`, `ansible.posix.` or `community.general.`), writing to the
/// terminal. `yaml` is the default sink with YAML results.
pub fn open(name: &str, terminal: Terminal, look: Look) -> Result<Box<dyn Sink>, OpenError> {
    match short(name) {
        "default" => Ok(Box::new(Default::new(terminal, look))),
        "yaml" => Ok(Box::new(Default::new(terminal, Look { results: ResultFormat::Yaml, ..look }))),
        "minimal" => Ok(Box::new(Minimal::new(terminal, look))),
        "oneline" => Ok(Box::new(OneLine::new(terminal, look))),
        "json" => Ok(Box::new(Json::new(terminal))),
        "jsonl" => Ok(Box::new(JsonLines::new(terminal))),
        "junit" => Ok(Box::new(JUnit::new(terminal))),
        short => Err(OpenError { name: name.to_owned(), near: nearest(short, NAMES.iter().copied()) }),
    }
}

/// The additional sink of this name. It belongs after the one [`open`] gave, whose lines come first.
pub fn open_extra(name: &str, terminal: Terminal, look: Look) -> Result<Box<dyn Sink>, OpenError> {
    match short(name) {
        "profile_tasks" => Ok(Box::new(ProfileTasks::new(terminal, look))),
        "timer" => Ok(Box::new(Timer::new(terminal))),
        short => Err(OpenError { name: name.to_owned(), near: nearest(short, EXTRA_NAMES.iter().copied()) }),
    }
}

/// What shows the output of running programs beside the sink of this name, if that one does not do it itself: on standard
/// error, so that programs can go on reading standard output.
pub fn open_follow(name: &str, terminal: Terminal) -> Option<Box<dyn Sink>> {
    // Lines of JSON have it in any case.
    matches!(short(name), "json" | "junit").then(|| Box::new(Follow::new(terminal)) as Box<dyn Sink>)
}

/// Whether a name is one of this crate's outputs, additional ones included.
pub fn is_native(name: &str) -> bool {
    let name = short(name);
    NAMES.contains(&name) || EXTRA_NAMES.contains(&name)
}

fn short(name: &str) -> &str {
    let collections = ["ansible.builtin.", "ansible.posix.", "community.general."];
    collections.iter().find_map(|collection| name.strip_prefix(collection)).unwrap_or(name)
}
