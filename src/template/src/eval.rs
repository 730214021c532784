//! Evaluates expressions.

use std::sync::Arc;

use minijinja::Value as Mj;
use rplay_diag::{Diagnostic, Severity};
use rplay_value::Results;

use crate::plugin::{self, Keywords};
use crate::py::{self, Kind};
use crate::scope::{RED_ZONE, SEGMENT};
use crate::syntax::{Args, Compare, Expr, Math, Node};
use crate::{ForeignCall, PluginKind, Scope, TemplateError, globals, protomatter};

/// Expressions lower than this need little stack.
const LOW: u16 = 16;

/// What only a running minijinja VM can do: call its macros, loops and modules.
pub(crate) trait Vm {
    /// `callee(args)`.
    fn call(&mut self, callee: &Mj, args: &[Mj]) -> Result<Mj, TemplateError>;
    /// `owner.name(args)`.
    fn call_method(&mut self, owner: &Mj, name: &str, args: &[Mj]) -> Result<Mj, TemplateError>;
}

/// Evaluates expressions in one place: the scope, and the names a template has assigned itself.
pub(crate) struct Eval<'a> {
    pub(crate) scope: &'a Scope,
    /// Names assigned in the template, and their values now.
    pub(crate) names: &'a [Box<str>],
    pub(crate) values: &'a [Mj],
    /// Values minijinja computed for this expression.
    pub(crate) hoisted: &'a [Mj],
    /// Whether the scope's variables are seen (not in a template imported without context).
    pub(crate) context: bool,
    /// Whether string literals that look like templates are rendered (conditions).
    pub(crate) embedded: bool,
    pub(crate) vm: Option<&'a mut dyn Vm>,
}

impl<'a> Eval<'a> {
    /// Evaluation outside of minijinja.
    pub(crate) fn plain(scope: &'a Scope, embedded: bool) -> Self {
        Self { scope, names: &[], values: &[], hoisted: &[], context: true, embedded, vm: None }
    }

    /// The value; markers among the results are values too.
    pub(crate) fn eval(&mut self, expr: &Expr) -> Result<Mj, TemplateError> {
        let value = match expr.height {
            // What fits on any stack is not worth asking how much is left.
            ..LOW => self.node(expr),
            _ => stacker::maybe_grow(RED_ZONE, SEGMENT, || self.node(expr)),
        };
        value.map_err(|error| error.at_offset(expr.start as usize, expr.end as usize))
    }

    /// The value, with an undefined error as a marker.
    pub(crate) fn lenient(&mut self, expr: &Expr) -> Result<Mj, TemplateError> {
        match self.eval(expr) {
            Err(error) if error.is_replaceable() => Ok(py::marker(error)),
            // As in ansible-core 2.19, a call that fails is a value until somebody looks at it.
            Err(error)
                if matches!(expr.node, Node::Call(..) | Node::Filter(..))
                    && !error.is_raised()
                    && error.kind() != crate::ErrorKind::Recursion =>
            {
                Ok(py::marker(error))
            }
            other => other,
        }
    }

    /// The value as an operator needs it: what is undefined is raised.
    fn operand(&mut self, expr: &Expr) -> Result<Mj, TemplateError> {
        let value = self.eval(expr).map_err(TemplateError::raised)?;
        py::trip(&value).map_err(TemplateError::raised)?;
        Ok(value)
    }

    /// The truth.
    pub(crate) fn truth(&mut self, expr: &Expr) -> Result<bool, TemplateError> {
        let value = self.eval(expr)?;
        py::truthy(&value).map_err(|error| error.at_offset(expr.start as usize, expr.end as usize))
    }

