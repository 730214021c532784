//! Which module a task calls, and with which arguments, in all the forms there are.

use std::sync::Arc;

use rplay_diag::{Diagnostic, nearest};
use rplay_value::{Map, Text, Value};
use rplay_yaml::Node;

use super::fields::check_variable_name;
use super::loader::{Context, Loader};
use super::tasks::Draft;
use crate::keyword::{self, Place};
use crate::{Action, Field, Include, Item, PlaybookError, RoleFiles, args};

type Result<T> = std::result::Result<T, PlaybookError>;

/// Modules whose text argument is a command line, not a list of options.
const COMMANDS: [&str; 6] = ["command", "raw", "script", "shell", "win_command", "win_shell"];

/// Statements that the loader itself knows.
const STATEMENTS: [&str; 6] = ["meta", "include_tasks", "include_role", "import_tasks", "import_role", "include"];

/// Keywords that a dynamic include may carry.
const INCLUDE_KEYWORDS: [&str; 16] = [
    "action",
    "args",
    "collections",
    "debugger",
    "ignore_errors",
    "listen",
    "loop",
    "loop_control",
    "name",
    "no_log",
    "register",
    "run_once",
    "tags",
    "timeout",
    "vars",
    "when",
];

/// A module's name without the namespaces of Ansible itself.
pub(crate) fn short(name: &str) -> &str {
    name.strip_prefix("ansible.builtin.").or_else(|| name.strip_prefix("ansible.legacy.")).unwrap_or(name)
}

fn is_command(name: &str) -> bool {
    COMMANDS.contains(&name.strip_prefix("ansible.windows.").unwrap_or_else(|| short(name)))
}

/// A text that is one template from end to end.
fn is_all_template(text: &Text) -> bool {
    let trimmed = text.trim();
    text.is_template() && trimmed.starts_with("{{") && trimmed.ends_with("}}")
}

