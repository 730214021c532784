//! Rendering before its time: an item of a loop while the ones before it are still at work.
//!
//! What a template makes of variables does not change by waiting. What it asks of the world does: a lookup, a file of
//! this machine, a plugin in Python, a value that is still awaited. Such questions are refused while rendering ahead, and
//! whoever renders is told, so that it waits and renders again.

use std::cell::Cell;

use crate::{ErrorKind, TemplateError};

thread_local! {
    static STATE: Cell<State> = const { Cell::new(State::Due) };
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// It is time.
    Due,
    /// It is early.
    Early,
    /// It is early, and something was asked that cannot be told yet.
    Asked,
}

/// While it lives, rendering on this thread is ahead of its time. Must not be held while another task may run.
#[derive(Debug)]
pub struct Ahead<'a> {
    asked: &'a Cell<bool>,
    /// Not to be sent to another thread.
    _here: std::marker::PhantomData<*const ()>,
}

impl<'a> Ahead<'a> {
    /// `asked` becomes true when something was asked that cannot be told yet; what was rendered is worth nothing then.
    pub fn new(asked: &'a Cell<bool>) -> Self {
        STATE.set(State::Early);
        Self { asked, _here: std::marker::PhantomData }
    }
}

impl Drop for Ahead<'_> {
    fn drop(&mut self) {
        if STATE.replace(State::Due) == State::Asked {
            self.asked.set(true);
        }
    }
}

/// Something is read that may be otherwise when it is time.
pub(crate) fn read() -> bool {
    let early = STATE.get() != State::Due;
    if early {
        STATE.set(State::Asked);
    }
    early
}

/// Something is asked of the world: refused when it is early.
pub(crate) fn ask(what: &str) -> Result<(), TemplateError> {
    if read() {
        return Err(TemplateError::new(ErrorKind::Plugin, format!("'{what}' cannot be asked ahead of its time")));
    }
    Ok(())
}

/// Lookups that say the same at any time: they work on what they are given and on variables.
pub(crate) fn is_timeless(lookup: &str) -> bool {
    let short = lookup.strip_prefix("ansible.builtin.").or_else(|| lookup.strip_prefix("ansible.legacy."));
    matches!(
        short.unwrap_or(lookup),
        "config"
            | "dict"
            | "env"
            | "indexed_items"
            | "items"
            | "list"
            | "nested"
            | "sequence"
            | "subelements"
            | "together"
            | "varnames"
            | "vars"
    )
}

/// Native filters and tests that look at files of this machine.
pub(crate) fn looks_at_files(name: &str) -> bool {
    matches!(
        name,
        "directory"
            | "exists"
            | "file"
            | "fileglob"
            | "link"
            | "link_exists"
            | "mount"
            | "realpath"
            | "same_file"
            | "vaulted_file"
    )
}
