//! Renders a configuration file (INI, YAML or JSON), lays overrides over it and puts the result in place on the host.
//!
//! Options: `src` or `content`, `dest`, `config_type` (`ini`, `yaml` or `json`), `config_overrides`, `list_extend` (lists
//! are added to lists), `ignore_none_type` (default `true`), `default_section` (default `DEFAULT`: where keys without a
//! section go), `yml_multilines` (texts of several lines stay texts), `remote_src` (the file is on the host),
//! `render_template` (default `true`, with `remote_src` `false`), `block_start_string`, `block_end_string`, `variable_start_string`,
//! `variable_end_string`, and those of `copy` for owner, mode, backup and validation.
//!
//! This is `openstack.config_template.config_template`; roles bring it along under its short name. With `--diff` the
//! difference is told by sections and keys.

use async_trait::async_trait;
use base64::Engine as _;
use rplay_diag::SourceId;
use rplay_template::{FileOptions, Scope, TemplateSource};
use rplay_value::json::{self, JsonStyle};
use rplay_value::{List, Map, Value};
use rplay_yaml::{DumpStyle, Trust};

use super::merge_configs::put;
use crate::action::{Action, ActionCx, Done, Traits};
use crate::merge::multi_key::Ini;
use crate::merge::tree::{Overriding, differences, override_map};
use crate::trouble::Trouble;

/// `openstack.config_template.config_template`
pub(crate) static ACTION: ConfigTemplate = ConfigTemplate;

/// Renders and overrides.
pub(crate) struct ConfigTemplate;

const OWN: &[&str] = &[
    "src",
    "content",
    "config_overrides",
    "config_type",
    "list_extend",
    "ignore_none_type",
    "default_section",
    "yml_multilines",
    "remote_src",
    "render_template",
    "block_start_string",
    "block_end_string",
    "variable_start_string",
    "variable_end_string",
];

/// Languages of configuration files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Ini,
    Yaml,
    Json,
}

#[async_trait(?Send)]
impl Action for ConfigTemplate {
    fn traits(&self) -> Traits {
        Traits::new("config_template").of("openstack.config_template").anywhere()
    }

    async fn run(&self, cx: &mut ActionCx<'_>) -> Result<Done, Trouble> {
        let kind = match cx.text("config_type").as_deref() {
            Some("ini") => Kind::Ini,
            Some("yaml") => Kind::Yaml,
            Some("json") => Kind::Json,
            _ => {
                let msg = "No valid [ config_type ] was provided. Valid options are ini, yaml, or json.";
                return Ok(Done::failed(msg));
            }
        };
        let src = cx.text("src").filter(|src| !src.is_empty());
        let content = cx.args.get("content").filter(|content| content.is_true()).cloned();
        if src.is_none() && content.is_none() {
            return Ok(Done::failed("No user [ src ] or [ content ] was provided"));
        }
        let Some(dest) = cx.text("dest").filter(|dest| !dest.is_empty()) else {
            return Ok(Done::failed("No [ dest ] was provided"));
        };
        let overrides = match cx.args.get("config_overrides") {
            Some(value) if value.is_true() => value.clone(),
            _ => Value::Map(Map::new()),
        };
        let (name, text, scope) = match (&src, &content) {
            (None, Some(Value::Map(map))) if kind == Kind::Json => {
                ("content".to_owned(), dumps(&Value::Map(map.clone()), &JsonStyle::default())?, None)
            }
            (None, Some(content)) => ("content".to_owned(), content.to_str().into_owned(), None),
            (Some(src), _) => source(cx, src, &dest).await?,
            (None, None) => return Ok(Done::failed("No user [ src ] or [ content ] was provided")),
        };
        let rendered = match &scope {
            Some(scope) => render(cx, &name, &text, scope)?,
            None => text,
        };
        let (merged, values) = merge(cx, kind, &rendered, &overrides)?;
        let diff = if cx.settings.diff { Some(difference(cx, kind, &dest, &values).await?) } else { None };
        let base = std::path::Path::new(&name).file_name().map(|name| name.to_string_lossy().into_owned());
        cx.args.insert("_original_basename", base.unwrap_or_default());
        cx.args.insert("follow", true);
        let mut done = put(cx, OWN, merged.into_bytes()).await?;
        if let Some((text, changed)) = diff {
            if changed && !done.result.get("changed").is_some_and(Value::is_true) {
                done.result.insert("changed", true);
            }
            let prepared = Map::from_iter([("prepared", text)]);
            done.result.insert("diff", Value::List([Value::Map(prepared)].into_iter().collect()));
        }
        Ok(done)
    }
}

