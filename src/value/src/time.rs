//! Dates, times and durations: Python's `datetime` family, which YAML timestamps and filters such as `to_datetime` yield.

use std::cmp::Ordering;
use std::fmt::{self, Write};

use jiff::civil;
use jiff::tz::Offset;
use jiff::{SignedDuration, ToSpan};

use crate::Value;

/// A value of Python's `datetime` module. Resolution is one microsecond, as there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Time {
    /// `datetime.date`.
    Date(civil::Date),
    /// `datetime.datetime`; naive without an offset.
    DateTime(civil::DateTime, Option<Offset>),
    /// `datetime.time`.
    Clock(civil::Time),
    /// `datetime.timedelta`.
    Delta(SignedDuration),
}

const DAY: i64 = 86_400;

impl Time {
    /// The name of the Python type, with its module as error texts show it.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Date(_) => "datetime.date",
            Self::DateTime(..) => "datetime.datetime",
            Self::Clock(_) => "datetime.time",
            Self::Delta(_) => "datetime.timedelta",
        }
    }

    /// Only a zero duration is false.
    pub fn is_true(&self) -> bool {
        !matches!(self, Self::Delta(delta) if delta.is_zero())
    }

    /// Python's `isoformat()`; a duration has none and gives its `str`.
    pub fn isoformat(&self) -> String {
        match self {
            Self::DateTime(moment, offset) => {
                let mut out = String::new();
                push_date(&mut out, moment.date());
                out.push('T');
                push_clock(&mut out, moment.time());
                push_offset(&mut out, *offset);
                out
            }
            other => other.to_string(),
        }
    }

    /// A duration as Python keeps it: days, then seconds and microseconds that are never negative.
    pub fn normalized(delta: SignedDuration) -> (i64, i64, i64) {
        let micros = delta.as_micros();
        let days = micros.div_euclid(i128::from(DAY) * 1_000_000);
        let rest = micros.rem_euclid(i128::from(DAY) * 1_000_000);
        (days as i64, (rest / 1_000_000) as i64, (rest % 1_000_000) as i64)
    }

    /// Seconds since the epoch, reading a naive time as UTC; `None` for clocks and durations.
    pub fn timestamp(&self) -> Option<f64> {
        let (moment, offset) = match self {
            Self::Date(date) => (date.to_datetime(civil::Time::midnight()), None),
            Self::DateTime(moment, offset) => (*moment, *offset),
            _ => return None,
        };
        let micros = offset.unwrap_or(Offset::UTC).to_timestamp(moment).ok()?.as_microsecond();
        Some(micros as f64 / 1e6)
    }

    /// A data attribute: `year`, `month`, `day`, `hour`, `minute`, `second`, `microsecond`, `days`, `seconds`, `microseconds`.
    pub fn attribute(&self, name: &str) -> Option<Value> {
        let date = match self {
            Self::Date(date) => Some(*date),
            Self::DateTime(moment, _) => Some(moment.date()),
            _ => None,
        };
        let clock = match self {
            Self::DateTime(moment, _) => Some(moment.time()),
            Self::Clock(clock) => Some(*clock),
            _ => None,
        };
        let delta = match self {
            Self::Delta(delta) => Some(Self::normalized(*delta)),
            _ => None,
        };
        let number = match name {
            "year" => i64::from(date?.year()),
            "month" => i64::from(date?.month()),
            "day" => i64::from(date?.day()),
            "hour" => i64::from(clock?.hour()),
            "minute" => i64::from(clock?.minute()),
            "second" => i64::from(clock?.second()),
            "microsecond" => i64::from(clock?.subsec_nanosecond()) / 1000,
            "days" => delta?.0,
            "seconds" => delta?.1,
            "microseconds" => delta?.2,
            _ => return None,
        };
        Some(Value::Int(number))
    }

    /// Appends Python's `repr`.
    pub fn push_repr(&self, out: &mut String) {
        let clock_fields = |out: &mut String, clock: civil::Time| {
            write!(out, "{}, {}", clock.hour(), clock.minute()).unwrap_or_default();
            let micros = clock.subsec_nanosecond() / 1000;
            if clock.second() != 0 || micros != 0 {
                write!(out, ", {}", clock.second()).unwrap_or_default();
            }
            if micros != 0 {
                write!(out, ", {micros}").unwrap_or_default();
            }
        };
        match self {
            Self::Date(d) => write!(out, "datetime.date({}, {}, {})", d.year(), d.month(), d.day()).unwrap_or_default(),
            Self::DateTime(m, offset) => {
                write!(out, "datetime.datetime({}, {}, {}, ", m.year(), m.month(), m.day()).unwrap_or_default();
                clock_fields(out, m.time());
                if let Some(offset) = offset {
                    out.push_str(", tzinfo=datetime.timezone");
                    if offset.seconds() == 0 {
                        out.push_str(".utc");
                    } else {
                        out.push('(');
                        Self::Delta(SignedDuration::from_secs(i64::from(offset.seconds()))).push_repr(out);
                        out.push(')');
                    }
                }
                out.push(')');
            }
            Self::Clock(clock) => {
                out.push_str("datetime.time(");
                clock_fields(out, *clock);
                out.push(')');
            }
            Self::Delta(delta) => {
                let (days, seconds, micros) = Self::normalized(*delta);
                let fields: Vec<String> = [("days", days), ("seconds", seconds), ("microseconds", micros)]
                    .into_iter()
                    .filter(|(_, n)| *n != 0)
                    .map(|(name, n)| format!("{name}={n}"))
                    .collect();
                let fields = if fields.is_empty() { "0".to_owned() } else { fields.join(", ") };
                write!(out, "datetime.timedelta({fields})").unwrap_or_default();
            }
        }
    }

    /// Python's order within one type; `None` when these two cannot be ordered (naive and aware, date and datetime).
    pub fn order(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Date(a), Self::Date(b)) => Some(a.cmp(b)),
            (Self::DateTime(a, None), Self::DateTime(b, None)) => Some(a.cmp(b)),
            (Self::DateTime(a, Some(ao)), Self::DateTime(b, Some(bo))) => {
                Some(ao.to_timestamp(*a).ok()?.cmp(&bo.to_timestamp(*b).ok()?))
            }
            (Self::Clock(a), Self::Clock(b)) => Some(a.cmp(b)),
            (Self::Delta(a), Self::Delta(b)) => Some(a.cmp(b)),
            _ => None,
        }
    }

    /// `self + other`, where Python defines it.
    pub fn plus(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (Self::Delta(a), Self::Delta(b)) => a.checked_add(*b).map(Self::Delta),
            (Self::Date(date), Self::Delta(delta)) | (Self::Delta(delta), Self::Date(date)) => {
                let (days, ..) = Self::normalized(*delta);
                date.checked_add(days.days()).ok().map(Self::Date)
            }
            (Self::DateTime(moment, offset), Self::Delta(delta))
            | (Self::Delta(delta), Self::DateTime(moment, offset)) => {
                moment.checked_add(*delta).ok().map(|moment| Self::DateTime(moment, *offset))
            }
            _ => None,
        }
    }

    /// `self - other`, where Python defines it.
    pub fn minus(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (Self::Date(a), Self::Date(b)) => Some(Self::Delta(a.duration_since(*b))),
            (Self::DateTime(a, None), Self::DateTime(b, None)) => Some(Self::Delta(a.duration_since(*b))),
            (Self::DateTime(a, Some(ao)), Self::DateTime(b, Some(bo))) => {
                Some(Self::Delta(ao.to_timestamp(*a).ok()?.duration_since(bo.to_timestamp(*b).ok()?)))
            }
            (_, Self::Delta(delta)) => self.plus(&Self::Delta(delta.checked_neg()?)),
            _ => None,
        }
    }
}

