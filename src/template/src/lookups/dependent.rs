//! All ways to choose from several lists or dicts, later ones given as expressions of what was chosen before (`item.x`).

use crate::{Lookup, LookupCall, TemplateError, py};
use minijinja::Value as Mj;
use rplay_value::Text;

/// All ways to choose from several lists or dicts, later ones given as expressions of what was chosen before (`item.x`).
pub static LOOKUP: Lookup =
    Lookup { name: "dependent", collection: "community.general", accepts_undefined: false, run };

/// One name, and what it is chosen from.
struct Choice {
    name: String,
    from: From,
}

enum From {
    Values(Mj),
    Expression(Text),
}

fn run(call: &mut LookupCall<'_>) -> Result<Vec<Mj>, TemplateError> {
    let mut choices: Vec<Choice> = Vec::new();
    for (index, term) in call.terms().iter().enumerate() {
        py::trip(term)?;
        let name = py::type_name(term);
        if !py::is_mapping(term) {
            return Err(call.error(format!("Parameter {index} must be a dictionary, got <class '{name}'>")));
        }
        let pairs = py::pairs(term)?;
        let [(key, value)] = &pairs[..] else {
            let count = pairs.len();
            return Err(call.error(format!("Parameter {index} must be a one-element dictionary, got {count} elements")));
        };
        py::trip(value)?;
        let name = py::str(key);
        if choices.iter().any(|choice| choice.name == name) {
            return Err(call.error(format!("The variable {} appears more than once", py::repr(key))));
        }
        let from = match value.as_str() {
            Some(text) => From::Expression(Text::trusted(text)),
            None if py::is_mapping(value) || py::is_sequence(value) => From::Values(value.clone()),
            None => {
                let message = "must have a value of type string, dictionary or list, got type";
                let (shown, kind) = (py::repr(key), py::type_name(value));
                return Err(call.error(format!("Parameter {shown} (index {index}) {message} <class '{kind}'>")));
            }
        };
        choices.push(Choice { name, from });
    }
    let mut out = Vec::new();
    choose(call, &choices, &mut Vec::new(), &mut out)?;
    Ok(out)
}

fn choose(
    call: &LookupCall<'_>,
    choices: &[Choice],
    chosen: &mut Vec<(String, Mj)>,
    out: &mut Vec<Mj>,
) -> Result<(), TemplateError> {
    let item = || py::dict_of(chosen.iter().map(|(name, value)| (name.as_str(), value.clone())));
    let Some((choice, rest)) = choices.split_first() else {
        if !chosen.is_empty() {
            out.push(item());
        }
        return Ok(());
    };
    let values = match &choice.from {
        From::Values(values) => values.clone(),
        From::Expression(text) => {
            let scope = call.scope().with("item", py::to_value(&item())?);
            let found = call.engine().evaluate(text, &scope).map_err(|error| {
                let name = py::repr(&py::text(choice.name.as_str()));
                call.error(format!("Caught \"{error}\" while evaluating {name} with item == {}", py::repr(&item())))
            })?;
            py::from_value(found)
        }
    };
    let values = if py::is_mapping(&values) {
        let mut pairs = py::pairs(&values)?;
        py::sort(&mut pairs, |pair| &pair.0, false)?;
        pairs.into_iter().map(|(key, value)| py::dict_of([("key", key), ("value", value)])).collect()
    } else if py::is_sequence(&values) {
        py::iterate(&values)?
    } else {
        let (name, kind) = (py::repr(&py::text(choice.name.as_str())), py::type_name(&values));
        let message =
            format!("Did not obtain dictionary or list while evaluating {name} with item == {}", py::repr(&item()));
        return Err(call.error(format!("{message}, but <class '{kind}'>")));
    };
    for value in values {
        chosen.push((choice.name.clone(), value));
        choose(call, rest, chosen, out)?;
        chosen.pop();
    }
    Ok(())
}
