//! `rplay why VARIABLE`: every place that sets a variable, which one wins, and what it comes to.

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;

use clap::{ArgAction, Args};
use rplay_diag::{Diagnostic, Sources, Span};
use rplay_engine::{Answer, Asked, Why};
use rplay_value::json::dumps;
use rplay_value::{JsonStyle, List, Map, Value};

use crate::commands::playbook;
use crate::exit;
use crate::failure::Failure;
use crate::options::PlaybookOptions;

/// Every place that sets a variable, which one wins, and the rendered value. Runs nothing and connects nowhere.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
  rplay why nginx_port -i hosts                        on all hosts, without a playbook
  rplay why nginx_port -i hosts --host web1 site.yml   in the plays of a playbook
  rplay why app.db.port -i hosts site.yml --task roles/app/tasks/main.yml:12")]
pub(crate) struct Options {
    /// The variable, or a key inside it: `app.db.port`
    #[arg(value_name = "VARIABLE")]
    variable: String,

    /// Playbooks whose plays may set it
    #[arg(value_name = "PLAYBOOK")]
    playbooks: Vec<PathBuf>,

    /// Inventory: a file, a directory, a script, or a comma separated host list; may be given several times
    #[arg(short = 'i', long = "inventory", value_name = "INVENTORY")]
    inventory: Vec<String>,

    /// Only these hosts: a pattern as in a play's `hosts`
    #[arg(long, short = 'l', alias = "limit", value_name = "PATTERN")]
    host: Option<String>,

    /// As seen by the task at this line of the playbook or of a file of tasks
    #[arg(long, value_name = "FILE:LINE", requires = "playbooks")]
    task: Option<String>,

    /// Set variables: key=value pairs, YAML or JSON text, or @FILE
    #[arg(short = 'e', long = "extra-vars", value_name = "EXTRA_VARS", action = ArgAction::Append)]
    extra_vars: Vec<String>,

    /// Show values that were encrypted
    #[arg(long)]
    reveal: bool,

    /// Print one JSON document
    #[arg(long)]
    json: bool,

    /// Ask for the vault password
    #[arg(short = 'J', long, alias = "ask-vault-password")]
    ask_vault_pass: bool,

    /// Vault password file or script
    #[arg(long, alias = "vault-pass-file", value_name = "FILE", action = ArgAction::Append)]
    vault_password_file: Vec<PathBuf>,

    /// Vault identity to use: NAME@FILE or NAME@prompt
    #[arg(long, value_name = "VAULT_ID", action = ArgAction::Append)]
    vault_id: Vec<String>,
}

/// Runs the command; the value is the exit code.
pub(crate) fn run(options: &Options) -> i32 {
    let sources = Sources::new();
    let color = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    answer(options, &sources, color).unwrap_or_else(|failure| {
        failure.report(&sources, color);
        failure.code
    })
}

fn answer(options: &Options, sources: &Sources, color: bool) -> Result<i32, Failure> {
    let as_run = PlaybookOptions {
        playbooks: options.playbooks.clone(),
        inventory: options.inventory.clone(),
        extra_vars: options.extra_vars.clone(),
        ask_vault_pass: options.ask_vault_pass,
        vault_password_file: options.vault_password_file.clone(),
        vault_id: options.vault_id.clone(),
        // Every task counts, whatever its tags.
        tags: vec!["all".to_owned(), "never".to_owned()],
        ..PlaybookOptions::default()
    };
    let task = options.task.as_deref().map(place).transpose()?;
    let opened = playbook::open(&as_run, sources)?;
    let hosts = match &options.host {
        Some(pattern) => opened.hosts(pattern)?,
        None => Vec::new(),
    };
    let asked = Asked { variable: options.variable.clone(), hosts, task, reveal: options.reveal };
    let why = opened.run.why(&options.playbooks, &asked).map_err(|error| Failure::parser(&error))?;
    let known = why.answers.iter().any(|answer| !answer.settings.is_empty()) || !why.later.is_empty();
    if !known && !options.json {
        let name = options.variable.split('.').next().unwrap_or_default();
        let mut problem = Diagnostic::error(format!("nothing sets the variable `{name}`"));
        problem = problem.hint_maybe(why.near.as_ref().map(|near| format!("did you mean `{near}`?")));
        if options.playbooks.is_empty() {
            problem = problem.note("without a playbook only the inventory, its files and -e are asked");
        }
        return Err(Failure::error(problem));
    }
    let text = if options.json {
        let style = JsonStyle { ensure_ascii: false, ..JsonStyle::nice(4) };
        let style = JsonStyle { sort_keys: false, ..style };
        dumps(&document(&why, options, sources), &style).unwrap_or_default() + "\n"
    } else {
        Page { out: String::new(), sources, color }.all(&why, options)
    };
    // A reader that went away (`| head`) has what it wanted.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
    Ok(if known { exit::OK } else { exit::ERROR })
}

