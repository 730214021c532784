//! Every setting that ansible-core 2.19 has, with its value here: for `lookup('config', ...)` and `rplay config dump`.
//!
//! `ansible.tsv` is the table; most of its settings tune what rplay does not have, and playbooks may ask for them all
//! the same. Values are converted as Ansible converts them. The table is read when somebody asks.

use std::path::{Component, Path, PathBuf};
use std::sync::OnceLock;

use rplay_diag::Sources;
use rplay_template::PluginSetting;
use rplay_value::{Compat, Conditions, List, Value};

use crate::config_file::ConfigFile;
use crate::settings::{boolean, expand};

const TABLE: &str = include_str!("ansible.tsv");
const PLUGINS: &str = include_str!("plugins.tsv");

/// A row of the table.
struct Row {
    name: &'static str,
    kind: &'static str,
    env: &'static str,
    ini: &'static str,
    default: &'static str,
}

fn rows() -> impl Iterator<Item = Row> {
    TABLE.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let mut columns = line.split('\t');
        let mut column = || columns.next();
        Some(Row { name: column()?, kind: column()?, env: column()?, ini: column()?, default: column()? })
    })
}

/// A row of the table of plugins.
struct PluginRow {
    kind: &'static str,
    plugin: &'static str,
    variables: &'static str,
    row: Row,
}

fn plugin_rows() -> impl Iterator<Item = PluginRow> {
    PLUGINS.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let columns: Vec<&'static str> = line.split('\t').collect();
        let [kind, plugin, name, of, env, ini, variables, default] = columns.as_slice() else { return None };
        Some(PluginRow { kind, plugin, variables, row: Row { name, kind: of, env, ini, default } })
    })
}

/// A setting's definition, for `rplay config list` and `init`.
pub(crate) struct Definition {
    pub(crate) name: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) env: Vec<&'static str>,
    /// Sections and keys of ansible.cfg.
    pub(crate) ini: Vec<(&'static str, &'static str)>,
    pub(crate) default: Value,
}

/// Every setting that is not a plugin's.
pub(crate) fn definitions() -> Vec<Definition> {
    let items = |column: &'static str| column.split(',').filter(|item| *item != "-");
    let define = |row: Row| Definition {
        name: row.name,
        kind: row.kind,
        env: items(row.env).collect(),
        ini: items(row.ini).filter_map(|item| item.rsplit_once('.')).collect(),
        default: serde_json::from_str(row.default).unwrap_or(Value::Null),
    };
    rows().map(define).collect()
}

/// An option of a plugin as it is defined.
pub(crate) struct PluginOption {
    pub(crate) name: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) env: Vec<&'static str>,
    /// Sections and keys of ansible.cfg.
    pub(crate) ini: Vec<(&'static str, &'static str)>,
    /// Variables of hosts.
    pub(crate) vars: Vec<&'static str>,
    pub(crate) default: Value,
}

/// The options of one plugin of ansible-core's.
pub(crate) fn plugin_options(kind: &str, name: &str) -> Vec<PluginOption> {
    let items = |column: &'static str| column.split(',').filter(|item| *item != "-");
    let define = |found: PluginRow| PluginOption {
        name: found.row.name,
        kind: found.row.kind,
        env: items(found.row.env).collect(),
        ini: items(found.row.ini).filter_map(|item| item.rsplit_once('.')).collect(),
        vars: items(found.variables).collect(),
        default: serde_json::from_str(found.row.default).unwrap_or(Value::Null),
    };
    plugin_rows().filter(|found| found.kind == kind && found.plugin == bare(name)).map(define).collect()
}

/// A plugin with its options.
pub(crate) struct KnownPlugin {
    pub(crate) kind: &'static str,
    pub(crate) name: &'static str,
    pub(crate) options: Vec<Known>,
}

/// A setting's value.
pub(crate) struct Known {
    pub(crate) name: &'static str,
    pub(crate) value: Value,
    /// `default`, `env: NAME` or the config file, as Ansible says it.
    pub(crate) origin: String,
}

/// The settings of a run.
pub(crate) struct KnownSettings {
    path: Option<PathBuf>,
    file: OnceLock<Option<ConfigFile>>,
    env: fn(&str) -> Option<String>,
    /// Whether conditions need no boolean result: what the release that is followed says.
    broken_conditions: bool,
}

