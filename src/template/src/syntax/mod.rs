//! Jinja's syntax: text -> tokens -> tree.
//!
//! Start reading at [`Tree`] in `tree.rs`, then `lexer.rs` and `parser.rs`; `statements.rs` has the block tags.

mod escape;
mod lexer;
mod parser;
mod statements;
mod tree;

pub(crate) use lexer::{Mode, Syntax};
pub(crate) use tree::{Args, Compare, Expr, Math, Node, Param, Stmt, Target, Tree};

use crate::TemplateError;

/// Reads a template.
pub(crate) fn parse(text: &str, syntax: &Syntax, mode: Mode) -> Result<Tree, TemplateError> {
    let tokens = lexer::tokens(text, syntax, mode)?;
    statements::parse(text, tokens)
}

/// Reads a bare expression (`when`, `debug: var=`).
pub(crate) fn parse_expression(text: &str, mode: Mode) -> Result<Expr, TemplateError> {
    let tokens = lexer::expression_tokens(text, mode)?;
    parser::expression(text, tokens)
}