impl Loader<'_> {
    /// Whether there is a module of that name here.
    pub(crate) fn known_action(&self, name: &str, context: &Context) -> bool {
        !matches!(self.find_action(name, context), Ok(None))
    }

    pub(crate) fn find_action(
        &self,
        name: &str,
        context: &Context,
    ) -> std::result::Result<Option<Arc<str>>, Diagnostic> {
        if STATEMENTS.contains(&short(name)) {
            return Ok(Some(format!("ansible.builtin.{}", short(name)).into()));
        }
        self.resolve.action(name, &context.collections, context.role.as_ref().map(|role| role.path.as_path()))
    }

    /// Finds the action of a task and turns the task into entries of its list.
    pub(crate) fn finish(
        &self,
        mut draft: Draft<'_>,
        context: &Context,
        brought: &mut Vec<Item>,
        out: &mut Vec<Item>,
    ) -> Result<()> {
        let named;
        let context = match &draft.common.collections {
            Some(collections) => {
                named = Context { collections: collections.clone(), ..context.clone() };
                &named
            }
            None => context,
        };
        let (action, params) = self.action(&mut draft, context)?;
        draft.task.action = action;
        self.place(draft, params, context, brought, out)
    }

    /// Turns a task whose action is known into entries of its list.
    pub(crate) fn place(
        &self,
        draft: Draft<'_>,
        params: Map,
        context: &Context,
        brought: &mut Vec<Item>,
        out: &mut Vec<Item>,
    ) -> Result<()> {
        let mut draft = draft;
        let statement = short(&draft.task.action.resolved).to_owned();
        match statement.as_str() {
            "import_tasks" => self.import_tasks(draft, params, context, brought, out),
            "include" => self.old_include(draft, params, context, brought, out),
            "import_role" => self.import_role(draft, context, brought, out),
            "include_tasks" => {
                check_include_keywords(&draft, "TaskInclude")?;
                draft.task.include = Some(self.include_tasks_of(&draft, params)?);
                push(draft, out);
                Ok(())
            }
            "include_role" => {
                if context.handlers {
                    return Err(role_as_handler(&draft));
                }
                check_include_keywords(&draft, "IncludeRole")?;
                draft.task.include = Some(self.include_role_of(&draft)?);
                push(draft, out);
                Ok(())
            }
            "meta" => {
                check_meta(&draft, context)?;
                push(draft, out);
                Ok(())
            }
            _ => {
                push(draft, out);
                Ok(())
            }
        }
    }

    /// The action of a task, and further keys of an old `include`, which are variables.
    fn action(&self, draft: &mut Draft<'_>, context: &Context) -> Result<(Action, Map)> {
        let place = if context.handlers { Place::Handler } else { Place::Task };
        let node = draft.node;
        let entries = node.as_mapping().unwrap_or_default();
        let is_action = |key: &Node| {
            let name = key.as_str().unwrap_or_default();
            !name.starts_with("with_") && keyword::find(name, place).is_none()
        };
        let mut candidates: Vec<&(Node, Node)> = entries.iter().filter(|(key, _)| is_action(key)).collect();
        let mut params = Map::new();
        // Ansible 1: further keys beside `include` are variables of what is included.
        let include = candidates.iter().position(|(key, _)| short(key.as_str().unwrap_or_default()) == "include");
        if let Some(at) = include.filter(|_| candidates.len() > 1) {
            let include = candidates.remove(at);
            for (key, value) in &*candidates {
                let name = key.as_str().unwrap_or_default();
                if self.known_action(name, context) {
                    return Err(self.conflict(&include.0, key, context));
                }
                check_variable_name(name, key.span())?;
                params.insert(key.to_value(), value.to_value());
            }
            candidates = vec![include];
        }
        let mut chosen: Option<(&Node, Action)> = None;
        for old in ["action", "local_action"] {
            let Some((key, value)) = node.get_entry(old) else { continue };
            if chosen.is_some() {
                let error = Diagnostic::error("action and local_action are mutually exclusive").at(key.span(), "");
                return Err(error.into());
            }
            if let Some(action) = old_style(key, value)? {
                chosen = Some((key, action));
            }
            if old == "local_action" {
                draft.common.delegate_to = Some(Field::at(Some(key.span()), Text::data("localhost")));
            }
        }
        for (key, value) in candidates {
            if let Some((first, _)) = &chosen {
                return Err(self.conflict(first, key, context));
            }
            chosen = Some((key, new_style(key, value)?));
        }
        let Some((key, mut action)) = chosen else { return Err(self.no_action(draft, context)) };
        if action.name.is_template() {
            action.resolved = action.name.shared();
        } else {
            let found = self
                .find_action(&action.name, context)
                .map_err(|error| error.at_maybe(action.span.or(Some(key.span())), ""))?;
            action.resolved = found.ok_or_else(|| self.unknown_action(key, &action, context))?;
        }
        if let Some((key, value)) = node.get_entry("args") {
            self.merge_args(&mut action, key, value)?;
        }
        if action.free_form.as_ref().is_some_and(is_all_template)
            && !is_command(&action.name)
            && !takes_text(&action.name)
        {
            action.raw_spread = action.free_form.take();
        }
        let reserved = action.args.texts().find(|(name, _)| name.starts_with("_ansible_"));
        if let Some((name, _)) = reserved.filter(|_| !is_command(&action.name)) {
            let message = format!(
                "Invalid parameter specified beginning with keyword '_ansible_' for action '{}': '{name}'. The prefix \
                 '_ansible_' is reserved for internal use only.",
                action.name
            );
            return Err(Diagnostic::error(message).at_maybe(name.origin().or(action.args_span), "").into());
        }
        Ok((action, params))
    }

    /// `args:` lies beneath what stands at the module.
    fn merge_args(&self, action: &mut Action, key: &Node, value: &Node) -> Result<()> {
        match value.to_value() {
            Value::Map(base) => {
                let mut all = base;
                all.extend(std::mem::take(&mut action.args));
                // `args: {_raw_params: ...}` is the free form by another name.
                if let Some(Value::Text(raw)) = all.get("_raw_params").cloned() {
                    all.remove("_raw_params");
                    action.free_form.get_or_insert(raw);
                }
                action.args = all;
                if action.args_span.is_none() {
                    action.args_span = Some(value.span());
                }
            }
            Value::Text(text) if is_all_template(&text) => action.spread = Some(text),
            Value::Null => self.deprecated(
                "Ignoring empty task `args` keyword.",
                Some(key.span()),
                "A mapping or template which resolves to a mapping is required.",
            ),
            _ => {
                let error = Diagnostic::error("The value of the task `args` keyword is invalid.");
                let error = error.at(value.span(), format!("a {} here", value.kind_name()));
                return Err(error.hint("A mapping or template which resolves to a mapping is required.").into());
            }
        }
        Ok(())
    }

    /// Two keys that both look like modules: mostly one of them is a misspelt keyword or a badly indented option.
    fn conflict(&self, first: &Node, second: &Node, context: &Context) -> PlaybookError {
        let name = |node: &Node| node.as_str().unwrap_or_default().to_owned();
        let (a, b) = (name(first), name(second));
        let error = Diagnostic::error(format!("conflicting action statements: {a}, {b}"));
        let known = |name: &str| self.known_action(name, context) || matches!(name, "action" | "local_action");
        let (odd, odd_node, module, module_node) = match (known(&a), known(&b)) {
            (true, true) => {
                let error = error.at(second.span(), "second module").context(Some(first.span()), "first module");
                return error.hint("a task calls one module; put `- ` before the second to make it a task").into();
            }
            (false, true) => (a, first, b, second),
            _ => (b, second, a, first),
        };
        let error =
            error.at(odd_node.span(), "neither keyword nor module").context(Some(module_node.span()), "the module");
        let place = if context.handlers { Place::Handler } else { Place::Task };
        let hint = if self.resolve.has_option(&module, &odd) == Some(true) {
            format!("`{odd}` is an option of `{module}`: indent it below the module")
        } else if let Some(near) = keyword::suggest(&odd, place) {
            format!("did you mean the keyword `{near}`?")
        } else if keyword::elsewhere(&odd).contains(&Place::Play) {
            format!("`{odd}` belongs to a play: check the indentation")
        } else {
            format!("if `{odd}` is an option of `{module}`, indent it below the module")
        };
        error.hint(hint).into()
    }

    fn no_action(&self, draft: &Draft<'_>, context: &Context) -> PlaybookError {
        let entries = draft.node.as_mapping().unwrap_or_default();
        let span = entries.first().map_or(draft.node.span(), |(key, _)| key.span());
        let error = Diagnostic::error("no module/action detected in task.").at(span, "in this task");
        let include = entries.iter().find_map(|(_, value)| {
            value.as_mapping().filter(|inner| {
                inner.first().and_then(|(key, _)| key.as_str()).is_some_and(|name| self.known_action(name, context))
            })
        });
        error.hint_maybe(include.map(|_| "the module stands one level too deep: indent it as `name`".to_owned())).into()
    }

    fn unknown_action(&self, key: &Node, action: &Action, context: &Context) -> PlaybookError {
        let name = action.name.as_str();
        let message = format!(
            "couldn't resolve module/action '{name}'. This often indicates a misspelling, missing collection, or incorrect \
             module path."
        );
        let error = Diagnostic::error(message).at_maybe(action.span.or(Some(key.span())), "no such module");
        let place = if context.handlers { Place::Handler } else { Place::Task };
        let hint = if let Some(near) =
            self.resolve.nearest_action(name).or_else(|| nearest(name, STATEMENTS).map(str::to_owned))
        {
            Some(format!("did you mean `{near}`?"))
        } else if let Some(near) = keyword::suggest(name, place) {
            Some(format!("did you mean the keyword `{near}`? Then the task has no module"))
        } else if keyword::elsewhere(name).contains(&Place::Play) {
            Some(format!("`{name}` belongs to a play, this is a task"))
        } else if let [namespace, collection, ..] = *name.split('.').collect::<Vec<_>>() {
            Some(format!("is the collection {namespace}.{collection} installed?"))
        } else {
            None
        };
        error.hint_maybe(hint).into()
    }

    /// `include_tasks` as the engine needs it.
    pub(crate) fn include_tasks_of(&self, draft: &Draft<'_>, params: Map) -> Result<Include> {
        let action = &draft.task.action;
        let span = action.args_span.or(action.span);
        let statement = short(&action.resolved);
        let allowed = ["file", "apply"];
        if let Some((name, _)) = action.args.texts().find(|(name, _)| !allowed.contains(&name.as_str()))
            && statement != "include"
        {
            let error = Diagnostic::error(format!("Invalid options for {}: {name}", action.name));
            return Err(error.at_maybe(name.origin().or(span), "").hint("options are `file` and `apply`").into());
        }
        let file = match (&action.free_form, action.args.get("file")) {
            (Some(file), _) => file.clone(),
            (None, Some(Value::Text(file))) => file.clone(),
            _ => {
                let error = Diagnostic::error(format!("No file specified for {}", action.name));
                return Err(error.at_maybe(action.span, "").into());
            }
        };
        let mut all = params;
        if statement == "include" {
            all.extend(
                action.args.iter().filter(|(k, _)| k.as_str() != Some("file")).map(|(k, v)| (k.clone(), v.clone())),
            );
        }
        Ok(Include::Tasks { file, apply: self.apply(draft)?, params: all })
    }

    fn apply(&self, draft: &Draft<'_>) -> Result<Arc<crate::Common>> {
        let entries = draft.node.as_mapping().unwrap_or_default();
        let inside = |node: &Node| node.get("apply").cloned();
        let found = entries.iter().find_map(|(key, value)| {
            let holds = key.as_str() == Some("args") || STATEMENTS.contains(&short(key.as_str().unwrap_or_default()));
            if holds { inside(value) } else { None }
        });
        match found {
            Some(apply) if !apply.is_null() => Ok(Arc::new(self.common_only(&apply, Place::Block)?)),
            _ => Ok(Arc::default()),
        }
    }

    /// `include_role` and `import_role` as the engine needs them.
    pub(crate) fn include_role_of(&self, draft: &Draft<'_>) -> Result<Include> {
        const FROM: [&str; 4] = ["tasks_from", "vars_from", "defaults_from", "handlers_from"];
        let action = &draft.task.action;
        let span = action.args_span.or(action.span);
        let known = ["name", "role", "apply", "public", "allow_duplicates", "rolespec_validate"];
        let bad = |name: &&Text| !known.contains(&name.as_str()) && !FROM.contains(&name.as_str());
        if let Some(name) = action.args.texts().map(|(name, _)| name).find(bad) {
            let error = Diagnostic::error(format!("Invalid options for {}: {name}", action.name))
                .at_maybe(name.origin().or(span), "");
            let near = nearest(name, known.into_iter().chain(FROM)).map(|near| format!("did you mean `{near}`?"));
            let near = near.unwrap_or_else(|| "variables of the role stand in `vars:` of the task".to_owned());
            return Err(error.hint(near).into());
        }
        let text = |name: &str| -> Result<Option<Text>> {
            match action.args.get(name) {
                None => Ok(None),
                Some(Value::Text(text)) => Ok(Some(text.clone())),
                Some(other) => {
                    let message = format!("Expected a string for {name} but got {} instead", other.type_name());
                    Err(Diagnostic::error(message).at_maybe(span, "").into())
                }
            }
        };
        let flag = |name: &str| -> Result<Option<Field<bool>>> {
            match action.args.get(name) {
                None | Some(Value::Null) => Ok(None),
                Some(value) if value.holds_template() => Ok(Some(Field::template(value.origin(), value.clone()))),
                Some(value) => {
                    if let Some(on) = value.to_bool() {
                        Ok(Some(Field::at(value.origin().or(span), on)))
                    } else {
                        let error = Diagnostic::error(format!("`{name}` of {} takes a boolean", action.name));
                        Err(error.at_maybe(value.origin().or(span), "").into())
                    }
                }
            }
        };
        let name = match text("name")? {
            Some(name) => Some(name),
            None => text("role")?,
        };
        let Some(name) = name else {
            let error = Diagnostic::error(format!("'name' is a required field for {}.", action.name));
            return Err(error.at_maybe(action.span, "").into());
        };
        if short(&action.resolved) == "import_role" && action.args.contains("apply") {
            let error = Diagnostic::error(format!("Invalid options for {}: apply", action.name)).at_maybe(span, "");
            return Err(error.hint("an import passes its own keywords on; write them on the task").into());
        }
        Ok(Include::Role {
            name,
            from: RoleFiles {
                tasks: text("tasks_from")?,
                vars: text("vars_from")?,
                defaults: text("defaults_from")?,
                handlers: text("handlers_from")?,
            },
            apply: self.apply(draft)?,
            public: flag("public")?,
            allow_duplicates: flag("allow_duplicates")?,
            rolespec_validate: flag("rolespec_validate")?,
        })
    }
}

