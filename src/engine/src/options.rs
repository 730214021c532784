//! What a run is started with. Everything comes from the caller: the engine reads no settings of its own.

use std::path::PathBuf;
use std::sync::Arc;

use rplay_diag::Sources;
use rplay_value::{Compat, Map, Value};

use crate::prompt::Prompter;
use crate::vars::FactCaching;

/// When facts are gathered before a play (`gathering`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Gathering {
    /// Unless the play says no.
    #[default]
    Implicit,
    /// Only when the play says yes.
    Explicit,
    /// Unless the play says no, once a host.
    Smart,
}

/// How hosts are reached when neither keywords nor variables say so: the command line's and configuration's part.
#[derive(Clone, Debug)]
pub struct ConnectionDefaults {
    /// `-c`: `ssh` (also as `smart`), `local`, `docker`.
    pub kind: String,
    /// `-u`, `remote_user`.
    pub user: Option<String>,
    /// `remote_port`.
    pub port: Option<u16>,
    /// `--private-key`.
    pub private_key: Option<String>,
    /// `-T`, in seconds.
    pub timeout: u64,
    /// `--ask-pass` or `--connection-password-file`: by value, never shown.
    pub password: Option<String>,
    /// `ssh_args` of the configuration.
    pub ssh_args: Option<String>,
    /// `--ssh-common-args`.
    pub ssh_common_args: Option<String>,
    /// `--ssh-extra-args`.
    pub ssh_extra_args: Option<String>,
    /// `ssh_executable`.
    pub ssh_executable: Option<String>,
    /// `control_path_dir`.
    pub control_path_dir: Option<PathBuf>,
    /// `control_path`.
    pub control_path: Option<String>,
    /// `host_key_checking`.
    pub host_key_checking: bool,
    /// `reconnection_retries`.
    pub retries: u32,
    /// `remote_tmp`.
    pub remote_tmp: Option<String>,
    /// `-b`.
    pub r#become: bool,
    /// `--become-method`.
    pub become_method: String,
    /// `--become-user`.
    pub become_user: Option<String>,
    /// `become_allow_same_user`: also become who the connection is already.
    pub become_allow_same_user: bool,
    /// Who runs this program, for connections to this machine.
    pub local_user: Option<String>,
    /// `become_exe`.
    pub become_exe: Option<String>,
    /// `become_flags`.
    pub become_flags: Option<String>,
    /// `--ask-become-pass` or `--become-password-file`: by value, never shown.
    pub become_password: Option<String>,
}

impl Default for ConnectionDefaults {
    fn default() -> Self {
        Self {
            kind: "ssh".to_owned(),
            user: None,
            port: None,
            private_key: None,
            timeout: 10,
            password: None,
            ssh_args: None,
            ssh_common_args: None,
            ssh_extra_args: None,
            ssh_executable: None,
            control_path_dir: None,
            control_path: None,
            host_key_checking: true,
            retries: 0,
            remote_tmp: None,
            r#become: false,
            become_method: "sudo".to_owned(),
            become_user: None,
            become_allow_same_user: false,
            local_user: None,
            become_exe: None,
            become_flags: None,
            become_password: None,
        }
    }
}

/// What modules that are not native are told and started with, when no variable says otherwise.
#[derive(Clone, Debug)]
pub struct ModuleDefaults {
    /// `interpreter_python`: a path, or how to look for one (`auto`, `auto_silent`).
    pub python: String,
    /// `INTERPRETER_PYTHON_FALLBACK`: what is looked for.
    pub pythons: Vec<String>,
    /// `python_module_rlimit_nofile`; 0 leaves it.
    pub open_files: u64,
    /// `keep_remote_files`.
    pub keep_files: bool,
    /// `executable`: the shell for command lines.
    pub shell: String,
    /// `syslog_facility`.
    pub syslog_facility: String,
    /// `no_target_syslog`.
    pub no_target_syslog: bool,
    /// `special_context_filesystems`.
    pub special_filesystems: Vec<String>,
    /// `target_log_info`.
    pub log_info: Option<String>,
    /// `display_traceback`: of what (`error`, `warning`, ...).
    pub tracebacks: Vec<String>,
}

impl Default for ModuleDefaults {
    fn default() -> Self {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect();
        Self {
            python: "auto".to_owned(),
            pythons: words("python3.13 python3.12 python3.11 python3.10 python3.9 python3.8 /usr/bin/python3 python3"),
            open_files: 0,
            keep_files: false,
            shell: "/bin/sh".to_owned(),
            syslog_facility: "LOG_USER".to_owned(),
            no_target_syslog: false,
            special_filesystems: words("fuse nfs vboxsf ramfs 9p vfat"),
            log_info: None,
            tracebacks: Vec::new(),
        }
    }
}

/// What inventories are read with besides files.
#[derive(Clone)]
pub struct InventoryReading {
    /// Renders what sources hold.
    pub templates: Arc<dyn rplay_inventory::Templates>,
    /// Runs plugins that are not native.
    pub plugins: Arc<dyn rplay_inventory::Plugins>,
}

