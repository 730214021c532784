//! Names every template knows: `range`, `dict`, `lookup`, `namespace`, ... and the macros a template makes.

use std::sync::{Arc, Mutex, PoisonError};

use indexmap::IndexMap;
use minijinja::Value as Mj;
use rplay_value::{Time, Value};

use crate::plugin::Keywords;
use crate::py::{self, Instance, Object};
use crate::{Scope, TemplateError, omit};

type Run = fn(&[Mj], &Keywords) -> Result<Mj, TemplateError>;

#[derive(Debug)]
struct Function {
    name: &'static str,
    run: Run,
}

impl Instance for Function {
    fn type_name(&self) -> &'static str {
        if matches!(self.name, "now" | "undef") { "function" } else { "type" }
    }

    fn str(&self) -> String {
        format!("<function {}>", self.name)
    }

    fn truthy(&self) -> bool {
        true
    }

    fn call(&self, args: &[Mj], keywords: &Keywords, _scope: &Scope) -> Option<Result<Mj, TemplateError>> {
        Some((self.run)(args, keywords))
    }

    fn is_callable(&self) -> bool {
        true
    }

    fn snapshot(&self) -> Option<Result<Value, TemplateError>> {
        None
    }
}

/// `lookup`, `query` and `q`: called by the evaluator, which knows their literal arguments.
#[derive(Debug)]
struct LookupFunction {
    list: bool,
}

impl Instance for LookupFunction {
    fn type_name(&self) -> &'static str {
        "function"
    }

    fn str(&self) -> String {
        format!("<function {}>", if self.list { "query" } else { "lookup" })
    }

    fn truthy(&self) -> bool {
        true
    }

    fn is_callable(&self) -> bool {
        true
    }

    fn snapshot(&self) -> Option<Result<Value, TemplateError>> {
        None
    }
}

pub(crate) fn is_lookup(value: &Mj) -> bool {
    Object::downcast::<LookupFunction>(value).is_some()
}

pub(crate) fn wants_list(value: &Mj) -> bool {
    Object::downcast::<LookupFunction>(value).is_some_and(|function| function.list)
}

/// The global of this name.
pub(crate) fn find(name: &str) -> Option<Mj> {
    let function = |name: &'static str, run: Run| Some(Object::value(Function { name, run }));
    match name {
        "omit" => Some(omit::omit()),
        "lookup" => Some(Object::value(LookupFunction { list: false })),
        "query" | "q" => Some(Object::value(LookupFunction { list: true })),
        "range" => function("range", range),
        "dict" => function("dict", dict),
        "namespace" => function("namespace", namespace),
        "cycler" => function("cycler", cycler),
        "joiner" => function("joiner", joiner),
        "now" => function("now", now),
        "undef" => function("undef", undef),
        _ => None,
    }
}

/// `range(start, stop, step)`: numbers on demand.
#[derive(Debug)]
struct Range {
    start: i64,
    stop: i64,
    step: i64,
}

impl Range {
    fn count(&self) -> usize {
        let span =
            if self.step > 0 { self.stop.saturating_sub(self.start) } else { self.start.saturating_sub(self.stop) };
        if span <= 0 { 0 } else { usize::try_from((span - 1) / self.step.saturating_abs() + 1).unwrap_or(0) }
    }
}

