//! `rplay pull -U URL`: this machine fetches playbooks from a repository and runs them on itself, as `ansible-pull`.

use std::ffi::OsString;
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::{ArgAction, Args, ValueEnum};
use jiff::Zoned;
use rplay_diag::{Diagnostic, Sources};

use crate::exit;
use crate::failure::Failure;
use crate::options::VaultOptions;
use crate::settings::Settings;

/// Fetch playbooks from a repository and run them here.
#[derive(Args, Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "one for each switch of ansible-pull")]
pub(crate) struct Options {
    /// Playbooks in the repository; the host's own name or local.yml when none is given
    #[arg(value_name = "PLAYBOOK")]
    playbooks: Vec<String>,

    /// URL of the repository
    #[arg(short = 'U', long)]
    url: Option<String>,

    /// Folder for the checkout
    #[arg(short = 'd', long, value_name = "DEST")]
    directory: Option<PathBuf>,

    /// Branch, tag or commit to check out
    #[arg(short = 'C', long)]
    checkout: Option<String>,

    /// Module that checks out
    #[arg(short = 'm', long, value_enum, default_value = "git")]
    module_name: Repository,

    /// Only run the playbook if the repository has been updated
    #[arg(short = 'o', long)]
    only_if_changed: bool,

    /// Run the playbook even if the repository could not be updated
    #[arg(short = 'f', long)]
    force: bool,

    /// Wait a random time of up to so many seconds first
    #[arg(short = 's', long, value_name = "SECONDS")]
    sleep: Option<u64>,

    /// Remove the checkout after the run
    #[arg(long)]
    purge: bool,

    /// Clone everything, not only what is needed
    #[arg(long)]
    full: bool,

    /// Accept the host key of the repository's server
    #[arg(long)]
    accept_host_key: bool,

    /// Refuse commits without a good signature
    #[arg(long)]
    verify_commit: bool,

    /// Discard modified files of the checkout
    #[arg(long)]
    clean: bool,

    /// Submodules follow their branches
    #[arg(long)]
    track_subs: bool,

    /// Don't make any changes; instead, try to predict some of the changes that may occur
    #[arg(long)]
    check: bool,

    /// Show the differences in changed files
    #[arg(long)]
    diff: bool,

    /// Inventory: a file, a directory, a script, or a comma separated host list; may be given several times
    #[arg(short = 'i', long = "inventory", alias = "inventory-file", value_name = "INVENTORY")]
    inventory: Vec<String>,

    /// Further limit the selected hosts to a pattern
    #[arg(short = 'l', long, value_name = "SUBSET", action = ArgAction::Append)]
    limit: Vec<String>,

    /// Set variables: key=value pairs, YAML or JSON text, or @FILE
    #[arg(short = 'e', long = "extra-vars", value_name = "EXTRA_VARS", action = ArgAction::Append)]
    extra_vars: Vec<String>,

    /// Only run plays and tasks tagged with these values
    #[arg(short = 't', long, value_name = "TAGS", action = ArgAction::Append)]
    tags: Vec<String>,

    /// Only run plays and tasks whose tags do not match these values
    #[arg(long, value_name = "TAGS", action = ArgAction::Append)]
    skip_tags: Vec<String>,

    /// Clear the fact cache for every host in inventory
    #[arg(long)]
    flush_cache: bool,

    /// Key for the repository
    #[arg(long, alias = "key-file", value_name = "PRIVATE_KEY_FILE")]
    private_key: Option<PathBuf>,

    /// Ask for the privilege escalation password
    #[arg(short = 'K', long, conflicts_with = "become_password_file")]
    ask_become_pass: bool,

    /// File with the privilege escalation password
    #[arg(long, alias = "become-pass-file", value_name = "FILE")]
    become_password_file: Option<PathBuf>,

    #[command(flatten)]
    vault: VaultOptions,

    /// Print more; -vvv for connection details
    #[arg(short = 'v', long, action = ArgAction::Count)]
    verbose: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Repository {
    /// git
    Git,
    /// Subversion
    Subversion,
    /// Mercurial
    Hg,
    /// Bazaar
    Bzr,
}

impl Repository {
    fn module(self) -> &'static str {
        match self {
            Self::Git => "git",
            Self::Subversion => "subversion",
            Self::Hg => "hg",
            Self::Bzr => "bzr",
        }
    }
}

/// Runs the command; the value is the exit code.
pub(crate) fn run(options: &Options) -> i32 {
    let sources = Sources::new();
    pull(options, &sources).unwrap_or_else(|failure| {
        failure.report(&sources, io::stderr().is_terminal());
        failure.code
    })
}

fn say(text: &str) {
    // A reader that went away has what it wanted.
    let _ = writeln!(io::stdout().lock(), "{text}");
}

fn warn(text: &str) {
    let _ = writeln!(io::stderr().lock(), "[WARNING]: {text}");
}

