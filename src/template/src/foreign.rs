//! Filters, tests and lookups that are not native: what implements them, and how they are called.

use std::fmt;
use std::path::Path;

use minijinja::Value as Mj;

use crate::plugin::Keywords;
use crate::{Engine, ErrorKind, Scope, TemplateError};

/// What a plugin is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PluginKind {
    /// `x | name`.
    Filter,
    /// `x is name`.
    Test,
    /// `lookup('name')`, `with_name`.
    Lookup,
}

impl PluginKind {
    /// The word for it: `filter`, `test`, `lookup`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Filter => "filter",
            Self::Test => "test",
            Self::Lookup => "lookup",
        }
    }
}

impl fmt::Display for PluginKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One call of a plugin that is not native.
pub struct ForeignCall<'a> {
    /// What is called.
    pub kind: PluginKind,
    /// The name as written, with or without collection.
    pub name: &'a str,
    /// The positional arguments; a filter's input and a test's subject come first. What is undefined is a marker.
    pub args: Vec<Mj>,
    /// The keyword arguments.
    pub keywords: Keywords,
    /// The variables of the call.
    pub scope: &'a Scope,
    /// Names the template itself has assigned, which hide variables.
    pub assigned: &'a [(&'a str, Mj)],
}

impl<'a> ForeignCall<'a> {
    pub(crate) fn new(
        kind: PluginKind,
        name: &'a str,
        input: Mj,
        mut args: Vec<Mj>,
        keywords: Keywords,
        scope: &'a Scope,
    ) -> Self {
        args.insert(0, input);
        Self { kind, name, args, keywords, scope, assigned: &[] }
    }
}

/// Whether there is a filter, test or lookup of rplay's own of that name.
pub fn is_native(kind: PluginKind, name: &str) -> bool {
    match kind {
        PluginKind::Filter => crate::find_filter(name).is_some(),
        PluginKind::Test => crate::find_test(name).is_some(),
        PluginKind::Lookup => crate::find_lookup(name).is_some(),
    }
}

/// Plugins that are not native: Python plugins beside playbooks, in roles and in collections.
pub trait Foreign: Send + Sync {
    /// Whether there is a plugin of that name. Cheap for names asked before, and where no file could hold one.
    fn has(&self, kind: PluginKind, name: &str) -> bool;

    /// Whether a plugin takes the place of rplay's own one of that short name, as plugins beside a playbook do. Asked
    /// before every call of a native one, so it must cost next to nothing where there are none.
    fn overrides(&self, kind: PluginKind, name: &str) -> bool;

    /// Runs a plugin; `None` means that there is none of that name. A lookup's result is a list, a test's truth counts.
    fn call(&self, call: ForeignCall<'_>) -> Option<Result<Mj, TemplateError>>;

    /// A playbook's or role's folder is in use from now on: plugins in its `filter_plugins` and such are known.
    fn add_folder(&self, folder: &Path);
}

impl Engine {
    /// Whether there is a filter, test or lookup of that name, native or not.
    pub fn has_plugin(&self, kind: PluginKind, name: &str) -> bool {
        let native = match kind {
            PluginKind::Filter => self.native_filter(name).is_some() || self.test_as_filter(name).is_some(),
            PluginKind::Test => self.native_test(name).is_some(),
            PluginKind::Lookup => crate::find_lookup(name).is_some(),
        };
        native || self.foreign().is_some_and(|foreign| foreign.has(kind, name))
    }

    pub(crate) fn overrides(&self, kind: PluginKind, name: &str) -> bool {
        self.foreign().is_some_and(|foreign| foreign.overrides(kind, name))
    }

    /// A playbook's or role's folder is in use: see [`Foreign::add_folder`].
    pub fn add_folder(&self, folder: &Path) {
        if let Some(foreign) = self.foreign() {
            foreign.add_folder(folder);
        }
    }

    /// Calls a filter by name, as a template would.
    pub fn call_filter(
        &self,
        scope: &Scope,
        name: &str,
        input: Mj,
        args: Vec<Mj>,
        keywords: Keywords,
    ) -> Result<Mj, TemplateError> {
        scope.bind(self);
        crate::plugin::call_filter(scope, name, input, args, keywords)
    }

    /// Calls a test by name, as a template would.
    pub fn call_test(
        &self,
        scope: &Scope,
        name: &str,
        subject: Mj,
        args: Vec<Mj>,
        keywords: Keywords,
    ) -> Result<bool, TemplateError> {
        scope.bind(self);
        crate::plugin::call_test(scope, name, subject, args, keywords)
    }

    /// Calls a lookup by name: the list of its results.
    pub fn call_lookup(
        &self,
        scope: &Scope,
        name: &str,
        terms: Vec<Mj>,
        keywords: Keywords,
    ) -> Result<Vec<Mj>, TemplateError> {
        scope.bind(self);
        self.run_lookup(scope, name, terms, keywords)
    }

    /// Runs what is not native, or says that there is no such thing.
    pub(crate) fn foreign_call(&self, call: ForeignCall<'_>) -> Result<Mj, TemplateError> {
        let (kind, name) = (call.kind, call.name);
        crate::ahead::ask(name)?;
        match self.foreign().and_then(|foreign| foreign.call(call)) {
            Some(result) => result,
            None => Err(unknown(kind, name)),
        }
    }
}

/// The error for a plugin that does not exist.
pub(crate) fn unknown(kind: PluginKind, name: &str) -> TemplateError {
    let near = match kind {
        PluginKind::Filter => rplay_diag::nearest(name, crate::filters().iter().map(|(_, f, _)| f.name)),
        PluginKind::Test => rplay_diag::nearest(name, crate::plugin::tests().iter().map(|(_, t, _)| t.name)),
        PluginKind::Lookup => rplay_diag::nearest(name, crate::lookups().iter().map(|(_, l, _)| l.name)),
    };
    let message = match kind {
        PluginKind::Lookup => format!("The lookup plugin '{name}' was not found."),
        _ => format!("No {kind} named '{name}'."),
    };
    let error = TemplateError::new(ErrorKind::Missing, message);
    match near {
        Some(near) => error.hint(format!("there is a {kind} `{near}`")),
        None => error.hint(format!(
            "`{name}` is not native, and no Python plugin of that name was found beside the playbook, in a role or in a collection"
        )),
    }
}
