//! `rplay inventory`: what hosts, groups and variables there are, as `ansible-inventory` shows it.

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;

use clap::{ArgAction, Args};
use rplay_diag::{Diagnose as _, Diagnostic, Sources, nearest};
use rplay_inventory::{InventoryError, Show};
use rplay_value::json::dumps;
use rplay_value::{JsonStyle, Map, Value};
use rplay_yaml::{DumpStyle, dump};

use crate::commands::playbook;
use crate::exit;
use crate::failure::Failure;
use crate::options::PlaybookOptions;

/// Show hosts, groups and variables.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// With --graph: the group to start at
    #[arg(value_name = "GROUP")]
    group: Option<String>,

    /// All hosts and groups
    #[arg(long, conflicts_with_all = ["host", "graph"])]
    list: bool,

    /// The variables of one host
    #[arg(long, value_name = "HOST", conflicts_with = "graph")]
    host: Option<String>,

    /// The groups as a tree
    #[arg(long)]
    graph: bool,

    /// With --graph: variables too
    #[arg(long)]
    vars: bool,

    /// YAML in the place of JSON
    #[arg(short = 'y', long, conflicts_with = "toml")]
    yaml: bool,

    /// Refused: TOML cannot say everything an inventory can
    #[arg(long)]
    toml: bool,

    /// With --list: variables where they were written, not all of them at every host
    #[arg(long)]
    export: bool,

    /// With --list: write to this file
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Inventory: a file, a directory, a script, or a comma separated host list; may be given several times
    #[arg(short = 'i', long = "inventory", alias = "inventory-file", value_name = "INVENTORY")]
    inventory: Vec<String>,

    /// Further limit the hosts to a pattern
    #[arg(short = 'l', long, value_name = "SUBSET", action = ArgAction::Append)]
    limit: Vec<String>,

    /// Set variables: key=value pairs, YAML or JSON text, or @FILE
    #[arg(short = 'e', long = "extra-vars", value_name = "EXTRA_VARS", action = ArgAction::Append)]
    extra_vars: Vec<String>,

    /// Read group_vars and host_vars of this folder too, as beside a playbook
    #[arg(long, value_name = "FOLDER")]
    playbook_dir: Option<PathBuf>,

    /// Ask for the vault password
    #[arg(short = 'J', long, alias = "ask-vault-password")]
    ask_vault_pass: bool,

    /// Vault password file or script
    #[arg(long, alias = "vault-pass-file", value_name = "FILE", action = ArgAction::Append)]
    vault_password_file: Vec<PathBuf>,

    /// Vault identity to use: NAME@FILE or NAME@prompt
    #[arg(long, value_name = "VAULT_ID", action = ArgAction::Append)]
    vault_id: Vec<String>,

    /// Print more
    #[arg(short = 'v', long, action = ArgAction::Count)]
    verbose: u8,
}

/// Runs the command; the value is the exit code.
pub(crate) fn run(options: &Options) -> i32 {
    let sources = Sources::new();
    let color = std::io::stderr().is_terminal();
    show(options, &sources).unwrap_or_else(|failure| {
        failure.report(&sources, color);
        failure.code
    })
}

