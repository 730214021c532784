//! Static imports, and finding the files of dynamic includes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rplay_diag::{Diagnostic, Span};
use rplay_value::{Map, Text, Value, Verdict, Version};

use super::action::{push, role_as_handler, short};
use super::loader::{Context, Loader};
use super::roles::RoleRequest;
use super::tasks::Draft;
use crate::{Block, Field, Include, Item, Origin, PlaybookError, RoleFiles, args};

type Result<T> = std::result::Result<T, PlaybookError>;

/// What a dynamic include brought.
#[derive(Clone, Debug)]
pub struct Included {
    /// The file.
    pub path: PathBuf,
    /// Its entries.
    pub items: Vec<Item>,
    /// Handlers that roles imported in it brought: they belong to the play from now on.
    pub handlers: Vec<Item>,
}

impl Loader<'_> {
    /// The entries of a task file, for `include_tasks` at run time. `file` is rendered, `span` where it is named.
    ///
    /// The context's `files` say which task files enclose the include; the engine adds [`Included::path`] to them for
    /// what stands inside.
    pub fn include_tasks(&self, file: &str, span: Option<Span>, context: &Context) -> Result<Included> {
        let path = task_file("include_tasks", file, span, context)?;
        let mut inner = context.clone();
        inner.files.push(path.clone());
        inner.in_block = false;
        inner.chain.clear();
        inner.vars = known(context);
        let mut handlers = Vec::new();
        let items = self.file_items(&path, span, &inner, &mut handlers)?;
        Ok(Included { path, items, handlers })
    }

    fn file_items(
        &self,
        path: &Path,
        span: Option<Span>,
        context: &Context,
        brought: &mut Vec<Item>,
    ) -> Result<Vec<Item>> {
        let document = self.document(path, span)?;
        if document.is_null() || document.as_sequence().is_some_and(<[_]>::is_empty) {
            let message = format!("file {} is empty and had no tasks to include", path.display());
            self.warn(Diagnostic::warning(message).at_maybe(span, ""));
            return Ok(Vec::new());
        }
        if document.as_sequence().is_none() {
            let error = Diagnostic::error("included task files must contain a list of tasks");
            let error = error.at(document.span().at_start(), format!("a {} here", document.kind_name()));
            return Err(error.context(span, "included here").into());
        }
        self.task_list("a task file", &document, context, brought)
    }

    /// Renders the name in a static import.
    fn static_name(&self, text: &Text, draft: &Draft<'_>, context: &Context) -> Result<String> {
        self.render_text(text, context, std::slice::from_ref(&draft.common.vars)).map_err(|error| {
            let message = format!("Error when evaluating variable in import path '{text}': {}", error.message);
            let span = text.origin().or(draft.task.action.args_span);
            Diagnostic::error(message)
                .at_maybe(span, "")
                .hint(
                    "When using static imports, ensure that any variables used in their names are defined in vars/vars_files \
                     or extra-vars passed in from the command line. Static imports cannot use variables from facts or \
                     inventory sources like group or host vars.",
                )
                .into()
        })
    }

    pub(crate) fn import_tasks(
        &self,
        draft: Draft<'_>,
        params: Map,
        context: &Context,
        brought: &mut Vec<Item>,
        out: &mut Vec<Item>,
    ) -> Result<()> {
        if let Some(found) = &draft.task.loop_ {
            let message = "You cannot use loops on 'import_tasks' statements. You should use 'include_tasks' instead.";
            return Err(Diagnostic::error(message).at_maybe(found.span, "").into());
        }
        if draft.task.action.args.contains("apply") {
            let error = Diagnostic::error(format!("Invalid options for {}: apply", draft.task.action.name));
            let error = error.at_maybe(draft.task.action.args_span, "");
            return Err(error.hint("an import passes its own keywords on; write them on the task").into());
        }
        let Include::Tasks { file, params, .. } = self.include_tasks_of(&draft, params)? else { return Ok(()) };
        let name = self.static_name(&file, &draft, context)?;
        let path = task_file("import_tasks", &name, file.origin().or(draft.task.action.args_span), context)?;
        self.expand(draft, &path, params, context, brought, out)
    }

    /// Puts a task file in the place of the statement.
    fn expand(
        &self,
        mut draft: Draft<'_>,
        path: &Path,
        params: Map,
        context: &Context,
        brought: &mut Vec<Item>,
        out: &mut Vec<Item>,
    ) -> Result<()> {
        let span = draft.task.action.args_span.or(draft.task.action.span);
        let cycle = context.chain.iter().any(|(seen, _)| seen == path);
        let mut inner = context.clone();
        inner.chain.push((path.to_owned(), span));
        if cycle {
            let chain = inner.chain.into_iter().map(|(p, s)| (p.display().to_string(), s)).collect();
            return Err(PlaybookError::Cycle { what: path.display().to_string(), chain });
        }
        draft.common.vars.extend(params);
        inner.in_block = false;
        inner.files.push(path.to_owned());
        inner.vars.push(draft.common.vars.clone());
        if let Some(collections) = &draft.common.collections {
            inner.collections.clone_from(collections);
        }
        let items = self.file_items(path, span, &inner, brought)?;
        let Draft { task, common, .. } = draft;
        out.push(Item::Block(Arc::new(Block {
            name: task.name,
            common: Arc::new(common),
            block: items,
            rescue: Vec::new(),
            always: Vec::new(),
            origin: Origin::ImportTasks(path.to_owned()),
            role: context.role.clone(),
            span: task.span,
        })));
        Ok(())
    }

    /// `include` of old releases: static where it can be, as Ansible 2.0 to 2.11 decided.
    pub(crate) fn old_include(
        &self,
        mut draft: Draft<'_>,
        mut params: Map,
        context: &Context,
        brought: &mut Vec<Item>,
        out: &mut Vec<Item>,
    ) -> Result<()> {
        let action = &draft.task.action;
        let hint = "write `import_tasks` (static) or `include_tasks` (dynamic)";
        match self.settings.compat.removed_in(Version::new(2, 16)) {
            Verdict::Accepted => {}
            Verdict::Deprecated => self.deprecated("`include` was removed in ansible-core 2.16", action.span, hint),
            Verdict::Refused => {
                let message = "couldn't resolve module/action 'include': it was removed in ansible-core 2.16";
                return Err(Diagnostic::error(message).at_maybe(action.span, "").hint(hint).into());
            }
        }
        if let Some((name, _)) = params.texts().next()
            && self.settings.compat.removed_in(Version::new(2, 0)) == Verdict::Refused
        {
            let error = Diagnostic::error(format!("conflicting action statements: include, {name}"));
            return Err(error.at_maybe(action.span, "").hint("write what is included as `vars`").into());
        }
        // `include: file.yml a=b` and `include: file=x.yml`.
        if let Some(free) = action.free_form.clone() {
            let file = include_params(&free, action.args_span.unwrap_or_else(|| draft.node.span()), true, &mut params)?;
            draft.task.action.free_form = Some(file);
        }
        let include = self.include_tasks_of(&draft, params)?;
        let Include::Tasks { file, params, .. } = &include else { return Ok(()) };
        let can = draft.task.loop_.is_none() && (!file.is_template() || context.handlers);
        if draft.is_static.unwrap_or(can) && draft.task.loop_.is_none() {
            let params = params.clone();
            let name = self.static_name(file, &draft, context)?;
            let path = task_file("include", &name, file.origin().or(draft.task.action.args_span), context)?;
            return self.expand(draft, &path, params, context, brought, out);
        }
        // A template that is known before the run (extra variables) gives better listings when it is expanded now.
        draft.task.action.resolved = "ansible.builtin.include_tasks".into();
        draft.task.include = Some(include);
        push(draft, out);
        Ok(())
    }

    pub(crate) fn import_role(
        &self,
        draft: Draft<'_>,
        context: &Context,
        brought: &mut Vec<Item>,
        out: &mut Vec<Item>,
    ) -> Result<()> {
        if context.handlers {
            return Err(role_as_handler(&draft));
        }
        if let Some(found) = &draft.task.loop_ {
            let message = "You cannot use loops on 'import_role' statements. You should use 'include_role' instead.";
            return Err(Diagnostic::error(message).at_maybe(found.span, "").into());
        }
        let Include::Role { name, from, public, allow_duplicates, rolespec_validate, .. } =
            self.include_role_of(&draft)?
        else {
            return Ok(());
        };
        let file = |text: Option<Text>| -> Result<Option<Arc<str>>> {
            text.map(|text| self.static_name(&text, &draft, context).map(Arc::from)).transpose()
        };
        let flag = |field: Option<Field<bool>>, default: bool| -> Result<bool> {
            let Some(field) = field else { return Ok(default) };
            match (field.constant(), &field.value) {
                (Some(on), _) => Ok(*on),
                (None, crate::Written::Template(Value::Text(text))) => {
                    let rendered = self.static_name(text, &draft, context)?;
                    Ok(rplay_value::parse_bool(&rendered).unwrap_or(default))
                }
                (None, _) => Ok(default),
            }
        };
        let role_name = self.static_name(&name, &draft, context)?;
        let request = RoleRequest {
            name: role_name,
            from: RoleFiles {
                tasks: file(from.tasks)?,
                vars: file(from.vars)?,
                defaults: file(from.defaults)?,
                handlers: file(from.handlers)?,
            },
            vars: draft.common.vars.clone(),
            public: flag(public, true)?,
            allow_duplicates: flag(allow_duplicates, true)?,
            validate: flag(rolespec_validate, true)?,
            span: name.origin().or(draft.task.action.args_span),
        };
        let mut inner = context.clone();
        inner.vars.push(draft.common.vars.clone());
        if let Some(collections) = &draft.common.collections {
            inner.collections.clone_from(collections);
        }
        let used = self.imported_role(request, &inner)?;
        used.push_handlers(brought);
        let Draft { task, common, .. } = draft;
        out.push(Item::Block(Arc::new(Block {
            name: task.name,
            common: Arc::new(common),
            block: Vec::new(),
            rescue: Vec::new(),
            always: Vec::new(),
            origin: Origin::ImportRole(used),
            role: context.role.clone(),
            span: task.span,
        })));
        Ok(())
    }
}

