//! `date_time`: the target's clock, in its zone and in UTC. All values are texts.

use jiff::tz::{Dst, TimeZone};
use jiff::{Timestamp, Zoned};
use rplay_value::Map;

use super::{Found, Probe};

pub(super) fn collect(_: &Probe<'_>) -> Found {
    let mut found = Found::default();
    found.set("date_time", facts(&Zoned::now()));
    found
}

fn facts(now: &Zoned) -> Map {
    let utc = now.with_time_zone(TimeZone::UTC);
    let epoch = now.timestamp().as_second().to_string();
    let zone = now.time_zone();
    let info = zone.to_offset_info(now.timestamp());
    let abbreviation = info.abbreviation().to_owned();
    let local = |format: &str| now.strftime(format).to_string();
    Map::from_iter([
        ("year", local("%Y")),
        ("month", local("%m")),
        ("weekday", local("%A")),
        ("weekday_number", local("%w")),
        ("weeknumber", local("%W")),
        ("day", local("%d")),
        ("hour", local("%H")),
        ("minute", local("%M")),
        ("second", local("%S")),
        ("epoch", epoch.clone()),
        ("epoch_int", epoch),
        ("date", local("%Y-%m-%d")),
        ("time", local("%H:%M:%S")),
        ("iso8601_micro", utc.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()),
        ("iso8601", utc.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
        ("iso8601_basic", local("%Y%m%dT%H%M%S%6f")),
        ("iso8601_basic_short", local("%Y%m%dT%H%M%S")),
        ("tz_dst", summer(now).unwrap_or_else(|| abbreviation.clone())),
        ("tz", abbreviation),
        ("tz_offset", local("%z")),
    ])
}

/// What the zone is called in summer time, if it has one this year.
fn summer(now: &Zoned) -> Option<String> {
    let zone = now.time_zone();
    (0..12).find_map(|month| {
        let at = Timestamp::from_second(now.timestamp().as_second() + month * 30 * 86_400).ok()?;
        let info = zone.to_offset_info(at);
        (info.dst() == Dst::Yes).then(|| info.abbreviation().to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_as_ansible_writes_it() {
        let now: Zoned = "2026-01-05T03:04:05.123456+01:00[Europe/Berlin]".parse().unwrap();
        let facts = facts(&now);
        let expected = [
            ("weekday", "Monday"),
            ("weekday_number", "1"),
            ("weeknumber", "01"),
            ("iso8601_micro", "2026-01-05T02:04:05.123456Z"),
            ("iso8601_basic", "20260105T030405123456"),
            ("iso8601_basic_short", "20260105T030405"),
            ("tz", "CET"),
            ("tz_dst", "CEST"),
            ("tz_offset", "+0100"),
            ("epoch", "1767578645"),
        ];
        for (key, value) in expected {
            assert_eq!(facts.get(key).unwrap().as_str(), Some(value), "{key}");
        }
    }
}
