//! minijinja's side: the environment that runs lowered templates, and the calls they make.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use minijinja::value::{Object as MjObject, ObjectRepr, Rest};
use minijinja::{Environment, Error, State, Value as Mj};
use rplay_diag::Span;
use rplay_value::Text;

use crate::eval::{Eval, Vm};
use crate::lower::{self, Entry, Load, Lowered};
use crate::syntax::{Stmt, Syntax};
use crate::{ErrorKind, Scope, TemplateError, globals, omit, py};

/// Surrounds the number of a captured value in the output. Noncharacters: no text has them on purpose.
const OPEN: char = '\u{fdd0}';
const CLOSE: char = '\u{fdd1}';

/// Everything lowered so far: sources by key, and what their calls mean. It only grows, by distinct template text.
#[derive(Default)]
pub(crate) struct Store {
    entries: RwLock<Vec<Arc<Placed>>>,
    sources: RwLock<Vec<Arc<str>>>,
}

/// An entry and the text it comes from.
struct Placed {
    entry: Entry,
    place: Arc<Place>,
}

/// Where a template's text is.
pub(crate) struct Place {
    pub(crate) text: Text,
    /// The file, when it is one: includes are looked for beside it first.
    pub(crate) path: Option<PathBuf>,
    pub(crate) load: Load,
    /// How it was read: what it includes is read the same way.
    pub(crate) syntax: Arc<Syntax>,
}

impl Store {
    /// Lowers a template and gives its key.
    pub(crate) fn add(&self, body: Vec<Stmt>, place: Place) -> String {
        let place = Arc::new(place);
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        let output = lower::lower(body, place.load, entries.len());
        entries.extend(output.entries.into_iter().map(|entry| Arc::new(Placed { entry, place: Arc::clone(&place) })));
        drop(entries);
        let mut sources = self.sources.write().unwrap_or_else(PoisonError::into_inner);
        sources.push(output.source.into());
        format!("t{}", sources.len() - 1)
    }

    fn entry(&self, id: usize) -> Option<Arc<Placed>> {
        self.entries.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    fn source(&self, key: &str) -> Option<String> {
        let id: usize = key.strip_prefix('t')?.parse().ok()?;
        self.sources.read().unwrap_or_else(PoisonError::into_inner).get(id).map(std::string::ToString::to_string)
    }
}

/// The first thing missing that a render has put out: it is what fails, whatever fails after it.
type FirstMissing = Arc<OnceLock<TemplateError>>;

/// The root of a lowered template's names: it only carries the scope.
#[derive(Debug)]
struct Root(Scope, FirstMissing);

impl MjObject for Root {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Mj> {
        (key == "__scope").then(|| Mj::from_object(Carried(self.0.clone(), Arc::clone(&self.1))))
    }

    fn get_value(self: &Arc<Self>, key: &Mj) -> Option<Mj> {
        self.get_value_by_str(key.as_str()?)
    }
}

#[derive(Debug)]
struct Carried(Scope, FirstMissing);

impl MjObject for Carried {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }
}

/// The render's scope and the values emitted so far that are no text.
struct Run {
    scope: Scope,
    captured: Vec<Mj>,
    first_missing: FirstMissing,
}

fn run<'a>(state: &'a mut State<'_, '_>) -> Result<&'a mut Run, Error> {
    if state.get_extension::<Run>().is_none() {
        let carried = state.lookup("__scope");
        let Some(Carried(scope, first)) = carried.as_ref().and_then(|value| value.downcast_object_ref::<Carried>())
        else {
            return Err(TemplateError::new(ErrorKind::Type, "the template ran outside of a scope").into_minijinja());
        };
        return Ok(state.get_or_insert_extension(Run {
            scope: scope.clone(),
            captured: Vec::new(),
            first_missing: Arc::clone(first),
        }));
    }
    state
        .get_extension_mut::<Run>()
        .ok_or_else(|| TemplateError::new(ErrorKind::Type, "the template ran outside of a scope").into_minijinja())
}

struct StateVm<'a, 't, 'e>(&'a mut State<'t, 'e>);

