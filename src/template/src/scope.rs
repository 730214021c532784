//! The variables a template sees: looked up by name, rendered when read, remembered while the scope lives.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use foldhash::fast::RandomState;
use minijinja::Value as Mj;
use rplay_diag::Span;
use rplay_value::{Text, Value, Vaulted};

use crate::frame;
use crate::py::{self, Instance, Object, wrap};
use crate::{Engine, ErrorKind, TemplateError};

/// Where variables come from. The engine's layers implement this.
pub trait Variables: Send + Sync {
    /// The variable of this name.
    fn get(&self, name: &str) -> Option<Slot>;
    /// Every name, for `vars`, `varnames` and suggestions.
    fn names(&self) -> Vec<Text>;
}

/// What a name stands for.
#[derive(Clone)]
pub enum Slot {
    /// Rendered when it is read: trusted template text in it is a template.
    Lazy(Value),
    /// Data, never rendered.
    Done(Value),
    /// As [`Slot::Done`], and something at work may replace it: see [`crate::Ahead`].
    Awaited(Value),
    /// A mapping whose entries are found on demand, such as `hostvars`.
    Namespace(Arc<dyn Variables>),
    /// The variables of another scope as a mapping, rendered there: `hostvars['h']`, `vars`.
    Scoped(Scope),
}

/// Where a task stands: the folders its files are searched in.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// The playbook's folder.
    pub basedir: PathBuf,
    /// Folders in which files are looked for, nearest first: the task file's, the role's, the playbook's.
    pub search_path: Vec<PathBuf>,
}

/// The variables of one host at one point of a run. Cheap to clone; what was rendered is remembered until the last
/// clone is gone.
#[derive(Clone)]
pub struct Scope {
    inner: Arc<Inner>,
    /// Held by everyone but the values inside the scope's own cache, so that those never keep it alive.
    _handle: Option<Arc<Handle>>,
}

struct Handle(Arc<Inner>);

impl Drop for Handle {
    fn drop(&mut self) {
        let gone = std::mem::take(&mut *lock(&self.0.cache));
        drop(gone);
    }
}

type Cache = HashMap<Box<str>, Cached, RandomState>;

/// Variables' values by name.
pub(crate) type Memory = HashMap<Box<str>, Mj, RandomState>;

#[derive(Clone)]
struct Cached {
    value: Mj,
    /// Whether scopes with further overlays may use it: it depends on no overlay and on no missing name.
    shared: bool,
}

struct Inner {
    variables: Arc<dyn Variables>,
    surroundings: Arc<Surroundings>,
    overlays: Vec<(Box<str>, Slot)>,
    /// What stands for names that are no variables otherwise.
    beneath: Option<Arc<dyn Variables>>,
    /// The scope without overlays, when what it rendered holds here too.
    base: Option<Arc<Inner>>,
    cache: Mutex<Cache>,
    engine: OnceLock<Engine>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scope")
    }
}

thread_local! {
    /// The variables being rendered on this thread, outermost first, with the scope each belongs to.
    static RENDERING: RefCell<Vec<(usize, Box<str>)>> = const { RefCell::new(Vec::new()) };
    /// What the current rendering depended on: see [`OVERLAY`] and [`MISSING`].
    static DEPENDS: Cell<u8> = const { Cell::new(0) };
}

/// The rendering read an overlay.
const OVERLAY: u8 = 1;
/// The rendering asked for a name that is not there.
const MISSING: u8 = 2;

/// Variables nested deeper than this refer to one another in a circle.
const DEEPEST: usize = 100;

/// Stack left below which a fresh segment is taken, and its size.
pub(crate) const RED_ZONE: usize = 256 * 1024;
pub(crate) const SEGMENT: usize = 4 * 1024 * 1024;

impl Scope {
    /// A scope over some variables.
    pub fn new(variables: Arc<dyn Variables>, surroundings: Arc<Surroundings>) -> Self {
        Self::of(Inner {
            variables,
            surroundings,
            overlays: Vec::new(),
            beneath: None,
            base: None,
            cache: Mutex::default(),
            engine: OnceLock::new(),
        })
    }

