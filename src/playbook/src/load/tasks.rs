//! Lists of tasks, blocks and tasks.

use std::sync::Arc;

use rplay_diag::{Diagnostic, Span};
use rplay_value::{Value, Verdict, Version};
use rplay_yaml::Node;

use super::fields::{
    bool_field, check_variable_name, common_keyword, conditions, float_field, int_field, maybe_text, text_field, texts,
    unknown, wrong_type,
};
use super::loader::{Context, Loader};
use crate::keyword::{self, Kind, Place};
use crate::{Block, Common, Field, Item, Loop, LoopControl, LoopKind, Origin, PlaybookError, Task};

type Result<T> = std::result::Result<T, PlaybookError>;

/// A task whose keywords are read and whose action is not yet looked at.
pub(crate) struct Draft<'n> {
    pub(crate) task: Task,
    pub(crate) common: Common,
    pub(crate) node: &'n Node,
    /// `static: yes` or `no`.
    pub(crate) is_static: Option<bool>,
}

impl Loader<'_> {
    /// The entries of a list of tasks. Handlers that static imports of roles bring go into `brought`.
    pub(crate) fn task_list(
        &self,
        what: &str,
        node: &Node,
        context: &Context,
        brought: &mut Vec<Item>,
    ) -> Result<Vec<Item>> {
        if node.is_null() {
            return Ok(Vec::new());
        }
        let Some(entries) = node.as_sequence() else {
            let error = Diagnostic::error(format!("{what} must hold a list of tasks, not a {}", node.kind_name()));
            let hint = node.as_mapping().map(|_| "put `- ` before the first keyword of each task".to_owned());
            return Err(error.at(node.span().at_start(), "").hint_maybe(hint).into());
        };
        let mut items = Vec::with_capacity(entries.len());
        for entry in entries {
            if entry.is_null() {
                continue;
            }
            if entry.as_mapping().is_none() {
                let mut error = Diagnostic::error(format!("a task must be a mapping, not a {}", entry.kind_name()));
                error = error.at(entry.span(), "");
                let name = entry.as_str().unwrap_or_default();
                if name.contains(": ") || name.contains('=') {
                    error = error.hint("after the module's name stand a colon and a blank: `copy: src=a dest=b`");
                }
                return Err(error.into());
            }
            self.entry(entry, context, brought, &mut items)?;
        }
        Ok(items)
    }

    fn entry(&self, node: &Node, context: &Context, brought: &mut Vec<Item>, out: &mut Vec<Item>) -> Result<()> {
        if ["block", "rescue", "always"].iter().any(|name| node.get(name).is_some()) {
            // One block around handlers groups them; Ansible takes no block inside.
            if context.handlers && context.in_block {
                let error = Diagnostic::error("Using a block as a handler is not supported.");
                return Err(error
                    .at(first_key(node), "")
                    .hint("write its tasks as handlers that listen to one topic")
                    .into());
            }
            out.push(Item::Block(Arc::new(self.block(node, context, brought)?)));
            return Ok(());
        }
        let draft = self.draft(node, context)?;
        self.finish(draft, context, brought, out)
    }

    fn block(&self, node: &Node, context: &Context, brought: &mut Vec<Item>) -> Result<Block> {
        let mut common = Common::default();
        let mut name = None;
        for (key, value) in node.as_mapping().unwrap_or_default() {
            let found = key.as_str().and_then(|name| keyword::find(name, Place::Block));
            let Some(keyword) = found else { return Err(self.unknown_in_block(key, value, context)) };
            self.check_release(keyword, key, value, Place::Block)?;
            match keyword.name {
                "name" => name = maybe_text("name", value)?,
                "block" | "rescue" | "always" => {}
                other => {
                    common_keyword(&mut common, other, value, Place::Block)?;
                }
            }
        }
        if node.get("block").is_none() {
            let (key, _) = node.get_entry("rescue").or_else(|| node.get_entry("always")).unwrap_or((node, node));
            let other = key.as_str().unwrap_or_default();
            let error =
                Diagnostic::error(format!("'{other}' keyword cannot be used without 'block'")).at(key.span(), "");
            return Err(error.hint("put it at the indentation of its `block`").into());
        }
        // Ansible takes both and never runs them: a handler's failure always ends the host's run.
        if context.handlers
            && let Some((key, _)) = node.get_entry("rescue").or_else(|| node.get_entry("always"))
        {
            let other = key.as_str().unwrap_or_default();
            let error = Diagnostic::error(format!("`{other}` has no effect around handlers")).at(key.span(), "");
            return Err(error.hint("use `ignore_errors` or `failed_when` on the handlers themselves").into());
        }
        let mut inner = context.clone();
        inner.in_block = true;
        inner.vars.push(common.vars.clone());
        if let Some(collections) = &common.collections {
            inner.collections.clone_from(collections);
        }
        let mut list = |name: &str| match node.get(name) {
            Some(value) => self.task_list(name, value, &inner, brought),
            None => Ok(Vec::new()),
        };
        Ok(Block {
            name,
            block: list("block")?,
            rescue: list("rescue")?,
            always: list("always")?,
            common: Arc::new(common),
            origin: Origin::Plain,
            role: context.role.clone(),
            span: Some(node.span()),
        })
    }

    fn unknown_in_block(&self, key: &Node, _value: &Node, context: &Context) -> PlaybookError {
        let PlaybookError::Invalid(mut error) = unknown(key, Place::Block) else { return unknown(key, Place::Block) };
        let name = key.as_str().unwrap_or_default();
        let task_only = keyword::find(name, Place::Task).is_some() || name == "loop" || name.starts_with("with_");
        if task_only {
            error.hints =
                vec![format!("a block cannot have `{name}`: put it on its tasks, or include the tasks with it")];
        } else if self.known_action(name, context) {
            error.hints = vec![format!("`{name}` is a module: it belongs to a task in the block's list")];
        }
        PlaybookError::Invalid(error)
    }

    /// Reads the keywords of a task; what is no keyword is left for its action.
    pub(crate) fn draft<'n>(&self, node: &'n Node, context: &Context) -> Result<Draft<'n>> {
        let place = if context.handlers { Place::Handler } else { Place::Task };
        let mut common = Common::default();
        let mut task = Task {
            role: context.role.clone(),
            is_handler: context.handlers,
            span: Some(node.span()),
            ..Task::calling(crate::Action::named(""))
        };
        let mut is_static = None;
        for (key, value) in node.as_mapping().unwrap_or_default() {
            let Some(name) = key.as_str() else {
                let error = Diagnostic::error(format!("a keyword must be text, not a {}", key.kind_name()));
                return Err(error.at(key.span(), "").into());
            };
            if let Some(lookup) = name.strip_prefix("with_") {
                self.with_loop(&mut task, lookup, key, value)?;
                continue;
            }
            let Some(keyword) = keyword::find(name, place) else {
                if name == "listen" {
                    return Err(unknown(key, place));
                }
                continue;
            };
            self.check_release(keyword, key, value, place)?;
            match name {
                "action" | "local_action" | "args" => {}
                "name" => task.name = maybe_text("name", value)?,
                "loop" => {
                    second_loop(&task, key)?;
                    if value.is_null() {
                        let error = Diagnostic::error("you must specify a value when using loop").at(key.span(), "");
                        return Err(error.into());
                    }
                    task.loop_ = Some(Loop { kind: LoopKind::Loop, value: value.to_value(), span: Some(value.span()) });
                }
                "loop_control" => task.loop_control = Some(Arc::new(self.loop_control(value)?)),
                "register" => {
                    task.register = text_field(name, value)?;
                    // Until 2.11 nobody looked at the name.
                    let compat = &self.settings.compat;
                    let checked = compat.added_in(Version::new(2, 12)) == Verdict::Accepted;
                    if checked && compat.is_strict() && task.register.as_ref().is_some_and(|f| f.constant().is_none()) {
                        let error = Diagnostic::error("Invalid 'register' specified.").at(value.span(), "");
                        return Err(error.hint("the name of the variable cannot be a template").into());
                    }
                    if let Some(variable) = task.register.as_ref().and_then(Field::constant).filter(|_| checked) {
                        check_variable_name(variable, value.span())?;
                    }
                }
                "until" => task.until = conditions(name, value)?,
                "retries" => task.retries = int_field(name, value)?,
                "delay" => task.delay = float_field(name, Kind::Float, value)?,
                "changed_when" => task.changed_when = conditions(name, value)?,
                "failed_when" => task.failed_when = conditions(name, value)?,
                "async" => task.async_ = int_field(name, value)?,
                "poll" => task.poll = int_field(name, value)?,
                "listen" => task.listen = texts(name, value)?,
                "static" => is_static = bool_field(name, value)?.and_then(|field| field.constant().copied()),
                other => {
                    common_keyword(&mut common, other, value, place)?;
                }
            }
        }
        Ok(Draft { task, common, node, is_static })
    }

    fn with_loop(&self, task: &mut Task, lookup: &str, key: &Node, value: &Node) -> Result<()> {
        second_loop(task, key)?;
        if !self.resolve.lookup(lookup) {
            let message = format!("'with_{lookup}' is not a valid attribute for a Task: there is no lookup `{lookup}`");
            let known = [
                "items",
                "dict",
                "list",
                "together",
                "nested",
                "sequence",
                "fileglob",
                "first_found",
                "subelements",
                "indexed_items",
                "lines",
                "random_choice",
                "flattened",
                "inventory_hostnames",
                "filetree",
                "file",
            ];
            let near = rplay_diag::nearest(lookup, known)
                .filter(|near| *near != lookup)
                .map(|near| format!("did you mean `with_{near}`?"));
            return Err(Diagnostic::error(message).at(key.span(), "").hint_maybe(near).into());
        }
        if value.is_null() {
            let error = Diagnostic::error(format!("you must specify a value when using with_{lookup}"));
            return Err(error.at(key.span(), "").into());
        }
        let span = Some(value.span());
        task.loop_ = Some(Loop { kind: LoopKind::With(lookup.into()), value: value.to_value(), span });
        Ok(())
    }

    fn loop_control(&self, value: &Node) -> Result<LoopControl> {
        let Some(entries) = value.as_mapping() else { return Err(wrong_type("loop_control", Kind::Map, value)) };
        let mut control = LoopControl { span: Some(value.span()), ..LoopControl::default() };
        for (key, value) in entries {
            let name = key.as_str().unwrap_or_default();
            if let Some(keyword) = keyword::find(name, Place::LoopControl) {
                self.check_release(keyword, key, value, Place::LoopControl)?;
            }
            match name {
                "loop_var" => control.loop_var = text_field(name, value)?,
                "index_var" => control.index_var = text_field(name, value)?,
                "label" => control.label = Some(value.to_value()).filter(|label| !matches!(label, Value::Null)),
                "pause" => control.pause = float_field(name, Kind::Float, value)?,
                "parallel" => control.parallel = int_field(name, value)?,
                "extended" => control.extended = bool_field(name, value)?,
                "extended_allitems" => control.extended_allitems = bool_field(name, value)?,
                "break_when" => control.break_when = conditions(name, value)?,
                _ => return Err(unknown(key, Place::LoopControl)),
            }
        }
        // Both say that one item comes after the other.
        if control.parallel.is_some() {
            for other in ["break_when", "pause"] {
                if let Some((key, _)) = value.get_entry(other) {
                    let error = Diagnostic::error(format!("`{other}` cannot be combined with `parallel`"));
                    let error = error.at(key.span(), "the items would have to come one after the other");
                    return Err(error.hint("remove `parallel`").into());
                }
            }
        }
        Ok(control)
    }
}

fn second_loop(task: &Task, key: &Node) -> Result<()> {
    let Some(first) = &task.loop_ else { return Ok(()) };
    let error = Diagnostic::error("duplicate loop in task").at(key.span(), "second loop");
    Err(error.context(first.span, "first loop").hint("a task has one loop; nest them with include_tasks").into())
}

fn first_key(node: &Node) -> Span {
    node.as_mapping().and_then(<[_]>::first).map_or(node.span(), |(key, _)| key.span())
}
