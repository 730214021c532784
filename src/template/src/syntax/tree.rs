//! The syntax tree of a template.

use std::sync::Arc;

use minijinja::Value as Mj;

use crate::py::Order;

/// A whole template.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) body: Vec<Stmt>,
}

/// An expression and its byte range in the text.
#[derive(Debug)]
pub(crate) struct Expr {
    pub(crate) node: Node,
    pub(crate) start: u32,
    pub(crate) end: u32,
    /// How many expressions stand on one another in it.
    pub(crate) height: u16,
}

/// An arithmetic operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Math {
    Add,
    Sub,
    Mul,
    Div,
    FloorDiv,
    Mod,
    Pow,
}

/// A comparison operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compare {
    Equal,
    NotEqual,
    Order(Order),
    In,
    NotIn,
}

#[derive(Debug)]
pub(crate) enum Node {
    /// A literal.
    Const(Mj),
    /// A string literal that looks like a template itself.
    Embedded(Arc<str>),
    Name(Box<str>),
    List(Vec<Expr>),
    Tuple(Vec<Expr>),
    Dict(Vec<(Expr, Expr)>),
    Attr(Box<Expr>, Box<str>),
    Item(Box<Expr>, Box<Expr>),
    Slice(Box<Expr>, Box<[Option<Expr>; 3]>),
    Call(Box<Expr>, Box<Args>),
    Filter(Box<str>, Box<Expr>, Box<Args>),
    Test(Box<str>, Box<Expr>, Box<Args>),
    Not(Box<Expr>),
    Neg(Box<Expr>),
    Pos(Box<Expr>),
    Math(Math, Box<Expr>, Box<Expr>),
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    Compare(Box<Expr>, Vec<(Compare, Expr)>),
    Concat(Vec<Expr>),
    /// test, then, else
    Cond(Box<Expr>, Box<Expr>, Option<Box<Expr>>),
    /// `object.name = value` of a namespace.
    SetAttr(Box<Expr>, Box<str>, Box<Expr>),
    /// The value minijinja hands over as argument number n of the lowered call.
    Hoisted(usize),
}

/// The arguments of a call.
#[derive(Debug, Default)]
pub(crate) struct Args {
    pub(crate) positional: Vec<Expr>,
    pub(crate) keywords: Vec<(Arc<str>, Expr)>,
    pub(crate) star: Option<Expr>,
    pub(crate) star_star: Option<Expr>,
}

impl Args {
    /// Every argument expression, to change.
    pub(crate) fn each_mut(&mut self, f: &mut impl FnMut(&mut Expr)) {
        self.positional.iter_mut().for_each(&mut *f);
        self.keywords.iter_mut().for_each(|(_, value)| f(value));
        self.star.iter_mut().for_each(&mut *f);
        self.star_star.iter_mut().for_each(f);
    }
}

impl Expr {
    /// Calls `f` with every direct part.
    pub(crate) fn parts_mut(&mut self, f: &mut impl FnMut(&mut Expr)) {
        match &mut self.node {
            Node::Const(_) | Node::Embedded(_) | Node::Name(_) | Node::Hoisted(_) => {}
            Node::List(items) | Node::Tuple(items) | Node::Concat(items) => items.iter_mut().for_each(f),
            Node::Dict(items) => items.iter_mut().for_each(|(key, value)| {
                f(key);
                f(value);
            }),
            Node::Attr(inner, _) | Node::Not(inner) | Node::Neg(inner) | Node::Pos(inner) => f(inner),
            Node::Item(a, b) | Node::Math(_, a, b) | Node::And(a, b) | Node::Or(a, b) | Node::SetAttr(a, _, b) => {
                f(a);
                f(b);
            }
            Node::Slice(object, parts) => {
                f(object);
                parts.iter_mut().flatten().for_each(f);
            }
            Node::Call(callee, args) => {
                f(callee);
                args.each_mut(f);
            }
            Node::Filter(_, input, args) | Node::Test(_, input, args) => {
                f(input);
                args.each_mut(f);
            }
            Node::Compare(first, rest) => {
                f(first);
                for (_, expr) in rest {
                    f(expr);
                }
            }
            Node::Cond(test, then, otherwise) => {
                f(test);
                f(then);
                if let Some(otherwise) = otherwise {
                    f(otherwise);
                }
            }
        }
    }

