//! `--start-at-task`: where a play begins when it is not to begin at its start.
//!
//! The task is told by its name, by a shell pattern for names, or by the file and line where it stands. A task of a
//! dynamic include is found by looking into the include; the include runs, and its hosts go on at the task.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use rplay_diag::{Sources, Span};

use crate::plan::Step;
use crate::strategy::PlayRun;

/// How deep includes are looked into.
const DEPTH: usize = 32;

impl PlayRun<'_> {
    /// Takes every host to the task to start at.
    pub(super) fn go_to_start(&mut self) {
        let Some(wanted) = self.run.options().start_at_task.clone() else { return };
        let mut matched = false;
        // What stands in the text counts before what includes may bring.
        for within_includes in [false, true] {
            for host in self.hosts.clone() {
                matched |= self.go_to(&host, &wanted, within_includes);
            }
            if matched {
                break;
            }
        }
        self.start_at_done = matched;
    }

    /// Takes a host that came through an include, in which the task is, to the task.
    pub(super) fn go_on_to_start(&mut self, host: &Arc<str>) {
        if !self.seeking.remove(host) {
            return;
        }
        let Some(wanted) = self.run.options().start_at_task.clone() else { return };
        if !self.go_to(host, &wanted, false) {
            self.go_to(host, &wanted, true);
        }
    }

    /// Takes a host to the task, or to the include that has it. False when the host does not come to either.
    fn go_to(&mut self, host: &Arc<str>, wanted: &str, within_includes: bool) -> bool {
        let Some(state) = self.states.get(host) else { return false };
        let mut before = state.cursor.clone();
        let mut cursor = state.cursor.clone();
        loop {
            let Some(step) = self.advance(host, &mut cursor) else { return false };
            let found = !step.setup && is_start(&step, wanted, &self.run.options().sources);
            let leads = !found && within_includes && self.leads_to(&step, host, wanted);
            if found || leads {
                self.set_cursor(host, before);
                if leads {
                    self.seeking.insert(Arc::clone(host));
                }
                return true;
            }
            before = cursor.clone();
        }
    }

    /// Whether an include brings the task, as far as that is known before it runs.
    fn leads_to(&mut self, step: &Arc<Step>, host: &Arc<str>, wanted: &str) -> bool {
        let known = self.handlers.list().to_vec();
        let mut seen = HashSet::new();
        let mut todo = vec![(Arc::clone(step), 0)];
        let mut found = false;
        while let Some((step, depth)) = todo.pop() {
            if depth > 0 && is_start(&step, wanted, &self.run.options().sources) {
                found = true;
                break;
            }
            if depth < DEPTH && step.task().is_some_and(|task| task.include.is_some()) {
                let brought = self.look_into(&step, host, &mut seen);
                todo.extend(brought.into_iter().map(|step| (step, depth + 1)));
            }
        }
        // Handlers come when the include runs.
        self.handlers = crate::handlers::Handlers::new(known);
        found
    }
}

/// Whether a step is the one `--start-at-task` names.
fn is_start(step: &Step, wanted: &str, sources: &Sources) -> bool {
    let Some(task) = step.task() else { return false };
    if let Some((file, line)) = place(wanted) {
        return step.span().is_some_and(|span| stands_at(span, file, line, sources));
    }
    let name = task.name.as_ref().map_or_else(|| task.action.name.to_string(), ToString::to_string);
    let full = match &step.role {
        Some(role) => format!("{} : {name}", role.name),
        None => name.clone(),
    };
    [name, full].iter().any(|name| name == wanted || glob(wanted, name))
}

/// `FILE:LINE` of a file that there is.
fn place(wanted: &str) -> Option<(&str, usize)> {
    let (file, line) = wanted.rsplit_once(':')?;
    let line = line.parse().ok()?;
    Path::new(file).is_file().then_some((file, line))
}

/// Whether a task is written over this line.
fn stands_at(span: Span, file: &str, line: usize, sources: &Sources) -> bool {
    let Some(start) = sources.position(span) else { return false };
    let real = |path: &str| std::fs::canonicalize(path).ok();
    if real(&start.name).is_none_or(|own| real(file) != Some(own)) {
        return false;
    }
    let end = sources.position(Span { start: span.end, ..span }).map_or(start.line, |end| end.line);
    start.line <= line && line <= end.max(start.line)
}

/// Whether a shell pattern (`*`, `?`, `[..]`) matches a whole text.
fn glob(pattern: &str, text: &str) -> bool {
    let mut expression = String::from("(?s)^");
    let mut rest = pattern.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '*' => expression.push_str(".*"),
            '?' => expression.push('.'),
            '[' => {
                let class: String = rest.by_ref().take_while(|c| *c != ']').collect();
                expression.push('[');
                expression.push_str(&class.replacen('!', "^", usize::from(class.starts_with('!'))));
                expression.push(']');
            }
            other => expression.push_str(&fancy_regex::escape(&other.to_string())),
        }
    }
    expression.push('$');
    fancy_regex::Regex::new(&expression).is_ok_and(|regex| regex.is_match(text).unwrap_or(false))
}

#[cfg(test)]
mod tests {
    use super::glob;

    #[test]
    fn shell_patterns() {
        assert!(glob("inst*", "install nginx"));
        assert!(glob("a?c [xy]", "abc y"));
        assert!(!glob("a.c", "abc"));
        assert!(!glob("[!a]b", "ab"));
    }
}
