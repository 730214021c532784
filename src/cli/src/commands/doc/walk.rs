//! Every task of playbooks, without running them: what a reader of the files can know.
//!
//! Roles, imports and includes are followed where their names are known: written out, or made of variables of the play,
//! of roles' `defaults` and `vars` and of the command line, or of a loop whose items are written out. Where a part of an
//! include's file name is not known, every file that fits is read. What stays open is listed as such.

use std::collections::HashSet;
use std::path::{Component, Path, PathBuf};

use rplay_collection::Collections;
use rplay_diag::{Diagnose as _, Sources, Span};
use rplay_engine::Resolver;
use rplay_playbook::keyword::{self, Place};
use rplay_playbook::{Resolve as _, args};
use rplay_value::{Map, Text, Value};
use rplay_yaml::Node;

const EXTENSIONS: [&str; 3] = ["yml", "yaml", "json"];

/// What a task calls.
pub(super) struct Use {
    /// As written.
    pub(super) name: String,
    /// What short names are searched in.
    pub(super) collections: Vec<Text>,
    /// Where it is written.
    pub(super) span: Span,
}

/// What cannot be known before the run, or cannot be read.
pub(super) struct Open {
    /// What it is: `role`, `include_tasks`, `module`.
    pub(super) what: &'static str,
    /// As written.
    pub(super) name: String,
    /// Why, when it is no template.
    pub(super) why: Option<String>,
    /// Where it is written.
    pub(super) span: Option<Span>,
}

/// A walk through playbooks.
pub(super) struct Walk<'a> {
    resolver: &'a Resolver,
    sources: &'a Sources,
    collections: Collections,
    roles_path: Vec<PathBuf>,
    seen: HashSet<(PathBuf, Option<PathBuf>)>,
    /// What tasks call, in the order of reading.
    pub(super) uses: Vec<Use>,
    /// Names that are known when they are reached.
    pub(super) dynamic: Vec<Open>,
    /// Files and roles that are not there or cannot be read.
    pub(super) unread: Vec<Open>,
    /// Files with tasks or plays.
    pub(super) files: usize,
}

/// What surrounds a task.
#[derive(Clone, Default)]
struct At {
    playbook_dir: PathBuf,
    role: Option<PathBuf>,
    files: Vec<PathBuf>,
    collections: Vec<Text>,
    vars: Vec<Map>,
    handlers: bool,
}

/// A role and the files that are chosen in it.
#[derive(Default)]
struct Wanted {
    tasks: Option<String>,
    handlers: Option<String>,
    defaults: Option<String>,
    vars: Option<String>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(resolver: &'a Resolver, sources: &'a Sources, roles_path: Vec<PathBuf>) -> Self {
        let collections = resolver.collections().clone();
        Self {
            resolver,
            sources,
            collections,
            roles_path,
            seen: HashSet::new(),
            uses: Vec::new(),
            dynamic: Vec::new(),
            unread: Vec::new(),
            files: 0,
        }
    }

    /// A playbook, a file of tasks, or a role's folder with all of its files.
    pub(super) fn add(&mut self, path: &Path) {
        let path = std::path::absolute(path).map_or_else(|_| path.to_owned(), |path| clean(&path));
        if path.is_dir() {
            return self.whole_role(&path);
        }
        let Some(node) = self.read(&path, "playbook", None) else { return };
        let entries = node.as_sequence().unwrap_or_default();
        let play = |entry: &Node| {
            let one = |name: &str| entry.get(name).is_some();
            one("hosts") || one("import_playbook") || one("ansible.builtin.import_playbook")
        };
        let include = |entry: &Node| entry.get("include").is_some();
        if entries.iter().any(play) || entries.iter().all(include) {
            return self.playbook(&path, None);
        }
        let folder = path.parent().unwrap_or(Path::new("/")).to_owned();
        let role =
            folder.ancestors().find(|above| above.join("tasks").is_dir() && folder.starts_with(above.join("tasks")));
        let at = match role.map(Path::to_owned) {
            Some(role) => self.enter_role(&role, &Wanted::default(), &At { playbook_dir: folder, ..At::default() }),
            None => At { playbook_dir: folder, ..At::default() },
        };
        self.file(&path, &at, "tasks", None);
    }

