//! The interactive debugger of tasks: `strategy: debug`, the `debugger` keyword, `ENABLE_TASK_DEBUGGER`.
//!
//! Its commands, prompt and texts are ansible-core 2.19's. What is typed is an expression of templates, which for looking
//! at values is Python's; assignments go to `task.args[..]` and `task_vars[..]`.

use std::collections::HashSet;
use std::sync::Arc;

use rplay_event::{HostRecap, TaskId};
use rplay_playbook::Task;
use rplay_template::{Scope, Slot, Variables as _};
use rplay_value::{Map, Text, Value};

use crate::error::EngineError;
use crate::iterate::Cursor;
use crate::plan::Step;
use crate::prompt::Question;
use crate::ran::Ran;
use crate::strategy::linear::HostRan;
use crate::strategy::{PlayRun, Strategy};
use crate::task::TaskCx;
use crate::trouble::Trouble;

/// When a task's results are debugged.
#[derive(Clone, Debug, Default)]
pub(super) struct When {
    keyword: Option<Text>,
    /// Failures of every task.
    everywhere: bool,
    /// Also failures that are ignored.
    ignored: bool,
}

impl When {
    pub(super) fn applies(&self, ran: &Ran) -> bool {
        let failed = ran.failed() && (self.ignored || !ran.ignore_errors);
        match self.keyword.as_deref() {
            Some("always") => true,
            Some("never") => false,
            Some("on_failed") if failed => true,
            Some("on_unreachable") if ran.unreachable() => true,
            Some("on_skipped") if ran.skipped() => true,
            _ => self.everywhere && (failed || ran.unreachable()),
        }
    }
}

/// What the user chose.
enum Choice {
    Continue,
    Redo,
    Quit,
}

/// What a result changed, to take it back.
struct Before {
    cursors: Vec<(Arc<str>, Cursor)>,
    failed: HashSet<Arc<str>>,
    unreachable: HashSet<Arc<str>>,
    removed: Vec<Arc<str>>,
    counts: Option<HostRecap>,
}

/// What the user may look at and change.
struct Session {
    prompt: String,
    host: Arc<str>,
    task: Task,
    result: Value,
    scope: Scope,
    /// Variables as they are written, or as the user set them.
    vars: Map,
    /// Those that the user set.
    set: Map,
    /// The task as it is in its file.
    written: Arc<Task>,
}

