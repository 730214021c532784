//! `rplay resume`: goes on with a run that failed or was killed.

use std::io::{self, IsTerminal as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};

use clap::{ArgAction, Args};
use rplay_diag::{Diagnose as _, Diagnostic, Sources, quoted_list};
use rplay_journal::{JournalError, Run};

use crate::commands::playbook;
use crate::failure::Failure;
use crate::journal;
use crate::options::PlaybookOptions;
use crate::settings::Settings;

/// Go on with a run that failed or was killed, at the tasks where its hosts are. Options are those of the run.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
  rplay resume                     the last run that did not end well
  rplay resume 20261120-1846       a run by its name, or the start of it (`rplay runs` lists them)
  rplay resume --changed-files     after a playbook or role was corrected")]
pub(crate) struct Options {
    /// The run; the last one that did not end well when it is left out
    #[arg(value_name = "RUN")]
    run: Option<String>,

    /// Go on although files are not what the run has read: the tasks of changed files are told by their names
    #[arg(long)]
    changed_files: bool,

    /// Set variables, stronger than those of the run; also those whose values the journal does not hold
    #[arg(short = 'e', long = "extra-vars", value_name = "EXTRA_VARS", action = ArgAction::Append)]
    extra_vars: Vec<String>,

    /// Ask for the connection password
    #[arg(short = 'k', long)]
    ask_pass: bool,

    /// Ask for the privilege escalation password
    #[arg(short = 'K', long)]
    ask_become_pass: bool,

    /// Ask for the vault password
    #[arg(short = 'J', long = "ask-vault-password", visible_alias = "ask-vault-pass")]
    ask_vault_pass: bool,

    /// Vault password file or script; may be given several times
    #[arg(long, visible_alias = "vault-pass-file", value_name = "FILE", action = ArgAction::Append)]
    vault_password_file: Vec<PathBuf>,

    /// Vault identity to use: NAME@FILE or NAME@prompt; may be given several times
    #[arg(long, value_name = "VAULT_ID", action = ArgAction::Append)]
    vault_id: Vec<String>,

    /// Print more; -vvv for connection details
    #[arg(short = 'v', long, action = ArgAction::Count)]
    verbose: u8,

    /// What to print: default, minimal, oneline, json, jsonl, yaml or junit
    #[arg(long, value_name = "OUTPUT")]
    output: Option<String>,

    /// Also write every event to this file, one JSON document a line
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,

    /// The folder of journals
    #[arg(long, value_name = "DIR")]
    journal_dir: Option<PathBuf>,
}

/// Runs the command; the value is the exit code.
pub(crate) fn run(options: &Options) -> i32 {
    let sources = Sources::new();
    let color = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    match prepare(options, &sources) {
        Ok((given, resumed)) => playbook::resume(&given, resumed),
        Err(failure) => {
            failure.report(&sources, color);
            failure.code
        }
    }
}

/// What the journal says of how to go on.
#[derive(Clone, Debug)]
pub(crate) struct Resumed {
    /// The journal.
    pub(crate) path: PathBuf,
    /// `--changed-files`.
    pub(crate) changed_files: bool,
    /// `-e` of this time.
    pub(crate) extra_vars: Vec<String>,
    /// Variables that the journal may hold sealed only.
    pub(crate) withheld: Vec<String>,
}

fn prepare(options: &Options, sources: &Sources) -> Result<(PlaybookOptions, Resumed), Failure> {
    let settings = Settings::load(sources, &|name| std::env::var(name).ok())
        .map_err(|error| Failure::error(error.diagnostic()))?;
    let runs = journal::runs(options.journal_dir.as_deref(), &settings);
    let found = |error: JournalError| Failure::error(error.diagnostic());
    let path = runs.find(options.run.as_deref()).map_err(found)?;
    let run = Run::read(&path).map_err(found)?;
    same_environment(&run, &path)?;
    let mut given: PlaybookOptions = serde_json::from_value(run.head.options.clone()).map_err(|error| {
        Failure::error(Diagnostic::error(format!("the options of the run `{}` cannot be read: {error}", run.head.id)))
    })?;
    // What is given now is meant from here, what was given then from there.
    let here = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
    let extra_vars: Vec<String> = options
        .extra_vars
        .iter()
        .map(|text| match text.strip_prefix('@') {
            Some(path) => format!("@{}", here(&crate::settings::expand(path)).display()),
            None => text.clone(),
        })
        .collect();
    given.vault_password_file.extend(options.vault_password_file.iter().map(here));
    given.vault_id.extend(options.vault_id.iter().cloned());
    given.ask_vault_pass |= options.ask_vault_pass;
    given.ask_pass |= options.ask_pass;
    given.ask_become_pass |= options.ask_become_pass;
    given.verbose = given.verbose.max(options.verbose);
    given.output = options.output.clone().or(given.output);
    given.record = options.record.as_ref().map(here);
    std::env::set_current_dir(&run.head.dir).map_err(|error| {
        let message = format!("could not go to the folder of the run, {}: {error}", run.head.dir);
        Failure::error(Diagnostic::error(message))
    })?;
    let at = match &run.last_task {
        Some(task) => format!("; its last result is of the task [{task}]"),
        None => String::new(),
    };
    // Nowhere is left to complain about a broken standard error.
    let _ =
        writeln!(io::stderr().lock(), "Going on with the run {}: {} results are known{at}.", run.head.id, run.results);
    let resumed =
        Resumed { path, changed_files: options.changed_files, extra_vars, withheld: run.head.withheld.clone() };
    Ok((given, resumed))
}

/// The variables that are neither in the journal nor given now.
pub(crate) fn missing(resumed: &Resumed, given: &rplay_value::Map) -> Result<(), Failure> {
    let missing: Vec<&str> = resumed.withheld.iter().map(String::as_str).filter(|name| !given.contains(name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names = quoted_list(missing.iter().copied());
    let error =
        Diagnostic::error(format!("the run was started with values for {names} that its journal does not hold"));
    Err(Failure::options(
        error
            .hint(format!("give them again: rplay resume -e {}=...", missing[0]))
            .note("values that look like secrets are kept only when a vault password is given to seal them with"),
    ))
}

/// Starts this program again when settings of the environment are not those of the run.
fn same_environment(run: &Run, path: &Path) -> Result<(), Failure> {
    const AGAIN: &str = "RPLAY_RESUMING";
    let now = journal::environment();
    let mut then = run.head.env.clone();
    then.remove(AGAIN);
    let is_same = now.iter().filter(|(name, _)| *name != AGAIN).eq(then.iter());
    if is_same || std::env::var_os(AGAIN).is_some() {
        return Ok(());
    }
    let failed = |error: io::Error| {
        let message = format!("could not start again with the environment of {}: {error}", path.display());
        Failure::error(Diagnostic::error(message))
    };
    let mut command = std::process::Command::new(std::env::current_exe().map_err(failed)?);
    command.args(std::env::args_os().skip(1)).env(AGAIN, "1");
    for name in now.keys() {
        command.env_remove(name);
    }
    Err(failed(command.envs(then).env(AGAIN, "1").exec()))
}
