//! What a template is made of, without rendering it: for checks of playbooks that do not run.

use rplay_diag::Span;
use rplay_value::Text;

use crate::syntax::{self, Args, Expr, Mode, Node, Stmt};
use crate::{Engine, FileOptions, Reading, TemplateError, header};

/// Something a template uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Used {
    /// A variable, or a name the template assigns itself.
    Name,
    /// A filter.
    Filter,
    /// A test.
    Test,
    /// A lookup, by `lookup`, `query` or `q`.
    Lookup,
    /// A method that is called.
    Method,
    /// An attribute that is read.
    Attribute,
}

/// One use, with its places in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// What is used.
    pub what: Used,
    /// Its name.
    pub name: String,
    /// The bytes of the whole expression.
    pub range: (usize, usize),
    /// Where the operand (of a filter, test, method or attribute) ends.
    pub operand_end: usize,
    /// The place in its file, where the text is a part of one.
    pub span: Option<Span>,
}

/// What kind of value an expression yields, as far as it can be told without variables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Yields {
    /// A boolean.
    Boolean,
    /// Never a boolean: a value of this type.
    Other(&'static str),
    /// Often no boolean: a value of this type.
    Perhaps(&'static str),
    /// Nobody knows.
    Unknown,
}

/// What a text is made of.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// Everything it uses, in order.
    pub uses: Vec<Use>,
    /// What an expression, or a template that is a single one, yields; [`Yields::Unknown`] for others.
    pub yields: Yields,
    /// Whether a template is a single call of `range`.
    pub range: bool,
    /// String literals that hold templates.
    pub embedded: Vec<(usize, usize)>,
}

/// Filters whose result has one type.
const TYPED: [(&str, &str); 30] = [
    ("length", "int"),
    ("count", "int"),
    ("int", "int"),
    ("float", "float"),
    ("round", "float"),
    ("abs", "int"),
    ("string", "str"),
    ("upper", "str"),
    ("lower", "str"),
    ("trim", "str"),
    ("replace", "str"),
    ("join", "str"),
    ("basename", "str"),
    ("dirname", "str"),
    ("to_json", "str"),
    ("to_yaml", "str"),
    ("regex_replace", "str"),
    ("regex_findall", "list"),
    ("list", "list"),
    ("split", "list"),
    ("unique", "list"),
    ("difference", "list"),
    ("intersect", "list"),
    ("union", "list"),
    ("flatten", "list"),
    ("sort", "list"),
    ("dict2items", "list"),
    ("items2dict", "dict"),
    ("combine", "dict"),
    ("b64decode", "str"),
];

/// Attributes of results that are text, numbers or lists.
const RESULTS: [(&str, &str); 6] = [
    ("stdout", "str"),
    ("stderr", "str"),
    ("stdout_lines", "list"),
    ("stderr_lines", "list"),
    ("rc", "int"),
    ("results", "list"),
];

impl Engine {
    /// Reads a text and says what it is made of.
    pub fn inspect(&self, text: &Text, reading: Reading) -> Result<Inspection, TemplateError> {
        let mut found = Inspection { uses: Vec::new(), yields: Yields::Unknown, range: false, embedded: Vec::new() };
        let place = |error: TemplateError| {
            let span = crate::error::refine(self.sources(), text, error.offset());
            error.located(span)
        };
        match reading {
            Reading::Expression | Reading::Condition => {
                let mode = if reading == Reading::Condition { Mode::File } else { Mode::Yaml };
                let expr = syntax::parse_expression(text, mode).map_err(place)?;
                expression(&expr, &mut found);
                found.yields = yields(&expr);
            }
            Reading::Template | Reading::File => {
                let mode = if reading == Reading::File { Mode::File } else { Mode::Yaml };
                let (body, syntax) = header::read(text, &FileOptions::default(), self.profile()).map_err(place)?;
                let tree = syntax::parse(body, &syntax, mode).map_err(place)?;
                statements(&tree.body, &mut found);
                let offset = text.len() - body.len();
                for used in &mut found.uses {
                    used.range.0 += offset;
                    used.range.1 += offset;
                    used.operand_end += offset;
                }
                if let [Stmt::Emit(only)] = tree.body.as_slice() {
                    found.yields = yields(only);
                    found.range = matches!(&only.node, Node::Call(callee, _)
                        if matches!(&callee.node, Node::Name(name) if **name == *"range"));
                }
            }
        }
        // In a file the range is the place.
        for used in found.uses.iter_mut().filter(|_| reading != Reading::File) {
            used.span = crate::error::refine(self.sources(), text, Some(used.range));
        }
        Ok(found)
    }
}