    fn node(&mut self, expr: &Expr) -> Result<Mj, TemplateError> {
        Ok(match &expr.node {
            Node::Const(value) => value.clone(),
            Node::Name(name) => self.name(name, expr),
            Node::Attr(object, name) => {
                let object = self.eval(object)?;
                place(py::get_attr(&object, name), expr)
            }
            Node::Item(object, key) => {
                let object = self.eval(object)?;
                // Of two undefined ones, the container is what is reported, and `default` replaces it.
                let key = if py::trip(&object).is_ok() { self.operand(key)? } else { self.lenient(key)? };
                place(py::get_item(&object, &key), expr)
            }
            Node::Filter(name, input, args) => return self.filter(name, input, args),
            Node::Test(name, subject, args) => return self.test(name, subject, args).map(Mj::from),
            Node::Call(callee, args) => return self.call(callee, args),
            Node::Compare(first, rest) => return self.compare(first, rest),
            Node::And(a, b) => {
                let left = self.operand(a)?;
                if py::truthy(&left)? { self.eval(b)? } else { left }
            }
            Node::Or(a, b) => {
                let left = self.operand(a)?;
                if py::truthy(&left)? { left } else { self.eval(b)? }
            }
            Node::Not(inner) => Mj::from(!self.truth(inner).map_err(TemplateError::raised)?),
            Node::Cond(test, then, otherwise) => {
                if self.truth(test).map_err(TemplateError::raised)? {
                    self.eval(then)?
                } else {
                    match otherwise {
                        Some(otherwise) => self.eval(otherwise)?,
                        None => py::Object::value(py::Silent),
                    }
                }
            }
            Node::Embedded(text) => {
                if self.embedded {
                    return self.embedded(text);
                }
                Mj::from(Arc::clone(text))
            }
            Node::List(items) => py::list(self.all(items)?),
            Node::Tuple(items) => py::tuple(self.all(items)?),
            Node::Dict(items) => {
                let dict = py::Dict::new();
                for (key, value) in items {
                    let (key, value) = (self.operand(key)?, self.lenient(value)?);
                    dict.set(key, value)?;
                }
                Mj::from_object(dict)
            }
            Node::Slice(object, parts) => {
                let object = self.eval(object)?;
                let mut bounds = [py::none(), py::none(), py::none()];
                for (bound, part) in bounds.iter_mut().zip(parts.iter()) {
                    if let Some(part) = part {
                        *bound = self.operand(part)?;
                    }
                }
                py::slice(&object, &bounds[0], &bounds[1], &bounds[2])?
            }
            Node::Neg(inner) => py::neg(&self.operand(inner)?)?,
            Node::Pos(inner) => py::pos(&self.operand(inner)?)?,
            Node::Math(math, a, b) => {
                let (a, b) = (self.operand(a)?, self.operand(b)?);
                match math {
                    Math::Add => py::add(&a, &b)?,
                    Math::Sub => py::sub(&a, &b)?,
                    Math::Mul => py::mul(&a, &b)?,
                    Math::Div => py::div(&a, &b)?,
                    Math::FloorDiv => py::floor_div(&a, &b)?,
                    Math::Mod => py::modulo(&a, &b)?,
                    Math::Pow => py::pow(&a, &b)?,
                }
            }
            Node::Concat(items) => {
                let mut out = String::new();
                for item in items {
                    let value = self.operand(item)?;
                    py::trip_within(&value)?;
                    py::str_into(&value, &mut out);
                    py::limits::text(out.len())?;
                }
                Mj::from(out)
            }
            Node::Hoisted(index) => self.hoisted.get(*index).cloned().unwrap_or_default(),
            Node::SetAttr(object, name, value) => {
                let (object, value) = (self.eval(object)?, self.lenient(value)?);
                match py::kind(&object) {
                    Kind::Object(instance) if instance.set_attr(name, value) => py::none(),
                    _ => {
                        let error = TemplateError::type_error("cannot assign attribute on non-namespace object");
                        return Err(
                            error.hint("make it with `namespace()`, or change a mapping with its `update` method")
                        );
                    }
                }
            }
        })
    }

    fn all(&mut self, items: &[Expr]) -> Result<Vec<Mj>, TemplateError> {
        items.iter().map(|item| self.lenient(item)).collect()
    }

    fn name(&mut self, name: &str, expr: &Expr) -> Mj {
        if let Some(at) = self.names.iter().position(|known| **known == *name)
            && let Some(value) = self.values.get(at)
            && !value.is_undefined()
        {
            return value.clone();
        }
        if self.context
            && let Some(value) = self.scope.get(name)
        {
            return value;
        }
        globals::find(name).unwrap_or_else(|| {
            let error = TemplateError::undefined(format!("'{name}' is undefined")).named(name);
            py::marker(error.at_offset(expr.start as usize, expr.end as usize))
        })
    }

    fn embedded(&mut self, text: &Arc<str>) -> Result<Mj, TemplateError> {
        let engine = self.scope.engine();
        engine.notice(
            Diagnostic::warning(
                "Jinja constant strings should not contain embedded templates. This feature will be disabled by default \
                 in ansible-core 2.23.",
            )
            .note(text.to_string())
            .hint("Use inline expressions, for example: `\"{{ a_var }}\"` is the same as `a_var`."),
        );
        let value = self.scope.render_text(&rplay_value::Text::trusted(Arc::clone(text)))?;
        if engine.profile().results == Results::Literal { crate::classic::shown(&value) } else { Ok(value) }
    }