/// Ends a task that stays a task.
pub(crate) fn push(draft: Draft<'_>, out: &mut Vec<Item>) {
    let Draft { mut task, common, .. } = draft;
    task.common = Arc::new(common);
    out.push(Item::Task(Arc::new(task)));
}

pub(crate) fn role_as_handler(draft: &Draft<'_>) -> PlaybookError {
    let action = &draft.task.action;
    let error = Diagnostic::error(format!("Using '{}' as a handler is not supported.", action.name));
    error.at_maybe(action.span, "").hint("use include_tasks with a file of the role").into()
}

/// Modules whose text is not a template for options: a file name, a name of a meta action.
fn takes_text(name: &str) -> bool {
    matches!(
        short(name),
        "include_vars" | "include_tasks" | "include" | "import_tasks" | "meta" | "include_role" | "import_role"
    )
}

fn check_meta(draft: &Draft<'_>, context: &Context) -> Result<()> {
    const KNOWN: [&str; 12] = [
        "flush_handlers",
        "refresh_inventory",
        "noop",
        "clear_facts",
        "clear_host_errors",
        "end_host",
        "end_play",
        "end_batch",
        "end_role",
        "reset_connection",
        "role_complete",
        "end_run",
    ];
    let action = &draft.task.action;
    let Some(what) = &action.free_form else { return Ok(()) };
    let span = what.origin().or(action.args_span);
    if what.as_str() == "end_role" && context.handlers {
        return Err(Diagnostic::error("Cannot execute 'end_role' from a handler").at_maybe(span, "").into());
    }
    if what.as_str() == "end_role" && context.role.is_none() {
        return Err(Diagnostic::error("Cannot execute 'end_role' from outside of a role").at_maybe(span, "").into());
    }
    if what.is_template() || KNOWN[..10].contains(&what.as_str()) {
        return Ok(());
    }
    let error = Diagnostic::error(format!("invalid meta action requested: {what}")).at_maybe(span, "");
    let near = nearest(what, KNOWN[..10].iter().copied()).map(|near| format!("did you mean `{near}`?"));
    Err(error.hint_maybe(near.or_else(|| Some(format!("meta actions are {}", KNOWN[..10].join(", "))))).into())
}