    /// A role's folder: also the files of tasks that nothing is known to include.
    fn whole_role(&mut self, path: &Path) {
        if !is_role(path) {
            // A folder of roles.
            let mut inner: Vec<PathBuf> =
                fs_err::read_dir(path).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())).collect();
            inner.sort();
            inner.retain(|path| path.is_dir() && (is_role(path) || holds_roles(path)));
            if !inner.is_empty() {
                return inner.iter().for_each(|path| self.whole_role(path));
            }
            let why = Some("it has neither tasks nor handlers".to_owned());
            return self.unread.push(Open { what: "role", name: path.display().to_string(), why, span: None });
        }
        let playbook_dir = path.parent().and_then(Path::parent).unwrap_or(path).to_owned();
        let beside = At { playbook_dir, ..At::default() };
        self.role_at(path, &Wanted::default(), &beside, None);
        let at = self.enter_role(path, &Wanted::default(), &beside);
        for (section, handlers) in [("tasks", false), ("handlers", true)] {
            for file in below(&path.join(section)) {
                self.file(&file, &At { handlers, ..at.clone() }, section, None);
            }
        }
    }

    fn read(&mut self, path: &Path, what: &'static str, span: Option<Span>) -> Option<Node> {
        let mut failed = |why: String| {
            self.unread.push(Open { what, name: path.display().to_string(), why: Some(why), span });
        };
        let text = match self.resolver.read(path) {
            Ok(text) => text,
            Err(error) => {
                failed(error.to_string());
                return None;
            }
        };
        let shown = std::env::current_dir().ok().and_then(|here| path.strip_prefix(here).ok()).unwrap_or(path);
        let source = self.sources.add_file(shown, text);
        match rplay_yaml::parse(self.sources, source) {
            Ok(document) => Some(document.node),
            Err(error) => {
                failed(error.diagnostic().message);
                None
            }
        }
    }

    fn playbook(&mut self, path: &Path, span: Option<Span>) {
        if !self.seen.insert((path.to_owned(), None)) {
            return;
        }
        let Some(node) = self.read(path, "playbook", span) else { return };
        self.files += 1;
        let folder = path.parent().unwrap_or(Path::new("/")).to_owned();
        self.resolver.entered(&folder);
        let default = self.collections.of_path(path);
        if default.is_none() {
            self.collections.add_playbook(&folder);
        }
        let at = At {
            playbook_dir: folder.clone(),
            collections: default.map(Text::data).into_iter().collect(),
            vars: vec![Map::from_iter([("playbook_dir", Value::data(folder.display().to_string()))])],
            ..At::default()
        };
        for entry in node.as_sequence().unwrap_or_default() {
            let import =
                ["import_playbook", "ansible.builtin.import_playbook", "ansible.legacy.import_playbook", "include"];
            match import.iter().find_map(|name| entry.get(name)) {
                Some(named) => self.imported_playbook(named, &folder, &at),
                None => self.play(entry, &at),
            }
        }
    }

    fn imported_playbook(&mut self, named: &Node, folder: &Path, at: &At) {
        let Value::Text(text) = named.to_value() else { return };
        // `file.yml var=value` of old releases.
        let file = match args::parse(&text, false) {
            Ok(args::Parsed { free_form: Some(file), .. }) => Text::written(file, named.span()),
            _ => text.clone(),
        };
        let Some(name) = self.known(&file, &at.vars) else {
            return self.dynamic.push(open("import_playbook", &text, named));
        };
        let file = self.collections.playbook(&name).map_or_else(|| clean(&folder.join(&name)), |found| found.path);
        self.playbook(&file, Some(named.span()));
    }

    fn play(&mut self, play: &Node, outer: &At) {
        let mut at = outer.clone();
        push_vars(&mut at.vars, play);
        set_collections(&mut at, play);
        for entry in play.get("roles").and_then(Node::as_sequence).unwrap_or_default() {
            self.role_entry(entry, &at);
        }
        for section in ["pre_tasks", "tasks", "post_tasks", "handlers"] {
            if let Some(list) = play.get(section) {
                self.tasks(list, &At { handlers: section == "handlers", ..at.clone() });
            }
        }
    }

    /// An entry of `roles:` or of a role's dependencies.
    fn role_entry(&mut self, entry: &Node, at: &At) {
        let named = ["role", "name", "src"].iter().find_map(|key| entry.get(key)).unwrap_or(entry);
        let mut at = at.clone();
        push_vars(&mut at.vars, entry);
        set_collections(&mut at, entry);
        self.role(named, &Wanted::default(), &at);
    }

    fn role(&mut self, named: &Node, wanted: &Wanted, at: &At) {
        let Value::Text(text) = named.to_value() else { return };
        let Some(name) = self.known(&text, &at.vars) else {
            return self.dynamic.push(open("role", &text, named));
        };
        self.role_named(&name, wanted, at, named);
    }

    fn role_named(&mut self, name: &str, wanted: &Wanted, at: &At, named: &Node) {
        if let Some(path) = self.find_role(name, at) {
            return self.role_at(&path, wanted, at, Some(named.span()));
        }
        let why = Some("it is in no folder of roles, and in no collection that is installed".to_owned());
        self.unread.push(Open { what: "role", name: name.to_owned(), why, span: Some(named.span()) });
    }

    fn find_role(&self, name: &str, at: &At) -> Option<PathBuf> {
        if let Some(found) = self.collections.role(name, at.collections.iter().map(Text::as_str)) {
            return Some(found.path);
        }
        let beside = at.role.as_deref().and_then(Path::parent);
        let mut folders = vec![at.playbook_dir.join("roles")];
        folders.extend(self.roles_path.iter().cloned());
        folders.extend(beside.map(Path::to_owned));
        folders.push(at.playbook_dir.clone());
        folders.iter().map(|folder| clean(&folder.join(name))).find(|path| path.is_dir())
    }

    /// What surrounds a role's tasks.
    fn enter_role(&mut self, path: &Path, wanted: &Wanted, outer: &At) -> At {
        self.resolver.entered(path);
        let mut at = At { role: Some(path.to_owned()), handlers: false, files: Vec::new(), ..outer.clone() };
        let magic = [("role_path", path.display().to_string()), ("role_name", file_name(path))];
        let magic = magic.into_iter().map(|(key, value)| (key, Value::data(value)));
        let defaults = self.variables(path, "defaults", wanted.defaults.as_deref());
        at.vars.insert(0, defaults);
        at.vars.push(self.variables(path, "vars", wanted.vars.as_deref()));
        at.vars.push(magic.collect());
        at
    }

    fn role_at(&mut self, path: &Path, wanted: &Wanted, outer: &At, span: Option<Span>) {
        let mut at = self.enter_role(path, wanted, outer);
        let own = self.collections.of_path(path).map(Text::data);
        at.collections = own.into_iter().collect();
        if let Some(meta) = part(path, "meta", "main") {
            let first = self.seen.insert((meta.clone(), Some(path.to_owned())));
            if let Some(node) = self.read(&meta, "role", span) {
                if let Some(list) = node.get("collections").and_then(Node::as_sequence) {
                    at.collections.extend(texts(list));
                }
                // A role that depends on itself, by whatever way, was seen.
                for entry in node.get("dependencies").and_then(Node::as_sequence).unwrap_or_default() {
                    if first {
                        self.role_entry(entry, &at);
                    }
                }
            }
        }
        for (section, main, handlers) in [("tasks", &wanted.tasks, false), ("handlers", &wanted.handlers, true)] {
            let name = main.as_deref().unwrap_or("main");
            match part(path, section, name) {
                Some(file) => self.file(&file, &At { handlers, ..at.clone() }, section, span),
                None if main.is_some() => {
                    let name = path.join(section).join(name).display().to_string();
                    self.unread.push(Open { what: "role", name, why: Some("there is no such file".to_owned()), span });
                }
                None => {}
            }
        }
    }

    /// A role's `defaults` or `vars`: those that can be read.
    fn variables(&mut self, role: &Path, section: &str, main: Option<&str>) -> Map {
        let main = main.unwrap_or("main");
        let folder = role.join(section).join(main);
        let files = if folder.is_dir() { below(&folder) } else { part(role, section, main).into_iter().collect() };
        let mut all = Map::new();
        for file in files {
            let text = self.resolver.read(&file).ok();
            let source = text.map(|text| self.sources.add_file(&file, text));
            if let Some(Ok(Value::Map(map))) = source.map(|source| rplay_yaml::load(self.sources, source)) {
                all.extend(map);
            }
        }
        all
    }

    fn file(&mut self, path: &Path, at: &At, what: &'static str, span: Option<Span>) {
        if !self.seen.insert((path.to_owned(), at.role.clone())) {
            return;
        }
        let Some(node) = self.read(path, what, span) else { return };
        self.files += 1;
        let mut inner = at.clone();
        inner.files.push(path.to_owned());
        self.tasks(&node, &inner);
    }

    fn tasks(&mut self, list: &Node, at: &At) {
        for entry in list.as_sequence().unwrap_or_default() {
            if entry.as_mapping().is_none() {
                continue;
            }
            let mut inner = at.clone();
            push_vars(&mut inner.vars, entry);
            set_collections(&mut inner, entry);
            if entry.get("block").is_some() {
                for part in ["block", "rescue", "always"] {
                    if let Some(list) = entry.get(part) {
                        self.tasks(list, &inner);
                    }
                }
                continue;
            }
            self.task(entry, &inner);
        }
    }

    fn task(&mut self, task: &Node, at: &At) {
        let Some((key, name, value)) = Self::action(task, at) else { return };
        if name.contains("{{") {
            let what = Open { what: "module", name, why: None, span: Some(key.span()) };
            return self.dynamic.push(what);
        }
        let short = name.strip_prefix("ansible.builtin.").or_else(|| name.strip_prefix("ansible.legacy."));
        match short.unwrap_or(&name) {
            "include_tasks" | "import_tasks" | "include" => self.include_tasks(task, value, at),
            "include_role" | "import_role" => self.include_role(task, value, at),
            _ => {}
        }
        self.uses.push(Use { name, collections: at.collections.clone(), span: key.span() });
    }

    /// The key that names the action, the action, and where its arguments are.
    fn action<'n>(task: &'n Node, at: &At) -> Option<(&'n Node, String, &'n Node)> {
        for old in ["action", "local_action"] {
            let Some((key, value)) = task.get_entry(old) else { continue };
            let name = match value.get("module") {
                Some(module) => module.as_str()?.to_owned(),
                None => match value.as_str()? {
                    text if text.trim_start().starts_with("{{") => text.to_owned(),
                    text => text.split_whitespace().next()?.to_owned(),
                },
            };
            return Some((key, name, value));
        }
        let place = if at.handlers { Place::Handler } else { Place::Task };
        let candidates: Vec<_> = task
            .as_mapping()?
            .iter()
            .filter(|(key, _)| {
                let name = key.as_str().unwrap_or_default();
                !name.starts_with("with_") && keyword::find(name, place).is_none()
            })
            .collect();
        // Beside an old `include`, keys are variables of what is included.
        let include = candidates.iter().find(|(key, _)| key.as_str() == Some("include"));
        let (key, value) = include.or(candidates.first())?;
        Some((key, key.as_str()?.to_owned(), value))
    }

    /// The items of a loop that is written out, as variables.
    fn items(&self, task: &Node, at: &At) -> Vec<Map> {
        let name = task.get("loop_control").and_then(|control| control.get("loop_var")).and_then(Node::as_str);
        let name = name.unwrap_or("item");
        let plain =
            |key: &str| matches!(key, "loop" | "with_items" | "with_list" | "with_flattened" | "with_first_found");
        let looped = task.as_mapping().unwrap_or_default().iter().find(|(key, _)| key.as_str().is_some_and(plain));
        let Some((_, value)) = looped else { return Vec::new() };
        let mut value = value.to_value();
        if let Value::Text(text) = &value
            && let Ok(rendered) = self.resolver.render(text, &at.vars)
        {
            value = rendered;
        }
        if let Value::Map(map) = &value
            && let Some(files) = map.get("files")
        {
            value = files.clone();
        }
        let Value::List(list) = value else { return Vec::new() };
        list.iter().map(|item| Map::from_iter([(name, item.clone())])).collect()
    }

    /// A name that may be a template: as it is, for each item of a written loop.
    fn names(&self, text: &Text, task: &Node, at: &At) -> Option<Vec<String>> {
        let items = self.items(task, at);
        if items.is_empty() || !text.is_template() {
            return self.known(text, &at.vars).map(|name| vec![name]);
        }
        let with = |item: Map| {
            let mut vars = at.vars.clone();
            vars.push(item);
            self.known(text, &vars)
        };
        items.into_iter().map(with).collect()
    }

    fn include_tasks(&mut self, task: &Node, value: &Node, at: &At) {
        let args = arguments(task, value);
        let named = args.get("file").cloned().or_else(|| match value.to_value() {
            Value::Text(text) => args::parse(&text, false).ok().and_then(|parsed| parsed.free_form).map(Value::data),
            _ => None,
        });
        let Some(Value::Text(text)) = named else { return };
        let text = Text::written(text.trim(), value.span());
        let span = Some(value.span());
        let Some(names) = self.names(&text, task, at) else {
            self.dynamic.push(open("include_tasks", &text, value));
            for file in fitting(&text, at) {
                self.file(&file, at, "tasks", span);
            }
            return;
        };
        for name in names {
            if let Some(file) = task_file(&name, at) {
                self.file(&file, at, "tasks", span);
            } else {
                let why = Some("there is no such file".to_owned());
                self.unread.push(Open { what: "include_tasks", name, why, span });
            }
        }
    }

    fn include_role(&mut self, task: &Node, value: &Node, at: &At) {
        let args = arguments(task, value);
        let Some(Value::Text(text)) = args.get("name").or_else(|| args.get("role")).cloned() else { return };
        let from = |key: &str| -> Result<Vec<Option<String>>, ()> {
            match args.get(key) {
                None | Some(Value::Null) => Ok(vec![None]),
                Some(Value::Text(text)) => {
                    let names = self.names(text, task, at).ok_or(())?;
                    Ok(names.into_iter().map(Some).collect())
                }
                Some(other) => Ok(vec![Some(other.to_str().into_owned())]),
            }
        };
        let (names, tasks) = (self.names(&text, task, at), from("tasks_from"));
        let one = |key: &str| from(key).ok().and_then(|all| all.into_iter().next().flatten());
        let (handlers, defaults, vars) = (one("handlers_from"), one("defaults_from"), one("vars_from"));
        let Some(names) = names else {
            return self.dynamic.push(open("include_role", &text, value));
        };
        for name in names {
            let tasks = if let Ok(tasks) = &tasks {
                tasks.clone()
            } else {
                let from = args.get("tasks_from").map(|from| from.to_str().into_owned()).unwrap_or_default();
                let from = Text::written(from, value.span());
                self.dynamic.push(open("tasks_from", &from, value));
                let role = self.find_role(&name, at);
                let within = role.map(|role| At { role: Some(role), files: Vec::new(), ..at.clone() });
                let files = within.map(|within| fitting(&from, &within)).unwrap_or_default();
                files.iter().map(|file| Some(file_name(file))).collect()
            };
            for tasks in tasks {
                let wanted =
                    Wanted { tasks, handlers: handlers.clone(), defaults: defaults.clone(), vars: vars.clone() };
                self.role_named(&name, &wanted, at, value);
            }
        }
    }

    /// A text with what is known before any host is.
    fn known(&self, text: &Text, vars: &[Map]) -> Option<String> {
        if !text.is_template() {
            return Some(text.trim().to_owned());
        }
        match self.resolver.render(text, vars).ok()? {
            Value::Null | Value::List(_) | Value::Map(_) => None,
            other => Some(other.to_str().trim().to_owned()).filter(|text| !text.is_empty()),
        }
    }
}

