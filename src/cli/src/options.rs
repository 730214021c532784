//! The options of `rplay PLAYBOOK...`: ansible-playbook's, with its names, and a few of rplay's own.

use std::path::PathBuf;

use clap::{ArgAction, Args};
use serde::{Deserialize, Serialize};

/// Where vault passwords come from, for every command that reads encrypted files.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct VaultOptions {
    /// Ask for the vault password
    #[arg(
        short = 'J',
        long = "ask-vault-password",
        visible_alias = "ask-vault-pass",
        conflicts_with = "vault_password_file"
    )]
    pub(crate) ask_vault_pass: bool,

    /// Vault password file or script; may be given several times
    #[arg(long, visible_alias = "vault-pass-file", value_name = "FILE", action = ArgAction::Append)]
    pub(crate) vault_password_file: Vec<PathBuf>,

    /// Vault identity to use: NAME@FILE or NAME@prompt; may be given several times
    #[arg(long, value_name = "VAULT_ID", action = ArgAction::Append)]
    pub(crate) vault_id: Vec<String>,
}

/// Run playbooks on the hosts of an inventory. The journal of a run keeps them, for when it goes on.
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct PlaybookOptions {
    /// Playbooks to run, in order
    #[arg(required = true, value_name = "PLAYBOOK")]
    pub(crate) playbooks: Vec<PathBuf>,

    /// Inventory: a file, a directory, a script, or a comma separated host list; may be given several times
    #[arg(short = 'i', long = "inventory", alias = "inventory-file", value_name = "INVENTORY")]
    pub(crate) inventory: Vec<String>,

    /// Where plugins are looked for when there is no playbook: `--playbook-dir` of other commands
    #[arg(skip)]
    pub(crate) playbook_dir: Option<PathBuf>,

    /// Further limit the selected hosts to a pattern
    #[arg(short = 'l', long, value_name = "SUBSET", action = ArgAction::Append)]
    pub(crate) limit: Vec<String>,

    /// Set variables: key=value pairs, YAML or JSON text, or @FILE
    #[arg(short = 'e', long = "extra-vars", value_name = "EXTRA_VARS", action = ArgAction::Append)]
    pub(crate) extra_vars: Vec<String>,

    /// Only run plays and tasks tagged with these values
    #[arg(short = 't', long, value_name = "TAGS", action = ArgAction::Append)]
    pub(crate) tags: Vec<String>,

    /// Only run plays and tasks whose tags do not match these values
    #[arg(long, value_name = "TAGS", action = ArgAction::Append)]
    pub(crate) skip_tags: Vec<String>,

    /// Don't make any changes; instead, try to predict some of the changes that may occur
    #[arg(short = 'C', long)]
    pub(crate) check: bool,

    /// When changing (small) files and templates, show the differences in those files
    #[arg(short = 'D', long)]
    pub(crate) diff: bool,

    /// Show the output of commands, scripts and package tools while it comes
    #[arg(long)]
    pub(crate) follow: bool,

    /// Number of hosts worked on at the same time
    #[arg(short = 'f', long, value_name = "FORKS", value_parser = forks)]
    pub(crate) forks: Option<usize>,

    /// Start the playbook at the task matching this name, or standing at this place; dynamic includes are looked into
    #[arg(long, value_name = "NAME|FILE:LINE")]
    pub(crate) start_at_task: Option<String>,

    /// One-step-at-a-time: confirm each task before running
    #[arg(long)]
    pub(crate) step: bool,

    /// Perform a syntax check on the playbook, but do not execute it
    #[arg(long)]
    pub(crate) syntax_check: bool,

    /// Outputs a list of matching hosts; does not execute anything else
    #[arg(long)]
    pub(crate) list_hosts: bool,

    /// List all tasks that would be executed
    #[arg(long)]
    pub(crate) list_tasks: bool,

    /// List all available tags
    #[arg(long)]
    pub(crate) list_tags: bool,

    /// Run handlers even if a task fails
    #[arg(long)]
    pub(crate) force_handlers: bool,

    /// Clear the fact cache for every host in inventory
    #[arg(long)]
    pub(crate) flush_cache: bool,

    /// Run operations with become
    #[arg(short = 'b', long = "become")]
    pub(crate) become_: bool,

    /// Privilege escalation method to use: sudo or su
    #[arg(long, value_name = "BECOME_METHOD")]
    pub(crate) become_method: Option<String>,

    /// Run operations as this user
    #[arg(long, value_name = "BECOME_USER")]
    pub(crate) become_user: Option<String>,

    /// Ask for the privilege escalation password
    #[arg(short = 'K', long, conflicts_with = "become_password_file")]
    pub(crate) ask_become_pass: bool,

    /// File with the privilege escalation password
    #[arg(long, alias = "become-pass-file", value_name = "FILE")]
    pub(crate) become_password_file: Option<PathBuf>,

    /// Connect as this user
    #[arg(short = 'u', long = "user", value_name = "REMOTE_USER")]
    pub(crate) remote_user: Option<String>,

    /// Connection to use: ssh, local or docker
    #[arg(short = 'c', long, value_name = "CONNECTION")]
    pub(crate) connection: Option<String>,

    /// Seconds to wait for a connection
    #[arg(short = 'T', long, value_name = "TIMEOUT")]
    pub(crate) timeout: Option<u64>,

    /// Ask for the connection password
    #[arg(short = 'k', long, conflicts_with = "connection_password_file")]
    pub(crate) ask_pass: bool,

    /// File with the connection password
    #[arg(long, alias = "conn-pass-file", value_name = "FILE")]
    pub(crate) connection_password_file: Option<PathBuf>,

    /// Use this file to authenticate the connection
    #[arg(long, alias = "key-file", value_name = "PRIVATE_KEY_FILE")]
    pub(crate) private_key: Option<PathBuf>,

    /// Arguments to pass to ssh (for example ProxyCommand)
    #[arg(long, value_name = "SSH_COMMON_ARGS", allow_hyphen_values = true)]
    pub(crate) ssh_common_args: Option<String>,

    /// Extra arguments to pass to ssh only (for example -R)
    #[arg(long, value_name = "SSH_EXTRA_ARGS", allow_hyphen_values = true)]
    pub(crate) ssh_extra_args: Option<String>,

    /// Refused: rplay never starts sftp, files travel over the agent's channel
    #[arg(long, value_name = "SFTP_EXTRA_ARGS", allow_hyphen_values = true)]
    pub(crate) sftp_extra_args: Option<String>,

    /// Refused: rplay never starts scp, files travel over the agent's channel
    #[arg(long, value_name = "SCP_EXTRA_ARGS", allow_hyphen_values = true)]
    pub(crate) scp_extra_args: Option<String>,

    /// Ask for the vault password
    #[arg(
        short = 'J',
        long = "ask-vault-password",
        visible_alias = "ask-vault-pass",
        conflicts_with = "vault_password_file"
    )]
    pub(crate) ask_vault_pass: bool,

    /// Vault password file or script; may be given several times
    #[arg(long, visible_alias = "vault-pass-file", value_name = "FILE", action = ArgAction::Append)]
    pub(crate) vault_password_file: Vec<PathBuf>,

    /// Vault identity to use: NAME@FILE or NAME@prompt; may be given several times
    #[arg(long, value_name = "VAULT_ID", action = ArgAction::Append)]
    pub(crate) vault_id: Vec<String>,

    /// Folders to look for modules in first, separated by `:`
    #[arg(short = 'M', long, value_name = "MODULE_PATH", action = ArgAction::Append)]
    pub(crate) module_path: Vec<String>,

    /// Print more; -vvv for connection details
    #[arg(short = 'v', long, action = ArgAction::Count)]
    pub(crate) verbose: u8,

    /// Follow one release of Ansible: 1.9, 2.9, 2.11, 2.16, 2.19, one in between, or `auto` for what the project pins
    #[arg(long, value_name = "RELEASE")]
    pub(crate) compat: Option<String>,

    /// What to print: default, minimal, oneline, json, jsonl, yaml or junit
    #[arg(long, value_name = "OUTPUT")]
    pub(crate) output: Option<String>,

    /// Also write every event of the run to this file, one JSON document a line
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,

    /// Write no journal: the run cannot be resumed
    #[arg(long)]
    pub(crate) no_journal: bool,

    /// The folder of journals
    #[arg(long, value_name = "DIR")]
    pub(crate) journal_dir: Option<PathBuf>,

    /// Remove the agent from the targets when the run ends
    #[arg(long)]
    pub(crate) no_cache_agent: bool,
}

