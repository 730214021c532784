//! The shapes of a filter, a test and a lookup, and what one call of them gets.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use minijinja::Value as Mj;

use crate::{Engine, ForeignCall, PluginKind, Scope, TemplateError, py};

/// One filter. Its file's `//!` header is its documentation.
pub struct Filter {
    /// Short name, such as `regex_replace`.
    pub name: &'static str,
    /// Collection, such as `ansible.builtin`.
    pub collection: &'static str,
    /// Further short names.
    pub aliases: &'static [&'static str],
    /// Names of the arguments after the input, in order; `"*"` takes the other positional ones (names after it are
    /// keyword-only), `"**"` the other keyword ones.
    pub params: &'static [&'static str],
    /// Whether it gets an undefined input (and arguments) as a marker instead of the error being raised.
    pub accepts_undefined: bool,
    /// The work.
    pub run: fn(&mut FilterCall<'_>) -> Result<Mj, TemplateError>,
}

/// One test. Its file's `//!` header is its documentation.
pub struct Test {
    /// Short name, such as `match`.
    pub name: &'static str,
    /// Collection, such as `ansible.builtin`.
    pub collection: &'static str,
    /// Further short names.
    pub aliases: &'static [&'static str],
    /// As [`Filter::params`].
    pub params: &'static [&'static str],
    /// As [`Filter::accepts_undefined`].
    pub accepts_undefined: bool,
    /// The work.
    pub run: fn(&mut TestCall<'_>) -> Result<bool, TemplateError>,
}

/// One lookup. Its file's `//!` header is its documentation.
pub struct Lookup {
    /// Short name, such as `file`.
    pub name: &'static str,
    /// Collection, such as `ansible.builtin`.
    pub collection: &'static str,
    /// Whether it gets undefined terms and options as markers instead of the error being raised.
    pub accepts_undefined: bool,
    /// The work: a list of results. `wantlist`, `errors` and joining are the engine's.
    pub run: fn(&mut LookupCall<'_>) -> Result<Vec<Mj>, TemplateError>,
}

/// What one call of a filter gets.
pub struct FilterCall<'a> {
    pub(crate) name: &'a str,
    pub(crate) params: &'static [&'static str],
    pub(crate) input: Mj,
    pub(crate) bound: Vec<Option<Mj>>,
    pub(crate) rest: Vec<Mj>,
    pub(crate) keywords: Keywords,
    pub(crate) scope: &'a Scope,
}

/// What one call of a test gets: the same as a filter's.
pub type TestCall<'a> = FilterCall<'a>;

/// Keyword arguments in the order written.
pub type Keywords = Vec<(Arc<str>, Mj)>;

