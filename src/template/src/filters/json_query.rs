//! What a JMESPath expression finds.

use crate::{Filter, FilterCall, TemplateError, py};
use jmespath::Variable;
use minijinja::Value as Mj;
use rplay_value::Value;

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
    let expression = py::str(call.arg("expr")?);
    let fail = |e: String| call.error(format!("JMESPathError in json_query filter plugin:\n{e}"));
    let data = py::to_value(call.input())?;
    let data = Variable::from_serializable(&data).map_err(|e| fail(e.to_string()))?;
    let found = jmespath::compile(&expression).and_then(|query| query.search(data)).map_err(|e| fail(e.to_string()))?;
    let found = serde_json::to_value(&*found).map_err(|e| fail(e.to_string()))?;
    let found: Value = serde_json::from_value(found).map_err(|e| fail(e.to_string()))?;
    Ok(py::from_value(found))
}
