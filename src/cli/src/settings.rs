//! Settings from `ansible.cfg`, the environment and defaults, each with where it came from.
//!
//! The table below is the single list of what rplay reads. Names, sections, keys and variables are Ansible's. A key in
//! a config file that is in Ansible's documentation but not here is reported once, never silently ignored.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rplay_diag::{Diagnostic, Sources, Span, nearest};

use crate::config_file::{self, ConfigFile};

/// The type a setting's text is converted to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Text as written.
    Text,
    /// A boolean word.
    Bool,
    /// A whole number.
    Int,
    /// One path, relative to the config file.
    Path,
    /// Paths separated by `:`.
    Paths,
    /// Items separated by `,`.
    List,
}

/// One setting rplay reads.
pub(crate) struct Setting {
    /// Ansible's name for it, as `ansible-config list` prints.
    pub(crate) name: &'static str,
    kind: Kind,
    ini: &'static [(&'static str, &'static str)],
    env: &'static [&'static str],
    default: &'static str,
}

macro_rules! settings {
    ($($name:ident $kind:ident [$($section:literal $key:literal),*] [$($env:literal),*] $default:literal;)*) => {
        /// Every setting that has an effect.
        pub(crate) const TABLE: &[Setting] = &[$(Setting {
            name: stringify!($name),
            kind: Kind::$kind,
            ini: &[$(($section, $key)),*],
            env: &[$($env),*],
            default: $default,
        }),*];
    };
}

