//! Block tags.

use super::lexer::{Kind, Tokens};
use super::parser::Parser;
use super::tree::{Node, Param, Stmt, Target, Tree};
use crate::TemplateError;

/// Every tag that may begin a statement, for suggestions.
const TAGS: [&str; 17] = [
    "if",
    "for",
    "set",
    "macro",
    "call",
    "filter",
    "with",
    "include",
    "import",
    "from",
    "extends",
    "block",
    "do",
    "break",
    "continue",
    "raw",
    "autoescape",
];

/// Branches of one `if`: minijinja nests each in the one before.
const LONGEST_IF: usize = 250;
/// Block tags nested deeper than this are refused, so that no text can overflow the stack.
const DEEPEST: usize = 100;

/// Parses a template.
pub(super) fn parse<'t>(text: &'t str, Tokens { tokens, broken }: Tokens<'t>) -> Result<Tree, TemplateError> {
    let mut statements = Statements { parser: Parser::new(text, tokens), open: Vec::new(), loops: 0 };
    let body = statements.body(&[]);
    statements.parser.settle(body, broken).map(|body| Tree { body })
}

struct Statements<'t> {
    parser: Parser<'t>,
    /// Tags that wait for their end, with their place.
    open: Vec<(&'t str, usize, usize)>,
    loops: usize,
}

