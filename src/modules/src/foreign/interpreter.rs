//! Which interpreter runs a module on this machine.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use rplay_protocol::Interpreter;

use crate::Sys;

/// An interpreter that was chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Chosen {
    /// As it was written or found, for messages.
    pub(super) name: String,
    /// Program and arguments.
    pub(super) command: Vec<String>,
    /// Found by looking, now or for an earlier module of this process.
    pub(super) discovered: bool,
}

/// Finds the interpreter. `Err` names what was tried in vain.
pub(super) fn choose(sys: &dyn Sys, interpreter: &Interpreter) -> Result<Chosen, Vec<String>> {
    match interpreter {
        Interpreter::Itself => Ok(Chosen::default()),
        Interpreter::Path { path, args } => {
            Ok(Chosen { name: path.clone(), command: command(sys, path, args), discovered: false })
        }
        Interpreter::Discover { candidates, args } => match discover(sys, candidates) {
            Some(found) => {
                let mut command = vec![found.clone()];
                command.extend_from_slice(args);
                Ok(Chosen { name: found, command, discovered: true })
            }
            None => Err(candidates.clone()),
        },
    }
}

/// The words of an interpreter as it is written: it may hold arguments (`/usr/bin/env python3`), `~` and variables.
fn command(sys: &dyn Sys, path: &str, args: &[String]) -> Vec<String> {
    let surroundings = crate::Surroundings::new(|name| sys.var(name));
    let mut words: Vec<String> = path.split_whitespace().map(|word| surroundings.expand(word)).collect();
    if let Some(first) = words.first_mut()
        && !first.contains('/')
        && let Some(found) = sys.which(first)
    {
        *first = found.to_string_lossy().into_owned();
    }
    words.extend_from_slice(args);
    words
}

/// The first candidate that is here. Version managers put programs into `PATH` for interpreters that they do not have, so
/// theirs come last.
pub(super) fn discover(sys: &dyn Sys, candidates: &[String]) -> Option<String> {
    static FOUND: LazyLock<Mutex<HashMap<Vec<String>, Option<String>>>> = LazyLock::new(Mutex::default);
    let mut known = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(found) = known.get(candidates) {
        return found.clone();
    }
    let mut found: Vec<String> =
        candidates.iter().filter_map(|name| Some(sys.which(name)?.to_string_lossy().into_owned())).collect();
    found.sort_by_key(|program| program.contains("/shims/"));
    let first = found.into_iter().next();
    known.insert(candidates.to_vec(), first.clone());
    first
}