settings! {
    ANSIBLE_HOME Text ["defaults" "home"] ["ANSIBLE_HOME"] "~/.ansible";
    ANY_ERRORS_FATAL Bool ["defaults" "any_errors_fatal"] ["ANSIBLE_ANY_ERRORS_FATAL"] "false";
    ASYNC_DIR Text ["defaults" "async_dir"] ["ANSIBLE_ASYNC_DIR"] "~/.ansible_async";
    BECOME_ALLOW_SAME_USER Bool ["privilege_escalation" "become_allow_same_user"] ["ANSIBLE_BECOME_ALLOW_SAME_USER"] "false";
    BECOME_ASK_PASS Bool ["privilege_escalation" "become_ask_pass"] ["ANSIBLE_BECOME_ASK_PASS"] "false";
    BECOME_PASSWORD_FILE Path ["defaults" "become_password_file"] ["ANSIBLE_BECOME_PASSWORD_FILE"] "";
    COLLECTIONS_SCAN_SYS_PATH Bool ["defaults" "collections_scan_sys_path"] ["ANSIBLE_COLLECTIONS_SCAN_SYS_PATH"] "true";
    COLLECTIONS_PATHS Paths ["defaults" "collections_path", "defaults" "collections_paths"] ["ANSIBLE_COLLECTIONS_PATH", "ANSIBLE_COLLECTIONS_PATHS"] "~/.ansible/collections:/usr/share/ansible/collections";
    CONNECTION_PASSWORD_FILE Path ["defaults" "connection_password_file"] ["ANSIBLE_CONNECTION_PASSWORD_FILE"] "";
    DEFAULT_CONNECTION_PLUGIN_PATH Paths ["defaults" "connection_plugins"] ["ANSIBLE_CONNECTION_PLUGINS"] "~/.ansible/plugins/connection:/usr/share/ansible/plugins/connection";
    DEFAULT_NO_LOG Bool ["defaults" "no_log"] ["ANSIBLE_NO_LOG"] "false";
    DEFAULT_STRATEGY_PLUGIN_PATH Paths ["defaults" "strategy_plugins"] ["ANSIBLE_STRATEGY_PLUGINS"] "~/.ansible/plugins/strategy:/usr/share/ansible/plugins/strategy";
    DEFAULT_CALLBACK_PLUGIN_PATH Paths ["defaults" "callback_plugins"] ["ANSIBLE_CALLBACK_PLUGINS"] "~/.ansible/plugins/callback:/usr/share/ansible/plugins/callback";
    DEFAULT_ACTION_PLUGIN_PATH Paths ["defaults" "action_plugins"] ["ANSIBLE_ACTION_PLUGINS"] "~/.ansible/plugins/action:/usr/share/ansible/plugins/action";
    DEFAULT_CACHE_PLUGIN_PATH Paths ["defaults" "cache_plugins"] ["ANSIBLE_CACHE_PLUGINS"] "~/.ansible/plugins/cache:/usr/share/ansible/plugins/cache";
    DEFAULT_INVENTORY_PLUGIN_PATH Paths ["defaults" "inventory_plugins"] ["ANSIBLE_INVENTORY_PLUGINS"] "~/.ansible/plugins/inventory:/usr/share/ansible/plugins/inventory";
    DEFAULT_VARS_PLUGIN_PATH Paths ["defaults" "vars_plugins"] ["ANSIBLE_VARS_PLUGINS"] "~/.ansible/plugins/vars:/usr/share/ansible/plugins/vars";
    DEFAULT_ASK_PASS Bool ["defaults" "ask_pass"] ["ANSIBLE_ASK_PASS"] "false";
    DEFAULT_ASK_VAULT_PASS Bool ["defaults" "ask_vault_pass"] ["ANSIBLE_ASK_VAULT_PASS"] "false";
    DEFAULT_BECOME Bool ["privilege_escalation" "become"] ["ANSIBLE_BECOME"] "false";
    DEFAULT_BECOME_EXE Text ["privilege_escalation" "become_exe"] ["ANSIBLE_BECOME_EXE"] "";
    DEFAULT_BECOME_FLAGS Text ["privilege_escalation" "become_flags"] ["ANSIBLE_BECOME_FLAGS"] "";
    DEFAULT_BECOME_METHOD Text ["privilege_escalation" "become_method"] ["ANSIBLE_BECOME_METHOD"] "sudo";
    DEFAULT_BECOME_USER Text ["privilege_escalation" "become_user"] ["ANSIBLE_BECOME_USER"] "root";
    DEFAULT_FILTER_PLUGIN_PATH Paths ["defaults" "filter_plugins"] ["ANSIBLE_FILTER_PLUGINS"] "~/.ansible/plugins/filter:/usr/share/ansible/plugins/filter";
    DEFAULT_FORCE_HANDLERS Bool ["defaults" "force_handlers"] ["ANSIBLE_FORCE_HANDLERS"] "false";
    DEFAULT_FORKS Int ["defaults" "forks"] ["ANSIBLE_FORKS"] "5";
    DEFAULT_GATHERING Text ["defaults" "gathering"] ["ANSIBLE_GATHERING"] "implicit";
    DEFAULT_HASH_BEHAVIOUR Text ["defaults" "hash_behaviour"] ["ANSIBLE_HASH_BEHAVIOUR"] "replace";
    DEFAULT_HOST_LIST List ["defaults" "inventory"] ["ANSIBLE_INVENTORY"] "/etc/ansible/hosts";
    DEFAULT_LOAD_CALLBACK_PLUGINS Bool ["defaults" "bin_ansible_callbacks"] ["ANSIBLE_LOAD_CALLBACK_PLUGINS"] "false";
    DEFAULT_LOG_FILTER List ["defaults" "log_filter"] ["ANSIBLE_LOG_FILTER"] "";
    DEFAULT_LOG_PATH Path ["defaults" "log_path"] ["ANSIBLE_LOG_PATH"] "";
    DEFAULT_LOOKUP_PLUGIN_PATH Paths ["defaults" "lookup_plugins"] ["ANSIBLE_LOOKUP_PLUGINS"] "~/.ansible/plugins/lookup:/usr/share/ansible/plugins/lookup";
    DEFAULT_JINJA2_NATIVE Bool ["defaults" "jinja2_native"] ["ANSIBLE_JINJA2_NATIVE"] "false";
    DEFAULT_MANAGED_STR Text ["defaults" "ansible_managed"] [] "Ansible managed";
    DEFAULT_MODULE_ARGS Text ["defaults" "module_args"] ["ANSIBLE_MODULE_ARGS"] "";
    DEFAULT_MODULE_NAME Text ["defaults" "module_name"] [] "command";
    DEFAULT_POLL_INTERVAL Int ["defaults" "poll_interval"] ["ANSIBLE_POLL_INTERVAL"] "15";
    DEFAULT_PRIVATE_KEY_FILE Path ["defaults" "private_key_file"] ["ANSIBLE_PRIVATE_KEY_FILE"] "";
    DEFAULT_REMOTE_PORT Int ["defaults" "remote_port"] ["ANSIBLE_REMOTE_PORT"] "";
    DEFAULT_REMOTE_TMP Text ["defaults" "remote_tmp"] ["ANSIBLE_REMOTE_TEMP", "ANSIBLE_REMOTE_TMP"] "~/.ansible/tmp";
    DEFAULT_EXECUTABLE Text ["defaults" "executable"] ["ANSIBLE_EXECUTABLE"] "/bin/sh";
    DEFAULT_KEEP_REMOTE_FILES Bool ["defaults" "keep_remote_files"] ["ANSIBLE_KEEP_REMOTE_FILES"] "false";
    DEFAULT_MODULE_PATH Paths ["defaults" "library"] ["ANSIBLE_LIBRARY"] "~/.ansible/plugins/modules:/usr/share/ansible/plugins/modules";
    DEFAULT_MODULE_UTILS_PATH Paths ["defaults" "module_utils"] ["ANSIBLE_MODULE_UTILS"] "~/.ansible/plugins/module_utils:/usr/share/ansible/plugins/module_utils";
    DEFAULT_NO_TARGET_SYSLOG Bool ["defaults" "no_target_syslog"] ["ANSIBLE_NO_TARGET_SYSLOG"] "false";
    DEFAULT_SELINUX_SPECIAL_FS List ["selinux" "special_context_filesystems"] ["ANSIBLE_SELINUX_SPECIAL_FS"] "fuse, nfs, vboxsf, ramfs, 9p, vfat";
    DEFAULT_SYSLOG_FACILITY Text ["defaults" "syslog_facility"] ["ANSIBLE_SYSLOG_FACILITY"] "LOG_USER";
    DISPLAY_TRACEBACK List ["defaults" "display_traceback"] ["ANSIBLE_DISPLAY_TRACEBACK"] "never";
    ERROR_ON_MISSING_HANDLER Bool ["defaults" "error_on_missing_handler"] ["ANSIBLE_ERROR_ON_MISSING_HANDLER"] "true";
    INTERPRETER_PYTHON Text ["defaults" "interpreter_python"] ["ANSIBLE_PYTHON_INTERPRETER"] "auto";
    PLUGIN_FILTERS_CFG Path ["defaults" "plugin_filters_cfg"] [] "";
    PYTHON_MODULE_RLIMIT_NOFILE Int ["defaults" "python_module_rlimit_nofile"] ["ANSIBLE_PYTHON_MODULE_RLIMIT_NOFILE"] "0";
    TARGET_LOG_INFO Text ["defaults" "target_log_info"] ["ANSIBLE_TARGET_LOG_INFO"] "";
    DEFAULT_STRATEGY Text ["defaults" "strategy"] ["ANSIBLE_STRATEGY"] "linear";
    DEFAULT_REMOTE_USER Text ["defaults" "remote_user"] ["ANSIBLE_REMOTE_USER"] "";
    DEFAULT_ROLES_PATH Paths ["defaults" "roles_path"] ["ANSIBLE_ROLES_PATH"] "~/.ansible/roles:/usr/share/ansible/roles:/etc/ansible/roles";
    DEFAULT_STDOUT_CALLBACK Text ["defaults" "stdout_callback"] ["ANSIBLE_STDOUT_CALLBACK"] "default";
    DEFAULT_TEST_PLUGIN_PATH Paths ["defaults" "test_plugins"] ["ANSIBLE_TEST_PLUGINS"] "~/.ansible/plugins/test:/usr/share/ansible/plugins/test";
    DEFAULT_TIMEOUT Int ["defaults" "timeout"] ["ANSIBLE_TIMEOUT"] "10";
    DEFAULT_TRANSPORT Text ["defaults" "transport"] ["ANSIBLE_TRANSPORT"] "ssh";
    DEFAULT_VAULT_ENCRYPT_IDENTITY Text ["defaults" "vault_encrypt_identity"] ["ANSIBLE_VAULT_ENCRYPT_IDENTITY"] "";
    DEFAULT_VAULT_IDENTITY Text ["defaults" "vault_identity"] ["ANSIBLE_VAULT_IDENTITY"] "default";
    DEFAULT_VAULT_IDENTITY_LIST List ["defaults" "vault_identity_list"] ["ANSIBLE_VAULT_IDENTITY_LIST"] "";
    DEFAULT_VAULT_ID_MATCH Bool ["defaults" "vault_id_match"] ["ANSIBLE_VAULT_ID_MATCH"] "false";
    DEFAULT_VAULT_PASSWORD_FILE Path ["defaults" "vault_password_file"] ["ANSIBLE_VAULT_PASSWORD_FILE"] "";
    DEFAULT_VERBOSITY Int ["defaults" "verbosity"] ["ANSIBLE_VERBOSITY"] "0";
    DEPRECATION_WARNINGS Bool ["defaults" "deprecation_warnings"] ["ANSIBLE_DEPRECATION_WARNINGS"] "true";
    DIFF_ALWAYS Bool ["diff" "always"] ["ANSIBLE_DIFF_ALWAYS"] "false";
    DIFF_CONTEXT Int ["diff" "context"] ["ANSIBLE_DIFF_CONTEXT"] "3";
    DISPLAY_ARGS_TO_STDOUT Bool ["defaults" "display_args_to_stdout"] ["ANSIBLE_DISPLAY_ARGS_TO_STDOUT"] "false";
    DISPLAY_FAILED_STDERR Bool ["defaults" "display_failed_stderr"] ["ANSIBLE_DISPLAY_FAILED_STDERR"] "false";
    DISPLAY_OK_HOSTS Bool ["defaults" "display_ok_hosts"] ["ANSIBLE_DISPLAY_OK_HOSTS"] "true";
    DISPLAY_SKIPPED_HOSTS Bool ["defaults" "display_skipped_hosts"] ["ANSIBLE_DISPLAY_SKIPPED_HOSTS"] "true";
    FACTS_MODULES List ["defaults" "facts_modules"] ["ANSIBLE_FACTS_MODULES"] "smart";
    CALLBACKS_ENABLED List ["defaults" "callbacks_enabled", "defaults" "callback_enabled", "defaults" "callback_whitelist"] ["ANSIBLE_CALLBACKS_ENABLED", "ANSIBLE_CALLBACK_WHITELIST"] "";
    CACHE_PLUGIN Text ["defaults" "fact_caching"] ["ANSIBLE_CACHE_PLUGIN"] "memory";
    CACHE_PLUGIN_CONNECTION Path ["defaults" "fact_caching_connection"] ["ANSIBLE_CACHE_PLUGIN_CONNECTION"] "";
    CACHE_PLUGIN_PREFIX Text ["defaults" "fact_caching_prefix"] ["ANSIBLE_CACHE_PLUGIN_PREFIX"] "";
    CACHE_PLUGIN_TIMEOUT Int ["defaults" "fact_caching_timeout"] ["ANSIBLE_CACHE_PLUGIN_TIMEOUT"] "86400";
    CALLBACK_FORMAT_PRETTY Bool ["defaults" "callback_format_pretty"] ["ANSIBLE_CALLBACK_FORMAT_PRETTY"] "";
    CHECK_MODE_MARKERS Bool ["defaults" "check_mode_markers"] ["ANSIBLE_CHECK_MODE_MARKERS"] "false";
    ENABLE_TASK_DEBUGGER Bool ["defaults" "enable_task_debugger"] ["ANSIBLE_ENABLE_TASK_DEBUGGER"] "false";
    FORCE_COLOR Bool ["defaults" "force_color"] ["ANSIBLE_FORCE_COLOR"] "false";
    EDITOR Text ["defaults" "editor"] ["ANSIBLE_EDITOR", "EDITOR"] "vi";
    HOST_KEY_CHECKING Bool ["defaults" "host_key_checking", "ssh_connection" "host_key_checking"] ["ANSIBLE_HOST_KEY_CHECKING", "ANSIBLE_SSH_HOST_KEY_CHECKING"] "true";
    INVENTORY_ENABLED List ["inventory" "enable_plugins"] ["ANSIBLE_INVENTORY_ENABLED"] "";
    INVENTORY_IGNORE_EXTS List ["defaults" "inventory_ignore_extensions", "inventory" "ignore_extensions"] ["ANSIBLE_INVENTORY_IGNORE"] "";
    INVENTORY_IGNORE_PATTERNS List ["defaults" "inventory_ignore_patterns", "inventory" "ignore_patterns"] ["ANSIBLE_INVENTORY_IGNORE_REGEX"] "";
    INVENTORY_ANY_UNPARSED_IS_FAILED Bool ["inventory" "any_unparsed_is_failed"] ["ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED"] "false";
    INVENTORY_UNPARSED_IS_FAILED Bool ["inventory" "unparsed_is_failed"] ["ANSIBLE_INVENTORY_UNPARSED_FAILED"] "false";
    VARIABLE_PLUGINS_ENABLED List ["defaults" "vars_plugins_enabled"] ["ANSIBLE_VARS_ENABLED"] "host_group_vars";
    INVENTORY_UNPARSED_WARNING Bool ["inventory" "inventory_unparsed_warning"] ["ANSIBLE_INVENTORY_UNPARSED_WARNING"] "true";
    LOCALHOST_WARNING Bool ["defaults" "localhost_warning"] ["ANSIBLE_LOCALHOST_WARNING"] "true";
    INJECT_FACTS_AS_VARS Bool ["defaults" "inject_facts_as_vars"] ["ANSIBLE_INJECT_FACT_VARS"] "true";
    INVENTORY_SCRIPT_STDERR Bool ["inventory_plugin_script" "always_show_stderr"] ["ANSIBLE_INVENTORY_PLUGIN_SCRIPT_STDERR"] "true";
    NOCOLOR Bool ["defaults" "nocolor"] ["ANSIBLE_NOCOLOR", "NO_COLOR"] "false";
    PLAYBOOK_DIR Path ["defaults" "playbook_dir"] ["ANSIBLE_PLAYBOOK_DIR"] "";
    PAGER Text ["defaults" "pager"] ["ANSIBLE_PAGER", "PAGER"] "less";
    RPLAY_COMPAT Text ["rplay" "compat"] ["RPLAY_COMPAT"] "";
    RPLAY_JOURNAL Bool ["rplay" "journal"] ["RPLAY_JOURNAL"] "true";
    RPLAY_JOURNAL_DIR Path ["rplay" "journal_dir"] ["RPLAY_JOURNAL_DIR"] "";
    RPLAY_JOURNAL_KEEP Int ["rplay" "journal_keep"] ["RPLAY_JOURNAL_KEEP"] "50";
    RESULT_FORMAT Text ["defaults" "result_format", "defaults" "callback_result_format"] ["ANSIBLE_CALLBACK_RESULT_FORMAT"] "json";
    SHOW_CUSTOM_STATS Bool ["defaults" "show_custom_stats"] ["ANSIBLE_SHOW_CUSTOM_STATS"] "false";
    SHOW_PER_HOST_START Bool ["defaults" "show_per_host_start"] ["ANSIBLE_SHOW_PER_HOST_START"] "false";
    SHOW_TASK_PATH_ON_FAILURE Bool ["defaults" "show_task_path_on_failure"] ["ANSIBLE_SHOW_TASK_PATH_ON_FAILURE"] "false";
    SSH_ARGS Text ["ssh_connection" "ssh_args"] ["ANSIBLE_SSH_ARGS"] "-C -o ControlMaster=auto -o ControlPersist=60s";
    SSH_COMMON_ARGS Text ["ssh_connection" "ssh_common_args"] ["ANSIBLE_SSH_COMMON_ARGS"] "";
    SSH_CONTROL_PATH Text ["ssh_connection" "control_path"] ["ANSIBLE_SSH_CONTROL_PATH"] "";
    SSH_CONTROL_PATH_DIR Text ["ssh_connection" "control_path_dir"] ["ANSIBLE_SSH_CONTROL_PATH_DIR"] "~/.ansible/cp";
    SSH_EXECUTABLE Text ["ssh_connection" "ssh_executable"] ["ANSIBLE_SSH_EXECUTABLE"] "ssh";
    SSH_EXTRA_ARGS Text ["ssh_connection" "ssh_extra_args"] ["ANSIBLE_SSH_EXTRA_ARGS"] "";
    SSH_RETRIES Int ["ssh_connection" "retries"] ["ANSIBLE_SSH_RETRIES"] "0";
    TRANSFORM_INVALID_GROUP_CHARS Text ["defaults" "force_valid_group_names"] ["ANSIBLE_TRANSFORM_INVALID_GROUP_CHARS"] "never";
    TASK_TIMEOUT Int ["defaults" "task_timeout"] ["ANSIBLE_TASK_TIMEOUT"] "0";
    TREE_DIR Text ["callback_tree" "directory"] ["ANSIBLE_CALLBACK_TREE_DIR"] "~/.ansible/tree";
    TAGS_RUN List ["tags" "run"] ["ANSIBLE_RUN_TAGS"] "";
    VAULT_ENCRYPT_SALT Text ["defaults" "vault_encrypt_salt"] ["ANSIBLE_VAULT_ENCRYPT_SALT"] "";
    VERBOSE_TO_STDERR Bool ["defaults" "verbose_to_stderr"] ["ANSIBLE_VERBOSE_TO_STDERR"] "false";
    TAGS_SKIP List ["tags" "skip"] ["ANSIBLE_SKIP_TAGS"] "";
    TASK_DEBUGGER_IGNORE_ERRORS Bool ["defaults" "task_debugger_ignore_errors"] ["ANSIBLE_TASK_DEBUGGER_IGNORE_ERRORS"] "true";
}

