//! Where each host is in its play: blocks, rescue, always and handlers as one small stack per host.
//!
//! A [`Cursor`] is cheap to clone, so looking at a host's next step is stepping a copy. Behaviour follows ansible-core
//! 2.19's play iterator: a failure leaves through the nearest `rescue`, running every `always` on the way.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::plan::{Entry, PlanBlock, Step, StepId, StepKind};

/// Hosts that each handler still has to run on.
pub(crate) type Notified = HashMap<StepId, HashSet<Arc<str>>>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Section {
    Block,
    Rescue,
    Always,
}

#[derive(Clone, Debug)]
struct Frame {
    block: Arc<PlanBlock>,
    section: Section,
    index: usize,
    /// A failure waits until `always` is through.
    failed: bool,
}

impl Frame {
    fn new(block: Arc<PlanBlock>) -> Self {
        Self { block, section: Section::Block, index: 0, failed: false }
    }

    fn entries(&self) -> &[Entry] {
        match self.section {
            Section::Block => &self.block.block,
            Section::Rescue => &self.block.rescue,
            Section::Always => &self.block.always,
        }
    }

    fn enter(&mut self, section: Section) {
        self.section = section;
        self.index = 0;
    }
}

/// A pass over the handlers.
#[derive(Clone, Debug)]
struct HandlerWalk {
    list: Arc<Vec<Arc<Step>>>,
    index: usize,
}

/// One host's place in a play.
#[derive(Clone, Debug)]
pub(crate) struct Cursor {
    stack: Vec<Frame>,
    handlers: Option<HandlerWalk>,
    failed: bool,
}

/// What a cursor has to know about the play to pass over steps that are not due.
pub(crate) struct Gate<'a> {
    pub(crate) host: &'a str,
    /// The host has notifications that no flush has looked at.
    pub(crate) has_notifications: bool,
    pub(crate) notified: &'a Notified,
    /// Roles that are through on this host and must not run twice, by identity.
    pub(crate) completed: Option<&'a HashSet<u64>>,
    /// The implicit gathering of facts is due.
    pub(crate) gather: bool,
}

impl Cursor {
    /// At the start of a play.
    pub(crate) fn new(root: Arc<PlanBlock>) -> Self {
        Self { stack: vec![Frame::new(root)], handlers: None, failed: false }
    }

    /// Ended by a failure that nothing rescued.
    pub(crate) fn is_failed(&self) -> bool {
        self.failed
    }

    /// In a pass over the handlers.
    pub(crate) fn in_handlers(&self) -> bool {
        self.handlers.is_some()
    }

    /// Whether a failure now would reach a `rescue`.
    pub(crate) fn would_rescue(&self) -> bool {
        self.stack.iter().any(|frame| frame.section == Section::Block && !frame.block.rescue.is_empty())
    }

    /// Moves to the next step that is due and returns it.
    pub(crate) fn advance(&mut self, gate: &Gate<'_>) -> Option<Arc<Step>> {
        loop {
            let step = if self.handlers.is_some() {
                match self.next_handler(gate) {
                    Some(step) => return Some(step),
                    None => continue,
                }
            } else {
                self.next_step()?
            };
            if Self::is_due(&step, gate) {
                return Some(step);
            }
        }
    }

    fn next_handler(&mut self, gate: &Gate<'_>) -> Option<Arc<Step>> {
        let walk = self.handlers.as_mut()?;
        while let Some(step) = walk.list.get(walk.index) {
            walk.index += 1;
            if gate.notified.get(&step.id).is_some_and(|hosts| hosts.contains(gate.host)) {
                return Some(Arc::clone(step));
            }
        }
        self.handlers = None;
        None
    }

    fn next_step(&mut self) -> Option<Arc<Step>> {
        loop {
            let frame = self.stack.last_mut()?;
            let entry = frame.entries().get(frame.index).cloned();
            match entry {
                Some(Entry::Step(step)) => {
                    frame.index += 1;
                    return Some(step);
                }
                Some(Entry::Block(block)) => {
                    frame.index += 1;
                    self.stack.push(Frame::new(block));
                }
                None => match frame.section {
                    Section::Block | Section::Rescue => frame.enter(Section::Always),
                    Section::Always => {
                        let failed = frame.failed;
                        self.stack.pop();
                        if failed {
                            self.fail();
                        }
                    }
                },
            }
        }
    }

    fn is_due(step: &Step, gate: &Gate<'_>) -> bool {
        if step.setup {
            return gate.gather;
        }
        if step.implicit && matches!(step.kind, StepKind::Flush) {
            return gate.has_notifications || gate.notified.values().any(|hosts| !hosts.is_empty());
        }
        match (&step.role, gate.completed) {
            (Some(role), Some(completed)) => role.allow_duplicates || !completed.contains(&role.identity),
            _ => true,
        }
    }

