//! From the command line's `-i` to an inventory: which reader reads which source.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rplay_diag::{Diagnose, Diagnostic, Severity, Sources};
use rplay_value::{Map, Text, Value};
use rplay_vault::VaultedFiles;

use crate::inventory::{HostId, Inventory};
use crate::plugins::{self, Plugins};
use crate::sources::{host_list, ini, script, toml, yaml};
use crate::{InventoryError, layers};

/// Reads files for the inventory; the caller decrypts vaults.
pub trait Files: Send + Sync {
    /// The text of a file.
    fn read(&self, path: &Path) -> io::Result<String>;
}

/// Renders what inventories of plugins hold. An error is its text.
pub trait Templates: Send + Sync {
    /// The value of an expression, such as `a == 1`; what is no text is its own value. `extra`: variables of the command
    /// line count, too.
    fn expression(&self, expression: &Value, vars: Map, extra: bool) -> Result<Value, String>;

    /// The text of a template, such as `web_{{ a }}`.
    fn text(&self, template: &Value, vars: Map, extra: bool) -> Result<String, String>;
}

/// Files as they are, without vaults.
#[derive(Clone, Copy, Debug, Default)]
pub struct PlainFiles;

impl Files for PlainFiles {
    fn read(&self, path: &Path) -> io::Result<String> {
        fs_err::read_to_string(path)
    }
}

/// Files of the controller, vault files decrypted.
impl Files for VaultedFiles {
    fn read(&self, path: &Path) -> io::Result<String> {
        self.text(path)
    }
}

/// What to do with group names that are no variable names (`force_valid_group_names`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InvalidGroupNames {
    /// Keep and warn once.
    #[default]
    Never,
    /// Keep.
    Ignore,
    /// Replace the characters and warn once.
    Always,
    /// Replace the characters.
    Silently,
}

/// What configuration says about reading inventories.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `force_valid_group_names`.
    pub invalid_group_names: InvalidGroupNames,
    /// Endings of files that a directory of inventories does not mean.
    pub ignored_extensions: Vec<String>,
    /// Regular expressions of names that a directory of inventories does not mean.
    pub ignored_patterns: Vec<String>,
    /// Readers in the order they are tried.
    pub enabled: Vec<String>,
    /// `ANSIBLE_INVENTORY_PLUGIN_SCRIPT_STDERR`: what a script writes to standard error is told even when it works.
    pub script_stderr: bool,
    /// `hash_behaviour=merge`: mappings under one name in several sources are laid over one another.
    pub merge_hashes: bool,
}

impl Default for Settings {
    fn default() -> Self {
        let text = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect();
        Self {
            invalid_group_names: InvalidGroupNames::default(),
            ignored_extensions: text(&[
                ".pyc", ".pyo", ".swp", ".bak", "~", ".rpm", ".md", ".txt", ".rst", ".orig", ".cfg", ".retry",
            ]),
            ignored_patterns: Vec::new(),
            enabled: text(&["host_list", "script", "auto", "yaml", "ini", "toml"]),
            script_stderr: true,
            merge_hashes: false,
        }
    }
}

/// A source that no reader could read, and what each said.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The source as given, or the file inside a directory.
    pub source: String,
    /// Reader and its error, in the order they were tried.
    pub readers: Vec<(String, Diagnostic)>,
}

impl Attempt {
    /// One warning that lists what each reader said.
    pub fn diagnostic(&self) -> Diagnostic {
        let mut out = Diagnostic::warning(format!("Unable to parse {} as an inventory source", self.source));
        for (reader, error) in &self.readers {
            out = out.note(format!("as {reader}: {}", error.message));
            let several = self.readers.len() > 1;
            out.labels.extend(error.labels.iter().cloned().map(|mut label| {
                if several && label.text.is_empty() {
                    label.text = format!("as {reader}");
                }
                label
            }));
            out.notes.extend(error.notes.iter().cloned());
            out.hints.extend(error.hints.iter().cloned());
        }
        if self.readers.is_empty() {
            let path = Path::new(&self.source);
            out = out.hint(match path.exists() {
                true if path.is_dir() => "there is no inventory in this folder",
                true => "no reader takes this kind of file",
                false => "there is no such file",
            });
        }
        out
    }