impl Instance for Range {
    fn type_name(&self) -> &'static str {
        "range"
    }

    fn str(&self) -> String {
        if self.step == 1 {
            format!("range({}, {})", self.start, self.stop)
        } else {
            format!("range({}, {}, {})", self.start, self.stop, self.step)
        }
    }

    fn item(&self, key: &Mj) -> Result<Option<Mj>, TemplateError> {
        let Some(index) = py::as_index(key) else { return Ok(None) };
        let count = self.count() as i64;
        let index = if index < 0 { index + count } else { index };
        Ok((0..count).contains(&index).then(|| Mj::from(self.start + index * self.step)))
    }

    fn is_sequence(&self) -> bool {
        true
    }

    fn items(&self) -> Option<Vec<Mj>> {
        Some((0..self.count() as i64).map(|i| Mj::from(self.start + i * self.step)).collect())
    }

    fn len(&self) -> Option<usize> {
        Some(self.count())
    }

    fn slice(&self, start: Option<i64>, stop: Option<i64>, step: Option<i64>) -> Option<Mj> {
        let count = self.count() as i64;
        let by = step.filter(|step| *step != 0).unwrap_or(1);
        let (low, high) = if by > 0 { (0, count) } else { (-1, count - 1) };
        let clamp = |at: i64| (if at < 0 { at + count } else { at }).clamp(low, high);
        let first = start.map_or(if by > 0 { low } else { high }, clamp);
        let last = stop.map_or(if by > 0 { high } else { low }, clamp);
        let at = |index: i64| self.start + index * self.step;
        Some(Object::value(Self { start: at(first), stop: at(last), step: self.step.checked_mul(by)? }))
    }

    fn compare(&self, other: &Mj) -> Option<std::cmp::Ordering> {
        let other = Object::downcast::<Self>(other)?;
        let same = self.count() == other.count()
            && (self.count() == 0 || self.start == other.start && (self.count() == 1 || self.step == other.step));
        same.then_some(std::cmp::Ordering::Equal)
    }

    fn contains(&self, key: &Mj) -> Option<bool> {
        let number = py::as_index(key)?;
        let (low, high) = if self.step > 0 { (self.start, self.stop - 1) } else { (self.stop + 1, self.start) };
        Some((low..=high).contains(&number) && (number - self.start) % self.step == 0)
    }

    fn snapshot(&self) -> Option<Result<Value, TemplateError>> {
        let message = "Type 'range' is unsupported for variable storage.";
        Some(Err(TemplateError::type_error(message).hint("make it a list with `| list`")))
    }
}

/// A range longer than this would not fit in memory as a list.
const LONGEST_RANGE: usize = py::limits::LONGEST_LIST;

fn range(args: &[Mj], _keywords: &Keywords) -> Result<Mj, TemplateError> {
    let mut bounds = Vec::new();
    for arg in args {
        let bound = py::as_index(arg).ok_or_else(|| {
            let message = format!("'{}' object cannot be interpreted as an integer", py::type_name(arg));
            TemplateError::type_error(message).hint("convert it with `| int`")
        })?;
        bounds.push(bound);
    }
    let range = match bounds[..] {
        [stop] => Range { start: 0, stop, step: 1 },
        [start, stop] => Range { start, stop, step: 1 },
        [_, _, 0] => return Err(TemplateError::value_error("range() arg 3 must not be zero")),
        [start, stop, step] => Range { start, stop, step },
        [] => return Err(TemplateError::type_error("range expected at least 1 argument, got 0")),
        _ => return Err(TemplateError::type_error(format!("range expected at most 3 arguments, got {}", args.len()))),
    };
    if range.count() > LONGEST_RANGE {
        return Err(TemplateError::value_error(format!(
            "a range of {} numbers would not fit in memory",
            range.count()
        )));
    }
    Ok(Object::value(range))
}

fn dict(args: &[Mj], keywords: &Keywords) -> Result<Mj, TemplateError> {
    let mut pairs = match args {
        [] => Vec::new(),
        [only] => py::pairs(only)?,
        more => return Err(TemplateError::type_error(format!("dict expected at most 1 argument, got {}", more.len()))),
    };
    pairs.extend(keywords.iter().map(|(key, value)| (Mj::from(Arc::clone(key)), value.clone())));
    py::dict(pairs)
}

/// `namespace()`: attributes that survive the end of a loop.
#[derive(Debug)]
struct Namespace(Mutex<IndexMap<String, Mj>>);

impl Namespace {
    fn lock(&self) -> std::sync::MutexGuard<'_, IndexMap<String, Mj>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Instance for Namespace {
    fn type_name(&self) -> &'static str {
        "Namespace"
    }

    fn str(&self) -> String {
        let entries = self.lock().clone();
        format!(
            "<Namespace {}>",
            py::repr(&py::dict_of(entries.iter().map(|(key, value)| (key.as_str(), value.clone()))))
        )
    }

    fn truthy(&self) -> bool {
        true
    }

    fn attr(&self, name: &str) -> Option<Mj> {
        self.lock().get(name).cloned()
    }

    fn item(&self, key: &Mj) -> Result<Option<Mj>, TemplateError> {
        Ok(key.as_str().and_then(|name| self.lock().get(name).cloned()))
    }

    fn set_attr(&self, name: &str, value: Mj) -> bool {
        self.lock().insert(name.to_owned(), value);
        true
    }

    fn snapshot(&self) -> Option<Result<Value, TemplateError>> {
        None
    }
}

fn namespace(args: &[Mj], keywords: &Keywords) -> Result<Mj, TemplateError> {
    let filled = dict(args, keywords)?;
    let entries =
        py::pairs(&filled)?.into_iter().filter_map(|(key, value)| Some((key.as_str()?.to_owned(), value))).collect();
    Ok(Object::value(Namespace(Mutex::new(entries))))
}

