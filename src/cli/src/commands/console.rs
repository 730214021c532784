//! `rplay console [PATTERN]`: tasks typed one by one, as `ansible-console`.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use clap::Args;
use rplay_diag::Diagnose as _;
use rplay_engine::Run;
use rplay_event::{Emitter, Event, EventKind, Notice, Sink};
use rplay_inventory::Inventory;
use rplay_output::{Look, Terminal};
use rplay_playbook::{AdHoc, Common, Field};
use rplay_value::Text;
use rustyline::completion::Completer;
use rustyline::history::DefaultHistory;
use rustyline::{Context, Editor, Helper, Highlighter, Hinter, Validator};

use crate::commands::adhoc::folder;
use crate::commands::playbook::{self, Work};
use crate::options::TargetOptions;
use crate::settings::{Settings, boolean};

/// Run tasks on hosts, one by one.
#[derive(Args, Clone, Debug)]
#[command(after_help = "This is not a live session: each task is run on its own and returns its results.")]
pub(crate) struct Options {
    /// The hosts to begin with
    #[arg(value_name = "PATTERN", default_value = "all")]
    pattern: String,

    #[command(flatten)]
    target: TargetOptions,
}

/// Runs the command; the value is the exit code.
pub(crate) fn run(options: &Options) -> i32 {
    let run = options.target.playbook_options();
    playbook::start(&run, &|settings| Ok(Work::Console(Box::new(Console::new(options, settings)))))
}

/// What a console starts with.
#[derive(Clone)]
pub(crate) struct Console {
    pattern: String,
    remote_user: Option<String>,
    r#become: bool,
    become_user: Option<String>,
    become_method: Option<String>,
    check: bool,
    diff: bool,
    forks: usize,
    timeout: i64,
    collections: Option<Vec<String>>,
    verbosity: Arc<AtomicU8>,
    folder: PathBuf,
}

/// The commands that are not modules, with what `help` says of them.
const COMMANDS: [(&str, &str); 16] = [
    ("become", "Toggle whether the tasks are run with become"),
    ("become_method", "Set the privilege escalation plugin to use when become is enabled"),
    (
        "become_user",
        "Set the user for use with privilege escalation (which remote user attempts to 'become' when become is enabled)",
    ),
    ("cd", "Change active host/group. \nUsage: cd <group>|<host>|<host pattern>"),
    ("check", "Toggle check_mode for the tasks"),
    (
        "collections",
        "Set the collection name search path when using short names for plugins\nUsage: collections <collection1>[, <collection2> ...]\n Use empty quotes or \"none\" to reset to default.\n",
    ),
    ("diff", "Toggle diff output for the tasks"),
    ("exit", "LEAVE!"),
    ("forks", "Set the number of forks to use per task\nUsage: forks <number>"),
    ("help", ""),
    ("list", LIST),
    ("remote_user", "Set the user for use as login to the remote target"),
    ("serial", "Set the number of forks to use per task\nUsage: forks <number>"),
    ("shell", "You can run shell commands through the shell module."),
    ("timeout", "Set task timeout in seconds\nUsage: timeout <seconds>"),
    ("verbosity", "Set the verbosity level, equivalent to -v for 1 and -vvvv for 4."),
];

const LIST: &str = "List the hosts in the current group or a list of groups if you add 'groups'.";

impl Console {
    fn new(options: &Options, settings: &Settings) -> Self {
        let target = &options.target;
        let forks = target.forks.or_else(|| usize::try_from(settings.int("DEFAULT_FORKS")?).ok()).unwrap_or(5);
        let verbosity = i64::from(target.verbose).max(settings.int("DEFAULT_VERBOSITY").unwrap_or(0));
        Self {
            pattern: options.pattern.clone(),
            remote_user: target.remote_user.clone().or_else(|| settings.text("DEFAULT_REMOTE_USER")),
            r#become: target.become_ || settings.flag("DEFAULT_BECOME"),
            become_user: target.become_user.clone(),
            become_method: target.become_method.clone(),
            check: target.check,
            diff: target.diff || settings.flag("DIFF_ALWAYS"),
            forks: forks.max(1),
            timeout: target.task_timeout.or_else(|| settings.int("TASK_TIMEOUT")).unwrap_or(0),
            collections: None,
            verbosity: Arc::new(AtomicU8::new(u8::try_from(verbosity).unwrap_or(0))),
            folder: folder(target, settings),
        }
    }

