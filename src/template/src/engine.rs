//! The engine: what renders values, evaluates expressions and conditions, and keeps compiled templates.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use foldhash::fast::RandomState;
use minijinja::{Environment, Value as Mj};
use rplay_diag::{Diagnostic, SourceId, Sources, Span};
use rplay_value::{Compat, Conditions, List, Map, Profile, Results, Text, Value, Vaulted};

use crate::about;
use crate::eval::Eval;
use crate::lower::Load;
use crate::plugin::Keywords;
use crate::syntax::{self, Expr, Mode, Node, Stmt, Syntax};
use crate::vm::{self, Store};
use crate::{
    ErrorKind, Files, Foreign, ForeignCall, LookupCall, PlainFiles, PluginKind, Scope, TemplateError, classic, frame,
    header, omit, py,
};

/// Opens `!vault` values. Implemented for the vault crate's files.
pub trait Vault: Send + Sync {
    /// The plain text of an envelope, or why it cannot be had.
    fn open(&self, envelope: &str) -> Result<Arc<str>, String>;
}

impl Vault for rplay_vault::VaultedFiles {
    fn open(&self, envelope: &str) -> Result<Arc<str>, String> {
        self.open(envelope)
    }
}

/// Settings by Ansible's names (`DEFAULT_FORKS`), for the `config` lookup. Implemented over the command's settings.
pub trait Settings: Send + Sync {
    /// A setting and where it comes from.
    fn get(&self, name: &str) -> Option<(Value, String)>;

    /// Whether the options of the plugin of this type and name are known.
    fn has_plugin(&self, _kind: &str, _name: &str) -> bool {
        false
    }

    /// An option of a plugin.
    fn plugin(&self, _kind: &str, _name: &str, _option: &str) -> Option<PluginSetting> {
        None
    }
}

/// An option of a plugin: a host's variables are stronger than what the settings say.
#[derive(Clone, Debug, PartialEq)]
pub struct PluginSetting {
    /// The variables that set it; the last one that is set counts.
    pub variables: Vec<&'static str>,
    /// What the environment, the configuration or Ansible itself says.
    pub value: Value,
    /// Where that comes from.
    pub origin: String,
}

/// What an [`Engine`] is made of.
#[derive(Clone)]
pub struct EngineOptions {
    /// The texts of the run, for places.
    pub sources: Sources,
    /// How files are read.
    pub files: Arc<dyn Files>,
    /// How `!vault` values are opened; without it they are an error.
    pub vault: Option<Arc<dyn Vault>>,
    /// Plugins that are not native; without it unknown names are an error.
    pub foreign: Option<Arc<dyn Foreign>>,
    /// Settings for the `config` lookup; without them it knows none.
    pub settings: Option<Arc<dyn Settings>>,
    /// Which release's templates and conditions these are.
    pub compat: Compat,
    /// Who is told what a later release refuses, or this one only just accepts.
    pub notices: Option<Arc<dyn Notices>>,
}

/// Hears warnings and deprecations that come up while templates are rendered; the same one may come up often.
pub trait Notices: Send + Sync {
    /// One of them, with its place.
    fn notice(&self, notice: Diagnostic);
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            sources: Sources::new(),
            files: Arc::new(PlainFiles),
            vault: None,
            foreign: None,
            settings: None,
            compat: Compat::default(),
            notices: None,
        }
    }
}

/// What a value became.
#[derive(Clone, Debug, PartialEq)]
pub enum Rendered {
    /// A value.
    Value(Value),
    /// `omit`: whoever asked should leave the argument out.
    Omit,
}

impl Rendered {
    /// The value, unless it is omitted.
    pub fn value(self) -> Option<Value> {
        match self {
            Self::Value(value) => Some(value),
            Self::Omit => None,
        }
    }
}

/// The text of a template file.
#[derive(Clone, Debug)]
pub struct TemplateSource {
    /// The path, for messages, includes beside it and `template_path`.
    pub name: String,
    /// The text.
    pub text: Arc<str>,
    /// The text in [`Sources`], for places in messages.
    pub source: Option<SourceId>,
}

