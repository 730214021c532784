//! Expressions, with Jinja2's precedence.

use std::sync::Arc;

use minijinja::Value as Mj;

use super::lexer::{Kind, Token, Tokens};
use super::tree::{Args, Compare, Expr, Math, Node};
use crate::TemplateError;
use crate::py::{self, Order};

/// Brackets and operators nested deeper than this are refused, so that no text can overflow the stack.
const DEEPEST: usize = 200;
/// A chain (`a + b + c`, `a | b | c`) is as high as it is long. Whoever walks or drops a tree goes as deep as it is high.
const HIGHEST: u16 = 1000;

pub(super) struct Parser<'t> {
    pub(super) text: &'t str,
    tokens: Vec<Token<'t>>,
    at: usize,
    depth: usize,
}

/// Parses a bare expression.
pub(super) fn expression<'t>(text: &'t str, Tokens { tokens, broken }: Tokens<'t>) -> Result<Expr, TemplateError> {
    let mut parser = Parser::new(text, tokens);
    let expr = whole(&mut parser);
    parser.settle(expr, broken)
}

fn whole(parser: &mut Parser<'_>) -> Result<Expr, TemplateError> {
    let text = parser.text;
    if parser.peek() == &Kind::End {
        return Err(
            TemplateError::syntax("Expected an expression, got 'end of print statement'").at_offset(0, text.len())
        );
    }
    let expr = parser.expr()?;
    match parser.peek() {
        Kind::End => Ok(expr),
        _ => Err(parser.refuse("chunk after expression")),
    }
}

impl<'t> Parser<'t> {
    pub(super) fn new(text: &'t str, tokens: Vec<Token<'t>>) -> Self {
        Self { text, tokens, at: 0, depth: 0 }
    }

    /// The outcome when the text's tokens end before the text: the parser's own, unless it came to that place.
    pub(super) fn settle<T>(
        &self,
        outcome: Result<T, TemplateError>,
        broken: Option<TemplateError>,
    ) -> Result<T, TemplateError> {
        match broken {
            Some(broken) if outcome.is_ok() || self.at + 1 >= self.tokens.len() => Err(broken),
            _ => outcome,
        }
    }