    /// Whether it is a folder that has nothing to read.
    pub fn is_folder(&self) -> bool {
        self.readers.is_empty() && Path::new(&self.source).is_dir()
    }
}

/// Fills inventories from sources.
pub struct Loader<'a> {
    /// Where texts are registered for spans.
    pub sources: &'a Sources,
    /// Reads files.
    pub files: &'a dyn Files,
    /// What configuration says.
    pub settings: Settings,
    /// Renders templates; without it, sources that have some cannot be read.
    pub templates: Option<&'a dyn Templates>,
    /// Plugins that are not native.
    pub plugins: Option<&'a dyn Plugins>,
}

impl<'a> Loader<'a> {
    /// A loader with default settings.
    pub fn new(sources: &'a Sources, files: &'a dyn Files) -> Self {
        Self { sources, files, settings: Settings::default(), templates: None, plugins: None }
    }

    /// Reads all sources, in order, into one inventory. Sources that nobody can read are returned, not fatal: as
    /// Ansible, which warns about them unless configuration says otherwise.
    pub fn load<S: AsRef<str>>(&self, sources: &[S]) -> (Inventory, Vec<Attempt>) {
        let mut inventory = Inventory::new();
        inventory.merge_hashes(self.settings.merge_hashes);
        inventory.folders.plugins = self.plugins.and_then(Plugins::variables);
        let mut failed = Vec::new();
        let mut any = false;
        for source in sources.iter().map(AsRef::as_ref).filter(|s| !s.is_empty()) {
            any |= self.source(&mut inventory, source, &mut failed);
            let path = Path::new(source);
            if path.exists() || !source.contains(',') {
                let folder = if path.is_dir() { path } else { path.parent().unwrap_or(path) };
                let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
                if let Some(warning) = layers::not_a_folder(folder) {
                    inventory.warn(warning);
                }
                inventory.folders.add_inventory(folder);
            }
        }
        inventory.reconcile();
        if !any {
            inventory.warn(Diagnostic::warning("No inventory was parsed, only implicit localhost is available"));
        }
        (inventory, failed)
    }

    fn source(&self, inventory: &mut Inventory, source: &str, failed: &mut Vec<Attempt>) -> bool {
        let path = Path::new(source);
        if path.is_dir() {
            return self.directory(inventory, path, failed);
        }
        let mut readers = Vec::new();
        for reader in &self.settings.enabled {
            let chosen = match find_reader(reader, source, path) {
                Some((name, read)) => Ok(Some((name.to_owned(), Way::Native(read)))),
                None => self.plugin(inventory, reader, source, path),
            };
            let (name, way) = match chosen {
                Ok(Some(chosen)) => chosen,
                Ok(None) => continue,
                Err(error) => {
                    inventory.warn(failed_with(reader, &error));
                    readers.push((reader.clone(), error));
                    break;
                }
            };
            let by_plugin = matches!(way, Way::Plugin(_));
            let snapshot = inventory.clone();
            let mut target = Target::new(inventory, source, path, self.settings.invalid_group_names);
            let read = match way {
                Way::Native(read) => read(self, &mut target),
                Way::Plugin(plugins) => plugins::read(plugins, &name, &mut target),
            };
            match read {
                Ok(()) => return true,
                Err(error) => {
                    readers.push((name, error.diagnostic()));
                    // What a script should not do is told even when more is wrong with it.
                    let said =
                        inventory.take_warnings().into_iter().filter(|said| said.severity == Severity::Deprecated);
                    *inventory = snapshot;
                    said.for_each(|said| inventory.warn(said));
                    // What is written for a plugin is nothing that the others could read.
                    if by_plugin {
                        let last = readers.last().map(|(_, error)| failed_with(reader, error));
                        if let Some(said) = last {
                            inventory.warn(said);
                        }
                        break;
                    }
                }
            }
        }
        failed.push(Attempt { source: source.to_owned(), readers });
        false
    }