    /// Takes a failure to the nearest `rescue` or `always`; without either the host is through.
    pub(crate) fn fail(&mut self) {
        self.handlers = None;
        if self.stack.is_empty() {
            self.failed = true;
        }
        while let Some(frame) = self.stack.last_mut() {
            match frame.section {
                Section::Block if !frame.block.rescue.is_empty() => {
                    frame.enter(Section::Rescue);
                    return;
                }
                Section::Block | Section::Rescue if !frame.block.always.is_empty() => {
                    frame.failed = true;
                    frame.enter(Section::Always);
                    return;
                }
                _ => {
                    self.stack.pop();
                    if self.stack.is_empty() {
                        self.failed = true;
                    }
                }
            }
        }
    }

    /// Forgets failures (`meta: clear_host_errors`).
    pub(crate) fn clear_errors(&mut self) {
        self.failed = false;
        for frame in &mut self.stack {
            frame.failed = false;
        }
    }

    /// Ends the play for this host without a failure.
    pub(crate) fn end(&mut self) {
        self.stack.clear();
        self.handlers = None;
        self.failed = false;
    }

    /// Continues with these entries before anything else of the current section.
    pub(crate) fn insert(&mut self, block: Arc<PlanBlock>) {
        self.stack.push(Frame::new(block));
    }

    /// Continues the pass over the handlers with these.
    pub(crate) fn insert_handlers(&mut self, steps: &[Arc<Step>]) {
        if let Some(walk) = &mut self.handlers {
            let list = Arc::make_mut(&mut walk.list);
            list.splice(walk.index..walk.index, steps.iter().cloned());
        }
    }

    /// Starts a pass over the handlers.
    pub(crate) fn flush(&mut self, handlers: Arc<Vec<Arc<Step>>>) {
        self.handlers = Some(HandlerWalk { list: handlers, index: 0 });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Level, Planner};

    fn nothing() -> Notified {
        Notified::new()
    }

    fn next(cursor: &mut Cursor, notified: &Notified) -> Option<StepId> {
        let gate = Gate { host: "h", has_notifications: false, notified, completed: None, gather: true };
        cursor.advance(&gate).map(|step| step.id)
    }

    /// Steps by number: `block` 0 and 1, `rescue` 2, `always` 3, then 4 after the block.
    fn plan() -> (Vec<StepId>, Arc<PlanBlock>) {
        let planner = Planner::default();
        let level = Level::play(Arc::default());
        let steps: Vec<_> = (0..5).map(|_| planner.step(StepKind::Noop, &level, None)).collect();
        let ids = steps.iter().map(|step| step.id).collect();
        let entry = |i: usize| Entry::Step(Arc::clone(&steps[i]));
        let block = PlanBlock { block: vec![entry(0), entry(1)], rescue: vec![entry(2)], always: vec![entry(3)] };
        (ids, Arc::new(PlanBlock { block: vec![Entry::Block(Arc::new(block)), entry(4)], ..PlanBlock::default() }))
    }

    #[test]
    fn without_a_failure_rescue_is_passed_over() {
        let (ids, root) = plan();
        let mut cursor = Cursor::new(root);
        for i in [0, 1, 3, 4] {
            assert_eq!(next(&mut cursor, &nothing()), Some(ids[i]));
        }
        assert_eq!(next(&mut cursor, &nothing()), None);
        assert!(!cursor.is_failed());
    }

    #[test]
    fn a_rescued_failure_is_over_and_a_failing_rescue_is_not() {
        let (ids, root) = plan();
        let mut cursor = Cursor::new(root);
        next(&mut cursor, &nothing());
        assert!(cursor.would_rescue());
        cursor.fail();
        assert_eq!(next(&mut cursor, &nothing()), Some(ids[2]));
        let mut again = cursor.clone();
        for i in [3, 4] {
            assert_eq!(next(&mut cursor, &nothing()), Some(ids[i]));
        }
        assert_eq!(next(&mut cursor, &nothing()), None);
        assert!(!cursor.is_failed());

        assert!(!again.would_rescue());
        again.fail();
        assert_eq!(next(&mut again, &nothing()), Some(ids[3]), "always runs after a failing rescue");
        assert_eq!(next(&mut again, &nothing()), None);
        assert!(again.is_failed());
    }

    #[test]
    fn included_blocks_come_before_the_rest_and_fail_into_the_block_around() {
        let (ids, root) = plan();
        let mut cursor = Cursor::new(root);
        next(&mut cursor, &nothing());
        let planner = Planner::default();
        let step = planner.step(StepKind::Noop, &Level::play(Arc::default()), None);
        cursor.insert(Arc::new(PlanBlock { block: vec![Entry::Step(step)], ..PlanBlock::default() }));
        next(&mut cursor, &nothing());
        cursor.fail();
        assert_eq!(next(&mut cursor, &nothing()), Some(ids[2]));
    }
}
