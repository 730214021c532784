//! `rplay doc`: what modules, filters, lookups, other plugins, roles and keywords do. Native ones are documented by
//! their sources, those in Python by their `DOCUMENTATION`.

mod docstring;
mod header;
mod keyword;
mod kind;
mod literal;
mod markup;
mod native;
mod pager;
mod places;
mod resolve;
mod role;
mod snippet;
mod text;
mod walk;

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;

use clap::Args;
use rplay_diag::{Diagnostic, Sources, nearest};
use rplay_playbook::keyword::KEYWORDS;
use rplay_template::Settings as _;
use rplay_value::json::dumps;
use rplay_value::{JsonStyle, Map, Value};

use self::docstring::{DocError, Docs};
pub(crate) use self::kind::Kind;
use self::markup::Style;
use self::native::{NATIVE, Native};
use self::places::{File, Places};
use self::text::Page;
use crate::exit;
use crate::failure::Failure;
use crate::known::KnownSettings;
use crate::plugins;
use crate::settings::{Settings, expand};

/// Options of `rplay doc`.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Names to show: short or with their collection. With --list, collections to list
    #[arg(required_unless_present_any = ["list", "list_files", "metadata_dump", "resolve"])]
    names: Vec<String>,
    /// Say for every module that playbooks, task files or roles' folders call where it would run
    #[arg(long, num_args = 1.., value_name = "PATH", conflicts_with_all = ["list", "names"])]
    resolve: Vec<PathBuf>,
    /// With --resolve: variables that names of files and roles are made of. Else the entry point of roles to show
    #[arg(short = 'e', long = "extra-vars", visible_alias = "entry-point", value_name = "EXTRA_VARS")]
    extra_vars: Vec<String>,
    /// As JSON
    #[arg(short, long)]
    json: bool,
    /// List every name with its first line
    #[arg(short, long)]
    list: bool,
    /// List every name with its file
    #[arg(short = 'F', long = "list_files", visible_alias = "list-files", conflicts_with = "list")]
    list_files: bool,
    /// Show something to fill in: a task, a lookup, a source of hosts
    #[arg(short, long, conflicts_with_all = ["list", "list_files", "json"])]
    snippet: bool,
    /// Everything there is about every kind, as JSON
    #[arg(long, conflicts_with_all = ["list", "list_files", "snippet", "names"])]
    metadata_dump: bool,
    /// With --metadata-dump: put what cannot be read into the JSON instead of ending
    #[arg(long, requires = "metadata_dump")]
    no_fail_on_errors: bool,
    /// The kind of plugin
    #[arg(short = 't', long = "type", value_enum, default_value = "module")]
    kind: Kind,
    /// Only what is native
    #[arg(long, conflicts_with = "python")]
    native: bool,
    /// Only what is installed in Python, also where a native one runs in its place
    #[arg(long)]
    python: bool,
    /// The folder of the playbook, whose plugins, roles and collections are found too
    #[arg(long, value_name = "BASEDIR", default_value = ".")]
    playbook_dir: PathBuf,
    /// Folders of modules, first of all others
    #[arg(short = 'M', long = "module-path", value_name = "PATHS")]
    module_path: Vec<String>,
    /// Folders of roles, first of all others
    #[arg(short, long = "roles-path", value_name = "PATHS")]
    roles_path: Vec<String>,
    /// Say since when everything is there
    #[arg(short, long, action = clap::ArgAction::Count)]
    verbose: u8,
}

/// Where something is documented.
enum Entry {
    Native(Native),
    File(File),
}

impl Entry {
    fn path(&self) -> String {
        match self {
            Self::Native(_) => NATIVE.to_owned(),
            Self::File(file) => file.path.display().to_string(),
        }
    }

    fn short(&self) -> String {
        match self {
            Self::Native(native) => native.short(),
            Self::File(file) => docstring::short(&file.documentation()).unwrap_or_else(|| "UNDOCUMENTED".to_owned()),
        }
    }
}