    fn of(inner: Inner) -> Self {
        let inner = Arc::new(inner);
        Self { _handle: Some(Arc::new(Handle(Arc::clone(&inner)))), inner }
    }

    /// The same variables with one more in front, as data (a loop's `item`).
    #[must_use]
    pub fn with(&self, name: &str, value: Value) -> Self {
        self.with_slot(name, Slot::Done(value))
    }

    /// The same variables with one more in front.
    #[must_use]
    pub fn with_slot(&self, name: &str, slot: Slot) -> Self {
        let root = self.inner.base.as_ref().unwrap_or(&self.inner);
        let unshared = self.inner.base.is_none() && !self.inner.overlays.is_empty();
        // What was rendered without the overlay is wrong as soon as the overlay hides a variable.
        let hides = unshared || self.inner.variables.get(name).is_some();
        // One of the same name is replaced: a loop that sets a variable at every item must not grow with its items.
        let others = self.inner.overlays.iter().filter(|(other, _)| **other != *name);
        let mut overlays: Vec<(Box<str>, Slot)> = others.cloned().collect();
        overlays.push((name.into(), slot));
        Self::of(Inner {
            variables: Arc::clone(&self.inner.variables),
            surroundings: Arc::clone(&self.inner.surroundings),
            overlays,
            beneath: self.inner.beneath.clone(),
            base: (!hides).then(|| Arc::clone(root)),
            cache: Mutex::default(),
            engine: self.inner.engine.get().cloned().map(OnceLock::from).unwrap_or_default(),
        })
    }

    /// The same variables, with further ones for names that have none: how a task's host is reached.
    #[must_use]
    pub fn above(&self, beneath: Arc<dyn Variables>) -> Self {
        let root = self.inner.base.as_ref().unwrap_or(&self.inner);
        let shares = self.inner.beneath.is_none() && (self.inner.base.is_some() || self.inner.overlays.is_empty());
        Self::of(Inner {
            variables: Arc::clone(&self.inner.variables),
            surroundings: Arc::clone(&self.inner.surroundings),
            overlays: self.inner.overlays.clone(),
            beneath: Some(beneath),
            base: shares.then(|| Arc::clone(root)),
            cache: Mutex::default(),
            engine: self.inner.engine.get().cloned().map(OnceLock::from).unwrap_or_default(),
        })
    }

    /// The same variables for a task that stands elsewhere.
    #[must_use]
    pub fn at(&self, surroundings: Arc<Surroundings>) -> Self {
        Self::of(Inner {
            variables: Arc::clone(&self.inner.variables),
            surroundings,
            overlays: self.inner.overlays.clone(),
            beneath: self.inner.beneath.clone(),
            base: None,
            cache: Mutex::default(),
            engine: self.inner.engine.get().cloned().map(OnceLock::from).unwrap_or_default(),
        })
    }

    /// Where the task stands.
    pub fn surroundings(&self) -> &Surroundings {
        &self.inner.surroundings
    }

    /// The engine that renders in this scope.
    pub fn engine(&self) -> &Engine {
        self.inner.engine.get_or_init(Engine::bare)
    }

    pub(crate) fn bind(&self, engine: &Engine) {
        if self.inner.engine.get().is_none() {
            _ = self.inner.engine.set(engine.clone());
        }
    }

