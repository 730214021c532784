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

impl Moment {
    /// `replace(year=.., ..)`: the same moment with other parts.
    fn replaced(&self, args: &[Mj], keywords: &Keywords) -> Result<Mj, TemplateError> {
        let date_parts = ["year", "month", "day"];
        let clock_parts = ["hour", "minute", "second", "microsecond"];
        let names: Vec<&str> = match self.0 {
            Time::Date(_) => date_parts.to_vec(),
            Time::Clock(_) => clock_parts.to_vec(),
            _ => date_parts.into_iter().chain(clock_parts).collect(),
        };
        let mut at = match self.0 {
            Time::DateTime(at, _) => at,
            Time::Date(date) => date.to_datetime(jiff::civil::Time::midnight()),
            Time::Clock(clock) => jiff::civil::date(1900, 1, 1).to_datetime(clock),
            Time::Delta(_) => return Ok(time(self.0)),
        };
        let named = keywords.iter().map(|(name, value)| (&**name, value));
        for (name, value) in names.iter().copied().zip(args).chain(named) {
            if !names.contains(&name) {
                let message = format!("replace() got an unexpected keyword argument '{name}'");
                return Err(TemplateError::type_error(message));
            }
            let number = super::as_index(value).ok_or_else(|| {
                let message = format!("'{}' object cannot be interpreted as an integer", super::type_name(value));
                TemplateError::type_error(message)
            })?;
            let bad = |range: &str| TemplateError::value_error(format!("{name} must be in {range}"));
            let small = |range: &str| i8::try_from(number).map_err(|_| bad(range));
            let range = match name {
                "year" => "1..9999",
                "month" => "1..12",
                "hour" => "0..23",
                "microsecond" => "0..999999",
                _ => "0..59",
            };
            let with = match name {
                "year" => at.with().year(i16::try_from(number).map_err(|_| bad(range))?),
                "month" => at.with().month(small(range)?),
                "day" => at.with().day(small("range for month")?),
                "hour" => at.with().hour(small(range)?),
                "minute" => at.with().minute(small(range)?),
                "second" => at.with().second(small(range)?),
                _ => {
                    let nanos = number.checked_mul(1000).and_then(|nanos| i32::try_from(nanos).ok());
                    at.with().subsec_nanosecond(nanos.ok_or_else(|| bad(range))?)
                }
            };
            at = with.build().map_err(|_| match name {
                "day" => TemplateError::value_error("day is out of range for month"),
                _ => bad(range),
            })?;
        }
        Ok(time(match self.0 {
            Time::Date(_) => Time::Date(at.date()),
            Time::Clock(_) => Time::Clock(at.time()),
            Time::DateTime(_, offset) => Time::DateTime(at, offset),
            Time::Delta(delta) => Time::Delta(delta),
        }))
    }
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
        if let (true, Time::DateTime(_, offset)) = (name == "tzinfo", self.0) {
            return Some(offset.map_or_else(super::none, |offset| Mj::from(format!("UTC{offset}"))));
        }
        self.0.attribute(name).map(super::from_value)
    }

    fn method(
        &self,
        name: &str,
        args: &[Mj],
        keywords: &Keywords,
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
                let format = args.first().or_else(|| keywords.first().map(|(_, format)| format))?.as_str()?;
                Mj::from(crate::pytime::format(&self.0, format))
            }
            ("ctime", _) => {
                date?;
                Mj::from(crate::pytime::format(&self.0, "%a %b %e %H:%M:%S %Y"))
            }
            ("isocalendar", _) => {
                let week = date?.iso_week_date();
                let day = week.weekday().to_monday_one_offset();
                let parts = [i64::from(week.year()), i64::from(week.week()), i64::from(day)];
                super::tuple(parts.map(Mj::from).to_vec())
            }
            ("timetuple", _) => {
                let (date, clock) = (date?, clock.unwrap_or(jiff::civil::Time::midnight()));
                let parts = [
                    i64::from(date.year()),
                    i64::from(date.month()),
                    i64::from(date.day()),
                    i64::from(clock.hour()),
                    i64::from(clock.minute()),
                    i64::from(clock.second()),
                    i64::from(date.weekday().to_monday_zero_offset()),
                    i64::from(date.day_of_year()),
                    -1,
                ];
                super::tuple(parts.map(Mj::from).to_vec())
            }
            ("toordinal", _) => {
                let first = jiff::civil::date(1, 1, 1);
                Mj::from(first.until(date?).map_or(0, |span| i64::from(span.get_days())) + 1)
            }
            ("utcoffset", Time::DateTime(_, offset)) => offset.map_or_else(super::none, |offset| {
                time(Time::Delta(jiff::SignedDuration::from_secs(i64::from(offset.seconds()))))
            }),
            ("replace", Time::Date(_) | Time::DateTime(..) | Time::Clock(_)) => {
                return Some(self.replaced(args, keywords));
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
