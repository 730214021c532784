//! Whether two names stand for the very same value.

use crate::py::Kind;
use crate::{TemplateError, Test, TestCall, py};
use minijinja::Value as Mj;

/// Whether two names stand for the very same value.
pub static TEST: Test = Test {
    name: "sameas",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["other"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    Ok(is_same(call.input(), call.arg("other")?))
}

fn is_same(a: &Mj, b: &Mj) -> bool {
    match (py::kind(a), py::kind(b)) {
        (Kind::None, Kind::None) => true,
        (Kind::Bool(a), Kind::Bool(b)) => a == b,
        (Kind::Int(a), Kind::Int(b)) => a == b,
        (Kind::Str(a), Kind::Str(b)) => a == b,
        (Kind::List(a), Kind::List(b)) => std::ptr::eq(a, b),
        (Kind::Dict(a), Kind::Dict(b)) => std::ptr::eq(a, b),
        (Kind::Tuple(a), Kind::Tuple(b)) => std::ptr::eq(a, b),
        (Kind::Object(a), Kind::Object(b)) => std::ptr::eq(a, b),
        _ => false,
    }
}
