//! Lowers a syntax tree to minijinja source: control flow, scoping, macros, blocks and includes stay minijinja's; every
//! expression becomes a call (`__x(17, name, ..)`) that `vm.rs` hands to the evaluator, together with the names the
//! template has assigned itself.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use crate::globals::MacroSpec;
use crate::syntax::{Args, Expr, Node, Param, Stmt, Target};

/// What the lowered source refers to by number.
pub(crate) enum Entry {
    /// An expression.
    Expr(Lowered),
    /// A macro's parameters.
    Macro(Arc<MacroSpec>),
}

/// An expression as lowered code calls it.
pub(crate) struct Lowered {
    pub(crate) expr: Expr,
    /// How many leading arguments minijinja computed.
    pub(crate) hoisted: usize,
    /// The names of the arguments after those.
    pub(crate) names: Vec<Box<str>>,
}

/// How a template was loaded, which decides what its free names mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Load {
    /// The template in hand.
    Top,
    /// Included or imported with context: free names may be the includer's.
    Context,
    /// Imported or included without context: free names are globals.
    Bare,
}

/// Lowered source and what its numbers stand for; numbers count from `base`.
pub(crate) struct Output {
    pub(crate) source: String,
    pub(crate) entries: Vec<Entry>,
}

struct Lower {
    out: String,
    entries: Vec<Entry>,
    base: usize,
    assigned: BTreeSet<Box<str>>,
    load: Load,
    counter: usize,
}

/// Lowers a template; its entries will be numbered from `base`.
pub(crate) fn lower(body: Vec<Stmt>, load: Load, base: usize) -> Output {
    let mut assigned = BTreeSet::new();
    collect(&body, &mut assigned);
    let mut lower = Lower { out: String::new(), entries: Vec::new(), base, assigned, load, counter: 0 };
    lower.body(body);
    Output { source: lower.out, entries: lower.entries }
}

/// Every name the template assigns anywhere.
fn collect(body: &[Stmt], names: &mut BTreeSet<Box<str>>) {
    for statement in body {
        match statement {
            Stmt::Data(_)
            | Stmt::Emit(_)
            | Stmt::Do(_)
            | Stmt::Break
            | Stmt::Continue
            | Stmt::Include { .. }
            | Stmt::Extends(_) => {}
            Stmt::If(branches, otherwise) => {
                for (_, body) in branches {
                    collect(body, names);
                }
                collect(otherwise, names);
            }
            Stmt::For { target, body, otherwise, .. } => {
                target.names(&mut |name| _ = names.insert(name.into()));
                names.insert("loop".into());
                collect(body, names);
                collect(otherwise, names);
            }
            Stmt::Set(target, _) => target.names(&mut |name| _ = names.insert(name.into())),
            Stmt::SetBlock { target, body, .. } => {
                target.names(&mut |name| _ = names.insert(name.into()));
                collect(body, names);
            }
            Stmt::Macro { name, params, body } => {
                names.insert(name.clone());
                for param in params {
                    names.insert(param.name.clone());
                }
                names.extend(["varargs", "kwargs", "caller"].map(Into::into));
                collect(body, names);
            }
            Stmt::CallBlock { params, body, .. } => {
                for param in params {
                    names.insert(param.name.clone());
                }
                collect(body, names);
            }
            Stmt::FilterBlock { body, .. } | Stmt::Block { body, .. } => collect(body, names),
            Stmt::With { targets, body } => {
                for (target, _) in targets {
                    target.names(&mut |name| _ = names.insert(name.into()));
                }
                collect(body, names);
            }
            Stmt::Import { alias, .. } => _ = names.insert(alias.clone()),
            Stmt::FromImport { names: imported, .. } => names.extend(imported.iter().map(|(_, alias)| alias.clone())),
        }
    }
}

