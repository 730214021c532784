//! A sequence of formatted numbers: `start=1 end=10 stride=2 format=host%02d`, or short `1-10/2:host%02d`.

use crate::lookups::terms;
use crate::pyregex::{self, Flags};
use crate::{Lookup, LookupCall, TemplateError, py};
use minijinja::Value as Mj;

/// A sequence of formatted numbers: `start=1 end=10 stride=2 format=host%02d`, or short `1-10/2:host%02d`.
pub static LOOKUP: Lookup = Lookup { name: "sequence", collection: "ansible.builtin", accepts_undefined: false, run };

const SHORT: &str = r"^((0?x?[0-9a-f]+)-)?(0?x?[0-9a-f]+)(/(0?x?[0-9a-f]+))?(:(.+))?$";

/// What a sequence is made of.
struct Sequence {
    start: i64,
    end: Option<i64>,
    count: Option<i64>,
    stride: i64,
    format: String,
}

fn run(call: &mut LookupCall<'_>) -> Result<Vec<Mj>, TemplateError> {
    let mut out = Vec::new();
    let mut terms = call.terms().to_vec();
    if terms.is_empty() && !call.keywords().is_empty() {
        terms.push(py::text(""));
    }
    for term in &terms {
        let mut sequence = Sequence { start: 1, end: None, count: None, stride: 1, format: "%d".to_owned() };
        for (name, value) in call.keywords() {
            sequence.set(call, name, &terms::text(value)?)?;
        }
        sequence.read(call, &terms::text(term)?)?;
        sequence.write(call, &mut out)?;
    }
    Ok(out)
}

/// Decimal, `0x` hexadecimal or `0` octal.
fn number(text: &str) -> Option<i64> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let lower = digits.to_ascii_lowercase();
    let value = if let Some(hex) = lower.strip_prefix("0x") {
        i64::from_str_radix(hex, 16).ok()?
    } else if lower.len() > 1 && lower.starts_with('0') {
        i64::from_str_radix(&lower, 8).or_else(|_| lower.parse()).ok()?
    } else {
        lower.parse().ok()?
    };
    Some(sign * value)
}

impl Sequence {
    fn set(&mut self, call: &LookupCall<'_>, name: &str, value: &str) -> Result<(), TemplateError> {
        if name == "format" {
            value.clone_into(&mut self.format);
            return Ok(());
        }
        let place = match name {
            "start" => &mut self.start,
            "stride" => &mut self.stride,
            "end" => self.end.insert(0),
            "count" => self.count.insert(0),
            _ => {
                let message = format!("unrecognized arguments to with_sequence: ['{name}']");
                return Err(call.error(message).hint("it takes start, end, count, stride and format"));
            }
        };
        *place = number(value).ok_or_else(|| {
            call.error(format!(
                "Config '{name}' for 'sequence' lookup plugin from 'Direct' has an invalid value: Invalid value provided for 'integer': '{value}'"
            ))
        })?;
        Ok(())
    }

    fn read(&mut self, call: &LookupCall<'_>, term: &str) -> Result<(), TemplateError> {
        let short = pyregex::compile(SHORT, Flags::new(true, false))?;
        if let Some(found) = short.at_start(term)? {
            for (name, group) in [("start", 2), ("end", 3), ("stride", 5), ("format", 7)] {
                if let Some(value) = found.group(term, group) {
                    self.set(call, name, value)?;
                }
            }
            return Ok(());
        }
        let (raw, pairs) = terms::key_values(term);
        if !raw.is_empty() {
            return Err(call.error(format!("unrecognized arguments to with_sequence: ['_raw_params'] ({raw})")));
        }
        pairs.iter().try_for_each(|(name, value)| self.set(call, name, value))
    }

    fn write(&self, call: &LookupCall<'_>, out: &mut Vec<Mj>) -> Result<(), TemplateError> {
        let end = match (self.count, self.end) {
            (None, None) => return Err(call.error("must specify count or end in with_sequence")),
            (Some(_), Some(_)) => return Err(call.error("can't specify both count and end in with_sequence")),
            (Some(0), None) => return Ok(()),
            (Some(count), None) => self.start.saturating_add(count.saturating_mul(self.stride)).saturating_sub(1),
            (None, Some(end)) => end,
        };
        if self.stride > 0 && end < self.start {
            return Err(call.error("to count backwards make stride negative"));
        }
        if self.stride < 0 && end > self.start {
            return Err(call.error("to count forward don't make stride negative"));
        }
        if self.stride == 0 {
            return Ok(());
        }
        if self.format.matches('%').count() != 1 {
            return Err(call.error(format!("bad formatting string: {}", self.format)));
        }
        let count = end.abs_diff(self.start) / self.stride.unsigned_abs();
        py::limits::list(usize::try_from(count).unwrap_or(usize::MAX))?;
        let format = py::text(self.format.as_str());
        let mut at = self.start;
        while if self.stride > 0 { at <= end } else { at >= end } {
            let problem = || call.error(format!("problem formatting {at} with '{}'", self.format));
            out.push(py::modulo(&format, &Mj::from(at)).map_err(|_| problem())?);
            let Some(next) = at.checked_add(self.stride) else { break };
            at = next;
        }
        Ok(())
    }
}