/// Keys that rplay does not need: what they tune does not exist here, so leaving them out changes no result.
const MOOT: &[(&str, &str)] = &[
    ("defaults", "nocows"),
    ("defaults", "cowpath"),
    ("defaults", "retry_files_enabled"),
    ("defaults", "retry_files_save_path"),
    ("defaults", "pipelining"),
    ("defaults", "internal_poll_interval"),
    ("defaults", "interpreter_python"),
    ("defaults", "system_warnings"),
    ("defaults", "command_warnings"),
    ("defaults", "local_tmp"),
    ("defaults", "no_target_syslog"),
    ("defaults", "syslog_facility"),
    ("defaults", "use_persistent_connections"),
    ("defaults", "ansible_home"),
    ("ssh_connection", "pipelining"),
    ("ssh_connection", "scp_if_ssh"),
    ("ssh_connection", "transfer_method"),
    ("ssh_connection", "sftp_batch_mode"),
    ("ssh_connection", "usetty"),
];

/// Where a setting's value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Nobody set it.
    Default,
    /// An environment variable.
    Environment(&'static str),
    /// A place in the config file.
    File(Span),
}

/// What went wrong with a setting.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    /// The config file cannot be read or is malformed.
    #[error(transparent)]
    File(#[from] config_file::ConfigError),
    /// A value of the wrong type.
    #[error("{setting} must be {expected}, not {found:?}")]
    Type { setting: &'static str, expected: &'static str, found: String, origin: Origin },
}

