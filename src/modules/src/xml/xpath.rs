//! XPath 1.0: reads expressions and evaluates them on a document.

use std::collections::HashMap;

use super::tree::{Document, Id, Kind, Name};

/// What can be found: a node, or an attribute of an element by its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Found {
    Node(Id),
    Attribute(Id, usize),
}

/// What an expression comes to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    Nodes(Vec<Found>),
    Text(String),
    Number(f64),
    Truth(bool),
}

/// Why an expression is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum XPathError {
    /// It cannot be read.
    #[error("{0}")]
    Syntax(&'static str),
    /// It cannot be evaluated.
    #[error("{0}")]
    Evaluation(String),
}

const INVALID: XPathError = XPathError::Syntax("Invalid expression");

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Name(String),
    Text(String),
    Number(f64),
    Variable,
    Sign(&'static str),
}

const SIGNS: [&str; 22] = [
    "::", "//", "..", "!=", "<=", ">=", "(", ")", "[", "]", ".", "@", ",", "/", "|", "+", "-", "=", "<", ">", "*", "$",
];

fn tokens(text: &str) -> Result<Vec<Token>, XPathError> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let digit = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
        if matches!(first, '"' | '\'') {
            let (inside, after) = rest[1..].split_once(first).ok_or(XPathError::Syntax("Unfinished literal"))?;
            tokens.push(Token::Text(inside.to_owned()));
            rest = after;
        } else if digit(rest) || first == '.' && digit(&rest[1..]) {
            let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
            tokens.push(Token::Number(rest[..end].parse().map_err(|_| INVALID)?));
            rest = &rest[end..];
        } else if first.is_alphabetic() || first == '_' {
            let word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
            let mut end = rest.find(|c| !word(c)).unwrap_or(rest.len());
            // One colon belongs to a name, two to an axis.
            if let Some(after) = rest[end..].strip_prefix(':').filter(|after| !after.starts_with(':')) {
                end += 1 + match after.strip_prefix('*') {
                    Some(_) => 1,
                    None => after.find(|c| !word(c)).unwrap_or(after.len()),
                };
            }
            tokens.push(Token::Name(rest[..end].to_owned()));
            rest = &rest[end..];
        } else {
            let sign = SIGNS.into_iter().find(|sign| rest.starts_with(sign)).ok_or(INVALID)?;
            tokens.push(if sign == "$" { Token::Variable } else { Token::Sign(sign) });
            rest = &rest[sign.len()..];
        }
        rest = rest.trim_start();
    }
    Ok(tokens)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Axis {
    Ancestor,
    AncestorOrSelf,
    Attribute,
    Child,
    Descendant,
    DescendantOrSelf,
    Following,
    FollowingSibling,
    Parent,
    Preceding,
    PrecedingSibling,
    Own,
}

impl Axis {
    fn find(name: &str) -> Option<Self> {
        Some(match name {
            "ancestor" => Self::Ancestor,
            "ancestor-or-self" => Self::AncestorOrSelf,
            "attribute" => Self::Attribute,
            "child" => Self::Child,
            "descendant" => Self::Descendant,
            "descendant-or-self" => Self::DescendantOrSelf,
            "following" => Self::Following,
            "following-sibling" => Self::FollowingSibling,
            "parent" => Self::Parent,
            "preceding" => Self::Preceding,
            "preceding-sibling" => Self::PrecedingSibling,
            "self" => Self::Own,
            _ => return None,
        })
    }
}

#[derive(Clone, Debug)]
enum Test {
    /// `prefix:local`, with `*` for any.
    Name(Option<String>, String),
    Node,
    Text,
    Comment,
    Instruction(Option<String>),
}

#[derive(Clone, Debug)]
struct Step {
    axis: Axis,
    test: Test,
    predicates: Vec<Expression>,
}

