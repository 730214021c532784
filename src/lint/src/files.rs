//! Which files there are, and what each of them is.

use std::path::{Path, PathBuf};

use rplay_yaml::Node;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Plays.
    Playbook,
    /// Tasks or handlers.
    Tasks {
        /// They are handlers.
        handlers: bool,
    },
    /// Variables.
    Vars,
    /// A role's `meta/main.yml`.
    Meta,
    /// An inventory in YAML.
    Inventory,
    /// None of Ansible's.
    Other,
}

/// Folders that hold no playbooks of the project itself.
const SKIPPED: [&str; 5] = ["ansible_collections", "node_modules", "__pycache__", "site-packages", "releasenotes"];

/// Every file below a folder that may be of interest, sorted.
pub(crate) fn below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        if folder.join("pyvenv.cfg").exists() {
            continue;
        }
        for entry in fs_err::read_dir(&folder).into_iter().flatten().filter_map(Result::ok) {
            let path = entry.path();
            let name = entry.file_name();
            let name = name.to_string_lossy();
            // Links are not followed: what they point to is found where it is, or is somebody else's.
            let Ok(kind) = entry.file_type() else { continue };
            if name.starts_with('.') || SKIPPED.contains(&&*name) {
                continue;
            }
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() && (is_yaml(&path) || is_template(&path) || is_ini(&path)) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// By its ending.
pub(crate) fn is_yaml(path: &Path) -> bool {
    matches!(path.extension().and_then(|e| e.to_str()), Some("yml" | "yaml"))
}

/// By its ending.
pub(crate) fn is_template(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "j2")
}

/// By its name: `hosts`, `inventory`, `*.ini`.
pub(crate) fn is_ini(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let inside = path
        .parent()
        .and_then(Path::file_name)
        .is_some_and(|folder| folder.to_str().is_some_and(|folder| folder.starts_with("inventor")));
    let plain = !name.contains('.');
    plain && (inside || name.starts_with("hosts") || name.starts_with("inventory"))
        || inside && path.extension().is_some_and(|e| e == "ini")
}

/// Whether a folder of that name encloses the file, below what was asked for.
fn within(path: &Path, names: &[&str]) -> bool {
    let folders = path.parent().into_iter().flat_map(Path::components);
    folders.filter_map(|part| part.as_os_str().to_str()).any(|part| names.contains(&part))
}

/// Whether a YAML file that cannot be read is worth a word: it stands where Ansible reads.
pub(crate) fn is_ansibles(path: &Path) -> bool {
    within(path, &["tasks", "handlers", "vars", "defaults", "group_vars", "host_vars", "playbooks"])
        && !within(path, &["templates", "files", "tests"])
}

/// What a document is, by its place and its shape.
pub(crate) fn kind(path: &Path, document: &Node, known_action: &dyn Fn(&str) -> bool) -> Kind {
    if within(path, &["templates", "files"]) {
        return Kind::Other;
    }
    if let Some(items) = document.as_sequence() {
        let has = |names: &[&str]| items.iter().any(|item| names.iter().any(|name| item.get(name).is_some()));
        let handlers = within(path, &["handlers"]);
        if has(&["hosts", "import_playbook", "ansible.builtin.import_playbook"]) {
            return Kind::Playbook;
        }
        if handlers || within(path, &["tasks"]) {
            return Kind::Tasks { handlers };
        }
        let includes = |item: &Node| item.get("include").is_some() && item.as_mapping().is_some_and(|m| m.len() <= 4);
        if !items.is_empty() && items.iter().all(includes) && !within(path, &["roles"]) {
            return Kind::Playbook;
        }
        let task = |item: &Node| {
            item.as_mapping().is_some_and(|entries| {
                entries.iter().any(|(key, _)| {
                    let name = key.as_str().unwrap_or_default();
                    matches!(name, "block" | "action" | "local_action" | "include") || known_action(name)
                })
            })
        };
        return if items.iter().any(task) { Kind::Tasks { handlers: false } } else { Kind::Other };
    }
    if document.as_mapping().is_none() {
        return Kind::Other;
    }
    if within(path, &["vars", "defaults", "group_vars", "host_vars"]) {
        return Kind::Vars;
    }
    if path.parent().is_some_and(|folder| folder.ends_with("meta")) {
        return Kind::Meta;
    }
    let group = document.get("all").is_some_and(|all| all.get("children").is_some() || all.get("hosts").is_some());
    if group { Kind::Inventory } else { Kind::Other }
}
