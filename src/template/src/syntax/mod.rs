//! Jinja's syntax: text -> tokens -> tree.
//!
//! Start reading at [`Tree`] in `tree.rs`, then `lexer.rs` and `parser.rs`; `statements.rs` has the block tags.

mod escape;
mod lexer;
mod parser;
pub(crate) mod plugins;
mod statements;
mod tree;

pub(crate) use lexer::{Mode, Syntax};
pub(crate) use tree::{Args, Compare, Expr, Math, Node, Param, Stmt, Target, Tree};

use crate::TemplateError;

/// Reads a template.
pub(crate) fn parse(text: &str, syntax: &Syntax, mode: Mode) -> Result<Tree, TemplateError> {
    statements::parse(text, lexer::tokens(text, syntax, mode))
}

/// Reads a bare expression (`when`, `debug: var=`).
pub(crate) fn parse_expression(text: &str, mode: Mode) -> Result<Expr, TemplateError> {
    parser::expression(text, lexer::expression_tokens(text, mode))
}

/// The value of a text that is a literal alone, in any case of its name: `5`, `'a'`, `False`, `false`.
pub(crate) fn constant(text: &str) -> Option<minijinja::Value> {
    match parse_expression(text, Mode::File).ok()?.node {
        Node::Const(value) => Some(value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Text made of the pieces templates are made of, in any order.
    fn soup() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "{{",
            "}}",
            "{%",
            "%}",
            "{#",
            "#}",
            "-",
            "+",
            "if",
            "else",
            "elif",
            "endif",
            "for",
            "in",
            "endfor",
            "set",
            "endset",
            "macro",
            "endmacro",
            "call",
            "endcall",
            "raw",
            "endraw",
            "include",
            "import",
            "from",
            "as",
            "with",
            "context",
            "block",
            "endblock",
            "is",
            "not",
            "and",
            "or",
            "x",
            "y.z",
            "1",
            "2.5",
            "0x",
            "'a",
            "'",
            "\"",
            "\\",
            "(",
            ")",
            "[",
            "]",
            "{",
            "}",
            ",",
            ":",
            ".",
            "|",
            "~",
            "==",
            "<",
            "**",
            "*",
            "=",
            "\n",
            " ",
            "é",
            "\u{a0}",
            "\r\n",
            "loop",
            "caller",
            "none",
            "recursive",
            "filter",
            "endfilter",
            "do",
            "break",
        ]);
        prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.join(" "))
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_parser(text in ".{0,200}") {
            _ = parse(&text, &Syntax::default(), Mode::Yaml);
            _ = parse_expression(&text, Mode::File);
        }

        #[test]
        fn no_soup_breaks_the_parser(text in soup()) {
            let syntax = Syntax { lstrip_blocks: true, ..Syntax::default() };
            _ = parse(&text, &syntax, Mode::File);
            _ = parse_expression(&text, Mode::Yaml);
        }
    }

    #[test]
    fn what_is_no_token_is_an_error_where_the_parser_gets_to_it() {
        let error = |text| parse_expression(text, Mode::File).unwrap_err().message().to_owned();
        assert_eq!(error("a =! 'b'"), "chunk after expression");
        assert_eq!(error("a == ! 'b'"), "unexpected char '!' at 5");
        assert_eq!(error("a ! b"), "unexpected char '!' at 2");
    }

    #[test]
    fn deep_nesting_is_an_error() {
        let deep = format!("{{{{ {}1{} }}}}", "(".repeat(5000), ")".repeat(5000));
        assert!(parse(&deep, &Syntax::default(), Mode::Yaml).unwrap_err().message().contains("nested too deeply"));
        let deep = "{% if x %}".repeat(2000);
        assert!(parse(&deep, &Syntax::default(), Mode::Yaml).unwrap_err().message().contains("nested too deeply"));
        assert!(parse(&"not ".repeat(5000), &Syntax::default(), Mode::Yaml).is_ok());
        assert!(parse_expression(&format!("{}x", "not ".repeat(5000)), Mode::Yaml).is_err());
    }
}
