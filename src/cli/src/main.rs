//! `rplay`: run playbooks, and everything around that.
//!
//! `rplay PLAYBOOK... -i INVENTORY` is ansible-playbook, with its options. Everything else is a sub-command. Called
//! through a link named `ansible`, `ansible-playbook`, `ansible-vault` and so on it behaves as that.

mod agent;
mod commands;
mod compat;
mod composer;
mod config_file;
mod exit;
mod extra_vars;
mod fact_caching;
mod failure;
mod inventory_plugins;
mod journal;
mod known;
mod modules;
mod notices;
mod options;
mod places;
mod plugins;
mod prompter;
mod settings;
mod vars_plugins;
mod vault;

use std::ffi::OsString;
use std::path::Path;

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::options::PlaybookOptions;

#[derive(Parser, Debug)]
#[command(name = "rplay", version, about, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(about = "Run Ansible playbooks, fast and without Python")]
#[command(
    after_help = "`rplay site.yml -i hosts` runs a playbook. A playbook that is called like a command is run as `rplay ./NAME`."
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    playbook: Option<PlaybookOptions>,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Run playbooks: the same as naming them without a command
    Playbook(Box<PlaybookOptions>),
    /// Run one task on hosts: ansible
    Adhoc(Box<commands::adhoc::Options>),
    /// Show what a module, filter, test or lookup does, or list them
    Doc(commands::doc::Options),
    /// Show every setting of Ansible with its value here, or the config file
    Config(commands::config::Options),
    /// Encrypt, decrypt and edit files and strings: ansible-vault
    Vault(Box<commands::vault::Options>),
    /// Check playbooks, roles and templates for what a release of Ansible refuses
    Lint(commands::lint::Options),
    /// Go on with a run that failed or was killed
    Resume(Box<commands::resume::Options>),
    /// List runs, and show or remove their journals
    Runs(commands::runs::Options),
    /// Show hosts, groups and variables: ansible-inventory
    Inventory(Box<commands::inventory::Options>),
    /// Explain a variable: every place that sets it, which one wins, and its value
    Why(Box<commands::why::Options>),
    /// Run tasks on hosts, typed one by one: ansible-console
    Console(Box<commands::console::Options>),
    /// Fetch playbooks from a repository and run them on this machine: ansible-pull
    Pull(Box<commands::pull::Options>),
    /// Make nodes, deploy on them, check, break and remove them, as a scenario file says
    Scenario(Box<commands::scenario::Options>),
    /// Print a completion script for a shell
    Completion {
        /// The shell to complete for
        shell: clap_complete::Shell,
    },
}

fn main() {
    // A panic is a fault of rplay's own; its message is on standard error already.
    let code = std::panic::catch_unwind(|| run(std::env::args_os().collect())).unwrap_or(exit::INTERNAL);
    std::process::exit(code);
}

fn run(mut args: Vec<OsString>) -> i32 {
    let called = args.first().and_then(|a| Path::new(a).file_stem()).map(|n| n.to_string_lossy().into_owned());
    if let Some(command) = called.as_deref().and_then(standing_for) {
        args.insert(1, command.into());
    }
    if let [_, command, rest @ ..] = args.as_slice()
        && let Some(program) = command.to_str().and_then(classic)
        && rest.iter().take_while(|arg| *arg != "--").any(|arg| arg == "--version")
    {
        version(program);
        return exit::OK;
    }
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are not errors; clap knows which stream is theirs.
            let _ = error.print();
            return error.exit_code();
        }
    };
    match (cli.command, cli.playbook) {
        (Some(Command::Playbook(options)), _) => commands::playbook::run(&options),
        (None, Some(options)) => commands::playbook::run(&options),
        (Some(Command::Adhoc(options)), _) => commands::adhoc::run(&options),
        (Some(Command::Resume(options)), _) => commands::resume::run(&options),
        (Some(Command::Runs(options)), _) => commands::runs::run(&options),
        (Some(Command::Doc(options)), _) => commands::doc::run(&options),
        (Some(Command::Config(options)), _) => commands::config::run(&options),
        (Some(Command::Vault(options)), _) => commands::vault::run(&options),
        (Some(Command::Lint(options)), _) => commands::lint::run(&options),
        (Some(Command::Inventory(options)), _) => commands::inventory::run(&options),
        (Some(Command::Why(options)), _) => commands::why::run(&options),
        (Some(Command::Console(options)), _) => commands::console::run(&options),
        (Some(Command::Pull(options)), _) => commands::pull::run(&options),
        (Some(Command::Scenario(options)), _) => commands::scenario::run(&options),
        (Some(Command::Completion { shell }), _) => {
            clap_complete::generate(shell, &mut Cli::command(), "rplay", &mut std::io::stdout());
            exit::OK
        }
        (None, None) => {
            let _ = Cli::command().print_help();
            exit::OPTIONS
        }
    }
}

