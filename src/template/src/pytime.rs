//! Dates as Python's `datetime` and glibc's `strftime` have them: the C locale, nanosecond-free, proleptic Gregorian.
//!
//! [`DateTime`] is `datetime.datetime` without operators; [`strptime`]
//! is Python's own parser, which is stricter than C's.

mod parse;

use std::fmt::Write as _;

use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, civil};
use rplay_value::Time;

pub(crate) use parse::strptime;

/// A text or format that is not a date.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct TimeError(pub(crate) String);

const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAY: i64 = 86_400;
const MICRO: i128 = 1_000_000;

/// A date and time of day, with or without an offset from UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DateTime {
    /// Year, 1 to 9999 when it came from Python's parser.
    pub(crate) year: i64,
    /// 1 to 12.
    pub(crate) month: u8,
    /// 1 to 31.
    pub(crate) day: u8,
    /// 0 to 23.
    pub(crate) hour: u8,
    /// 0 to 59.
    pub(crate) minute: u8,
    /// 0 to 61.
    pub(crate) second: u8,
    /// 0 to 999999.
    pub(crate) microsecond: u32,
    /// Seconds east of UTC; none for a naive date.
    pub(crate) offset: Option<i32>,
    /// Abbreviation of the time zone, when known.
    pub(crate) zone: Option<String>,
}

/// Days since 1970-01-01.
fn days_from_civil(year: i64, month: u8, day: u8) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month = i64::from(month);
    let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + i64::from(day) - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

fn civil_from_days(days: i64) -> (i64, u8, u8) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = (day_of_year - (153 * month + 2) / 5 + 1) as u8;
    let month = (if month < 10 { month + 3 } else { month - 9 }) as u8;
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && year % 100 != 0 || year % 400 == 0
}

fn days_in_month(year: i64, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        _ => 31,
    }
}

/// `moment.strftime(format)`; a clock is on 1900-01-01, as in Python.
pub(crate) fn format(moment: &Time, format: &str) -> String {
    let at = match moment {
        Time::Date(date) => DateTime::on(date.to_datetime(civil::Time::midnight()), None),
        Time::DateTime(at, offset) => DateTime::on(*at, *offset),
        Time::Clock(clock) => DateTime::on(civil::date(1900, 1, 1).to_datetime(*clock), None),
        Time::Delta(_) => return moment.to_string(),
    };
    at.strftime(format)
}

impl DateTime {
    /// The moment of a value of rplay's.
    fn on(at: civil::DateTime, offset: Option<Offset>) -> Self {
        let part = |part: i8| u8::try_from(part).unwrap_or(0);
        Self {
            year: i64::from(at.year()),
            month: part(at.month()),
            day: part(at.day()),
            hour: part(at.hour()),
            minute: part(at.minute()),
            second: part(at.second()),
            microsecond: u32::try_from(at.subsec_nanosecond() / 1000).unwrap_or(0),
            offset: offset.map(Offset::seconds),
            zone: None,
        }
    }

    /// A naive date from its microseconds since 1970.
    pub(crate) fn from_micros(micros: i128) -> Self {
        let seconds = micros.div_euclid(MICRO) as i64;
        let (year, month, day) = civil_from_days(seconds.div_euclid(DAY));
        let second = seconds.rem_euclid(DAY);
        Self {
            year,
            month,
            day,
            hour: (second / 3600) as u8,
            minute: (second / 60 % 60) as u8,
            second: (second % 60) as u8,
            microsecond: micros.rem_euclid(MICRO) as u32,
            offset: None,
            zone: None,
        }
    }

    /// A moment in UTC or in the machine's time zone, with the zone's name.
    pub(crate) fn at(epoch: i64, utc: bool) -> Result<Self, TimeError> {
        let zone = if utc { TimeZone::UTC } else { TimeZone::system() };
        let stamp = Timestamp::from_second(epoch)
            .map_err(|_| TimeError("timestamp out of range for platform time_t".to_owned()))?;
        let info = zone.to_offset_info(stamp);
        let offset = info.offset().seconds();
        let mut at = Self::from_micros(i128::from(epoch + i64::from(offset)) * MICRO);
        at.offset = Some(offset);
        at.zone = Some(if utc { "GMT".to_owned() } else { info.abbreviation().to_owned() });
        Ok(at)
    }