impl<'a> FilterCall<'a> {
    /// Binds positional and keyword arguments to the declared names, as Python would.
    pub(crate) fn bind(
        name: &'a str,
        params: &'static [&'static str],
        input: Mj,
        args: Vec<Mj>,
        keywords: Keywords,
        scope: &'a Scope,
    ) -> Result<Self, TemplateError> {
        let takes = params.iter().filter(|p| !p.starts_with('*')).count();
        // As in Python, names after `*` can only be given by keyword.
        let positional = params.iter().position(|p| p.starts_with('*')).unwrap_or(takes);
        let mut call =
            Self { name, params, input, bound: vec![None; takes], rest: Vec::new(), keywords: Vec::new(), scope };
        let given = args.len();
        for (i, arg) in args.into_iter().enumerate() {
            match call.bound.get_mut(i).filter(|_| i < positional) {
                Some(place) => *place = Some(arg),
                None if params.contains(&"*") => call.rest.push(arg),
                None => {
                    let plural = if positional == 0 { "" } else { "s" };
                    let message = format!(
                        "{name}() takes {} positional argument{plural} but {} were given",
                        positional + 1,
                        given + 1
                    );
                    return Err(TemplateError::type_error(message).hint(call.signature()));
                }
            }
        }
        for (key, value) in keywords {
            match params.iter().filter(|p| !p.starts_with('*')).position(|p| **p == *key) {
                Some(i) if call.bound[i].is_some() => {
                    return Err(TemplateError::type_error(format!(
                        "{name}() got multiple values for argument '{key}'"
                    )));
                }
                Some(i) => call.bound[i] = Some(value),
                None if params.contains(&"**") => call.keywords.push((key, value)),
                None => {
                    let error =
                        TemplateError::type_error(format!("{name}() got an unexpected keyword argument '{key}'"));
                    return Err(error.hint(call.signature()));
                }
            }
        }
        Ok(call)
    }

    fn signature(&self) -> String {
        match self.params {
            [] => format!("`{}` takes no arguments", self.name),
            params => {
                format!("the arguments of `{}` are {}", self.name, rplay_diag::quoted_list(params.iter().copied()))
            }
        }
    }

    /// The name it was called by.
    pub fn name(&self) -> &str {
        self.name
    }

    /// The value left of `|` or `is`.
    pub fn input(&self) -> &Mj {
        &self.input
    }

    /// An argument, when it was given.
    pub fn opt(&self, name: &str) -> Option<&Mj> {
        let at = self.params.iter().filter(|p| !p.starts_with('*')).position(|p| *p == name)?;
        self.bound.get(at)?.as_ref()
    }

    /// An argument that must be given.
    pub fn arg(&self, name: &str) -> Result<&Mj, TemplateError> {
        self.opt(name).ok_or_else(|| {
            let message = format!("{}() missing 1 required positional argument: '{name}'", self.name);
            TemplateError::type_error(message).hint(self.signature())
        })
    }

    /// Arguments that must be given: those missing are named together.
    pub fn need(&self, names: &[&str]) -> Result<(), TemplateError> {
        let missing: Vec<String> =
            names.iter().filter(|name| self.opt(name).is_none()).map(|name| format!("'{name}'")).collect();
        let (plural, shown) = match missing.as_slice() {
            [] => return Ok(()),
            [only] => ("", only.clone()),
            [first, last] => ("s", format!("{first} and {last}")),
            [more @ .., last] => ("s", format!("{}, and {last}", more.join(", "))),
        };
        let message =
            format!("{}() missing {} required positional argument{plural}: {shown}", self.name, missing.len());
        Err(TemplateError::type_error(message).hint(self.signature()))
    }

    /// An argument that must be given and be text.
    pub fn text(&self, name: &str) -> Result<Arc<str>, TemplateError> {
        as_text(self.name, name, self.arg(name)?)
    }

    /// A text argument, or what stands for it when it is not given.
    pub fn text_or(&self, name: &str, default: &str) -> Result<Arc<str>, TemplateError> {
        self.opt(name).map_or_else(|| Ok(Arc::from(default)), |value| as_text(self.name, name, value))
    }

    /// An integer argument (booleans count, as in Python), or what stands for it when it is not given.
    pub fn int(&self, name: &str, default: i64) -> Result<i64, TemplateError> {
        self.opt(name).map_or(Ok(default), |value| as_int(self.name, name, value))
    }

    /// The truth of an argument, or what stands for it when it is not given.
    pub fn bool(&self, name: &str, default: bool) -> Result<bool, TemplateError> {
        self.opt(name).map_or(Ok(default), py::truthy)
    }

    /// Positional arguments beyond the declared ones (`"*"`).
    pub fn rest(&self) -> &[Mj] {
        &self.rest
    }

    /// Keyword arguments beyond the declared ones (`"**"`).
    pub fn keywords(&self) -> &Keywords {
        &self.keywords
    }

    /// The variables of this call.
    pub fn scope(&self) -> &Scope {
        self.scope
    }

    /// The engine of this call.
    pub fn engine(&self) -> &Engine {
        self.scope.engine()
    }

    /// Calls another filter by name (`map('upper')`).
    pub fn filter(&self, name: &str, input: Mj, args: Vec<Mj>, keywords: Keywords) -> Result<Mj, TemplateError> {
        call_filter(self.scope, name, input, args, keywords)
    }

    /// Calls a test by name (`select('defined')`).
    pub fn test(&self, name: &str, input: Mj, args: Vec<Mj>, keywords: Keywords) -> Result<bool, TemplateError> {
        call_test(self.scope, name, input, args, keywords)
    }

    /// A failure with this plugin's own message.
    pub fn error(&self, message: impl Into<String>) -> TemplateError {
        TemplateError::plugin(message)
    }
}