    fn args(&mut self, args: &Args) -> Result<(Vec<Mj>, Keywords), TemplateError> {
        let mut positional = Vec::with_capacity(args.positional.len());
        for arg in &args.positional {
            positional.push(self.lenient(arg)?);
        }
        let mut keywords = Keywords::with_capacity(args.keywords.len());
        for (key, arg) in &args.keywords {
            keywords.push((Arc::clone(key), self.lenient(arg)?));
        }
        if let Some(star) = &args.star {
            let more = self.eval(star)?;
            positional.extend(py::iterate(&more)?);
        }
        if let Some(star_star) = &args.star_star {
            let more = self.eval(star_star)?;
            py::trip(&more)?;
            if !py::is_mapping(&more) {
                let message = format!("argument after ** must be a mapping, not {}", py::type_name(&more));
                return Err(TemplateError::type_error(message));
            }
            for (key, value) in py::pairs(&more)? {
                let Some(key) = key.to_str() else {
                    return Err(TemplateError::type_error("keywords must be strings"));
                };
                if keywords.iter().any(|(known, _)| *known == key) {
                    return Err(TemplateError::type_error(format!("got multiple values for keyword argument '{key}'")));
                }
                keywords.push((key, value));
            }
        }
        Ok((positional, keywords))
    }

    fn filter(&mut self, name: &str, input_expr: &Expr, args: &Args) -> Result<Mj, TemplateError> {
        let filter = self.scope.engine().native_filter(name);
        let input = match filter {
            Some(filter) if !filter.accepts_undefined => self.eval(input_expr)?,
            // A Python plugin may want to see what is undefined, too.
            _ => self.lenient(input_expr)?,
        };
        let (positional, keywords) = self.args(args)?;
        if let Some(filter) = filter {
            let input = if filter.collection == protomatter::COLLECTION {
                protomatter::tagged(input_expr, input, self.scope)
            } else {
                input
            };
            plugin::run_filter(self.scope, filter, name, input, positional, keywords)
        } else if let Some(test) = self.scope.engine().test_as_filter(name) {
            if !test.accepts_undefined {
                py::trip(&input)?;
            }
            let notice = Diagnostic::new(Severity::Deprecated, format!("the test `{name}` is used as a filter"));
            self.scope.engine().notice(notice.hint(format!("write `is {name}` in place of `| {name}`")));
            plugin::run_test(self.scope, test, name, input, positional, keywords).map(Mj::from)
        } else {
            let assigned = self.assigned();
            let call = ForeignCall::new(PluginKind::Filter, name, input, positional, keywords, self.scope);
            let result = self.scope.engine().foreign_call(ForeignCall { assigned: &assigned, ..call });
            result.map_err(|error| not_found(error, "filter", name))
        }
    }

    fn test(&mut self, name: &str, subject: &Expr, args: &Args) -> Result<bool, TemplateError> {
        match name {
            "defined" if args.positional.is_empty() => return Ok(!self.is_missing(subject)?),
            "undefined" if args.positional.is_empty() => return self.is_missing(subject),
            "vault_encrypted" | "ansible.builtin.vault_encrypted" => {
                if let Node::Name(name) = &subject.node
                    && self.scope.is_vaulted(name)
                {
                    return Ok(true);
                }
            }
            _ => {}
        }
        let test = self.scope.engine().native_test(name);
        let subject = match test {
            Some(test) if test.collection == protomatter::COLLECTION => {
                let value = self.eval(subject)?;
                protomatter::tagged(subject, value, self.scope)
            }
            Some(test) if !test.accepts_undefined => self.eval(subject)?,
            _ => self.lenient(subject)?,
        };
        let (positional, keywords) = self.args(args)?;
        if let Some(test) = test {
            plugin::run_test(self.scope, test, name, subject, positional, keywords)
        } else {
            let assigned = self.assigned();
            let call = ForeignCall::new(PluginKind::Test, name, subject, positional, keywords, self.scope);
            let decided = self.scope.engine().foreign_call(ForeignCall { assigned: &assigned, ..call });
            let decided = decided.map_err(|error| not_found(error, "test", name))?;
            py::truthy(&decided)
        }
    }

    /// What the template has assigned so far, for plugins that look at the context.
    fn assigned(&self) -> Vec<(&str, Mj)> {
        let pairs = self.names.iter().zip(self.values).filter(|(_, value)| !value.is_undefined());
        pairs.map(|(name, value)| (&**name, value.clone())).collect()
    }