/// Runs the command.
pub(crate) fn run(options: &Options) -> i32 {
    let sources = Sources::new();
    if !options.resolve.is_empty() {
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
    let desk = match Desk::new(options, &sources) {
        Ok(desk) => desk,
        Err(failure) => {
            failure.report(&sources, std::io::stderr().is_terminal());
            return failure.code;
        }
    };
    let (mut text, failure) = desk.answer();
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    pager::show(&text);
    match failure {
        None => exit::OK,
        Some(failure) => {
            failure.report(&sources, std::io::stderr().is_terminal());
            failure.code
        }
    }
}

/// One command at work.
struct Desk<'a> {
    options: &'a Options,
    places: Places,
    roles: Vec<PathBuf>,
    page: Page,
}

impl<'a> Desk<'a> {
    fn new(options: &'a Options, sources: &Sources) -> Result<Self, Failure> {
        let settings = Settings::load(sources, &|name| std::env::var(name).ok())
            .map_err(|error| Failure::error(error.diagnostic()))?;
        let given = |paths: &[String]| -> Vec<PathBuf> {
            paths.iter().flat_map(|paths| paths.split(':')).filter(|path| !path.is_empty()).map(expand).collect()
        };
        let known = KnownSettings::new(settings.file.as_deref());
        let configured = move |name: &str| -> Vec<PathBuf> {
            let value = known.get(name).map(|(value, _)| value).unwrap_or_default();
            value.as_list().into_iter().flatten().map(|path| PathBuf::from(path.to_str().as_ref())).collect()
        };
        let mut roles = given(&options.roles_path);
        roles.extend(settings.paths("DEFAULT_ROLES_PATH"));
        let collections = plugins::collections(&settings, sources);
        let playbook = std::path::absolute(&options.playbook_dir).unwrap_or_else(|_| options.playbook_dir.clone());
        let places = Places::new(collections, playbook, given(&options.module_path), configured);
        let color = std::io::stdout().is_terminal() && !settings.flag("ANSIBLE_NOCOLOR");
        let page = Page { style: Style { color }, columns: pager::columns(), verbose: options.verbose > 0 };
        Ok(Self { options, places, roles, page })
    }

    /// The answer, and what went wrong beside it.
    fn answer(&self) -> (String, Option<Failure>) {
        let options = self.options;
        if options.metadata_dump {
            return self.everything();
        }
        let listing = options.list || options.list_files;
        match (options.kind, listing) {
            (Kind::Keyword, true) => self.list_keywords(),
            (Kind::Keyword, false) => self.keywords(),
            (Kind::Role, true) => self.list_roles(),
            (Kind::Role, false) => self.show_roles(),
            (_, true) => self.list(),
            (_, false) => self.show(),
        }
    }

    /// Every entry of a kind. What is native hides what is installed under its name.
    fn entries(&self, kind: Kind, only: &[String]) -> BTreeMap<String, Entry> {
        let mut all = BTreeMap::new();
        if !self.options.native {
            all.extend(self.places.all(kind, only).into_iter().map(|(name, file)| (name, Entry::File(file))));
        }
        if !self.options.python {
            let wanted = |native: &Native| {
                let namespace = native.collection.split('.').next();
                only.is_empty() || only.iter().any(|one| one == native.collection || Some(one.as_str()) == namespace)
            };
            let natives = native::all(kind).into_iter().filter(|(_, native)| wanted(native));
            all.extend(natives.map(|(name, native)| (name, Entry::Native(native))));
        }
        // ansible-core's internal collection is nobody's to use.
        all.retain(|name, _| !name.starts_with("ansible._protomatter.") || !only.is_empty());
        all
    }

    /// Where a name leads. A file of the user's hides what is native by its short name.
    fn find(&self, kind: Kind, name: &str) -> Result<Option<Entry>, String> {
        let native =
            || native::all(kind).into_values().find(|native| native.is_called(name)).filter(|_| !self.options.python);
        let file = if self.options.native { Ok(None) } else { self.places.find(kind, name) };
        let own = matches!(&file, Ok(Some(file)) if file.collection == "ansible.legacy");
        match native().filter(|_| !own) {
            Some(native) => Ok(Some(Entry::Native(native))),
            None => Ok(file?.map(Entry::File)),
        }
    }