impl SettingsError {
    pub(crate) fn diagnostic(&self) -> Diagnostic {
        match self {
            Self::File(error) => error.diagnostic(),
            Self::Type { origin, expected, .. } => {
                let diagnostic = Diagnostic::error(self.to_string());
                match origin {
                    Origin::File(span) => diagnostic.at(*span, format!("expected {expected}")),
                    Origin::Environment(name) => diagnostic.note(format!("set by the environment variable {name}")),
                    Origin::Default => diagnostic,
                }
            }
        }
    }
}

/// All settings with their values.
#[derive(Debug)]
pub(crate) struct Settings {
    values: BTreeMap<&'static str, (String, Origin)>,
    /// The config file, if one was found.
    pub(crate) file: Option<PathBuf>,
    folder: PathBuf,
    /// Keys that are set and have no effect.
    pub(crate) warnings: Vec<Diagnostic>,
}

impl Settings {
    /// Reads the config file Ansible would read, then the environment.
    pub(crate) fn load(sources: &Sources, env: &dyn Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let cwd = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
        let mut warnings = Vec::new();
        let path = find(env, &cwd, &mut warnings);
        let file = path.as_deref().map(|path| ConfigFile::read(path, sources)).transpose()?;
        if let Some(file) = &file {
            warnings.extend(unknown_keys(file));
        }
        let folder = path.as_deref().and_then(Path::parent).map_or_else(|| cwd.clone(), |p| cwd.join(p));
        let mut values = BTreeMap::new();
        for setting in TABLE {
            // Of several names the last one that is set counts, as for Ansible: EDITOR over ANSIBLE_EDITOR.
            let from_env = setting.env.iter().rev().find_map(|name| Some((env(name)?, Origin::Environment(name))));
            let from_file = || {
                let file = file.as_ref()?;
                setting.ini.iter().rev().find_map(|(section, key)| {
                    let (value, span) = file.get(section, key)?;
                    Some((value.to_owned(), Origin::File(span)))
                })
            };
            let value = from_env.or_else(from_file).unwrap_or_else(|| (setting.default.to_owned(), Origin::Default));
            check_type(setting, &value)?;
            values.insert(setting.name, value);
        }
        Ok(Self { values, file: path, folder, warnings })
    }