/// The program of ansible-core that a command stands for.
fn classic(command: &str) -> Option<&'static str> {
    let programs = [
        ("adhoc", "ansible"),
        ("playbook", "ansible-playbook"),
        ("inventory", "ansible-inventory"),
        ("vault", "ansible-vault"),
        ("config", "ansible-config"),
        ("doc", "ansible-doc"),
        ("console", "ansible-console"),
        ("pull", "ansible-pull"),
    ];
    programs.into_iter().find(|(name, _)| *name == command).map(|(_, program)| program)
}

/// What `ansible --version` prints, as far as there is something to say: programs read its first line.
fn version(program: &str) {
    use std::io::Write as _;
    let settings = settings::Settings::load(&rplay_diag::Sources::new(), &|name| std::env::var(name).ok()).ok();
    let file = settings.as_ref().and_then(|settings| settings.file.clone());
    let file = file.map_or_else(|| "None".to_owned(), |file| file.display().to_string());
    let own = std::env::current_exe().map(|path| path.display().to_string()).unwrap_or_default();
    let collections = settings.map(|settings| settings.paths("COLLECTIONS_PATHS")).unwrap_or_default();
    let collections: Vec<String> = collections.iter().map(|path| path.display().to_string()).collect();
    let text = format!(
        "{program} [core {}]\n  config file = {file}\n  ansible collection location = {}\n  executable location = {own}\n  rplay version = {}\n",
        rplay_value::Compat::default().full(),
        collections.join(":"),
        env!("CARGO_PKG_VERSION"),
    );
    // A reader that went away (`| head`) has what it wanted.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

/// The command that a link of this name stands for.
fn standing_for(name: &str) -> Option<&'static str> {
    // Distributions add their Python's version: `ansible-playbook-3`.
    let is = |program: &str| name.strip_prefix(program).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'));
    let exact = [
        ("ansible-playbook", "playbook"),
        ("ansible-inventory", "inventory"),
        ("ansible-vault", "vault"),
        ("ansible-config", "config"),
        ("ansible-doc", "doc"),
        ("ansible-pull", "pull"),
        ("ansible-console", "console"),
    ];
    let found = exact.into_iter().find_map(|(program, command)| is(program).then_some(command));
    let versioned = |rest: &str| rest.starts_with(|c: char| c.is_ascii_digit());
    let plain = name == "ansible" || name.strip_prefix("ansible-").is_some_and(versioned);
    found.or(plain.then_some("adhoc"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_called_like_ansible_s_programs() {
        assert_eq!(standing_for("ansible-vault"), Some("vault"));
        assert_eq!(standing_for("ansible-inventory"), Some("inventory"));
        assert_eq!(standing_for("ansible-playbook-3"), Some("playbook"));
        assert_eq!(standing_for("ansible"), Some("adhoc"));
        assert_eq!(standing_for("ansible-3"), Some("adhoc"));
        assert_eq!(standing_for("ansible-vaults"), None);
        assert_eq!(standing_for("rplay"), None);
    }
}