/// How a template file is read: the `template` module's options.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FileOptions {
    /// Remove the newline after a block tag.
    pub trim_blocks: bool,
    /// Remove blanks before a block tag.
    pub lstrip_blocks: bool,
    /// What newlines become.
    pub newline_sequence: String,
    /// Start and end of a statement, by default `{%` and `%}`.
    pub block: (String, String),
    /// Start and end of an expression, by default `{{` and `}}`.
    pub variable: (String, String),
    /// Start and end of a comment, by default `{#` and `#}`.
    pub comment: (String, String),
}

impl Default for FileOptions {
    fn default() -> Self {
        let pair = |start: &str, end: &str| (start.to_owned(), end.to_owned());
        Self {
            trim_blocks: true,
            lstrip_blocks: false,
            newline_sequence: "\n".to_owned(),
            block: pair("{%", "%}"),
            variable: pair("{{", "}}"),
            comment: pair("{#", "#}"),
        }
    }
}

/// Renders templates. Cheap to clone; compiled templates are shared by all clones and threads.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    options: EngineOptions,
    compiled: RwLock<HashMap<Key, Arc<Compiled>, RandomState>>,
    store: Arc<Store>,
    env: Environment<'static>,
}

/// What a compiled text depends on.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    text: Arc<str>,
    origin: Option<Span>,
    how: How,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum How {
    /// A template in YAML.
    Yaml,
    /// A template file.
    File,
    /// A bare expression in YAML, whose backslashes are backslashes.
    Expression,
    /// A condition.
    Condition,
}

/// What a text is, for [`Engine::check`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Text in YAML that holds delimiters.
    Template,
    /// A bare expression: `var` of `debug`.
    Expression,
    /// A bare condition: `when`, `until`, `that`.
    Condition,
    /// The text of a template file.
    File,
}

/// Which filters and tests a text may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plugins {
    /// Those there are.
    Known,
    /// Any: where plugins beside the text are not at hand.
    Any,
}

/// A text ready to run.
enum Compiled {
    /// One expression: its value is the result.
    Expr(Expr),
    /// Text and expressions in turn, no statements.
    Parts(Vec<Part>),
    /// Statements: the key of the lowered template.
    Lowered(String),
}

enum Part {
    Data(Mj),
    Expr(Expr),
}

/// More compiled texts than this are not kept.
const MOST_COMPILED: usize = 50_000;

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Engine")
    }
}

impl Engine {
    /// An engine.
    pub fn new(options: EngineOptions) -> Self {
        let store = Arc::new(Store::default());
        let env = vm::environment(&store);
        Self(Arc::new(Inner { options, compiled: RwLock::default(), store, env }))
    }

    /// The engine of a scope that none has rendered in yet.
    pub(crate) fn bare() -> Self {
        Self::new(EngineOptions::default())
    }

    /// The texts of the run.
    pub fn sources(&self) -> &Sources {
        &self.0.options.sources
    }

    /// A setting by Ansible's name, and where it comes from.
    pub fn setting(&self, name: &str) -> Option<(Value, String)> {
        self.0.options.settings.as_ref()?.get(name)
    }

    /// As [`Settings::has_plugin`].
    pub(crate) fn has_plugin_settings(&self, kind: &str, name: &str) -> bool {
        self.0.options.settings.as_ref().is_some_and(|settings| settings.has_plugin(kind, name))
    }

    /// As [`Settings::plugin`].
    pub(crate) fn plugin_setting(&self, kind: &str, name: &str, option: &str) -> Option<PluginSetting> {
        self.0.options.settings.as_ref()?.plugin(kind, name, option)
    }

    /// Which release's templates and conditions these are.
    pub fn compat(&self) -> &Compat {
        &self.0.options.compat
    }