    fn raw(&self, name: &str) -> (&str, &Origin) {
        self.values.get(name).map_or(("", &Origin::Default), |(value, origin)| (value.as_str(), origin))
    }

    /// Whether anybody set it.
    pub(crate) fn is_set(&self, name: &str) -> bool {
        *self.raw(name).1 != Origin::Default
    }

    /// A text; `None` when empty.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        Some(self.raw(name).0).filter(|t| !t.is_empty()).map(str::to_owned)
    }

    /// A boolean. `NO_COLOR` counts as true whatever it holds.
    pub(crate) fn flag(&self, name: &str) -> bool {
        let (text, origin) = self.raw(name);
        *origin == Origin::Environment("NO_COLOR") && !text.is_empty() || boolean(text) == Some(true)
    }

    /// A number; `None` when empty.
    pub(crate) fn int(&self, name: &str) -> Option<i64> {
        self.raw(name).0.trim().parse().ok()
    }

    /// A path with `~` and variables expanded, relative to the config file when that set it.
    pub(crate) fn path(&self, name: &str) -> Option<PathBuf> {
        let (text, origin) = self.raw(name);
        (!text.is_empty()).then(|| self.resolve(text, origin))
    }

    /// Paths separated by `:` (or `,` for lists), each resolved as [`Settings::path`].
    pub(crate) fn paths(&self, name: &str) -> Vec<PathBuf> {
        let (text, origin) = self.raw(name);
        text.split(':')
            .map(str::trim)
            .filter(|p| !p.is_empty())
            .map(|p| without_parents(&self.resolve(p, origin)))
            .collect()
    }

    /// Items separated by `,`.
    pub(crate) fn list(&self, name: &str) -> Vec<String> {
        self.raw(name).0.split(',').map(str::trim).filter(|i| !i.is_empty()).map(str::to_owned).collect()
    }

    /// Inventory sources: paths are relative to the config file, host lists (`a,b`) are kept.
    pub(crate) fn inventory(&self) -> Vec<String> {
        let (_, origin) = self.raw("DEFAULT_HOST_LIST");
        let items = self.list("DEFAULT_HOST_LIST");
        items.into_iter().map(|item| self.resolve(&item, origin).display().to_string()).collect()
    }

    fn resolve(&self, text: &str, origin: &Origin) -> PathBuf {
        let expanded = expand(text);
        match origin {
            Origin::File(_) => self.folder.join(expanded),
            _ => expanded,
        }
    }
}

