//! Reads variables from a file or a folder of files.
//!
//! Options:
//! - free form or `file`: the file; `dir`: a folder of files, read in the order of their names.
//! - `name`: a variable for all that is read, instead of one for each.
//! - `depth` (default 0, no limit): how deep below `dir` to look.
//! - `files_matching` (Python pattern), `ignore_files` (list of Python patterns): which files of `dir`.
//! - `extensions` (default `yaml`, `yml`, `json`): endings of the files of `dir`.
//! - `ignore_unknown_extensions` (bool): skip files of `dir` with other endings, instead of failing.
//! - `hash_behaviour` (`replace` or `merge`): what becomes of mappings that are there already.
//!
//! Example:
//! ```yaml
//! - ansible.builtin.include_vars:
//!     dir: vars/{{ environment_name }}
//! ```

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use rplay_value::{List, Map, Value};

use crate::action::{Action, ActionCx, Done, Traits};
use crate::fields::Keyword;
use crate::ran::Effect;
use crate::trouble::Trouble;
use crate::vars::facts::merge_maps;

/// `ansible.builtin.include_vars`
pub(crate) static ACTION: IncludeVars = IncludeVars;

/// Reads variables.
pub(crate) struct IncludeVars;

/// What only a folder takes.
const FOLDER: &[&str] = &["depth", "dir", "extensions", "files_matching", "ignore_files", "ignore_unknown_extensions"];

#[async_trait(?Send)]
impl Action for IncludeVars {
    fn traits(&self) -> Traits {
        Traits::new("include_vars").free_form().arguments(&[
            "_raw_params",
            "depth",
            "dir",
            "extensions",
            "file",
            "files_matching",
            "hash_behaviour",
            "ignore_files",
            "ignore_unknown_extensions",
            "name",
        ])
    }

    async fn run(&self, cx: &mut ActionCx<'_>) -> Result<Done, Trouble> {
        let has = |name: &str| cx.args.contains(name);
        if FOLDER.iter().any(|name| has(name)) && (has("file") || has("_raw_params")) {
            return Err(Trouble::message("You are mixing file only and dir only arguments, these are incompatible"));
        }
        let mut read = Read::default();
        let outcome = match cx.text("dir") {
            Some(dir) => folder(cx, &dir, &mut read),
            None => file(cx, &mut read),
        };
        let mut vars = std::mem::take(&mut read.vars);
        if let Some(name) = cx.text("name") {
            vars = Map::from_iter([(name, Value::Map(vars))]);
        }
        let mut done = Done::default();
        if let Err(message) = outcome {
            done = done.with("failed", true).with("message", message);
            vars = Map::new();
        } else if cx.text("hash_behaviour").as_deref() == Some("merge") {
            for name in vars.texts().map(|(name, _)| name.clone()).collect::<Vec<_>>() {
                let known = cx.run().engine().evaluate(&rplay_value::Text::trusted(name.shared()), cx.scope);
                if let (Ok(Value::Map(old)), Some(Value::Map(new))) = (known, vars.get(&name)) {
                    let merged = merge_maps(&old, new, true);
                    vars.insert(Value::Text(name), merged);
                }
            }
        }
        let files: List = read.files.iter().map(|path| path.to_string_lossy().into_owned()).collect();
        done =
            done.with("ansible_included_var_files", files).with("ansible_facts", vars.clone()).with("changed", false);
        done.secret = read.secret;
        Ok(done.effect(Effect::Vars(vars)))
    }
}

#[derive(Default)]
struct Read {
    vars: Map,
    files: Vec<PathBuf>,
    /// A file was encrypted: its content is not shown.
    secret: bool,
}

impl Read {
    fn add(&mut self, cx: &ActionCx<'_>, path: &Path) -> Result<(), String> {
        let (value, secret) = cx.run().load_secret_yaml(path).map_err(|trouble| trouble.text())?;
        self.secret |= secret;
        match value {
            Value::Null => {}
            Value::Map(vars) => self.vars.extend(vars),
            _ => return Err(format!("{} must be stored as a dictionary/hash", path.display())),
        }
        self.files.push(path.to_owned());
        Ok(())
    }
}