impl PlaybookOptions {
    /// The options about vaults. They are not flattened in: clap cannot tell whether a flattened struct that holds
    /// another one was given at all, and `rplay` alone has to.
    pub(crate) fn vault(&self) -> VaultOptions {
        VaultOptions {
            ask_vault_pass: self.ask_vault_pass,
            vault_password_file: self.vault_password_file.clone(),
            vault_id: self.vault_id.clone(),
        }
    }

    /// Options that are recognised and cannot be honoured, each with the reason.
    pub(crate) fn refused(&self) -> Option<(&'static str, &'static str)> {
        let refused = [
            (
                self.sftp_extra_args.is_some(),
                "--sftp-extra-args",
                "rplay never starts sftp: files travel over the agent's own channel; use --ssh-common-args",
            ),
            (
                self.scp_extra_args.is_some(),
                "--scp-extra-args",
                "rplay never starts scp: files travel over the agent's own channel; use --ssh-common-args",
            ),
        ];
        refused.into_iter().find(|(given, _, _)| *given).map(|(_, name, why)| (name, why))
    }

    /// Tags to run, `all` when none are given. Comma separated values are split as Ansible does.
    pub(crate) fn split(values: &[String]) -> Vec<String> {
        values.iter().flat_map(|v| v.split(',')).map(str::trim).filter(|t| !t.is_empty()).map(str::to_owned).collect()
    }
}

