//! Plugins by name: where they are found, and how they are run.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use minijinja::Value as Mj;
use rplay_collection::Collections;
use rplay_diag::{Diagnostic, Severity, SourceId, Sources, Span};
use rplay_template::{Foreign, ForeignCall, PluginKind, TemplateError, py};
use serde_json::{Value as Json, json};

use crate::PythonError;
use crate::codec::{Decoder, Encoder, Place, push_text};
use crate::conversation::Talk;
use crate::files::{self, Flaw, Plugin, Trouble};
use crate::object::Remote;
use crate::process::Process;
use crate::worker::Forker;

/// Configured folders.
#[derive(Clone, Debug, Default)]
pub struct Paths {
    /// `filter_plugins`.
    pub filters: Vec<PathBuf>,
    /// `test_plugins`.
    pub tests: Vec<PathBuf>,
    /// `lookup_plugins`.
    pub lookups: Vec<PathBuf>,
}

impl Paths {
    fn of(&self, kind: PluginKind) -> &[PathBuf] {
        match kind {
            PluginKind::Filter => &self.filters,
            PluginKind::Test => &self.tests,
            PluginKind::Lookup => &self.lookups,
        }
    }
}

/// Hears what is to be told to the user.
pub type Notify = Arc<dyn Fn(Diagnostic) + Send + Sync>;

/// What [`Python`] is made of.
#[derive(Clone)]
pub struct PythonOptions {
    /// Configured folders.
    pub paths: Paths,
    /// Collections.
    pub collections: Collections,
    /// The texts of the run: plugins' files are added when they fail.
    pub sources: Sources,
    /// The interpreter; without it the usual one is looked for when it is needed.
    pub interpreter: Option<PathBuf>,
    /// `ansible.cfg`, for options of lookups.
    pub config_file: Option<PathBuf>,
    /// Whether plugins that know Jinja's `Undefined` are given what is undefined, as before ansible-core 2.19.
    pub lenient: bool,
    /// Hears warnings.
    pub notify: Notify,
}

impl Default for PythonOptions {
    fn default() -> Self {
        Self {
            paths: Paths::default(),
            collections: Collections::default(),
            sources: Sources::new(),
            interpreter: None,
            config_file: None,
            lenient: true,
            notify: Arc::new(|_| {}),
        }
    }
}

/// Python plugins of playbooks, roles and collections. Nothing is read and no process started before a name is missing.
#[derive(Clone)]
pub struct Python(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) options: PythonOptions,
    pub(crate) process: Mutex<Option<Process>>,
    /// Starts the processes of [`Python::worker`].
    pub(crate) forker: Mutex<Option<Forker>>,
    /// How many processes there were.
    pub(crate) generation: AtomicU64,
    interpreter: OnceLock<Option<PathBuf>>,
    known: Mutex<Known>,
    sources: Mutex<HashMap<PathBuf, SourceId>>,
    told: Mutex<HashSet<String>>,
    /// Whether there are suspects at all.
    suspicious: AtomicBool,
}

/// A file, and the names it provides or what is wrong with it.
type Provides = (PathBuf, Result<Vec<String>, Flaw>);

/// What is known about names so far.
#[derive(Default)]
struct Known {
    /// Folders of playbooks and roles, in the order they were entered.
    folders: Vec<PathBuf>,
    /// Names that were asked for.
    names: HashMap<(PluginKind, String), Option<Arc<Plugin>>>,
    /// What files outside of collections provide.
    provided: HashMap<(PluginKind, String), Arc<Plugin>>,
    /// Files that were imported, or cannot be.
    imported: HashSet<(PluginKind, PathBuf)>,
    broken: Vec<(PluginKind, PathBuf, Flaw)>,
    /// Native names that files mention: they may provide them, too.
    suspects: HashSet<(PluginKind, String)>,
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Python")
    }
}

impl fmt::Debug for Python {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Python")
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Python {
    /// Plugins with these options.
    pub fn new(options: PythonOptions) -> Self {
        Self(Arc::new(Inner {
            options,
            process: Mutex::default(),
            forker: Mutex::default(),
            generation: AtomicU64::new(0),
            interpreter: OnceLock::new(),
            known: Mutex::default(),
            sources: Mutex::default(),
            told: Mutex::default(),
            suspicious: AtomicBool::new(false),
        }))
    }

    /// Whether a process has been started.
    pub fn started(&self) -> bool {
        lock(&self.0.process).is_some()
    }
}

impl Foreign for Python {
    fn has(&self, kind: PluginKind, name: &str) -> bool {
        self.0.find(kind, name).is_some()
    }