impl KnownSettings {
    /// Settings from a config file and the environment.
    pub(crate) fn new(config_file: Option<&Path>) -> Self {
        let path = config_file.map(|path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned()));
        Self { path, file: OnceLock::new(), env: |name| std::env::var(name).ok(), broken_conditions: false }
    }

    /// The settings of a run that follows a release, or none in particular: `ALLOW_BROKEN_CONDITIONALS` is what
    /// conditions are held to.
    pub(crate) fn following(mut self, compat: &Compat) -> Self {
        self.broken_conditions = compat.profile().conditions != Conditions::Boolean;
        self
    }

    /// All of them, by name.
    pub(crate) fn all(&self) -> Vec<Known> {
        rows().map(|row| self.read(&row)).collect()
    }

    /// The options of every plugin of a kind (`connection`, `become`, ...), in the order of their names.
    pub(crate) fn plugins(&self, kind: &str) -> Vec<KnownPlugin> {
        let mut out: Vec<KnownPlugin> = Vec::new();
        for found in plugin_rows().filter(|found| found.kind == kind) {
            let option = self.read(&found.row);
            match out.last_mut().filter(|plugin| plugin.name == found.plugin) {
                Some(plugin) => plugin.options.push(option),
                None => out.push(KnownPlugin { kind: found.kind, name: found.plugin, options: vec![option] }),
            }
        }
        out
    }

    fn file(&self) -> Option<&ConfigFile> {
        let read = || ConfigFile::read(self.path.as_deref()?, &Sources::new()).ok();
        self.file.get_or_init(read).as_ref()
    }

    fn read(&self, row: &Row) -> Known {
        let items = |column: &'static str| column.split(',').filter(|item| *item != "-").rev();
        let from_env = || items(row.env).find_map(|name| Some(((self.env)(name)?, format!("env: {name}"), None)));
        let from_file = || {
            let (section, key, path) = items(row.ini).find_map(|item| {
                let (section, key) = item.rsplit_once('.')?;
                self.file()?.get(section, key)?;
                Some((section, key, self.path.as_deref()?))
            })?;
            let text = self.file()?.get(section, key)?.0.to_owned();
            Some((text, path.display().to_string(), path.parent()))
        };
        match from_env().or_else(from_file) {
            Some((text, origin, folder)) => {
                let value = typed(row.kind, Value::data(text), folder);
                // As Ansible, quotes around a text of the file go, those in the environment stay.
                let value = match (value.as_str(), folder) {
                    (Some(text), Some(_)) => Value::data(unquote(text)),
                    _ => value,
                };
                Known { name: row.name, value, origin }
            }
            None => Known { name: row.name, value: self.default(row), origin: "default".to_owned() },
        }
    }

    fn default(&self, row: &Row) -> Value {
        let home = || match self.read_home() {
            Value::Text(home) => home.to_string(),
            _ => String::new(),
        };
        let text = if row.default.contains("{home}") {
            row.default.replace("{home}", &home())
        } else {
            row.default.to_owned()
        };
        let value = serde_json::from_str(&text).unwrap_or(Value::Null);
        if value.is_null() { value } else { typed(row.kind, value, None) }
    }

    fn read_home(&self) -> Value {
        rows().find(|row| row.name == "ANSIBLE_HOME").map_or(Value::Null, |row| self.read(&row).value)
    }
}

impl rplay_template::Settings for KnownSettings {
    fn get(&self, name: &str) -> Option<(Value, String)> {
        if name == "CONFIG_FILE" {
            let path = self.path.as_ref().map_or(Value::Null, |path| Value::data(path.display().to_string()));
            return Some((path, String::new()));
        }
        let known = self.read(&rows().find(|row| row.name == name)?);
        if name == "ALLOW_BROKEN_CONDITIONALS" && known.origin == "default" {
            return Some((Value::Bool(self.broken_conditions), known.origin));
        }
        Some((known.value, known.origin))
    }

    fn has_plugin(&self, kind: &str, name: &str) -> bool {
        plugin_rows().any(|found| found.kind == kind && found.plugin == bare(name))
    }

    fn plugin(&self, kind: &str, name: &str, option: &str) -> Option<PluginSetting> {
        let wanted = |found: &PluginRow| found.kind == kind && found.plugin == bare(name) && found.row.name == option;
        let found = plugin_rows().find(wanted)?;
        let known = self.read(&found.row);
        let variables = found.variables.split(',').filter(|item| *item != "-").collect();
        Some(PluginSetting { variables, value: known.value, origin: known.origin })
    }
}

/// A plugin's name without Ansible's own namespaces.
fn bare(name: &str) -> &str {
    name.strip_prefix("ansible.builtin.").or_else(|| name.strip_prefix("ansible.legacy.")).unwrap_or(name)
}

/// The kinds of plugins that have options here.
pub(crate) fn plugin_kinds() -> Vec<&'static str> {
    let mut kinds: Vec<&str> = plugin_rows().map(|found| found.kind).collect();
    kinds.dedup();
    kinds
}

