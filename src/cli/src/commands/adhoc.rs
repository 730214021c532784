//! `rplay adhoc PATTERN -m MODULE -a ARGS`: one task on hosts, as `ansible` runs it.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use rplay_diag::Diagnostic;
use rplay_event::Notice;
use rplay_inventory::Inventory;
use rplay_playbook::{AdHoc, Common};

use crate::commands::playbook::{self, Work};
use crate::exit;
use crate::failure::Failure;
use crate::options::{PlaybookOptions, TargetOptions};
use crate::settings::Settings;

/// Run one task on hosts.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Some actions make no sense here (import_playbook, most of meta).")]
pub(crate) struct Options {
    /// The hosts
    #[arg(value_name = "PATTERN")]
    pattern: String,

    /// The action's options: key=value pairs, or a JSON object
    #[arg(short = 'a', long = "args", value_name = "MODULE_ARGS", allow_hyphen_values = true)]
    args: Option<String>,

    /// Name of the action to execute; `command` unless the settings say otherwise
    #[arg(short = 'm', long, value_name = "MODULE_NAME")]
    module_name: Option<String>,

    /// Run in the background, failing after so many seconds
    #[arg(short = 'B', long = "background", value_name = "SECONDS")]
    background: Option<i64>,

    /// With -B: seconds between looks at the task; 0 is not to look
    #[arg(short = 'P', long = "poll", value_name = "POLL_INTERVAL")]
    poll: Option<i64>,

    /// One line for each host
    #[arg(short = 'o', long)]
    one_line: bool,

    /// Also write each host's result to a file of its name in this folder
    #[arg(short = 't', long, value_name = "TREE")]
    tree: Option<PathBuf>,

    /// Outputs a list of matching hosts; does not execute anything else
    #[arg(long)]
    list_hosts: bool,

    #[command(flatten)]
    target: TargetOptions,
}

/// What a command line asks for, beside what every command about hosts takes.
pub(crate) struct Asked {
    pub(crate) task: AdHoc,
    pub(crate) list_hosts: bool,
    pub(crate) one_line: bool,
    pub(crate) tree: Option<PathBuf>,
}

/// Runs the command; the value is the exit code.
pub(crate) fn run(options: &Options) -> i32 {
    let run = options.target.playbook_options();
    playbook::start(&run, &|settings| asked(options, settings).map(|asked| Work::AdHoc(Box::new(asked))))
}

fn asked(options: &Options, settings: &Settings) -> Result<Asked, Failure> {
    let target = &options.target;
    let setting = |given: Option<i64>, name: &str| given.or_else(|| settings.int(name)).unwrap_or_default();
    let module = options.module_name.clone().or_else(|| settings.text("DEFAULT_MODULE_NAME")).unwrap_or_default();
    let task = AdHoc {
        pattern: options.pattern.clone(),
        args: options.args.clone().or_else(|| settings.text("DEFAULT_MODULE_ARGS")).unwrap_or_default(),
        module,
        timeout: setting(target.task_timeout, "TASK_TIMEOUT"),
        background: options.background.unwrap_or_default(),
        poll: setting(options.poll, "DEFAULT_POLL_INTERVAL"),
        common: Common::default(),
        folder: folder(target, settings),
    };
    Ok(Asked { task, list_hosts: options.list_hosts, one_line: options.one_line, tree: options.tree.clone() })
}

/// Where roles, files and variables are looked for: `--playbook-dir`, else where the user is.
pub(crate) fn folder(target: &TargetOptions, settings: &Settings) -> PathBuf {
    let given = target.playbook_dir.clone().or_else(|| settings.path("PLAYBOOK_DIR"));
    let given = given.unwrap_or_else(|| PathBuf::from("."));
    let absolute = fs_err::canonicalize(&given).or_else(|_| std::path::absolute(&given));
    absolute.unwrap_or(given)
}

impl Asked {
    /// What can be said before anything runs: a list of hosts, or that the task makes no sense. `None` is to go on.
    pub(crate) fn early(
        &self,
        inventory: &Inventory,
        limit: Option<&str>,
        notices: &mut Vec<Diagnostic>,
    ) -> Result<Option<i32>, Failure> {
        let selection = inventory
            .select(&[self.task.pattern.as_str()], limit)
            .map_err(|error| Failure::error(rplay_diag::Diagnose::diagnostic(&error)))?;
        if selection.hosts.is_empty() && inventory.hosts().len() > 0 {
            if limit.is_some() {
                return Err(Failure::error(Diagnostic::error(NO_HOSTS)));
            }
            // The run says it again, and sinks show it once.
            notices.extend(selection.warnings);
            notices.push(Diagnostic::warning("No hosts matched, nothing to do"));
        }
        if self.list_hosts {
            let mut text = format!("  hosts ({}):\n", selection.hosts.len());
            selection.hosts.iter().for_each(|host| text.push_str(&format!("    {host}\n")));
            // A reader that went away (`| head`) has what it wanted.
            let _ = std::io::stdout().lock().write_all(text.as_bytes());
            return Ok(Some(exit::OK));
        }
        let (module, pattern) = (&self.task.module, &self.task.pattern);
        if self.task.requires_args() && self.task.args.is_empty() {
            let error = Diagnostic::error(format!("No argument passed to {module} module"));
            let playbook = [".yml", ".yaml"].iter().any(|end| pattern.ends_with(end));
            let hint = if playbook {
                format!("did you mean to run the playbook? `rplay {pattern}`")
            } else {
                format!("-a takes them: `rplay adhoc {pattern} -m {module} -a ...`")
            };
            return Err(Failure::options(error.hint(hint)));
        }
        let short = module.strip_prefix("ansible.builtin.").or_else(|| module.strip_prefix("ansible.legacy."));
        if short.unwrap_or(module) == "import_playbook" {
            let error = Diagnostic::error(format!("'{module}' is not a valid action for ad-hoc commands"));
            return Err(Failure::options(error.hint("run the playbook itself: `rplay FILE`")));
        }
        Ok(None)
    }

    /// Options that a later release of ansible-core takes away.
    pub(crate) fn deprecations(&self) -> Vec<Notice> {
        let old = [(self.one_line, "-o", "oneline"), (self.tree.is_some(), "-t", "tree")];
        let old = old.into_iter().filter(|(given, ..)| *given);
        old.map(|(_, option, callback)| Notice {
            help: Some(format!("Use callback configuration to enable the {callback} callback instead.")),
            version: Some("2.23".to_owned()),
            ..Notice::new(format!("The '{option}' argument is deprecated."))
        })
        .collect()
    }

    /// The sink that shows the results.
    pub(crate) fn output(&self, options: &PlaybookOptions, settings: &Settings) -> String {
        output(self.one_line, options, settings)
    }
}

/// The sink of commands without a playbook.
pub(crate) fn output(one_line: bool, options: &PlaybookOptions, settings: &Settings) -> String {
    if let Some(output) = &options.output {
        return output.clone();
    }
    if one_line {
        return "oneline".to_owned();
    }
    let configured = settings.text("DEFAULT_STDOUT_CALLBACK").filter(|name| name != "default");
    configured.filter(|_| settings.flag("DEFAULT_LOAD_CALLBACK_PLUGINS")).unwrap_or_else(|| "minimal".to_owned())
}

/// What ansible-core says when nothing is left to work on.
pub(crate) const NO_HOSTS: &str = "Specified inventory, host pattern and/or --limit leaves us with no hosts to target.";
