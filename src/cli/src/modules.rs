//! Modules that are not native: where they are looked for, and what they are started with.

use std::path::PathBuf;
use std::sync::Arc;

use rplay_collection::{Collections, core, sites};
use rplay_diag::{Diagnose as _, Diagnostic, Sources};
use rplay_engine::ModuleDefaults;
use rplay_library::{Library, LibraryOptions};
use rplay_value::{Compat, Value};

use crate::failure::Failure;
use crate::settings::Settings;

/// The modules that these settings lead to. Nothing is looked for before a name is not native.
pub(crate) fn library(
    settings: &Settings,
    collections: Collections,
    given: &[String],
    compat: &Compat,
) -> Arc<Library> {
    let first = given.iter().flat_map(|paths| paths.split(':')).filter(|path| !path.is_empty());
    Arc::new(Library::new(LibraryOptions {
        first: first.map(crate::settings::expand).collect(),
        configured: settings.paths("DEFAULT_MODULE_PATH"),
        module_utils: settings.paths("DEFAULT_MODULE_UTILS_PATH"),
        collections,
        core: Some(Arc::new(|| -> Option<PathBuf> { core(&sites(&|name| std::env::var_os(name))) })),
        version: compat.full(),
    }))
}

/// Modules that the file of `plugin_filters_cfg` rejects; without the setting, that of `/etc/ansible/plugin_filters.yml`.
/// A file that is not there is a warning.
pub(crate) fn rejected(
    settings: &Settings,
    sources: &Sources,
    notices: &mut Vec<Diagnostic>,
) -> Result<Vec<String>, Failure> {
    let set = settings.path("PLUGIN_FILTERS_CFG");
    let path = set.clone().unwrap_or_else(|| PathBuf::from("/etc/ansible/plugin_filters.yml"));
    let text = match fs_err::read_to_string(&path) {
        Ok(text) => text,
        Err(error) => {
            if set.is_some() {
                let file = path.display();
                let text = format!("The plugin filter file, {file}, could not be read ({error}). Skipping.");
                notices.push(Diagnostic::warning(text));
            }
            return Ok(Vec::new());
        }
    };
    let source = sources.add_file(&path, text);
    let filters = rplay_yaml::load(sources, source).map_err(|error| Failure::error(error.diagnostic()))?;
    let version = filters.get("filter_version").map(|version| version.to_str().into_owned()).unwrap_or_default();
    if version.trim() != "1.0" {
        let text = format!(
            "The plugin filter file, {}, was a version that is not recognized by this version of Ansible",
            path.display()
        );
        return Err(Failure::error(Diagnostic::error(text)));
    }
    let named = ["module_rejectlist", "module_blacklist"].into_iter().find_map(|key| filters.get(key));
    let names: Vec<String> = match named {
        Some(Value::List(list)) => list.iter().map(|name| name.to_str().into_owned()).collect(),
        _ => Vec::new(),
    };
    if names.iter().any(|name| name == "stat") {
        let text = format!(
            "The stat module was specified in the module reject list file, {}, but Ansible will not function without the stat module.  Please remove stat from the reject list.",
            path.display()
        );
        return Err(Failure::error(Diagnostic::error(text)));
    }
    Ok(names)
}

/// What modules are told and started with.
pub(crate) fn defaults(settings: &Settings) -> ModuleDefaults {
    let usual = ModuleDefaults::default();
    let text = |name: &str, usual: String| settings.text(name).unwrap_or(usual);
    // `never` and `always` are words for none and all of them.
    let mut tracebacks = settings.list("DISPLAY_TRACEBACK");
    if tracebacks.iter().any(|word| word == "always") {
        tracebacks = ["deprecated", "deprecated_value", "error", "warning"].map(str::to_owned).to_vec();
    }
    tracebacks.retain(|word| word != "never");
    ModuleDefaults {
        python: text("INTERPRETER_PYTHON", usual.python),
        pythons: usual.pythons,
        open_files: settings.int("PYTHON_MODULE_RLIMIT_NOFILE").and_then(|n| u64::try_from(n).ok()).unwrap_or(0),
        keep_files: settings.flag("DEFAULT_KEEP_REMOTE_FILES"),
        shell: text("DEFAULT_EXECUTABLE", usual.shell),
        syslog_facility: text("DEFAULT_SYSLOG_FACILITY", usual.syslog_facility),
        no_target_syslog: settings.flag("DEFAULT_NO_TARGET_SYSLOG"),
        special_filesystems: settings.list("DEFAULT_SELINUX_SPECIAL_FS"),
        log_info: settings.text("TARGET_LOG_INFO"),
        tracebacks,
    }
}