fn is_role(path: &Path) -> bool {
    ["tasks", "handlers", "meta"].iter().any(|part| path.join(part).is_dir())
}

/// Roles' names may have folders in them.
fn holds_roles(path: &Path) -> bool {
    let inner = fs_err::read_dir(path).into_iter().flatten().filter_map(Result::ok);
    inner.map(|entry| entry.path()).any(|path| is_role(&path))
}

/// A template that is known when it is reached.
fn open(what: &'static str, text: &Text, at: &Node) -> Open {
    Open { what, name: text.to_string(), why: None, span: Some(at.span()) }
}

fn push_vars(vars: &mut Vec<Map>, node: &Node) {
    match node.get("vars").map(Node::to_value) {
        Some(Value::Map(map)) => vars.push(map),
        Some(Value::List(list)) => vars.extend(list.iter().filter_map(Value::as_map).cloned()),
        _ => {}
    }
}

fn set_collections(at: &mut At, node: &Node) {
    if let Some(list) = node.get("collections").and_then(Node::as_sequence) {
        let own = at.collections.first().filter(|_| at.role.is_some()).cloned();
        at.collections = texts(list);
        at.collections.extend(own);
    }
}

fn texts(list: &[Node]) -> Vec<Text> {
    list.iter().filter_map(Node::as_str).map(Text::data).collect()
}