    /// The sink of a console: the one of this name, as verbose as the user wants at the moment.
    pub(crate) fn sink(&self, name: &str, look: &Look) -> Result<Box<dyn Sink>, rplay_output::OpenError> {
        let open = |name: &str, look: &Look| rplay_output::open(name, Terminal::standard(look), look.clone());
        let sink = open(name, look)?;
        Ok(Box::new(Adjusted { wanted: Arc::clone(&self.verbosity), look: look.clone(), name: name.to_owned(), sink }))
    }

    /// Reads and runs commands until the user leaves.
    pub(crate) async fn session(&self, run: &mut Run, emitter: &Emitter) {
        let mut session = Session { console: self.clone(), emitter, selected: Vec::new() };
        emitter.flush();
        session.select(run);
        say("Welcome to the ansible console. Type help or ? to list commands.\n");
        let mut input = Input::open(run);
        loop {
            input.know(run, &session);
            let Some(line) = input.line(&session.prompt()) else { break };
            if !session.command(run, line.trim()).await {
                break;
            }
            emitter.flush();
        }
        say("\nAnsible-console was exited.");
    }
}

fn say(text: &str) {
    // A reader that went away has what it wanted.
    let _ = writeln!(io::stdout().lock(), "{text}");
}

fn complain(text: &str) {
    let _ = writeln!(io::stderr().lock(), "[ERROR]: {text}");
}

struct Session<'a> {
    console: Console,
    emitter: &'a Emitter,
    selected: Vec<Arc<str>>,
}