fn pull(options: &Options, sources: &Sources) -> Result<i32, Failure> {
    let settings = Settings::load(sources, &|name| std::env::var(name).ok())
        .map_err(|error| Failure::error(error.diagnostic()))?;
    let names = Names::here();
    let home = settings.text("ANSIBLE_HOME").unwrap_or_default();
    let folder = options.directory.clone().unwrap_or_else(|| PathBuf::from(home).join("pull").join(&names.full));
    let folder = crate::settings::expand(&folder.to_string_lossy());
    let folder = std::path::absolute(&folder).unwrap_or(folder);
    if folder.exists() && !folder.is_dir() {
        let message = format!("{} is not a valid or accessible directory.", folder.display());
        return Err(Failure::options(Diagnostic::error(message)));
    }
    let Some(url) = options.url.as_deref().filter(|url| !url.is_empty()) else {
        let error = Diagnostic::error("URL for repository not specified, use -h for help");
        return Err(Failure::options(error.hint("-U takes it")));
    };
    say(&Zoned::now().strftime("Starting Ansible Pull at %Y-%m-%d %H:%M:%S").to_string());
    say(&std::env::args().collect::<Vec<_>>().join(" "));
    if let Some(limit) = options.sleep.filter(|limit| *limit > 0) {
        let seconds = random_below(limit);
        say(&format!("Sleeping for {seconds} seconds..."));
        std::thread::sleep(std::time::Duration::from_secs(seconds));
    }
    let limit = names.limit();
    let (code, output) = checkout(options, url, &folder, &limit)?;
    if code != exit::OK {
        if !options.force {
            return Ok(code);
        }
        warn("Unable to update repository. Continuing with (forced) run of playbook.");
    } else if options.only_if_changed {
        let changed = ["\"changed\": true", "changed: True", "| CHANGED =>"].iter().any(|mark| output.contains(mark));
        if !changed {
            say(&format!("Repository has not changed, quitting: {}", output.trim_end()));
            return Ok(exit::OK);
        }
    }
    let Some(playbooks) = select(options, &folder, &names) else {
        return Err(Failure::options(Diagnostic::error("Could not find a playbook to run.")));
    };
    let code = play(options, &playbooks, &folder, &limit)?;
    if options.purge
        && let Err(error) = fs_err::remove_dir_all(&folder)
    {
        warn(&format!("Failed to remove {}: {error}", folder.display()));
    }
    Ok(code)
}

/// The names this machine goes by.
struct Names {
    full: String,
    node: String,
}

impl Names {
    fn here() -> Self {
        let node = nix::unistd::gethostname().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let asked = Command::new("hostname").arg("--fqdn").stderr(Stdio::null()).output();
        let full = asked.ok().filter(|output| output.status.success());
        let full = full.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
        Self { full: full.filter(|name| !name.is_empty()).unwrap_or_else(|| node.clone()), node }
    }

    fn short(name: &str) -> &str {
        name.split('.').next().unwrap_or(name)
    }

    /// The hosts of an inventory that may be this machine.
    fn limit(&self) -> String {
        let mut names = vec!["localhost"];
        for name in [&*self.full, &*self.node, Self::short(&self.full), Self::short(&self.node)] {
            if !name.is_empty() && !names.contains(&name) {
                names.push(name);
            }
        }
        names.push("127.0.0.1");
        names.join(",")
    }
}

/// This program with a sub-command; what every run here has in common.
fn program(command: &str, options: &Options) -> Result<Command, Failure> {
    let own = std::env::current_exe()
        .map_err(|error| Failure::error(Diagnostic::error(format!("rplay cannot find itself: {error}"))))?;
    let mut program = Command::new(own);
    program.arg(command).args(["-c", "local"]);
    if options.verbose > 0 {
        program.arg(format!("-{}", "v".repeat(usize::from(options.verbose))));
    }
    Ok(program)
}

/// Inventories of the options that are there; one that the checkout will bring is there later.
fn inventories(options: &Options, folder: Option<&Path>) -> Vec<OsString> {
    let there = |given: &&String| {
        let path = folder.map_or_else(|| PathBuf::from(given), |folder| folder.join(given));
        given.contains(',') || path.exists()
    };
    options.inventory.iter().filter(there).flat_map(|given| ["-i".into(), given.into()]).collect()
}