#[derive(Debug)]
struct Cycler {
    items: Vec<Mj>,
    at: Mutex<usize>,
}

impl Instance for Cycler {
    fn type_name(&self) -> &'static str {
        "Cycler"
    }

    fn str(&self) -> String {
        "<Cycler>".to_owned()
    }

    fn attr(&self, name: &str) -> Option<Mj> {
        let at = *self.at.lock().unwrap_or_else(PoisonError::into_inner);
        (name == "current").then(|| self.items[at].clone())
    }

    fn method(
        &self,
        name: &str,
        _args: &[Mj],
        _keywords: &Keywords,
        _scope: &Scope,
    ) -> Option<Result<Mj, TemplateError>> {
        let mut at = self.at.lock().unwrap_or_else(PoisonError::into_inner);
        match name {
            "next" => {
                let item = self.items[*at].clone();
                *at = (*at + 1) % self.items.len();
                Some(Ok(item))
            }
            "reset" => {
                *at = 0;
                Some(Ok(py::none()))
            }
            _ => None,
        }
    }

    fn snapshot(&self) -> Option<Result<Value, TemplateError>> {
        None
    }
}

fn cycler(args: &[Mj], _keywords: &Keywords) -> Result<Mj, TemplateError> {
    if args.is_empty() {
        return Err(TemplateError::type_error("at least one item has to be provided"));
    }
    Ok(Object::value(Cycler { items: args.to_vec(), at: Mutex::new(0) }))
}

#[derive(Debug)]
struct Joiner {
    separator: Mj,
    used: Mutex<bool>,
}

impl Instance for Joiner {
    fn type_name(&self) -> &'static str {
        "Joiner"
    }

    fn str(&self) -> String {
        "<Joiner>".to_owned()
    }

    fn call(&self, _args: &[Mj], _keywords: &Keywords, _scope: &Scope) -> Option<Result<Mj, TemplateError>> {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let first = !std::mem::replace(&mut *used, true);
        Some(Ok(if first { Mj::from("") } else { self.separator.clone() }))
    }

    fn is_callable(&self) -> bool {
        true
    }

    fn snapshot(&self) -> Option<Result<Value, TemplateError>> {
        None
    }
}

fn joiner(args: &[Mj], keywords: &Keywords) -> Result<Mj, TemplateError> {
    let separator = args.first().or_else(|| keywords.first().map(|(_, value)| value)).cloned();
    Ok(Object::value(Joiner { separator: separator.unwrap_or_else(|| Mj::from(", ")), used: Mutex::new(false) }))
}

fn now(args: &[Mj], keywords: &Keywords) -> Result<Mj, TemplateError> {
    let option = |at: usize, name: &str| {
        args.get(at).or_else(|| keywords.iter().find(|(key, _)| **key == *name).map(|(_, value)| value))
    };
    if let Some((name, _)) = keywords.iter().find(|(key, _)| !matches!(&**key, "utc" | "fmt")) {
        let message = format!("_now() got an unexpected keyword argument '{name}'");
        return Err(TemplateError::type_error(message).hint("the arguments of `now` are `utc` and `fmt`"));
    }
    let utc = option(0, "utc").is_some_and(Mj::is_true);
    let zone = if utc { jiff::tz::TimeZone::UTC } else { jiff::tz::TimeZone::system() };
    let moment = jiff::Timestamp::now().to_zoned(zone);
    let time =
        Time::DateTime(moment.datetime().round(jiff::Unit::Microsecond).unwrap_or_else(|_| moment.datetime()), None);
    match option(1, "fmt").filter(|format| !format.is_none()) {
        Some(format) => {
            let format =
                format.as_str().ok_or_else(|| TemplateError::type_error("now() argument 'fmt' must be a string"))?;
            let time = Time::DateTime(moment.datetime(), utc.then_some(jiff::tz::Offset::UTC));
            Ok(Mj::from(crate::pytime::format(&time, format)))
        }
        None => Ok(py::time(time)),
    }
}

/// What `undef()` says without a hint.
pub(crate) const NOT_OVERRIDDEN: &str = "Mandatory variable has not been overridden";

fn undef(args: &[Mj], keywords: &Keywords) -> Result<Mj, TemplateError> {
    let hint = args.first().or_else(|| keywords.first().map(|(_, value)| value)).filter(|hint| !hint.is_none());
    let message = match hint {
        Some(hint) => hint.as_str().map(str::to_owned).ok_or_else(|| {
            let name = py::type_name(hint);
            TemplateError::type_error(format!("The 'hint' argument must be of type 'str' or 'NoneType', not '{name}'."))
        })?,
        None => NOT_OVERRIDDEN.to_owned(),
    };
    Ok(py::marker(TemplateError::undefined(message)))
}

