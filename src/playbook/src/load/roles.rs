//! Roles: finding them, reading their files, their dependencies.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rplay_diag::{Diagnostic, Span, nearest};
use rplay_value::{Map, Text, Value};
use rplay_yaml::Node;

use super::fields::{bool_field, common_keyword, maybe_text, texts, unknown, wrong_type};
use super::import::known;
use super::loader::{Context, Loader};
use crate::keyword::{self, Kind, Place};
use crate::{Action, Common, Item, PlaybookError, Role, RoleFiles, RoleMeta, RoleUse, Task};

type Result<T> = std::result::Result<T, PlaybookError>;

const EXTENSIONS: [&str; 3] = ["yml", "yaml", "json"];

/// A role that a task asks for, everything rendered.
#[derive(Clone, Debug)]
pub struct RoleRequest {
    /// Its name.
    pub name: String,
    /// Files in the place of `main`.
    pub from: RoleFiles<Arc<str>>,
    /// Variables of the statement.
    pub vars: Map,
    /// Whether its variables are seen by the rest of the play.
    pub public: bool,
    /// Whether it runs again when it ran already.
    pub allow_duplicates: bool,
    /// Whether its arguments are checked against its specification.
    pub validate: bool,
    /// Where it is asked for.
    pub span: Option<Span>,
}

/// Everything that decides how a role is loaded.
struct Use {
    name: String,
    from: RoleFiles<Arc<str>>,
    common: Common,
    params: Map,
    from_include: bool,
    public: bool,
    allow_duplicates: Option<bool>,
    validate: bool,
    parent: Option<Arc<Role>>,
    /// Folder of sibling roles, for dependencies.
    beside: Option<PathBuf>,
    span: Option<Span>,
}