    fn overrides(&self, kind: PluginKind, name: &str) -> bool {
        if !self.0.suspicious.load(Ordering::Relaxed)
            || !lock(&self.0.known).suspects.contains(&(kind, name.to_owned()))
        {
            return false;
        }
        self.0.find(kind, name).is_some_and(|plugin| plugin.collection.is_none() && plugin.trouble.is_none())
    }

    fn call(&self, call: ForeignCall<'_>) -> Option<Result<Mj, TemplateError>> {
        let plugin = self.0.find(call.kind, call.name)?;
        Some(self.0.run(&plugin, call))
    }

    fn add_folder(&self, folder: &Path) {
        let mut known = lock(&self.0.known);
        if known.folders.iter().any(|entered| entered == folder) {
            return;
        }
        let configured = known.folders.is_empty().then_some(&self.0.options.paths);
        known.folders.push(folder.to_owned());
        known.names.retain(|_, found| found.is_some());
        for kind in [PluginKind::Filter, PluginKind::Test, PluginKind::Lookup] {
            let more = configured.map(|paths| paths.of(kind)).unwrap_or_default();
            for folder in std::iter::once(&folder.join(files::folder_name(kind))).chain(more) {
                known.suspects.extend(files::natives_named(kind, folder).into_iter().map(|name| (kind, name)));
            }
        }
        self.0.suspicious.store(!known.suspects.is_empty(), Ordering::Relaxed);
    }
}

impl Inner {
    pub(crate) fn interpreter(&self) -> Option<PathBuf> {
        let usual = || rplay_collection::interpreter(&|name| std::env::var_os(name));
        self.interpreter.get_or_init(|| self.options.interpreter.clone().or_else(usual)).clone()
    }

    /// Folders that hold `ansible_collections`.
    pub(crate) fn roots(&self) -> Vec<PathBuf> {
        self.options.collections.roots()
    }

    /// Folders of plugins outside of collections.
    fn folders(&self, kind: PluginKind) -> Vec<PathBuf> {
        let configured = self.options.paths.of(kind);
        let known = lock(&self.known);
        let own = known.folders.iter().map(|folder| folder.join(files::folder_name(kind)));
        own.chain(configured.iter().cloned()).collect()
    }

    /// The plugin of this name; remembered, also that there is none.
    fn find(self: &Arc<Self>, kind: PluginKind, name: &str) -> Option<Arc<Plugin>> {
        let key = (kind, name.to_owned());
        if let Some(known) = lock(&self.known).names.get(&key) {
            return known.clone();
        }
        // Not under the lock: looking for it runs Python, which may ask for other names.
        let found = self.search(kind, name);
        lock(&self.known).names.insert(key, found.clone());
        found
    }

    fn search(self: &Arc<Self>, kind: PluginKind, name: &str) -> Option<Arc<Plugin>> {
        let short = name.strip_prefix("ansible.legacy.").unwrap_or(name);
        if !short.contains('.')
            && let Some(found) = self.outside(kind, short)
        {
            return Some(found);
        }
        self.in_collection(kind, name)
    }