/// What every command takes that works on hosts and reads no playbook: adhoc and console.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct TargetOptions {
    /// Inventory: a file, a directory, a script, or a comma separated host list; may be given several times
    #[arg(short = 'i', long = "inventory", alias = "inventory-file", value_name = "INVENTORY")]
    pub(crate) inventory: Vec<String>,

    /// Further limit the selected hosts to a pattern
    #[arg(short = 'l', long, value_name = "SUBSET", action = ArgAction::Append)]
    pub(crate) limit: Vec<String>,

    /// Set variables: key=value pairs, YAML or JSON text, or @FILE
    #[arg(short = 'e', long = "extra-vars", value_name = "EXTRA_VARS", action = ArgAction::Append)]
    pub(crate) extra_vars: Vec<String>,

    /// Don't make any changes; instead, try to predict some of the changes that may occur
    #[arg(short = 'C', long)]
    pub(crate) check: bool,

    /// When changing (small) files and templates, show the differences in those files
    #[arg(short = 'D', long)]
    pub(crate) diff: bool,

    /// Number of hosts worked on at the same time
    #[arg(short = 'f', long, value_name = "FORKS", value_parser = forks)]
    pub(crate) forks: Option<usize>,

    /// Clear the fact cache for every host in inventory
    #[arg(long)]
    pub(crate) flush_cache: bool,

    /// Run operations with become
    #[arg(short = 'b', long = "become")]
    pub(crate) become_: bool,

    /// Privilege escalation method to use: sudo or su
    #[arg(long, value_name = "BECOME_METHOD")]
    pub(crate) become_method: Option<String>,

    /// Run operations as this user
    #[arg(long, value_name = "BECOME_USER")]
    pub(crate) become_user: Option<String>,

    /// Ask for the privilege escalation password
    #[arg(short = 'K', long, conflicts_with = "become_password_file")]
    pub(crate) ask_become_pass: bool,

    /// File with the privilege escalation password
    #[arg(long, alias = "become-pass-file", value_name = "FILE")]
    pub(crate) become_password_file: Option<PathBuf>,

    /// Connect as this user
    #[arg(short = 'u', long = "user", value_name = "REMOTE_USER")]
    pub(crate) remote_user: Option<String>,

    /// Connection to use: ssh, local or docker
    #[arg(short = 'c', long, value_name = "CONNECTION")]
    pub(crate) connection: Option<String>,

    /// Seconds to wait for a connection
    #[arg(short = 'T', long, value_name = "TIMEOUT")]
    pub(crate) timeout: Option<u64>,

    /// Ask for the connection password
    #[arg(short = 'k', long, conflicts_with = "connection_password_file")]
    pub(crate) ask_pass: bool,

    /// File with the connection password
    #[arg(long, alias = "conn-pass-file", value_name = "FILE")]
    pub(crate) connection_password_file: Option<PathBuf>,

    /// Use this file to authenticate the connection
    #[arg(long, alias = "key-file", value_name = "PRIVATE_KEY_FILE")]
    pub(crate) private_key: Option<PathBuf>,

    /// Arguments to pass to ssh (for example ProxyCommand)
    #[arg(long, value_name = "SSH_COMMON_ARGS", allow_hyphen_values = true)]
    pub(crate) ssh_common_args: Option<String>,

    /// Extra arguments to pass to ssh only (for example -R)
    #[arg(long, value_name = "SSH_EXTRA_ARGS", allow_hyphen_values = true)]
    pub(crate) ssh_extra_args: Option<String>,

    /// Refused: rplay never starts sftp, files travel over the agent's channel
    #[arg(long, value_name = "SFTP_EXTRA_ARGS", allow_hyphen_values = true)]
    pub(crate) sftp_extra_args: Option<String>,

    /// Refused: rplay never starts scp, files travel over the agent's channel
    #[arg(long, value_name = "SCP_EXTRA_ARGS", allow_hyphen_values = true)]
    pub(crate) scp_extra_args: Option<String>,

    /// Show what running programs write, as it comes
    #[arg(long)]
    pub(crate) follow: bool,

    /// Where roles, files and variables are looked for, as if a playbook stood there
    #[arg(long, value_name = "BASEDIR")]
    pub(crate) playbook_dir: Option<PathBuf>,

    /// Seconds after which a task fails
    #[arg(long, value_name = "TASK_TIMEOUT", allow_negative_numbers = true)]
    pub(crate) task_timeout: Option<i64>,

    /// Folders of modules of your own
    #[arg(short = 'M', long, value_name = "MODULE_PATH", action = ArgAction::Append)]
    pub(crate) module_path: Vec<String>,

    #[command(flatten)]
    pub(crate) vault: VaultOptions,

    /// Print more; -vvv for connection details
    #[arg(short = 'v', long, action = ArgAction::Count)]
    pub(crate) verbose: u8,

    /// Follow one release of Ansible: 1.9, 2.9, 2.11, 2.16, 2.19, or one in between
    #[arg(long, value_name = "RELEASE")]
    pub(crate) compat: Option<String>,

    /// What to print: minimal, oneline, default, json, jsonl, yaml or junit
    #[arg(long, value_name = "OUTPUT")]
    pub(crate) output: Option<String>,

    /// Also write every event of the run to this file, one JSON document a line
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,

    /// Remove the agent from the targets when the run ends
    #[arg(long)]
    pub(crate) no_cache_agent: bool,
}