impl Vm for StateVm<'_, '_, '_> {
    fn call(&mut self, callee: &Mj, args: &[Mj]) -> Result<Mj, TemplateError> {
        let result = callee.call(self.0, args).map_err(|error| TemplateError::from_minijinja(&error))?;
        resolve_in(self.0, result)
    }

    fn call_method(&mut self, owner: &Mj, name: &str, args: &[Mj]) -> Result<Mj, TemplateError> {
        owner.call_method(self.0, name, args).map_err(|error| TemplateError::from_minijinja(&error))
    }
}

/// Captured text as a value: one captured value alone is itself.
fn resolve_in(state: &mut State<'_, '_>, value: Mj) -> Result<Mj, TemplateError> {
    let Some(text) = value.as_str() else { return Ok(value) };
    if text.is_empty() {
        return Ok(py::none());
    }
    if !text.contains(OPEN) {
        return Ok(value);
    }
    let captured = &state
        .get_extension::<Run>()
        .ok_or_else(|| TemplateError::type_error("the template ran outside of a scope"))?
        .captured;
    resolve(text, captured)
}

/// Output with captured values as a value: a single one is itself, otherwise everything becomes text.
pub(crate) fn resolve(text: &str, captured: &[Mj]) -> Result<Mj, TemplateError> {
    let mut nodes: Vec<Mj> = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(OPEN) {
        if at > 0 {
            nodes.push(Mj::from(&rest[..at]));
        }
        let after = &rest[at + OPEN.len_utf8()..];
        let Some((number, tail)) = after.split_once(CLOSE) else { break };
        if let Some(value) = number.parse::<usize>().ok().and_then(|number| captured.get(number)) {
            nodes.push(value.clone());
        }
        rest = tail;
    }
    if !rest.is_empty() {
        nodes.push(Mj::from(rest));
    }
    join(nodes)
}

/// What a template's nodes amount to: nothing is `None`, a single one is itself, more are text.
pub(crate) fn join(mut nodes: Vec<Mj>) -> Result<Mj, TemplateError> {
    match nodes.len() {
        0 => Ok(py::none()),
        1 => Ok(nodes.remove(0)),
        _ => {
            let mut out = String::new();
            for node in nodes.iter().filter(|node| !omit::is_omit(node)) {
                push(node, &mut out)?;
            }
            Ok(Mj::from(out))
        }
    }
}

/// Appends a node's text. Tuples show as lists, omitted elements are left out.
pub(crate) fn push(node: &Mj, out: &mut String) -> Result<(), TemplateError> {
    match py::kind(node) {
        py::Kind::Str(text) => out.push_str(text),
        py::Kind::List(_) | py::Kind::Tuple(_) | py::Kind::Dict(_) => out.push_str(&py::to_value(node)?.to_str()),
        _ => {
            py::trip(node)?;
            py::str_into(node, out);
        }
    }
    Ok(())
}

enum Operation {
    Value,
    Lenient,
    Truth,
    Iterate,
    /// The items of a loop over several names, each of which is unpacked.
    Unpack,
    /// A value that several names take apart.
    Spread,
    Nothing,
}

fn id(args: &[Mj]) -> usize {
    args.first().and_then(Mj::as_usize).unwrap_or(usize::MAX)
}

fn lost() -> TemplateError {
    TemplateError::new(ErrorKind::Type, "the template refers to an expression that is not there")
}

fn evaluate(store: &Store, state: &mut State<'_, '_>, args: &[Mj], operation: &Operation) -> Result<Mj, Error> {
    let placed = store.entry(id(args)).ok_or_else(|| lost().into_minijinja())?;
    let Entry::Expr(lowered) = &placed.entry else { return Err(lost().into_minijinja()) };
    let scope = run(state)?.scope.clone();
    let result = calculate(state, &scope, lowered, &placed.place, &args[1..], operation);
    result.map_err(|error| locate(error, &scope, &placed.place).into_minijinja())
}

fn locate(error: TemplateError, scope: &Scope, place: &Place) -> TemplateError {
    if error.span().is_some() {
        return error;
    }
    let span: Option<Span> = crate::error::refine(scope.engine().sources(), &place.text, error.offset());
    error.located(span)
}