    /// Looks beside playbooks, in roles and in configured folders.
    fn outside(self: &Arc<Self>, kind: PluginKind, short: &str) -> Option<Arc<Plugin>> {
        let plugin = |file: PathBuf, trouble| {
            let (short, name) = (short.to_owned(), short.to_owned());
            Arc::new(Plugin { kind, short, name, file, collection: None, trouble })
        };
        let folders = self.folders(kind);
        if kind == PluginKind::Lookup {
            let file = folders.iter().map(|folder| folder.join(format!("{short}.py"))).find(|file| file.is_file())?;
            let trouble = self.interpreter().is_none().then(no_python);
            return Some(plugin(file, trouble));
        }
        let all: Vec<PathBuf> = folders.iter().flat_map(|folder| files::python_files(folder)).collect();
        let new: Vec<PathBuf> = {
            let known = lock(&self.known);
            if let Some(found) = known.provided.get(&(kind, short.to_owned())) {
                return Some(Arc::clone(found));
            }
            all.iter().filter(|file| !known.imported.contains(&(kind, (*file).clone()))).cloned().collect()
        };
        if !new.is_empty()
            && let Err(error) = self.import(kind, &new)
        {
            // Without Python, the file that would need it is named.
            let file = all.into_iter().find(|file| files::mentions(file, short))?;
            return Some(plugin(file, Some(Trouble::NoPython(error.to_string()))));
        }
        let known = lock(&self.known);
        if let Some(found) = known.provided.get(&(kind, short.to_owned())) {
            return Some(Arc::clone(found));
        }
        let broken = known.broken.iter().find(|(k, file, _)| *k == kind && files::mentions(file, short));
        broken.map(|(_, file, flaw)| plugin(file.clone(), Some(Trouble::Import(flaw.clone()))))
    }

    /// Imports files and remembers what they provide; what cannot be imported is a warning.
    fn import(self: &Arc<Self>, kind: PluginKind, new: &[PathBuf]) -> Result<(), PythonError> {
        let found = match self.names(kind, new, None) {
            // One of them ended the process while it was imported: alone, each shows whether it was that one.
            Err(PythonError::Ended { .. }) => new.iter().map(|file| self.names_alone(kind, file)).collect(),
            other => other?,
        };
        for (file, names) in found {
            let mut known = lock(&self.known);
            known.imported.insert((kind, file.clone()));
            match names {
                Ok(names) => {
                    for name in names.into_iter().filter(|name| !name.contains('.')) {
                        let plugin = Plugin {
                            kind,
                            short: name.clone(),
                            name: name.clone(),
                            file: file.clone(),
                            collection: None,
                            trouble: None,
                        };
                        known.provided.entry((kind, name)).or_insert_with(|| Arc::new(plugin));
                    }
                }
                Err(flaw) => {
                    known.broken.push((kind, file.clone(), flaw.clone()));
                    drop(known);
                    self.warn_skipped(&file, &flaw);
                }
            }
        }
        Ok(())
    }

    fn names_alone(self: &Arc<Self>, kind: PluginKind, file: &PathBuf) -> Provides {
        match self.names(kind, std::slice::from_ref(file), None).map(|mut all| all.pop()) {
            Ok(Some(found)) => found,
            Ok(None) => (file.clone(), Ok(Vec::new())),
            Err(error) => (file.clone(), Err(Flaw { message: error.to_string(), ..Flaw::default() })),
        }
    }

    fn warn_skipped(&self, file: &Path, flaw: &Flaw) {
        let message = format!("Skipping plugin ({}), cannot load: {}", file.display(), flaw.message);
        let warning = Diagnostic::warning(message).at_maybe(self.line(&flaw.place, flaw.line), "");
        self.tell(warning.hint_maybe(flaw.missing.as_deref().map(|module| self.missing(module))));
    }

    /// Asks for what files provide.
    fn names(
        self: &Arc<Self>,
        kind: PluginKind,
        new: &[PathBuf],
        collection: Option<&str>,
    ) -> Result<Vec<Provides>, PythonError> {
        let shown: Vec<String> = new.iter().map(|file| file.display().to_string()).collect();
        let request = json!({"op": "names", "kind": kind.name(), "files": shown, "collection": collection});
        let answer = self.talk(|talk| {
            self.tell_collections(talk)?;
            self.exchange(talk, request.to_string().as_bytes())
        })??;
        let entries = answer["value"].as_array().map(Vec::as_slice).unwrap_or_default();
        if entries.len() != new.len() {
            return Err(PythonError::Garbled(answer["message"].as_str().unwrap_or("no names").to_owned()));
        }
        let pairs = new.iter().zip(entries).map(|(file, entry)| {
            let names = match entry["names"].as_array() {
                Some(names) => Ok(names.iter().filter_map(|name| Some(name.as_str()?.to_owned())).collect()),
                None => Err(flaw(entry)),
            };
            (file.clone(), names)
        });
        Ok(pairs.collect())
    }