    /// The plugin that is no native reader and wants the source: `reader` itself, or for `auto` the one that the file
    /// names.
    fn plugin(
        &self,
        inventory: &mut Inventory,
        reader: &str,
        source: &str,
        path: &Path,
    ) -> Result<Option<(String, Way<'a>)>, Diagnostic> {
        let Some(plugins) = self.plugins else { return Ok(None) };
        let short = reader.strip_prefix("ansible.builtin.").unwrap_or(reader);
        let name = match short {
            "auto" => match self.named(path) {
                Some(name) if plugins.has(&name) => name,
                _ => return Ok(None),
            },
            _ if is_native(short) => return Ok(None),
            _ if plugins.has(reader) => reader.to_owned(),
            _ => {
                inventory.warn(Diagnostic::warning(format!("Failed to load inventory plugin, skipping {reader}")));
                return Ok(None);
            }
        };
        if plugins.wants(&name, source)? {
            return Ok(Some((name, Way::Plugin(plugins))));
        }
        if short != "auto" {
            return Ok(None);
        }
        let message = format!("inventory source '{source}' could not be verified by inventory plugin '{name}'");
        Err(Diagnostic::error(message).hint("most plugins want a certain end of the file's name"))
    }

    /// The plugin that a configuration in YAML names, unless it is a native one.
    fn named(&self, path: &Path) -> Option<String> {
        let ending = path.extension().and_then(|ending| ending.to_str());
        if !matches!(ending, Some("yml" | "yaml")) || !path.is_file() {
            return None;
        }
        let text = self.files.read(path).ok().filter(|text| text.contains("plugin"))?;
        // What is wrong with it is told by who reads it.
        let (value, _) = yaml::document(self.sources, path, text).ok()?;
        let name = value.get("plugin")?.as_str()?.to_owned();
        let own = name.strip_prefix("ansible.builtin.").or_else(|| name.strip_prefix("ansible.legacy."));
        (!matches!(own.unwrap_or(&name), "constructed" | "generator")).then_some(name)
    }

    /// Every file of a directory in order of names, directories inside too.
    fn directory(&self, inventory: &mut Inventory, folder: &Path, failed: &mut Vec<Attempt>) -> bool {
        let Ok(entries) = fs_err::read_dir(folder) else {
            failed.push(Attempt { source: folder.display().to_string(), readers: Vec::new() });
            return false;
        };
        let mut names: Vec<String> =
            entries.filter_map(Result::ok).filter_map(|e| e.file_name().into_string().ok()).collect();
        names.sort();
        let mut any = false;
        for name in names.into_iter().filter(|name| !self.ignored(name)) {
            any |= self.source(inventory, &folder.join(name).display().to_string(), failed);
        }
        if !any {
            failed.push(Attempt { source: folder.display().to_string(), readers: Vec::new() });
        }
        any
    }

    fn ignored(&self, name: &str) -> bool {
        name.starts_with('.')
            || matches!(name, "host_vars" | "group_vars" | "vars_plugins")
            || self.settings.ignored_extensions.iter().any(|e| name.ends_with(e.as_str()))
            || self
                .settings
                .ignored_patterns
                .iter()
                .any(|p| fancy_regex::Regex::new(p).is_ok_and(|regex| regex.is_match(name).unwrap_or(false)))
    }
}

/// The reader of that name, if it wants the source.
fn find_reader(reader: &str, source: &str, path: &Path) -> Option<(&'static str, Reader)> {
    // `/dev/null` and what a shell makes of `<(…)` are read as well.
    let file = path.exists() && !path.is_dir();
    let extension = path.extension().and_then(|e| e.to_str());
    match reader.strip_prefix("ansible.builtin.").unwrap_or(reader) {
        "host_list" if !path.exists() && source.contains(',') => Some(("host_list", |_, t| host_list::read(t, false))),
        "advanced_host_list" if !path.exists() && source.contains(',') => {
            Some(("advanced_host_list", |_, t| host_list::read(t, true)))
        }
        "script" if file && executable(path) => {
            Some(("script", |l, t| script::read(l.sources, l.settings.script_stderr, t)))
        }
        "yaml" if file && extension.is_none_or(|e| matches!(e, "yaml" | "yml" | "json")) => {
            Some(("yaml", |l, t| yaml::read(l.sources, l.files, l.templates, t)))
        }
        "ini" if file && extension != Some("toml") => Some(("ini", |l, t| ini::read(l.sources, l.files, t))),
        "toml" if file && extension == Some("toml") => Some(("toml", |l, t| toml::read(l.sources, l.files, t))),
        _ => None,
    }
}