impl PlayRun<'_> {
    /// When results of a step are debugged. The scope is made where the keyword is a template.
    pub(super) fn debugger(
        &self,
        step: &Step,
        scope: impl FnOnce() -> Result<Scope, Trouble>,
    ) -> Result<When, Trouble> {
        let options = self.run.options();
        let keyword = match step.keyword(|c| c.debugger.as_ref()) {
            None => None,
            Some(field) => match field.constant() {
                Some(word) => Some(word.clone()),
                None => self.run.field::<Text>("debugger", field, &scope()?)?,
            },
        };
        Ok(When {
            keyword,
            everywhere: self.strategy == Strategy::Debug || options.task_debugger,
            ignored: !options.task_debugger_ignore_errors,
        })
    }

    /// Takes in a result, and lets the user look at it and run the task again where that is asked for.
    pub(super) async fn finish_debugged(
        &mut self,
        when: &When,
        step: &Arc<Step>,
        id: TaskId,
        once: bool,
        done: &mut HostRan,
    ) -> Result<(), EngineError> {
        let mut changed: Option<(Task, Map)> = None;
        loop {
            let Some(written) = step.task().filter(|_| when.applies(&done.ran)).cloned() else {
                return self.finish(step, id, once, done);
            };
            let before = self.before(&done.host);
            let result = if done.ran.no_log { Value::Map(done.ran.shown().data) } else { done.ran.registered() };
            self.finish(step, id, once, done)?;
            let (task, set) = changed.take().unwrap_or_else(|| (Task::clone(&written), Map::new()));
            let mut session = self.session(step, &done.host, (written, task), set, result)?;
            match self.converse(&mut session)? {
                Choice::Continue => return Ok(()),
                Choice::Quit => return Err(EngineError::Quit),
                Choice::Redo => {}
            }
            self.undo(before, &done.host);
            let cx = TaskCx {
                run: self.run,
                play: self.scope,
                step,
                task: &session.task,
                host: Arc::clone(&done.host),
                id,
                overrides: Some(&session.set),
                before: None,
            };
            // Boxed: the futures around it are deep enough.
            done.ran = Box::pin(cx.execute()).await;
            changed = Some((session.task, session.set));
        }
    }

    fn before(&self, host: &Arc<str>) -> Before {
        let cursors = self.states.iter().map(|(host, state)| (Arc::clone(host), state.cursor.clone())).collect();
        Before {
            cursors,
            failed: self.failed.clone(),
            unreachable: self.unreachable.clone(),
            removed: self.scope.removed(&self.hosts),
            counts: self.run.recap(|recap| recap.hosts.get(&**host).copied()),
        }
    }

    /// As if the result had not been there. What it registered stays, as in Ansible.
    fn undo(&mut self, before: Before, host: &Arc<str>) {
        for (host, cursor) in before.cursors {
            self.set_cursor(&host, cursor);
        }
        self.failed = before.failed;
        self.unreachable = before.unreachable;
        for host in self.scope.removed(&self.hosts) {
            if !before.removed.contains(&host) {
                self.scope.restore(&host);
            }
        }
        self.run.recap(|recap| match before.counts {
            Some(counts) => *recap.host(host) = counts,
            None => _ = recap.hosts.remove(&**host),
        });
    }

    fn session(
        &self,
        step: &Arc<Step>,
        host: &Arc<str>,
        (written, task): (Arc<Task>, Task),
        set: Map,
        result: Value,
    ) -> Result<Session, EngineError> {
        let failed = |trouble| crate::play::keyword_error(trouble, task.span);
        let view = self.run.view(Some(host), Some(self.scope), Some(step)).map_err(failed)?;
        let mut vars = Map::new();
        for name in view.names() {
            // Mappings of other hosts are looked at through templates.
            let Some(Slot::Lazy(value) | Slot::Done(value)) = view.get(&name) else { continue };
            vars.insert(name.as_str(), as_data(&value));
        }
        vars.extend(set.clone());
        let scope = view.into_scope();
        let name = task.name.as_ref().filter(|name| !name.is_empty());
        let name = name.map_or_else(|| task.action.name.to_string(), |name| self.banner(name, &scope));
        let role = step.role.as_ref().map(|role| format!("{} : ", crate::vars::full_name(role))).unwrap_or_default();
        let prompt = format!("[{host}] TASK: {role}{name} (debug)> ");
        Ok(Session { prompt, host: Arc::clone(host), task, result, scope, vars, set, written })
    }

    /// Reads commands until one ends the conversation.
    fn converse(&self, session: &mut Session) -> Result<Choice, EngineError> {
        let prompter = &self.run.options().prompter;
        let failed = |source| EngineError::Prompt { name: "the task debugger".to_owned(), source };
        let mut last = String::new();
        loop {
            self.run.flush_events();
            let question = Question { text: session.prompt.clone(), private: false };
            let Some(line) = prompter.command(&question).map_err(failed)? else {
                prompter.say("User interrupted execution").map_err(failed)?;
                return Ok(Choice::Quit);
            };
            // As Python's `cmd`: nothing is the last command again.
            let line = if line.trim().is_empty() { last.clone() } else { line.trim().to_owned() };
            last.clone_from(&line);
            match command(&line) {
                ("", _) => {}
                ("c" | "continue", _) => return Ok(Choice::Continue),
                ("r" | "redo", _) => return Ok(Choice::Redo),
                ("q" | "quit" | "EOF", _) => {
                    prompter.say("User interrupted execution").map_err(failed)?;
                    return Ok(Choice::Quit);
                }
                ("u" | "update_task", _) => session.update(),
                ("h" | "help", topic) => prompter.say(&help(topic)).map_err(failed)?,
                ("p" | "pprint", expression) => {
                    let said = match self.shown(session, expression) {
                        Ok(value) => value,
                        Err(complaint) => complaint,
                    };
                    prompter.say(&said).map_err(failed)?;
                }
                _ => {
                    if let Some(said) = self.execute(session, &line) {
                        prompter.say(&said).map_err(failed)?;
                    }
                }
            }
        }
    }

    /// `p EXPRESSION`
    fn shown(&self, session: &Session, expression: &str) -> Result<String, String> {
        match expression {
            // Python's way to show these objects.
            "task" => Ok(format!("TASK: {}", session.prompt_name())),
            "host" => Ok(session.host.to_string()),
            _ => self.value(session, expression).map(|value| pformat(&value)),
        }
    }

    /// An expression's value, or what Python would complain of.
    fn value(&self, session: &Session, expression: &str) -> Result<Value, String> {
        let scope = session
            .scope
            .with("task", Value::Map(session.described()))
            .with("task_vars", Value::Map(session.vars.clone()))
            .with("host", session.named())
            .with("result", Value::Map(session.results()));
        if let Some(path) = path(expression) {
            let root = match path.root {
                "task" => Value::Map(session.described()),
                "task_vars" => Value::Map(session.vars.clone()),
                "result" => Value::Map(session.results()),
                "host" => session.named(),
                other => return Err(complain("NameError", &format!("name '{other}' is not defined"))),
            };
            return path.walk(root);
        }
        let text = Text::trusted(expression);
        self.run.engine().evaluate(&text, &scope).map_err(|error| complain("SyntaxError", error.message()))
    }

    /// A statement: an assignment, `del`, or an expression whose value is shown. The answer is what to show.
    fn execute(&self, session: &mut Session, line: &str) -> Option<String> {
        if let Some(target) = line.strip_prefix("del ") {
            return session.assign(target.trim(), None).err();
        }
        if let Some((target, expression)) = assignment(line) {
            return match self.value(session, expression) {
                Ok(value) => session.assign(target, Some(value)).err(),
                Err(complaint) => Some(complaint),
            };
        }
        match self.shown(session, line) {
            Ok(text) => Some(text).filter(|text| text != "None"),
            Err(complaint) => Some(complaint),
        }
    }
}