    /// Whether something is undefined; that it fails otherwise is an error.
    fn is_missing(&mut self, subject: &Expr) -> Result<bool, TemplateError> {
        let value = self.lenient(subject)?;
        if py::is_undefined(&value) {
            return Ok(true);
        }
        py::trip(&value).map(|()| false)
    }

    fn compare(&mut self, first: &Expr, rest: &[(Compare, Expr)]) -> Result<Mj, TemplateError> {
        let mut left = self.operand(first)?;
        for (operator, right) in rest {
            let right = self.operand(right)?;
            let holds = match operator {
                Compare::Equal => py::equal(&left, &right),
                Compare::NotEqual => !py::equal(&left, &right),
                Compare::Order(operator) => py::order(&left, *operator, &right)?,
                Compare::In => py::contains(&right, &left)?,
                Compare::NotIn => !py::contains(&right, &left)?,
            };
            if !holds {
                return Ok(Mj::from(false));
            }
            left = right;
        }
        Ok(Mj::from(true))
    }

    fn call(&mut self, callee: &Expr, args: &Args) -> Result<Mj, TemplateError> {
        if let Node::Attr(object, name) = &callee.node {
            let owner = self.eval(object)?;
            py::trip(&owner)?;
            // A method that is not there is reported before what is undefined among its arguments.
            if matches!(py::kind(&owner), Kind::Str(_) | Kind::List(_) | Kind::Dict(_)) && !name.starts_with("__") {
                py::trip(&py::get_attr(&owner, name))?;
            }
            let (positional, keywords) = self.args(args)?;
            return self.method(&owner, name, positional, keywords);
        }
        let target = self.eval(callee)?;
        py::trip(&target)?;
        if globals::is_lookup(&target) {
            return self.lookup(&target, args);
        }
        let (positional, keywords) = self.args(args)?;
        self.call_value(&target, positional, keywords)
    }

    fn method(&mut self, owner: &Mj, name: &str, args: Vec<Mj>, keywords: Keywords) -> Result<Mj, TemplateError> {
        if name.starts_with("__") && !self.scope.engine().profile().python_methods {
            let message = format!("access to attribute '{name}' of '{}' object is unsafe.", py::type_name(owner));
            // As in 2.19 it is something undefined: what nobody reads is lost without a word.
            return Err(TemplateError::undefined(message).hint("write `.update({key: value})`, or use `combine`"));
        }
        match py::kind(owner) {
            Kind::Foreign => {
                let attribute = owner.get_attr(name).ok().filter(|value| !value.is_undefined());
                if let Some(attribute) = attribute {
                    return self.call_value(&attribute, args, keywords);
                }
                match &mut self.vm {
                    Some(vm) if keywords.is_empty() => vm.call_method(owner, name, &args),
                    _ => Err(TemplateError::undefined(format!(
                        "object of type '{}' has no attribute '{name}'",
                        py::type_name(owner)
                    ))),
                }
            }
            Kind::Object(instance) => {
                for value in args.iter().chain(keywords.iter().map(|(_, value)| value)) {
                    py::trip(value)?;
                }
                if let Some(result) = instance.method(name, &args, &keywords, self.scope) {
                    result
                } else {
                    let attribute = py::get_attr(owner, name);
                    self.call_value(&attribute, args, keywords)
                }
            }
            Kind::Dict(_) if !py::has_method(owner, name) => {
                let attribute = py::get_attr(owner, name);
                self.call_value(&attribute, args, keywords)
            }
            _ => py::call_method(owner, name, &args, &keywords, self.scope),
        }
    }

    fn call_value(&mut self, target: &Mj, args: Vec<Mj>, keywords: Keywords) -> Result<Mj, TemplateError> {
        py::trip(target)?;
        if let Some(made) = globals::macro_of(target) {
            let values = made.bind(args, keywords)?;
            let Some(vm) = &mut self.vm else {
                return Err(TemplateError::type_error("a macro can only be called in the template that made it"));
            };
            return vm.call(made.inner(), &values);
        }
        match py::kind(target) {
            Kind::Object(instance) => {
                for value in args.iter().chain(keywords.iter().map(|(_, value)| value)) {
                    py::trip(value)?;
                }
                match instance.call(&args, &keywords, self.scope) {
                    Some(result) => result,
                    None => Err(not_callable(target)),
                }
            }
            Kind::Foreign => match &mut self.vm {
                Some(vm) if keywords.is_empty() => vm.call(target, &args),
                _ => Err(not_callable(target)),
            },
            _ => Err(not_callable(target)),
        }
    }