/// As ansible-core tells of it.
fn failed_with(reader: &str, error: &Diagnostic) -> Diagnostic {
    let mut told = Diagnostic::warning(format!("Failed to parse inventory with '{reader}' plugin: {}", error.message));
    told.hints.clone_from(&error.hints);
    told.notes.clone_from(&error.notes);
    told
}

/// Whether a reader of this name is native; it may not want a source all the same.
fn is_native(short: &str) -> bool {
    matches!(
        short,
        "host_list" | "advanced_host_list" | "script" | "auto" | "yaml" | "ini" | "toml" | "constructed" | "generator"
    )
}

/// How a source is read.
enum Way<'a> {
    Native(Reader),
    Plugin(&'a dyn Plugins),
}

type Reader = fn(&Loader<'_>, &mut Target<'_>) -> Result<(), InventoryError>;

fn executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    fs_err::metadata(path).is_ok_and(|meta| meta.permissions().mode() & 0o111 != 0)
}

/// The inventory as a reader sees it: one source is being read into it.
pub(crate) struct Target<'a> {
    pub(crate) inventory: &'a mut Inventory,
    /// The source as given.
    pub(crate) source: &'a str,
    pub(crate) path: &'a Path,
    names: InvalidGroupNames,
    about: Map,
}

impl<'a> Target<'a> {
    pub(crate) fn new(inventory: &'a mut Inventory, source: &'a str, path: &'a Path, names: InvalidGroupNames) -> Self {
        let absolute = |p: &Path| -> PathBuf { std::path::absolute(p).unwrap_or_else(|_| p.to_owned()) };
        let about = if source.contains(',') && !path.exists() {
            [("inventory_file", Value::Null), ("inventory_dir", Value::Null)].into_iter().collect()
        } else {
            let path = absolute(path);
            let folder = path.parent().unwrap_or(&path).display().to_string();
            let text = |s: String| Value::Text(Text::data(Arc::<str>::from(s)));
            [("inventory_file", text(path.display().to_string())), ("inventory_dir", text(folder))]
                .into_iter()
                .collect()
        };
        Self { inventory, source, path, names, about }
    }

    /// Declares a host; a new one remembers this source.
    pub(crate) fn host(&mut self, name: &str) -> HostId {
        let (id, new) = self.inventory.add_host(name);
        if new {
            self.inventory.set_host_source(id, &self.about);
        }
        id
    }

    /// Sets variables of a host. Where a group has the host's name, they become the group's: as Ansible, which looks for
    /// a group of that name first.
    pub(crate) fn set_vars(&mut self, host: HostId, vars: &Map) {
        let Some(name) = self.inventory.host_by_id(host).map(|host| Arc::clone(&host.name)) else { return };
        match self.inventory.group_id(&name) {
            Some(group) => {
                for (key, value) in vars {
                    self.inventory.set_group_var(group, key.clone(), value.clone());
                }
            }
            None => {
                self.inventory.set_host_vars(host, vars);
            }
        }
    }

    /// A group's name as configuration wants it.
    pub(crate) fn group_name<'n>(&mut self, name: &'n str) -> std::borrow::Cow<'n, str> {
        let wrong = |i: usize, c: char| !(c.is_alphanumeric() || c == '_') || i == 0 && c.is_ascii_digit();
        if !name.chars().enumerate().any(|(i, c)| wrong(i, c)) {
            return name.into();
        }
        let replace = matches!(self.names, InvalidGroupNames::Always | InvalidGroupNames::Silently);
        match self.names {
            InvalidGroupNames::Never => self.inventory.warn(Diagnostic::warning(
                "Invalid characters were found in group names but not replaced, use -vvvv to see details",
            )),
            InvalidGroupNames::Always => self.inventory.warn(Diagnostic::warning(
                "Invalid characters were found in group names and automatically replaced, use -vvvv to see details",
            )),
            _ => {}
        }
        if !replace {
            return name.into();
        }
        name.chars().enumerate().map(|(i, c)| if wrong(i, c) { '_' } else { c }).collect::<String>().into()
    }
}
