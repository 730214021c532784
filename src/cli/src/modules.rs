//! Modules that are not native: where they are looked for, and what they are started with.

use std::path::PathBuf;
use std::sync::Arc;

use rplay_collection::{Collections, core, sites};
use rplay_engine::ModuleDefaults;
use rplay_library::{Library, LibraryOptions};
use rplay_value::Compat;

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