impl Session<'_> {
    fn select(&mut self, run: &Run) {
        let found = run.inventory().select(&[self.console.pattern.as_str()], None);
        self.selected = found.map(|selection| selection.hosts).unwrap_or_default();
    }

    fn prompt(&self) -> String {
        let console = &self.console;
        let own = || nix::unistd::User::from_uid(nix::unistd::getuid()).ok().flatten().map(|user| user.name);
        let user = console.remote_user.clone().or_else(own).unwrap_or_default();
        let root = console.r#become && console.become_user.as_deref().is_none_or(|user| user == "root");
        let end = if root { '#' } else { '$' };
        format!("{user}@{} ({})[f:{}]{end} ", console.pattern, self.selected.len(), console.forks)
    }

    fn verbose(&self, text: &str) {
        if self.console.verbosity.load(Ordering::Relaxed) > 0 {
            say(text);
        }
    }

    /// One line of the user's. The value says whether to go on.
    async fn command(&mut self, run: &mut Run, line: &str) -> bool {
        if line.is_empty() || line.starts_with('#') {
            return true;
        }
        if let Some(shell) = line.strip_prefix('!') {
            self.task(run, "shell", shell.trim()).await;
            return true;
        }
        let (word, rest) = line.split_once(char::is_whitespace).map_or((line, ""), |(word, rest)| (word, rest.trim()));
        match word {
            "exit" | "EOF" => return false,
            "?" | "help" => self.help(run, rest),
            "shell" => self.task(run, "shell", rest).await,
            "cd" => self.cd(run, rest),
            "list" => self.list(run, rest),
            _ if COMMANDS.iter().any(|(name, _)| *name == word) => self.set(run, word, rest),
            module if run.knows(module) => self.task(run, module, rest).await,
            _ => self.task(run, "shell", line).await,
        }
        true
    }

    fn cd(&mut self, run: &Run, to: &str) {
        if to.is_empty() {
            "*".clone_into(&mut self.console.pattern);
        } else if matches!(to, "/" | "*" | "/*") {
            "all".clone_into(&mut self.console.pattern);
        } else {
            match run.inventory().select(&[to], None) {
                Ok(selection) if selection.hosts.is_empty() => {
                    for warning in selection.warnings {
                        self.emitter.emit(EventKind::Warned(Notice::new(warning.message)));
                    }
                    self.emitter.flush();
                    say("no host matched");
                }
                Ok(_) => to.clone_into(&mut self.console.pattern),
                Err(error) => complain(&error.diagnostic().message),
            }
        }
        self.select(run);
    }

    fn list(&self, run: &Run, what: &str) {
        match what {
            "" => self.selected.iter().for_each(|host| say(host)),
            "groups" => {
                let inventory = run.inventory();
                let mut names: Vec<&str> = inventory.groups().map(|group| &*group.name).collect();
                names.sort_unstable();
                names.into_iter().for_each(say);
            }
            _ => {
                complain("Invalid option passed to \"list\"");
                say(LIST);
            }
        }
    }

    /// The commands that change how tasks are run.
    fn set(&mut self, run: &mut Run, name: &str, given: &str) {
        let word = |on: bool| if on { "True" } else { "False" };
        let yes = || boolean(given) == Some(true);
        match (name, given) {
            ("become", "") => say("Please specify become value, e.g. `become yes`"),
            ("become", _) => {
                self.console.r#become = yes();
                self.verbose(&format!("become changed to {}", word(yes())));
            }
            ("become_user", "") => say("Please specify a user, e.g. `become_user jenkins`"),
            ("become_user", user) => self.console.become_user = Some(user.to_owned()),
            ("become_method", "") => say("Please specify a become_method, e.g. `become_method su`"),
            ("become_method", method) => {
                self.console.become_method = Some(method.to_owned());
                self.verbose(&format!("become_method changed to {method}"));
            }
            ("remote_user", "") => say("Please specify a remote user, e.g. `remote_user root`"),
            ("remote_user", user) => self.console.remote_user = Some(user.to_owned()),
            ("check", "") => say("Please specify check mode value, e.g. `check yes`"),
            ("check", _) => {
                self.console.check = yes();
                say(&format!("check mode changed to {}", word(yes())));
            }
            ("diff", "") => say("Please specify a diff value , e.g. `diff yes`"),
            ("diff", _) => {
                self.console.diff = yes();
                say(&format!("diff mode changed to {}", word(yes())));
            }
            ("forks" | "serial", "") => say("Usage: forks <number>"),
            ("forks" | "serial", number) => match number.parse::<usize>() {
                Ok(0) => say("forks must be greater than or equal to 1"),
                Ok(forks) => {
                    self.console.forks = forks;
                    run.set_forks(forks);
                }
                Err(_) => {
                    complain("Invalid argument for \"forks\"");
                    say("Usage: forks <number>");
                }
            },
            ("timeout", "") => say("Usage: timeout <seconds>"),
            ("timeout", number) => match number.parse::<i64>() {
                Ok(seconds) if seconds < 0 => {
                    complain("The timeout must be greater than or equal to 1, use 0 to disable");
                }
                Ok(seconds) => self.console.timeout = seconds,
                Err(_) => complain(&format!(
                    "The timeout must be a valid positive integer, or 0 to disable: invalid literal for int() with base 10: '{number}'"
                )),
            },
            ("verbosity", "") => say("Usage: verbosity <number>"),
            ("verbosity", number) => match number.parse::<u8>() {
                Ok(level) => {
                    self.console.verbosity.store(level, Ordering::Relaxed);
                    run.set_verbosity(level);
                    self.verbose(&format!("verbosity level set to {number}"));
                }
                Err(_) => complain(&format!(
                    "The verbosity must be a valid integer: invalid literal for int() with base 10: '{number}'"
                )),
            },
            ("collections", "" | "none" | "''" | "\"\"") => {
                self.console.collections = None;
                self.verbose("Collections name search is using defaults");
            }
            ("collections", names) => {
                let names: Vec<String> = names.split(',').map(|name| name.trim().to_owned()).collect();
                self.verbose(&format!("Collections name search is set to: {}", names.join(", ")));
                self.console.collections = Some(names);
            }
            _ => {}
        }
    }

    fn help(&self, run: &Run, about: &str) {
        if about.is_empty() {
            say("Commands (type help <command>):");
            for (name, _) in COMMANDS {
                say(&format!("  {name}"));
            }
            say("Every module is a command too: help <module> lists its options. What is no command runs in a shell.");
            return;
        }
        if about == "help" {
            self.emitter.emit(EventKind::Warned(Notice::new("Don't be redundant!")));
            return;
        }
        if let Some((_, text)) = COMMANDS.iter().find(|(name, _)| *name == about) {
            say(text);
            return;
        }
        match rplay_modules::find(about) {
            Some(module) => {
                let doc = rplay_modules::table().find(|(_, known, _)| known.name == module.name);
                if let Some(summary) = doc.and_then(|(.., doc)| doc.lines().next()) {
                    say(summary);
                }
                say("Parameters:");
                module.spec.args.iter().filter(|arg| !arg.name.starts_with('_')).for_each(|arg| {
                    let needed = if arg.required { " (required)" } else { "" };
                    say(&format!("  {}{needed}", arg.name));
                });
            }
            None if run.knows(about) => say(&format!("No documentation found for {about}.")),
            None => say(&format!("*** No help on {about}")),
        }
    }

    async fn task(&mut self, run: &mut Run, module: &str, args: &str) {
        let console = &self.console;
        let text = |value: &Option<String>| value.as_ref().map(|value| Field::new(Text::data(value.as_str())));
        let common = Common {
            remote_user: text(&console.remote_user),
            r#become: Some(Field::new(console.r#become)),
            become_user: text(&console.become_user),
            become_method: text(&console.become_method),
            check_mode: Some(Field::new(console.check)),
            diff: Some(Field::new(console.diff)),
            collections: console
                .collections
                .as_ref()
                .map(|names| names.iter().map(|name| Text::data(name.as_str())).collect()),
            ..Common::default()
        };
        let asked = AdHoc {
            pattern: console.pattern.clone(),
            module: module.to_owned(),
            args: args.to_owned(),
            timeout: console.timeout,
            background: 0,
            poll: 0,
            common,
            folder: console.folder.clone(),
        };
        tokio::select! {
            ended = run.adhoc(&asked) => {
                self.emitter.flush();
                if let Err(error) = ended {
                    complain(&format!("Unable to build command: {}", error.diagnostic().message));
                }
            }
            _ = tokio::signal::ctrl_c() => {
                self.emitter.flush();
                complain("User interrupted execution");
            }
        }
    }
}

