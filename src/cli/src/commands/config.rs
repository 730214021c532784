//! `rplay config`: every setting of Ansible with its value here, and the config file.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use rplay_diag::{Diagnostic, Sources, quoted_list};
use rplay_value::json::dumps;
use rplay_value::{JsonStyle, List, Map, Value};

use crate::failure::{Failure, conclude};
use crate::known::{Known, KnownPlugin, KnownSettings, definitions, plugin_kinds};
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
        #[command(flatten)]
        file: FileOption,
        /// Only settings that are not at their default
        #[arg(long, visible_alias = "changed-only")]
        only_changed: bool,
        /// How to print them
        #[arg(short, long, value_enum, default_value = "display")]
        format: Format,
        /// The settings themselves (`base`), the options of one type of plugins, or everything
        #[arg(short = 't', long = "type", value_name = "TYPE", default_value = "base")]
        kind: String,
    },
    /// Show how every setting can be set
    List {
        #[command(flatten)]
        file: FileOption,
        /// How to print them
        #[arg(short, long, value_enum, default_value = "yaml")]
        format: ListFormat,
    },
    /// Print a config file that sets everything to its default
    Init {
        /// Write every line as a comment
        #[arg(long)]
        disabled: bool,
    },
    /// Show the config file
    View {
        #[command(flatten)]
        file: FileOption,
    },
}

/// Which config file is meant.
#[derive(Args, Debug)]
struct FileOption {
    /// A config file in the place of the one that would be found
    #[arg(short = 'c', long = "config", value_name = "FILE")]
    config: Option<PathBuf>,
}