/// A macro's name and parameters.
#[derive(Debug)]
pub(crate) struct MacroSpec {
    pub(crate) name: Box<str>,
    pub(crate) params: Vec<Box<str>>,
    pub(crate) varargs: bool,
    pub(crate) kwargs: bool,
    pub(crate) caller: bool,
}

/// A macro as templates see it: binds arguments as Python would, then calls minijinja's.
#[derive(Debug)]
pub(crate) struct Macro {
    spec: Arc<MacroSpec>,
    inner: Mj,
}

/// Stands for a parameter that was not given.
#[derive(Debug)]
struct Missing;

impl Instance for Missing {
    fn type_name(&self) -> &'static str {
        "Undefined"
    }

    fn str(&self) -> String {
        String::new()
    }
}

pub(crate) fn missing() -> Mj {
    Object::value(Missing)
}

pub(crate) fn is_missing(value: &Mj) -> bool {
    Object::downcast::<Missing>(value).is_some()
}

/// The macro object around minijinja's own.
pub(crate) fn make_macro(spec: Arc<MacroSpec>, inner: Mj) -> Mj {
    Object::value(Macro { spec, inner })
}

pub(crate) fn macro_of(value: &Mj) -> Option<&Macro> {
    Object::downcast(value)
}

impl Macro {
    pub(crate) fn inner(&self) -> &Mj {
        &self.inner
    }

    /// The values of all parameters, then varargs, kwargs and caller where the body uses them.
    pub(crate) fn bind(&self, mut args: Vec<Mj>, mut keywords: Keywords) -> Result<Vec<Mj>, TemplateError> {
        let spec = &*self.spec;
        let name = &spec.name;
        let extra = if args.len() > spec.params.len() { args.split_off(spec.params.len()) } else { Vec::new() };
        if !extra.is_empty() && !spec.varargs {
            let message = format!("macro '{name}' takes not more than {} argument(s)", spec.params.len());
            return Err(TemplateError::type_error(message));
        }
        let mut values = args;
        let caller = keywords.iter().position(|(key, _)| **key == *"caller").map(|at| keywords.remove(at).1);
        for param in &spec.params[values.len()..] {
            let given = keywords.iter().position(|(key, _)| **key == **param).map(|at| keywords.remove(at).1);
            values.push(given.unwrap_or_else(missing));
        }
        if let Some((key, _)) = keywords.first().filter(|_| !spec.kwargs) {
            let error = TemplateError::type_error(format!("macro '{name}' takes no keyword argument '{key}'"));
            return Err(match rplay_diag::nearest(key, spec.params.iter().map(|param| &**param)) {
                Some(near) => error.hint(format!("there is a parameter `{near}`")),
                None => error,
            });
        }
        if spec.varargs {
            values.push(py::tuple(extra));
        }
        if spec.kwargs {
            values.push(py::dict_of(keywords.iter().map(|(key, value)| (&**key, value.clone()))));
        }
        match caller {
            Some(caller) if spec.caller => values.push(caller),
            None if spec.caller => {
                values
                    .push(py::marker(TemplateError::undefined("No caller defined").hint("call it with `{% call %}`")));
            }
            Some(_) => {
                return Err(TemplateError::type_error(format!(
                    "macro '{name}' was invoked with two values for the special caller argument. This is most likely a bug."
                )));
            }
            None => {}
        }
        Ok(values)
    }
}

impl Instance for Macro {
    fn type_name(&self) -> &'static str {
        "Macro"
    }

    fn str(&self) -> String {
        format!("<Macro '{}'>", self.spec.name)
    }

    fn truthy(&self) -> bool {
        true
    }

    fn attr(&self, name: &str) -> Option<Mj> {
        Some(match name {
            "name" => Mj::from(&*self.spec.name),
            "arguments" => py::tuple(self.spec.params.iter().map(|param| Mj::from(&**param)).collect()),
            "catch_varargs" => Mj::from(self.spec.varargs),
            "catch_kwargs" => Mj::from(self.spec.kwargs),
            "caller" => Mj::from(self.spec.caller),
            _ => return None,
        })
    }

    fn is_callable(&self) -> bool {
        true
    }

    fn snapshot(&self) -> Option<Result<Value, TemplateError>> {
        None
    }
}