impl Session {
    fn prompt_name(&self) -> &str {
        let name = self.prompt.split_once("TASK: ").map_or("", |(_, rest)| rest);
        name.strip_suffix(" (debug)> ").unwrap_or(name)
    }

    /// The task as a mapping of its attributes.
    fn described(&self) -> Map {
        let mut map = Map::new();
        let mut args = self.task.action.args.clone();
        if let Some(text) = &self.task.action.free_form {
            args.insert("_raw_params", text.clone());
        }
        map.insert("name", self.task.name.as_ref().map(ToString::to_string));
        map.insert("action", self.task.action.name.to_string());
        map.insert("args", as_data(&Value::Map(args)));
        map.insert("vars", as_data(&Value::Map(self.task.common.vars.clone())));
        map.insert("register", self.task.register.as_ref().and_then(|field| field.constant()).map(ToString::to_string));
        let when = self.task.common.when.iter().map(|condition| as_data(&condition.value));
        map.insert("when", Value::List(when.collect()));
        map
    }

    fn named(&self) -> Value {
        Value::Map(Map::from_iter([("name", Value::data(Arc::clone(&self.host)))]))
    }

    fn results(&self) -> Map {
        ["_result", "_return_data", "result"].into_iter().map(|name| (name, self.result.clone())).collect()
    }

