//! `rplay config`: every setting of Ansible with its value here, and the config file.

use std::io::{self, IsTerminal as _, Write as _};

use clap::{Args, Subcommand, ValueEnum};
use rplay_diag::{Diagnostic, Sources};
use rplay_value::json::dumps;
use rplay_value::{JsonStyle, List, Map, Value};

use crate::exit;
use crate::failure::Failure;
use crate::known::{Known, KnownSettings};
use crate::settings::Settings;

/// Options of `rplay config`.
#[derive(Args, Debug)]
pub(crate) struct Options {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Debug)]
enum Action {
    /// Show every setting with its value and where that comes from
    Dump {
        /// Only settings that are not at their default
        #[arg(long, visible_alias = "changed-only")]
        only_changed: bool,
        /// How to print them
        #[arg(short, long, value_enum, default_value = "display")]
        format: Format,
    },
    /// Show the config file
    View,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// NAME(origin) = value
    Display,
    /// JSON
    Json,
    /// YAML
    Yaml,
}

/// Runs the command; the value is the exit code.
pub(crate) fn run(options: &Options) -> i32 {
    let sources = Sources::new();
    match answer(options, &sources) {
        Ok(text) => {
            // A reader that went away (`| head`) has what it wanted.
            let _ = io::stdout().lock().write_all(text.as_bytes());
            exit::OK
        }
        Err(failure) => {
            failure.report(&sources, io::stderr().is_terminal());
            failure.code
        }
    }
}

fn answer(options: &Options, sources: &Sources) -> Result<String, Failure> {
    let settings = Settings::load(sources, &|name| std::env::var(name).ok())
        .map_err(|error| Failure::error(error.diagnostic()))?;
    match options.action {
        Action::Dump { only_changed, format } => {
            let mut all = KnownSettings::new(settings.file.as_deref()).all();
            all.retain(|known| !only_changed || known.origin != "default");
            dump(&all, format).map_err(|error| Failure::error(Diagnostic::error(error)))
        }
        Action::View => {
            let Some(path) = settings.file else {
                return Err(Failure::options(Diagnostic::error("Invalid or no config file was supplied")));
            };
            fs_err::read_to_string(&path).map_err(|error| Failure::error(Diagnostic::error(error.to_string())))
        }
    }
}

fn dump(all: &[Known], format: Format) -> Result<String, String> {
    if format == Format::Display {
        let line = |known: &Known| format!("{}({}) = {}\n", known.name, known.origin, known.value.to_str());
        return Ok(all.iter().map(line).collect());
    }
    let entry = |known: &Known| {
        Value::Map(Map::from_iter([
            ("name", Value::data(known.name)),
            ("origin", Value::data(known.origin.as_str())),
            ("value", known.value.clone()),
        ]))
    };
    let entries = Value::List(all.iter().map(entry).collect::<List>());
    if format == Format::Json {
        return dumps(&entries, &JsonStyle::nice(4)).map(|text| text + "\n").map_err(|error| error.to_string());
    }
    let yaml = rplay_yaml::dump(&entries, &rplay_yaml::DumpStyle::nice());
    yaml.map_err(|error| error.to_string())
}