fn calculate(
    state: &mut State<'_, '_>,
    scope: &Scope,
    lowered: &Lowered,
    place: &Place,
    args: &[Mj],
    operation: &Operation,
) -> Result<Mj, TemplateError> {
    let (raw, values) = args.split_at(lowered.hoisted.min(args.len()));
    let hoisted = raw.iter().map(|value| resolve_in(state, value.clone())).collect::<Result<Vec<_>, _>>()?;
    let mut vm = StateVm(state);
    let mut eval = Eval {
        scope,
        names: &lowered.names,
        values,
        hoisted: &hoisted,
        context: place.load != Load::Bare,
        embedded: false,
        vm: Some(&mut vm),
    };
    Ok(match operation {
        Operation::Value => eval.eval(&lowered.expr)?,
        Operation::Lenient => eval.lenient(&lowered.expr)?,
        Operation::Truth => Mj::from(eval.truth(&lowered.expr)?),
        Operation::Nothing => {
            let value = eval.eval(&lowered.expr)?;
            py::trip(&value)?;
            Mj::from(false)
        }
        Operation::Spread => {
            let value = eval.eval(&lowered.expr)?;
            unpack(&value).map_err(|error| error.at_offset(lowered.expr.start as usize, lowered.expr.end as usize))?
        }
        Operation::Iterate | Operation::Unpack => {
            let value = eval.eval(&lowered.expr)?;
            let at = |error: TemplateError| error.at_offset(lowered.expr.start as usize, lowered.expr.end as usize);
            match py::kind(&value) {
                _ if matches!(operation, Operation::Unpack) => {
                    let items = py::iterate(&value).map_err(at)?;
                    py::list(items.iter().map(unpack).collect::<Result<_, _>>().map_err(at)?)
                }
                py::Kind::List(_) => value,
                _ => py::list(py::iterate(&value).map_err(at)?),
            }
        }
    })
}

/// An item that several names take apart: what Python iterates over becomes a list.
fn unpack(item: &Mj) -> Result<Mj, TemplateError> {
    match py::kind(item) {
        py::Kind::List(_) | py::Kind::Tuple(_) => Ok(item.clone()),
        _ if py::is_iterable(item) => Ok(py::list(py::iterate(item)?)),
        _ => {
            py::trip(item)?;
            Err(TemplateError::type_error(format!("cannot unpack non-iterable {} object", py::type_name(item))))
        }
    }
}

/// The key of an included template.
fn load(store: &Store, state: &mut State<'_, '_>, args: &[Mj], load: Load, maybe: bool) -> Result<Mj, Error> {
    let names = evaluate(store, state, args, &Operation::Value)?;
    let placed = store.entry(id(args)).ok_or_else(|| lost().into_minijinja())?;
    let scope = run(state)?.scope.clone();
    let find = || -> Result<Mj, TemplateError> {
        py::trip(&names)?;
        let names = match names.as_str() {
            Some(_) => vec![names.clone()],
            None => py::iterate(&names)?,
        };
        for name in &names {
            let name = name.as_str().ok_or_else(|| TemplateError::type_error("a template's name must be a string"))?;
            if let Some(path) = beside(&scope, placed.place.path.as_deref(), name) {
                return scope.engine().load(&path, load, &placed.place.syntax).map(Mj::from);
            }
        }
        if maybe {
            return Ok(Mj::from("empty"));
        }
        let shown: Vec<&str> = names.iter().filter_map(Mj::as_str).collect();
        let error = TemplateError::file(match shown[..] {
            [one] => format!("'{one}' not found in search path: '{}'", scope.surroundings().basedir.display()),
            _ => format!("none of the templates given were found: {}", shown.join(", ")),
        });
        Err(error.hint("templates are looked for beside the including file and in the `templates` folders of the role and the playbook"))
    };
    find().map_err(|error| locate(error, &scope, &placed.place).into_minijinja())
}