    /// `update_task`: the task as it was written. It is rendered with what `task_vars` holds whenever it runs.
    fn update(&mut self) {
        self.task = Task::clone(&self.written);
    }

    /// Sets or deletes `task.args[..]` or `task_vars[..]`.
    fn assign(&mut self, target: &str, value: Option<Value>) -> Result<(), String> {
        let Some(path) = path(target) else {
            return Err(complain("SyntaxError", "only parts of task.args and task_vars can be assigned"));
        };
        // What the user types is the user's own: a text of it may be a template.
        let written = value.map(|value| trusted(&value));
        let keys: Vec<&str> = path.parts.iter().map(|(key, _)| key.as_str()).collect();
        match (path.root, keys.as_slice()) {
            ("task", ["args"]) => match written {
                Some(Value::Map(map)) => {
                    self.task.action.args = map;
                    self.task.action.free_form = None;
                }
                _ => return Err(complain("TypeError", "task.args is a dictionary")),
            },
            ("task", ["args", "_raw_params"]) => {
                self.task.action.free_form = written.map(|value| match value {
                    Value::Text(text) => text,
                    other => Text::data(other.to_str().into_owned()),
                });
            }
            ("task", ["args", rest @ ..]) => change(&mut self.task.action.args, rest, written)?,
            ("task_vars", [name, rest @ ..]) => {
                change(&mut self.vars, &keys, written.clone())?;
                let top = self.vars.get(name).cloned();
                if let Some(value) = top {
                    self.set.insert(*name, if rest.is_empty() { value } else { trusted(&value) });
                } else {
                    self.set.remove(name);
                }
            }
            _ => return Err(complain("TypeError", &format!("{target} cannot be assigned here"))),
        }
        Ok(())
    }
}

/// Sets or deletes an entry of nested mappings.
fn change(map: &mut Map, keys: &[&str], value: Option<Value>) -> Result<(), String> {
    let missing = |key: &str| complain_with("KeyError", &Value::data(key).repr());
    match keys {
        [] => Ok(()),
        [last] => {
            match value {
                Some(value) => _ = map.insert(*last, value),
                None => {
                    map.remove(last).ok_or_else(|| missing(last))?;
                }
            }
            Ok(())
        }
        [first, rest @ ..] => {
            let Some(Value::Map(inner)) = map.get(first) else { return Err(missing(first)) };
            let mut inner = inner.clone();
            change(&mut inner, rest, value)?;
            map.insert(*first, Value::Map(inner));
            Ok(())
        }
    }
}

/// A command's word and the rest of its line. `?` is help.
fn command(line: &str) -> (&str, &str) {
    if let Some(topic) = line.strip_prefix('?') {
        return ("help", topic.trim());
    }
    let end = line.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(line.len());
    let (word, rest) = line.split_at(end);
    // `p = 1` is a statement; so is `c.x`.
    if rest.starts_with([' ', '\t']) && !rest.trim_start().starts_with('=') || rest.is_empty() {
        return (word, rest.trim());
    }
    (line, "")
}

fn help(topic: &str) -> String {
    let doc = match topic {
        "" => {
            return "\nDocumented commands (type help <topic>):\n========================================\n\
                    EOF  c  continue  h  help  p  pprint  q  quit  r  redo  u  update_task\n"
                .to_owned();
        }
        "EOF" | "q" | "quit" => "Quit",
        "c" | "continue" => "Continue to next result",
        "r" | "redo" => "Schedule task for re-execution. The re-execution may not be the next result",
        "u" | "update_task" => "Recreate the task from ``task._ds``, and template with updated ``task_vars``",
        "p" | "pprint" => "Pretty Print",
        "h" | "help" => "List available commands with \"help\" or detailed help with \"help cmd\".",
        other => return format!("*** No help on {other}"),
    };
    doc.to_owned()
}

fn complain(kind: &str, message: &str) -> String {
    complain_with(kind, &Value::data(message).repr())
}