/// `FILE:LINE`.
fn place(text: &str) -> Result<(PathBuf, usize), Failure> {
    // `FILE:LINE:COLUMN`, as messages print places, means its line.
    let mut numbers = Vec::new();
    let mut file = text;
    while let Some((rest, number)) = file.rsplit_once(':').and_then(|(rest, n)| Some((rest, n.parse().ok()?))) {
        numbers.push(number);
        file = rest;
    }
    match numbers.last() {
        Some(line) => Ok((PathBuf::from(file), *line)),
        None => Err(Failure::options(
            Diagnostic::error(format!("--task needs a place, not {text:?}")).hint("write --task FILE:LINE"),
        )),
    }
}

/// The text for people.
struct Page<'a> {
    out: String,
    sources: &'a Sources,
    color: bool,
}

/// Hosts that are named before the rest is counted.
const NAMED: usize = 8;

impl Page<'_> {
    fn all(mut self, why: &Why, options: &Options) -> String {
        let mut unset: Vec<String> = Vec::new();
        for answer in &why.answers {
            if answer.settings.is_empty() {
                unset.extend(answer.hosts.iter().map(ToString::to_string));
            } else {
                self.answer(answer, options);
            }
        }
        if !unset.is_empty() {
            let hosts = named(&unset);
            self.line(&format!("{} is not set on {hosts}", self.bold(&options.variable)));
            self.out.push('\n');
        }
        if !why.later.is_empty() {
            self.line("may set it at run time:");
            for later in &why.later {
                let at = self.at(later.span, None);
                let wins = if later.wins { "" } else { "  (what is listed above wins over it)" };
                self.line(&format!("  {:<13}{}{}", later.how, self.dim(&at), self.dim(wins)));
            }
            self.out.push('\n');
        }
        self.out.truncate(self.out.trim_end().len());
        self.out.push('\n');
        self.out
    }

    fn answer(&mut self, answer: &Answer, options: &Options) {
        let variable = self.bold(&options.variable);
        match (&answer.value, &answer.problem) {
            (Some(value), _) => self.line(&format!("{variable} = {}", shown(value, 0))),
            (None, Some(problem)) => self.line(&format!("{variable} cannot be rendered: {problem}")),
            (None, None) => self.line(&variable.clone()),
        }
        let hosts: Vec<String> = answer.hosts.iter().map(ToString::to_string).collect();
        let mut head = format!("  on {}", named(&hosts));
        if let Some(place) = &answer.place {
            match &place.task {
                Some(task) => _ = write!(head, ", task [{task}] of play [{}]", place.play),
                None => _ = write!(head, ", play [{}]", place.play),
            }
            let at = self.at(place.span, None);
            if !at.is_empty() {
                _ = write!(head, " ({at})");
            }
        }
        let head = self.dim(&head);
        self.line(&head);
        self.out.push('\n');
        let width = answer.settings.iter().map(|setting| setting.what.chars().count()).max().unwrap_or(0);
        for (index, setting) in answer.settings.iter().enumerate() {
            let mark = if index == 0 { self.green("  wins  ") } else { format!("  {:>4}  ", index + 1) };
            let what = format!("{:<width$}", setting.what);
            let what = if index == 0 { self.bold(&what) } else { what };
            let at = self.at(setting.span, setting.file.as_deref());
            self.line(format!("{mark}{what}  {}", self.dim(&at)).trim_end());
            match &setting.raw {
                Some(raw) if setting.level != "magic" => self.line(&format!("        {}", shown(raw, 8))),
                None => {
                    let text = self.dim("        (has no such key)");
                    self.line(&text);
                }
                Some(_) => {}
            }
            if index == 0
                && let Some(because) = &answer.because
            {
                let text = self.dim(&format!("        {because}"));
                self.line(&text);
            }
        }
        if !answer.uses.is_empty() {
            self.out.push('\n');
            let width = answer.uses.iter().map(|used| used.name.chars().count()).max().unwrap_or(0);
            for (index, used) in answer.uses.iter().enumerate() {
                let mark = if index == 0 { "  uses  " } else { "        " };
                let value = match (&used.value, &used.problem) {
                    (Some(value), _) => shown(value, 8),
                    (None, problem) => format!("? {}", problem.as_deref().unwrap_or("not known")),
                };
                let at = self.at(used.span, None);
                self.line(format!("{mark}{:<width$} = {value}  {}", used.name, self.dim(&at)).trim_end());
            }
        }
        self.out.push('\n');
    }

    fn line(&mut self, text: &str) {
        self.out.push_str(text.trim_end());
        self.out.push('\n');
    }

    fn at(&self, span: Option<Span>, file: Option<&str>) -> String {
        match span.and_then(|span| self.sources.position(span)) {
            Some(position) => relative(&position.to_string()),
            None => file.map(relative).unwrap_or_default(),
        }
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.color && !text.is_empty() { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    fn bold(&self, text: &str) -> String {
        self.paint("1", text)
    }

    fn dim(&self, text: &str) -> String {
        self.paint("2", text)
    }

    fn green(&self, text: &str) -> String {
        self.paint("1;32", text)
    }
}

/// A place as seen from where the command was called.
fn relative(place: &str) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    let here = format!("{}/", here.display());
    place.strip_prefix(&here).or_else(|| place.strip_prefix("./")).unwrap_or(place).to_owned()
}