/// A file's name and text, and the scope it is rendered in.
async fn source(cx: &mut ActionCx<'_>, src: &str, dest: &str) -> Result<(String, String, Option<Scope>), Trouble> {
    if cx.flag("remote_src", false)? {
        let text = slurp(cx, src).await?.ok_or_else(|| Trouble::action(format!("{src} is not there on the host")))?;
        // What a host says is no template unless the user says so.
        let scope = cx.flag("render_template", false)?.then(|| cx.scope.clone());
        return Ok((src.to_owned(), text, scope));
    }
    cx.reads_here()?;
    let path = cx.find_file("templates", src)?;
    let bytes = cx.read_file(&path, true)?;
    let text = String::from_utf8(bytes).map_err(|_| Trouble::action(format!("{} is not UTF-8", path.display())))?;
    let scope = cx.flag("render_template", true)?.then(|| super::template::template_scope(cx, &path, dest));
    Ok((path.to_string_lossy().into_owned(), text, scope))
}

/// The text of a file of the host.
async fn slurp(cx: &mut ActionCx<'_>, path: &str) -> Result<Option<String>, Trouble> {
    let reply = cx.module("ansible.builtin.slurp", Map::from_iter([("src", path)])).await?;
    let Some(content) = reply.data.get("content").filter(|_| !reply.failed) else { return Ok(None) };
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(content.to_str().as_bytes())
        .map_err(|error| Trouble::action(format!("could not read {path}: {error}")))?;
    String::from_utf8(bytes).map(Some).map_err(|_| Trouble::action(format!("{path} is not UTF-8")))
}

fn render(cx: &ActionCx<'_>, name: &str, text: &str, scope: &Scope) -> Result<String, Trouble> {
    let _watch = cx.turn.and_then(crate::action::Turn::watch);
    let default = FileOptions::default();
    let given = |name: &str, default: String| cx.text(name).filter(|text| !text.is_empty()).unwrap_or(default);
    let options = FileOptions {
        block: (given("block_start_string", default.block.0), given("block_end_string", default.block.1)),
        variable: (
            given("variable_start_string", default.variable.0),
            given("variable_end_string", default.variable.1),
        ),
        ..FileOptions::default()
    };
    let source = TemplateSource { name: name.to_owned(), text: text.into(), source: None };
    Ok(cx.run().engine().render_template(&source, &options, scope)?)
}

fn dumps(value: &Value, style: &JsonStyle) -> Result<String, Trouble> {
    json::dumps(value, style).map_err(|error| Trouble::action(error.to_string()))
}