/// The name minijinja knows a template's name by: it has words of its own, and only ASCII.
fn local(name: &str) -> String {
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let special = matches!(
        name,
        "caller"
            | "self"
            | "super"
            | "true"
            | "false"
            | "none"
            | "True"
            | "False"
            | "None"
            | "and"
            | "or"
            | "not"
            | "is"
            | "in"
            | "if"
            | "else"
    ) || name.starts_with("__");
    if plain && !special {
        return name.to_owned();
    }
    let mut out = "__n".to_owned();
    for byte in name.bytes() {
        _ = write!(out, "{byte:02x}");
    }
    out
}

/// Which operation a lowered call asks for; see `vm.rs`.
const EVAL: &str = "__x";
const TRUTH: &str = "__t";
const ITER: &str = "__iter";

impl Lower {
    fn body(&mut self, body: Vec<Stmt>) {
        for statement in body {
            self.statement(statement);
        }
    }

    fn tag(&mut self, text: &str) {
        self.out.push_str("{% ");
        self.out.push_str(text);
        self.out.push_str(" %}");
    }

    fn temp(&mut self) -> String {
        self.counter += 1;
        format!("__b{}", self.counter)
    }

    fn entry(&mut self, entry: Entry) -> usize {
        self.entries.push(entry);
        self.base + self.entries.len() - 1
    }

    /// The call that evaluates an expression.
    fn call(&mut self, operation: &str, expr: Expr) -> String {
        self.call_with(operation, expr, Vec::new())
    }

    /// The same with values that minijinja computes first.
    fn call_with(&mut self, operation: &str, mut expr: Expr, mut hoisted: Vec<String>) -> String {
        self.hoist(&mut expr, &mut hoisted);
        let mut names: Vec<Box<str>> = Vec::new();
        let (assigned, load) = (&self.assigned, self.load);
        expr.each_name(&mut |name| {
            // A free name of an included template may be the includer's; `loop` never is.
            let seen = assigned.contains(name) || (load == Load::Context && name != "loop");
            if seen && !names.iter().any(|known| **known == *name) {
                names.push(name.into());
            }
        });
        if expr.uses_foreign() {
            let more = self.assigned.iter().filter(|name| !names.contains(name)).cloned().collect::<Vec<_>>();
            names.extend(more);
        }
        let args: Vec<String> = hoisted.iter().cloned().chain(names.iter().map(|name| local(name))).collect();
        let id = self.entry(Entry::Expr(Lowered { expr, hoisted: hoisted.len(), names }));
        let mut text = format!("{operation}({id}");
        for arg in args {
            text.push_str(", ");
            text.push_str(&arg);
        }
        text.push(')');
        text
    }

    /// Takes out what only minijinja can evaluate: `super()`, `self.block()`, `loop(children)`.
    fn hoist(&mut self, expr: &mut Expr, hoisted: &mut Vec<String>) {
        let special = match &expr.node {
            Node::Call(callee, _) => match &callee.node {
                Node::Name(name) if &**name == "super" => Some("super()".to_owned()),
                Node::Name(name) if &**name == "loop" && self.assigned.contains("loop") => None,
                Node::Attr(object, block) if matches!(&object.node, Node::Name(name) if &**name == "self") => {
                    Some(format!("self.{block}()"))
                }
                _ => None,
            },
            _ => None,
        };
        if let Some(code) = special {
            hoisted.push(code);
            expr.node = Node::Hoisted(hoisted.len() - 1);
            return;
        }
        let recursion = matches!(&expr.node, Node::Call(callee, _)
            if matches!(&callee.node, Node::Name(name) if &**name == "loop") && self.assigned.contains("loop"));
        if recursion {
            let node = std::mem::replace(&mut expr.node, Node::Hoisted(hoisted.len()));
            if let Node::Call(_, args) = node {
                let Args { positional, .. } = *args;
                let items = positional.into_iter().next();
                let items =
                    items.unwrap_or(Expr { node: Node::List(Vec::new()), start: expr.start, end: expr.end, height: 1 });
                let inner = self.call(ITER, items);
                hoisted.push(format!("loop({inner})"));
            }
            return;
        }
        expr.parts_mut(&mut |part| self.hoist(part, hoisted));
    }

