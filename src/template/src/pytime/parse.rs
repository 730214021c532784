//! `datetime.strptime`.

use super::{DAYS, DateTime, MONTHS, TimeError, civil_from_days, days_from_civil, days_in_month};
use crate::pyregex::{self, Flags};

/// The alternatives of each directive, as patterns that take the longest fitting number.
fn directive_pattern(directive: char) -> Option<String> {
    let names = |names: &[&str], length: usize| {
        let mut names: Vec<String> = names.iter().map(|n| n[..length.min(n.len())].to_lowercase()).collect();
        names.sort_by_key(|name| std::cmp::Reverse(name.len()));
        names.join("|")
    };
    Some(match directive {
        'd' => r"3[0-1]|[1-2]\d|0[1-9]|[1-9]| [1-9]".to_owned(),
        'f' => r"[0-9]{1,6}".to_owned(),
        'H' => r"2[0-3]|[0-1]\d|\d".to_owned(),
        'I' => r"1[0-2]|0[1-9]|[1-9]".to_owned(),
        'G' | 'Y' => r"\d\d\d\d".to_owned(),
        'j' => r"36[0-6]|3[0-5]\d|[1-2]\d\d|0[1-9]\d|00[1-9]|[1-9]\d|0[1-9]|[1-9]".to_owned(),
        'm' => r"1[0-2]|0[1-9]|[1-9]".to_owned(),
        'M' => r"[0-5]\d|\d".to_owned(),
        'S' => r"6[0-1]|[0-5]\d|\d".to_owned(),
        'U' | 'W' => r"5[0-3]|[0-4]\d|\d".to_owned(),
        'V' => r"5[0-3]|0[1-9]|[1-4]\d|\d".to_owned(),
        'w' => "[0-6]".to_owned(),
        'u' => "[1-7]".to_owned(),
        'y' => r"\d\d".to_owned(),
        'z' => r"[+-]\d\d:?[0-5]\d(?::?[0-5]\d(?:\.\d{1,6})?)?|(?-i:Z)".to_owned(),
        'Z' => "utc|gmt".to_owned(),
        'A' => names(&DAYS, usize::MAX),
        'a' => names(&DAYS, 3),
        'B' => names(&MONTHS, usize::MAX),
        'b' => names(&MONTHS, 3),
        'p' => "am|pm".to_owned(),
        _ => return None,
    })
}

/// The pattern of a whole format, and its directives in the order of their groups.
fn format_pattern(format: &str) -> Result<(String, Vec<char>), TimeError> {
    let mut pattern = String::new();
    let mut groups = Vec::new();
    let expanded = format.replace("%c", "%a %b %d %H:%M:%S %Y").replace("%x", "%m/%d/%y").replace("%X", "%H:%M:%S");
    let mut chars = expanded.chars().peekable();
    while let Some(c) = chars.next() {
        if c.is_whitespace() {
            while chars.next_if(|c| c.is_whitespace()).is_some() {}
            pattern.push_str(r"\s+");
            continue;
        }
        if c != '%' {
            pattern.push_str(&pyregex::escape(&c.to_string()));
            continue;
        }
        match chars.next() {
            None => return Err(TimeError(format!("stray %% in format '{format}'"))),
            Some('%') => pattern.push('%'),
            Some(directive) => {
                let Some(alternatives) = directive_pattern(directive) else {
                    return Err(TimeError(format!("'{directive}' is a bad directive in format '{format}'")));
                };
                if groups.contains(&directive) {
                    let message = format!("redefinition of group name '{directive}' in format '{format}'");
                    return Err(TimeError(message));
                }
                groups.push(directive);
                pattern.push_str(&format!("({alternatives})"));
            }
        }
    }
    Ok((pattern, groups))
}

/// What the directives said.
#[derive(Default)]
struct Read {
    year: Option<i64>,
    iso_year: Option<i64>,
    month: Option<u8>,
    day: Option<u8>,
    hour: u8,
    minute: u8,
    second: u8,
    microsecond: u32,
    yday: Option<i64>,
    /// 0 is Monday.
    weekday: Option<i64>,
    /// The week, and the weekday it starts with.
    week: Option<(i64, i64)>,
    iso_week: Option<i64>,
    offset: Option<i32>,
    pm: Option<bool>,
}

/// Reads a date by a format, as Python's `datetime.strptime`.
pub(crate) fn strptime(text: &str, format: &str) -> Result<DateTime, TimeError> {
    let (pattern, groups) = format_pattern(format)?;
    let pattern = pyregex::compile(&pattern, Flags::new(true, false)).map_err(|e| TimeError(e.0))?;
    let found = pattern.at_start(text).map_err(|e| TimeError(e.0))?;
    let Some(found) = found else {
        let quote = |text: &str| format!("'{text}'");
        return Err(TimeError(format!("time data {} does not match format {}", quote(text), quote(format))));
    };
    let end = found.range().1;
    if end != text.len() {
        return Err(TimeError(format!("unconverted data remains: {}", text.get(end..).unwrap_or_default())));
    }
    let mut read = Read::default();
    for (i, directive) in groups.iter().enumerate() {
        read.take(*directive, found.group(text, i + 1).unwrap_or_default());
    }
    read.date()
}

