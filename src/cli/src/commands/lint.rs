//! `rplay lint`: what a release of Ansible would refuse or warn about, without running anything.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use rplay_diag::{Diagnostic, Sources, render};
use rplay_lint::{Finding, Level, Lint, Record, Rule, rules};
use rplay_value::Compat;

use crate::exit;
use crate::failure::Failure;

/// How findings are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// Each with the lines it is about
    Human,
    /// One JSON document
    Json,
    /// One JSON document a line
    Jsonl,
    /// Annotations of GitHub's workflows
    Github,
}

/// Options of `rplay lint`.
#[derive(Args, Debug)]
#[command(
    after_help = "Ends with 0 when nothing is found, with 2 when something is, and with 1 when a path cannot be read. \
                        Notes (--info) are no findings."
)]
pub(crate) struct Options {
    /// Playbooks, roles, task files, templates, inventories, or folders of them
    #[arg(value_name = "PATH", default_value = ".")]
    paths: Vec<PathBuf>,
    /// The release that is to accept everything
    #[arg(long, value_name = "RELEASE", default_value = "2.19")]
    compat: String,
    /// How findings are printed
    #[arg(long, value_enum, default_value = "human")]
    output: Output,
    /// Also show what works and is old: injected facts, names of before 2.0
    #[arg(long)]
    info: bool,
    /// List the rules
    #[arg(long)]
    rules: bool,
}

/// Runs the command; the value is the exit code.
pub(crate) fn run(options: &Options) -> i32 {
    let sources = Sources::new();
    check(options, &sources).unwrap_or_else(|failure| {
        failure.report(&sources, io::stderr().is_terminal());
        failure.code
    })
}

fn check(options: &Options, sources: &Sources) -> Result<i32, Failure> {
    if options.rules {
        print(&list());
        return Ok(exit::OK);
    }
    let compat: Compat = options
        .compat
        .parse()
        .map_err(|error: rplay_value::UnknownRelease| Failure::options(Diagnostic::error(error.to_string())))?;
    let wanted = rplay_lint::Options { release: compat.version(), info: options.info };
    let mut lint = Lint::new(sources.clone(), wanted);
    for path in &options.paths {
        lint.add(path).map_err(|error| {
            Failure::error(Diagnostic::error(format!("could not read {}: {error}", path.display())))
        })?;
    }
    let findings = lint.finish();
    print(&text(&findings, options.output, sources));
    if options.output == Output::Human {
        summary(&findings, &compat);
    }
    let clean = findings.iter().all(|finding| finding.level == Level::Info);
    Ok(if clean { exit::OK } else { exit::FINDINGS })
}

fn text(findings: &[Finding], output: Output, sources: &Sources) -> String {
    let color = output == Output::Human && io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let records = || findings.iter().map(|finding| finding.record(sources));
    match output {
        Output::Human => findings.iter().map(|f| render(&f.diagnostic(), sources, color) + "\n\n").collect(),
        Output::Json => json(&records().collect::<Vec<_>>()) + "\n",
        Output::Jsonl => records().map(|record| json(&record) + "\n").collect(),
        Output::Github => records().map(|record| annotation(&record)).collect(),
    }
}

/// One line for GitHub's workflows.
fn annotation(record: &Record) -> String {
    let level = match record.level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Info => "notice",
    };
    let file = escaped(&record.file).replace(':', "%3A").replace(',', "%2C");
    let text = escaped(&format!("{}: {}", record.message, record.help));
    format!("::{level} file={file},line={},col={},title={}::{text}\n", record.line, record.column, record.rule)
}

/// As commands of GitHub's workflows want data.
fn escaped(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Records hold texts and numbers only: nothing that JSON could refuse.
fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn summary(findings: &[Finding], compat: &Compat) {
    let count = |level: Level| findings.iter().filter(|finding| finding.level == level).count();
    let (errors, warnings) = (count(Level::Error), count(Level::Warning));
    let places = if errors == 1 { "place" } else { "places" };
    let text = if errors + warnings == 0 {
        format!("nothing that Ansible {compat} refuses or warns about\n")
    } else {
        format!("{errors} {places} that Ansible {compat} refuses, {warnings} that it warns about or may refuse\n")
    };
    // Nowhere is left to complain about a broken standard error.
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

fn list() -> String {
    let mut rules: Vec<_> = rules().collect();
    rules.sort_by_key(|rule| rule.name);
    let line = |rule: &&Rule| format!("{:22} {:>5}  {}\n", rule.name, rule.since.to_string(), rule.about);
    rules.iter().map(line).collect::<Vec<_>>().concat()
}

fn print(text: &str) {
    // A reader that went away (`| head`) has what it wanted.
    let _ = io::stdout().lock().write_all(text.as_bytes());
}