#[derive(Clone, Debug)]
enum Expression {
    Binary(&'static str, Box<Expression>, Box<Expression>),
    Negative(Box<Expression>),
    Text(String),
    Number(f64),
    Call(String, Vec<Expression>),
    /// From the root or from here.
    Path(bool, Vec<Step>),
    /// Steps from what an expression finds.
    From(Box<Expression>, Vec<Expression>, Vec<Step>),
}

/// A compiled expression.
#[derive(Clone, Debug)]
pub(crate) struct XPath(Expression);

struct Reader {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

/// How deep expressions may be nested.
const DEEPEST: usize = 200;

impl XPath {
    /// Reads an expression.
    pub(crate) fn compile(text: &str) -> Result<Self, XPathError> {
        let mut reader = Reader { tokens: tokens(text)?, at: 0, depth: 0 };
        let expression = reader.binary(0)?;
        if reader.at == reader.tokens.len() { Ok(Self(expression)) } else { Err(INVALID) }
    }

    /// Evaluates it, from a node.
    pub(crate) fn evaluate(
        &self,
        document: &Document,
        from: Id,
        namespaces: &HashMap<String, String>,
    ) -> Result<Outcome, XPathError> {
        let mut order = HashMap::new();
        number(document, Document::ROOT, &mut order);
        let evaluator = Evaluator { document, namespaces, order };
        evaluator.evaluate(&self.0, &Place { node: Found::Node(from), position: 1, size: 1 })
    }
}

/// Operators by how loosely they bind.
const LEVELS: [&[&str]; 7] =
    [&["or"], &["and"], &["=", "!="], &["<=", ">=", "<", ">"], &["+", "-"], &["*", "div", "mod"], &["|"]];

impl Reader {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn eat(&mut self, sign: &'static str) -> bool {
        let found = self.peek() == Some(&Token::Sign(sign));
        self.at += usize::from(found);
        found
    }

    fn binary(&mut self, level: usize) -> Result<Expression, XPathError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(INVALID);
        }
        let Some(operators) = LEVELS.get(level) else { return self.path_of() };
        // The minus before a number binds tighter than all but the union.
        let mut left = if level == 6 && self.eat("-") {
            Expression::Negative(Box::new(self.binary(6)?))
        } else {
            self.binary(level + 1)?
        };
        loop {
            let found = match self.peek() {
                Some(Token::Sign(sign)) => operators.iter().find(|operator| *operator == sign),
                Some(Token::Name(name)) => operators.iter().find(|operator| *operator == name),
                _ => None,
            };
            let Some(operator) = found else { break };
            self.at += 1;
            left = Expression::Binary(operator, Box::new(left), Box::new(self.binary(level + 1)?));
        }
        self.depth -= 1;
        Ok(left)
    }

    /// A location path, or something to start one from.
    fn path_of(&mut self) -> Result<Expression, XPathError> {
        self.depth -= 1;
        let primary = match self.peek() {
            Some(Token::Text(text)) => Some(Expression::Text(text.clone())),
            Some(Token::Number(number)) => Some(Expression::Number(*number)),
            Some(Token::Variable) => return Err(XPathError::Syntax("Undefined variable")),
            _ => None,
        };
        let primary = if primary.is_some() {
            self.at += 1;
            primary
        } else if self.eat("(") {
            let inside = self.binary(0)?;
            if !self.eat(")") {
                return Err(INVALID);
            }
            Some(inside)
        } else {
            self.call()?
        };
        let Some(primary) = primary else { return self.path() };
        let predicates = self.predicates()?;
        let mut steps = Vec::new();
        if self.eat("//") {
            steps.push(any());
            self.steps(&mut steps)?;
        } else if self.eat("/") {
            self.steps(&mut steps)?;
        }
        if predicates.is_empty() && steps.is_empty() {
            return Ok(primary);
        }
        Ok(Expression::From(Box::new(primary), predicates, steps))
    }

    fn call(&mut self) -> Result<Option<Expression>, XPathError> {
        let (Some(Token::Name(name)), Some(Token::Sign("("))) = (self.peek(), self.tokens.get(self.at + 1)) else {
            return Ok(None);
        };
        if matches!(name.as_str(), "node" | "text" | "comment" | "processing-instruction") {
            return Ok(None);
        }
        let name = name.clone();
        self.at += 2;
        let mut arguments = Vec::new();
        if !self.eat(")") {
            loop {
                arguments.push(self.binary(0)?);
                if self.eat(")") {
                    break;
                }
                if !self.eat(",") {
                    return Err(INVALID);
                }
            }
        }
        Ok(Some(Expression::Call(name, arguments)))
    }