fn show(options: &Options, sources: &Sources) -> Result<i32, Failure> {
    if options.toml {
        let error = Diagnostic::error("--toml is not supported").hint("--yaml can be read again as an inventory");
        return Err(Failure::options(error));
    }
    if !options.list && !options.graph && options.host.is_none() {
        return Err(Failure::options(Diagnostic::error(
            "No action selected, at least one of --host, --graph or --list needs to be specified.",
        )));
    }
    let as_run = PlaybookOptions {
        inventory: options.inventory.clone(),
        playbook_dir: options.playbook_dir.clone(),
        limit: if options.list { options.limit.clone() } else { Vec::new() },
        extra_vars: options.extra_vars.clone(),
        ask_vault_pass: options.ask_vault_pass,
        vault_password_file: options.vault_password_file.clone(),
        vault_id: options.vault_id.clone(),
        verbose: options.verbose,
        ..PlaybookOptions::default()
    };
    let mut opened = playbook::open(&as_run, sources)?;
    if let Some(folder) = &options.playbook_dir {
        opened.inventory.add_playbook_folder(folder);
    }
    let limit = (!as_run.limit.is_empty()).then(|| as_run.limit.join(","));
    let inventory = &opened.inventory;
    let failure = |error: InventoryError| Failure::error(error.diagnostic());
    let selected = match &limit {
        Some(limit) => Some(inventory.select(&["all"], Some(limit)).map_err(failure)?.hosts),
        None => None,
    };
    let show = Show {
        export: options.export,
        hosts: selected.as_deref(),
        extra_vars: Some(&opened.extra_vars),
        files: &opened.files,
        sources,
    };
    let text = if let Some(host) = &options.host {
        let Some(vars) = inventory.host_vars(host, show).map_err(failure)? else {
            let known: Vec<&str> = inventory.hosts().map(|host| &*host.name).collect();
            let error = Diagnostic::error("You must pass a single valid host to --host parameter")
                .note(format!("Could not match supplied host pattern, ignoring: {host}"))
                .hint_maybe(nearest(host, known).map(|near| format!("did you mean `{near}`?")));
            return Err(Failure::options(error));
        };
        written(vars, options.yaml)?
    } else if options.graph {
        let group = options.group.as_deref().unwrap_or("all");
        let graph = if options.vars {
            inventory.graph_with_vars(group, show).map_err(failure)?
        } else {
            inventory.graph(group)
        };
        let Some(graph) = graph else {
            let known: Vec<&str> = inventory.groups().map(|group| &*group.name).collect();
            let error = Diagnostic::error("Pattern must be valid group name when using --graph")
                .hint_maybe(nearest(group, known).map(|near| format!("did you mean `{near}`?")));
            return Err(Failure::options(error));
        };
        graph
    } else if options.yaml {
        written(inventory.nested(show).map_err(failure)?, true)?
    } else {
        written(unsafe_marked(inventory.list(show).map_err(failure)?), false)?
    };
    if let Some(path) = &options.output {
        fs_err::write(path, &text).map_err(|error| {
            Failure::error(Diagnostic::error(format!("could not write {}: {error}", path.display())))
        })?;
    } else {
        let end = if text.ends_with('\n') { "" } else { "\n" };
        // A reader that went away (`| head`) has what it wanted.
        let _ = std::io::stdout().lock().write_all(format!("{text}{end}").as_bytes());
    }
    Ok(exit::OK)
}

/// As ansible-inventory writes: keys sorted, templates and encrypted values as they are.
fn written(map: Map, yaml: bool) -> Result<String, Failure> {
    let value = Value::Map(map);
    let fail =
        |problem: String| Failure::error(Diagnostic::error(format!("the inventory cannot be written: {problem}")));
    if yaml {
        dump(&value, &DumpStyle { flow: Some(false), ..DumpStyle::default() }).map_err(|error| fail(error.to_string()))
    } else {
        dumps(&enveloped(&value), &JsonStyle::nice(4)).map_err(|error| fail(error.to_string()))
    }
}

/// The document with texts of variables that are no templates as inventories in JSON carry them.
fn unsafe_marked(document: Map) -> Map {
    let vars = |value: &Value| match value {
        Value::Map(vars) => Value::Map(vars.iter().map(|(name, value)| (name.clone(), unsafe_texts(value))).collect()),
        other => other.clone(),
    };
    let entries = |map: &Map, change: &dyn Fn(&str, &Value) -> Value| -> Map {
        map.iter().map(|(key, value)| (key.clone(), change(&key.to_str(), value))).collect()
    };
    entries(&document, &|group, data| match data {
        Value::Map(data) => Value::Map(entries(data, &|part, value| match (group, part, value) {
            ("_meta", "hostvars", Value::Map(hosts)) => Value::Map(entries(hosts, &|_, own| vars(own))),
            (_, "vars", value) if group != "_meta" => vars(value),
            _ => value.clone(),
        })),
        other => other.clone(),
    })
}

fn unsafe_texts(value: &Value) -> Value {
    match value {
        Value::Text(text) if !text.is_trusted() => {
            Value::Map(Map::from_iter([("__ansible_unsafe", Value::Text(text.clone()))]))
        }
        Value::List(list) => Value::List(list.iter().map(unsafe_texts).collect()),
        Value::Map(map) => Value::Map(map.iter().map(|(key, value)| (key.clone(), unsafe_texts(value))).collect()),
        other => other.clone(),
    }
}

/// Encrypted values as inventories in JSON carry them.
fn enveloped(value: &Value) -> Value {
    match value {
        Value::Vault(vaulted) => Value::Map(Map::from_iter([("__ansible_vault", vaulted.ciphertext.as_ref())])),
        Value::List(list) => Value::List(list.iter().map(enveloped).collect()),
        // Keys of JSON are texts, and texts can be sorted.
        Value::Map(map) => Value::Map(map.iter().map(|(key, value)| (text_key(key), enveloped(value))).collect()),
        other => other.clone(),
    }
}

fn text_key(key: &Value) -> Value {
    match key {
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Big(_) | Value::Float(_) => {
            dumps(key, &JsonStyle::default()).map_or_else(|_| key.clone(), Value::from)
        }
        other => other.clone(),
    }
}