/// The static variables at a place that the engine describes: its own, and those of the playbook and role around it.
pub(crate) fn known(context: &Context) -> Vec<Map> {
    let dir = Value::data(context.playbook_dir.display().to_string());
    let mut vars: Vec<Map> = vec![[("playbook_dir", dir)].into_iter().collect()];
    if let Some(role) = &context.role {
        vars.extend([role.magic(), role.defaults.clone()]);
    }
    vars.extend(context.vars.iter().cloned());
    if let Some(role) = &context.role {
        vars.extend([role.vars.clone(), role.common.vars.clone(), role.params.clone()]);
    }
    vars
}

/// Whether an action's name is that of a statement that includes tasks or roles.
pub fn is_include(name: &str) -> bool {
    matches!(short(name), "include_tasks" | "include_role" | "import_tasks" | "import_role" | "include")
}

/// The file of an include; `old` ones may carry `key=value` parameters after it.
pub(crate) fn include_params(text: &Text, span: Span, old: bool, params: &mut Map) -> Result<Text> {
    if !old || !text.contains(' ') {
        return Ok(text.clone());
    }
    let parsed = args::parse(text, false).map_err(|args::Unbalanced| {
        Diagnostic::error(format!("unbalanced quotes or template in `{text}`")).at(span, "")
    })?;
    params.extend(parsed.options);
    let file = parsed.free_form.unwrap_or_default();
    let fresh = if text.is_trusted() { Text::trusted(file.trim()) } else { Text::data(file.trim()) };
    Ok(fresh.with_origin(text.origin()))
}

/// Finds a task file: beside the task files that enclose the place (innermost first), in the role, beside the playbook.
pub(crate) fn task_file(statement: &'static str, name: &str, span: Option<Span>, context: &Context) -> Result<PathBuf> {
    let section = if context.handlers { "handlers" } else { "tasks" };
    let mut tries: Vec<PathBuf> = Vec::new();
    let mut add = |path: PathBuf| {
        if !tries.contains(&path) {
            tries.push(path);
        }
    };
    if Path::new(name).is_absolute() {
        add(PathBuf::from(name));
    } else {
        for file in context.files.iter().rev() {
            add(file.parent().unwrap_or_else(|| Path::new("")).join(name));
        }
        if let Some(role) = &context.role {
            add(role.path.join(section).join(name));
            add(role.path.join("tasks").join(name));
            add(role.path.join(name));
        }
        add(context.playbook_dir.join(name));
        add(context.playbook_dir.join("tasks").join(name));
    }
    if let Some(found) = tries.iter().find(|path| path.is_file()) {
        return Ok(found.clone());
    }
    let path = match &context.role {
        Some(role) => role.path.join(section).join(name),
        None => context.playbook_dir.join(name),
    };
    Err(PlaybookError::NoFile { statement, path, searched: tries, span })
}
