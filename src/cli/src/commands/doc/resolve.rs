//! `rplay doc --resolve`: where every module that playbooks call would run, before anything runs.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use rplay_collection::Kind;
use rplay_diag::{Diagnose as _, Sources, Span};
use rplay_engine::{Resolver, is_action};
use rplay_playbook::{Resolve as _, is_include};
use rplay_template::{Engine, EngineOptions};
use rplay_value::{Compat, Text};
use serde::Serialize;

use super::walk::{Open, Use, Walk};
use crate::failure::Failure;
use crate::settings::Settings;
use crate::{exit, extra_vars, modules, plugins};

/// Where a module runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Runs {
    /// In the agent.
    Native,
    /// On the controller.
    Action,
    /// With the target's Python.
    Python,
    /// With the target's interpreter of its first line, or as a program.
    Program,
    /// Nowhere.
    Missing,
}

impl Runs {
    fn word(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Action => "action",
            Self::Python => "python",
            Self::Program => "program",
            Self::Missing => "missing",
        }
    }
}

/// One module of the playbooks.
#[derive(Debug, Serialize)]
pub(super) struct Module {
    /// The full name it leads to.
    name: String,
    /// Where it runs.
    runs: Runs,
    /// Its file, and the controller's part in Python if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<PathBuf>,
    /// An action plugin in Python that stands before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    action_plugin: Option<PathBuf>,
    /// What it imports and is nowhere.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    missing_imports: Vec<String>,
    /// The collection that has it or would bring it.
    #[serde(skip_serializing_if = "Option::is_none")]
    collection: Option<String>,
    /// Why it is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    /// How many tasks call it.
    tasks: usize,
    /// The names it is called by.
    written: Vec<String>,
    /// Where: `file:line`.
    places: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Unknown {
    what: &'static str,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    place: Option<String>,
}

/// What was found.
#[derive(Debug, Serialize)]
struct Report {
    files: usize,
    tasks: usize,
    modules: Vec<Module>,
    dynamic: Vec<Unknown>,
    unread: Vec<Unknown>,
}

/// The answer and the exit code: 0, or 2 when a module is missing, or 1 when something could not be read.
pub(super) fn run(
    paths: &[PathBuf],
    given: &[String],
    json: bool,
    sources: &Sources,
) -> Result<(String, i32), Failure> {
    let settings = Settings::load(sources, &|name| std::env::var(name).ok())
        .map_err(|error| Failure::error(error.diagnostic()))?;
    for path in paths {
        fs_err::metadata(path).map_err(|error| Failure::error(rplay_diag::Diagnostic::error(error.to_string())))?;
    }
    let resolver = resolver(&settings, given, sources)?;
    let report = report(paths, &resolver, sources, settings.paths("DEFAULT_ROLES_PATH"));
    let code = report.code();
    // Names and texts only: nothing that JSON could refuse.
    let text = if json { serde_json::to_string_pretty(&report).unwrap_or_default() + "\n" } else { report.text() };
    Ok((text, code))
}

fn report(paths: &[PathBuf], resolver: &Resolver, sources: &Sources, roles_path: Vec<PathBuf>) -> Report {
    let mut walk = Walk::new(resolver, sources, roles_path);
    for path in paths {
        walk.add(path);
    }
    Report {
        files: walk.files,
        tasks: walk.uses.len(),
        modules: modules_of(&walk.uses, resolver, sources),
        dynamic: unknown(&walk.dynamic, sources),
        unread: unknown(&walk.unread, sources),
    }
}

fn resolver(settings: &Settings, given: &[String], sources: &Sources) -> Result<Resolver, Failure> {
    let compat = Compat::default();
    let collections = plugins::collections(settings, sources);
    let merge = settings.text("DEFAULT_HASH_BEHAVIOUR").as_deref() == Some("merge");
    let read = |path: &Path| fs_err::read_to_string(path).map_err(|error| error.to_string());
    let (extra, _) = extra_vars::read(given, sources, merge, &read).map_err(|e| Failure::options(e.diagnostic()))?;
    let engine = Engine::new(EngineOptions { sources: sources.clone(), ..EngineOptions::default() });
    let library = modules::library(settings, collections.clone(), &[], &compat);
    Ok(Resolver::new(engine, extra, false)
        .with_library(library)
        .with_collections(collections)
        .with_action_plugins(&settings.paths("DEFAULT_ACTION_PLUGIN_PATH")))
}

fn place(span: Span, sources: &Sources) -> Option<String> {
    let file = sources.name(span.source)?;
    Some(format!("{file}:{}", sources.position(span)?.line))
}

fn unknown(all: &[Open], sources: &Sources) -> Vec<Unknown> {
    let one = |open: &Open| Unknown {
        what: open.what,
        name: open.name.clone(),
        why: open.why.clone(),
        place: open.span.and_then(|span| place(span, sources)),
    };
    all.iter().map(one).collect()
}

fn modules_of(uses: &[Use], resolver: &Resolver, sources: &Sources) -> Vec<Module> {
    // Looked at after everything was read: a role's library is every task's.
    let mut known: BTreeMap<(&str, &[Text]), (Runs, String)> = BTreeMap::new();
    let mut all: BTreeMap<(Runs, String), Module> = BTreeMap::new();
    for used in uses {
        let asked = (used.name.as_str(), used.collections.as_slice());
        let key = known.entry(asked).or_insert_with(|| {
            let module = module(&used.name, &used.collections, resolver);
            let key = (module.runs, module.name.clone());
            all.entry(key.clone()).or_insert(module);
            key
        });
        let Some(module) = all.get_mut(key) else { continue };
        module.tasks += 1;
        module.places.extend(place(used.span, sources));
        if !module.written.contains(&used.name) {
            module.written.push(used.name.clone());
        }
    }
    all.into_values().collect()
}

/// Where a module of this name runs: the engine's own order.
pub(super) fn module(name: &str, collections: &[Text], resolver: &Resolver) -> Module {
    let mut module = Module {
        name: name.to_owned(),
        runs: Runs::Missing,
        path: None,
        action_plugin: None,
        missing_imports: Vec::new(),
        collection: None,
        why: None,
        tasks: 0,
        written: Vec::new(),
        places: Vec::new(),
    };
    let short = name.rsplit('.').next().unwrap_or(name);
    if is_include(name) || name == "meta" || name == "ansible.builtin.meta" {
        module.runs = Runs::Action;
        module.name = format!("ansible.builtin.{short}");
        return module;
    }
    match resolver.action(name, collections, None) {
        Ok(Some(full)) => module.name = full.to_string(),
        Ok(None) => {
            let located = resolver.collections().find(Kind::Module, name);
            if !located.redirected.is_empty() || name.contains('.') {
                module.name = located.name;
            }
        }
        Err(error) => {
            module.why = Some(error.message);
            return module;
        }
    }
    let full = module.name.clone();
    let library = resolver.library();
    let short = full.strip_prefix("ansible.legacy.").or_else(|| (full.split('.').count() < 3).then_some(full.as_str()));
    let outside = short.and_then(|short| library.outside(short));
    module.action_plugin = resolver.python_action_file(&full).or_else(|| collection_action(&full, resolver));
    if is_action(&full) {
        module.runs = Runs::Action;
        return module;
    }
    let native = || rplay_modules::find(&full).is_some();
    let found = match outside {
        None if native() => {
            module.action_plugin = None;
            module.runs = Runs::Native;
            return module;
        }
        None => library.inside(&full),
        found => found,
    };
    if let [namespace, name, _, ..] = full.split('.').collect::<Vec<_>>().as_slice()
        && *namespace != "ansible"
    {
        module.collection = Some(format!("{namespace}.{name}"));
    } else if full.starts_with("ansible.builtin.") {
        module.collection = Some("ansible.builtin".to_owned());
    }
    let Some(found) = found else {
        if module.action_plugin.is_some() {
            module.runs = Runs::Action;
            return module;
        }
        let collection = module.collection.as_deref();
        module.why = Some(match collection {
            Some("ansible.builtin") => "no ansible-core is installed here".to_owned(),
            Some(collection) if resolver.collections().folder(collection).is_some() => {
                format!("the collection {collection} is installed and has no such module")
            }
            Some(collection) => format!("the collection {collection} is not installed"),
            None => match elsewhere(&full, resolver) {
                Some(collection) => format!(
                    "there is no module of that name; {collection} has one: write `{collection}.{full}`, or name the collection in `collections`"
                ),
                None => "there is no module of that name".to_owned(),
            },
        });
        return module;
    };
    match library.payload(&found) {
        Ok(payload) => module.runs = if payload.is_python() { Runs::Python } else { Runs::Program },
        Err(error) => {
            module.runs = Runs::Python;
            module.why = Some(error.to_string());
            match library.lacks(&found) {
                // The shortest name that was tried is a file or a folder; what is imported from it does not matter.
                Ok(lacks) => {
                    let names: BTreeSet<String> = lacks.into_iter().filter_map(|mut tried| tried.pop()).collect();
                    module.missing_imports.extend(names);
                }
                Err(_) => module.runs = Runs::Missing,
            }
        }
    }
    module.path = Some(found.file.clone());
    module
}

/// The action plugin that a collection puts before a module.
fn collection_action(full: &str, resolver: &Resolver) -> Option<PathBuf> {
    let collections = resolver.collections();
    let module = collections.find(Kind::Module, full);
    let plugin = module.action_plugin.as_deref().and_then(|plugin| collections.find(Kind::Action, plugin).file);
    plugin.or_else(|| collections.find(Kind::Action, full).file)
}

/// The first collection that is installed and has a module of that short name.
fn elsewhere(short: &str, resolver: &Resolver) -> Option<String> {
    let folders = |path: &Path| -> Vec<PathBuf> {
        let entries = fs_err::read_dir(path).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
        let mut all: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
        all.sort();
        all
    };
    let native = rplay_modules::find(short).map(|module| module.collection.to_owned());
    let roots = resolver.collections().roots();
    let all = roots.iter().flat_map(|root| folders(&root.join("ansible_collections")));
    let mut all = all.flat_map(|namespace| folders(&namespace));
    native.or_else(|| {
        let has = all.find(|collection| collection.join(format!("plugins/modules/{short}.py")).is_file())?;
        let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
        Some(format!("{}.{}", name(has.parent()?)?, name(&has)?))
    })
}

impl Report {
    fn code(&self) -> i32 {
        let lacking = |module: &Module| module.runs == Runs::Missing || !module.missing_imports.is_empty();
        match () {
            () if self.modules.iter().any(lacking) => exit::FINDINGS,
            () if !self.unread.is_empty() => exit::ERROR,
            () => exit::OK,
        }
    }