fn push_date(out: &mut String, date: civil::Date) {
    write!(out, "{:04}-{:02}-{:02}", date.year(), date.month(), date.day()).unwrap_or_default();
}

fn push_clock(out: &mut String, clock: civil::Time) {
    write!(out, "{:02}:{:02}:{:02}", clock.hour(), clock.minute(), clock.second()).unwrap_or_default();
    let micros = clock.subsec_nanosecond() / 1000;
    if micros != 0 {
        write!(out, ".{micros:06}").unwrap_or_default();
    }
}

fn push_offset(out: &mut String, offset: Option<Offset>) {
    let Some(offset) = offset else { return };
    let seconds = offset.seconds();
    let sign = if seconds < 0 { '-' } else { '+' };
    let seconds = seconds.abs();
    write!(out, "{sign}{:02}:{:02}", seconds / 3600, seconds / 60 % 60).unwrap_or_default();
    if seconds % 60 != 0 {
        write!(out, ":{:02}", seconds % 60).unwrap_or_default();
    }
}

/// Python's `str()`.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = String::new();
        match self {
            Self::Date(date) => push_date(&mut out, *date),
            Self::DateTime(moment, offset) => {
                push_date(&mut out, moment.date());
                out.push(' ');
                push_clock(&mut out, moment.time());
                push_offset(&mut out, *offset);
            }
            Self::Clock(clock) => push_clock(&mut out, *clock),
            Self::Delta(delta) => {
                let (days, seconds, micros) = Self::normalized(*delta);
                if days != 0 {
                    let plural = if days.abs() == 1 { "" } else { "s" };
                    write!(out, "{days} day{plural}, ")?;
                }
                write!(out, "{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)?;
                if micros != 0 {
                    write!(out, ".{micros:06}")?;
                }
            }
        }
        f.write_str(&out)
    }
}