    fn docs(&self, kind: Kind, asked: &str, entry: &Entry) -> Result<Docs, DocError> {
        let file = match entry {
            Entry::Native(native) => return Ok(native.docs(kind)),
            Entry::File(file) => file,
        };
        let path = file.documentation();
        let is_module = kind == Kind::Module;
        // What is in no collection has no name of one, and is called by its short name.
        let (collection, name) = match file.name.strip_prefix("ansible.legacy.") {
            Some(short) => ("", short),
            None => (file.collection.as_str(), file.name.as_str()),
        };
        let mut docs = docstring::read(&path, collection, is_module, &|name| self.places.fragment(name))?;
        docs.doc.insert("filename", path.display().to_string());
        docs.doc.insert("collection", collection);
        docs.doc.insert("plugin_name", name);
        if is_module {
            docs.doc.insert("has_action", self.places.has_action(file, asked));
        }
        Ok(docs)
    }

    fn show(&self) -> (String, Option<Failure>) {
        let (kind, options) = (self.options.kind, self.options);
        let (mut failures, mut warnings) = (Vec::new(), Vec::new());
        let mut text = String::new();
        let mut all = Map::new();
        if options.snippet && !snippet::KINDS.contains(&kind) {
            let kinds = rplay_diag::quoted_list(snippet::KINDS.iter().map(|kind| kind.name()));
            let error = Diagnostic::error(format!("there are no snippets of {kind} plugins"))
                .note(format!("there are of {kinds}"));
            return (text, Some(Failure::options(error)));
        }
        for name in &options.names {
            let entry = match self.find(kind, name) {
                Ok(Some(entry)) => entry,
                Ok(None) => {
                    failures.push(self.unknown(kind, name));
                    continue;
                }
                Err(removed) => {
                    failures.push(Diagnostic::error(removed));
                    continue;
                }
            };
            let docs = match self.docs(kind, name, &entry) {
                Ok(docs) => docs,
                Err(error) => {
                    failures.push(Diagnostic::error(error.to_string()));
                    continue;
                }
            };
            if !docs.computed.is_empty() {
                let names = docs.computed.join(", ");
                warnings.push(Diagnostic::warning(format!(
                    "{name}: what the fragments {names} say is not shown: only running them would tell"
                )));
            }
            if options.json {
                all.insert(name.as_str(), docs.to_value());
                continue;
            }
            let page = if options.snippet {
                snippet::snippet(name, &docs, kind, self.page.columns).map_err(|error| error.to_string())
            } else {
                self.page.plugin(&docs, kind).map_err(|error| format!("{}: {error}", entry.path()))
            };
            match page {
                Ok(page) => text.push_str(&page),
                Err(error) => failures.push(Diagnostic::error(error)),
            }
        }
        if options.json {
            text = json(&Value::from(all));
        }
        let code = if failures.is_empty() { exit::OK } else { exit::OPTIONS };
        warnings.extend(failures);
        (text, (!warnings.is_empty()).then_some(Failure { diagnostics: warnings, code }))
    }

    /// Nothing has this name: what has a similar one, or the same one of another kind.
    fn unknown(&self, kind: Kind, name: &str) -> Diagnostic {
        let error = Diagnostic::error(format!("there is no {kind} called `{name}`"));
        let elsewhere = Kind::PLUGINS.into_iter().filter(|other| *other != kind);
        let elsewhere = elsewhere
            .filter(|other| matches!(self.find(*other, name), Ok(Some(_))))
            .map(|other| format!("`-t {other}`"));
        let elsewhere: Vec<String> = elsewhere.collect();
        if !elsewhere.is_empty() {
            return error.hint(format!("`{name}` is another kind of plugin: {}", elsewhere.join(", ")));
        }
        if let Some(collection) = places::collection_of(name)
            && self.places.collections.folder(collection).is_none()
            && collection != "ansible.builtin"
        {
            let error = error.note(format!("the collection `{collection}` is not installed"));
            return error.hint_maybe(self.near_collection(collection));
        }
        error.hint_maybe(self.near(kind, name).map(|near| format!("did you mean `{near}`?")))
    }