    fn text(&self) -> String {
        let mut out = String::new();
        let width = self.modules.iter().map(|module| module.name.len()).max().unwrap_or(0);
        for module in &self.modules {
            let tasks = if module.tasks == 1 { "task" } else { "tasks" };
            let _ = write!(out, "{:8} {:width$} {:>5} {tasks}", module.runs.word(), module.name, module.tasks);
            if let Some(path) = &module.path {
                let _ = write!(out, "  {}", path.display());
            }
            if let Some(plugin) = &module.action_plugin {
                let _ = write!(out, "  with the action plugin {}", plugin.display());
            }
            if module.runs == Runs::Missing {
                let first = module.places.first().map(String::as_str).unwrap_or_default();
                let _ = write!(out, "  {first}: {}", module.why.as_deref().unwrap_or_default());
            }
            out.push('\n');
            for import in &module.missing_imports {
                let _ = writeln!(out, "{:8} {:width$}   imports {import}, which is nowhere", "", "");
            }
        }
        for (word, list) in [("dynamic", &self.dynamic), ("unread", &self.unread)] {
            for open in list {
                let place = open.place.as_deref().map(|place| format!("{place}: ")).unwrap_or_default();
                let why = open.why.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
                let _ = writeln!(out, "{word:8} {place}{} {}{why}", open.what, open.name);
            }
        }
        let mut counts: BTreeMap<Runs, (usize, usize)> = BTreeMap::new();
        for module in &self.modules {
            let count = counts.entry(module.runs).or_default();
            *count = (count.0 + 1, count.1 + module.tasks);
        }
        let counts: Vec<String> =
            counts.iter().map(|(runs, (modules, tasks))| format!("{modules} {} ({tasks})", runs.word())).collect();
        let _ = writeln!(
            out,
            "\n{} tasks in {} files; modules (tasks): {}; {} names known only when they are reached, {} not read",
            self.tasks,
            self.files,
            counts.join(", "),
            self.dynamic.len(),
            self.unread.len()
        );
        out
    }
}

#[cfg(test)]
mod tests {
    use rplay_collection::Collections;
    use rplay_library::{Library, LibraryOptions};