impl Statements<'_> {
    /// Statements up to a tag whose name is in `ends` (left as the current token), or the end of the template.
    fn body(&mut self, ends: &[&str]) -> Result<Vec<Stmt>, TemplateError> {
        let mut out = Vec::new();
        loop {
            match self.parser.peek().clone() {
                Kind::End if ends.is_empty() => return Ok(out),
                Kind::End => {
                    let (name, start, end) = self.open.last().copied().unwrap_or(("block", 0, 0));
                    let message = format!(
                        "Unexpected end of template. Jinja was looking for the following tags: '{}'. The innermost block that needs to be closed is '{name}'.",
                        ends.join("' or '")
                    );
                    let error = TemplateError::syntax(message).at_offset(start, end);
                    return Err(error
                        .labelled("this is never closed")
                        .hint(format!("`{{% {name} %}}` ends with `{{% {} %}}`", ends.join(" %}` or `{% "))));
                }
                Kind::Data(data) => {
                    self.parser.next();
                    out.push(Stmt::Data(data));
                }
                Kind::VariableBegin => {
                    self.parser.next();
                    let expr = self.parser.tuple(true, false, &[])?;
                    if !matches!(self.parser.peek(), Kind::VariableEnd) {
                        return Err(self.parser.expected("end of print statement"));
                    }
                    self.parser.next();
                    out.push(Stmt::Emit(expr));
                }
                Kind::BlockBegin => {
                    self.parser.next();
                    if let Kind::Name(name) = self.parser.peek()
                        && ends.contains(name)
                    {
                        return Ok(out);
                    }
                    self.statement(&mut out, ends)?;
                }
                _ => return Err(self.parser.unexpected("expected template data or a tag")),
            }
        }
    }

    fn block_end(&mut self) -> Result<(), TemplateError> {
        // Jinja2 lets a tag end with a colon, as Python's statements do.
        self.parser.skip_op(":");
        if matches!(self.parser.peek(), Kind::BlockEnd) {
            self.parser.next();
            return Ok(());
        }
        Err(self.parser.expected("end of statement block"))
    }

    /// A body with its end tag, which is read completely.
    fn closed(&mut self, end: &str) -> Result<Vec<Stmt>, TemplateError> {
        self.block_end()?;
        let body = self.body(&[end])?;
        self.parser.next();
        Ok(body)
    }

    fn statement(&mut self, out: &mut Vec<Stmt>, ends: &[&str]) -> Result<(), TemplateError> {
        let token = self.parser.token().clone();
        let Kind::Name(name) = token.kind else {
            return Err(self.parser.unexpected("tag name expected"));
        };
        if self.open.len() >= DEEPEST {
            return Err(TemplateError::syntax("block tags are nested too deeply").at_offset(token.start, token.end));
        }
        self.parser.next();
        self.open.push((name, token.start, token.end));
        let statement = match name {
            "if" => self.parse_if()?,
            "for" => self.parse_for()?,
            "set" => self.parse_set()?,
            "macro" => {
                let name = self.parser.expect_name()?.into();
                let params = self.params()?;
                let loops = std::mem::take(&mut self.loops);
                let body = self.closed("endmacro")?;
                self.loops = loops;
                // The name may be repeated in the end tag of a block only; macros end plainly.
                Stmt::Macro { name, params, body }
            }
            "call" => {
                let params = if self.parser.is_op("(") { self.params()? } else { Vec::new() };
                let call = self.parser.expr()?;
                if !matches!(call.node, Node::Call(..)) {
                    let error =
                        TemplateError::syntax("expected call").at_offset(call.start as usize, call.end as usize);
                    return Err(error.hint("`{% call macro(args) %}` calls a macro"));
                }
                Stmt::CallBlock { params, call, body: self.closed("endcall")? }
            }
            "filter" => {
                let filters = self.parser.block_filters()?;
                Stmt::FilterBlock { filters, body: self.closed("endfilter")? }
            }
            "with" => {
                let mut targets = Vec::new();
                while !matches!(self.parser.peek(), Kind::BlockEnd) {
                    if !targets.is_empty() {
                        self.parser.expect_op(",")?;
                    }
                    let target = self.target(&[])?;
                    self.parser.expect_op("=")?;
                    targets.push((target, self.parser.expr()?));
                }
                Stmt::With { targets, body: self.closed("endwith")? }
            }
            // Ansible's values are native, so nothing is ever escaped inside either: the body stands as it is.
            "autoescape" => {
                self.parser.expr()?;
                Stmt::With { targets: Vec::new(), body: self.closed("endautoescape")? }
            }
            "include" => {
                let name = self.parser.expr()?;
                let ignore_missing = self.parser.is_name("ignore") && {
                    self.parser.next();
                    if !self.parser.skip_name("missing") {
                        return Err(self.parser.unexpected("expected 'missing'"));
                    }
                    true
                };
                Stmt::Include { name, ignore_missing, context: self.context(true)? }
            }
            "import" => {
                let name = self.parser.expr()?;
                if !self.parser.skip_name("as") {
                    return Err(self.parser.unexpected("expected token 'as'"));
                }
                let alias = self.parser.expect_name()?.into();
                Stmt::Import { name, alias, context: self.context(false)? }
            }
            "from" => self.parse_from()?,
            "extends" => Stmt::Extends(self.parser.expr()?),
            "block" => {
                let name: Box<str> = self.parser.expect_name()?.into();
                let mut is_required = false;
                while self.parser.is_name("scoped") || self.parser.is_name("required") {
                    is_required |= self.parser.is_name("required");
                    self.parser.next();
                }
                let mut body = self.closed("endblock")?;
                if is_required {
                    // Whoever extends the template replaces this.
                    let error = TemplateError::type_error(format!("Required block '{name}' not found"));
                    let (start, end) = (token.start as u32, token.end as u32);
                    body = vec![Stmt::Emit(super::tree::Expr {
                        node: Node::Const(crate::py::marker(error)),
                        start,
                        end,
                        height: 1,
                    })];
                }
                self.parser.skip_name(&name);
                Stmt::Block { name, body }
            }
            "do" => Stmt::Do(self.parser.tuple(true, false, &[])?),
            "print" => {
                let expr = self.parser.tuple(true, false, &[])?;
                Stmt::Emit(expr)
            }
            "break" | "continue" if self.loops == 0 => {
                let error =
                    TemplateError::syntax(format!("'{name}' outside of a loop")).at_offset(token.start, token.end);
                return Err(error.hint("it belongs inside `{% for %}`"));
            }
            "break" => Stmt::Break,
            "continue" => Stmt::Continue,
            other => return Err(self.unknown(other, ends, token.start, token.end)),
        };
        self.open.pop();
        self.block_end()?;
        out.push(statement);
        Ok(())
    }

    fn unknown(&self, name: &str, ends: &[&str], start: usize, end: usize) -> TemplateError {
        let waiting = self.open.iter().rev().nth(1).map(|(open, ..)| *open);
        let mut message = format!("Encountered unknown tag '{name}'.");
        if let Some(open) = waiting {
            message.push_str(&format!(
                " Jinja was looking for the following tags: '{}'. The innermost block that needs to be closed is '{open}'.",
                ends.join("' or '")
            ));
        }
        let error = TemplateError::syntax(message).at_offset(start, end);
        if name.starts_with("end") || name.starts_with("el") {
            return error.hint(match waiting {
                Some(open) => format!("the innermost open tag is `{open}`"),
                None => "no tag is open here".to_owned(),
            });
        }
        match rplay_diag::nearest(name, TAGS) {
            Some(near) => error.hint(format!("there is a tag `{near}`")),
            None => error.hint(format!(
                "the tags are {}; a value is shown with `{{{{ {name} }}}}`",
                rplay_diag::quoted_list(TAGS)
            )),
        }
    }

    fn context(&mut self, default: bool) -> Result<bool, TemplateError> {
        let with = self.parser.is_name("with");
        if !with && !self.parser.is_name("without") {
            return Ok(default);
        }
        self.parser.next();
        if !self.parser.skip_name("context") {
            return Err(self.parser.unexpected("expected 'context'"));
        }
        Ok(with)
    }

    fn parse_if(&mut self) -> Result<Stmt, TemplateError> {
        let mut branches = Vec::new();
        let mut otherwise = Vec::new();
        loop {
            let test = self.parser.tuple(false, false, &[])?;
            self.block_end()?;
            let body = self.body(&["elif", "else", "endif"])?;
            branches.push((test, body));
            if branches.len() > LONGEST_IF {
                return Err(self.parser.refuse("the `if` has too many branches"));
            }
            match self.parser.next().kind {
                Kind::Name("elif") => {}
                Kind::Name("else") => {
                    self.block_end()?;
                    otherwise = self.body(&["endif"])?;
                    self.parser.next();
                    break;
                }
                _ => break,
            }
        }
        Ok(Stmt::If(branches, otherwise))
    }

    fn parse_for(&mut self) -> Result<Stmt, TemplateError> {
        let target = self.target(&["in"])?;
        if !self.parser.skip_name("in") {
            return Err(self.parser.unexpected("expected token 'in'"));
        }
        let iter = self.parser.tuple(false, false, &["recursive"])?;
        let only = if self.parser.skip_name("if") { Some(self.parser.expr()?) } else { None };
        let recursive = self.parser.skip_name("recursive");
        self.block_end()?;
        self.loops += 1;
        let body = self.body(&["endfor", "else"])?;
        self.loops -= 1;
        let mut otherwise = Vec::new();
        if matches!(self.parser.next().kind, Kind::Name("else")) {
            self.block_end()?;
            otherwise = self.body(&["endfor"])?;
            self.parser.next();
        }
        Ok(Stmt::For { target, iter, only, recursive, body, otherwise })
    }

    fn parse_set(&mut self) -> Result<Stmt, TemplateError> {
        let target = self.target(&[])?;
        if self.parser.skip_op("=") {
            return Ok(Stmt::Set(target, self.parser.tuple(true, false, &[])?));
        }
        let filters = if self.parser.skip_op("|") { Some(self.parser.block_filters()?) } else { None };
        Ok(Stmt::SetBlock { target, filters, body: self.closed("endset")? })
    }

    fn parse_from(&mut self) -> Result<Stmt, TemplateError> {
        let name = self.parser.expr()?;
        if !self.parser.skip_name("import") {
            return Err(self.parser.unexpected("expected token 'import'"));
        }
        let mut names: Vec<(Box<str>, Box<str>)> = Vec::new();
        let context = loop {
            let more = names.is_empty() || self.parser.skip_op(",");
            if !more
                || self.parser.is_name("with")
                || self.parser.is_name("without")
                || !matches!(self.parser.peek(), Kind::Name(_))
            {
                break self.context(false)?;
            }
            let from: Box<str> = self.parser.expect_name()?.into();
            if from.starts_with('_') {
                let error = self.parser.refuse("names starting with an underline can not be imported");
                return Err(error);
            }
            let alias = if self.parser.skip_name("as") { self.parser.expect_name()?.into() } else { from.clone() };
            names.push((from, alias));
        };
        if names.is_empty() {
            return Err(self.parser.unexpected("expected token 'name'"));
        }
        Ok(Stmt::FromImport { name, names, context })
    }

    fn params(&mut self) -> Result<Vec<Param>, TemplateError> {
        self.parser.expect_op("(")?;
        let mut params: Vec<Param> = Vec::new();
        while !self.parser.is_op(")") {
            if !params.is_empty() {
                self.parser.expect_op(",")?;
            }
            let name: Box<str> = self.parser.expect_name()?.into();
            if params.iter().any(|param: &Param| param.name == name) {
                return Err(self.parser.refuse(&format!("duplicate argument '{name}' in function definition")));
            }
            let default = if self.parser.skip_op("=") { Some(self.parser.expr()?) } else { None };
            if default.is_none() && params.iter().any(|param| param.default.is_some()) {
                return Err(self.parser.refuse("non-default argument follows default argument"));
            }
            params.push(Param { name, default });
        }
        self.parser.expect_op(")")?;
        Ok(params)
    }

    fn target(&mut self, ends: &[&str]) -> Result<Target, TemplateError> {
        let mut items = Vec::new();
        let mut is_tuple = false;
        loop {
            if !items.is_empty() {
                if !self.parser.skip_op(",") {
                    break;
                }
                is_tuple = true;
            }
            match self.parser.peek().clone() {
                Kind::Name(name) if ends.contains(&name) => break,
                Kind::Name(name) => {
                    if matches!(name, "true" | "false" | "none" | "True" | "False" | "None") {
                        return Err(self.parser.refuse("can't assign to 'const'"));
                    }
                    self.parser.next();
                    items.push(if self.parser.skip_op(".") {
                        Target::Attr(name.into(), self.parser.expect_name()?.into())
                    } else {
                        Target::Name(name.into())
                    });
                }
                Kind::Op("(") => {
                    self.parser.next();
                    if items.len() > DEEPEST {
                        return Err(self.parser.unexpected("expected a name"));
                    }
                    let inner = stacker::maybe_grow(128 * 1024, 1024 * 1024, || self.target(&[]))?;
                    self.parser.expect_op(")")?;
                    items.push(inner);
                }
                _ if is_tuple => break,
                Kind::BlockEnd => return Err(self.parser.unexpected("Expected an expression")),
                _ => return Err(self.parser.unexpected("expected token 'name'")),
            }
        }
        Ok(match items.pop() {
            Some(only) if !is_tuple && items.is_empty() => only,
            Some(last) => {
                items.push(last);
                Target::Tuple(items)
            }
            None => Target::Tuple(items),
        })
    }
}