/// `ansible_playbook_python`: rplay needs none, but inventories name it for modules that run on the controller.
pub(crate) fn python() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join("python3")).find(|python| python.is_file());
    found.unwrap_or_else(|| PathBuf::from("/usr/bin/python3"))
}

/// The path from the root, `..` taken out by its text, as ansible-core does: what a role sees of its own place.
fn without_parents(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut out = PathBuf::new();
    for part in absolute.components() {
        match part {
            std::path::Component::ParentDir => _ = out.pop(),
            part => out.push(part),
        }
    }
    out
}

/// `~`, `$VAR` and `${VAR}` replaced; unknown variables stay, as Python's `expandvars`.
pub(crate) fn expand(text: &str) -> PathBuf {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    if let Some(after) = text.strip_prefix('~').filter(|a| a.is_empty() || a.starts_with('/')) {
        out.push_str(&std::env::var("HOME").unwrap_or_else(|_| "~".to_owned()));
        rest = after;
    }
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let (name, next) = match after.strip_prefix('{').and_then(|a| a.split_once('}')) {
            Some((name, next)) => (name, next),
            None => after.split_at(after.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(after.len())),
        };
        match std::env::var(name) {
            Ok(value) => out.push_str(&value),
            Err(_) => out.push_str(&rest[at..rest.len() - next.len()]),
        }
        rest = next;
    }
    out.push_str(rest);
    PathBuf::from(out)
}