/// What a run is started with.
#[derive(Clone)]
pub struct RunOptions {
    /// How many hosts at once.
    pub forks: usize,
    /// `--check`.
    pub check: bool,
    /// `--diff`.
    pub diff: bool,
    /// `-v` count.
    pub verbosity: u8,
    /// `--tags`, one entry each.
    pub tags: Vec<String>,
    /// `--skip-tags`, one entry each.
    pub skip_tags: Vec<String>,
    /// `--limit` as given, for `ansible_limit`. The inventory is limited already.
    pub limit: Option<String>,
    /// `-e`, merged.
    pub extra_vars: Map,
    /// `--start-at-task`: a name or a pattern.
    pub start_at_task: Option<String>,
    /// `--step`.
    pub step: bool,
    /// `ENABLE_TASK_DEBUGGER`: failures of every task are debugged.
    pub task_debugger: bool,
    /// `TASK_DEBUGGER_IGNORE_ERRORS`: not those that are ignored.
    pub task_debugger_ignore_errors: bool,
    /// `--force-handlers`.
    pub force_handlers: bool,
    /// `gathering`.
    pub gathering: Gathering,
    /// `gather_subset` when the play has none.
    pub gather_subset: Option<Vec<String>>,
    /// `facts_modules`: what gathers facts.
    pub facts_modules: Vec<String>,
    /// The strategy of plays that name none.
    pub strategy: String,
    /// `gather_timeout` when the play has none.
    pub gather_timeout: Option<i64>,
    /// `fact_caching`: where facts are kept for later runs.
    pub fact_caching: FactCaching,
    /// `--flush-cache`: forget cached facts of all hosts when the run begins.
    pub flush_cache: bool,
    /// `inject_facts_as_vars`.
    pub inject_facts: bool,
    /// `hash_behaviour=merge`.
    pub merge_hashes: bool,
    /// `no_log` of tasks that do not say.
    pub no_log: bool,
    /// `any_errors_fatal`.
    pub any_errors_fatal: bool,
    /// `error_on_missing_handler`.
    pub error_on_missing_handler: bool,
    /// `async_dir`: the folder on targets for the status of background tasks.
    pub async_dir: Option<String>,
    /// `task_timeout`: seconds after which a task fails that does not say itself; 0 is never.
    pub task_timeout: i64,
    /// `poll_interval`, in seconds.
    pub poll_interval: u64,
    /// `max_file_size_for_diff`, in bytes.
    pub max_diff_size: u64,
    /// Which release is followed, and reported as `ansible_version`.
    pub compat: Compat,
    /// `ansible_config_file`.
    pub config_file: Option<PathBuf>,
    /// `-i`, as `ansible_inventory_sources`.
    pub inventory_sources: Vec<String>,
    /// How they are read, when they are read anew.
    pub inventory_settings: rplay_inventory::Settings,
    /// What reads it again when a task asks for it.
    pub inventory_reading: Option<InventoryReading>,
    /// `ansible_playbook_python`.
    pub playbook_python: Option<PathBuf>,
    /// What modules that are not native are told and started with.
    pub modules: ModuleDefaults,
    /// How hosts are reached.
    pub connection: ConnectionDefaults,
    /// Who answers questions (`vars_prompt`, `pause`, `--step`).
    pub prompter: Arc<dyn Prompter>,
    /// The texts of the run.
    pub sources: Sources,
    /// Where results are kept, so that the run can go on after a failure or a kill; what it holds already is not run.
    pub journal: Option<Arc<rplay_journal::Journal>>,
}

impl RunOptions {
    /// Ansible's defaults.
    pub fn new(sources: Sources, prompter: Arc<dyn Prompter>) -> Self {
        Self {
            forks: 5,
            check: false,
            diff: false,
            verbosity: 0,
            tags: Vec::new(),
            skip_tags: Vec::new(),
            limit: None,
            extra_vars: Map::new(),
            start_at_task: None,
            step: false,
            task_debugger: false,
            task_debugger_ignore_errors: true,
            force_handlers: false,
            gathering: Gathering::default(),
            gather_subset: None,
            facts_modules: vec!["smart".to_owned()],
            strategy: "linear".to_owned(),
            gather_timeout: None,
            fact_caching: FactCaching::default(),
            flush_cache: false,
            inject_facts: true,
            merge_hashes: false,
            no_log: false,
            any_errors_fatal: false,
            error_on_missing_handler: true,
            async_dir: None,
            task_timeout: 0,
            poll_interval: 15,
            max_diff_size: 104_448,
            compat: Compat::default(),
            config_file: None,
            inventory_sources: Vec::new(),
            inventory_settings: rplay_inventory::Settings::default(),
            inventory_reading: None,
            playbook_python: None,
            modules: ModuleDefaults::default(),
            connection: ConnectionDefaults::default(),
            prompter,
            sources,
            journal: None,
        }
    }

    /// `ansible_version`: the dictionary.
    pub(crate) fn version(&self) -> Map {
        let full = self.compat.full();
        let [major, minor, revision] = self.compat.parts().map(i64::from);
        Map::from_iter([
            ("string", Value::from(&full)),
            ("full", Value::from(&full)),
            ("major", Value::from(major)),
            ("minor", Value::from(minor)),
            ("revision", Value::from(revision)),
        ])
    }
}