/// `module: arguments`
fn new_style(key: &Node, value: &Node) -> Result<Action> {
    let name = match key.to_value() {
        Value::Text(text) => text,
        other => Text::data(other.to_str().into_owned()),
    };
    let mut action = blank(name, key);
    action.args_span = Some(value.span()).filter(|_| !value.is_null());
    match value.to_value() {
        Value::Map(map) => action.args = map,
        Value::Text(text) => take_text(&mut action, &text, value)?,
        Value::Null => {}
        Value::Int(_) | Value::Float(_) | Value::Bool(_) if is_command(&action.name) => {
            // `command: true` is the program called true.
            let raw = value.raw().unwrap_or_default();
            action.free_form = Some(Text::written(raw, value.span()));
        }
        _ => {
            let message = format!("unexpected parameter type in action: {}", value.to_value().type_name());
            let error = Diagnostic::error(message).at(value.span(), format!("a {} here", value.kind_name()));
            return Err(error.hint("arguments are a mapping of options, or text").into());
        }
    }
    take_raw(&mut action);
    Ok(action)
}

/// `action: module arguments`, `local_action: ...`, `action: {module: ..., option: ...}`
fn old_style(key: &Node, value: &Node) -> Result<Option<Action>> {
    match value.to_value() {
        Value::Text(text) => {
            let (name, rest) = first_word(&text, value)?;
            let mut action = blank(name, value);
            action.args_span = Some(value.span());
            take_text(&mut action, &rest, value)?;
            Ok(Some(action))
        }
        Value::Map(mut map) => {
            let Some(Value::Text(module)) = map.remove("module") else { return Ok(None) };
            let (name, rest) = first_word(&module, value)?;
            let mut action = blank(name, value.get("module").unwrap_or(value));
            action.args_span = Some(value.span());
            let nested = map.remove("args");
            action.args = map;
            take_text(&mut action, &rest, value)?;
            match nested {
                Some(Value::Map(more)) => action.args.extend(more),
                Some(Value::Text(more)) => take_text(&mut action, &more, value)?,
                _ => {}
            }
            take_raw(&mut action);
            Ok(Some(action))
        }
        other => {
            let message = format!("unexpected parameter type in action: {}", other.type_name());
            let error = Diagnostic::error(message).at(value.span(), format!("a {} here", value.kind_name()));
            Err(error.context(Some(key.span()), "").hint("write `action: module option=value`").into())
        }
    }
}