    /// What differs in that release.
    pub(crate) fn profile(&self) -> &'static Profile {
        self.0.options.compat.profile()
    }

    /// Passes a warning on.
    pub(crate) fn notice(&self, notice: Diagnostic) {
        if let Some(notices) = &self.0.options.notices {
            notices.notice(notice);
        }
    }

    /// How files are read.
    pub fn files(&self) -> &dyn Files {
        &*self.0.options.files
    }

    /// Renders a value: trusted template texts become native values, through lists and mappings, keys too. Entries that
    /// render to `omit` are left out.
    pub fn render(&self, value: &Value, scope: &Scope) -> Result<Rendered, TemplateError> {
        scope.bind(self);
        Ok(match value {
            Value::Text(text) if is_template(text) => {
                let value = self.run_text(text, scope).map_err(|error| finish(error, Asked::Template, scope))?;
                if omit::is_omit(&value) {
                    Rendered::Omit
                } else {
                    let value = py::to_value(&value)
                        .map_err(|error| finish(self.locate(error, text), Asked::Template, scope))?;
                    Rendered::Value(value)
                }
            }
            Value::Vault(vaulted) => Rendered::Value(Value::Text(self.decrypt(vaulted)?)),
            Value::List(list) if value.holds_template() => {
                let mut out = Vec::with_capacity(list.len());
                for item in list {
                    if let Rendered::Value(item) = self.render(item, scope)? {
                        out.push(item);
                    }
                }
                Rendered::Value(Value::List(List::from(out)))
            }
            Value::Map(map) if value.holds_template() => {
                let mut out = Map::with_capacity(map.len());
                for (key, item) in map {
                    if let (Rendered::Value(key), Rendered::Value(item)) =
                        (self.render(key, scope)?, self.render(item, scope)?)
                    {
                        out.insert(key, item);
                    }
                }
                Rendered::Value(Value::Map(out))
            }
            other => Rendered::Value(other.clone()),
        })
    }

    /// Evaluates a bare expression (`debug: var=`, `until`).
    pub fn evaluate(&self, expression: &Text, scope: &Scope) -> Result<Value, TemplateError> {
        scope.bind(self);
        let value = self.run(expression, How::Expression, scope).and_then(|value| py::to_value(&value));
        value.map_err(|error| finish(error, Asked::Expression, scope))
    }

    /// Reads a text and gives what Jinja2 would refuse, without rendering anything: names need not exist.
    pub fn check(&self, text: &Text, reading: Reading) -> Result<(), TemplateError> {
        let compiled = match reading {
            Reading::Template => self.compile(text, How::Yaml, Plugins::Any),
            Reading::Expression => self.compile(text, How::Expression, Plugins::Any),
            Reading::Condition => self.compile(text, How::Condition, Plugins::Any),
            Reading::File => header::read(text, &FileOptions::default(), self.profile()).and_then(|(body, syntax)| {
                let tree = syntax::parse(body, &syntax, Mode::File)?;
                let place = vm::Place { text: text.clone(), path: None, load: Load::Top, syntax: Arc::default() };
                Ok(Compiled::Lowered(self.0.store.add(tree.body, place)))
            }),
        };
        let compiled = compiled.map_err(|error| self.locate(error, text))?;
        if let Compiled::Lowered(key) = compiled {
            self.0.env.get_template(&key).map_err(|error| TemplateError::from_minijinja(&error))?;
        }
        Ok(())
    }

    /// Renders a template file to text, as the `template` module and `lookup('template')` do.
    ///
    /// A first line such as `#jinja2: trim_blocks: false` overrides the options.
    pub fn render_template(
        &self,
        source: &TemplateSource,
        options: &FileOptions,
        scope: &Scope,
    ) -> Result<String, TemplateError> {
        scope.bind(self);
        let value = self.run_file(source, options, scope).map_err(|error| finish(error, Asked::Template, scope))?;
        Self::file_text(&value, source, options).map_err(|error| finish(error, Asked::Template, scope))
    }

    /// `template_host`, `template_uid`, `template_mtime`, `ansible_managed` and the others, as the `template` module and
    /// lookup set them; `name` is the path as it was asked for. Paths that are not there have no owner and time.
    pub fn file_variables(&self, name: &str, path: &Path, destination: Option<&str>) -> Map {
        let managed = self.0.options.settings.as_ref().and_then(|settings| settings.get("DEFAULT_MANAGED_STR"));
        let managed = managed.map_or_else(|| "Ansible managed".to_owned(), |(value, _)| value.to_str().into_owned());
        about::file_variables(name, path, destination, &managed)
    }

    /// A file's template as the template lookup has it: a file of a single expression keeps a list or mapping as it is.
    pub(crate) fn template_value(
        &self,
        source: &TemplateSource,
        options: &FileOptions,
        scope: &Scope,
    ) -> Result<Mj, TemplateError> {
        scope.bind(self);
        let value = self.run_file(source, options, scope).map_err(|error| finish(error, Asked::Template, scope))?;
        if value.as_str().is_none() {
            return Ok(value);
        }
        let text = Self::file_text(&value, source, options).map_err(|error| finish(error, Asked::Template, scope))?;
        Ok(py::text(text))
    }

    fn file_text(value: &Mj, source: &TemplateSource, options: &FileOptions) -> Result<String, TemplateError> {
        // A template of which nothing is left is an empty file; only text gets its last newlines back.
        if value.is_none() {
            return Ok(String::new());
        }
        let mut out = String::new();
        vm::push(value, &mut out)?;
        let newline = &*options.newline_sequence;
        let wanted = trailing(&source.text, "\n");
        let there = trailing(&out, newline);
        if wanted > there {
            out.push_str(&newline.repeat(wanted - there));
        }
        Ok(out)
    }

    fn run_file(&self, source: &TemplateSource, options: &FileOptions, scope: &Scope) -> Result<Mj, TemplateError> {
        // As in ansible-core, a text without any delimiter is no template: nothing in it is read, not even line ends.
        let starts = [&options.block.0, &options.variable.0, &options.comment.0];
        if !source.text.starts_with(header::PREFIX) && !starts.iter().any(|start| source.text.contains(&***start)) {
            return Ok(Mj::from(Arc::clone(&source.text)));
        }
        let whole = source.source.map(|id| Span::new(id, 0, source.text.len()));
        let (text, syntax) = header::read(&source.text, options, self.profile())
            .map_err(|error| error.located(whole.map(Span::at_start)))?;
        let origin = source.source.map(|id| Span::new(id, source.text.len() - text.len(), source.text.len()));
        let text = Text::trusted(text).with_origin(origin);
        // The same file rendered again, for the next host, finds its lowered form by its text.
        let key =
            Key { text: format!("{}\0{syntax:?}\0{}", source.name, text.as_str()).into(), origin, how: How::File };
        let compiled = if let Some(compiled) = self.known(&key) {
            compiled
        } else {
            let tree = syntax::parse(&text, &syntax, Mode::File).map_err(|error| self.locate(error, &text))?;
            self.known_plugins(&tree.body).map_err(|error| self.locate(error, &text))?;
            let place = vm::Place {
                text: text.clone(),
                path: Some(PathBuf::from(&source.name)),
                load: Load::Top,
                syntax: Arc::new(syntax),
            };
            self.keep(key, Compiled::Lowered(self.0.store.add(tree.body, place)))
        };
        self.execute(&compiled, &text, How::File, scope)
    }

    /// Lowers a file that a template includes, and gives its key. It is read as the including one is; a header of its own
    /// is text.
    pub(crate) fn load(&self, path: &Path, load: Load, syntax: &Arc<Syntax>) -> Result<String, TemplateError> {
        let bytes =
            self.files().read(path).map_err(|error| TemplateError::file(format!("{}: {error}", path.display())))?;
        let text: Arc<str> = String::from_utf8(bytes)
            .map_err(|_| TemplateError::file(format!("{} is not UTF-8 text", path.display())))?
            .into();
        let key = Key {
            text: format!("{}\0{load:?}\0{syntax:?}\0{text}", path.display()).into(),
            origin: None,
            how: How::Yaml,
        };
        if let Some(known) = self.known(&key)
            && let Compiled::Lowered(key) = &*known
        {
            return Ok(key.clone());
        }
        let id = self.sources().add_file(path, Arc::clone(&text));
        let text = Text::written(Arc::clone(&text), Span::new(id, 0, text.len()));
        let tree = syntax::parse(&text, syntax, Mode::File).map_err(|error| self.locate(error, &text))?;
        let place = vm::Place { text, path: Some(path.to_owned()), load, syntax: Arc::clone(syntax) };
        let lowered = self.0.store.add(tree.body, place);
        self.keep(key, Compiled::Lowered(lowered.clone()));
        Ok(lowered)
    }

    /// Renders trusted text to a value of its native type.
    pub(crate) fn run_text(&self, text: &Text, scope: &Scope) -> Result<Mj, TemplateError> {
        self.run(text, How::Yaml, scope)
    }

    pub(crate) fn run(&self, text: &Text, how: How, scope: &Scope) -> Result<Mj, TemplateError> {
        let key = Key { text: text.shared(), origin: text.origin(), how };
        let compiled = if let Some(compiled) = self.known(&key) {
            compiled
        } else {
            let compiled = self.compile(text, how, Plugins::Known).map_err(|error| self.locate(error, text))?;
            self.keep(key, compiled)
        };
        self.execute(&compiled, text, how, scope)
    }

    /// Renders a condition that holds templates, and says whether everything in it was written by the user.
    pub(crate) fn run_condition(&self, text: &Text, scope: &Scope) -> Result<(Mj, bool), TemplateError> {
        let trimmed = text.trim();
        let text =
            &if trimmed.len() == text.len() { text.clone() } else { Text::trusted(trimmed).with_origin(text.origin()) };
        let mixed = {
            let compiled = self.compile(text, How::Yaml, Plugins::Any).map_err(|error| self.locate(error, text))?;
            match compiled {
                Compiled::Parts(parts) if self.profile().conditions != Conditions::Boolean => parts,
                _ => {
                    let value = self.run(text, How::Yaml, scope)?;
                    let written = value.is_safe();
                    return Ok((value, written));
                }
            }
        };
        let mut eval = Eval::plain(scope, false);
        let (mut nodes, mut written) = (Vec::with_capacity(mixed.len()), true);
        for part in &mixed {
            match part {
                Part::Data(data) => nodes.push(data.clone()),
                Part::Expr(expr) => {
                    let value = eval.eval(expr).and_then(|value| py::trip(&value).map(|()| value));
                    let value = value.map_err(|error| self.locate(error, text))?;
                    written &= value.is_safe() || value.is_number() || matches!(py::kind(&value), py::Kind::Bool(_));
                    nodes.push(value);
                }
            }
        }
        let joined = classic::text(&nodes)?;
        Ok((if written { Mj::from_safe_string(joined) } else { Mj::from(joined) }, written))
    }

    fn known(&self, key: &Key) -> Option<Arc<Compiled>> {
        self.0.compiled.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    fn keep(&self, key: Key, compiled: Compiled) -> Arc<Compiled> {
        let compiled = Arc::new(compiled);
        let mut all = self.0.compiled.write().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST_COMPILED {
            all.clear();
        }
        all.insert(key, Arc::clone(&compiled));
        compiled
    }

    fn compile(&self, text: &Text, how: How, plugins: Plugins) -> Result<Compiled, TemplateError> {
        match how {
            How::Expression | How::Condition => {
                let mode = if how == How::Expression { Mode::Yaml } else { Mode::File };
                let delimited = is_template(text);
                let expr = syntax::parse_expression(text, mode).map_err(|error| error.delimited(delimited))?;
                if plugins == Plugins::Known {
                    self.known_plugins_of(&expr)?;
                }
                return Ok(Compiled::Expr(expr));
            }
            How::Yaml | How::File => {}
        }
        let (body, syntax) = header::read(text, &FileOptions::default(), self.profile())?;
        let tree = syntax::parse(body, &syntax, Mode::Yaml)?;
        if plugins == Plugins::Known {
            self.known_plugins(&tree.body)?;
        }
        if tree.body.iter().all(|statement| matches!(statement, Stmt::Data(_) | Stmt::Emit(_))) {
            let mut parts: Vec<Part> = tree
                .body
                .into_iter()
                .filter_map(|statement| match statement {
                    Stmt::Data(data) => Some(Part::Data(Mj::from(data))),
                    Stmt::Emit(expr) => Some(Part::Expr(expr)),
                    _ => None,
                })
                .collect();
            return Ok(match parts.pop() {
                Some(Part::Expr(expr)) if parts.is_empty() => Compiled::Expr(expr),
                last => {
                    parts.extend(last);
                    Compiled::Parts(parts)
                }
            });
        }
        let place = vm::Place { text: text.clone(), path: None, load: Load::Top, syntax: Arc::default() };
        Ok(Compiled::Lowered(self.0.store.add(tree.body, place)))
    }

    /// Refuses a template that names a filter or test which does not exist.
    fn known_plugins(&self, body: &[Stmt]) -> Result<(), TemplateError> {
        let mut unknown = None;
        syntax::plugins::required(body, &mut |named| self.missing(&named, &mut unknown));
        unknown.map_or(Ok(()), Err)
    }

    fn known_plugins_of(&self, expr: &Expr) -> Result<(), TemplateError> {
        let mut unknown = None;
        syntax::plugins::required_of(expr, &mut |named| self.missing(&named, &mut unknown));
        unknown.map_or(Ok(()), Err)
    }

    fn missing(&self, named: &syntax::plugins::Named<'_>, found: &mut Option<TemplateError>) {
        if found.is_none() && !self.has_plugin(named.kind, named.name) {
            let error = crate::foreign::unknown(named.kind, named.name).of_kind(ErrorKind::Syntax);
            *found = Some(error.at_offset(named.expr.start as usize, named.expr.end as usize));
        }
    }

    fn execute(&self, compiled: &Compiled, text: &Text, how: How, scope: &Scope) -> Result<Mj, TemplateError> {
        let _render = frame::enter(scope);
        let mut eval = Eval::plain(scope, how == How::Condition);
        // Bare expressions have native results in every release; files are text before 2.19.
        let classic = self.profile().results == Results::Literal && matches!(how, How::Yaml | How::File);
        let result = match compiled {
            Compiled::Expr(expr) if classic && how == How::Yaml => literal(&mut eval, expr),
            Compiled::Expr(expr) => eval.eval(expr),
            Compiled::Parts(parts) => (|| {
                let mut nodes = Vec::with_capacity(parts.len());
                for part in parts {
                    match part {
                        Part::Data(data) => nodes.push(data.clone()),
                        Part::Expr(expr) => {
                            let value = eval.eval(expr)?;
                            py::trip(&value)
                                .map_err(|error| error.at_offset(expr.start as usize, expr.end as usize))?;
                            if !value.is_none() {
                                nodes.push(value);
                            }
                        }
                    }
                }
                if classic { classic::join(&nodes, self.profile()) } else { vm::join(nodes) }
            })(),
            Compiled::Lowered(key) => vm::render(&self.0.env, key, scope).and_then(|value| match how {
                How::Yaml if classic => classic::one(&value, self.profile()),
                How::File if classic => classic::shown(&value),
                _ => Ok(value),
            }),
        };
        let value =
            result.and_then(|value| py::trip(&value).map(|()| value)).map_err(|error| self.locate(error, text))?;
        // Jinja2 drops the text's last newline, Ansible puts it back.
        if how == How::Yaml
            && text.ends_with('\n')
            && let Some(result) = value.as_str()
        {
            let (wanted, there) = (trailing(text, "\n"), trailing(result, "\n"));
            if wanted > there {
                return Ok(Mj::from(format!("{result}{}", "\n".repeat(wanted - there))));
            }
        }
        Ok(value)
    }

    fn locate(&self, error: TemplateError, text: &Text) -> TemplateError {
        if error.span().is_some() {
            return error;
        }
        let span = crate::error::refine(self.sources(), text, error.offset());
        error.located(span)
    }

    pub(crate) fn decrypt(&self, vaulted: &Vaulted) -> Result<Text, TemplateError> {
        let fail = |message: String| {
            TemplateError::new(ErrorKind::Vault, message).located(vaulted.origin).sealed(&vaulted.ciphertext)
        };
        let Some(vault) = &self.0.options.vault else {
            return Err(fail("Attempting to decrypt but no vault secrets found.".to_owned())
                .hint("give --ask-vault-pass or --vault-password-file"));
        };
        vault.open(&vaulted.ciphertext).map(|plain| Text::data(plain).with_origin(vaulted.origin)).map_err(fail)
    }

    /// Runs a lookup by name, as `with_x` does: the list of its results.
    pub fn lookup(
        &self,
        name: &str,
        terms: Vec<Value>,
        options: &Map,
        scope: &Scope,
    ) -> Result<Vec<Value>, TemplateError> {
        scope.bind(self);
        let terms = terms.into_iter().map(py::from_value).collect();
        let keywords = options.texts().map(|(key, value)| (key.shared(), py::from_value(value.clone()))).collect();
        let results = self.run_lookup(scope, name, terms, keywords).map_err(|error| {
            let own = error.is_undefined() || error.is_worded() || error.kind() == ErrorKind::Missing;
            if own { error } else { error.of_plugin("lookup", name) }
        });
        results?.iter().map(py::to_value).collect()
    }

    pub(crate) fn run_lookup(
        &self,
        scope: &Scope,
        name: &str,
        terms: Vec<Mj>,
        keywords: Keywords,
    ) -> Result<Vec<Mj>, TemplateError> {
        if !crate::ahead::is_timeless(name) {
            crate::ahead::ask(name)?;
        }
        if let Some(lookup) = self.native_lookup(name) {
            return (lookup.run)(&mut LookupCall { name, terms, keywords, scope });
        }
        let call = ForeignCall { kind: PluginKind::Lookup, name, args: terms, keywords, scope, assigned: &[] };
        self.foreign_call(call).and_then(|results| py::iterate(&results))
    }

    /// Plugins that are not native.
    pub(crate) fn foreign(&self) -> Option<&dyn Foreign> {
        self.0.options.foreign.as_deref()
    }
}