    /// For values kept in this scope's own cache: does not keep the cache alive.
    pub(crate) fn weak(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), _handle: None }
    }

    /// Whether both are the same variables with the same memory.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    /// Takes what can be changed in place out of the scope's memory.
    pub(crate) fn take_containers(&self) -> Memory {
        let mut taken = Memory::default();
        let levels = std::iter::once(&self.inner).chain(self.inner.base.as_ref());
        for (depth, level) in levels.enumerate() {
            let hidden: Vec<&str> = self.inner.overlays.iter().map(|(name, _)| &**name).collect();
            for (name, cached) in lock(&level.cache).extract_if(|_, cached| can_change(&cached.value)) {
                if !taken.contains_key(&name) && (depth == 0 || !hidden.contains(&&*name)) {
                    taken.insert(name, cached.value);
                }
            }
        }
        taken
    }

    /// The value of a variable, rendered. `None` when there is no such name; a failure comes back as a marker.
    pub fn get(&self, name: &str) -> Option<Mj> {
        let inner = &self.inner;
        if let Some(value) = frame::recall(self, name) {
            depend(OVERLAY);
            return Some(value);
        }
        if let Some(cached) = lock(&inner.cache).get(name) {
            if !cached.shared {
                depend(OVERLAY);
            }
            return Some(cached.value.clone());
        }
        let overlay = inner.overlays.iter().rev().find(|(key, _)| **key == *name);
        if overlay.is_none()
            && let Some(base) = &inner.base
            && let Some(cached) = lock(&base.cache).get(name).filter(|cached| cached.shared)
        {
            return Some(cached.value.clone());
        }
        let slot = match overlay {
            Some((_, slot)) => {
                depend(OVERLAY);
                slot.clone()
            }
            None => {
                if let Some(slot) = inner.variables.get(name) {
                    slot
                } else {
                    depend(MISSING);
                    inner.beneath.as_ref()?.get(name)?
                }
            }
        };
        let before = DEPENDS.replace(0);
        let (value, keep) = self.read(name, slot);
        let depends = DEPENDS.get();
        DEPENDS.set(before | depends);
        if keep && value.downcast_object_ref::<py::Marker>().is_none() {
            if can_change(&value) && frame::remember(self, name, &value) {
                return Some(value);
            }
            let shared = overlay.is_none() && depends == 0 && is_free(&value);
            let cached = Cached { value: value.clone(), shared };
            let place = if shared { inner.base.as_ref().unwrap_or(inner) } else { inner };
            lock(&place.cache).insert(name.into(), cached);
        }
        Some(value)
    }

    /// The value of a slot, and whether it is worth remembering.
    fn read(&self, name: &str, slot: Slot) -> (Mj, bool) {
        match slot {
            Slot::Awaited(value) => {
                crate::ahead::read();
                (wrap(&value, None), false)
            }
            Slot::Done(Value::Vault(vaulted)) => {
                (self.decrypt(&vaulted).map_or_else(py::marker, |text| py::from_text(&text)), true)
            }
            Slot::Done(value) => (wrap(&value, None), matches!(value, Value::List(_) | Value::Map(_))),
            Slot::Lazy(value) => match &value {
                Value::Text(text) if text.is_template() => {
                    let render = frame::next();
                    let value = self.nested(name, text.origin(), || self.render_text(text));
                    let value = if self.engine().profile().nested_undefined { value } else { py::insist(value) };
                    (py::separate(value, render), true)
                }
                Value::Vault(vaulted) => {
                    (self.decrypt(vaulted).map_or_else(py::marker, |text| py::from_text(&text)), true)
                }
                Value::List(_) | Value::Map(_) => (wrap(&value, Some(&self.weak())), true),
                _ => (wrap(&value, None), false),
            },
            Slot::Namespace(variables) => (Object::value(Namespace { variables, scope: self.weak() }), true),
            Slot::Scoped(scope) => {
                scope.bind(self.engine());
                let kind = if name == "vars" { "dict" } else { "HostVarsVars" };
                (Object::value(Others { scope, kind }), true)
            }
        }
    }

    /// Renders one variable, watching for circles.
    fn nested(&self, name: &str, origin: Option<Span>, render: impl FnOnce() -> Result<Mj, TemplateError>) -> Mj {
        let key = Arc::as_ptr(&self.inner) as usize;
        let circle = RENDERING.with_borrow_mut(|stack| {
            let seen = stack.iter().position(|(scope, other)| *scope == key && **other == *name);
            match seen {
                Some(at) => Some(stack[at..].iter().map(|(_, name)| name.to_string()).collect::<Vec<_>>()),
                None if stack.len() >= DEEPEST => {
                    Some(stack[stack.len() - 8..].iter().map(|(_, name)| name.to_string()).collect())
                }
                None => {
                    stack.push((key, name.into()));
                    None
                }
            }
        });
        if let Some(mut chain) = circle {
            chain.push(name.to_owned());
            let message = format!("Recursive loop detected in template: {}", chain.join(" -> "));
            let error =
                TemplateError::new(ErrorKind::Recursion, message).located(origin).labelled("this needs its own value");
            return py::marker(
                error.hint("a variable cannot be defined through itself: give one of them another name"),
            );
        }
        let result = stacker::maybe_grow(RED_ZONE, SEGMENT, render);
        RENDERING.with_borrow_mut(Vec::pop);
        result.unwrap_or_else(|error| py::marker(error.through_variable(name, origin)))
    }

    /// Renders trusted text to a value of its native type.
    pub(crate) fn render_text(&self, text: &Text) -> Result<Mj, TemplateError> {
        self.engine().run_text(text, self)
    }

    pub(crate) fn decrypt(&self, vaulted: &Vaulted) -> Result<Text, TemplateError> {
        self.engine().decrypt(vaulted)
    }

    /// Every variable's name, overlays first.
    pub fn names(&self) -> Vec<Text> {
        let mut names: Vec<Text> = self.inner.overlays.iter().map(|(name, _)| Text::data(&**name)).collect();
        names.extend(self.inner.variables.names());
        names
    }

    /// A variable as it was written, nothing rendered.
    pub(crate) fn written(&self, name: &str) -> Option<Value> {
        let overlay = self.inner.overlays.iter().rev().find(|(key, _)| **key == *name).map(|(_, slot)| slot.clone());
        match overlay.or_else(|| self.inner.variables.get(name))? {
            Slot::Lazy(value) | Slot::Done(value) | Slot::Awaited(value) => Some(value),
            Slot::Namespace(_) | Slot::Scoped(_) => None,
        }
    }

    /// Whether a variable is a `!vault` value as it was written.
    pub(crate) fn is_vaulted(&self, name: &str) -> bool {
        matches!(self.written(name), Some(Value::Vault(_)))
    }

    /// Whether a variable was written as a number, a boolean or nothing, and not as text.
    pub(crate) fn is_scalar(&self, name: &str) -> bool {
        matches!(self.written(name), Some(Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_)))
    }

    /// Whether there is a variable of this name.
    pub fn has(&self, name: &str) -> bool {
        self.inner.overlays.iter().any(|(key, _)| **key == *name)
            || self.inner.variables.get(name).is_some()
            || self.inner.beneath.as_ref().is_some_and(|beneath| beneath.get(name).is_some())
    }
}

