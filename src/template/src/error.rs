//! What can go wrong in a template, with the place and the chain of variables that led there.

use std::fmt;

use rplay_diag::{Diagnose, Diagnostic, Span};
use rplay_value::Text;

/// What kind of failure a [`TemplateError`] is, named after the Python exceptions a user of Ansible knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// A variable, attribute or item that is not there. `default` and `is defined` replace it.
    Undefined,
    /// The text is not a template, or not an expression.
    Syntax,
    /// An operator, filter or function got the wrong kind of value.
    Type,
    /// The right kind of value, but not one that works.
    Value,
    /// A filter, test, lookup, function or method that does not exist.
    Missing,
    /// A variable that needs itself.
    Recursion,
    /// A file that cannot be found or read.
    File,
    /// A filter or lookup failed with its own message.
    Plugin,
    /// A condition that is empty or no boolean, where that is not allowed.
    Condition,
    /// A vault value that cannot be decrypted.
    Vault,
}

/// A step on the way to a failure: a variable that was being rendered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Through {
    /// The variable's name.
    pub name: String,
    /// Where its text was written.
    pub origin: Option<Span>,
}

#[derive(Clone, Debug)]
struct Inner {
    kind: ErrorKind,
    message: String,
    span: Option<Span>,
    label: String,
    through: Vec<Through>,
    /// Other places that explain, such as the line of a Python plugin.
    contexts: Vec<(Option<Span>, String)>,
    notes: Vec<String>,
    hints: Vec<String>,
    /// Byte range in the template text that was being read, until its origin is known.
    local: Option<(u32, u32)>,
    name: Option<String>,
    /// Whether an operator met something undefined: that ends the expression, no `default` replaces it.
    raised: bool,
    /// Whether the message says already in what the failure happened.
    worded: bool,
    /// Whether the expression holds template delimiters, which do not belong there.
    delimited: bool,
    /// The mapping a key was missing in, and the key: the nearest one is looked for only when the error is shown.
    among: Option<(minijinja::Value, String)>,
    /// The vault envelope that could not be opened.
    sealed: Option<std::sync::Arc<str>>,
}