/// What one call of a lookup gets.
pub struct LookupCall<'a> {
    pub(crate) name: &'a str,
    pub(crate) terms: Vec<Mj>,
    pub(crate) keywords: Keywords,
    pub(crate) scope: &'a Scope,
}

impl LookupCall<'_> {
    /// The name it was called by.
    pub fn name(&self) -> &str {
        self.name
    }

    /// The terms: positional arguments, or what `with_x` was given.
    pub fn terms(&self) -> &[Mj] {
        &self.terms
    }

    /// A keyword argument, when it was given.
    pub fn opt(&self, name: &str) -> Option<&Mj> {
        self.keywords.iter().find(|(key, _)| **key == *name).map(|(_, value)| value)
    }

    /// A text option, or what stands for it when it is not given.
    pub fn text_or(&self, name: &str, default: &str) -> Result<Arc<str>, TemplateError> {
        self.opt(name).map_or_else(|| Ok(Arc::from(default)), |value| as_text(self.name, name, value))
    }

    /// An integer option, or what stands for it when it is not given.
    pub fn int(&self, name: &str, default: i64) -> Result<i64, TemplateError> {
        self.opt(name).map_or(Ok(default), |value| as_int(self.name, name, value))
    }

    /// The truth of an option, or what stands for it when it is not given.
    pub fn bool(&self, name: &str, default: bool) -> Result<bool, TemplateError> {
        self.opt(name).map_or(Ok(default), py::truthy)
    }

    /// All options as written.
    pub fn keywords(&self) -> &Keywords {
        &self.keywords
    }

    /// The variables of this call.
    pub fn scope(&self) -> &Scope {
        self.scope
    }

    /// The engine of this call.
    pub fn engine(&self) -> &Engine {
        self.scope.engine()
    }

    /// A failure with this plugin's own message.
    pub fn error(&self, message: impl Into<String>) -> TemplateError {
        TemplateError::plugin(message)
    }
}

fn as_text(plugin: &str, name: &str, value: &Mj) -> Result<Arc<str>, TemplateError> {
    py::trip(value)?;
    value.to_str().ok_or_else(|| {
        TemplateError::type_error(format!("{plugin}: argument '{name}' must be a string, not {}", py::type_name(value)))
    })
}

fn as_int(plugin: &str, name: &str, value: &Mj) -> Result<i64, TemplateError> {
    py::trip(value)?;
    py::as_index(value).ok_or_else(|| {
        TemplateError::type_error(format!(
            "{plugin}: argument '{name}' must be an integer, not {}",
            py::type_name(value)
        ))
    })
}

type Names<T> = LazyLock<HashMap<String, &'static T>>;

fn names<T>(
    rows: impl Iterator<Item = (&'static str, &'static str, &'static [&'static str], &'static T)>,
) -> HashMap<String, &'static T> {
    let mut all = HashMap::new();
    let rows: Vec<_> = rows.collect();
    // A name in its own collection is its own; what two collections have is the first one's under a short name.
    for (name, collection, aliases, item) in &rows {
        for name in std::iter::once(name).chain(*aliases) {
            all.insert(format!("{collection}.{name}"), *item);
        }
    }
    // What a collection keeps to itself is not there by its short name.
    for (name, collection, aliases, item) in rows.into_iter().filter(|row| row.1 != crate::protomatter::COLLECTION) {
        for name in std::iter::once(&name).chain(aliases) {
            all.entry((*name).to_owned()).or_insert(item);
            // ansible-core redirects the names of what moved to collections, and Jinja's own live in ansible.builtin too.
            // The address filters lived in ansible.netcommon before ansible.utils.
            let former = if collection == "ansible.utils" { "ansible.netcommon" } else { collection };
            for collection in [collection, former, "ansible.builtin", "ansible.legacy"] {
                all.entry(format!("{collection}.{name}")).or_insert(item);
            }
        }
    }
    all
}

static FILTERS: Names<Filter> =
    LazyLock::new(|| names(crate::filters::TABLE.iter().map(|(_, f, _)| (f.name, f.collection, f.aliases, *f))));