    pub(super) fn token(&self) -> &Token<'t> {
        &self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    pub(super) fn peek(&self) -> &Kind<'t> {
        &self.token().kind
    }

    fn peek_second(&self) -> &Kind<'t> {
        &self.tokens[(self.at + 1).min(self.tokens.len() - 1)].kind
    }

    pub(super) fn next(&mut self) -> Token<'t> {
        let token = self.token().clone();
        self.at += 1;
        token
    }

    pub(super) fn is_name(&self, name: &str) -> bool {
        matches!(self.peek(), Kind::Name(found) if *found == name)
    }

    pub(super) fn is_op(&self, op: &str) -> bool {
        matches!(self.peek(), Kind::Op(found) if *found == op)
    }

    pub(super) fn skip_name(&mut self, name: &str) -> bool {
        let found = self.is_name(name);
        self.at += usize::from(found);
        found
    }

    pub(super) fn skip_op(&mut self, op: &str) -> bool {
        let found = self.is_op(op);
        self.at += usize::from(found);
        found
    }

    pub(super) fn expect_op(&mut self, op: &str) -> Result<(), TemplateError> {
        if self.skip_op(op) { Ok(()) } else { Err(self.expected(op)) }
    }

    pub(super) fn expect_name(&mut self) -> Result<&'t str, TemplateError> {
        match self.peek() {
            Kind::Name(name) => {
                let name = *name;
                self.at += 1;
                Ok(name)
            }
            _ => Err(self.expected("name")),
        }
    }

    /// An error at the current token, which should be another one.
    pub(super) fn expected(&self, token: &str) -> TemplateError {
        match self.peek() {
            Kind::End => self.refuse(&format!("unexpected end of template, expected '{token}'.")),
            _ => self.unexpected(&format!("expected token '{token}'")),
        }
    }

    /// An error at the current token that names it, worded as Jinja2 does.
    pub(super) fn unexpected(&self, expected: &str) -> TemplateError {
        let found = self.found();
        self.refuse(&if expected.is_empty() {
            format!("unexpected '{found}'")
        } else {
            format!("{expected}, got '{found}'")
        })
    }

    /// An error at the current token.
    pub(super) fn refuse(&self, message: &str) -> TemplateError {
        let token = self.token();
        let end = if token.end > token.start { token.end } else { (token.start + 1).min(self.text.len()) };
        let start = if token.end > token.start { token.start } else { token.start.saturating_sub(2) };
        TemplateError::syntax(message).at_offset(start, end).hint(self.advice())
    }

    fn found(&self) -> String {
        let token = self.token();
        match &token.kind {
            Kind::End => "end of template".to_owned(),
            Kind::BlockEnd => "end of statement block".to_owned(),
            Kind::VariableEnd => "end of print statement".to_owned(),
            Kind::BlockBegin => "begin of statement block".to_owned(),
            Kind::VariableBegin => "begin of print statement".to_owned(),
            Kind::Data(_) => "template data".to_owned(),
            Kind::Str(_) => "string".to_owned(),
            Kind::Int(_) => "integer".to_owned(),
            Kind::Float(_) => "float".to_owned(),
            Kind::Name(name) => (*name).to_owned(),
            Kind::Op(op) => (*op).to_owned(),
        }
    }

    fn advice(&self) -> &'static str {
        match self.peek() {
            Kind::Op("=") => "compare with `==`",
            Kind::Name("is") => "one `is` test at a time: join tests with `and`",
            Kind::VariableBegin | Kind::Op("{") => "inside `{{ }}` and conditions names stand without braces",
            Kind::Str(_) => "join texts with `~`",
            Kind::Name(_) | Kind::Int(_) | Kind::Float(_) => "put an operator, a `|` or a comma between the two values",
            _ => "check quotes, brackets and operators around this place",
        }
    }

    fn make(&self, start: usize, node: Node) -> Result<Expr, TemplateError> {
        let end = self.at.checked_sub(1).map_or(start, |at| self.tokens[at.min(self.tokens.len() - 1)].end);
        let mut expr = Expr { node, start: start as u32, end: end.max(start) as u32, height: 1 };
        let mut below = 0;
        expr.parts_mut(&mut |part| below = below.max(part.height));
        if below >= HIGHEST {
            return Err(TemplateError::syntax("the expression is nested too deeply").at_offset(start, start + 1));
        }
        expr.height = below + 1;
        Ok(expr)
    }

    fn start(&self) -> usize {
        self.token().start
    }

    fn deeper<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T, TemplateError>) -> Result<T, TemplateError> {
        if self.depth >= DEEPEST {
            return Err(
                TemplateError::syntax("the expression is nested too deeply").at_offset(self.start(), self.start() + 1)
            );
        }
        self.depth += 1;
        let result = stacker::maybe_grow(128 * 1024, 2 * 1024 * 1024, || parse(self));
        self.depth -= 1;
        result
    }

    /// An expression with an inline `if`.
    pub(super) fn expr(&mut self) -> Result<Expr, TemplateError> {
        self.deeper(|parser| {
            let start = parser.start();
            let mut expr = parser.or()?;
            while parser.skip_name("if") {
                let test = parser.or()?;
                let otherwise = if parser.skip_name("else") { Some(Box::new(parser.expr()?)) } else { None };
                expr = parser.make(start, Node::Cond(Box::new(test), Box::new(expr), otherwise))?;
            }
            Ok(expr)
        })
    }

    /// An expression without an inline `if`.
    pub(super) fn expr_no_if(&mut self) -> Result<Expr, TemplateError> {
        self.deeper(Self::or)
    }

    fn or(&mut self) -> Result<Expr, TemplateError> {
        let start = self.start();
        let mut left = self.and()?;
        while self.skip_name("or") {
            let right = self.and()?;
            left = self.make(start, Node::Or(Box::new(left), Box::new(right)))?;
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Expr, TemplateError> {
        let start = self.start();
        let mut left = self.not()?;
        while self.skip_name("and") {
            let right = self.not()?;
            left = self.make(start, Node::And(Box::new(left), Box::new(right)))?;
        }
        Ok(left)
    }

    fn not(&mut self) -> Result<Expr, TemplateError> {
        let start = self.start();
        if self.skip_name("not") {
            let inner = self.deeper(Self::not)?;
            return self.make(start, Node::Not(Box::new(inner)));
        }
        self.compare()
    }

    fn compare(&mut self) -> Result<Expr, TemplateError> {
        let start = self.start();
        let left = self.math1()?;
        let mut rest = Vec::new();
        loop {
            let operator = match self.peek() {
                Kind::Op("==") => Compare::Equal,
                Kind::Op("!=") => Compare::NotEqual,
                Kind::Op("<") => Compare::Order(Order::Less),
                Kind::Op("<=") => Compare::Order(Order::LessEqual),
                Kind::Op(">") => Compare::Order(Order::Greater),
                Kind::Op(">=") => Compare::Order(Order::GreaterEqual),
                Kind::Name("in") => Compare::In,
                Kind::Name("not") if matches!(self.peek_second(), Kind::Name("in")) => {
                    self.at += 1;
                    Compare::NotIn
                }
                _ => break,
            };
            self.at += 1;
            rest.push((operator, self.math1()?));
        }
        if rest.is_empty() {
            return Ok(left);
        }
        self.make(start, Node::Compare(Box::new(left), rest))
    }

    fn math1(&mut self) -> Result<Expr, TemplateError> {
        let start = self.start();
        let mut left = self.concat()?;
        loop {
            let operator = match self.peek() {
                Kind::Op("+") => Math::Add,
                Kind::Op("-") => Math::Sub,
                _ => return Ok(left),
            };
            self.at += 1;
            let right = self.concat()?;
            left = self.make(start, Node::Math(operator, Box::new(left), Box::new(right)))?;
        }
    }

    fn concat(&mut self) -> Result<Expr, TemplateError> {
        let start = self.start();
        let first = self.math2()?;
        if !self.is_op("~") {
            return Ok(first);
        }
        let mut items = vec![first];
        while self.skip_op("~") {
            items.push(self.math2()?);
        }
        self.make(start, Node::Concat(items))
    }

    fn math2(&mut self) -> Result<Expr, TemplateError> {
        let start = self.start();
        let mut left = self.pow()?;
        loop {
            let operator = match self.peek() {
                Kind::Op("*") => Math::Mul,
                Kind::Op("/") => Math::Div,
                Kind::Op("//") => Math::FloorDiv,
                Kind::Op("%") => Math::Mod,
                _ => return Ok(left),
            };
            self.at += 1;
            let right = self.pow()?;
            left = self.make(start, Node::Math(operator, Box::new(left), Box::new(right)))?;
        }
    }

    fn pow(&mut self) -> Result<Expr, TemplateError> {
        let start = self.start();
        let mut left = self.unary(true)?;
        while self.skip_op("**") {
            let right = self.unary(true)?;
            left = self.make(start, Node::Math(Math::Pow, Box::new(left), Box::new(right)))?;
        }
        Ok(left)
    }

    fn unary(&mut self, with_filter: bool) -> Result<Expr, TemplateError> {
        let start = self.start();
        let mut expr = if self.skip_op("-") {
            let inner = self.deeper(|parser| parser.unary(false))?;
            self.make(start, Node::Neg(Box::new(inner)))?
        } else if self.skip_op("+") {
            let inner = self.deeper(|parser| parser.unary(false))?;
            self.make(start, Node::Pos(Box::new(inner)))?
        } else {
            self.primary()?
        };
        expr = self.postfix(expr)?;
        if with_filter { self.filters(expr) } else { Ok(expr) }
    }

    fn primary(&mut self) -> Result<Expr, TemplateError> {
        let start = self.start();
        let node = match self.peek().clone() {
            Kind::Name(name) => {
                self.at += 1;
                match name {
                    "true" | "True" => Node::Const(Mj::from(true)),
                    "false" | "False" => Node::Const(Mj::from(false)),
                    "none" | "None" => Node::Const(py::none()),
                    name => Node::Name(name.into()),
                }
            }
            Kind::Str(first) => {
                self.at += 1;
                let mut text = first;
                while let Kind::Str(more) = self.peek() {
                    text.push_str(more);
                    self.at += 1;
                }
                if text.contains("{{") || text.contains("{%") || text.contains("{#") {
                    Node::Embedded(Arc::from(text))
                } else {
                    Node::Const(Mj::from(Arc::<str>::from(text)))
                }
            }
            Kind::Int(number) => {
                self.at += 1;
                Node::Const(py::int(number))
            }
            Kind::Float(number) => {
                self.at += 1;
                Node::Const(Mj::from(number))
            }
            Kind::Op("(") => {
                self.at += 1;
                let inner = self.deeper(|parser| parser.tuple(true, true, &[]))?;
                self.expect_op(")")?;
                return Ok(inner);
            }
            Kind::Op("[") => {
                self.at += 1;
                let mut items = Vec::new();
                while !self.is_op("]") {
                    if !items.is_empty() {
                        self.expect_op(",")?;
                        if self.is_op("]") {
                            break;
                        }
                    }
                    items.push(self.expr()?);
                }
                self.expect_op("]")?;
                Node::List(items)
            }
            Kind::Op("{") => {
                self.at += 1;
                let mut items = Vec::new();
                while !self.is_op("}") {
                    if !items.is_empty() {
                        self.expect_op(",")?;
                        if self.is_op("}") {
                            break;
                        }
                    }
                    let key = self.expr()?;
                    self.expect_op(":")?;
                    items.push((key, self.expr()?));
                }
                self.expect_op("}")?;
                Node::Dict(items)
            }
            _ => return Err(self.unexpected("")),
        };
        self.make(start, node)
    }

    /// One expression, or several with commas between them as a tuple.
    pub(super) fn tuple(&mut self, with_if: bool, explicit: bool, ends: &[&str]) -> Result<Expr, TemplateError> {
        let start = self.start();
        let mut items = Vec::new();
        let mut is_tuple = false;
        loop {
            if !items.is_empty() {
                if !self.skip_op(",") {
                    break;
                }
                is_tuple = true;
            }
            let ended = match self.peek() {
                Kind::VariableEnd | Kind::BlockEnd | Kind::End | Kind::Op(")") => true,
                Kind::Name(name) => ends.contains(name),
                _ => false,
            };
            if ended {
                break;
            }
            items.push(if with_if { self.expr()? } else { self.expr_no_if()? });
        }
        if !is_tuple {
            if let Some(only) = items.pop() {
                return Ok(only);
            }
            if !explicit {
                return Err(self.unexpected("Expected an expression"));
            }
        }
        self.make(start, Node::Tuple(items))
    }

    fn postfix(&mut self, mut expr: Expr) -> Result<Expr, TemplateError> {
        let start = expr.start as usize;
        loop {
            if self.skip_op(".") {
                match self.peek().clone() {
                    Kind::Name(name) => {
                        self.at += 1;
                        expr = self.make(start, Node::Attr(Box::new(expr), name.into()))?;
                    }
                    Kind::Int(number) => {
                        self.at += 1;
                        let key = self.make(start, Node::Const(py::int(number)))?;
                        expr = self.make(start, Node::Item(Box::new(expr), Box::new(key)))?;
                    }
                    _ => return Err(self.refuse("expected name or number")),
                }
            } else if self.skip_op("[") {
                expr = self.subscript(expr, start)?;
            } else if self.is_op("(") {
                expr = self.call(expr)?;
            } else {
                return Ok(expr);
            }
        }
    }

    fn subscript(&mut self, object: Expr, start: usize) -> Result<Expr, TemplateError> {
        let key_start = self.start();
        let mut parts: [Option<Expr>; 3] = [None, None, None];
        let mut colons = 0;
        let mut more = Vec::new();
        while !self.is_op("]") {
            if self.skip_op(":") {
                colons += 1;
                if colons > 2 {
                    return Err(self.unexpected("expected token ']'"));
                }
            } else if colons == 0 && parts[0].is_some() {
                self.expect_op(",")?;
                if self.is_op("]") {
                    break;
                }
                more.push(self.expr()?);
            } else if parts[colons].is_some() {
                return Err(self.unexpected("expected token ']'"));
            } else {
                parts[colons] = Some(self.expr()?);
            }
        }
        self.expect_op("]")?;
        if colons > 0 {
            return self.make(start, Node::Slice(Box::new(object), Box::new(parts)));
        }
        let [Some(first), ..] = parts else { return Err(self.unexpected("expected a key or an index in []")) };
        let key = if more.is_empty() {
            first
        } else {
            more.insert(0, first);
            self.make(key_start, Node::Tuple(more))?
        };
        self.make(start, Node::Item(Box::new(object), Box::new(key)))
    }

    fn call(&mut self, callee: Expr) -> Result<Expr, TemplateError> {
        let start = callee.start as usize;
        let args = self.args()?;
        self.make(start, Node::Call(Box::new(callee), Box::new(args)))
    }

    fn args(&mut self) -> Result<Args, TemplateError> {
        self.expect_op("(")?;
        let mut args = Args::default();
        let mut first = true;
        while !self.is_op(")") {
            if !first {
                self.expect_op(",")?;
                if self.is_op(")") {
                    break;
                }
            }
            first = false;
            if self.skip_op("*") {
                if args.star.is_some() || args.star_star.is_some() {
                    return Err(self.refuse("invalid syntax for function call expression"));
                }
                args.star = Some(self.expr()?);
            } else if self.skip_op("**") {
                if args.star_star.is_some() {
                    return Err(self.refuse("invalid syntax for function call expression"));
                }
                args.star_star = Some(self.expr()?);
            } else if let (Kind::Name(name), Kind::Op("=")) = (self.peek().clone(), self.peek_second()) {
                if args.star_star.is_some() {
                    return Err(self.refuse("invalid syntax for function call expression"));
                }
                if args.keywords.iter().any(|(key, _)| **key == *name) {
                    return Err(self.unexpected(&format!("keyword argument repeated: {name}")));
                }
                self.at += 2;
                let value = self.expr()?;
                args.keywords.push((Arc::from(name), value));
            } else {
                if args.star.is_some() || args.star_star.is_some() || !args.keywords.is_empty() {
                    return Err(self.refuse("invalid syntax for function call expression"));
                }
                args.positional.push(self.expr()?);
            }
        }
        self.expect_op(")")?;
        Ok(args)
    }

    fn dotted_name(&mut self) -> Result<Box<str>, TemplateError> {
        let mut name = self.expect_name()?.to_owned();
        while self.skip_op(".") {
            name.push('.');
            name.push_str(self.expect_name()?);
        }
        Ok(name.into_boxed_str())
    }

    fn filters(&mut self, mut expr: Expr) -> Result<Expr, TemplateError> {
        let start = expr.start as usize;
        loop {
            if self.is_op("|") {
                expr = self.filter_chain(expr, start)?;
            } else if self.is_name("is") {
                expr = self.test(expr)?;
            } else if self.is_op("(") {
                expr = self.call(expr)?;
            } else {
                return Ok(expr);
            }
        }
    }

    fn filter_chain(&mut self, mut expr: Expr, start: usize) -> Result<Expr, TemplateError> {
        while self.skip_op("|") {
            expr = self.one_filter(expr, start)?;
        }
        Ok(expr)
    }

    fn one_filter(&mut self, input: Expr, start: usize) -> Result<Expr, TemplateError> {
        let name = self.dotted_name()?;
        let args = if self.is_op("(") { self.args()? } else { Args::default() };
        self.make(start, Node::Filter(name, Box::new(input), Box::new(args)))
    }

    /// The filters of a `filter` or `set` block; their input is [`Node::Hoisted`] 0.
    pub(super) fn block_filters(&mut self) -> Result<Expr, TemplateError> {
        let start = self.start();
        let input = Expr { node: Node::Hoisted(0), start: start as u32, end: start as u32, height: 1 };
        let first = self.one_filter(input, start)?;
        self.filter_chain(first, start)
    }

    fn test(&mut self, subject: Expr) -> Result<Expr, TemplateError> {
        let start = subject.start as usize;
        self.at += 1;
        let negated = self.skip_name("not");
        let name = self.dotted_name()?;
        let mut args = Args::default();
        match self.peek() {
            Kind::Op("(") => args = self.args()?,
            Kind::Name("else" | "or" | "and") => {}
            Kind::Name("is") => return Err(self.refuse("You cannot chain multiple tests with is")),
            // A `not` here belongs to `x is y not in z`, and `if` to an inline if: neither is an argument.
            Kind::Name("if" | "in" | "not" | "recursive") => {}
            Kind::Name(_) | Kind::Str(_) | Kind::Int(_) | Kind::Float(_) | Kind::Op("[" | "{") => {
                let argument = self.primary()?;
                args.positional.push(self.postfix(argument)?);
            }
            _ => {}
        }
        let test = self.make(start, Node::Test(name, Box::new(subject), Box::new(args)))?;
        Ok(if negated { self.make(start, Node::Not(Box::new(test)))? } else { test })
    }
}