fn beside(scope: &Scope, from: Option<&std::path::Path>, name: &str) -> Option<PathBuf> {
    let near = from.and_then(|path| path.parent()).map(|folder| folder.join(name));
    match near {
        Some(near) if scope.engine().files().exists(&near) => Some(near),
        _ => scope.find_file("templates", name),
    }
}

/// The environment that runs what is in the store.
pub(crate) fn environment(store: &Arc<Store>) -> Environment<'static> {
    let mut env = Environment::empty();
    env.set_undefined_behavior(minijinja::UndefinedBehavior::Lenient);
    env.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    if let Ok(syntax) = minijinja::syntax::SyntaxConfig::builder().keep_trailing_newline(true).build() {
        env.set_syntax(syntax);
    }
    env.set_formatter(|out, state, value| {
        if let Some(text) = value.as_str()
            && !text.is_empty()
            && !text.contains(OPEN)
        {
            return out.write_str(text).map_err(Error::from);
        }
        if value.is_none() || value.is_undefined() {
            return Ok(());
        }
        let run = run(state)?;
        if let Err(error) = py::trip(value) {
            _ = run.first_missing.set(error);
        }
        run.captured.push(value.clone());
        write!(out, "{OPEN}{}{CLOSE}", run.captured.len() - 1).map_err(Error::from)
    });
    let sources = Arc::clone(store);
    env.set_loader(move |key| if key == "empty" { Ok(Some(String::new())) } else { Ok(sources.source(key)) });
    let operations = [
        ("__x", Operation::Lenient),
        ("__v", Operation::Value),
        ("__t", Operation::Truth),
        ("__iter", Operation::Iterate),
        ("__items", Operation::Unpack),
        ("__spread", Operation::Spread),
        ("__do", Operation::Nothing),
    ];
    for (name, operation) in operations {
        let store = Arc::clone(store);
        env.add_function(name, move |state: &mut State<'_, '_>, args: Rest<Mj>| {
            evaluate(&store, state, &args, &operation)
        });
    }
    let loads = [
        ("__load", Load::Context, false),
        ("__load_maybe", Load::Context, true),
        ("__load_bare", Load::Bare, false),
        ("__load_bare_maybe", Load::Bare, true),
    ];
    for (name, how, maybe) in loads {
        let store = Arc::clone(store);
        env.add_function(name, move |state: &mut State<'_, '_>, args: Rest<Mj>| load(&store, state, &args, how, maybe));
    }
    let params = Arc::clone(store);
    env.add_function("__p", move |state: &mut State<'_, '_>, args: Rest<Mj>| match args.get(1) {
        Some(given) if !globals::is_missing(given) && !given.is_undefined() => Ok(given.clone()),
        _ => evaluate(&params, state, &args, &Operation::Lenient),
    });
    let macros = Arc::clone(store);
    env.add_function("__mk", move |args: Rest<Mj>| -> Result<Mj, Error> {
        let placed = macros.entry(id(&args)).ok_or_else(|| lost().into_minijinja())?;
        match (&placed.entry, args.get(1)) {
            (Entry::Macro(spec), Some(inner)) => Ok(globals::make_macro(Arc::clone(spec), inner.clone())),
            _ => Err(lost().into_minijinja()),
        }
    });
    env
}

/// Runs a lowered template.
pub(crate) fn render(env: &Environment<'static>, key: &str, scope: &Scope) -> Result<Mj, TemplateError> {
    let own = |error: Error| TemplateError::from_minijinja(&error);
    let template = env.get_template(key).map_err(own)?;
    let first = FirstMissing::default();
    let context = Mj::from_object(Root(scope.clone(), Arc::clone(&first)));
    let captured = match template.render_captured(context) {
        Ok(captured) => captured,
        Err(error) => return Err(first.get().cloned().unwrap_or_else(|| own(error))),
    };
    let output = captured.output();
    if output.is_empty() {
        return Ok(py::none());
    }
    if !output.contains(OPEN) {
        return Ok(Mj::from(output));
    }
    let empty = Vec::new();
    let values = captured.state().get_extension::<Run>().map_or(&empty, |run| &run.captured);
    resolve(output, values)
}