    fn target(target: &Target) -> String {
        match target {
            Target::Name(name) => local(name),
            Target::Tuple(items) => {
                let items: Vec<String> = items.iter().map(Self::target).collect();
                format!("({}{})", items.join(", "), if items.len() == 1 { "," } else { "" })
            }
            // Attributes are assigned afterwards, from a name of their own.
            Target::Attr(object, name) => local(&format!("__{object}.{name}")),
        }
    }

    /// Assigns the attributes inside a target, which minijinja has put under names of their own.
    fn attributes(&mut self, target: &Target) {
        match target {
            Target::Name(_) => {}
            Target::Tuple(items) => items.iter().for_each(|item| self.attributes(item)),
            Target::Attr(object, name) => {
                let value = Self::target(target);
                self.set_attr(object, name, &value);
            }
        }
    }

    fn set_attr(&mut self, object: &str, name: &str, value: &str) {
        let make = |node| Box::new(Expr { node, start: 0, end: 0, height: 1 });
        let expr = Expr {
            node: Node::SetAttr(make(Node::Name(object.into())), name.into(), make(Node::Hoisted(0))),
            start: 0,
            end: 0,
            height: 1,
        };
        let call = self.call_with(EVAL, expr, vec![value.to_owned()]);
        self.tag(&format!("if {call} %}}{{% endif"));
    }