    fn path(&mut self) -> Result<Expression, XPathError> {
        let mut steps = Vec::new();
        if self.eat("//") {
            steps.push(any());
            self.steps(&mut steps)?;
            return Ok(Expression::Path(true, steps));
        }
        let absolute = self.eat("/");
        if absolute && !self.begins_step() {
            return Ok(Expression::Path(true, steps));
        }
        self.steps(&mut steps)?;
        Ok(Expression::Path(absolute, steps))
    }

    fn begins_step(&self) -> bool {
        matches!(self.peek(), Some(Token::Name(_) | Token::Sign("." | ".." | "@" | "*")))
    }

    fn steps(&mut self, steps: &mut Vec<Step>) -> Result<(), XPathError> {
        loop {
            steps.push(self.step()?);
            if self.eat("//") {
                steps.push(any());
            } else if !self.eat("/") {
                return Ok(());
            }
        }
    }

    fn step(&mut self) -> Result<Step, XPathError> {
        if self.eat("..") {
            return Ok(Step { axis: Axis::Parent, test: Test::Node, predicates: Vec::new() });
        }
        if self.eat(".") {
            return Ok(Step { axis: Axis::Own, test: Test::Node, predicates: Vec::new() });
        }
        let axis = match (self.peek(), self.tokens.get(self.at + 1)) {
            (Some(Token::Name(name)), Some(Token::Sign("::"))) => {
                let axis = Axis::find(name).ok_or(INVALID)?;
                self.at += 2;
                axis
            }
            (Some(Token::Sign("@")), _) => {
                self.at += 1;
                Axis::Attribute
            }
            _ => Axis::Child,
        };
        let test = self.test()?;
        Ok(Step { axis, test, predicates: self.predicates()? })
    }

    fn test(&mut self) -> Result<Test, XPathError> {
        if self.eat("*") {
            return Ok(Test::Name(None, "*".to_owned()));
        }
        let Some(Token::Name(name)) = self.peek().cloned() else { return Err(INVALID) };
        self.at += 1;
        if self.peek() != Some(&Token::Sign("(")) {
            let (prefix, local) = match name.split_once(':') {
                Some((prefix, local)) => (Some(prefix.to_owned()), local.to_owned()),
                None => (None, name),
            };
            return if local.is_empty() { Err(INVALID) } else { Ok(Test::Name(prefix, local)) };
        }
        self.at += 1;
        let test = match name.as_str() {
            "node" => Test::Node,
            "text" => Test::Text,
            "comment" => Test::Comment,
            _ => match self.peek().cloned() {
                Some(Token::Text(target)) => {
                    self.at += 1;
                    Test::Instruction(Some(target))
                }
                _ => Test::Instruction(None),
            },
        };
        if self.eat(")") { Ok(test) } else { Err(INVALID) }
    }

    fn predicates(&mut self) -> Result<Vec<Expression>, XPathError> {
        let mut predicates = Vec::new();
        while self.eat("[") {
            predicates.push(self.binary(0)?);
            if !self.eat("]") {
                return Err(XPathError::Syntax("Invalid predicate"));
            }
        }
        Ok(predicates)
    }
}

/// The step that `//` stands for.
fn any() -> Step {
    Step { axis: Axis::DescendantOrSelf, test: Test::Node, predicates: Vec::new() }
}

fn number(document: &Document, id: Id, order: &mut HashMap<Id, usize>) {
    let mut open = vec![id];
    while let Some(id) = open.pop() {
        order.insert(id, order.len());
        open.extend(document.children(id).iter().rev());
    }
}

struct Place {
    node: Found,
    position: usize,
    size: usize,
}

struct Evaluator<'a> {
    document: &'a Document,
    namespaces: &'a HashMap<String, String>,
    /// Nodes in the order of the document.
    order: HashMap<Id, usize>,
}