/// The arguments of an include: of its value, of `args`, and of `k=v` words.
fn arguments(task: &Node, value: &Node) -> Map {
    let mut all = Map::new();
    for node in [Some(value), task.get("args")].into_iter().flatten() {
        match node.to_value() {
            Value::Map(map) => all.extend(map),
            Value::Text(text) => {
                if let Ok(parsed) = args::parse(&text, false) {
                    all.extend(parsed.options);
                }
            }
            _ => {}
        }
    }
    all
}

/// The file of a role's section.
fn part(role: &Path, section: &str, name: &str) -> Option<PathBuf> {
    let base = clean(&role.join(section).join(name));
    let with = EXTENSIONS.iter().map(|extension| PathBuf::from(format!("{}.{extension}", base.display())));
    std::iter::once(base.clone()).chain(with).find(|path| path.is_file())
}

/// The folders in which a task file is looked for.
fn folders(at: &At) -> Vec<PathBuf> {
    let section = if at.handlers { "handlers" } else { "tasks" };
    let mut all: Vec<PathBuf> = at.files.iter().rev().filter_map(|file| Some(file.parent()?.to_owned())).collect();
    if let Some(role) = &at.role {
        all.extend([role.join(section), role.join("tasks"), role.clone()]);
    }
    all.extend([at.playbook_dir.clone(), at.playbook_dir.join("tasks")]);
    all
}