fn push(found: &mut Inspection, what: Used, name: &str, expr: &Expr, operand_end: u32) {
    let range = (expr.start as usize, expr.end as usize);
    found.uses.push(Use { what, name: name.to_owned(), range, operand_end: operand_end as usize, span: None });
}

fn arguments(args: &Args, found: &mut Inspection) {
    let keywords = args.keywords.iter().map(|(_, value)| value);
    for argument in args.positional.iter().chain(keywords).chain(&args.star).chain(&args.star_star) {
        expression(argument, found);
    }
}

fn expression(expr: &Expr, found: &mut Inspection) {
    match &expr.node {
        Node::Name(name) => push(found, Used::Name, name, expr, expr.end),
        Node::Filter(name, input, args) => {
            expression(input, found);
            push(found, Used::Filter, name, expr, input.end);
            arguments(args, found);
        }
        Node::Test(name, subject, args) => {
            expression(subject, found);
            push(found, Used::Test, name, expr, subject.end);
            arguments(args, found);
        }
        Node::Call(callee, args) => {
            match &callee.node {
                Node::Attr(object, name) => {
                    expression(object, found);
                    push(found, Used::Method, name, callee, object.end);
                }
                Node::Name(name) if matches!(&**name, "lookup" | "query" | "q") => {
                    if let Some(Expr { node: Node::Const(plugin), .. }) = args.positional.first()
                        && let Some(plugin) = plugin.as_str()
                    {
                        push(found, Used::Lookup, plugin, expr, callee.end);
                    }
                }
                _ => expression(callee, found),
            }
            arguments(args, found);
        }
        Node::Attr(object, name) => {
            expression(object, found);
            push(found, Used::Attribute, name, expr, object.end);
        }
        Node::Embedded(_) => found.embedded.push((expr.start as usize, expr.end as usize)),
        _ => expr.parts().into_iter().for_each(|part| expression(part, found)),
    }
}

fn statements(body: &[Stmt], found: &mut Inspection) {
    for statement in body {
        match statement {
            Stmt::Data(_) | Stmt::Break | Stmt::Continue => {}
            Stmt::Emit(expr) | Stmt::Set(_, expr) | Stmt::Do(expr) | Stmt::Extends(expr) => expression(expr, found),
            Stmt::If(branches, otherwise) => {
                for (test, body) in branches {
                    expression(test, found);
                    statements(body, found);
                }
                statements(otherwise, found);
            }
            Stmt::For { iter, only, body, otherwise, .. } => {
                expression(iter, found);
                if let Some(only) = only {
                    expression(only, found);
                }
                statements(body, found);
                statements(otherwise, found);
            }
            Stmt::SetBlock { body, .. } | Stmt::Macro { body, .. } | Stmt::Block { body, .. } => {
                statements(body, found);
            }
            Stmt::CallBlock { call, body, .. } => {
                expression(call, found);
                statements(body, found);
            }
            Stmt::FilterBlock { filters, body } => {
                expression(filters, found);
                statements(body, found);
            }
            Stmt::With { targets, body } => {
                for (_, value) in targets {
                    expression(value, found);
                }
                statements(body, found);
            }
            Stmt::Include { name, .. } | Stmt::Import { name, .. } | Stmt::FromImport { name, .. } => {
                expression(name, found);
            }
        }
    }
}