/// Runs the module that checks out. Its output is shown as it comes, and returned.
fn checkout(options: &Options, url: &str, folder: &Path, limit: &str) -> Result<(i32, String), Failure> {
    let (name, version) = match options.module_name {
        Repository::Git | Repository::Bzr => ("name", "version"),
        Repository::Subversion | Repository::Hg => ("repo", "revision"),
    };
    let mut args = serde_json::Map::new();
    let mut set = |key: &str, value: serde_json::Value| _ = args.insert(key.to_owned(), value);
    set(name, url.into());
    set("dest", folder.display().to_string().into());
    if let Some(wanted) = &options.checkout {
        set(version, wanted.as_str().into());
    }
    if options.module_name == Repository::Git {
        let flags = [
            (options.accept_host_key, "accept_hostkey"),
            (options.verify_commit, "verify_commit"),
            (options.track_subs, "track_submodules"),
        ];
        flags.into_iter().filter(|(given, _)| *given).for_each(|(_, key)| set(key, true.into()));
        if let Some(key) = &options.private_key {
            set("key_file", key.display().to_string().into());
        }
        if !options.full {
            set("depth", 1.into());
        }
    }
    if options.module_name == Repository::Subversion && !options.full {
        set("export", true.into());
    }
    if options.clean {
        set("force", true.into());
    }
    let mut command = program("adhoc", options)?;
    let inventories = inventories(options, None);
    if inventories.is_empty() {
        command.args(["-i", "localhost,"]);
    }
    command.args(inventories).args(["-m", options.module_name.module(), "-a"]);
    command.arg(serde_json::Value::Object(args).to_string()).args(["all", "-l", limit]);
    command.args(options.extra_vars.iter().flat_map(|vars| ["-e", vars]));
    let failed = |error: io::Error| Failure::error(Diagnostic::error(format!("the checkout cannot be run: {error}")));
    let mut child = command.stdout(Stdio::piped()).spawn().map_err(failed)?;
    let mut output = String::new();
    if let Some(stdout) = child.stdout.take() {
        for line in io::BufReader::new(stdout).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).into_owned();
            say(&line);
            output.push_str(&line);
            output.push('\n');
        }
    }
    let status = child.wait().map_err(failed)?;
    Ok((status.code().unwrap_or(exit::ERROR), output))
}

/// The playbooks to run: those asked for, or the first that is there for this machine.
fn select(options: &Options, folder: &Path, names: &Names) -> Option<Vec<PathBuf>> {
    let problem = |path: &Path| match fs_err::File::open(path) {
        Ok(_) => None,
        Err(_) if path.exists() => Some(format!("{}: File is not readable", path.display())),
        Err(_) => Some(format!("{}: File does not exist", path.display())),
    };
    if !options.playbooks.is_empty() {
        let paths: Vec<PathBuf> = options.playbooks.iter().map(|name| folder.join(name)).collect();
        let problems: Vec<String> = paths.iter().filter_map(|path| problem(path)).collect();
        if problems.is_empty() {
            return Some(paths);
        }
        warn(&problems.join("\n"));
        return None;
    }
    let mut problems = Vec::new();
    for name in [&*names.full, Names::short(&names.full), "local"] {
        let path = folder.join(format!("{name}.yml"));
        match problem(&path) {
            None => return Some(vec![path]),
            Some(text) => problems.push(text),
        }
    }
    warn(&problems.join("\n"));
    None
}

fn play(options: &Options, playbooks: &[PathBuf], folder: &Path, limit: &str) -> Result<i32, Failure> {
    let mut command = program("playbook", options)?;
    command.args(playbooks).current_dir(folder).args(inventories(options, Some(folder)));
    command.args(
        options
            .vault
            .vault_password_file
            .iter()
            .flat_map(|file| ["--vault-password-file".into(), file.into()] as [OsString; 2]),
    );
    command.args(options.vault.vault_id.iter().flat_map(|id| ["--vault-id", id]));
    if let Some(file) = &options.become_password_file {
        command.arg("--become-password-file").arg(file);
    }
    command.args(options.extra_vars.iter().flat_map(|vars| ["-e", vars]));
    for (given, option) in [
        (options.ask_become_pass, "--ask-become-pass"),
        (options.vault.ask_vault_pass, "--ask-vault-pass"),
        (options.check, "--check"),
        (options.diff, "--diff"),
        (options.flush_cache, "--flush-cache"),
    ] {
        if given {
            command.arg(option);
        }
    }
    for (values, option) in [(&options.skip_tags, "--skip-tags"), (&options.tags, "--tags")] {
        if !values.is_empty() {
            command.args([option, &values.join(",")]);
        }
    }
    let limited = options.limit.join(",");
    command.args(["-l", if limited.is_empty() { limit } else { &limited }]);
    let status = command.status();
    let failed = |error: io::Error| Failure::error(Diagnostic::error(format!("the playbook cannot be run: {error}")));
    Ok(status.map_err(failed)?.code().unwrap_or(exit::ERROR))
}

/// A random number below a limit; only to spread machines over time.
fn random_below(limit: u64) -> u64 {
    use std::hash::{BuildHasher as _, Hasher as _};
    std::collections::hash_map::RandomState::new().build_hasher().finish() % limit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_one_of_the_limit() {
        let names = Names { full: "a.example.com".into(), node: "a".into() };
        assert_eq!(names.limit(), "localhost,a.example.com,a,127.0.0.1");
        let names = Names { full: String::new(), node: String::new() };
        assert_eq!(names.limit(), "localhost,127.0.0.1");
        assert!(random_below(3) < 3);
    }
}