pub(crate) fn boolean(text: &str) -> Option<bool> {
    match text.trim().to_lowercase().as_str() {
        "y" | "yes" | "on" | "1" | "true" | "t" | "1.0" => Some(true),
        "n" | "no" | "off" | "0" | "false" | "f" | "0.0" | "" => Some(false),
        _ => None,
    }
}

fn check_type(setting: &Setting, (text, origin): &(String, Origin)) -> Result<(), SettingsError> {
    let expected = match setting.kind {
        Kind::Bool if boolean(text).is_none() && *origin != Origin::Environment("NO_COLOR") => "a boolean (yes or no)",
        Kind::Int if !text.is_empty() && text.trim().parse::<i64>().is_err() => "a whole number",
        _ => return Ok(()),
    };
    Err(SettingsError::Type { setting: setting.name, expected, found: text.clone(), origin: origin.clone() })
}

/// The config file Ansible reads: `$ANSIBLE_CONFIG`, `./ansible.cfg` unless the folder is world-writable,
/// `~/.ansible.cfg`, `/etc/ansible/ansible.cfg`.
fn find(env: &dyn Fn(&str) -> Option<String>, cwd: &Path, warnings: &mut Vec<Diagnostic>) -> Option<PathBuf> {
    use std::os::unix::fs::MetadataExt as _;
    if let Some(named) = env("ANSIBLE_CONFIG").filter(|p| !p.is_empty()) {
        let path = expand(&named);
        let path = if path.is_dir() { path.join("ansible.cfg") } else { path };
        return path.exists().then_some(path);
    }
    let here = cwd.join("ansible.cfg");
    if here.exists() {
        let writable = fs_err::metadata(cwd).is_ok_and(|m| m.mode() & 0o002 != 0);
        if !writable {
            return Some(here);
        }
        warnings.push(Diagnostic::warning(format!(
            "Ansible is being run in a world writable directory ({}), ignoring it as an ansible.cfg source",
            cwd.display()
        )));
    }
    [expand("~/.ansible.cfg"), PathBuf::from("/etc/ansible/ansible.cfg")].into_iter().find(|p| p.exists())
}