fn complain_with(kind: &str, argument: &str) -> String {
    format!("***{kind}:{kind}({argument})")
}

/// `name.attribute['key'][0]`, which is most of what is typed.
struct Path<'t> {
    root: &'t str,
    /// Keys, and whether they were written as attributes.
    parts: Vec<(String, bool)>,
}

fn path(text: &str) -> Option<Path<'_>> {
    let word = |text: &str| text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    let end = word(text);
    let (root, mut rest) = text.split_at(end);
    if root.is_empty() || root.starts_with(|c: char| c.is_ascii_digit()) || matches!(root, "None" | "True" | "False") {
        return None;
    }
    let mut parts = Vec::new();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('.') {
            let (name, next) = after.split_at(word(after));
            if name.is_empty() {
                return None;
            }
            parts.push((name.to_owned(), true));
            rest = next;
        } else {
            let inside = rest.strip_prefix('[')?;
            let quote = inside.chars().next()?;
            let (key, next) = if matches!(quote, '\'' | '"') {
                inside[1..].split_once(quote)?
            } else {
                let (digits, _) = inside.split_once(']')?;
                digits.parse::<i64>().ok()?;
                inside.split_at(digits.len())
            };
            if key.contains('\\') {
                return None;
            }
            parts.push((key.to_owned(), false));
            rest = next.strip_prefix(']')?;
        }
    }
    Some(Path { root, parts })
}

impl Path<'_> {
    fn walk(&self, root: Value) -> Result<Value, String> {
        let mut at = root;
        for (key, attribute) in &self.parts {
            let found = match &at {
                Value::List(list) => {
                    let index: Option<i64> = key.parse().ok();
                    let index = index.map(|i| if i < 0 { i + list.len() as i64 } else { i });
                    let found = index.and_then(|i| list.get(usize::try_from(i).ok()?).cloned());
                    found.ok_or_else(|| complain("IndexError", "list index out of range"))
                }
                other => other.get(key).cloned().ok_or_else(|| {
                    if *attribute {
                        let class = if self.root == "task" { "Task" } else { other.type_name() };
                        complain("AttributeError", &format!("'{class}' object has no attribute '{key}'"))
                    } else {
                        complain_with("KeyError", &Value::data(key.as_str()).repr())
                    }
                }),
            };
            at = found?;
        }
        Ok(at)
    }
}

/// `target = expression`, where the `=` is no comparison.
fn assignment(line: &str) -> Option<(&str, &str)> {
    let mut quote = None;
    let bytes = line.as_bytes();
    for (at, c) in line.char_indices() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => quote = Some(c),
            (None, '=') => {
                let before = at.checked_sub(1).map(|i| bytes[i]);
                let compares = bytes.get(at + 1) == Some(&b'=')
                    || matches!(before, Some(b'=' | b'!' | b'<' | b'>' | b'+' | b'-' | b'*' | b'/'));
                let nested = line[..at].matches(['(', '{']).count() > line[..at].matches([')', '}']).count();
                return (!compares && !nested).then(|| (line[..at].trim(), line[at + 1..].trim()));
            }
            _ => {}
        }
    }
    None
}

/// Texts as they are written, never rendered.
fn as_data(value: &Value) -> Value {
    each_text(value, &|text| Text::data(text))
}

/// Texts that may be templates.
fn trusted(value: &Value) -> Value {
    each_text(value, &|text| Text::trusted(text))
}

fn each_text(value: &Value, make: &dyn Fn(&str) -> Text) -> Value {
    match value {
        Value::Text(text) => Value::Text(make(text)),
        Value::List(list) => Value::List(list.iter().map(|item| each_text(item, make)).collect()),
        Value::Map(map) => Value::Map(map.iter().map(|(key, value)| (key.clone(), each_text(value, make))).collect()),
        other => other.clone(),
    }
}

/// Columns of a line, as Python's `pprint`.
const WIDTH: usize = 80;

