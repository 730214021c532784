//! The render in progress on this thread, and what it changed in place.
//!
//! As in ansible-core 2.19, a variable's list or mapping that a template changes is changed for the rest of that
//! render only: the next one, and every variable rendered on the way, reads the variable anew. A scope remembers what
//! it rendered, so the first change of something remembered moves that memory out of the scope into the render.

use std::cell::{Cell, RefCell};

use minijinja::Value as Mj;

use crate::Scope;
use crate::scope::Memory;

struct Frame {
    number: u64,
    scope: Scope,
    /// What was remembered, since the render changed some of it.
    own: Option<Memory>,
}

thread_local! {
    static FRAMES: RefCell<Vec<Frame>> = const { RefCell::new(Vec::new()) };
    static LAST: Cell<u64> = const { Cell::new(0) };
    /// The number of the innermost render, and whether it has a memory of its own.
    static CURRENT: Cell<(u64, bool)> = const { Cell::new((0, false)) };
}

/// Ends the render when it is dropped.
pub(crate) struct Guard(());

/// A render in a scope begins.
pub(crate) fn enter(scope: &Scope) -> Guard {
    let number = next();
    LAST.set(number);
    CURRENT.set((number, false));
    FRAMES.with_borrow_mut(|frames| frames.push(Frame { number, scope: scope.weak(), own: None }));
    Guard(())
}

impl Drop for Guard {
    fn drop(&mut self) {
        let ended = FRAMES.with_borrow_mut(|frames| {
            let ended = frames.pop();
            CURRENT.set(frames.last().map_or((0, false), |frame| (frame.number, frame.own.is_some())));
            ended
        });
        // Outside of the borrow: what it remembers may hold scopes that end with it.
        drop(ended);
    }
}

/// The number the next render will have.
pub(crate) fn next() -> u64 {
    LAST.get() + 1
}

/// The number of the innermost render: whatever carries it was made by this render.
pub(crate) fn current() -> u64 {
    CURRENT.get().0
}

/// A list or mapping that was not made by the innermost render is about to change.
pub(crate) fn changes() {
    let (number, own) = CURRENT.get();
    if number == 0 || own {
        return;
    }
    let Some(scope) = FRAMES.with_borrow(|frames| frames.last().map(|frame| frame.scope.weak())) else { return };
    let memory = scope.take_containers();
    FRAMES.with_borrow_mut(|frames| {
        if let Some(frame) = frames.last_mut() {
            frame.own = Some(memory);
        }
    });
    CURRENT.set((number, true));
}

/// What the innermost render remembers of its own, when it is the scope's.
pub(crate) fn recall(scope: &Scope, name: &str) -> Option<Mj> {
    if !CURRENT.get().1 {
        return None;
    }
    FRAMES.with_borrow(|frames| {
        let frame = frames.last().filter(|frame| frame.scope.is(scope))?;
        frame.own.as_ref()?.get(name).cloned()
    })
}

/// Has the innermost render remember a value, when it is the scope's and has a memory of its own.
pub(crate) fn remember(scope: &Scope, name: &str, value: &Mj) -> bool {
    CURRENT.get().1
        && FRAMES.with_borrow_mut(|frames| {
            let Some(frame) = frames.last_mut().filter(|frame| frame.scope.is(scope)) else { return false };
            let Some(own) = &mut frame.own else { return false };
            own.insert(name.into(), value.clone());
            true
        })
}