/// Why a template has no value. The message texts are those of ansible-core 2.19 where programs compare them.
#[derive(Clone, Debug, thiserror::Error)]
pub struct TemplateError(Box<Inner>);

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl TemplateError {
    /// A failure of a kind with its message.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            span: None,
            label: String::new(),
            through: Vec::new(),
            contexts: Vec::new(),
            notes: Vec::new(),
            hints: Vec::new(),
            local: None,
            name: None,
            raised: false,
            worded: false,
            delimited: false,
            among: None,
            sealed: None,
        }))
    }

    /// Something that is not there.
    pub fn undefined(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Undefined, message)
    }

    /// Python's `TypeError`.
    pub fn type_error(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Type, message)
    }

    /// Python's `ValueError`.
    pub fn value_error(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Value, message)
    }

    /// A filter's or lookup's own failure (`AnsibleFilterError`, `AnsibleLookupError`).
    pub fn plugin(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Plugin, message)
    }

    /// A text that is not a template.
    pub fn syntax(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Syntax, message)
    }

    /// A file that cannot be found or read.
    pub fn file(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::File, message)
    }

    /// What kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether something was not there: `default`, `is defined` and `until` treat this apart.
    pub fn is_undefined(&self) -> bool {
        self.0.kind == ErrorKind::Undefined
    }

    /// Whether this is something undefined that `default` and `is defined` may still replace.
    pub(crate) fn is_replaceable(&self) -> bool {
        self.is_undefined() && !self.0.raised
    }

    /// Whether an operator raised it.
    pub(crate) fn is_raised(&self) -> bool {
        self.0.raised
    }

    /// The failure as an operator raises it: as in ansible-core 2.19, it passes `default` and `is defined`.
    #[must_use]
    pub(crate) fn raised(mut self) -> Self {
        self.0.raised = true;
        self
    }

    /// The failure as the value of a variable or filter, which `default` replaces again.
    #[must_use]
    pub(crate) fn settled(mut self) -> Self {
        self.0.raised = false;
        self
    }

    /// The message without places.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The name that was not there, when a whole variable was missing.
    pub fn undefined_name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    /// The name that was not there: a variable's, an attribute's or a key's.
    pub(crate) fn missing_name(&self) -> Option<&str> {
        self.undefined_name().or_else(|| self.0.among.as_ref().map(|(_, key)| key.as_str()))
    }

    /// The place in the text that failed.
    pub fn span(&self) -> Option<Span> {
        self.0.span
    }

    /// The variables that were being rendered, innermost first.
    pub fn through(&self) -> &[Through] {
        &self.0.through
    }

    /// Adds something the user could do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hints.push(hint.into());
        self
    }

    /// Adds a fact that explains.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.0.notes.push(note.into());
        self
    }

    /// Adds another place that explains, such as the line of a plugin.
    #[must_use]
    pub fn context(mut self, span: Option<Span>, text: impl Into<String>) -> Self {
        self.0.contexts.push((span, text.into()));
        self
    }

    /// Puts words before the message, keeping kind and place.
    #[must_use]
    pub fn prefixed(mut self, prefix: &str) -> Self {
        self.0.message.insert_str(0, prefix);
        self
    }

    /// Puts before the message in what it happened, unless that is said already.
    #[must_use]
    pub(crate) fn worded(self, prefix: &str) -> Self {
        if self.0.worded {
            return self;
        }
        let mut error = self.prefixed(prefix);
        error.0.worded = true;
        error
    }

    /// Whether the message says already in what it happened.
    pub(crate) fn is_worded(&self) -> bool {
        self.0.worded
    }

    /// Remembers that the expression that is not one holds template delimiters.
    #[must_use]
    pub(crate) fn delimited(mut self, delimited: bool) -> Self {
        self.0.delimited = delimited;
        self
    }

    /// See [`TemplateError::delimited`].
    pub(crate) fn is_delimited(&self) -> bool {
        self.0.delimited
    }

    /// The same as a failure of another kind.
    #[must_use]
    pub(crate) fn of_kind(mut self, kind: ErrorKind) -> Self {
        self.0.kind = kind;
        self
    }

    /// Says the same in other words.
    #[must_use]
    pub(crate) fn reworded(mut self, message: impl Into<String>) -> Self {
        self.0.message = message.into();
        self
    }

    /// Names the variable that was not there.
    #[must_use]
    pub(crate) fn named(mut self, name: &str) -> Self {
        self.0.name = Some(name.to_owned());
        self
    }

    /// Remembers the mapping that lacks a key, to name the nearest one.
    #[must_use]
    pub(crate) fn among(mut self, object: &minijinja::Value, key: &str) -> Self {
        self.0.among = Some((object.clone(), key.to_owned()));
        self
    }

    /// Remembers the vault envelope that could not be opened.
    #[must_use]
    pub(crate) fn sealed(mut self, envelope: &std::sync::Arc<str>) -> Self {
        self.0.sealed = Some(std::sync::Arc::clone(envelope));
        self
    }

    /// The vault envelope that could not be opened, for `unvault`, which has a secret of its own.
    pub(crate) fn envelope(&self) -> Option<&std::sync::Arc<str>> {
        self.0.sealed.as_ref()
    }

    /// The failure as the plugin's own, named as ansible-core does. What is undefined stays so.
    #[must_use]
    pub(crate) fn of_plugin(mut self, kind: &str, name: &str) -> Self {
        if !matches!(self.0.kind, ErrorKind::Undefined | ErrorKind::Plugin) || !is_named(&self.0.message) {
            if self.0.kind == ErrorKind::Undefined {
                return self;
            }
            self.0.message = format!("The {kind} plugin '{name}' failed: {}", self.0.message);
            self.0.kind = ErrorKind::Plugin;
        }
        self
    }

    /// What the caret says.
    #[must_use]
    pub(crate) fn labelled(mut self, label: impl Into<String>) -> Self {
        self.0.label = label.into();
        self
    }

    /// Remembers the place inside the template text, unless a place is known already.
    #[must_use]
    pub(crate) fn at_offset(mut self, start: usize, end: usize) -> Self {
        if self.0.local.is_none() && self.0.span.is_none() {
            self.0.local = Some((start as u32, end as u32));
        }
        self
    }

    /// Byte range inside the template text being read, while its place in a file is not known yet.
    pub(crate) fn offset(&self) -> Option<(usize, usize)> {
        self.0.local.map(|(start, end)| (start as usize, end as usize))
    }

    /// Turns the place inside the text into a place in its file.
    #[must_use]
    pub(crate) fn located(mut self, span: Option<Span>) -> Self {
        if self.0.span.is_none() {
            self.0.span = span;
        }
        self.0.local = None;
        self
    }

    /// Records that this happened while a variable was being rendered.
    #[must_use]
    pub(crate) fn through_variable(mut self, name: &str, origin: Option<Span>) -> Self {
        self.0.through.push(Through { name: name.to_owned(), origin });
        self
    }

    /// The error to hand to minijinja; [`TemplateError::from_minijinja`] takes it out again.
    pub(crate) fn into_minijinja(self) -> minijinja::Error {
        minijinja::Error::new(minijinja::ErrorKind::InvalidOperation, self.0.message.clone()).with_source(self)
    }

    /// What minijinja reported: our own error where it carries one, its own message otherwise.
    pub(crate) fn from_minijinja(error: &minijinja::Error) -> Self {
        let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
        while let Some(at) = source {
            if let Some(own) = at.downcast_ref::<Self>() {
                return own.clone();
            }
            source = at.source();
        }
        let kind = match error.kind() {
            minijinja::ErrorKind::SyntaxError => ErrorKind::Syntax,
            minijinja::ErrorKind::TemplateNotFound => ErrorKind::File,
            minijinja::ErrorKind::UndefinedError => ErrorKind::Undefined,
            _ => ErrorKind::Type,
        };
        let detail = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
        // `{% set a, b = c %}` is unpacked by minijinja; Python words it so.
        let counts = detail.strip_prefix("sequence of wrong length (expected ").and_then(|rest| rest.strip_suffix(')'));
        if let Some((expected, got)) = counts.and_then(|rest| rest.split_once(", got "))
            && let (Ok(expected), Ok(got)) = (expected.parse::<usize>(), got.parse::<usize>())
        {
            return Self::value_error(if got > expected {
                format!("too many values to unpack (expected {expected})")
            } else {
                format!("not enough values to unpack (expected {expected}, got {got})")
            });
        }
        Self::new(kind, detail)
    }
}