impl Loader<'_> {
    /// A role for `include_role` at run time. The context's role becomes its parent.
    pub fn include_role(&self, request: RoleRequest, context: &Context) -> Result<Arc<RoleUse>> {
        let inner = Context { chain: Vec::new(), vars: known(context), ..context.clone() };
        self.imported_role(request, &inner)
    }

    pub(crate) fn imported_role(&self, request: RoleRequest, context: &Context) -> Result<Arc<RoleUse>> {
        let common = Common { vars: request.vars, ..Common::default() };
        let used = Use {
            name: request.name,
            from: request.from,
            common,
            params: Map::new(),
            from_include: true,
            public: request.public,
            allow_duplicates: Some(request.allow_duplicates),
            validate: request.validate,
            parent: context.role.clone(),
            beside: None,
            span: request.span,
        };
        self.role(used, context)
    }

    /// An entry of a play's `roles:`.
    pub(crate) fn role_entry(&self, node: &Node, context: &Context) -> Result<Arc<RoleUse>> {
        let used = self.role_use(node, context, false)?;
        self.role(used, context)
    }

    fn role_use(&self, node: &Node, context: &Context, dependency: bool) -> Result<Use> {
        let mut used = Use {
            name: String::new(),
            from: RoleFiles::default(),
            common: Common::default(),
            params: Map::new(),
            from_include: false,
            public: true,
            allow_duplicates: None,
            validate: true,
            parent: None,
            beside: None,
            span: Some(node.span()),
        };
        let name = match node.to_value() {
            Value::Text(text) => {
                if text.contains(',') {
                    let error = Diagnostic::error(format!("Invalid old style role requirement: {text}"));
                    return Err(error.at(node.span(), "").hint("write `role: name` and its parameters as keys").into());
                }
                text
            }
            Value::Int(number) => Text::written(number.to_string(), node.span()),
            Value::Map(map) => {
                let named = map.get("role").or_else(|| map.get("name")).cloned();
                let named = named.or_else(|| map.get("src").filter(|_| dependency).map(galaxy_name));
                let Some(Value::Text(name)) = named.filter(|v| v.as_str().is_some_and(|s| !s.is_empty())) else {
                    let error =
                        Diagnostic::error("role definitions must contain a role name").at(node.span().at_start(), "");
                    return Err(error.hint("write `- role: name`").into());
                };
                for (key, value) in node.as_mapping().unwrap_or_default() {
                    let keyword = key.as_str().and_then(|name| keyword::find(name, Place::Role));
                    match keyword {
                        Some(keyword) if matches!(keyword.name, "role" | "name") => {
                            maybe_text(keyword.name, value)?;
                            used.span = Some(value.span());
                        }
                        Some(keyword) => {
                            self.check_release(keyword, key, value, Place::Role)?;
                            common_keyword(&mut used.common, keyword.name, value, Place::Role)?;
                        }
                        None if key.as_str() == Some("name") => {}
                        None => {
                            used.params.insert(key.to_value(), value.to_value());
                        }
                    }
                }
                name
            }
            _ => {
                let error = Diagnostic::error("Invalid role definition.");
                return Err(error.at(node.span(), format!("a {} here", node.kind_name())).into());
            }
        };
        used.name = self
            .render_text(&name, context, &[])
            .map_err(|error| error.context(used.span, "in the name of this role"))?;
        Ok(used)
    }

    /// Loads a role with its dependencies.
    fn role(&self, used: Use, context: &Context) -> Result<Arc<RoleUse>> {
        let found = self.find_role(&used, context)?;
        let key = PathBuf::from(format!("{}#{:?}", found.path.display(), used.from));
        let cycle = context.chain.iter().any(|(seen, _)| *seen == key);
        let mut chain = context.chain.clone();
        chain.push((key, used.span));
        if cycle {
            let name = |path: PathBuf| {
                let text = path.display().to_string();
                text.split('#').next().and_then(|p| p.rsplit('/').next()).unwrap_or_default().to_owned()
            };
            let chain = chain.into_iter().map(|(path, span)| (name(path), span)).collect();
            return Err(PlaybookError::Cycle { what: format!("role {}", used.name), chain });
        }
        self.resolve.entered(&found.path);
        let defaults = self.role_vars(&found.path, "defaults", used.from.defaults.as_deref(), used.span)?;
        let vars = self.role_vars(&found.path, "vars", used.from.vars.as_deref(), used.span)?;
        let (mut meta, dependencies) = self.meta(&found, used.span)?;
        if let Some(specs) = self.argument_specs(&found.path, used.span)? {
            meta.argument_specs = specs;
        }
        let mut common = used.common;
        let collections = role_collections(&found, &meta, context.default_collection.as_ref());
        common.collections = Some(collections.clone());
        let identity = identity(&found, &used.params, &common, &used.from, used.from_include);
        let role = Arc::new(Role {
            name: found.name.as_str().into(),
            collection: found.collection.as_deref().map(Arc::from),
            path: found.path.clone(),
            defaults,
            vars,
            params: used.params,
            common: Arc::new(common),
            allow_duplicates: used.allow_duplicates.unwrap_or(meta.allow_duplicates),
            meta: Arc::new(meta),
            parent: used.parent,
            from: used.from,
            from_include: used.from_include,
            public: used.public,
            identity,
            span: used.span,
        });
        let mut inner = Context {
            playbook_dir: context.playbook_dir.clone(),
            role: Some(Arc::clone(&role)),
            handlers: false,
            files: Vec::new(),
            in_block: false,
            collections,
            default_collection: context.default_collection.clone(),
            vars: Vec::with_capacity(context.vars.len() + 4),
            chain,
        };
        inner.vars.push(role.magic());
        inner.vars.push(role.defaults.clone());
        inner.vars.extend(context.vars.iter().cloned());
        inner.vars.extend([role.vars.clone(), role.common.vars.clone(), role.params.clone()]);
        let mut loaded = Vec::new();
        for node in &dependencies {
            let mut dependency = self.role_use(node, &inner, true)?;
            dependency.parent = Some(Arc::clone(&role));
            dependency.beside = role.path.parent().map(Path::to_owned);
            dependency.public = role.public;
            loaded.push(self.role(dependency, &inner)?);
        }
        let mut brought = Vec::new();
        let mut tasks = self.role_list(&role, "tasks", &inner, &mut brought)?;
        if used.validate
            && let Some(task) = validation_task(&role)
        {
            tasks.insert(0, Item::Task(Arc::new(task)));
        }
        let mut handlers = self.role_list(&role, "handlers", &Context { handlers: true, ..inner }, &mut brought)?;
        handlers.extend(brought);
        Ok(Arc::new(RoleUse { role, dependencies: loaded, tasks, handlers }))
    }

    fn role_list(&self, role: &Role, section: &str, context: &Context, brought: &mut Vec<Item>) -> Result<Vec<Item>> {
        let main = if section == "tasks" { &role.from.tasks } else { &role.from.handlers };
        let files = role_files(&role.path, section, main.as_deref(), false, role.span)?;
        let Some(path) = files.first() else { return Ok(Vec::new()) };
        let document = self.document(path, role.span)?;
        let what = format!("{} of role '{}'", file_name(path, section), role.name);
        self.task_list(&what, &document, context, brought)
    }

    fn role_vars(&self, folder: &Path, section: &str, main: Option<&str>, span: Option<Span>) -> Result<Map> {
        let mut out = Map::new();
        for path in role_files(folder, section, main, true, span)? {
            let document = self.document(&path, span)?;
            match document.to_value() {
                Value::Null => {}
                Value::Map(map) => out.extend(map),
                _ => {
                    let message = format!("{} must contain a dictionary of variables", path.display());
                    let error = Diagnostic::error(message)
                        .at(document.span().at_start(), format!("a {} here", document.kind_name()));
                    return Err(error.into());
                }
            }
        }
        Ok(out)
    }

    /// `meta/main.yml`: what it says, and its dependencies as written.
    fn meta(&self, found: &Found, span: Option<Span>) -> Result<(RoleMeta, Vec<Node>)> {
        let mut meta = RoleMeta::default();
        let files = role_files(&found.path, "meta", None, false, span)?;
        let Some(path) = files.first() else { return Ok((meta, Vec::new())) };
        let document = self.document(path, span)?;
        if document.is_null() {
            return Ok((meta, Vec::new()));
        }
        let Some(entries) = document.as_mapping() else {
            let message = format!("the 'meta/main.yml' for role {} is not a dictionary", found.name);
            return Err(Diagnostic::error(message).at(document.span().at_start(), "").into());
        };
        let mut dependencies = Vec::new();
        for (key, value) in entries {
            match key.as_str().unwrap_or_default() {
                "allow_duplicates" => {
                    meta.allow_duplicates =
                        bool_field("allow_duplicates", value)?.and_then(|f| f.constant().copied()).unwrap_or(false);
                }
                "collections" => meta.collections = texts("collections", value)?,
                "galaxy_info" => meta.galaxy_info = Some(value.to_value()),
                "argument_specs" => {
                    if let Value::Map(specs) = value.to_value() {
                        meta.argument_specs = specs;
                    }
                }
                "dependencies" => {
                    if let Some(items) = value.as_sequence() {
                        dependencies = items.iter().filter(|item| !item.is_null()).cloned().collect();
                    } else if !value.is_null() {
                        return Err(wrong_type("dependencies", Kind::Roles, value));
                    }
                }
                // Ansible takes every keyword here and uses none.
                name if keyword::find(name, Place::Role).is_some() => {}
                name => {
                    let PlaybookError::Invalid(mut error) = unknown(key, Place::Role) else { continue };
                    error.message = format!("'{name}' is not a valid attribute for a RoleMetadata");
                    let known = ["dependencies", "galaxy_info", "allow_duplicates", "collections", "argument_specs"];
                    error.hints =
                        nearest(name, known).map(|near| vec![format!("did you mean `{near}`?")]).unwrap_or_default();
                    return Err(PlaybookError::Invalid(error));
                }
            }
        }
        Ok((meta, dependencies))
    }

    /// `meta/argument_specs.yml`.
    fn argument_specs(&self, folder: &Path, span: Option<Span>) -> Result<Option<Map>> {
        let base = folder.join("meta");
        let found = EXTENSIONS.iter().map(|e| base.join(format!("argument_specs.{e}"))).find(|path| path.is_file());
        let Some(path) = found else { return Ok(None) };
        let document = self.document(&path, span)?;
        Ok(Some(document.get("argument_specs").and_then(|node| node.to_value().as_map().cloned()).unwrap_or_default()))
    }

    fn find_role(&self, used: &Use, context: &Context) -> Result<Found> {
        let name = used.name.as_str();
        if let Some(found) = self.settings.collections.role(name, context.collections.iter().map(Text::as_str)) {
            return Ok(Found { name: found.name, collection: Some(found.collection), path: found.path });
        }
        let mut searched: Vec<PathBuf> = vec![context.playbook_dir.join("roles")];
        searched.extend(self.settings.roles_path.iter().cloned());
        searched.extend(used.beside.clone());
        searched.push(context.playbook_dir.clone());
        for folder in &searched {
            let path = folder.join(name);
            if path.exists() {
                let base = Path::new(name).file_name().map(|n| n.to_string_lossy().into_owned());
                let shown = if Path::new(name).is_absolute() { base.unwrap_or_default() } else { name.to_owned() };
                return Ok(Found { name: shown, collection: None, path: clean(&path) });
            }
        }
        if Path::new(name).exists() {
            let base =
                Path::new(name).file_name().map_or_else(|| name.to_owned(), |n| n.to_string_lossy().into_owned());
            let path = std::path::absolute(name).unwrap_or_else(|_| PathBuf::from(name));
            return Ok(Found { name: base, collection: None, path: clean(&path) });
        }
        let names: Vec<String> = searched.iter().flat_map(|folder| folders_in(folder)).collect();
        let near = nearest(name, names.iter().map(String::as_str)).map(str::to_owned);
        Err(PlaybookError::NoRole { name: name.to_owned(), searched, near, span: used.span })
    }
}