    fn near_collection(&self, name: &str) -> Option<String> {
        let installed = self.places.installed();
        let natives = Kind::PLUGINS.into_iter().flat_map(native::all).map(|(_, native)| native.collection);
        let natives: Vec<&str> = natives.collect();
        let known = natives.into_iter().chain(installed.keys().map(String::as_str));
        nearest(name, known).map(|near| format!("did you mean `{near}`?"))
    }

    fn near(&self, kind: Kind, name: &str) -> Option<String> {
        let entries = self.entries(kind, &[]);
        let names = entries.keys().map(String::as_str);
        if name.contains('.') {
            return nearest(name, names).map(str::to_owned);
        }
        // Natives and ansible-core's own first: they go by their short names.
        let (own, others): (Vec<&str>, Vec<&str>) = names
            .partition(|full| full.starts_with("ansible.") || matches!(entries.get(*full), Some(Entry::Native(_))));
        let short = |full: &str| full.rsplit('.').next().unwrap_or(full).to_owned();
        let own: Vec<String> = own.into_iter().map(short).collect();
        nearest(name, own.iter().map(String::as_str)).map(str::to_owned).or_else(|| {
            let shorts: Vec<(String, &str)> = others.into_iter().map(|full| (short(full), full)).collect();
            let near = nearest(name, shorts.iter().map(|(short, _)| short.as_str()))?;
            shorts.iter().find(|(short, _)| short == near).map(|(_, full)| (*full).to_owned())
        })
    }

    fn list(&self) -> (String, Option<Failure>) {
        let entries = self.entries(self.options.kind, &self.options.names);
        for name in &self.options.names {
            let native = entries.values().any(|entry| matches!(entry, Entry::Native(_)));
            let known = name == "ansible.builtin" || name == "ansible.legacy" || native && !entries.is_empty();
            if !known
                && !self.places.installed().keys().any(|full| full == name || full.split('.').next() == Some(name))
            {
                let error = Diagnostic::error(format!("the collection `{name}` is not installed"));
                let error = error.hint_maybe(self.near_collection(name));
                return (String::new(), Some(Failure::options(error)));
            }
        }
        let said = |entry: &Entry| if self.options.list_files { entry.path() } else { entry.short() };
        let rows: Vec<(&String, String)> = entries.iter().map(|(name, entry)| (name, said(entry))).collect();
        if self.options.json {
            let all: Map =
                rows.into_iter().map(|(name, said)| (Value::data(name.as_str()), Value::data(said))).collect();
            return (json(&Value::from(all)), None);
        }
        let widest = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
        let limit = self.page.columns.saturating_sub(widest + 5);
        let mut text = String::new();
        for (name, said) in rows {
            let said = if self.options.list_files { said } else { clipped(&self.page.style.marks(&said), limit) };
            text.push_str(format!("{name:<widest$} {said}").trim_end());
            text.push('\n');
        }
        (text, None)
    }

    fn list_keywords(&self) -> (String, Option<Failure>) {
        if self.options.json {
            let all: Map = KEYWORDS.iter().map(|keyword| (keyword.name, keyword.help)).collect();
            return (json(&Value::from(all)), None);
        }
        let rows: Vec<String> =
            KEYWORDS.iter().map(|keyword| format!("{:<28} {}", keyword.name, keyword.help)).collect();
        (rows.join("\n"), None)
    }

    fn keywords(&self) -> (String, Option<Failure>) {
        let (mut all, mut text, mut failures) = (Map::new(), String::new(), Vec::new());
        for name in &self.options.names {
            let Some(found) = keyword::find(name) else {
                let near = nearest(name, KEYWORDS.iter().map(|keyword| keyword.name));
                let error = Diagnostic::error(format!("there is no keyword called `{name}`"));
                failures.push(error.hint_maybe(near.map(|near| format!("did you mean `{near}`?"))));
                continue;
            };
            all.insert(name.as_str(), keyword::shape(found));
            text.push_str(&keyword::text(found));
        }
        (if self.options.json { json(&Value::from(all)) } else { text }, told(failures))
    }