/// A single expression as releases before 2.19 had it: text, unless it is the name of a variable that was written as a
/// number, a boolean or nothing.
fn literal(eval: &mut Eval<'_>, expr: &Expr) -> Result<Mj, TemplateError> {
    let value = eval.eval(expr)?;
    match &expr.node {
        Node::Name(name) if eval.scope.is_scalar(name) => Ok(value),
        _ if classic::stays_text(expr) => classic::shown(&value),
        _ => classic::one(&value, eval.scope.engine().profile()),
    }
}

/// How many newlines end the text.
fn trailing(text: &str, newline: &str) -> usize {
    let mut rest = text;
    let mut count = 0;
    while let Some(shorter) = rest.strip_suffix(newline) {
        rest = shorter;
        count += 1;
    }
    count
}

/// What was asked for when an error came up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Template,
    Expression,
    Condition,
}

/// Words the error as ansible-core 2.19 does, and adds the nearest variable name when one is missing.
pub(crate) fn finish(error: TemplateError, asked: Asked, scope: &Scope) -> TemplateError {
    let kind = if asked == Asked::Template { "template" } else { "expression" };
    let error = match error.kind() {
        ErrorKind::Undefined if asked == Asked::Condition => error.prefixed("Error while evaluating conditional: "),
        ErrorKind::Syntax if error.is_delimited() => {
            error.worded("Syntax error in expression. Template delimiters are not supported in expressions: ")
        }
        ErrorKind::Syntax => error.worded(&format!("Syntax error in {kind}: ")),
        ErrorKind::Missing if error.message().ends_with(" found.") && error.message().starts_with("No ") => {
            error.worded(&format!("Error rendering {kind}: "))
        }
        ErrorKind::Type | ErrorKind::Value | ErrorKind::File => error.worded(&format!("Error rendering {kind}: ")),
        _ => error,
    };
    let Some(name) = error.undefined_name() else { return error };
    let names = scope.names();
    match rplay_diag::nearest(name, names.iter().map(Text::as_str)) {
        Some(near) if near != name => {
            let hint = format!("there is a variable `{near}`");
            error.hint(hint)
        }
        _ => error,
    }
}

/// Whether the text is to be rendered: a trusted text with delimiters, or with a header that may define others.
pub(crate) fn is_template(text: &Text) -> bool {
    text.is_template() || (text.is_trusted() && text.starts_with(header::PREFIX))
}