/// A role's place.
struct Found {
    name: String,
    collection: Option<String>,
    path: PathBuf,
}

/// Without `.` and `..` inside.
fn clean(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::CurDir => {}
            std::path::Component::ParentDir if out.file_name().is_some() => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}

fn folders_in(folder: &Path) -> Vec<String> {
    let entries = fs_err::read_dir(folder).into_iter().flatten().filter_map(std::result::Result::ok);
    entries.filter(|e| e.path().is_dir()).filter_map(|e| e.file_name().into_string().ok()).collect()
}

fn file_name(path: &Path, section: &str) -> String {
    format!("{section}/{}", path.file_name().map(|n| n.to_string_lossy()).unwrap_or_default())
}

fn missing(folder: &Path, section: &str, name: &str, span: Option<Span>) -> PlaybookError {
    let base = folder.join(section);
    let files: Vec<String> = fs_err::read_dir(&base)
        .into_iter()
        .flatten()
        .filter_map(std::result::Result::ok)
        .filter_map(|e| e.file_name().into_string().ok())
        .collect();
    let error = Diagnostic::error(format!("Could not find specified file in role: {section}/{name}"));
    let near = nearest(name, files.iter().map(|f| f.split('.').next().unwrap_or(f)));
    let near = near.map(|near| format!("there is {section}/{near}"));
    error.at_maybe(span, "").note(format!("the role is {}", folder.display())).hint_maybe(near).into()
}