impl Diagnose for TemplateError {
    fn diagnostic(&self) -> Diagnostic {
        let inner = &*self.0;
        let mut out = Diagnostic::error(&*inner.message).at_maybe(inner.span, &*inner.label);
        for (span, text) in &inner.contexts {
            out = match span {
                Some(span) => out.context(Some(*span), text.clone()),
                None => out.note(text.clone()),
            };
        }
        for through in &inner.through {
            let text = format!("in variable `{}`", through.name);
            out = match through.origin {
                Some(span) => out.context(Some(span), text),
                None => out.note(text),
            };
        }
        out.notes.extend(inner.notes.iter().cloned());
        out.hints.extend(inner.hints.iter().cloned());
        if let Some((object, key)) = &inner.among
            && crate::py::is_mapping(object)
            && let Ok(keys) = crate::py::iterate(object)
            && let Some(near) = rplay_diag::nearest(key, keys.iter().filter_map(minijinja::Value::as_str))
        {
            out = out.hint(format!("there is a key `{near}`"));
        }
        out
    }
}

/// Whether a message names the plugin that failed.
fn is_named(message: &str) -> bool {
    ["The filter plugin '", "The test plugin '", "The lookup plugin '"].iter().any(|start| message.starts_with(start))
}

/// The span of a byte range inside a text that starts at `origin`: exact when the file holds the text unchanged there.
pub(crate) fn refine(sources: &rplay_diag::Sources, text: &Text, range: Option<(usize, usize)>) -> Option<Span> {
    let origin = text.origin()?;
    let Some((start, end)) = range else { return Some(origin) };
    let source = sources.text(origin.source)?;
    let whole = source.get(origin.start as usize..origin.end as usize)?;
    let wanted = text.get(start..end)?;
    // Unquoted or quoted on one line: the text stands in the file as it is, after an optional quote.
    if let Some(at) = whole.find(text.as_str()) {
        let base = origin.start as usize + at;
        return Some(Span::new(origin.source, base + start, base + end));
    }
    // Folded, indented or escaped: the same occurrence of the same words.
    let nth = text.get(..start)?.matches(wanted).count();
    if wanted.is_empty() {
        return Some(origin);
    }
    let found = whole.match_indices(wanted).nth(nth).map(|(at, _)| origin.start as usize + at);
    Some(found.map_or(origin, |at| Span::new(origin.source, at, at + wanted.len())))
}