fn depend(on: u8) {
    DEPENDS.set(DEPENDS.get() | on);
}

/// Whether a value is, or may hold, something that methods change.
fn can_change(value: &Mj) -> bool {
    matches!(
        py::kind(value),
        py::Kind::List(_) | py::Kind::Dict(_) | py::Kind::Tuple(_) | py::Kind::Object(_) | py::Kind::Foreign
    )
}

/// Whether a value renders nothing when it is read, so that it means the same in every scope.
fn is_free(value: &Mj) -> bool {
    match py::kind(value) {
        py::Kind::List(list) => !list.is_bound() && (list.plain().is_some() || list.items().iter().all(is_free)),
        py::Kind::Dict(dict) => {
            !dict.is_bound() && (dict.plain().is_some() || dict.pairs().iter().all(|(_, value)| is_free(value)))
        }
        py::Kind::Tuple(items) => items.iter().all(is_free),
        py::Kind::Object(_) | py::Kind::Foreign | py::Kind::Marker(_) => false,
        _ => true,
    }
}

/// A mapping whose entries the engine finds on demand.
struct Namespace {
    variables: Arc<dyn Variables>,
    scope: Scope,
}

impl fmt::Debug for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Namespace")
    }
}

/// The variables of another scope as a mapping.
#[derive(Debug)]
struct Others {
    scope: Scope,
    /// The name of its Python type.
    kind: &'static str,
}