/// A sink that is opened anew when the user asks for another verbosity.
struct Adjusted {
    wanted: Arc<AtomicU8>,
    look: Look,
    name: String,
    sink: Box<dyn Sink>,
}

impl Sink for Adjusted {
    fn on_event(&mut self, event: &Event) -> io::Result<()> {
        let wanted = self.wanted.load(Ordering::Relaxed);
        if wanted != self.look.verbosity {
            self.look.verbosity = wanted;
            if let Ok(sink) = rplay_output::open(&self.name, Terminal::standard(&self.look), self.look.clone()) {
                std::mem::replace(&mut self.sink, sink).finish()?;
            }
        }
        self.sink.on_event(event)
    }

    fn finish(self: Box<Self>) -> io::Result<()> {
        self.sink.finish()
    }
}

/// Where lines come from: a terminal with history and completion, or a pipe.
enum Input {
    Terminal(Box<Editor<Names, DefaultHistory>>, Option<PathBuf>),
    Pipe,
}

impl Input {
    fn open(run: &Run) -> Self {
        if !io::stdin().is_terminal() {
            return Self::Pipe;
        }
        let Ok(mut editor) = Editor::<Names, DefaultHistory>::new() else { return Self::Pipe };
        let history = std::env::home_dir().map(|home| home.join(".ansible-console_history"));
        if let Some(history) = &history {
            // There is none the first time.
            let _ = editor.load_history(history);
        }
        let inventory: Arc<Inventory> = run.inventory();
        let mut hosts: Vec<String> = inventory.hosts().map(|host| host.name.to_string()).collect();
        hosts.extend(inventory.groups().map(|group| group.name.to_string()));
        let mut commands: Vec<String> = COMMANDS.iter().map(|(name, _)| (*name).to_owned()).collect();
        commands.extend(rplay_modules::table().map(|(_, module, _)| module.name.to_owned()));
        editor.set_helper(Some(Names { commands, hosts }));
        Self::Terminal(Box::new(editor), history)
    }