    use super::*;

    const SITE: &str = "\
- hosts: all
  vars: {part: known}
  roles: [one]
  tasks:
    - block:
        - ansible.builtin.copy: {content: x, dest: /x}
      rescue:
        - include_tasks: '{{ item }}.yml'
          loop: [a, b]
    - import_tasks: '{{ part }}.yml'
    - include_tasks: 'os-{{ ansible_os_family }}.yml'
    - local_action: command true
    - action: '{{ what }}'
    - include_role: {name: nowhere}
  handlers:
    - name: again
      x.y.handler:
";

    #[test]
    fn every_task_is_followed_and_placed() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = dir.path().join(name);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, text).unwrap();
        };
        write("site.yml", SITE);
        write("a.yml", "- mine: {}\n");
        write("b.yml", "- mine.py: {}\n");
        write("known.yml", "- stat: {path: /}\n");
        write("os-Debian.yml", "- broken: {}\n");
        write("roles/one/meta/main.yml", "dependencies: [{role: two}]\n");
        write("roles/two/tasks/main.yml", "- include_tasks: '{{ role_path }}/tasks/{{ file }}'\n");
        write("roles/two/defaults/main.yml", "file: more.yml\n");
        write("roles/two/tasks/more.yml", "- community.docker.nothing: {}\n- mine:\n");
        write("roles/one/library/mine.py", "#!/usr/bin/python\nfrom ansible.module_utils.basic import AnsibleModule\n");
        write("roles/one/library/broken.py", "#!/usr/bin/python\nfrom ansible.module_utils import nowhere\n");
        let sources = Sources::new();
        let collections = Collections::new([dir.path().to_owned()], sources.clone());
        let library = Library::new(LibraryOptions { collections: collections.clone(), ..LibraryOptions::default() });
        let engine = Engine::new(EngineOptions { sources: sources.clone(), ..EngineOptions::default() });
        let resolver = Resolver::new(engine, rplay_value::Map::new(), false)
            .with_library(library.into())
            .with_collections(collections);
        let report = report(&[dir.path().join("site.yml")], &resolver, &sources, Vec::new());
        let shown: Vec<String> = report
            .modules
            .iter()
            .map(|m| format!("{} {} {} {}", m.runs.word(), m.name, m.tasks, m.missing_imports.join(" ")))
            .collect();
        assert_eq!(
            shown,
            [
                "native ansible.builtin.command 1 ",
                "native ansible.builtin.stat 1 ",
                "action ansible.builtin.copy 1 ",
                "action ansible.builtin.import_tasks 1 ",
                "action ansible.builtin.include_role 1 ",
                "action ansible.builtin.include_tasks 3 ",
                "python broken 1 ansible.module_utils.nowhere",
                "python mine 2 ",
                "python mine.py 1 ",
                "missing community.docker.nothing 1 ",
                "missing x.y.handler 1 ",
            ]
        );
        let open = |all: &[Unknown]| all.iter().map(|one| format!("{} {}", one.what, one.name)).collect::<Vec<_>>();
        assert_eq!(open(&report.dynamic), ["include_tasks os-{{ ansible_os_family }}.yml", "module {{ what }}"]);
        assert_eq!(open(&report.unread), ["role nowhere"]);
        assert_eq!(report.code(), exit::FINDINGS);
        assert!(report.text().contains("the collection community.docker is not installed"), "{}", report.text());
        assert!(report.modules.iter().any(|m| m.name == "x.y.handler" && m.places[0].ends_with("site.yml:17")));
    }
}