/// A value of a setting's type; one that cannot be converted stays as it is.
fn typed(kind: &str, value: Value, folder: Option<&Path>) -> Value {
    let path = |text: &str| Value::data(resolve(text, folder));
    let list = |separator: char, item: &dyn Fn(&str) -> Value| match &value {
        Value::Text(text) => Value::List(text.split(separator).map(item).collect::<List>()),
        Value::List(items) => {
            Value::List(items.iter().map(|found| found.as_str().map_or_else(|| found.clone(), item)).collect::<List>())
        }
        other => other.clone(),
    };
    let Some(text) = value.as_str() else {
        return match kind {
            "pathspec" | "pathlist" => list(':', &path),
            "float" => value.as_int().map_or(value, |whole| Value::Float(whole as f64)),
            // A number that stands for text.
            "str" if !value.is_null() => Value::data(value.to_str()),
            _ => value,
        };
    };
    match kind {
        "bool" => Value::Bool(boolean(text) == Some(true)),
        "int" => match (text.trim().parse::<i64>(), text.trim().parse::<f64>()) {
            (Ok(whole), _) => Value::Int(whole),
            (_, Ok(float)) if float.fract() == 0.0 => Value::Int(float as i64),
            _ => value,
        },
        "float" => text.trim().parse().map_or(value.clone(), Value::Float),
        "list" => list(',', &|item| Value::data(unquote(item.trim()))),
        // Ansible makes a new folder below it for each process.
        "path" | "tmppath" => path(text),
        "pathspec" => list(':', &path),
        "pathlist" => list(',', &|item| path(item.trim())),
        _ => value,
    }
}

/// An absolute path without `.` and `..`: relative ones stand in the config file's folder.
fn resolve(text: &str, folder: Option<&Path>) -> String {
    let cwd = std::env::current_dir().unwrap_or_default();
    let text = text.replace("{{CWD}}", &cwd.display().to_string());
    let mut out = PathBuf::new();
    for part in folder.unwrap_or(&cwd).join(expand(&text)).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            part => out.push(part),
        }
    }
    out.display().to_string()
}

fn unquote(text: &str) -> &str {
    let inner = |quote: char| text.strip_prefix(quote)?.strip_suffix(quote);
    inner('"').or_else(|| inner('\'')).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use rplay_value::JsonStyle;
    use rplay_value::json::dumps;

    use super::*;

    fn folder() -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/config").canonicalize().unwrap()
    }

    #[test]
    fn options_of_plugins_have_variables_and_defaults() {
        use rplay_template::Settings as _;
        let settings = KnownSettings { path: None, file: OnceLock::new(), env: |_| None, broken_conditions: false };
        let flags = settings.plugin("become", "ansible.builtin.sudo", "become_flags").unwrap();
        assert_eq!((flags.value, flags.origin.as_str()), (Value::data("-H -S -n"), "default"));
        assert_eq!(flags.variables, ["ansible_become_flags", "ansible_sudo_flags"]);
        assert!(settings.has_plugin("become", "sudo") && !settings.has_plugin("become", "nope"));
        assert_eq!(settings.plugin("become", "sudo", "nope"), None);
        assert!(plugin_kinds().contains(&"connection"));
    }

    /// `fixtures/config/record` printed these with ansible-config.
    #[test]
    fn values_and_origins_are_ansible_config_s() {
        let folder = folder();
        let env = |name: &str| {
            let set = [
                ("ANSIBLE_GATHERING", "smart"),
                ("ANSIBLE_LIBRARY", "/one:/usr/../two"),
                ("ANSIBLE_POLL_INTERVAL", "3"),
                ("ANSIBLE_NOCOLOR", "1"),
                ("ANSIBLE_HOME", "/home/user/.ansible"),
                ("EDITOR", "ed"),
                ("ANSIBLE_EDITOR", "other"),
            ];
            set.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned())
        };
        let settings = KnownSettings {
            path: Some(folder.join("ansible.cfg")),
            file: OnceLock::new(),
            env,
            broken_conditions: false,
        };
        let recorded = fs_err::read_to_string(folder.join("dump.json")).unwrap();
        let recorded = recorded.replace("[FOLDER]", &folder.display().to_string());
        let Value::List(recorded) = serde_json::from_str(&recorded).unwrap() else { unreachable!() };
        let ours = settings.all();
        let mut differing = Vec::new();
        for entry in &recorded {
            let entry = entry.as_map().unwrap();
            let name = entry.get("name").and_then(Value::as_str).unwrap();
            // As JSON with sorted keys, which tells 1 from 1.0, from '1' and from true.
            let style = JsonStyle { sort_keys: true, ..JsonStyle::default() };
            let shown = |value: &Value| dumps(value, &style).unwrap();
            let ours = ours.iter().find(|known| known.name == name);
            let ours = ours.map(|known| (shown(&known.value), known.origin.clone()));
            let origin = entry.get("origin").and_then(Value::as_str).unwrap().to_owned();
            let theirs = (shown(entry.get("value").unwrap()), origin);
            if ours.as_ref() != Some(&theirs) {
                differing.push(format!("{name}: {theirs:?}, not {ours:?}"));
            }
        }
        assert!(differing.is_empty(), "{}", differing.join("\n"));
        assert!(recorded.len() > 190);
    }
}