/// What both lazy mappings share: Python's read-only mapping methods over names and a getter.
trait LazyMapping: fmt::Debug + Send + Sync + 'static {
    /// The name of its Python type.
    fn kind(&self) -> &'static str;
    fn find(&self, name: &str) -> Option<Mj>;
    /// What there is in place of a missing entry, where that is not the usual error.
    fn missing(&self, _name: &str) -> Option<Mj> {
        None
    }
    fn all(&self) -> Vec<Text>;
    /// Whether there is an entry; nothing is rendered and nothing listed for it.
    fn holds(&self, name: &str) -> bool;

    fn entries(&self) -> Vec<(Mj, Mj)> {
        self.all().iter().filter_map(|name| Some((Mj::from(name.shared()), self.find(name)?))).collect()
    }
}

impl LazyMapping for Namespace {
    fn kind(&self) -> &'static str {
        "HostVars"
    }

    fn find(&self, name: &str) -> Option<Mj> {
        let slot = self.variables.get(name)?;
        Some(self.scope.read(name, slot).0)
    }

    fn missing(&self, name: &str) -> Option<Mj> {
        Some(py::marker(TemplateError::undefined(format!("hostvars['{name}']"))))
    }

    fn all(&self) -> Vec<Text> {
        self.variables.names()
    }

    fn holds(&self, name: &str) -> bool {
        self.variables.get(name).is_some()
    }
}

impl Others {
    /// `vars` does not hold itself.
    fn is_self(&self, name: &str) -> bool {
        self.kind == "dict" && name == "vars"
    }
}

impl LazyMapping for Others {
    fn kind(&self) -> &'static str {
        self.kind
    }

    fn find(&self, name: &str) -> Option<Mj> {
        if self.is_self(name) {
            return None;
        }
        self.scope.get(name)
    }

    fn all(&self) -> Vec<Text> {
        let mut seen = std::collections::HashSet::new();
        self.scope.names().into_iter().filter(|name| !self.is_self(name) && seen.insert(name.shared())).collect()
    }

    fn holds(&self, name: &str) -> bool {
        !self.is_self(name) && self.scope.has(name)
    }
}

macro_rules! mapping_instance {
    ($name:ty) => {
        impl Instance for $name {
            fn type_name(&self) -> &'static str {
                self.kind()
            }

            fn str(&self) -> String {
                let dict = py::dict(self.entries()).unwrap_or_default();
                py::repr(&dict)
            }

            fn truthy(&self) -> bool {
                !self.all().is_empty()
            }

            fn item(&self, key: &Mj) -> Result<Option<Mj>, TemplateError> {
                Ok(key.as_str().and_then(|name| self.find(name).or_else(|| self.missing(name))))
            }

            fn method(
                &self,
                name: &str,
                args: &[Mj],
                keywords: &crate::plugin::Keywords,
                scope: &Scope,
            ) -> Option<Result<Mj, TemplateError>> {
                if name == "get" {
                    let found = args.first().and_then(Mj::as_str).and_then(|name| self.find(name));
                    return Some(Ok(found.or_else(|| args.get(1).cloned()).unwrap_or_else(py::none)));
                }
                if name == "keys" {
                    let items = self.items().unwrap_or_default();
                    return Some(Ok(py::list(items)));
                }
                let dict = match py::dict(self.entries()) {
                    Ok(dict) => dict,
                    Err(error) => return Some(Err(error)),
                };
                Some(py::call_method(&dict, name, args, keywords, scope))
            }

            fn is_mapping(&self) -> bool {
                true
            }

            fn is_sequence(&self) -> bool {
                false
            }

            fn items(&self) -> Option<Vec<Mj>> {
                Some(self.all().iter().map(|name| Mj::from(name.shared())).collect())
            }

            fn len(&self) -> Option<usize> {
                Some(self.all().len())
            }

            fn contains(&self, key: &Mj) -> Option<bool> {
                Some(key.as_str().is_some_and(|key| self.holds(key)))
            }

            fn snapshot(&self) -> Option<Result<Value, TemplateError>> {
                let mut map = rplay_value::Map::new();
                for (key, value) in self.entries() {
                    match (py::to_value(&key), py::to_value(&value)) {
                        (Ok(key), Ok(value)) => _ = map.insert(key, value),
                        (Err(error), _) | (_, Err(error)) => return Some(Err(error)),
                    }
                }
                Some(Ok(Value::Map(map)))
            }
        }
    };
}

mapping_instance!(Namespace);
mapping_instance!(Others);