fn unknown_keys(file: &ConfigFile) -> Vec<Diagnostic> {
    let known = || TABLE.iter().flat_map(|s| s.ini.iter().copied());
    let mut out = Vec::new();
    for (section, key, span) in file.keys() {
        // Sections of plugins and of other programs (ara, galaxy, inventory plugins) are not rplay's to judge.
        let ours = known().any(|(s, _)| s == section);
        if !ours || known().chain(MOOT.iter().copied()).any(|known| known == (section, key)) {
            continue;
        }
        let near = nearest(key, known().filter(|(s, _)| *s == section).map(|(_, k)| k));
        out.push(
            Diagnostic::warning(format!("the setting `{key}` in [{section}] has no effect in rplay"))
                .at(span, "ignored")
                .hint_maybe(near.map(|near| format!("did you mean `{near}`?"))),
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(cfg: &str, env: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ansible.cfg");
        fs_err::write(&path, cfg).unwrap();
        let get = |name: &str| {
            if name == "ANSIBLE_CONFIG" {
                return Some(path.display().to_string());
            }
            env.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned())
        };
        Settings::load(&Sources::new(), &get)
    }

    #[test]
    fn the_environment_wins_over_the_file_and_the_file_over_the_default() {
        let settings = load("[defaults]\nforks = 20 ; many\ntimeout = 30\n", &[("ANSIBLE_FORKS", "50")]).unwrap();
        assert_eq!(settings.int("DEFAULT_FORKS"), Some(50));
        assert_eq!(settings.int("DEFAULT_TIMEOUT"), Some(30));
        assert_eq!(settings.text("DEFAULT_TRANSPORT").as_deref(), Some("ssh"));
        assert!(!settings.is_set("DEFAULT_TRANSPORT"));
    }

    #[test]
    fn paths_are_relative_to_the_config_file() {
        let settings = load("[defaults]\nroles_path = roles:/abs\n", &[]).unwrap();
        let paths = settings.paths("DEFAULT_ROLES_PATH");
        assert!(paths[0].is_absolute() && paths[0].ends_with("roles"));
        assert_eq!(paths[1], Path::new("/abs"));
        assert_eq!(without_parents(Path::new("/a/b/../c/./d")), Path::new("/a/c/d"));
    }

    #[test]
    fn a_wrong_type_and_an_unknown_key_are_reported_with_their_place() {
        let error = load("[defaults]\nforks = many\n", &[]).unwrap_err();
        assert_eq!(error.to_string(), "DEFAULT_FORKS must be a whole number, not \"many\"");
        assert_eq!(error.diagnostic().labels.len(), 1);
        let settings = load("[defaults]\nfroks = 3\nnocows = 1\n[ara]\ndatabase = x\n", &[]).unwrap();
        assert_eq!(settings.warnings.len(), 1);
        assert_eq!(settings.warnings[0].hints, ["did you mean `forks`?"]);
    }
}