static TESTS: Names<Test> =
    LazyLock::new(|| names(crate::tests::TABLE.iter().map(|(_, t, _)| (t.name, t.collection, t.aliases, *t))));
static LOOKUPS: Names<Lookup> = LazyLock::new(|| {
    names(crate::lookups::TABLE.iter().map(|(_, l, _)| (l.name, l.collection, &[] as &'static [&'static str], *l)))
});

/// The native filter of this name: short, alias, or with its collection.
pub fn find_filter(name: &str) -> Option<&'static Filter> {
    FILTERS.get(name).copied()
}

/// The native test of this name: short, alias, or with its collection.
pub fn find_test(name: &str) -> Option<&'static Test> {
    TESTS.get(name).copied()
}

/// The native lookup of this name: short or with its collection.
pub fn find_lookup(name: &str) -> Option<&'static Lookup> {
    LOOKUPS.get(name).copied()
}

/// Every native filter: file name, filter, documentation.
pub fn filters() -> &'static [(&'static str, &'static Filter, &'static str)] {
    crate::filters::TABLE
}

/// Every native test: file name, test, documentation.
pub fn tests() -> &'static [(&'static str, &'static Test, &'static str)] {
    crate::tests::TABLE
}

/// Every native lookup: file name, lookup, documentation.
pub fn lookups() -> &'static [(&'static str, &'static Lookup, &'static str)] {
    crate::lookups::TABLE
}

fn trip_all(input: &Mj, args: &[Mj], keywords: &Keywords) -> Result<(), TemplateError> {
    py::trip(input)?;
    for value in args.iter().chain(keywords.iter().map(|(_, value)| value)) {
        py::trip(value)?;
    }
    Ok(())
}

/// Runs a filter by name; names that are not native go to the engine's [`crate::Foreign`] plugins.
pub(crate) fn call_filter(
    scope: &Scope,
    name: &str,
    input: Mj,
    args: Vec<Mj>,
    keywords: Keywords,
) -> Result<Mj, TemplateError> {
    if let Some(filter) = scope.engine().native_filter(name) {
        return run_filter(scope, filter, name, input, args, keywords);
    }
    scope.engine().foreign_call(ForeignCall::new(PluginKind::Filter, name, input, args, keywords, scope))
}

pub(crate) fn run_filter(
    scope: &Scope,
    filter: &'static Filter,
    name: &str,
    input: Mj,
    args: Vec<Mj>,
    keywords: Keywords,
) -> Result<Mj, TemplateError> {
    if crate::ahead::looks_at_files(filter.name) {
        crate::ahead::ask(name)?;
    }
    if !filter.accepts_undefined {
        trip_all(&input, &args, &keywords)?;
    }
    FilterCall::bind(name, filter.params, input, args, keywords, scope)
        .and_then(|mut call| (filter.run)(&mut call))
        .map_err(|error| error.of_plugin("filter", &format!("{}.{}", filter.collection, filter.name)))
}

/// Runs a test by name; names that are not native go to the engine's [`crate::Foreign`] plugins.
pub(crate) fn call_test(
    scope: &Scope,
    name: &str,
    input: Mj,
    args: Vec<Mj>,
    keywords: Keywords,
) -> Result<bool, TemplateError> {
    if let Some(test) = scope.engine().native_test(name) {
        return run_test(scope, test, name, input, args, keywords);
    }
    let call = ForeignCall::new(PluginKind::Test, name, input, args, keywords, scope);
    scope.engine().foreign_call(call).and_then(|value| py::truthy(&value))
}

pub(crate) fn run_test(
    scope: &Scope,
    test: &'static Test,
    name: &str,
    input: Mj,
    args: Vec<Mj>,
    keywords: Keywords,
) -> Result<bool, TemplateError> {
    if crate::ahead::looks_at_files(test.name) {
        crate::ahead::ask(name)?;
    }
    if !test.accepts_undefined {
        trip_all(&input, &args, &keywords)?;
    }
    FilterCall::bind(name, test.params, input, args, keywords, scope)
        .and_then(|mut call| (test.run)(&mut call))
        .map_err(|error| error.of_plugin("test", &format!("{}.{}", test.collection, test.name)))
}