fn blank(name: Text, at: &Node) -> Action {
    Action {
        resolved: name.shared(),
        name,
        args: Map::new(),
        free_form: None,
        spread: None,
        raw_spread: None,
        span: Some(at.span()),
        args_span: None,
    }
}

/// `_raw_params` is the free form by another name.
fn take_raw(action: &mut Action) {
    if let Some(Value::Text(raw)) = action.args.get("_raw_params").cloned() {
        action.args.remove("_raw_params");
        action.free_form.get_or_insert(raw);
    }
}

fn unbalanced(text: &Text, node: &Node) -> PlaybookError {
    let message = format!("failed at splitting arguments, either an unbalanced jinja2 block or quotes: {text}");
    Diagnostic::error(message)
        .at(node.span(), "")
        .hint("close every quote and every {{ }}; or write the arguments as a mapping")
        .into()
}

fn take_text(action: &mut Action, text: &Text, node: &Node) -> Result<()> {
    let parsed = args::parse(text, is_command(&action.name)).map_err(|args::Unbalanced| unbalanced(text, node))?;
    action.args.extend(parsed.options);
    if let Some(free) = parsed.free_form {
        let fresh = if text.is_trusted() { Text::trusted(free) } else { Text::data(free) };
        action.free_form = Some(fresh.with_origin(text.origin().or(Some(node.span()))));
    }
    Ok(())
}