fn task_file(name: &str, at: &At) -> Option<PathBuf> {
    folders(at).iter().map(|folder| clean(&folder.join(name))).find(|path| path.is_file())
}

/// Files that a name fits whose templates stand for anything.
fn fitting(text: &str, at: &At) -> Vec<PathBuf> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("{{") {
        parts.push(&rest[..start]);
        rest = rest[start..].find("}}").map_or("", |end| &rest[start + end + 2..]);
    }
    parts.push(rest);
    let (first, last) = (parts[0], parts[parts.len() - 1]);
    if parts.iter().all(|part| part.trim_matches(['/', '.']).is_empty()) {
        return Vec::new();
    }
    for folder in folders(at) {
        let fits = |path: &PathBuf| {
            let name = path.strip_prefix(&folder).unwrap_or(path).to_string_lossy().into_owned();
            let stem = path.with_extension("").strip_prefix(&folder).map(|p| p.to_string_lossy().into_owned());
            let ends = name.ends_with(last) || stem.is_ok_and(|stem| stem.ends_with(last));
            // `{{ x }}.yml` is a file of the folder itself.
            name.starts_with(first) && ends && !name[first.len()..].contains('/')
        };
        let found: Vec<PathBuf> = below(&folder).into_iter().filter(fits).collect();
        if !found.is_empty() {
            return found;
        }
    }
    Vec::new()
}

/// The YAML files below a folder, sorted.
fn below(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> =
        fs_err::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())).collect();
    entries.sort();
    let yaml = |path: &Path| path.extension().is_some_and(|e| EXTENSIONS.iter().any(|known| e == *known));
    let each = entries.into_iter().flat_map(|path| {
        if path.is_dir() && !path.is_symlink() { below(&path) } else { Vec::from_iter(yaml(&path).then_some(path)) }
    });
    each.collect()
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Without `.` and `..` inside.
fn clean(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if out.file_name().is_some() => _ = out.pop(),
            part => out.push(part),
        }
    }
    out
}