/// All files of a folder of variables, sorted, folders in their place.
fn collect(folder: &Path, out: &mut Vec<PathBuf>) {
    let Ok(entries) = fs_err::read_dir(folder) else { return };
    let mut names: Vec<String> =
        entries.filter_map(std::result::Result::ok).filter_map(|e| e.file_name().into_string().ok()).collect();
    names.sort();
    for name in names.into_iter().filter(|n| !n.starts_with('.') && !n.ends_with('~')) {
        let path = folder.join(&name);
        let extension = path.extension().and_then(|e| e.to_str());
        if path.is_dir() {
            if extension.is_none() {
                collect(&path, out);
            }
        } else if extension.is_none_or(|e| EXTENSIONS.contains(&e)) {
            out.push(path);
        }
    }
}

/// The name a galaxy source stands for: `https://host/user/ansible-role-x.git,v1` is `ansible-role-x`.
fn galaxy_name(source: &Value) -> Value {
    let Some(text) = source.as_text() else { return Value::Null };
    let first = text.split(',').next().unwrap_or_default();
    let name = first.rsplit('/').next().unwrap_or(first);
    let name = name.strip_suffix(".git").or_else(|| name.strip_suffix(".tar.gz")).unwrap_or(name);
    Value::Text(Text::data(name).with_origin(text.origin()))
}

/// Where a role looks for short names: not where its surroundings do.
fn role_collections(found: &Found, meta: &RoleMeta, default: Option<&Text>) -> Vec<Text> {
    let own = found.collection.as_deref().map(Text::data).or_else(|| default.cloned());
    let mut out: Vec<Text> = own.into_iter().collect();
    for name in &meta.collections {
        if !out.contains(name) {
            out.push(name.clone());
        }
    }
    let core = |name: &Text| matches!(name.as_str(), "ansible.builtin" | "ansible.legacy");
    if !out.is_empty() && !out.iter().any(core) {
        out.push(Text::data(if found.collection.is_some() { "ansible.builtin" } else { "ansible.legacy" }));
    }
    out
}