    fn list_roles(&self) -> (String, Option<Failure>) {
        let (all, troubles) = role::list(&self.places, &self.roles, &self.options.names);
        if self.options.json {
            return (json(&Value::from(all)), told(troubles));
        }
        let mut text = String::new();
        for (name, about) in &all {
            let points = about.get("entry_points").and_then(Value::as_map).cloned().unwrap_or_default();
            text.push_str(&name.to_str());
            text.push_str(if points.is_empty() { "\n" } else { ":\n  specs:\n" });
            let widest = points.keys().map(|name| name.to_str().chars().count()).max().unwrap_or_default();
            for (point, short) in &points {
                let short = clipped(&short.to_str(), self.page.columns.saturating_sub(widest + 5));
                text.push_str(&format!("    {:<widest$}: {short}\n", point.to_str()));
            }
        }
        (text, told(troubles))
    }

    fn show_roles(&self) -> (String, Option<Failure>) {
        let entry = self.options.extra_vars.first().map(String::as_str);
        let (all, mut troubles) = role::docs(&self.places, &self.roles, Some(&self.options.names), entry);
        for name in &self.options.names {
            let found =
                all.keys().any(|full| *full.to_str() == **name || full.to_str().rsplit('.').next() == Some(name));
            if !found && troubles.is_empty() {
                let (known, _) = role::list(&self.places, &self.roles, &[]);
                let known: Vec<String> = known.keys().map(|name| name.to_str().into_owned()).collect();
                let near =
                    nearest(name, known.iter().map(String::as_str)).map(|near| format!("did you mean `{near}`?"));
                troubles.push(
                    Diagnostic::error(format!("there is no role called `{name}` that says what it takes"))
                        .hint_maybe(near),
                );
            }
        }
        if self.options.json {
            return (json(&Value::from(all)), told(troubles));
        }
        let mut text = Vec::new();
        for (name, role) in &all {
            let name = name.to_str();
            match self.page.role(&name, role.as_map().unwrap_or(&Map::new())) {
                Ok(page) => text.push(page),
                Err(error) => troubles.push(Diagnostic::error(format!("the role `{name}`: {error}"))),
            }
        }
        (text.join("\n"), told(troubles))
    }

    /// `--metadata-dump`
    fn everything(&self) -> (String, Option<Failure>) {
        let mut all = Map::new();
        let mut troubles = Vec::new();
        for kind in Kind::PLUGINS {
            let mut docs = Map::new();
            for (name, entry) in self.entries(kind, &[]) {
                match self.docs(kind, &name, &entry) {
                    Ok(found) => {
                        docs.insert(name, found.to_value());
                    }
                    Err(error) if self.options.no_fail_on_errors => {
                        docs.insert(name, Map::from_iter([("error", error.to_string())]));
                    }
                    Err(error) => troubles.push(Diagnostic::error(format!("{kind} {name}: {error}"))),
                }
            }
            all.insert(kind.name(), docs);
        }
        let (roles, failed) = role::docs(&self.places, &self.roles, None, None);
        all.insert("role", roles);
        all.insert("keyword", KEYWORDS.iter().map(|keyword| (keyword.name, keyword::shape(keyword))).collect::<Map>());
        if !self.options.no_fail_on_errors {
            troubles.extend(failed);
        }
        if !troubles.is_empty() {
            return (String::new(), told(troubles));
        }
        (json(&Value::from(Map::from_iter([("all", all)]))), None)
    }
}

fn told(failures: Vec<Diagnostic>) -> Option<Failure> {
    (!failures.is_empty()).then_some(Failure { diagnostics: failures, code: exit::OPTIONS })
}

fn json(value: &Value) -> String {
    // Keys that cannot be compared are no documentation's; then they stay as they are written.
    let unsorted = || dumps(value, &JsonStyle { sort_keys: false, ..JsonStyle::nice(4) }).unwrap_or_default();
    dumps(value, &JsonStyle::nice(4)).unwrap_or_else(|_| unsorted()) + "\n"
}

fn clipped(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text.to_owned(),
    }
}