    fn statement(&mut self, statement: Stmt) {
        match statement {
            Stmt::Data(data) => {
                if data.contains('{') || data.contains('\u{fdd0}') {
                    let expr = Expr { node: Node::Const(minijinja::Value::from(data)), start: 0, end: 0, height: 1 };
                    let call = self.call(EVAL, expr);
                    _ = write!(self.out, "{{{{ {call} }}}}");
                } else {
                    self.out.push_str(&data);
                }
            }
            Stmt::Emit(expr) => {
                let call = self.call(EVAL, expr);
                _ = write!(self.out, "{{{{ {call} }}}}");
            }
            Stmt::Do(expr) => {
                let call = self.call("__do", expr);
                self.tag(&format!("if {call} %}}{{% endif"));
            }
            Stmt::If(branches, otherwise) => {
                for (i, (test, body)) in branches.into_iter().enumerate() {
                    let call = self.call(TRUTH, test);
                    self.tag(&format!("{} {call}", if i == 0 { "if" } else { "elif" }));
                    self.body(body);
                }
                if !otherwise.is_empty() {
                    self.tag("else");
                    self.body(otherwise);
                }
                self.tag("endif");
            }
            Stmt::For { target, iter, only, recursive, body, otherwise } => {
                let several = matches!(target, Target::Tuple(_));
                let items = self.call(if several { "__items" } else { ITER }, iter);
                let mut head = format!("for {} in {items}", Self::target(&target));
                if let Some(only) = only {
                    let test = self.call(TRUTH, only);
                    head.push_str(&format!(" if {test}"));
                }
                if recursive {
                    head.push_str(" recursive");
                }
                self.tag(&head);
                self.attributes(&target);
                self.body(body);
                if !otherwise.is_empty() {
                    self.tag("else");
                    self.body(otherwise);
                }
                self.tag("endfor");
            }
            Stmt::Set(target, value) => {
                let operation = if matches!(target, Target::Tuple(_)) { "__spread" } else { EVAL };
                let call = self.call(operation, value);
                self.tag(&format!("set {} = {call}", Self::target(&target)));
                self.attributes(&target);
            }
            Stmt::SetBlock { target, filters, body } => {
                let temp = self.temp();
                self.tag(&format!("set {temp}"));
                self.body(body);
                self.tag("endset");
                let filters = filters.unwrap_or(Expr { node: Node::Hoisted(0), start: 0, end: 0, height: 1 });
                let call = self.call_with(EVAL, filters, vec![temp]);
                self.tag(&format!("set {} = {call}", Self::target(&target)));
                self.attributes(&target);
            }
            Stmt::FilterBlock { filters, body } => {
                let temp = self.temp();
                self.tag(&format!("set {temp}"));
                self.body(body);
                self.tag("endset");
                let call = self.call_with(EVAL, filters, vec![temp]);
                _ = write!(self.out, "{{{{ {call} }}}}");
            }
            Stmt::Macro { name, params, body } => self.make_macro(&name, params, body),
            Stmt::CallBlock { params, mut call, body } => {
                self.counter += 1;
                let name = format!("__caller{}", self.counter);
                self.assigned.insert(name.as_str().into());
                self.make_macro(&name, params, body);
                if let Node::Call(_, args) = &mut call.node {
                    let caller = Expr { node: Node::Name(name.into()), start: call.start, end: call.end, height: 1 };
                    args.keywords.push((Arc::from("caller"), caller));
                }
                let call = self.call(EVAL, call);
                _ = write!(self.out, "{{{{ {call} }}}}");
            }
            Stmt::With { targets, body } if targets.is_empty() => {
                self.tag("with");
                self.body(body);
                self.tag("endwith");
            }
            Stmt::With { targets, body } => {
                // All values are computed before any name is bound.
                let mut values = Vec::new();
                let mut names = Vec::new();
                for (target, value) in targets {
                    let temp = self.temp();
                    let operation = if matches!(target, Target::Tuple(_)) { "__spread" } else { EVAL };
                    values.push(format!("{temp} = {}", self.call(operation, value)));
                    names.push(format!("{} = {temp}", Self::target(&target)));
                }
                self.tag(&format!("with {}", values.join(", ")));
                self.tag(&format!("with {}", names.join(", ")));
                self.body(body);
                self.tag("endwith");
                self.tag("endwith");
            }
            Stmt::Include { name, ignore_missing, context } => {
                let call = self.load(name, context, ignore_missing);
                self.tag(&format!("include {call}"));
            }
            Stmt::Import { name, alias, context } => {
                let call = self.load(name, context, false);
                self.tag(&format!("import {call} as {}", local(&alias)));
            }
            Stmt::FromImport { name, names, context } => {
                let file = match &name.node {
                    Node::Const(file) => file.as_str().map(str::to_owned),
                    _ => None,
                };
                let place = (name.start, name.end);
                let call = self.load(name, context, false);
                let listed: Vec<String> =
                    names.iter().map(|(name, alias)| format!("{} as {}", local(name), local(alias))).collect();
                self.tag(&format!("from {call} import {}", listed.join(", ")));
                for (name, alias) in &names {
                    let from = file.as_ref().map_or_else(String::new, |file| format!(" '{file}'"));
                    let message = format!("the template{from} does not export the requested name '{name}'");
                    let marker = crate::py::marker(crate::TemplateError::undefined(message));
                    let expr = Expr { node: Node::Const(marker), start: place.0, end: place.1, height: 1 };
                    let given = local(alias);
                    let call = self.call_with("__p", expr, vec![given.clone()]);
                    self.tag(&format!("set {given} = {call}"));
                }
            }
            Stmt::Extends(name) => {
                let call = self.load(name, true, false);
                self.tag(&format!("extends {call}"));
            }
            Stmt::Block { name, body } => {
                self.tag(&format!("block {name}"));
                self.body(body);
                self.tag("endblock");
            }
            Stmt::Break => self.tag("break"),
            Stmt::Continue => self.tag("continue"),
        }
    }

    /// The call that finds a template and gives the key it is loaded by.
    fn load(&mut self, name: Expr, context: bool, ignore_missing: bool) -> String {
        let operation = match (context, ignore_missing) {
            (true, false) => "__load",
            (true, true) => "__load_maybe",
            (false, false) => "__load_bare",
            (false, true) => "__load_bare_maybe",
        };
        self.call(operation, name)
    }

