//! TOML inventories: `[group.hosts]`, `[group.vars]` and `group.children`.

use std::sync::Arc;

use jiff::civil;
use jiff::tz::Offset;
use rplay_diag::{Diagnostic, SourceId, Sources, Span};
use rplay_value::{List, Map, Text, Time, Value};
use toml::de::{DeTable, DeValue};

use super::yaml::hosts;
use crate::InventoryError;
use crate::inventory::GroupId;
use crate::load::{Files, Target};

/// Reads the file of the target.
pub(crate) fn read(sources: &Sources, files: &dyn Files, target: &mut Target<'_>) -> Result<(), InventoryError> {
    let text = files.read(target.path).map_err(|source| InventoryError::Io { path: target.path.to_owned(), source })?;
    let text: Arc<str> = text.into();
    let source = sources.add_file(target.path, Arc::clone(&text));
    let table = DeTable::parse(&text).map_err(|error| {
        let span = error.span().map(|range| Span::new(source, range.start, range.end));
        InventoryError::syntax(format!("TOML parsing failed: {}", error.message().trim()), span)
    })?;
    let groups = mapping(table.get_ref(), source);
    if groups.is_empty() {
        return Err(InventoryError::syntax("Parsed empty TOML file", None));
    }
    if let Some(plugin) = groups.get("plugin") {
        return Err(InventoryError::syntax("Plugin configuration TOML file, not TOML inventory", plugin.origin()));
    }
    for (name, data) in &groups {
        group(name, data, target)?;
    }
    Ok(())
}

fn mapping(table: &DeTable<'_>, source: SourceId) -> Map {
    table
        .iter()
        .map(|(key, entry)| {
            let place = Span::new(source, key.span().start, key.span().end);
            let key = Text::written(key.get_ref().as_ref(), place).untrusted();
            (Value::Text(key), value(entry.get_ref(), source, entry.span()))
        })
        .collect()
}

fn value(value_: &DeValue<'_>, source: SourceId, range: std::ops::Range<usize>) -> Value {
    let text = |text: String| Value::Text(Text::written(text, Span::new(source, range.start, range.end)));
    match value_ {
        DeValue::String(string) => text(string.to_string()),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Value::Int(number),
            Err(_) => text(number.as_str().to_owned()),
        },
        DeValue::Float(number) => {
            number.as_str().parse().map_or_else(|_| text(number.as_str().to_owned()), Value::Float)
        }
        DeValue::Boolean(on) => Value::Bool(*on),
        DeValue::Datetime(time) => moment(time).map_or_else(|| text(time.to_string()), Value::Time),
        DeValue::Array(items) => {
            Value::List(items.iter().map(|item| value(item.get_ref(), source, item.span())).collect::<List>())
        }
        DeValue::Table(table) => Value::Map(mapping(table, source)),
    }
}

/// A date, a clock or both; `None` where no calendar has it (a leap second, as Python).
fn moment(time: &toml::value::Datetime) -> Option<Time> {
    let date = |date: toml::value::Date| {
        civil::Date::new(i16::try_from(date.year).ok()?, i8::try_from(date.month).ok()?, i8::try_from(date.day).ok()?)
            .ok()
    };
    let clock = |clock: toml::value::Time| {
        // Python keeps microseconds.
        let nanosecond = i32::try_from(clock.nanosecond.unwrap_or(0) / 1000 * 1000).ok()?;
        let part = |part: u8| i8::try_from(part).ok();
        civil::Time::new(part(clock.hour)?, part(clock.minute)?, part(clock.second.unwrap_or(0))?, nanosecond).ok()
    };
    Some(match (time.date, time.time) {
        (Some(day), None) => Time::Date(date(day)?),
        (None, Some(at)) => Time::Clock(clock(at)?),
        (Some(day), Some(at)) => {
            let offset = match time.offset {
                None => None,
                Some(toml::value::Offset::Z) => Some(Offset::UTC),
                Some(toml::value::Offset::Custom { minutes }) => {
                    Some(Offset::from_seconds(i32::from(minutes) * 60).ok()?)
                }
            };
            Time::DateTime(date(day)?.to_datetime(clock(at)?), offset)
        }
        (None, None) => return None,
    })
}

fn group(key: &Value, data: &Value, target: &mut Target<'_>) -> Result<Option<GroupId>, InventoryError> {
    let name = key.to_str().into_owned();
    let Value::Map(parts) = data else {
        let message = format!("Skipping '{name}' as this is not a valid group definition");
        target.inventory.warn(Diagnostic::warning(message).at_maybe(key.origin(), ""));
        return Ok(None);
    };
    let safe = target.group_name(&name).into_owned();
    let id = target.inventory.add_group(&safe);
    let wrong = |part: &Value, kind: &str| {
        let message = format!("Invalid \"{}\" entry for \"{name}\" group, requires a {kind}", part.to_str());
        InventoryError::syntax(message, part.origin())
    };
    for (part, value) in parts {
        match part.as_str() {
            Some("vars") => {
                for (variable, value) in value.as_map().ok_or_else(|| wrong(part, "table"))? {
                    target.inventory.set_group_var(id, variable.clone(), value.clone());
                }
            }
            Some("children") => {
                for child in value.as_list().ok_or_else(|| wrong(part, "list"))? {
                    let name = child.as_str().ok_or_else(|| wrong(part, "list of names"))?;
                    let name = target.group_name(name).into_owned();
                    let child_id = target.inventory.add_group(&name);
                    target.inventory.add_child(id, child_id).map_err(|e| e.at(child.origin()))?;
                }
            }
            Some("hosts") => {
                for (pattern, vars) in value.as_map().ok_or_else(|| wrong(part, "table"))? {
                    hosts(id, pattern, vars, target)?;
                }
            }
            _ => {
                let message = format!(
                    "Skipping unexpected key \"{}\" in group \"{name}\", only \"vars\", \"children\" and \"hosts\" are valid",
                    part.to_str()
                );
                target.inventory.warn(Diagnostic::warning(message).at_maybe(part.origin(), ""));
            }
        }
    }
    Ok(Some(id))
}