    /// This moment.
    pub(crate) fn now(utc: bool) -> Result<Self, TimeError> {
        Self::at(Timestamp::now().as_second(), utc)
    }

    /// The same as a value of rplay's.
    pub(crate) fn time(&self) -> Result<Time, TimeError> {
        let fail = |error: jiff::Error| TimeError(error.to_string());
        let year = i16::try_from(self.year).map_err(|_| TimeError(format!("year {} is out of range", self.year)))?;
        let nanos = i32::try_from(self.microsecond).unwrap_or(0) * 1000;
        let [month, day, hour, minute, second] =
            [self.month, self.day, self.hour, self.minute, self.second].map(|part| i8::try_from(part).unwrap_or(0));
        let date = civil::DateTime::new(year, month, day, hour, minute, second, nanos).map_err(fail)?;
        let offset = self.offset.map(Offset::from_seconds).transpose().map_err(fail)?;
        Ok(Time::DateTime(date, offset))
    }

    /// Microseconds since 1970 on this date's own clock.
    pub(crate) fn micros(&self) -> i128 {
        let days = days_from_civil(self.year, self.month, self.day);
        let seconds = days * DAY + i64::from(self.hour) * 3600 + i64::from(self.minute) * 60 + i64::from(self.second);
        i128::from(seconds) * MICRO + i128::from(self.microsecond)
    }

    /// Seconds since 1970 (`timestamp()`); a naive date is in the machine's time zone.
    pub(crate) fn timestamp(&self) -> f64 {
        let micros = self.micros();
        let offset = self.offset.unwrap_or_else(|| {
            let stamp = Timestamp::from_second((micros / MICRO) as i64).unwrap_or_default();
            // One correction is enough outside the hour that a change of clocks repeats or skips.
            let guess = TimeZone::system().to_offset(stamp).seconds();
            let stamp = Timestamp::from_second((micros / MICRO) as i64 - i64::from(guess)).unwrap_or_default();
            TimeZone::system().to_offset(stamp).seconds()
        });
        (micros - i128::from(offset) * MICRO) as f64 / 1e6
    }

    /// 0 is Monday.
    pub(crate) fn weekday(&self) -> u8 {
        (days_from_civil(self.year, self.month, self.day) + 3).rem_euclid(7) as u8
    }

    /// 1 is January the first.
    pub(crate) fn day_of_year(&self) -> i64 {
        days_from_civil(self.year, self.month, self.day) - days_from_civil(self.year, 1, 1) + 1
    }

    /// ISO 8601 year and week.
    pub(crate) fn iso_week(&self) -> (i64, i64) {
        let thursday = days_from_civil(self.year, self.month, self.day) - i64::from(self.weekday()) + 3;
        let year = civil_from_days(thursday).0;
        (year, (thursday - days_from_civil(year, 1, 1)) / 7 + 1)
    }

    /// `+HH:MM[:SS]` with the given separator; nothing for a naive date.
    fn offset_text(&self, separator: &str) -> String {
        let Some(offset) = self.offset else { return String::new() };
        let (sign, rest) = if offset < 0 { ('-', -offset) } else { ('+', offset) };
        let mut text = format!("{sign}{:02}{separator}{:02}", rest / 3600, rest / 60 % 60);
        if rest % 60 != 0 {
            let _ = write!(text, "{separator}{:02}", rest % 60);
        }
        text
    }

    /// `strftime` as glibc does it in the C locale, with its flags (`-_0^#`) and widths; `%f` as Python adds it.
    pub(crate) fn strftime(&self, format: &str) -> String {
        let mut out = String::with_capacity(format.len() + 16);
        let mut chars = format.chars().peekable();
        while let Some(c) = chars.next() {
            if c != '%' {
                out.push(c);
                continue;
            }
            let mut spec = Spec { written: String::from('%'), ..Spec::default() };
            while let Some(flag) = chars.next_if(|c| "-_0^#".contains(*c)) {
                spec.written.push(flag);
                match flag {
                    '-' | '_' | '0' => spec.pad = Some(flag),
                    '^' => spec.upper = true,
                    _ => spec.swap = true,
                }
            }
            while let Some(digit) = chars.next_if(char::is_ascii_digit) {
                spec.written.push(digit);
                let digit = digit.to_digit(10).unwrap_or_default() as usize;
                spec.width = Some((spec.width.unwrap_or(0) * 10 + digit).min(4096));
            }
            // The locale's alternatives are the same in the C locale.
            if let Some(modifier) = chars.next_if(|c| matches!(c, 'E' | 'O')) {
                spec.written.push(modifier);
            }
            match chars.next() {
                Some(directive) => self.directive(directive, &spec, &mut out),
                None => out.push_str(&spec.written),
            }
        }
        out
    }