    /// Looks in a collection: `ns.name.plugin`, folders between allowed; short names are those that ansible-core sent to
    /// collections.
    fn in_collection(self: &Arc<Self>, kind: PluginKind, name: &str) -> Option<Arc<Plugin>> {
        let found = self.options.collections.find(sort(kind), name);
        for message in &found.deprecated {
            self.tell(Diagnostic::new(Severity::Deprecated, message.clone()));
        }
        let full = found.name.as_str();
        let parts: Vec<&str> = full.split('.').collect();
        let [_, _, folders @ .., short] = parts.as_slice() else { return None };
        let collection = found.collection().to_owned();
        let plugin = |file: PathBuf, trouble| {
            let (short, name) = ((*short).to_owned(), full.to_owned());
            Arc::new(Plugin { kind, short, name, file, collection: Some(collection.clone()), trouble })
        };
        if let Some(message) = found.removed.clone() {
            return Some(plugin(found.folder.unwrap_or_default(), Some(Trouble::Removed(message))));
        }
        if !found.redirected.is_empty() && rplay_template::is_native(kind, full) {
            return Some(plugin(PathBuf::new(), Some(Trouble::Redirect(full.to_owned()))));
        }
        let root = found.folder?;
        let mut folder = root.join("plugins").join(kind.name());
        folder.extend(folders);
        let own = folder.join(format!("{short}.py"));
        if kind == PluginKind::Lookup {
            let trouble = self.interpreter().is_none().then(no_python);
            return own.is_file().then(|| plugin(own, trouble));
        }
        // Most files are called like what they provide; the others are tried by what they mention.
        let mut candidates: Vec<PathBuf> = own.is_file().then(|| own.clone()).into_iter().collect();
        let others: Vec<PathBuf> = files::python_files(&folder).into_iter().filter(|file| *file != own).collect();
        let (likely, unlikely): (Vec<_>, Vec<_>) = others.into_iter().partition(|file| files::mentions(file, short));
        candidates.extend(likely);
        candidates.extend(unlikely);
        let mut flawed = None;
        for file in candidates {
            let names = match self.names(kind, std::slice::from_ref(&file), Some(&collection)) {
                Ok(names) => names,
                Err(error) if files::mentions(&file, short) => {
                    return Some(plugin(file, Some(Trouble::NoPython(error.to_string()))));
                }
                Err(_) => return None,
            };
            match names.into_iter().next()?.1 {
                Ok(names) if names.iter().any(|name| name == short) => return Some(plugin(file, None)),
                Ok(_) => {}
                Err(flaw) if flawed.is_none() && (file == own || files::mentions(&file, short)) => {
                    flawed = Some((file, flaw));
                }
                Err(_) => {}
            }
        }
        flawed.map(|(file, flaw)| plugin(file, Some(Trouble::Import(flaw))))
    }

    fn run(self: &Arc<Self>, plugin: &Plugin, call: ForeignCall<'_>) -> Result<Mj, TemplateError> {
        match &plugin.trouble {
            None => {}
            Some(Trouble::Redirect(other)) => return redirect(other, call),
            Some(Trouble::Removed(why)) => {
                let message = format!("The {} plugin '{}' failed to load: {why}", plugin.kind, plugin.name);
                return Err(TemplateError::plugin(message));
            }
            Some(Trouble::NoPython(why)) => {
                let error = format!("The {} '{}' is a Python plugin, and {why}", plugin.kind, plugin.name);
                return Err(TemplateError::plugin(error)
                    .note(format!("it is in {}", plugin.file.display()))
                    .hint("install Python 3 on this machine, or name one in RPLAY_PYTHON"));
            }
            Some(Trouble::Import(flaw)) => {
                let file = plugin.file.display();
                let message =
                    format!("The {} plugin '{}' cannot be loaded: {}", plugin.kind, plugin.name, flaw.message);
                return Err(self.explain(TemplateError::plugin(message), flaw).note(format!("it is in {file}")));
            }
        }
        let result = self.talk(|talk| self.converse(talk, plugin, call));
        match result {
            Ok(Ok(result)) => result,
            Ok(Err(error)) | Err(error) => Err(failed(plugin, &error)),
        }
    }

