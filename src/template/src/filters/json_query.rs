//! What a JMESPath expression finds.

use minijinja::Value as Mj;

use crate::jmes::{self, QueryError};
use crate::{Filter, FilterCall, TemplateError, py};

/// What a JMESPath expression finds.
pub static FILTER: Filter = Filter {
    name: "json_query",
    collection: "community.general",
    aliases: &[],
    params: &["expr"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let expression = json_literals(&py::str(call.arg("expr")?));
    jmes::search(&expression, call.input()).map_err(|error| match error {
        QueryError::Query(error) => call.error(format!("JMESPathError in json_query filter plugin:\n{error}")),
        QueryError::Value(error) if error.is_undefined() => error,
        QueryError::Value(error) => {
            call.error(format!("Error in jmespath.search in json_query filter plugin:\n{error}"))
        }
    })
}

/// Literals that are no JSON made texts: Python's jmespath reads `` `web1` `` as `` `"web1"` ``, and playbooks rely on it.
fn json_literals(expression: &str) -> String {
    let mut out = String::with_capacity(expression.len());
    let mut rest = expression;
    while let Some(at) = rest.find(['`', '\'', '"']) {
        let quote = &rest[at..=at];
        let mut end = at + 1;
        let mut escaped = false;
        for c in rest[at + 1..].chars() {
            end += c.len_utf8();
            if c.to_string() == quote && !escaped {
                break;
            }
            escaped = c == '\\' && !escaped;
        }
        let token = &rest[at..end];
        out.push_str(&rest[..at]);
        let inner = token.strip_prefix('`').and_then(|inner| inner.strip_suffix('`'));
        match inner.filter(|inner| serde_json::from_str::<serde_json::Value>(&inner.replace("\\`", "`")).is_err()) {
            Some(inner) => out.push_str(&format!("`\"{}\"`", inner.trim_start())),
            None => out.push_str(token),
        }
        rest = &rest[end..];
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_that_are_no_json_become_texts() {
        assert_eq!(json_literals("[?a==`web1` && b=='x`y']"), "[?a==`\"web1\"` && b=='x`y']");
        assert_eq!(json_literals("[?a==`1` || a==`\"x\"` || a==`[1]`]"), "[?a==`1` || a==`\"x\"` || a==`[1]`]");
    }
}
