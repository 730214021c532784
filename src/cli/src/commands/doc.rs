//! `rplay doc`: what modules, filters, tests and lookups do, from their sources.

mod resolve;
mod walk;

use std::borrow::Cow;
use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use rplay_diag::{Diagnostic, Sources, nearest};
use rplay_modules::Support;

use crate::exit;
use crate::failure::Failure;

/// What kind of plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Modules
    Module,
    /// Filters
    Filter,
    /// Tests
    Test,
    /// Lookups
    Lookup,
    /// Keywords of plays, blocks, tasks, roles and loops
    Keyword,
}

/// Options of `rplay doc`.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Names to show: short or with their collection
    #[arg(required_unless_present_any = ["list", "resolve"])]
    names: Vec<String>,
    /// Say for every module that playbooks, task files or roles' folders call where it would run
    #[arg(long, num_args = 1.., value_name = "PATH", conflicts_with_all = ["list", "names"])]
    resolve: Vec<PathBuf>,
    /// With --resolve: variables that names of files and roles are made of
    #[arg(short = 'e', long = "extra-vars", value_name = "EXTRA_VARS", requires = "resolve")]
    extra_vars: Vec<String>,
    /// As JSON
    #[arg(long)]
    json: bool,
    /// List every name with its first line
    #[arg(short, long)]
    list: bool,
    /// The kind of plugin
    #[arg(short = 't', long = "type", value_enum, default_value = "module")]
    kind: Kind,
}

struct Entry {
    name: String,
    doc: Cow<'static, str>,
    support: Option<(Support, Support)>,
}

fn entries(kind: Kind) -> Vec<Entry> {
    let mut all: Vec<Entry> = match kind {
        Kind::Module => rplay_modules::table()
            .map(|(_, m, doc)| Entry {
                name: format!("{}.{}", m.collection, m.name),
                doc: Cow::Borrowed(doc),
                support: Some((m.check, m.diff)),
            })
            .collect(),
        Kind::Filter => {
            rplay_template::filters::TABLE.iter().map(|(_, f, doc)| plain(f.collection, f.name, doc)).collect()
        }
        Kind::Test => rplay_template::tests::TABLE.iter().map(|(_, t, doc)| plain(t.collection, t.name, doc)).collect(),
        Kind::Lookup => {
            rplay_template::lookups::TABLE.iter().map(|(_, l, doc)| plain(l.collection, l.name, doc)).collect()
        }
        Kind::Keyword => rplay_playbook::keyword::KEYWORDS.iter().map(keyword).collect(),
    };
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

fn plain(collection: &str, name: &str, doc: &'static str) -> Entry {
    Entry { name: format!("{collection}.{name}"), doc: Cow::Borrowed(doc), support: None }
}

/// A keyword, from the table that reads playbooks.
fn keyword(keyword: &rplay_playbook::keyword::Keyword) -> Entry {
    let places: Vec<String> = keyword.places().map(|place| place.to_string()).collect();
    let templated = if keyword.templated { ", or a template of one" } else { "" };
    let mut doc = format!("{}\n\ntakes: {}{templated}\nstands in: {}\n", keyword.help, keyword.kind, places.join(", "));
    if let Some(since) = keyword.since {
        doc.push_str(&format!("since: ansible {since}\n"));
    }
    if keyword.own {
        doc.push_str("rplay's own: no release of ansible has it\n");
    }
    if let Some(until) = keyword.until {
        doc.push_str(&format!("until: ansible {until}, which no longer has it\n"));
    }
    Entry { name: keyword.name.to_owned(), doc: Cow::Owned(doc), support: None }
}

/// Runs the command.
pub(crate) fn run(options: &Options) -> i32 {
    if !options.resolve.is_empty() {
        let sources = Sources::new();
        return match resolve::run(&options.resolve, &options.extra_vars, options.json, &sources) {
            Ok((text, code)) => {
                // A reader that went away (`| head`) has what it wanted.
                let _ = std::io::stdout().lock().write_all(text.as_bytes());
                code
            }
            Err(failure) => {
                failure.report(&sources, std::io::stderr().is_terminal());
                failure.code
            }
        };
    }
    let entries = entries(options.kind);
    let mut out = std::io::stdout().lock();
    if options.list {
        for entry in &entries {
            let first = entry.doc.lines().next().unwrap_or_default();
            // A reader that went away (`| head`) has what it wanted.
            if writeln!(out, "{:<44} {first}", entry.name).is_err() {
                break;
            }
        }
        return exit::OK;
    }
    for name in &options.names {
        let found = entries.iter().find(|e| e.name == *name || e.name.rsplit('.').next() == Some(name));
        let Some(entry) = found else {
            let near = nearest(name, entries.iter().filter_map(|e| e.name.rsplit('.').next()));
            let failure = Failure::options(
                Diagnostic::error(format!("there is no {:?} called `{name}`", options.kind).to_lowercase())
                    .hint_maybe(near.map(|near| format!("did you mean `{near}`?"))),
            );
            failure.report(&Sources::new(), false);
            return failure.code;
        };
        let support = entry
            .support
            .map_or(String::new(), |(check, diff)| format!("check mode: {check:?}, diff mode: {diff:?}\n"));
        if write!(out, "{}\n{support}\n{}\n\n", entry.name, entry.doc.trim_end()).is_err() {
            break;
        }
    }
    exit::OK
}