    /// Runs a plugin in a conversation.
    fn converse(
        self: &Arc<Self>,
        talk: &Talk,
        plugin: &Plugin,
        call: ForeignCall<'_>,
    ) -> Result<Result<Mj, TemplateError>, PythonError> {
        if plugin.collection.is_some() {
            self.tell_collections(talk)?;
        }
        let generation = talk.desk.generation;
        if let Some(stale) = call.args.iter().find_map(|arg| py::Object::downcast::<Remote>(arg))
            && stale.generation != generation
        {
            return Ok(Err(TemplateError::plugin("a plugin's object is gone, because the Python process had ended")));
        }
        let request = match self.request(talk, plugin, &call) {
            Ok(request) => request,
            Err(error) => return Ok(Err(error)),
        };
        let before = talk.desk.engine.replace(Some(call.scope.engine().clone()));
        let answer = self.exchange(talk, &request);
        talk.desk.engine.replace(before);
        let answer = answer?;
        let table = talk.desk.table.borrow();
        let decoder = Decoder { table: &table, generation, owner: self };
        if answer["op"] == "raised" {
            return Ok(Err(match decoder.error(&answer["marker"]) {
                Some(error) => error,
                None => self.raised(plugin, &answer),
            }));
        }
        if let Some(kind) = answer["loose"].as_str() {
            let message = format!(
                "The test plugin '{}' returned a non-boolean result of type {kind}. Test plugins must have a boolean result. This feature will be removed from ansible-core version 2.23.",
                plugin.name
            );
            self.tell(Diagnostic::new(Severity::Deprecated, message));
        }
        decoder.value(&answer["value"]).map(Ok)
    }

    fn request(&self, talk: &Talk, plugin: &Plugin, call: &ForeignCall<'_>) -> Result<Vec<u8>, TemplateError> {
        let table = Encoder { table: &talk.desk.table };
        let assigned = call.assigned.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let scope = talk.desk.table.borrow_mut().scope(Place { scope: call.scope.clone(), assigned });
        let surroundings = call.scope.surroundings();
        let head = json!({
            "op": "call",
            "kind": plugin.kind.name(),
            "short": plugin.short,
            "name": plugin.name,
            "file": plugin.file.display().to_string(),
            "collection": plugin.collection,
            "lenient": self.options.lenient,
            "basedir": surroundings.basedir.display().to_string(),
            "config": self.options.config_file.as_ref().map(|path| path.display().to_string()),
            "scope": scope,
        });
        let mut out = head.to_string().into_bytes();
        out.pop();
        out.extend_from_slice(b",\"args\":");
        table.sequence(&call.args, &mut out)?;
        out.extend_from_slice(b",\"kwargs\":{");
        for (at, (name, value)) in call.keywords.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            push_text(&mut out, name);
            out.push(b':');
            table.encode(value, &mut out)?;
        }
        out.extend_from_slice(b"}}");
        Ok(out)
    }

    /// An exception of a plugin.
    fn raised(&self, plugin: &Plugin, answer: &Json) -> TemplateError {
        let flaw = flaw(answer);
        tracing::debug!("{}", answer["trace"].as_str().unwrap_or_default());
        let said = if flaw.message.is_empty() { ".".to_owned() } else { format!(": {}", flaw.message) };
        let message = format!("The {} plugin '{}' failed{said}", plugin.kind, plugin.name);
        self.explain(TemplateError::plugin(message), &flaw)
    }

    /// Adds the line of a plugin, and what would help.
    fn explain(&self, error: TemplateError, flaw: &Flaw) -> TemplateError {
        let error = match self.line(&flaw.place, flaw.line) {
            Some(span) => error.context(Some(span), "raised here"),
            None => error,
        };
        match &flaw.missing {
            Some(module) => error.hint(self.missing(module)),
            None => error,
        }
    }

    fn missing(&self, module: &str) -> String {
        let interpreter = self.interpreter().unwrap_or_default();
        format!(
            "install the Python module `{module}` for {}, or name a Python that has it in RPLAY_PYTHON",
            interpreter.display()
        )
    }