    /// `lookup('name', term, .., option=..)`, `query(..)`, `q(..)`.
    fn lookup(&mut self, target: &Mj, args: &Args) -> Result<Mj, TemplateError> {
        let (mut terms, mut keywords) = self.args(args)?;
        // Literals that look like templates are templates here: `lookup('ini', 'x file={{ f }}')`.
        for (term, arg) in terms.iter_mut().zip(&args.positional) {
            if let Node::Embedded(text) = &arg.node {
                // What is undefined in it is for the lookup to refuse, as in an expression.
                *term = match self.embedded(text) {
                    Err(error) if error.is_undefined() => py::marker(error),
                    other => other?,
                };
            }
        }
        if terms.is_empty() {
            return Err(TemplateError::type_error("_lookup() missing 1 required positional argument: 'plugin_name'"));
        }
        let plugin = terms.remove(0);
        py::trip(&plugin)?;
        // Python plugins say themselves whether they take what is undefined.
        let native = plugin.as_str().and_then(|name| self.scope.engine().native_lookup(name));
        if native.is_some_and(|lookup| !lookup.accepts_undefined) {
            for value in terms.iter().chain(keywords.iter().map(|(_, value)| value)) {
                py::trip(value)?;
            }
        }
        let Some(plugin) = plugin.to_str() else {
            let why = if plugin.is_none() {
                "A non-empty plugin name is required.".to_owned()
            } else {
                format!("unsupported type <class '{}'>", py::type_name(&plugin))
            };
            let message = format!("The lookup plugin {} failed to load: {why}", py::str(&plugin));
            return Err(TemplateError::new(crate::ErrorKind::Missing, message));
        };
        let mut take = |name: &str| keywords.iter().position(|(key, _)| **key == *name).map(|at| keywords.remove(at).1);
        let wantlist = match take("wantlist") {
            Some(value) => py::truthy(&value)?,
            None => globals::wants_list(target),
        };
        let errors = take("errors").and_then(|value| value.to_str()).unwrap_or_else(|| "strict".into());
        let results = match self.scope.engine().run_lookup(self.scope, &plugin, terms, keywords) {
            Ok(results) => results,
            Err(error) if *errors == *"ignore" && !matches!(error.kind(), crate::ErrorKind::Missing) => {
                return Ok(if wantlist { py::list(Vec::new()) } else { py::none() });
            }
            Err(error) if *errors == *"warn" && !matches!(error.kind(), crate::ErrorKind::Missing) => {
                let notice = format!("The lookup plugin '{plugin}' failed: {error}");
                self.scope.engine().notice(Diagnostic::warning(notice));
                return Ok(if wantlist { py::list(Vec::new()) } else { py::none() });
            }
            // A template of a file fails in its own words.
            Err(error) if error.is_undefined() || error.is_worded() => return Err(error),
            Err(error) if error.kind() == crate::ErrorKind::Missing => return Err(error),
            Err(error) => return Err(error.of_plugin("lookup", &plugin)),
        };
        if wantlist {
            return Ok(py::list(results));
        }
        if let [only] = results.as_slice() {
            return Ok(only.clone());
        }
        // Since 2.19 no result at all stays an empty list.
        if !results.is_empty() && results.iter().all(|result| result.as_str().is_some()) {
            let texts: Vec<&str> = results.iter().filter_map(Mj::as_str).collect();
            return Ok(Mj::from(texts.join(",")));
        }
        Ok(py::list(results))
    }
}

/// The error of a branch that is reached and names what does not exist, in Jinja2's words for that.
fn not_found(error: TemplateError, kind: &str, name: &str) -> TemplateError {
    if error.kind() == crate::ErrorKind::Missing {
        return error.reworded(format!("No {kind} named '{name}' found."));
    }
    error
}

fn not_callable(value: &Mj) -> TemplateError {
    TemplateError::type_error(format!("'{}' object is not callable", py::type_name(value)))
        .hint("only macros, methods and functions such as `lookup` or `range` can be called")
}

/// Gives a fresh marker the place of the expression that made it.
fn place(value: Mj, expr: &Expr) -> Mj {
    match value.downcast_object_ref::<py::Marker>() {
        Some(marker) if marker.error().offset().is_none() && marker.error().span().is_none() => {
            py::marker(marker.error().clone().at_offset(expr.start as usize, expr.end as usize))
        }
        _ => value,
    }
}