impl FileOption {
    /// The file, if one is named: it must be there, and be one.
    fn checked(&self) -> Result<Option<String>, Failure> {
        let Some(path) = &self.config else { return Ok(None) };
        let shown = path.display().to_string();
        if fs_err::File::open(path).is_err() {
            let message = format!("The provided configuration file is missing or not accessible: {shown}");
            return Err(Failure::options(Diagnostic::error(message)));
        }
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        if !matches!(ending, "cfg" | "ini") {
            let ending = if ending.is_empty() { String::new() } else { format!(".{ending}") };
            let error = Diagnostic::error(format!("Unsupported configuration file extension for {shown}: {ending}"));
            return Err(Failure::options(error.hint("config files end in .cfg or .ini")));
        }
        Ok(Some(shown))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ListFormat {
    /// JSON
    Json,
    /// YAML
    Yaml,
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
    conclude(answer(options, &sources), &sources)
}

fn answer(options: &Options, sources: &Sources) -> Result<String, Failure> {
    let file = match &options.action {
        Action::Dump { file, .. } | Action::List { file, .. } | Action::View { file } => file.checked()?,
        Action::Init { .. } => None,
    };
    let env = |name: &str| file.clone().filter(|_| name == "ANSIBLE_CONFIG").or_else(|| std::env::var(name).ok());
    let settings = Settings::load(sources, &env).map_err(|error| Failure::error(error.diagnostic()))?;
    match &options.action {
        Action::Dump { only_changed, format, kind, .. } => {
            let known = KnownSettings::new(settings.file.as_deref());
            let kept = |known: &Known| !only_changed || known.origin != "default";
            let kinds = plugin_kinds();
            if kind != "base" && kind != "all" && !kinds.contains(&kind.as_str()) {
                let all = ["base", "all"].into_iter().chain(kinds);
                let error = Diagnostic::error(format!("there are no settings of the type `{kind}`"));
                return Err(Failure::options(error.note(format!("the types are {}", quoted_list(all)))));
            }
            let mut all = if matches!(kind.as_str(), "base" | "all") { known.all() } else { Vec::new() };
            all.retain(kept);
            let mut plugins = Vec::new();
            for wanted in kinds.into_iter().filter(|wanted| kind == "all" || kind == wanted) {
                plugins.extend(known.plugins(wanted));
            }
            for plugin in &mut plugins {
                plugin.options.retain(kept);
            }
            plugins.retain(|plugin| !plugin.options.is_empty());
            dump(&all, &plugins, *format).map_err(|error| Failure::error(Diagnostic::error(error)))
        }
        Action::List { format, .. } => list(*format).map_err(|error| Failure::error(Diagnostic::error(error))),
        Action::Init { disabled } => Ok(init(*disabled)),
        Action::View { .. } => {
            let Some(path) = &settings.file else {
                return Err(Failure::options(Diagnostic::error("Invalid or no config file was supplied")));
            };
            fs_err::read_to_string(path).map_err(|error| Failure::error(Diagnostic::error(error.to_string())))
        }
    }
}

fn dump(all: &[Known], plugins: &[KnownPlugin], format: Format) -> Result<String, String> {
    if format == Format::Display {
        let line = |known: &Known| format!("{}({}) = {}\n", known.name, known.origin, known.value.to_str());
        let mut out: String = all.iter().map(line).collect();
        let mut kind = "";
        for plugin in plugins {
            if kind != plugin.kind {
                kind = plugin.kind;
                let title = kind.to_uppercase();
                let _ = write!(out, "\n{title}:\n{}\n", "=".repeat(title.len() + 1));
            }
            let _ = write!(out, "\n{}:\n{}\n", plugin.name, "_".repeat(plugin.name.len()));
            out.extend(plugin.options.iter().map(line));
        }
        return Ok(out);
    }
    let entry = |known: &Known| {
        Value::Map(Map::from_iter([
            ("name", Value::data(known.name)),
            ("origin", Value::data(known.origin.as_str())),
            ("value", known.value.clone()),
        ]))
    };
    let mut entries: Vec<Value> = all.iter().map(entry).collect();
    let mut kinds: Vec<(String, Map)> = Vec::new();
    for plugin in plugins {
        let options: List = plugin.options.iter().map(entry).collect();
        let kind = plugin.kind.to_uppercase();
        if kinds.last().is_none_or(|(last, _)| *last != kind) {
            kinds.push((kind, Map::new()));
        }
        if let Some((_, map)) = kinds.last_mut() {
            map.insert(plugin.name, options);
        }
    }
    entries.extend(kinds.into_iter().map(|(kind, map)| Value::Map([(kind, Value::Map(map))].into_iter().collect())));
    written(&Value::List(entries.into_iter().collect()), format == Format::Json)
}

fn written(value: &Value, json: bool) -> Result<String, String> {
    if json {
        return dumps(value, &JsonStyle::nice(4)).map(|text| text + "\n").map_err(|error| error.to_string());
    }
    rplay_yaml::dump(value, &rplay_yaml::DumpStyle::nice()).map_err(|error| error.to_string())
}

/// How every setting can be set. What each is for stands in Ansible's documentation.
fn list(format: ListFormat) -> Result<String, String> {
    let named = |name: &str| Value::Map(Map::from_iter([("name", Value::data(name))]));
    let mut all = Map::new();
    for setting in definitions() {
        let key = |(section, key): &(&str, &str)| {
            Value::Map(Map::from_iter([("key", Value::data(*key)), ("section", Value::data(*section))]))
        };
        let mut entry = Map::from_iter([("default", setting.default.clone())]);
        if !setting.env.is_empty() {
            entry.insert("env", setting.env.iter().map(|name| named(name)).collect::<List>());
        }
        if !setting.ini.is_empty() {
            entry.insert("ini", setting.ini.iter().map(key).collect::<List>());
        }
        entry.insert("name", setting.name);
        if setting.kind != "none" {
            entry.insert("type", setting.kind);
        }
        all.insert(setting.name, Value::Map(entry));
    }
    written(&Value::Map(all), format == ListFormat::Json)
}

/// A config file with every key once.
fn init(disabled: bool) -> String {
    let mut sections: BTreeMap<&str, Vec<(&str, Value, &str)>> = BTreeMap::new();
    for setting in definitions() {
        if let Some((section, key)) = setting.ini.last() {
            sections.entry(section).or_default().push((key, setting.default, setting.kind));
        }
    }
    let mark = if disabled { ";" } else { "" };
    let mut out = String::new();
    for (section, keys) in sections {
        let _ = writeln!(out, "[{section}]");
        for (key, default, kind) in keys {
            let value = match &default {
                Value::Null => String::new(),
                Value::List(items) => items.iter().map(Value::to_str).collect::<Vec<_>>().join(", "),
                other => other.to_str().into_owned(),
            };
            let _ = write!(out, "# ({kind})\n{mark}{key}={value}\n\n");
        }
        out.push('\n');
    }
    out
}