    /// `cd` completes what can be gone to from here.
    fn know(&mut self, run: &Run, session: &Session<'_>) {
        let Self::Terminal(editor, _) = self else { return };
        let Some(names) = editor.helper_mut() else { return };
        if matches!(session.console.pattern.as_str(), "all" | "*") {
            let inventory = run.inventory();
            names.hosts = inventory.hosts().map(|host| host.name.to_string()).collect();
            names.hosts.extend(inventory.groups().map(|group| group.name.to_string()));
        } else {
            names.hosts = session.selected.iter().map(ToString::to_string).collect();
        }
    }

    /// The next line; `None` at the end.
    fn line(&mut self, prompt: &str) -> Option<String> {
        match self {
            Self::Terminal(editor, history) => loop {
                match editor.readline(prompt) {
                    Ok(line) => {
                        let _ = editor.add_history_entry(line.as_str());
                        if let Some(history) = history {
                            // Without a home there is no history.
                            let _ = editor.save_history(history);
                        }
                        return Some(line);
                    }
                    Err(rustyline::error::ReadlineError::Interrupted) => {}
                    Err(_) => return None,
                }
            },
            Self::Pipe => {
                let mut stdout = io::stdout().lock();
                let _ = stdout.write_all(prompt.as_bytes());
                let _ = stdout.flush();
                let mut line = String::new();
                let read = io::stdin().lock().read_line(&mut line).unwrap_or(0);
                (read > 0).then_some(line)
            }
        }
    }
}

/// What Tab completes.
#[derive(Helper, Highlighter, Hinter, Validator)]
struct Names {
    commands: Vec<String>,
    hosts: Vec<String>,
}

impl Names {
    fn complete(&self, line: &str) -> (usize, Vec<String>) {
        let start = line.rfind(' ').map_or(0, |at| at + 1);
        let (before, word) = (line[..start].trim(), &line[start..]);
        let of = |names: &[String]| names.iter().filter(|name| name.starts_with(word)).cloned().collect();
        let found: Vec<String> = match before.split_whitespace().next() {
            None | Some("help" | "?") => of(&self.commands),
            Some("cd") => of(&self.hosts),
            Some("list") => of(&["groups".to_owned()]),
            Some(module) => {
                let args = rplay_modules::find(module).map(|module| module.spec.args).unwrap_or_default();
                let names: Vec<String> =
                    args.iter().map(|arg| format!("{}=", arg.name)).filter(|name| !name.starts_with('_')).collect();
                of(&names)
            }
        };
        (start, found)
    }
}

impl Completer for Names {
    type Candidate = String;

    fn complete(&self, line: &str, at: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(self.complete(&line[..at]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tab_completes_commands_hosts_and_options() {
        let names = Names {
            commands: vec!["cd".into(), "check".into(), "copy".into()],
            hosts: vec!["web".into(), "web1".into(), "db".into()],
        };
        assert_eq!(names.complete("c"), (0, vec!["cd".into(), "check".into(), "copy".into()]));
        assert_eq!(names.complete("cd we"), (3, vec!["web".into(), "web1".into()]));
        assert_eq!(names.complete("help ch"), (5, vec!["check".into()]));
        assert_eq!(names.complete("ping da"), (5, vec!["data=".into()]));
    }
}