/// The file with its overrides, and what it says, for comparing.
fn merge(cx: &mut ActionCx<'_>, kind: Kind, text: &str, overrides: &Value) -> Result<(String, Value), Trouble> {
    let how = Overriding { extend: cx.flag("list_extend", false)?, lines: cx.flag("yml_multilines", false)? };
    let wrong = |error: String| {
        Trouble::action(format!("the file is not {}: {error}", if kind == Kind::Json { "JSON" } else { "YAML" }))
    };
    let over = |base: Value| match (base, overrides) {
        (Value::Map(mut base), Value::Map(over)) => {
            override_map(&mut base, over, how).map_err(|error| Trouble::action(error.to_string()))?;
            Ok(Value::Map(base))
        }
        (Value::Null, Value::Map(over)) => {
            let mut base = Map::new();
            override_map(&mut base, over, how).map_err(|error| Trouble::action(error.to_string()))?;
            Ok(Value::Map(base))
        }
        (Value::List(base), Value::Map(over)) if over.is_empty() => Ok(Value::List(base)),
        (Value::List(mut base), Value::List(over)) if how.extend => {
            base.make_mut().extend(over.iter().cloned());
            Ok(Value::List(base))
        }
        (Value::List(_), Value::List(over)) => Ok(Value::List(over.clone())),
        (base, over) => {
            let (base, over) = (base.type_name(), over.type_name());
            Err(Trouble::action(format!("config_overrides of type {over} do not fit a file that is of type {base}")))
        }
    };
    match kind {
        Kind::Ini => ini(cx, text, overrides),
        Kind::Json => {
            let value =
                over(json::loads(text).map_err(|error| wrong(format!("{} at line {}", error.problem, error.line)))?)?;
            Ok((dumps(&value, &JsonStyle::nice(4))?, value))
        }
        Kind::Yaml => {
            let (value, _) =
                rplay_yaml::load_str(text, SourceId::UNKNOWN, Trust::Data).map_err(|error| wrong(error.to_string()))?;
            let value = over(value)?;
            let style = DumpStyle {
                flow: Some(false),
                width: Some(1000),
                allow_unicode: false,
                indent_lists: true,
                ..DumpStyle::default()
            };
            let text = rplay_yaml::dump(&value, &style).map_err(|error| Trouble::action(error.to_string()))?;
            Ok((text, value))
        }
    }
}

fn ini(cx: &mut ActionCx<'_>, text: &str, overrides: &Value) -> Result<(String, Value), Trouble> {
    let default = cx.text("default_section").unwrap_or_else(|| "DEFAULT".to_owned());
    let mut ini = Ini::read(text);
    if ini.ahead > 0 {
        cx.warn(format!("{} of the lines ahead of the first section are left out of the file", ini.ahead));
    }
    ini.section(&default);
    let Value::Map(overrides) = overrides else {
        return Err(Trouble::action("config_overrides must be a mapping of sections"));
    };
    for (section, items) in overrides {
        let section = section.to_str();
        match items {
            Value::Map(items) => {
                ini.section(&section);
                for (key, value) in items {
                    ini.set(&section, &key.to_str(), value);
                }
            }
            value => ini.set(&default, &section, value),
        }
    }
    Ok((ini.text(cx.flag("ignore_none_type", true)?), Value::Map(ini.values(&default))))
}

/// What differs from the file on the host, as text, and whether anything does.
async fn difference(cx: &mut ActionCx<'_>, kind: Kind, dest: &str, new: &Value) -> Result<(String, bool), Trouble> {
    let old = match slurp(cx, dest).await? {
        None => None,
        Some(text) => Some(merge(cx, kind, &text, &Value::Map(Map::new()))?.1),
    };
    let (found, changed) = match new {
        Value::Map(new) => {
            let none = Map::new();
            let old = old.as_ref().and_then(Value::as_map).unwrap_or(&none);
            differences(old, new)
        }
        Value::List(new) => {
            let old = match old {
                Some(Value::List(old)) => old,
                _ => List::new(),
            };
            let without = |all: &List, known: &List| -> List {
                all.iter().filter(|item| !known.contains(item)).cloned().collect()
            };
            let (added, removed) = (without(new, &old), without(&old, new));
            let changed: List = removed.iter().chain(added.iter()).cloned().collect();
            let any = !changed.is_empty();
            (Map::from_iter([("added", added), ("removed", removed), ("changed", changed)]), any)
        }
        _ => (Map::new(), false),
    };
    Ok((dumps(&Value::Map(found), &JsonStyle::nice(4))?, changed))
}