/// What kind of value an expression yields.
fn yields(expr: &Expr) -> Yields {
    match &expr.node {
        Node::Not(_) | Node::Compare(..) | Node::Test(..) => Yields::Boolean,
        Node::Const(value) => match crate::py::type_name(value) {
            "bool" => Yields::Boolean,
            other => Yields::Other(other),
        },
        Node::Embedded(_) => Yields::Unknown,
        Node::List(_) => Yields::Other("list"),
        Node::Tuple(_) => Yields::Other("tuple"),
        Node::Dict(_) => Yields::Other("dict"),
        Node::Concat(_) => Yields::Other("str"),
        Node::Neg(_) | Node::Pos(_) => Yields::Other("int"),
        Node::Filter(name, ..) => {
            let name = crate::find_filter(name).map_or(&**name, |filter| filter.name);
            match TYPED.iter().find(|(filter, _)| *filter == name) {
                Some((_, kind)) => Yields::Other(kind),
                None if matches!(name, "bool" | "any" | "all") => Yields::Boolean,
                None => Yields::Unknown,
            }
        }
        // What a chain yields is one of its operands.
        Node::And(a, b) => match (yields(a), yields(b)) {
            (Yields::Other(kind), Yields::Other(_)) => Yields::Other(kind),
            (_, Yields::Other(kind) | Yields::Perhaps(kind)) | (Yields::Other(kind) | Yields::Perhaps(kind), _) => {
                // A true left side never shows, whatever it is.
                match yields(b) {
                    Yields::Boolean => Yields::Perhaps(kind),
                    Yields::Other(kind) => Yields::Other(kind),
                    _ => Yields::Perhaps(kind),
                }
            }
            (Yields::Boolean, Yields::Boolean) => Yields::Boolean,
            _ => Yields::Unknown,
        },
        Node::Or(a, b) => match (yields(a), yields(b)) {
            (Yields::Other(kind), Yields::Other(_)) => Yields::Other(kind),
            (Yields::Other(kind) | Yields::Perhaps(kind), _) | (_, Yields::Other(kind) | Yields::Perhaps(kind)) => {
                Yields::Perhaps(kind)
            }
            (Yields::Boolean, Yields::Boolean) => Yields::Boolean,
            _ => Yields::Unknown,
        },
        Node::Attr(_, name) => match RESULTS.iter().find(|(attribute, _)| **attribute == **name) {
            Some((_, kind)) => Yields::Perhaps(kind),
            None => Yields::Unknown,
        },
        Node::Cond(_, then, Some(otherwise)) => match (yields(then), yields(otherwise)) {
            (Yields::Boolean, Yields::Boolean) => Yields::Boolean,
            (Yields::Other(kind), Yields::Other(_)) => Yields::Other(kind),
            (Yields::Other(kind), _) | (_, Yields::Other(kind)) => Yields::Perhaps(kind),
            _ => Yields::Unknown,
        },
        Node::Call(callee, _) => match &callee.node {
            Node::Attr(_, method) => match &**method {
                "startswith" | "endswith" | "isdigit" | "isalpha" | "isalnum" | "isspace" | "islower" | "isupper" => {
                    Yields::Boolean
                }
                "find" | "rfind" | "index" | "rindex" | "count" => Yields::Other("int"),
                "split" | "rsplit" | "splitlines" => Yields::Other("list"),
                "strip" | "lower" | "upper" | "replace" | "join" | "format" => Yields::Other("str"),
                _ => Yields::Unknown,
            },
            _ => Yields::Unknown,
        },
        _ => Yields::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn condition(text: &str) -> Inspection {
        let engine = Engine::new(crate::EngineOptions::default());
        engine.inspect(&Text::trusted(text), Reading::Condition).unwrap()
    }

    #[test]
    fn what_a_condition_yields_is_told_where_it_can_be() {
        for (text, wanted) in [
            ("a is defined", Yields::Boolean),
            ("not a", Yields::Boolean),
            ("a == 1 and b", Yields::Unknown),
            ("a is defined and a | length", Yields::Other("int")),
            ("a | length and b == 1", Yields::Perhaps("int")),
            ("a.stdout", Yields::Perhaps("str")),
            ("a.stdout or b.stdout", Yields::Perhaps("str")),
            ("a | bool", Yields::Boolean),
            ("a | default(false)", Yields::Unknown),
            ("a.find('x')", Yields::Other("int")),
            ("'x'", Yields::Other("str")),
            ("true", Yields::Boolean),
            ("1 if a else 2", Yields::Other("int")),
        ] {
            assert_eq!(condition(text).yields, wanted, "{text}");
        }
    }

    #[test]
    fn uses_come_with_their_places() {
        let found = condition("not result|failed and lookup('env', h.iteritems()) is match('x')");
        let shown: Vec<(Used, &str)> = found.uses.iter().map(|used| (used.what.clone(), used.name.as_str())).collect();
        assert_eq!(
            shown,
            [
                (Used::Name, "result"),
                (Used::Filter, "failed"),
                (Used::Lookup, "env"),
                (Used::Name, "h"),
                (Used::Method, "iteritems"),
                (Used::Test, "match"),
            ]
        );
        assert_eq!((found.uses[1].operand_end, found.uses[1].range), (10, (4, 17)));
        let engine = Engine::new(crate::EngineOptions::default());
        let found = engine.inspect(&Text::trusted("{{ range(3) }}"), Reading::Template).unwrap();
        assert!(found.range);
    }
}