/// At least one, as Ansible has it.
fn forks(text: &str) -> Result<usize, String> {
    let forks = text.parse::<usize>().map_err(|error| error.to_string())?;
    if forks == 0 { Err("The number of processes (--forks) must be >= 1".to_owned()) } else { Ok(forks) }
}

impl TargetOptions {
    /// The same as options of a run of playbooks.
    pub(crate) fn playbook_options(&self) -> PlaybookOptions {
        let given = self.clone();
        PlaybookOptions {
            inventory: given.inventory,
            playbook_dir: given.playbook_dir,
            limit: given.limit,
            extra_vars: given.extra_vars,
            check: given.check,
            diff: given.diff,
            forks: given.forks,
            flush_cache: given.flush_cache,
            become_: given.become_,
            become_method: given.become_method,
            become_user: given.become_user,
            ask_become_pass: given.ask_become_pass,
            become_password_file: given.become_password_file,
            remote_user: given.remote_user,
            connection: given.connection,
            timeout: given.timeout,
            ask_pass: given.ask_pass,
            connection_password_file: given.connection_password_file,
            private_key: given.private_key,
            ssh_common_args: given.ssh_common_args,
            ssh_extra_args: given.ssh_extra_args,
            sftp_extra_args: given.sftp_extra_args,
            scp_extra_args: given.scp_extra_args,
            module_path: given.module_path,
            ask_vault_pass: given.vault.ask_vault_pass,
            vault_password_file: given.vault.vault_password_file,
            vault_id: given.vault.vault_id,
            verbose: given.verbose,
            compat: given.compat,
            output: given.output,
            record: given.record,
            no_cache_agent: given.no_cache_agent,
            follow: given.follow,
            ..PlaybookOptions::default()
        }
    }
}