    fn make_macro(&mut self, name: &str, params: Vec<Param>, body: Vec<Stmt>) {
        let used = used_names(&body);
        let has = |special: &str| used.contains(special) && !params.iter().any(|param| &*param.name == special);
        let spec = MacroSpec {
            name: if name.starts_with("__caller") { "caller".into() } else { name.into() },
            params: params.iter().map(|param| param.name.clone()).collect(),
            varargs: has("varargs"),
            kwargs: has("kwargs"),
            caller: has("caller"),
        };
        let mut names: Vec<String> = spec.params.iter().map(|name| local(name)).collect();
        for (wanted, special) in [(spec.varargs, "varargs"), (spec.kwargs, "kwargs"), (spec.caller, "caller")] {
            if wanted {
                names.push(local(special));
            }
        }
        let inner = format!("__m{}", local(name));
        self.tag(&format!("macro {inner}({})", names.join(", ")));
        for param in params {
            let given = local(&param.name);
            let default = param.default.unwrap_or_else(|| {
                let message = format!("parameter '{}' was not provided", param.name);
                let marker = crate::py::marker(crate::TemplateError::undefined(message));
                Expr { node: Node::Const(marker), start: 0, end: 0, height: 1 }
            });
            let call = self.call_with("__p", default, vec![given.clone()]);
            self.tag(&format!("set {given} = {call}"));
        }
        self.body(body);
        self.tag("endmacro");
        let id = self.entry(Entry::Macro(Arc::new(spec)));
        self.tag(&format!("set {} = __mk({id}, {inner})", local(name)));
    }
}

/// Every name a body mentions, in nested bodies too.
fn used_names(body: &[Stmt]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for statement in body {
        walk(statement, &mut names);
    }
    names
}

fn walk(statement: &Stmt, names: &mut BTreeSet<String>) {
    let body = |body: &[Stmt], names: &mut BTreeSet<String>| body.iter().for_each(|statement| walk(statement, names));
    match statement {
        Stmt::Data(_) | Stmt::Break | Stmt::Continue => {}
        Stmt::Emit(expr) | Stmt::Do(expr) | Stmt::Extends(expr) | Stmt::Set(_, expr) => mentioned(expr, names),
        Stmt::Include { name, .. } | Stmt::Import { name, .. } | Stmt::FromImport { name, .. } => {
            mentioned(name, names);
        }
        Stmt::If(branches, otherwise) => {
            for (test, inner) in branches {
                mentioned(test, names);
                body(inner, names);
            }
            body(otherwise, names);
        }
        Stmt::For { iter, only, body: inner, otherwise, .. } => {
            mentioned(iter, names);
            if let Some(only) = only {
                mentioned(only, names);
            }
            body(inner, names);
            body(otherwise, names);
        }
        Stmt::SetBlock { filters, body: inner, .. } => {
            if let Some(filters) = filters {
                mentioned(filters, names);
            }
            body(inner, names);
        }
        Stmt::FilterBlock { filters, body: inner } => {
            mentioned(filters, names);
            body(inner, names);
        }
        // A nested macro has varargs, kwargs and caller of its own.
        Stmt::Macro { params, .. } => {
            params.iter().filter_map(|param| param.default.as_ref()).for_each(|default| mentioned(default, names));
        }
        Stmt::CallBlock { call, body: inner, .. } => {
            mentioned(call, names);
            body(inner, names);
        }
        Stmt::With { targets, body: inner } => {
            for (_, value) in targets {
                mentioned(value, names);
            }
            body(inner, names);
        }
        Stmt::Block { body: inner, .. } => body(inner, names),
    }
}

fn mentioned(expr: &Expr, names: &mut BTreeSet<String>) {
    expr.each_name(&mut |name| _ = names.insert(name.to_owned()));
}