/// The longest value that stays on one line.
const LINE: usize = 100;

/// A value as JSON, which YAML reads too; what is long takes several lines.
fn shown(value: &Value, indent: usize) -> String {
    let style = JsonStyle { ensure_ascii: false, ..JsonStyle::default() };
    let line = dumps(value, &style).unwrap_or_else(|_| value.repr());
    if line.chars().count() <= LINE || !matches!(value, Value::List(_) | Value::Map(_)) {
        return line;
    }
    let style = JsonStyle { indent: Some("  ".to_owned()), ..style };
    let text = dumps(value, &style).unwrap_or(line);
    text.replace('\n', &format!("\n{}", " ".repeat(indent)))
}

fn named(hosts: &[String]) -> String {
    match hosts.get(NAMED..) {
        Some(rest) if !rest.is_empty() => format!("{} and {} more hosts", hosts[..NAMED].join(", "), rest.len()),
        _ => hosts.join(", "),
    }
}

fn document(why: &Why, options: &Options, sources: &Sources) -> Value {
    let place = |map: &mut Map, span: Option<Span>, file: Option<&str>| {
        if let Some(position) = span.and_then(|span| sources.position(span)) {
            map.insert("file", relative(&position.name));
            map.insert("line", position.line);
            map.insert("column", position.column);
        } else if let Some(file) = file {
            map.insert("file", relative(file));
        }
    };
    let answers = why.answers.iter().map(|answer| {
        let mut map = Map::new();
        map.insert("hosts", answer.hosts.iter().map(|host| Value::data(host.as_ref())).collect::<List>());
        if let Some(at) = &answer.place {
            let mut inner = Map::from_iter([("play", Value::from(&at.play))]);
            inner.insert("task", at.task.clone());
            place(&mut inner, at.span, None);
            map.insert("place", inner);
        }
        match (&answer.value, &answer.problem) {
            (Some(value), _) => _ = map.insert("value", value.clone()),
            (None, Some(problem)) => _ = map.insert("problem", problem.as_str()),
            (None, None) => {}
        }
        if let Some(because) = &answer.because {
            map.insert("because", because.as_str());
        }
        let settings = answer.settings.iter().enumerate().map(|(index, setting)| {
            let mut inner = Map::new();
            inner.insert("level", setting.level);
            inner.insert("description", setting.what.as_str());
            inner.insert("wins", index == 0);
            if let Some(raw) = &setting.raw {
                inner.insert("raw", raw.clone());
            }
            place(&mut inner, setting.span, setting.file.as_deref());
            Value::Map(inner)
        });
        map.insert("settings", settings.collect::<List>());
        let uses = answer.uses.iter().map(|used| {
            let mut inner = Map::from_iter([("name", Value::from(&used.name))]);
            match (&used.value, &used.problem) {
                (Some(value), _) => _ = inner.insert("value", value.clone()),
                (None, problem) => _ = inner.insert("problem", problem.clone()),
            }
            place(&mut inner, used.span, None);
            Value::Map(inner)
        });
        map.insert("uses", uses.collect::<List>());
        Value::Map(map)
    });
    let later = why.later.iter().map(|later| {
        let mut map = Map::from_iter([("how", Value::from(later.how)), ("wins", Value::from(later.wins))]);
        place(&mut map, later.span, None);
        Value::Map(map)
    });
    let mut map = Map::from_iter([("variable", Value::from(&options.variable))]);
    map.insert("answers", answers.collect::<List>());
    map.insert("later", later.collect::<List>());
    if let Some(near) = &why.near {
        map.insert("did_you_mean", near.as_str());
    }
    Value::Map(map)
}