impl From<Time> for Value {
    fn from(time: Time) -> Self {
        Self::Time(time)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::{date, datetime};

    use super::*;

    #[test]
    fn str_and_repr_are_pythons() {
        let offset = Offset::from_seconds(-5 * 3600).unwrap();
        for (time, text, repr) in [
            (Time::Date(date(2001, 12, 14)), "2001-12-14", "datetime.date(2001, 12, 14)"),
            (
                Time::DateTime(datetime(2001, 12, 14, 21, 59, 43, 100_000_000), Some(offset)),
                "2001-12-14 21:59:43.100000-05:00",
                "datetime.datetime(2001, 12, 14, 21, 59, 43, 100000, tzinfo=datetime.timezone(datetime.timedelta(days=-1, seconds=68400)))",
            ),
            (
                Time::DateTime(datetime(2001, 1, 1, 0, 0, 0, 0), Some(Offset::UTC)),
                "2001-01-01 00:00:00+00:00",
                "datetime.datetime(2001, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)",
            ),
            (
                Time::Delta(SignedDuration::from_secs(-1)),
                "-1 day, 23:59:59",
                "datetime.timedelta(days=-1, seconds=86399)",
            ),
            (
                Time::Delta(SignedDuration::from_millis(90_061_500)),
                "1 day, 1:01:01.500000",
                "datetime.timedelta(days=1, seconds=3661, microseconds=500000)",
            ),
            (Time::Delta(SignedDuration::ZERO), "0:00:00", "datetime.timedelta(0)"),
        ] {
            assert_eq!(time.to_string(), text);
            assert_eq!(Value::Time(time).repr(), repr);
        }
    }

    #[test]
    fn dates_are_added_and_subtracted() {
        let a = Time::Date(date(2024, 3, 1));
        let b = Time::Date(date(2024, 2, 1));
        assert_eq!(a.minus(&b).unwrap().to_string(), "29 days, 0:00:00");
        assert_eq!(b.plus(&a.minus(&b).unwrap()), Some(a));
        let naive = Time::DateTime(datetime(2024, 1, 1, 0, 0, 0, 0), None);
        let aware = Time::DateTime(datetime(2024, 1, 1, 0, 0, 0, 0), Some(Offset::UTC));
        assert_eq!(naive.order(&aware), None);
        assert_eq!(aware.timestamp(), Some(1_704_067_200.0));
        assert_eq!(a.attribute("month"), Some(Value::Int(3)));
    }
}