impl Read {
    fn take(&mut self, directive: char, text: &str) {
        let number: i64 = text.trim().parse().unwrap_or_default();
        let position = |names: &[&str]| {
            names.iter().position(|name| {
                name.get(..3).is_some_and(|n| text.get(..3).is_some_and(|t| n.eq_ignore_ascii_case(t)))
            })
        };
        match directive {
            'Y' => self.year = Some(number),
            'y' => self.year = Some(number + if number <= 68 { 2000 } else { 1900 }),
            'G' => self.iso_year = Some(number),
            'm' => self.month = Some(number as u8),
            'B' | 'b' => self.month = position(&MONTHS).map(|i| i as u8 + 1),
            'd' => self.day = Some(number as u8),
            'H' | 'I' => self.hour = number as u8,
            'p' => self.pm = Some(text.eq_ignore_ascii_case("pm")),
            'M' => self.minute = number as u8,
            'S' => self.second = number as u8,
            'f' => self.microsecond = format!("{text:0<6}").parse().unwrap_or_default(),
            'A' | 'a' => self.weekday = position(&DAYS).map(|i| i as i64),
            'w' => self.weekday = Some((number + 6) % 7),
            'u' => self.weekday = Some(number - 1),
            'j' => self.yday = Some(number),
            'U' => self.week = Some((number, 6)),
            'W' => self.week = Some((number, 0)),
            'V' => self.iso_week = Some(number),
            'z' => self.offset = Some(offset(text)),
            _ => {}
        }
    }

    fn date(self) -> Result<DateTime, TimeError> {
        let hour = match self.pm {
            Some(false) if self.hour == 12 => 0,
            Some(true) if self.hour < 12 => self.hour + 12,
            _ => self.hour,
        };
        let (year, month, day) = self.day()?;
        if self.second > 59 {
            return Err(TimeError("second must be in 0..59".to_owned()));
        }
        Ok(DateTime {
            year,
            month,
            day,
            hour,
            minute: self.minute,
            second: self.second,
            microsecond: self.microsecond,
            offset: self.offset,
            zone: None,
        })
    }

    fn day(&self) -> Result<(i64, u8, u8), TimeError> {
        let fail = |message: &str| Err(TimeError(message.to_owned()));
        if let Some(iso_year) = self.iso_year {
            if self.yday.is_some() {
                return fail(
                    "Day of the year directive '%j' is not compatible with ISO year directive '%G'. Use '%Y' instead.",
                );
            }
            let (Some(week), Some(weekday)) = (self.iso_week, self.weekday) else {
                return fail(
                    "ISO year directive '%G' must be used with the ISO week directive '%V' and a weekday directive ('%A', '%a', '%w', or '%u').",
                );
            };
            // January the fourth is always in week one.
            let fourth = days_from_civil(iso_year, 1, 4);
            let monday = fourth - (fourth + 3).rem_euclid(7);
            return Ok(civil_from_days(monday + (week - 1) * 7 + weekday));
        }
        if self.iso_week.is_some() {
            return fail(if self.year.is_none() || self.weekday.is_none() {
                "ISO week directive '%V' must be used with the ISO year directive '%G' and a weekday directive ('%A', '%a', '%w', or '%u')."
            } else {
                "ISO week directive '%V' is incompatible with the year directive '%Y'. Use the ISO year '%G' instead."
            });
        }
        // 29 February without a year is accepted as if the year were a leap year, then placed in 1900 as Python does.
        let year = self.year.unwrap_or(1900);
        if let (Some((week, starts)), Some(weekday), Some(_)) = (self.week, self.weekday, self.year)
            && self.yday.is_none()
            && self.month.is_none()
        {
            let first = days_from_civil(year, 1, 1);
            let first_weekday = (first + 3).rem_euclid(7);
            let (first_weekday, weekday) =
                if starts == 6 { ((first_weekday + 1) % 7, (weekday + 1) % 7) } else { (first_weekday, weekday) };
            let week_0_length = (7 - first_weekday) % 7;
            let day = if week == 0 { weekday - first_weekday } else { week_0_length + 7 * (week - 1) + weekday };
            return Ok(civil_from_days(first + day));
        }
        if let Some(yday) = self.yday.filter(|_| self.month.is_none() && self.day.is_none()) {
            return Ok(civil_from_days(days_from_civil(year, 1, 1) + yday - 1));
        }
        let (month, day) = (self.month.unwrap_or(1), self.day.unwrap_or(1));
        if day > days_in_month(year, month) {
            return fail("day is out of range for month");
        }
        if year < 1 {
            return Err(TimeError(format!("year {year} is out of range")));
        }
        Ok((year, month, day))
    }
}

/// Seconds east of UTC.
fn offset(text: &str) -> i32 {
    if text == "Z" {
        return 0;
    }
    let digits: String = text.split('.').next().unwrap_or_default().chars().filter(char::is_ascii_digit).collect();
    let part = |at: usize| digits.get(at..at + 2).and_then(|d| d.parse::<i32>().ok()).unwrap_or(0);
    let seconds = part(0) * 3600 + part(2) * 60 + part(4);
    if text.starts_with('-') { -seconds } else { seconds }
}
