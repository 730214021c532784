//! Times of certificates: read from options, written to and read from DER.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::X509Error;
use super::der::{self, Item};

/// Now, in UTC as all times here.
pub(crate) fn now() -> DateTime {
    Timestamp::now().to_zoned(TimeZone::UTC).datetime()
}

/// `+3650d`, `-1h30m`, or `YYYYMMDDHHMM[SS]` with `Z` or an offset.
pub(crate) fn option(text: &str, name: &str) -> Result<DateTime, X509Error> {
    let invalid = |word: &str| X509Error::bad(format!("The {word} \"{text}\" for {name} is invalid"));
    if text.starts_with(['+', '-']) {
        let offset = relative(&text[1..]).ok_or_else(|| invalid("timespec"))?;
        let now = now();
        let time = if text.starts_with('+') { now.checked_add(offset) } else { now.checked_sub(offset) };
        return time.map_err(|_| invalid("timespec"));
    }
    for (form, length) in [("%Y%m%d%H%M%S", 15), ("%Y%m%d%H%M", 13)] {
        if let Some(stamp) = text.strip_suffix('Z').filter(|_| text.len() == length)
            && let Ok(time) = DateTime::strptime(form, stamp)
        {
            return Ok(time);
        }
    }
    for (form, length) in [("%Y%m%d%H%M%S%z", 19), ("%Y%m%d%H%M%z", 17)] {
        if text.len() == length
            && let Ok(time) = Timestamp::strptime(form, text)
        {
            return Ok(time.to_zoned(TimeZone::UTC).datetime());
        }
    }
    Err(invalid("time spec"))
}

/// `1w2d3h4m5s`, each at most once and in this order; seconds may stand without their letter.
fn relative(text: &str) -> Option<SignedDuration> {
    let mut units = [('w', 604_800), ('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)].into_iter();
    let mut seconds: i64 = 0;
    let mut rest = text;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: i64 = rest[..digits].parse().ok()?;
        let letter = rest[digits..].chars().next().unwrap_or('s').to_ascii_lowercase();
        let (_, unit) = units.find(|(known, _)| *known == letter)?;
        seconds = seconds.checked_add(number.checked_mul(unit)?)?;
        rest = rest.get(digits + 1..).unwrap_or_default();
    }
    Some(SignedDuration::from_secs(seconds))
}

/// `YYYYMMDDHHMMSSZ`.
pub(crate) fn shown(time: DateTime) -> String {
    time.strftime("%Y%m%d%H%M%SZ").to_string()
}

/// As certificates write it: with two digits of the year until 2049.
pub(crate) fn encode(time: DateTime) -> Vec<u8> {
    if (1950..2050).contains(&time.year()) {
        der::tlv(der::UTC_TIME, time.strftime("%y%m%d%H%M%SZ").to_string().as_bytes())
    } else {
        der::tlv(der::GENERALIZED_TIME, shown(time).as_bytes())
    }
}

/// From a certificate.
pub(crate) fn decode(item: &Item<'_>) -> Result<DateTime, X509Error> {
    let text = String::from_utf8_lossy(item.content);
    let whole = match item.tag {
        der::UTC_TIME => format!("{}{text}", if text.starts_with(['5', '6', '7', '8', '9']) { "19" } else { "20" }),
        _ => text.into_owned(),
    };
    option(&whole, "a certificate")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::x509::der::Reader;

    #[test]
    fn times_are_absolute_or_relative() {
        let read = |text: &str| option(text, "x").map(shown).map_err(|error| error.to_string());
        assert_eq!(read("20240102030405Z").unwrap(), "20240102030405Z");
        assert_eq!(read("202401020304Z").unwrap(), "20240102030400Z");
        assert_eq!(read("20240102030405+0100").unwrap(), "20240102020405Z");
        assert_eq!(read("soon").unwrap_err(), "The time spec \"soon\" for x is invalid");
        assert_eq!(read("+1x").unwrap_err(), "The timespec \"+1x\" for x is invalid");
        assert_eq!(relative("1w1d1h1m1"), Some(SignedDuration::from_secs(694_861)));
        assert!(relative("1d1w").is_none() && relative("").is_none());
        let ahead = option("+10d", "x").unwrap().duration_since(now());
        assert!((863_990..864_001).contains(&ahead.as_secs()));
    }

    #[test]
    fn times_come_back_from_der() {
        for text in ["19991231235959Z", "20240102030405Z", "20500101000000Z", "99991231235959Z"] {
            let written = encode(option(text, "x").unwrap());
            assert_eq!(shown(decode(&Reader::new(&written).next().unwrap()).unwrap()), text);
        }
    }
}