    fn directive(&self, directive: char, spec: &Spec, out: &mut String) {
        let hour12 = i64::from(match self.hour % 12 {
            0 => 12,
            hour => hour,
        });
        let day_name = DAYS[usize::from(self.weekday()) % 7];
        let month_name = MONTHS[usize::from(self.month.max(1) - 1) % 12];
        let noon = if self.hour < 12 { "AM" } else { "PM" };
        let yday = self.day_of_year();
        let weekday = i64::from(self.weekday());
        match directive {
            'a' => spec.text(&day_name[..3], out),
            'A' => spec.text(day_name, out),
            'b' | 'h' => spec.text(&month_name[..3], out),
            'B' => spec.text(month_name, out),
            'c' => spec.text(&self.strftime("%a %b %e %H:%M:%S %Y"), out),
            'C' => spec.number(self.year.div_euclid(100), 2, '0', out),
            'd' => spec.number(i64::from(self.day), 2, '0', out),
            'D' | 'x' => spec.text(&self.strftime("%m/%d/%y"), out),
            'e' => spec.number(i64::from(self.day), 2, '_', out),
            'f' => out.push_str(&format!("{:06}", self.microsecond)),
            'F' => spec.text(&self.strftime("%Y-%m-%d"), out),
            'g' => spec.number(self.iso_week().0.rem_euclid(100), 2, '0', out),
            'G' => spec.number(self.iso_week().0, 1, '0', out),
            'H' => spec.number(i64::from(self.hour), 2, '0', out),
            'I' => spec.number(hour12, 2, '0', out),
            'j' => spec.number(yday, 3, '0', out),
            'k' => spec.number(i64::from(self.hour), 2, '_', out),
            'l' => spec.number(hour12, 2, '_', out),
            'm' => spec.number(i64::from(self.month), 2, '0', out),
            'M' => spec.number(i64::from(self.minute), 2, '0', out),
            'n' => spec.text("\n", out),
            'p' if spec.swap => out.push_str(&noon.to_lowercase()),
            'p' => spec.text(noon, out),
            'P' => spec.text(&noon.to_lowercase(), out),
            'r' => spec.text(&self.strftime("%I:%M:%S %p"), out),
            'R' => spec.text(&self.strftime("%H:%M"), out),
            's' => spec.number(self.timestamp().floor() as i64, 1, '0', out),
            'S' => spec.number(i64::from(self.second), 2, '0', out),
            't' => spec.text("\t", out),
            'T' | 'X' => spec.text(&self.strftime("%H:%M:%S"), out),
            'u' => spec.number(weekday + 1, 1, '0', out),
            'U' => spec.number((yday + 6 - (weekday + 1) % 7) / 7, 2, '0', out),
            'V' => spec.number(self.iso_week().1, 2, '0', out),
            'w' => spec.number((weekday + 1) % 7, 1, '0', out),
            'W' => spec.number((yday + 6 - weekday) / 7, 2, '0', out),
            'y' => spec.number(self.year.rem_euclid(100), 2, '0', out),
            'Y' => spec.number(self.year, 1, '0', out),
            'z' => spec.text(&self.offset_text(""), out),
            'Z' if spec.swap => out.push_str(&self.zone_name().to_lowercase()),
            'Z' => spec.text(&self.zone_name(), out),
            '%' => spec.text("%", out),
            other => {
                out.push_str(&spec.written);
                out.push(other);
            }
        }
    }

    fn zone_name(&self) -> String {
        match (&self.zone, self.offset) {
            (Some(zone), _) => zone.clone(),
            (None, Some(0)) => "UTC".to_owned(),
            (None, Some(_)) => format!("UTC{}", self.offset_text(":")),
            (None, None) => String::new(),
        }
    }
}

