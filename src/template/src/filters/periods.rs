//! Periods of time for people (`1d 2h`), for `to_seconds` and its relatives.

use minijinja::Value as Mj;

use crate::{FilterCall, TemplateError, py};

/// Milliseconds of a unit, short or long, singular or plural.
fn factor(unit: &str, year: f64, month: f64) -> Option<f64> {
    const DAY: f64 = 86_400_000.0;
    let short = match unit.trim_end_matches('s') {
        "millisecond" | "msec" | "msecond" => "ms",
        "sec" | "second" => "s",
        "min" | "minute" => "m",
        "hour" => "h",
        "day" => "d",
        "week" => "w",
        "month" => "mo",
        "year" => "y",
        _ => unit,
    };
    Some(match short {
        "ms" => 1.0,
        "s" => 1000.0,
        "m" => 60_000.0,
        "h" => 3_600_000.0,
        "d" => DAY,
        "w" => 7.0 * DAY,
        "mo" => month * DAY,
        "y" => year * DAY,
        _ => return None,
    })
}

/// The input in a unit; `year` and `month` say how many days those have.
pub(crate) fn convert(call: &FilterCall<'_>, unit: &str) -> Result<Mj, TemplateError> {
    let days = |name: &str, default: f64| call.opt(name).and_then(py::as_float).unwrap_or(default);
    let (year, month) = (days("year", 365.0), days("month", 30.0));
    let Some(target) = factor(unit, year, month) else {
        let units = "millisecond, msec, msecond, sec, second, hour, min, minute, day, week, month, year";
        let message = format!(
            "to_time_unit() can not convert to the following unit: {unit}. Available units (singular or plural): {units}. \
             Available short units: ms, s, m, h, d, w, mo, y"
        );
        return Err(call.error(message));
    };
    let text = py::str(call.input());
    if text == "0" {
        return Ok(Mj::from(0));
    }
    let bad = || call.error(format!("to_time_unit() can not interpret following string: {text}"));
    let mut total = 0.0;
    for part in text.split_whitespace() {
        let digits = part.find(|c: char| !c.is_ascii_digit() && c != '-').ok_or_else(bad)?;
        let number: i64 = part[..digits].parse().map_err(|_| bad())?;
        let unit: String = part[digits..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        total += number as f64 * factor(&unit, year, month).ok_or_else(bad)?;
    }
    let rounded = format!("{:.12}", total / target).parse().unwrap_or(total / target);
    Ok(Mj::from(rounded))
}