/// A value over as many lines as it needs, as Python's `pprint.pformat`.
fn pformat(value: &Value) -> String {
    let mut out = String::new();
    write(value, 0, 0, &mut out);
    out
}

fn write(value: &Value, indent: usize, allowance: usize, out: &mut String) {
    let flat = sorted(value).repr();
    let fits = flat.chars().count() + indent + allowance <= WIDTH;
    match value {
        Value::Map(map) if !fits && !map.is_empty() => {
            let mut entries: Vec<(String, &Value)> = map.iter().map(|(key, value)| (key.repr(), value)).collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            out.push('{');
            let last = entries.len() - 1;
            for (at, (key, value)) in entries.into_iter().enumerate() {
                out.push_str(&key);
                out.push_str(": ");
                let inner = indent + 1 + key.chars().count() + 2;
                write(value, inner, if at == last { allowance + 1 } else { 1 }, out);
                if at != last {
                    out.push_str(",\n");
                    out.push_str(&" ".repeat(indent + 1));
                }
            }
            out.push('}');
        }
        Value::List(list) if !fits && !list.is_empty() => {
            out.push('[');
            let last = list.len() - 1;
            for (at, item) in list.iter().enumerate() {
                write(item, indent + 1, if at == last { allowance + 1 } else { 1 }, out);
                if at != last {
                    out.push_str(",\n");
                    out.push_str(&" ".repeat(indent + 1));
                }
            }
            out.push(']');
        }
        _ => out.push_str(&flat),
    }
}

/// With the keys of mappings in order.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Map(map) => {
            let mut entries: Vec<(&Value, &Value)> = map.iter().collect();
            entries.sort_by_key(|(key, _)| key.repr());
            Value::Map(entries.into_iter().map(|(key, value)| (key.clone(), sorted(value))).collect())
        }
        Value::List(list) => Value::List(list.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    /// Python 3.11's `pprint.pformat` made these.
    #[test]
    fn long_values_take_several_lines() {
        assert_eq!(pformat(&value(r#"{"b":1,"a":"x"}"#)), "{'a': 'x', 'b': 1}");
        let long = format!(r#"{{"zeta":["{0}","{0}"],"alpha":{{"k":"{0}"}}}}"#, "x".repeat(40));
        let x = "x".repeat(40);
        assert_eq!(pformat(&value(&long)), format!("{{'alpha': {{'k': '{x}'}},\n 'zeta': ['{x}',\n          '{x}']}}"));
    }

    #[test]
    fn lines_are_commands_assignments_or_expressions() {
        assert_eq!(command("p task.args"), ("p", "task.args"));
        assert_eq!(command("r"), ("r", ""));
        assert_eq!(command("?redo"), ("help", "redo"));
        assert_eq!(command("p = 1").0, "p = 1");
        assert_eq!(command("task.args['a'] = 1").0, "task.args['a'] = 1");
        assert_eq!(assignment("task.args['a=b'] = 'c'"), Some(("task.args['a=b']", "'c'")));
        assert_eq!(assignment("a == b"), None);
        assert_eq!(assignment("f(x=1)"), None);
    }

    #[test]
    fn paths_complain_as_python_does() {
        let root = || value(r#"{"a":{"b":[1,2]}}"#);
        let walk = |text: &str| path(text).unwrap().walk(root());
        assert_eq!(walk("task_vars['a']['b'][1]"), Ok(Value::Int(2)));
        assert_eq!(walk("task_vars['x']"), Err("***KeyError:KeyError('x')".to_owned()));
        assert_eq!(
            walk("task_vars['a']['b'][7]"),
            Err("***IndexError:IndexError('list index out of range')".to_owned())
        );
        assert_eq!(
            walk("task.nothing"),
            Err("***AttributeError:AttributeError(\"'Task' object has no attribute 'nothing'\")".to_owned())
        );
        assert!(path("1 + 2").is_none() && path("len(x)").is_none());
    }
}