impl Evaluator<'_> {
    fn evaluate(&self, expression: &Expression, place: &Place) -> Result<Outcome, XPathError> {
        Ok(match expression {
            Expression::Text(text) => Outcome::Text(text.clone()),
            Expression::Number(number) => Outcome::Number(*number),
            Expression::Negative(inside) => Outcome::Number(-self.number(&self.evaluate(inside, place)?)),
            Expression::Binary(operator, left, right) => self.binary(operator, left, right, place)?,
            Expression::Call(name, arguments) => self.call(name, arguments, place)?,
            Expression::Path(absolute, steps) => {
                let start = if *absolute { Found::Node(Document::ROOT) } else { place.node };
                Outcome::Nodes(self.walk(vec![start], steps)?)
            }
            Expression::From(start, predicates, steps) => {
                let mut nodes = Self::nodes(self.evaluate(start, place)?)?;
                for predicate in predicates {
                    nodes = self.filter(nodes, predicate)?;
                }
                Outcome::Nodes(self.walk(nodes, steps)?)
            }
        })
    }

    fn nodes(outcome: Outcome) -> Result<Vec<Found>, XPathError> {
        match outcome {
            Outcome::Nodes(nodes) => Ok(nodes),
            _ => Err(XPathError::Evaluation("Invalid type".to_owned())),
        }
    }

    fn binary(
        &self,
        operator: &str,
        left: &Expression,
        right: &Expression,
        place: &Place,
    ) -> Result<Outcome, XPathError> {
        let first = self.evaluate(left, place)?;
        match operator {
            "or" | "and" => {
                let known = Self::truth(&first);
                if known == (operator == "or") {
                    return Ok(Outcome::Truth(known));
                }
                return Ok(Outcome::Truth(Self::truth(&self.evaluate(right, place)?)));
            }
            _ => {}
        }
        let second = self.evaluate(right, place)?;
        let numbers = |work: fn(f64, f64) -> f64| Outcome::Number(work(self.number(&first), self.number(&second)));
        Ok(match operator {
            "+" => numbers(|a, b| a + b),
            "-" => numbers(|a, b| a - b),
            "*" => numbers(|a, b| a * b),
            "div" => numbers(|a, b| a / b),
            "mod" => numbers(|a, b| a % b),
            "|" => {
                let mut all = Self::nodes(first)?;
                all.extend(Self::nodes(second)?);
                Outcome::Nodes(self.sorted(all))
            }
            _ => Outcome::Truth(self.compare(operator, &first, &second)),
        })
    }

    /// Sets of nodes compare by any of theirs.
    fn compare(&self, operator: &str, left: &Outcome, right: &Outcome) -> bool {
        let each = |nodes: &[Found]| nodes.iter().map(|node| Outcome::Text(self.value(*node))).collect::<Vec<_>>();
        match (left, right) {
            (Outcome::Nodes(_), Outcome::Truth(_)) | (Outcome::Truth(_), Outcome::Nodes(_)) => {
                self.simple(operator, &Outcome::Truth(Self::truth(left)), &Outcome::Truth(Self::truth(right)))
            }
            (Outcome::Nodes(nodes), other) => each(nodes).iter().any(|one| self.compare(operator, one, other)),
            (other, Outcome::Nodes(nodes)) => each(nodes).iter().any(|one| self.compare(operator, other, one)),
            _ => self.simple(operator, left, right),
        }
    }

    #[expect(clippy::float_cmp, reason = "XPath compares numbers exactly")]
    fn simple(&self, operator: &str, left: &Outcome, right: &Outcome) -> bool {
        let (a, b) = (self.number(left), self.number(right));
        let equal = match (left, right) {
            (Outcome::Truth(_), _) | (_, Outcome::Truth(_)) => Self::truth(left) == Self::truth(right),
            (Outcome::Number(_), _) | (_, Outcome::Number(_)) => a == b,
            _ => self.text(left) == self.text(right),
        };
        match operator {
            "=" => equal,
            "!=" => !equal,
            "<" => a < b,
            "<=" => a <= b,
            ">" => a > b,
            _ => a >= b,
        }
    }

    fn value(&self, found: Found) -> String {
        match found {
            Found::Node(id) => self.document.string_value(id),
            Found::Attribute(id, at) => self.document.attributes(id)[at].1.clone(),
        }
    }

    fn truth(outcome: &Outcome) -> bool {
        match outcome {
            Outcome::Nodes(nodes) => !nodes.is_empty(),
            Outcome::Text(text) => !text.is_empty(),
            Outcome::Number(number) => *number != 0.0 && !number.is_nan(),
            Outcome::Truth(truth) => *truth,
        }
    }

    fn text(&self, outcome: &Outcome) -> String {
        match outcome {
            Outcome::Nodes(nodes) => nodes.first().map(|node| self.value(*node)).unwrap_or_default(),
            Outcome::Text(text) => text.clone(),
            Outcome::Number(number) if number.is_nan() => "NaN".to_owned(),
            Outcome::Number(number) if number.is_infinite() => {
                if *number > 0.0 { "Infinity" } else { "-Infinity" }.to_owned()
            }
            Outcome::Number(number) => {
                if *number == 0.0 {
                    "0".to_owned()
                } else {
                    number.to_string()
                }
            }
            Outcome::Truth(truth) => truth.to_string(),
        }
    }

    fn number(&self, outcome: &Outcome) -> f64 {
        match outcome {
            Outcome::Number(number) => *number,
            Outcome::Truth(truth) => f64::from(u8::from(*truth)),
            other => {
                let text = self.text(other);
                let text = text.trim();
                let plain = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-'));
                text.parse().ok().filter(|_| plain).unwrap_or(f64::NAN)
            }
        }
    }

    /// Each once, in the order of the document.
    fn sorted(&self, mut nodes: Vec<Found>) -> Vec<Found> {
        nodes.sort_by_key(|found| match found {
            Found::Node(id) => (self.order.get(id).copied().unwrap_or(usize::MAX), 0),
            Found::Attribute(id, at) => (self.order.get(id).copied().unwrap_or(usize::MAX), at + 1),
        });
        nodes.dedup();
        nodes
    }

    fn walk(&self, start: Vec<Found>, steps: &[Step]) -> Result<Vec<Found>, XPathError> {
        let mut nodes = start;
        for step in steps {
            let mut next = Vec::new();
            for node in nodes {
                let mut found = Vec::new();
                for candidate in self.along(node, step.axis) {
                    if self.fits(candidate, step)? {
                        found.push(candidate);
                    }
                }
                for predicate in &step.predicates {
                    found = self.filter(found, predicate)?;
                }
                next.extend(found);
            }
            nodes = self.sorted(next);
        }
        Ok(nodes)
    }

    fn filter(&self, nodes: Vec<Found>, predicate: &Expression) -> Result<Vec<Found>, XPathError> {
        let size = nodes.len();
        let mut kept = Vec::new();
        for (index, node) in nodes.into_iter().enumerate() {
            let position = index + 1;
            let keep = match self.evaluate(predicate, &Place { node, position, size })? {
                #[expect(clippy::float_cmp, reason = "positions are whole numbers")]
                Outcome::Number(number) => number == position as f64,
                other => Self::truth(&other),
            };
            if keep {
                kept.push(node);
            }
        }
        Ok(kept)
    }

    fn parent(&self, found: Found) -> Option<Id> {
        match found {
            Found::Node(id) => self.document.parent(id),
            Found::Attribute(id, _) => Some(id),
        }
    }

    fn descendants(&self, id: Id, into: &mut Vec<Found>) {
        let mut open: Vec<Id> = self.document.children(id).iter().rev().copied().collect();
        while let Some(id) = open.pop() {
            into.push(Found::Node(id));
            open.extend(self.document.children(id).iter().rev());
        }
    }

    /// The nodes of an axis, nearest first.
    fn along(&self, from: Found, axis: Axis) -> Vec<Found> {
        let document = self.document;
        let mut found = Vec::new();
        let siblings = |after: bool| -> Vec<Id> {
            let Found::Node(id) = from else { return Vec::new() };
            let Some(parent) = document.parent(id) else { return Vec::new() };
            let all = document.children(parent);
            let at = all.iter().position(|child| *child == id).unwrap_or(0);
            if after { all[at + 1..].to_vec() } else { all[..at].iter().rev().copied().collect() }
        };
        match (axis, from) {
            (Axis::Own, _) => found.push(from),
            (Axis::Child, Found::Node(id)) => found.extend(document.children(id).iter().map(|id| Found::Node(*id))),
            (Axis::Attribute, Found::Node(id)) => {
                found.extend((0..document.attributes(id).len()).map(|at| Found::Attribute(id, at)));
            }
            (Axis::Descendant, Found::Node(id)) => self.descendants(id, &mut found),
            (Axis::DescendantOrSelf, Found::Node(id)) => {
                found.push(from);
                self.descendants(id, &mut found);
            }
            (Axis::DescendantOrSelf, Found::Attribute(..)) => found.push(from),
            (Axis::Parent, _) => found.extend(self.parent(from).map(Found::Node)),
            (Axis::Ancestor | Axis::AncestorOrSelf, _) => {
                found.extend((axis == Axis::AncestorOrSelf).then_some(from));
                let mut at = self.parent(from);
                while let Some(id) = at {
                    found.push(Found::Node(id));
                    at = document.parent(id);
                }
            }
            (Axis::FollowingSibling, _) => found.extend(siblings(true).into_iter().map(Found::Node)),
            (Axis::PrecedingSibling, _) => found.extend(siblings(false).into_iter().map(Found::Node)),
            (Axis::Following | Axis::Preceding, _) => {
                let mut all = Vec::new();
                self.descendants(Document::ROOT, &mut all);
                let own = match from {
                    Found::Node(id) | Found::Attribute(id, _) => id,
                };
                let mut kin = vec![from];
                self.descendants(own, &mut kin);
                kin.extend(self.along(from, Axis::Ancestor));
                let place = |id: Id| self.order.get(&id).copied().unwrap_or(0);
                all.retain(|node| {
                    let Found::Node(id) = *node else { return false };
                    (place(id) > place(own)) == (axis == Axis::Following) && !kin.contains(node)
                });
                if axis == Axis::Preceding {
                    all.reverse();
                }
                found = all;
            }
            (Axis::Child | Axis::Attribute | Axis::Descendant, Found::Attribute(..)) => {}
        }
        found
    }

    fn fits(&self, found: Found, step: &Step) -> Result<bool, XPathError> {
        let kind = match found {
            Found::Node(id) => Some(self.document.kind(id)),
            Found::Attribute(..) => None,
        };
        Ok(match &step.test {
            Test::Node => !matches!(kind, Some(Kind::Doctype(_))),
            Test::Text => matches!(kind, Some(Kind::Text(_) | Kind::Cdata(_))),
            Test::Comment => matches!(kind, Some(Kind::Comment(_))),
            Test::Instruction(wanted) => {
                matches!(kind, Some(Kind::Instruction(target, _)) if wanted.as_ref().is_none_or(|wanted| wanted == target))
            }
            Test::Name(prefix, local) => {
                let uri = match prefix.as_deref() {
                    Some("xml") => Some("http://www.w3.org/XML/1998/namespace"),
                    Some(prefix) => Some(
                        self.namespaces
                            .get(prefix)
                            .map(String::as_str)
                            .ok_or_else(|| XPathError::Evaluation("Undefined namespace prefix".to_owned()))?,
                    ),
                    None => None,
                };
                let name: Option<&Name> = match found {
                    Found::Node(id) if step.axis != Axis::Attribute => self.document.name(id),
                    Found::Attribute(id, at) => Some(&self.document.attributes(id)[at].0),
                    Found::Node(_) => None,
                };
                name.is_some_and(|name| {
                    let any = local == "*";
                    (any || name.local == *local) && (prefix.is_none() && any || name.uri.as_deref() == uri)
                })
            }
        })
    }

    fn call(&self, name: &str, arguments: &[Expression], place: &Place) -> Result<Outcome, XPathError> {
        let values: Vec<Outcome> =
            arguments.iter().map(|argument| self.evaluate(argument, place)).collect::<Result<_, _>>()?;
        let own = Outcome::Nodes(vec![place.node]);
        let first = values.first().unwrap_or(&own);
        let text = |at: usize| values.get(at).map(|value| self.text(value)).unwrap_or_default();
        let (least, most) = match name {
            "last" | "position" | "true" | "false" => (0, 0),
            "count" | "boolean" | "not" | "sum" | "floor" | "ceiling" | "round" | "lang" => (1, 1),
            "local-name" | "namespace-uri" | "name" | "string" | "string-length" | "normalize-space" | "number" => {
                (0, 1)
            }
            "concat" => (2, usize::MAX),
            "starts-with" | "contains" | "substring-before" | "substring-after" => (2, 2),
            "substring" => (2, 3),
            "translate" => (3, 3),
            _ => return Err(XPathError::Evaluation("Unregistered function".to_owned())),
        };
        if !(least..=most).contains(&values.len()) {
            return Err(XPathError::Evaluation("Invalid number of arguments".to_owned()));
        }
        Ok(match name {
            "last" => Outcome::Number(place.size as f64),
            "position" => Outcome::Number(place.position as f64),
            "true" => Outcome::Truth(true),
            "false" => Outcome::Truth(false),
            "count" => Outcome::Number(Self::nodes(first.clone())?.len() as f64),
            "boolean" => Outcome::Truth(Self::truth(first)),
            "not" => Outcome::Truth(!Self::truth(first)),
            "sum" => {
                let nodes = Self::nodes(first.clone())?;
                Outcome::Number(nodes.into_iter().map(|node| self.number(&Outcome::Text(self.value(node)))).sum())
            }
            "floor" => Outcome::Number(self.number(first).floor()),
            "ceiling" => Outcome::Number(self.number(first).ceil()),
            "round" => Outcome::Number((self.number(first) + 0.5).floor()),
            "local-name" | "namespace-uri" | "name" => {
                let found = Self::nodes(first.clone())?.first().copied();
                let known = match found {
                    Some(Found::Node(id)) => self.document.name(id),
                    Some(Found::Attribute(id, at)) => Some(&self.document.attributes(id)[at].0),
                    None => None,
                };
                Outcome::Text(match (name, known) {
                    (_, None) => String::new(),
                    ("name", Some(known)) => known.written(),
                    ("local-name", Some(known)) => known.local.clone(),
                    (_, Some(known)) => known.uri.clone().unwrap_or_default(),
                })
            }
            "string" => Outcome::Text(self.text(first)),
            "number" => Outcome::Number(self.number(first)),
            "string-length" => Outcome::Number(self.text(first).chars().count() as f64),
            "normalize-space" => Outcome::Text(self.text(first).split_whitespace().collect::<Vec<_>>().join(" ")),
            "concat" => Outcome::Text(values.iter().map(|value| self.text(value)).collect()),
            "starts-with" => Outcome::Truth(text(0).starts_with(&text(1))),
            "contains" => Outcome::Truth(text(0).contains(&text(1))),
            "substring-before" => {
                Outcome::Text(text(0).split_once(&text(1)).map(|(a, _)| a.to_owned()).unwrap_or_default())
            }
            "substring-after" => {
                Outcome::Text(text(0).split_once(&text(1)).map(|(_, b)| b.to_owned()).unwrap_or_default())
            }
            "substring" => {
                let round = |at: usize| (self.number(&values[at]) + 0.5).floor();
                let start = round(1);
                let end = if values.len() > 2 { start + round(2) } else { f64::INFINITY };
                let inside = |at: &(usize, char)| (at.0 + 1) as f64 >= start && ((at.0 + 1) as f64) < end;
                Outcome::Text(text(0).chars().enumerate().filter(inside).map(|(_, c)| c).collect())
            }
            "translate" => {
                let (from, to): (Vec<char>, Vec<char>) = (text(1).chars().collect(), text(2).chars().collect());
                let change = |c: char| match from.iter().position(|known| *known == c) {
                    Some(at) => to.get(at).copied(),
                    None => Some(c),
                };
                Outcome::Text(text(0).chars().filter_map(change).collect())
            }
            _ => {
                let wanted = text(0).to_lowercase();
                let mut at = match place.node {
                    Found::Node(id) | Found::Attribute(id, _) => Some(id),
                };
                let mut language = None;
                while let Some(id) = at.filter(|_| language.is_none()) {
                    language = self.document.attribute(id, "{http://www.w3.org/XML/1998/namespace}lang");
                    at = self.document.parent(id);
                }
                let language = language.unwrap_or_default().to_lowercase();
                Outcome::Truth(language == wanted || language.starts_with(&format!("{wanted}-")))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: &str = "<r xmlns:p='u'><a x='1'>one</a><a x='2'>two<b/></a><!--c--><p:a y='3'>7</p:a><n>5</n></r>";

    fn value(expression: &str) -> String {
        let document = Document::parse(TEXT.as_bytes(), false, false).unwrap();
        let namespaces = HashMap::from([("q".to_owned(), "u".to_owned())]);
        let outcome = match XPath::compile(expression) {
            Ok(compiled) => compiled.evaluate(&document, Document::ROOT, &namespaces),
            Err(error) => Err(error),
        };
        match outcome {
            Err(error) => format!("error: {error}"),
            Ok(Outcome::Nodes(nodes)) => {
                let shown = |found: &Found| match found {
                    Found::Node(id) => document.path(*id),
                    Found::Attribute(id, at) => {
                        format!("{}/@{}", document.path(*id), document.attributes(*id)[*at].0.written())
                    }
                };
                nodes.iter().map(shown).collect::<Vec<_>>().join(" ")
            }
            Ok(Outcome::Text(text)) => text,
            Ok(Outcome::Number(number)) => number.to_string(),
            Ok(Outcome::Truth(truth)) => truth.to_string(),
        }
    }

    #[test]
    fn expressions_find_what_xpath_says() {
        for (expression, expected) in [
            ("/r/a", "/r/a[1] /r/a[2]"),
            ("//b/..", "/r/a[2]"),
            ("//a[2]", "/r/a[2]"),
            ("//a[@x='2']/text()", "/r/a[2]/text()"),
            ("//@x", "/r/a[1]/@x /r/a[2]/@x"),
            ("//q:a", "/r/p:a"),
            ("/r/*[last()]", "/r/n"),
            ("//a[contains(., 'w')]", "/r/a[2]"),
            ("//n/preceding-sibling::a[1]", "/r/a[2]"),
            ("//b | //n", "/r/a[2]/b /r/n"),
            ("count(//a) + sum(//n) * 2 - 1", "11"),
            ("//n > 4 and not(//n = 'x')", "true"),
            ("concat(name(//*[@y]), '-', local-name(//*[@y]), '-', namespace-uri(//*[@y]))", "p:a-a-u"),
            ("substring('12345', 2, 3)", "234"),
            ("translate('bar', 'abc', 'AB')", "BAr"),
            ("normalize-space('  a  b ')", "a b"),
            ("//comment()", "/r/comment()"),
            ("(//a)[1]/@x", "/r/a[1]/@x"),
            ("-(2 - 3)", "1"),
            ("//none", ""),
        ] {
            assert_eq!(value(expression), expected, "{expression}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for expression in ["/r/", "//a[", "a b", "'x", "count(", "", "a[1", "@"] {
            assert!(value(expression).starts_with("error: "), "{expression}");
        }
        assert_eq!(value("//z:a"), "error: Undefined namespace prefix");
        assert_eq!(value("f(1)"), "error: Unregistered function");
        assert_eq!(value(&"(".repeat(10_000)), "error: Invalid expression");
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(text in "[ar/@\\[\\]().'1*:|=-]{0,24}") {
            let _ = value(&text);
        }
    }
}