/// Flags and width of a directive.
#[derive(Default)]
struct Spec {
    written: String,
    pad: Option<char>,
    upper: bool,
    swap: bool,
    width: Option<usize>,
}

impl Spec {
    fn text(&self, text: &str, out: &mut String) {
        let fill = if self.pad == Some('0') { '0' } else { ' ' };
        let missing = self.width.unwrap_or(0).saturating_sub(text.chars().count());
        out.extend(std::iter::repeat_n(fill, missing));
        if self.upper || self.swap { out.push_str(&text.to_uppercase()) } else { out.push_str(text) }
    }

    fn number(&self, number: i64, width: usize, pad: char, out: &mut String) {
        let pad = self.pad.unwrap_or(pad);
        let digits = number.unsigned_abs().to_string();
        let width = if pad == '-' && self.width.is_none() { 0 } else { self.width.unwrap_or(width) };
        let missing = width.saturating_sub(digits.len() + usize::from(number < 0));
        if pad == '_' {
            out.extend(std::iter::repeat_n(' ', missing));
        }
        if number < 0 {
            out.push('-');
        }
        if pad != '_' {
            out.extend(std::iter::repeat_n('0', missing));
        }
        out.push_str(&digits);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment() -> DateTime {
        DateTime::at(1_600_000_000, true).unwrap()
    }

    #[test]
    fn strftime_is_glibcs() {
        for (format, want) in [
            ("%Y-%m-%d %H:%M:%S", "2020-09-13 12:26:40"),
            ("%c", "Sun Sep 13 12:26:40 2020"),
            ("%j %U %W %V %G %u %w", "257 37 36 37 2020 7 0"),
            ("%-d %_d %03d %^a %#p %e", "13 13 013 SUN pm 13"),
            ("%s %Z %z %%", "1600000000 GMT +0000 %"),
            ("%I:%M %p %y %C %h", "12:26 PM 20 20 Sep"),
            ("%10Y|%-H|%_5m", "0000002020|12|    9"),
            ("%Q %", "%Q %"),
            ("%D %F %T %R %r", "09/13/20 2020-09-13 12:26:40 12:26 12:26:40 PM"),
        ] {
            assert_eq!(moment().strftime(format), want, "{format}");
        }
    }

    #[test]
    fn dates_go_there_and_back() {
        for micros in [0, 1, -1, 1_600_000_000_123_456, -62_135_596_800_000_000, 253_402_300_799_999_999] {
            assert_eq!(DateTime::from_micros(micros).micros(), micros);
        }
    }

    #[test]
    fn strptime_is_pythons() {
        let parse = |text: &str, format: &str| strptime(text, format).map(|d| d.strftime("%F %T.%f%z"));
        let ok = |text: &str| Ok(if text.contains('.') { text.to_owned() } else { format!("{text}.000000") });
        assert_eq!(parse("2016-08-14 20:00:12", "%Y-%m-%d %H:%M:%S"), ok("2016-08-14 20:00:12"));
        assert_eq!(parse("Aug 4 2016 8:05 pm", "%b %d %Y %I:%M %p"), ok("2016-08-04 20:05:00"));
        assert_eq!(parse("69 1", "%y %m"), ok("1969-01-01 00:00:00"));
        assert_eq!(parse("68", "%y"), ok("2068-01-01 00:00:00"));
        assert_eq!(parse("2024 060", "%Y %j"), ok("2024-02-29 00:00:00"));
        assert_eq!(parse("2020 37 1", "%Y %W %w"), ok("2020-09-14 00:00:00"));
        assert_eq!(parse("2020 37 1", "%G %V %u"), ok("2020-09-07 00:00:00"));
        assert_eq!(parse("12:00:00.5+0130", "%H:%M:%S.%f%z"), ok("1900-01-01 12:00:00.500000+0130"));
        let fails = |text: &str, format: &str| strptime(text, format).unwrap_err().0;
        assert_eq!(fails("x", "%Y"), "time data 'x' does not match format '%Y'");
        assert_eq!(fails("2020x", "%Y"), "unconverted data remains: x");
        assert_eq!(fails("2020", "%Q"), "'Q' is a bad directive in format '%Q'");
        assert_eq!(fails("2023-02-29", "%Y-%m-%d"), "day is out of range for month");
    }
}
