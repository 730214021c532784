//! The loader: what it needs from its caller, what it remembers.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rplay_collection::Collections;
use rplay_diag::{Diagnose as _, Diagnostic, Sources, Span};
use rplay_value::{Compat, Map, Text, Value};
use rplay_yaml::Node;

use crate::{PlaybookError, Role};

/// What reading playbooks needs from its surroundings.
pub trait Resolve: Send + Sync {
    /// Renders a text with variables (layers, weakest first). Extra variables of the command line are stronger than all
    /// of them and are the implementation's.
    fn render(&self, text: &Text, vars: &[Map]) -> Result<Value, Diagnostic>;

    /// The text of a file, decrypted if it is a vault.
    fn read(&self, path: &Path) -> io::Result<String>;

    /// The canonical name of a module or action, if there is one of that name; an error when it was removed.
    /// `collections` are searched for short names; `role` is the folder of the role that asks, which may bring modules of
    /// its own.
    fn action(&self, name: &str, collections: &[Text], role: Option<&Path>) -> Result<Option<Arc<str>>, Diagnostic>;

    /// Whether there is a lookup of that name, for `with_X`.
    fn lookup(&self, name: &str) -> bool;

    /// A module's name near to one that is unknown.
    fn nearest_action(&self, name: &str) -> Option<String>;

    /// Whether a module has that option; `None` when its options are not known.
    fn has_option(&self, action: &str, option: &str) -> Option<bool>;

    /// A playbook's or role's folder is in use from now on: what it brings (`filter_plugins` and such) can be found.
    fn entered(&self, _folder: &Path) {}
}

/// What configuration says about reading playbooks.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Folders of roles (`roles_path`), after `roles/` beside the playbook.
    pub roles_path: Vec<PathBuf>,
    /// Collections: those beside playbooks are added when these are read.
    pub collections: Collections,
    /// Which release's playbooks these are: it decides what is refused.
    pub compat: Compat,
}

/// Where tasks or roles are being read: what surrounds them.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// Folder of the playbook.
    pub playbook_dir: PathBuf,
    /// Role they belong to.
    pub role: Option<Arc<Role>>,
    /// Whether they are handlers.
    pub handlers: bool,
    /// Task files that enclose the place, innermost last, absolute.
    pub files: Vec<PathBuf>,
    /// Collections searched for short names.
    pub collections: Vec<Text>,
    /// The collection that the playbook belongs to, which is searched first wherever no other one is.
    pub default_collection: Option<Text>,
    /// Variables known before any host is, weakest first.
    pub vars: Vec<Map>,
    /// Whether a block encloses the place.
    pub(crate) in_block: bool,
    /// Statements that led here, for showing cycles of static imports.
    pub(crate) chain: Vec<(PathBuf, Option<Span>)>,
}

/// Reads playbooks, roles and task files. Files are parsed once; safe to share between threads.
pub struct Loader<'a> {
    pub(crate) resolve: &'a dyn Resolve,
    pub(crate) sources: &'a Sources,
    pub(crate) settings: Settings,
    parsed: Mutex<HashMap<PathBuf, Arc<Node>>>,
    warnings: Mutex<Vec<Diagnostic>>,
}

impl<'a> Loader<'a> {
    /// A loader.
    pub fn new(resolve: &'a dyn Resolve, sources: &'a Sources, settings: Settings) -> Self {
        Self { resolve, sources, settings, parsed: Mutex::default(), warnings: Mutex::default() }
    }

    /// Warnings since the last call, each once.
    pub fn take_warnings(&self) -> Vec<Diagnostic> {
        std::mem::take(&mut *self.warnings.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn warn(&self, warning: Diagnostic) {
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }

    /// A deprecation warning at a place.
    pub(crate) fn deprecated(&self, message: impl Into<String>, span: Option<Span>, hint: impl Into<String>) {
        let warning = Diagnostic::new(rplay_diag::Severity::Deprecated, message).at_maybe(span, "").hint(hint);
        self.warn(warning);
    }

    /// The document of a file; `span` is the statement that names it.
    pub(crate) fn document(&self, path: &Path, span: Option<Span>) -> Result<Arc<Node>, PlaybookError> {
        if let Some(node) = self.parsed.lock().unwrap_or_else(PoisonError::into_inner).get(path) {
            return Ok(Arc::clone(node));
        }
        let io = |source| PlaybookError::Io { path: path.to_owned(), source, span };
        let text = self.resolve.read(path).map_err(io)?;
        let source = self.sources.add_file(path, text);
        let document =
            rplay_yaml::parse(self.sources, source).map_err(|e| PlaybookError::Document(Box::new(e.diagnostic())))?;
        for warning in document.warnings {
            self.warn(warning);
        }
        let node = Arc::new(document.node);
        self.parsed.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned(), Arc::clone(&node));
        Ok(node)
    }

    /// Forgets what was parsed, so that changed files are read again.
    pub fn forget(&self) {
        self.parsed.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// A text rendered with what is known statically.
    pub(crate) fn render_text(&self, text: &Text, context: &Context, extra: &[Map]) -> Result<String, Diagnostic> {
        if !text.is_template() {
            return Ok(text.to_string());
        }
        let mut vars = context.vars.clone();
        vars.extend(extra.iter().cloned());
        match self.resolve.render(text, &vars)? {
            Value::Text(text) => Ok(text.to_string()),
            Value::Int(i) => Ok(i.to_string()),
            _ => Err(Diagnostic::error("the template does not yield text").at_maybe(text.origin(), "")),
        }
    }
}