/// The module's name and the rest of an old-style text.
fn first_word(text: &Text, node: &Node) -> Result<(Text, Text)> {
    let words = args::split(text).map_err(|args::Unbalanced| unbalanced(text, node))?;
    let like = |s: String| {
        let fresh = if text.is_trusted() { Text::trusted(s) } else { Text::data(s) };
        fresh.with_origin(text.origin())
    };
    let mut words = words.into_iter();
    let name = words.next().unwrap_or_default();
    let rest: Vec<String> = words.collect();
    Ok((like(name.trim().to_owned()), like(rest.join(" "))))
}

fn check_include_keywords(draft: &Draft<'_>, class: &str) -> Result<()> {
    for (key, _) in draft.node.as_mapping().unwrap_or_default() {
        let name = key.as_str().unwrap_or_default();
        let keyword = keyword::find(name, Place::Handler);
        if keyword.is_none() || INCLUDE_KEYWORDS.contains(&name) || matches!(name, "local_action") {
            continue;
        }
        let error = Diagnostic::error(format!("'{name}' is not a valid attribute for a {class}")).at(key.span(), "");
        let hint = if keyword::find(name, Place::Block).is_some() {
            format!("to give `{name}` to everything included, write it below `apply:` of the include")
        } else {
            format!("an include cannot have `{name}`; put it on the tasks that are included")
        };
        return Err(error.hint(hint).into());
    }
    Ok(())
}