/// Uses with the same identity count as one run of the role.
fn identity(found: &Found, params: &Map, common: &Common, from: &RoleFiles<Arc<str>>, from_include: bool) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&found.name, &found.collection, &found.path, from, from_include).hash(&mut hasher);
    for map in [params, &common.vars] {
        // Order of keys does not count.
        let mut entries: Vec<String> = map.iter().map(|(k, v)| format!("{k:?}={v:?}")).collect();
        entries.sort();
        entries.hash(&mut hasher);
    }
    for condition in &common.when {
        format!("{:?}", condition.value).hash(&mut hasher);
    }
    let mut tags: Vec<&str> = common.tags.iter().map(Text::as_str).collect();
    tags.sort_unstable();
    tags.hash(&mut hasher);
    hasher.finish()
}

/// The task that checks a role's parameters against its specification, when it has one for this entry point.
fn validation_task(role: &Arc<Role>) -> Option<Task> {
    let entry = role.from.tasks.as_deref().unwrap_or("main");
    let spec = role.meta.argument_specs.get(entry)?.as_map()?;
    let mut name = format!("Validating arguments against arg spec '{entry}'");
    if let Some(short) = spec.get("short_description").and_then(Value::as_str) {
        name.push_str(" - ");
        name.push_str(short);
    }
    let context: Map = [
        ("type", Value::data("role")),
        ("name", Value::data(Arc::clone(&role.name))),
        ("argument_spec_name", Value::data(entry)),
        ("path", Value::data(role.path.display().to_string())),
    ]
    .into_iter()
    .collect();
    let args: Map = [
        ("argument_spec", spec.get("options").cloned().unwrap_or_else(|| Value::Map(Map::new()))),
        ("provided_arguments", Value::Map(role.params.clone())),
        ("validate_args_context", Value::Map(context)),
    ]
    .into_iter()
    .collect();
    let action = "ansible.builtin.validate_argument_spec";
    Some(Task {
        common: Arc::new(Common { tags: vec![Text::data("always")], ..Common::default() }),
        name: Some(Text::data(name)),
        role: Some(Arc::clone(role)),
        span: role.span,
        ..Task::calling(Action { args, span: role.span, ..Action::named(action) })
    })
}

/// The files of one section of a role: `main` with any extension, or the one asked for. `merged`: a folder of that
/// name means all files in it.
fn role_files(
    folder: &Path,
    section: &str,
    main: Option<&str>,
    merged: bool,
    span: Option<Span>,
) -> Result<Vec<PathBuf>> {
    let base = folder.join(section);
    if !base.is_dir() {
        return match main {
            Some(name) => Err(missing(folder, section, name, span)),
            None => Ok(Vec::new()),
        };
    }
    let stem = main.unwrap_or("main");
    let plain = base.join(stem);
    let extended = EXTENSIONS.iter().map(|e| base.join(format!("{stem}.{e}")));
    let candidates: Vec<PathBuf> = if main.is_some() {
        std::iter::once(plain).chain(extended).collect()
    } else {
        extended.chain(std::iter::once(plain)).collect()
    };
    for path in candidates {
        if path.is_dir() {
            if merged {
                let mut files = Vec::new();
                collect(&path, &mut files);
                return Ok(files);
            }
        } else if path.exists() {
            let inside = fs_err::canonicalize(&path).ok().zip(fs_err::canonicalize(&base).ok());
            let leads_away = stem.contains("..") || stem.starts_with('/');
            let escapes = leads_away && inside.is_some_and(|(file, base)| !file.starts_with(base));
            if escapes {
                let message = format!(
                    "Failed loading '{}' as it is not inside the expected role path: '{}'",
                    path.display(),
                    base.display()
                );
                return Err(Diagnostic::error(message).at_maybe(span, "").into());
            }
            return Ok(vec![path]);
        }
    }
    match main {
        Some(name) => Err(missing(folder, section, name, span)),
        None => Ok(Vec::new()),
    }
}
