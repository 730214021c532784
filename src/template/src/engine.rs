//! The engine: what renders values, evaluates expressions and conditions, and keeps compiled templates.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use minijinja::Value as Mj;
use rplay_diag::{SourceId, Sources};
use rplay_value::{List, Map, Text, Value, Vaulted};

use crate::plugin::Keywords;
use crate::{ErrorKind, Files, LookupCall, PlainFiles, Scope, TemplateError, omit, py};

/// Opens `!vault` values. Implemented for the vault crate's secrets.
pub trait Vault: Send + Sync {
    /// The plain text of an envelope, or why it cannot be had.
    fn open(&self, envelope: &str) -> Result<String, String>;
}

/// Filters, tests and lookups that are not native: Python plugins of roles and collections.
///
/// `None` means: there is no such plugin either.
pub trait Foreign: Send + Sync {
    /// Runs a filter.
    fn filter(&self, name: &str, input: Value, args: Vec<Value>, keywords: Map) -> Option<Result<Value, String>>;
    /// Runs a test.
    fn test(&self, name: &str, input: Value, args: Vec<Value>, keywords: Map) -> Option<Result<bool, String>>;
    /// Runs a lookup.
    fn lookup(&self, name: &str, terms: Vec<Value>, keywords: Map, scope: &Scope)
    -> Option<Result<Vec<Value>, String>>;
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
    /// Whether `{{ }}` inside conditions and non-boolean results of conditions are errors, as in ansible-core 2.19,
    /// instead of warnings.
    pub strict_conditions: bool,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            sources: Sources::new(),
            files: Arc::new(PlainFiles),
            vault: None,
            foreign: None,
            strict_conditions: false,
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
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Engine")
    }
}

impl Engine {
    /// An engine.
    pub fn new(options: EngineOptions) -> Self {
        Self(Arc::new(Inner { options }))
    }

    /// The engine of a scope that none has rendered in yet.
    pub(crate) fn bare() -> Self {
        Self::new(EngineOptions::default())
    }

    /// The texts of the run.
    pub fn sources(&self) -> &Sources {
        &self.0.options.sources
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
            Value::Text(text) if text.is_template() => {
                let value = self.run_text(text, scope)?;
                if omit::is_omit(&value) { Rendered::Omit } else { Rendered::Value(py::to_value(&value)?) }
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
        py::to_value(&self.run_text(expression, scope)?)
    }

    /// Decides a condition: a boolean, or the text of an expression.
    pub fn condition(&self, condition: &Value, scope: &Scope) -> Result<bool, TemplateError> {
        scope.bind(self);
        match condition {
            Value::Text(text) => py::truthy(&self.run_text(text, scope)?),
            other => py::truthy(&py::from_value(other.clone())),
        }
    }

    /// Renders a template file to text.
    pub fn render_template(
        &self,
        source: &TemplateSource,
        options: &FileOptions,
        scope: &Scope,
    ) -> Result<String, TemplateError> {
        scope.bind(self);
        _ = options;
        Ok(py::str(&self.run_text(&Text::trusted(Arc::clone(&source.text)), scope)?))
    }

    pub(crate) fn run_text(&self, text: &Text, scope: &Scope) -> Result<Mj, TemplateError> {
        _ = scope;
        Err(TemplateError::syntax(format!("templates are being built: {text}")))
    }

    pub(crate) fn decrypt(&self, vaulted: &Vaulted) -> Result<Text, TemplateError> {
        let fail = |message: String| TemplateError::new(ErrorKind::Vault, message).located(vaulted.origin);
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
        self.run_lookup(scope, name, terms, keywords)?.iter().map(py::to_value).collect()
    }

    pub(crate) fn run_lookup(
        &self,
        scope: &Scope,
        name: &str,
        terms: Vec<Mj>,
        keywords: Keywords,
    ) -> Result<Vec<Mj>, TemplateError> {
        if let Some(lookup) = crate::find_lookup(name) {
            return (lookup.run)(&mut LookupCall { name, terms, keywords, scope });
        }
        let foreign = self.0.options.foreign.as_ref().and_then(|foreign| {
            let terms = terms.iter().map(py::to_value).collect::<Result<_, _>>();
            match (terms, keyword_map(&keywords)) {
                (Ok(terms), Ok(keywords)) => {
                    foreign.lookup(name, terms, keywords, scope).map(|r| r.map_err(TemplateError::plugin))
                }
                (Err(error), _) | (_, Err(error)) => Some(Err(error)),
            }
        });
        match foreign {
            Some(found) => Ok(found?.into_iter().map(py::from_value).collect()),
            None => {
                let names = crate::plugin::lookups().iter().map(|(_, lookup, _)| lookup.name);
                Err(unknown("lookup", name, rplay_diag::nearest(name, names)))
            }
        }
    }

    pub(crate) fn foreign_filter(
        &self,
        scope: &Scope,
        name: &str,
        input: Mj,
        args: Vec<Mj>,
        keywords: Keywords,
    ) -> Result<Mj, TemplateError> {
        _ = scope;
        if let Some(foreign) = &self.0.options.foreign {
            let args = args.iter().map(py::to_value).collect::<Result<_, _>>()?;
            if let Some(result) = foreign.filter(name, py::to_value(&input)?, args, keyword_map(&keywords)?) {
                return result.map(py::from_value).map_err(TemplateError::plugin);
            }
        }
        let names = crate::plugin::filters().iter().map(|(_, filter, _)| filter.name);
        Err(unknown("filter", name, rplay_diag::nearest(name, names)))
    }

    pub(crate) fn foreign_test(
        &self,
        scope: &Scope,
        name: &str,
        input: Mj,
        args: Vec<Mj>,
        keywords: Keywords,
    ) -> Result<bool, TemplateError> {
        _ = scope;
        if let Some(foreign) = &self.0.options.foreign {
            let args = args.iter().map(py::to_value).collect::<Result<_, _>>()?;
            if let Some(result) = foreign.test(name, py::to_value(&input)?, args, keyword_map(&keywords)?) {
                return result.map_err(TemplateError::plugin);
            }
        }
        let names = crate::plugin::tests().iter().map(|(_, test, _)| test.name);
        Err(unknown("test", name, rplay_diag::nearest(name, names)))
    }
}

fn keyword_map(keywords: &Keywords) -> Result<Map, TemplateError> {
    let mut map = Map::new();
    for (key, value) in keywords {
        map.insert(Text::data(Arc::clone(key)), py::to_value(value)?);
    }
    Ok(map)
}

fn unknown(kind: &str, name: &str, near: Option<&str>) -> TemplateError {
    let error = TemplateError::new(ErrorKind::Missing, format!("The {kind} plugin '{name}' was not found."));
    match near {
        Some(near) => error.hint(format!("there is a {kind} `{near}`")),
        None => error.hint(format!("`{name}` is not native, and no Python plugin of that name was found beside the playbook, in a role or in a collection")),
    }
}

/// Where a template file's includes are looked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Beside(pub(crate) Option<PathBuf>);
