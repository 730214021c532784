//! Numbers of VLANs as lines of ranges, as IOS lists them.

use crate::py::Kind;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;
use std::collections::BTreeSet;

/// Numbers of VLANs as lines of ranges, as IOS lists them.
pub static FILTER: Filter = Filter {
    name: "vlan_parser",
    collection: "ansible.netcommon",
    aliases: &[],
    params: &["first_line_len", "other_line_len"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let Kind::List(list) = py::kind(call.input()) else {
        return Err(call.error("Input is not valid for vlan_parser"));
    };
    let numbers: Option<BTreeSet<i64>> = list.items().iter().map(py::as_index).collect();
    let numbers = numbers.ok_or_else(|| call.error("Input is not valid for vlan_parser"))?;
    let (Some(first), Some(last)) = (numbers.first(), numbers.last()) else {
        return Err(TemplateError::value_error("list index out of range"));
    };
    if *first < 1 || *last > 4094 {
        return Err(call.error("Valid VLAN range is 1-4094"));
    }
    let numbers: Vec<i64> = numbers.into_iter().collect();
    let mut parts = Vec::new();
    for run in numbers.chunk_by(|a, b| a + 1 == *b) {
        match run {
            [first, .., last] if run.len() > 2 => parts.push(format!("{first}-{last}")),
            short => parts.extend(short.iter().map(ToString::to_string)),
        }
    }
    let (first, other) = (call.int("first_line_len", 48)?, call.int("other_line_len", 44)?);
    let mut lines = vec![String::new()];
    for part in parts {
        let most = if lines.len() == 1 { first } else { other };
        let length = lines.last().map_or(0, String::len) + part.len();
        if length as i64 > most {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            line.push_str(&part);
            line.push(',');
        }
    }
    let lines = lines.iter().map(|line| line.trim_end_matches(',')).filter(|line| !line.is_empty());
    Ok(py::list(lines.map(py::text).collect()))
}
