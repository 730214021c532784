//! Python's `datetime` family as a template sees it.

use std::cmp::Ordering;

use minijinja::Value as Mj;
use rplay_value::{Time, Value};

use super::{Instance, Object};
use crate::plugin::Keywords;
use crate::{Scope, TemplateError};

/// A date, moment, clock or duration.
#[derive(Debug)]
pub struct Moment(pub Time);

/// The value for a time.
pub fn time(time: Time) -> Mj {
    Object::value(Moment(time))
}

/// The time inside a value.
pub fn as_time(value: &Mj) -> Option<Time> {
    Object::downcast::<Moment>(value).map(|moment| moment.0)
}

impl Instance for Moment {
    fn type_name(&self) -> &'static str {
        self.0.type_name()
    }

    fn str(&self) -> String {
        self.0.to_string()
    }

    fn repr(&self) -> String {
        let mut out = String::new();
        self.0.push_repr(&mut out);
        out
    }

    fn truthy(&self) -> bool {
        self.0.is_true()
    }

    fn attr(&self, name: &str) -> Option<Mj> {
        self.0.attribute(name).map(super::from_value)
    }

    fn method(
        &self,
        name: &str,
        args: &[Mj],
        _keywords: &Keywords,
        _scope: &Scope,
    ) -> Option<Result<Mj, TemplateError>> {
        let (date, clock) = match self.0 {
            Time::DateTime(moment, _) => (Some(moment.date()), Some(moment.time())),
            Time::Date(date) => (Some(date), None),
            _ => (None, None),
        };
        Some(Ok(match (name, self.0) {
            ("isoformat", Time::Date(_) | Time::DateTime(..) | Time::Clock(_)) => Mj::from(self.0.isoformat()),
            ("timestamp", Time::DateTime(..)) => Mj::from(self.0.timestamp()?),
            ("total_seconds", Time::Delta(delta)) => Mj::from(delta.as_secs_f64()),
            ("date", _) => time(Time::Date(date?)),
            ("time", _) => time(Time::Clock(clock?)),
            ("weekday", _) => Mj::from(i64::from(date?.weekday().to_monday_zero_offset())),
            ("isoweekday", _) => Mj::from(i64::from(date?.weekday().to_monday_one_offset())),
            ("strftime", _) => {
                let format = args.first()?.as_str()?;
                let moment = date?.to_datetime(clock.unwrap_or(jiff::civil::Time::midnight()));
                match jiff::fmt::strtime::format(format, moment) {
                    Ok(text) => Mj::from(text),
                    Err(error) => return Some(Err(TemplateError::value_error(error.to_string()))),
                }
            }
            _ => return None,
        }))
    }

    fn add(&self, other: &Mj, _reversed: bool) -> Option<Result<Mj, TemplateError>> {
        self.0.plus(&as_time(other)?).map(|sum| Ok(time(sum)))
    }

    fn sub(&self, other: &Mj, reversed: bool) -> Option<Result<Mj, TemplateError>> {
        let other = as_time(other)?;
        let result = if reversed { other.minus(&self.0) } else { self.0.minus(&other) };
        result.map(|difference| Ok(time(difference)))
    }

    fn compare(&self, other: &Mj) -> Option<Ordering> {
        self.0.order(&as_time(other)?)
    }

    fn snapshot(&self) -> Option<Result<Value, TemplateError>> {
        Some(Ok(Value::Time(self.0)))
    }
}