    /// Every direct part.
    pub(crate) fn parts(&self) -> Vec<&Self> {
        fn args(args: &Args) -> impl Iterator<Item = &Expr> {
            let keywords = args.keywords.iter().map(|(_, value)| value);
            args.positional.iter().chain(keywords).chain(&args.star).chain(&args.star_star)
        }
        match &self.node {
            Node::Const(_) | Node::Embedded(_) | Node::Name(_) | Node::Hoisted(_) => Vec::new(),
            Node::List(items) | Node::Tuple(items) | Node::Concat(items) => items.iter().collect(),
            Node::Dict(items) => items.iter().flat_map(|(key, value)| [key, value]).collect(),
            Node::Attr(inner, _) | Node::Not(inner) | Node::Neg(inner) | Node::Pos(inner) => vec![inner],
            Node::Item(a, b) | Node::Math(_, a, b) | Node::And(a, b) | Node::Or(a, b) | Node::SetAttr(a, _, b) => {
                vec![a, b]
            }
            Node::Slice(object, parts) => std::iter::once(&**object).chain(parts.iter().flatten()).collect(),
            Node::Call(callee, call) => std::iter::once(&**callee).chain(args(call)).collect(),
            Node::Filter(_, input, call) | Node::Test(_, input, call) => {
                std::iter::once(&**input).chain(args(call)).collect()
            }
            Node::Compare(first, rest) => std::iter::once(&**first).chain(rest.iter().map(|(_, expr)| expr)).collect(),
            Node::Cond(test, then, otherwise) => [&**test, &**then].into_iter().chain(otherwise.as_deref()).collect(),
        }
    }

    /// Calls `f` with every variable name used, in order.
    pub(crate) fn each_name(&self, f: &mut dyn FnMut(&str)) {
        if let Node::Name(name) = &self.node {
            f(name);
        }
        for part in self.parts() {
            part.each_name(f);
        }
    }

    /// Whether a filter or test in it is not native: a Python plugin, which may look at every name.
    pub(crate) fn uses_foreign(&self) -> bool {
        let own = match &self.node {
            Node::Filter(name, ..) => crate::find_filter(name).is_none(),
            Node::Test(name, ..) => crate::find_test(name).is_none(),
            _ => false,
        };
        own || self.parts().into_iter().any(Self::uses_foreign)
    }
}

/// What a `for` or `set` assigns to.
#[derive(Debug)]
pub(crate) enum Target {
    Name(Box<str>),
    Tuple(Vec<Target>),
    /// `namespace.attribute`
    Attr(Box<str>, Box<str>),
}

impl Target {
    /// Calls `f` with every plain name assigned.
    pub(crate) fn names(&self, f: &mut impl FnMut(&str)) {
        match self {
            Self::Name(name) => f(name),
            Self::Tuple(items) => items.iter().for_each(|item| item.names(f)),
            Self::Attr(..) => {}
        }
    }
}

/// A macro's parameter.
#[derive(Debug)]
pub(crate) struct Param {
    pub(crate) name: Box<str>,
    pub(crate) default: Option<Expr>,
}

#[derive(Debug)]
pub(crate) enum Stmt {
    Data(String),
    Emit(Expr),
    If(Vec<(Expr, Vec<Stmt>)>, Vec<Stmt>),
    For {
        target: Target,
        iter: Expr,
        only: Option<Expr>,
        recursive: bool,
        body: Vec<Stmt>,
        otherwise: Vec<Stmt>,
    },
    Set(Target, Expr),
    /// `filters` is an expression whose innermost input is [`Node::Hoisted`] 0.
    SetBlock {
        target: Target,
        filters: Option<Expr>,
        body: Vec<Stmt>,
    },
    Macro {
        name: Box<str>,
        params: Vec<Param>,
        body: Vec<Stmt>,
    },
    CallBlock {
        params: Vec<Param>,
        call: Expr,
        body: Vec<Stmt>,
    },
    FilterBlock {
        filters: Expr,
        body: Vec<Stmt>,
    },
    With {
        targets: Vec<(Target, Expr)>,
        body: Vec<Stmt>,
    },
    Include {
        name: Expr,
        ignore_missing: bool,
        context: bool,
    },
    Import {
        name: Expr,
        alias: Box<str>,
        context: bool,
    },
    FromImport {
        name: Expr,
        names: Vec<(Box<str>, Box<str>)>,
        context: bool,
    },
    Extends(Expr),
    Block {
        name: Box<str>,
        body: Vec<Stmt>,
    },
    Do(Expr),
    Break,
    Continue,
}
