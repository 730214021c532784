//! The filters and tests a template names, for telling unknown ones before anything runs.

use super::tree::{Expr, Node, Param, Stmt};
use crate::PluginKind;

/// A filter or test by name, where a template must have it to be a template at all.
pub(crate) struct Named<'t> {
    pub(crate) kind: PluginKind,
    pub(crate) name: &'t str,
    pub(crate) expr: &'t Expr,
}

/// Calls `f` with every filter and test that must exist. As in Jinja2, those in branches of `if` need not: they fail
/// when they are reached.
pub(crate) fn required<'t>(body: &'t [Stmt], f: &mut dyn FnMut(Named<'t>)) {
    statements(body, false, f);
}

/// The same for a bare expression.
pub(crate) fn required_of<'t>(expr: &'t Expr, f: &mut dyn FnMut(Named<'t>)) {
    expression(expr, false, f);
}

fn expression<'t>(expr: &'t Expr, soft: bool, f: &mut dyn FnMut(Named<'t>)) {
    match &expr.node {
        Node::Filter(name, ..) if !soft => f(Named { kind: PluginKind::Filter, name, expr }),
        Node::Test(name, ..) if !soft => f(Named { kind: PluginKind::Test, name, expr }),
        _ => {}
    }
    let soft = soft || matches!(expr.node, Node::Cond(..));
    for part in expr.parts() {
        expression(part, soft, f);
    }
}

fn params<'t>(params: &'t [Param], f: &mut dyn FnMut(Named<'t>)) {
    params.iter().filter_map(|param| param.default.as_ref()).for_each(|default| expression(default, false, f));
}

fn statements<'t>(body: &'t [Stmt], soft: bool, f: &mut dyn FnMut(Named<'t>)) {
    for statement in body {
        match statement {
            Stmt::Data(_) | Stmt::Break | Stmt::Continue => {}
            Stmt::Emit(expr) | Stmt::Set(_, expr) | Stmt::Do(expr) | Stmt::Extends(expr) => expression(expr, soft, f),
            Stmt::Include { name, .. } | Stmt::Import { name, .. } | Stmt::FromImport { name, .. } => {
                expression(name, soft, f);
            }
            Stmt::If(branches, otherwise) => {
                for (test, inner) in branches {
                    expression(test, true, f);
                    statements(inner, true, f);
                }
                statements(otherwise, true, f);
            }
            // Whatever has a scope of its own is compiled as strictly as the top.
            Stmt::For { iter, only, body, otherwise, .. } => {
                expression(iter, soft, f);
                if let Some(only) = only {
                    expression(only, false, f);
                }
                statements(body, false, f);
                statements(otherwise, false, f);
            }
            Stmt::SetBlock { filters, body, .. } => {
                if let Some(filters) = filters {
                    expression(filters, soft, f);
                }
                statements(body, false, f);
            }
            Stmt::FilterBlock { filters, body } => {
                expression(filters, soft, f);
                statements(body, false, f);
            }
            Stmt::Macro { params: given, body, .. } => {
                params(given, f);
                statements(body, false, f);
            }
            Stmt::CallBlock { params: given, call, body } => {
                params(given, f);
                expression(call, soft, f);
                statements(body, false, f);
            }
            Stmt::With { targets, body } => {
                for (_, value) in targets {
                    expression(value, soft, f);
                }
                statements(body, false, f);
            }
            Stmt::Block { body, .. } => statements(body, false, f),
        }
    }
}