fn file(cx: &ActionCx<'_>, read: &mut Read) -> Result<(), String> {
    let Some(name) = cx.text("file").or_else(|| cx.text("_raw_params")) else {
        // As for a file without a name.
        let help = "If you are using a module and expect the file to exist on the remote, see the remote_src option";
        return Err(format!("Could not find file on the Ansible Controller.\n{help}"));
    };
    let path = cx.find_file("vars", name.trim_end_matches('\n')).map_err(|trouble| trouble.text())?;
    read.add(cx, &path)
}

fn folder(cx: &ActionCx<'_>, dir: &str, read: &mut Read) -> Result<(), String> {
    let text = |trouble: Trouble| trouble.text();
    let root = match &cx.task.step.role {
        Some(role) if dir.split('/').next() == Some("vars") && role.path.join(dir).exists() => role.path.join(dir),
        Some(role) => role.path.join("vars").join(dir),
        None => {
            let file = cx.task.span().and_then(|span| cx.run().options().sources.name(span.source));
            file.as_deref().and_then(|file| Path::new(file).parent()).unwrap_or(Path::new("")).join(dir)
        }
    };
    if !root.exists() {
        return Err(format!("{} directory does not exist", root.display()));
    }
    if !root.is_dir() {
        return Err(format!("{} is not a directory", root.display()));
    }
    let depth = cx.int("depth").map_err(text)?.unwrap_or(0);
    let lenient = cx.flag("ignore_unknown_extensions", false).map_err(text)?;
    let list = |name: &str| cx.args.get(name).and_then(Vec::<rplay_value::Text>::convert).unwrap_or_default();
    let extensions: Vec<String> = match cx.args.get("extensions") {
        None => ["yaml", "yml", "json"].map(str::to_owned).to_vec(),
        Some(_) => list("extensions").iter().map(ToString::to_string).collect(),
    };
    let regex =
        |pattern: &str| fancy_regex::Regex::new(pattern).map_err(|_| format!("Invalid regular expression: {pattern}"));
    let ignored =
        list("ignore_files").iter().map(|pattern| regex(&format!("{pattern}$"))).collect::<Result<Vec<_>, _>>()?;
    let matching = cx.text("files_matching").map(|pattern| regex(&pattern)).transpose()?;
    let mut folders = Vec::new();
    collect(&root, 1, depth, &mut folders);
    folders.sort();
    for folder in folders {
        for path in files(&folder) {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let main = cx.task.step.role.as_ref().is_some_and(|role| path == role.path.join("vars/main.yml"));
            let hit = |regex: &fancy_regex::Regex| regex.is_match(&name).unwrap_or(false);
            if main || matching.as_ref().is_some_and(|regex| !hit(regex)) || ignored.iter().any(hit) {
                continue;
            }
            // A file without an extension is what the extension '' stands for.
            let own = path.extension().unwrap_or_default().to_string_lossy();
            let known = extensions.iter().any(|extension| **extension == *own);
            if !known {
                if lenient {
                    continue;
                }
                return Err(format!("{} does not have a valid extension: {}", path.display(), extensions.join(", ")));
            }
            read.add(cx, &path)?;
        }
    }
    Ok(())
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs_err::read_dir(folder)
        .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
        .unwrap_or_default();
    paths.sort();
    paths
}

fn files(folder: &Path) -> Vec<PathBuf> {
    entries(folder).into_iter().filter(|path| path.is_file()).collect()
}

fn collect(folder: &Path, level: i64, depth: i64, out: &mut Vec<PathBuf>) {
    if depth != 0 && level > depth {
        return;
    }
    out.push(folder.to_owned());
    for path in entries(folder).into_iter().filter(|path| path.is_dir()) {
        collect(&path, level + 1, depth, out);
    }
}