    /// The place of a line, counted from one.
    fn line(&self, file: &Path, line: usize) -> Option<Span> {
        let mut sources = lock(&self.sources);
        let id = if let Some(id) = sources.get(file) {
            *id
        } else {
            let text = fs_err::read_to_string(file).ok()?;
            let id = self.options.sources.add_file(file, text);
            sources.insert(file.to_owned(), id);
            id
        };
        let text = self.options.sources.text(id)?;
        let mut start = 0;
        for (number, content) in text.split_inclusive('\n').enumerate() {
            if number + 1 == line {
                let blanks = content.len() - content.trim_start().len();
                return Some(Span::new(id, start + blanks, start + content.trim_end().len().max(blanks)));
            }
            start += content.len();
        }
        None
    }

    /// What a plugin says to the user: warnings are shown, the rest is for those who look for it.
    pub(crate) fn notice(&self, level: &str, text: &str) {
        match level {
            "warning" | "error" => self.tell(Diagnostic::warning(text)),
            "deprecated" => self.tell(Diagnostic::new(Severity::Deprecated, text)),
            "info" => tracing::info!(target: "rplay_python", "{text}"),
            _ => tracing::debug!(target: "rplay_python", "{text}"),
        }
    }

    /// Tells each thing once, as Ansible does.
    fn tell(&self, diagnostic: Diagnostic) {
        if lock(&self.told).insert(diagnostic.message.clone()) {
            (self.options.notify)(diagnostic);
        }
    }

    /// An attribute of an object that lives in the process.
    pub(crate) fn attribute(self: &Arc<Self>, object: &Remote, name: &str) -> Result<Option<Mj>, TemplateError> {
        let request = json!({"op": "attribute", "of": object.id, "name": name});
        let fail = |error: PythonError| TemplateError::plugin(error.to_string());
        let asked = self.talk(|talk| {
            let generation = talk.desk.generation;
            if generation != object.generation {
                return Err(TemplateError::plugin("a plugin's object is gone, because the Python process had ended"));
            }
            let answer = self.exchange(talk, request.to_string().as_bytes()).map_err(fail)?;
            if answer["op"] == "raised" {
                return Err(TemplateError::plugin(flaw(&answer).message));
            }
            let table = talk.desk.table.borrow();
            let found = Decoder { table: &table, generation, owner: self }.list(&answer["value"]).map_err(fail)?;
            Ok(found.into_iter().next())
        });
        asked.map_err(fail)?
    }
}

/// The kind as collections know it.
fn sort(kind: PluginKind) -> rplay_collection::Kind {
    match kind {
        PluginKind::Filter => rplay_collection::Kind::Filter,
        PluginKind::Test => rplay_collection::Kind::Test,
        PluginKind::Lookup => rplay_collection::Kind::Lookup,
    }
}

fn no_python() -> Trouble {
    Trouble::NoPython(PythonError::NoInterpreter.to_string())
}

/// What Python said about a failure.
fn flaw(answer: &Json) -> Flaw {
    Flaw {
        message: answer["message"].as_str().unwrap_or_default().to_owned(),
        place: PathBuf::from(answer["place"].as_str().unwrap_or_default()),
        line: answer["line"].as_u64().unwrap_or(0) as usize,
        missing: answer["missing"].as_str().map(str::to_owned),
    }
}

/// The process failed while a plugin ran: the next call starts another.
fn failed(plugin: &Plugin, error: &PythonError) -> TemplateError {
    let message = format!("The {} plugin '{}' failed: {error}", plugin.kind, plugin.name);
    let out = TemplateError::plugin(message).note(format!("the plugin is {}", plugin.file.display()));
    match error {
        PythonError::Ended { stderr, .. } if !stderr.is_empty() => out.note(format!("it wrote last:\n{stderr}")),
        PythonError::NoInterpreter | PythonError::Start { .. } => {
            out.hint("install Python 3 on this machine, or name one in RPLAY_PYTHON")
        }
        _ => out,
    }
}

/// Calls the native plugin that a collection's name stands for.
fn redirect(name: &str, mut call: ForeignCall<'_>) -> Result<Mj, TemplateError> {
    let engine = call.scope.engine().clone();
    if call.kind == PluginKind::Lookup {
        return engine.call_lookup(call.scope, name, call.args, call.keywords).map(py::list);
    }
    let input = if call.args.is_empty() { py::none() } else { call.args.remove(0) };
    if call.kind == PluginKind::Filter {
        return engine.call_filter(call.scope, name, input, call.args, call.keywords);
    }
    engine.call_test(call.scope, name, input, call.args, call.keywords).map(Mj::from)
}
