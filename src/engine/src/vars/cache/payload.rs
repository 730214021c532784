//! What is kept about a host: JSON in ansible-core 2.19's envelope, `{"__payload__": ".."}`.
//!
//! Values that JSON has no word for carry their type in `__ansible_type`. ansible-core also writes where a text was
//! written and whether it was a template; that is read over: what comes from a cache is data.

use std::str::FromStr as _;

use rplay_value::json::{dumps, loads};
use rplay_value::{JsonStyle, List, Map, Time, Value, Vaulted};

/// The name under which a host's facts are kept: version 1 of ansible-core's schema.
pub(super) fn key(host: &str) -> String {
    format!("s1_{host}")
}

/// The text that is kept.
pub(super) fn encode(facts: &Map) -> String {
    // Keys are made text first, so nothing is left that could not be written.
    let inner = dumps(&Value::Map(encoded(facts)), &JsonStyle::default()).unwrap_or_else(|_| "{}".to_owned());
    let outer = Map::from_iter([("__payload__", inner)]);
    dumps(&Value::Map(outer), &JsonStyle::default()).unwrap_or_default()
}

fn encoded(map: &Map) -> Map {
    map.iter()
        .map(|(key, value)| {
            let key = match key {
                Value::Text(_) => key.clone(),
                Value::Null | Value::Bool(_) | Value::Int(_) | Value::Big(_) | Value::Float(_) => {
                    Value::data(dumps(key, &JsonStyle::default()).unwrap_or_default())
                }
                other => Value::data(other.to_str()),
            };
            (key, tagged(value))
        })
        .collect()
}

fn tagged(value: &Value) -> Value {
    let typed = |keys: &[(&str, Value)], name: &str| {
        let mut map: Map = keys.iter().map(|(key, value)| (*key, value.clone())).collect();
        map.insert("__ansible_type", name);
        Value::Map(map)
    };
    match value {
        Value::Map(map) => Value::Map(encoded(map)),
        Value::List(list) => Value::List(list.iter().map(tagged).collect()),
        Value::Time(time) => {
            let text = ("iso8601", Value::data(time.isoformat()));
            match time {
                Time::Date(_) => typed(&[text], "AnsibleSerializableDate"),
                Time::DateTime(..) => typed(&[text, ("fold", Value::from(0))], "AnsibleSerializableDateTime"),
                Time::Clock(_) => typed(&[text, ("fold", Value::from(0))], "AnsibleSerializableTime"),
                Time::Delta(_) => Value::data(time.isoformat()),
            }
        }
        // Never in plain.
        Value::Vault(vaulted) => typed(&[("ciphertext", Value::data(vaulted.ciphertext.as_ref()))], "EncryptedString"),
        other => other.clone(),
    }
}

/// The facts in a text that was kept, or what is wrong with it.
pub(super) fn decode(text: &str) -> Result<Map, String> {
    let outer = loads(text).map_err(|error| error.to_string())?;
    let inner = outer.get("__payload__").and_then(Value::as_str).ok_or("it has no payload")?;
    match untagged(loads(inner).map_err(|error| error.to_string())?)? {
        Value::Map(facts) => Ok(facts),
        other => Err(format!("the payload is a '{}'", other.type_name())),
    }
}

fn untagged(value: Value) -> Result<Value, String> {
    let map = match value {
        Value::Map(map) => map,
        Value::List(list) => return Ok(Value::List(list.iter().cloned().map(untagged).collect::<Result<List, _>>()?)),
        other => return Ok(other),
    };
    let Some(kind) = map.get("__ansible_type").and_then(Value::as_str) else {
        let entries = map.iter().map(|(key, value)| Ok::<_, String>((key.clone(), untagged(value.clone())?)));
        return Ok(Value::Map(entries.collect::<Result<_, _>>()?));
    };
    let text = |key: &str| map.get(key).and_then(Value::as_str).ok_or_else(|| format!("a {kind} without {key}"));
    let bad = |_: jiff::Error| format!("a {kind} that is no time");
    match kind {
        "AnsibleSerializableDate" => Ok(Value::Time(Time::Date(text("iso8601")?.parse().map_err(bad)?))),
        "AnsibleSerializableTime" => Ok(Value::Time(Time::Clock(text("iso8601")?.parse().map_err(bad)?))),
        "AnsibleSerializableDateTime" => {
            let text = text("iso8601")?;
            let offset = jiff::Timestamp::from_str(text).ok().map(|_| offset(text)).transpose()?;
            Ok(Value::Time(Time::DateTime(text.parse().map_err(bad)?, offset)))
        }
        "EncryptedString" => Ok(Value::Vault(Vaulted { ciphertext: text("ciphertext")?.into(), origin: None })),
        kind if kind.starts_with("_AnsibleTagged") => {
            untagged(map.get("value").cloned().ok_or_else(|| format!("a {kind} without value"))?)
        }
        kind => Err(format!("it holds a {kind}, which is not known")),
    }
}

/// The offset at the end of a time: `+02:00`.
fn offset(text: &str) -> Result<jiff::tz::Offset, String> {
    let pieces = jiff::fmt::temporal::DateTimeParser::new().parse_pieces(text).map_err(|error| error.to_string())?;
    pieces.to_numeric_offset().ok_or_else(|| "a time without its offset".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As ansible-core 2.19.14 wrote it after `set_fact` with `cacheable`.
    const RECORDED: &str = r#"{"__payload__": "{\"gather_subset\": [\"!all\"], \"_ansible_facts_gathered\": true, \"fa\": {\"value\": \"text \\u00e9 \\\"q\\\"\", \"tags\": [{\"path\": \"/p.yml\", \"line_num\": 5, \"col_num\": 38, \"__ansible_type\": \"Origin\"}, {\"__ansible_type\": \"TrustedAsTemplate\"}], \"__ansible_type\": \"_AnsibleTaggedStr\"}, \"fd\": {\"value\": {\"iso8601\": \"2020-01-01\", \"__ansible_type\": \"AnsibleSerializableDate\"}, \"tags\": [], \"__ansible_type\": \"_AnsibleTaggedDate\"}, \"fdt\": {\"value\": {\"iso8601\": \"2020-01-01T10:00:00\", \"fold\": 0, \"__ansible_type\": \"AnsibleSerializableDateTime\"}, \"tags\": [], \"__ansible_type\": \"_AnsibleTaggedDateTime\"}, \"fl\": {\"value\": [{\"value\": 1, \"tags\": [], \"__ansible_type\": \"_AnsibleTaggedInt\"}, 2.5, true, null], \"tags\": [], \"__ansible_type\": \"_AnsibleTaggedList\"}, \"ft\": \"{{ nope }}\"}"}"#;

    #[test]
    fn what_ansible_wrote_is_read_as_data() {
        let facts = decode(RECORDED).unwrap();
        assert_eq!(
            Value::Map(facts.clone()).repr(),
            "{'gather_subset': ['!all'], '_ansible_facts_gathered': True, 'fa': 'text é \"q\"', 'fd': datetime.date(2020, 1, 1), \
             'fdt': datetime.datetime(2020, 1, 1, 10, 0), 'fl': [1, 2.5, True, None], 'ft': '{{ nope }}'}"
        );
        assert!(facts.values().all(|value| !value.holds_template()));
    }

    #[test]
    fn plain_facts_are_written_byte_for_byte_as_ansible_writes_them() {
        let plain = r#"{"__payload__": "{\"gather_subset\": [\"!all\", \"!min\"], \"module_setup\": true, \"_ansible_facts_gathered\": true, \"fd\": {\"iso8601\": \"2020-01-01\", \"__ansible_type\": \"AnsibleSerializableDate\"}, \"u\": \"\\u00e9\\n\", \"n\": 1.0}"}"#;
        assert_eq!(encode(&decode(plain).unwrap()), plain);
    }

    #[test]
    fn times_come_back() {
        for text in ["2020-01-01T10:00:00.5+02:00", "2020-01-01T10:00:00"] {
            let facts = format!(
                r#"{{"__payload__": "{{\"t\": {{\"iso8601\": \"{text}\", \"fold\": 0, \"__ansible_type\": \"AnsibleSerializableDateTime\"}}}}"}}"#
            );
            let facts = decode(&facts).unwrap();
            assert_eq!(decode(&encode(&facts)).unwrap().get("t"), facts.get("t"), "{text}");
            assert_eq!(facts.get("t").unwrap().to_str().contains("+02:00"), text.contains('+'));
        }
    }

    #[test]
    fn what_is_broken_says_why() {
        assert!(decode("{broken").unwrap_err().contains("line 1 column 2"));
        assert_eq!(decode("{\"a\": 1}").unwrap_err(), "it has no payload");
        let foreign = r#"{"__payload__": "{\"a\": {\"__ansible_type\": \"Foo\"}}"}"#;
        assert_eq!(decode(foreign).unwrap_err(), "it holds a Foo, which is not known");
    }

    #[test]
    fn vaulted_values_stay_encrypted() {
        let vaulted = Vaulted { ciphertext: "$ANSIBLE_VAULT;1.1;AES256\n00".into(), origin: None };
        let facts = Map::from_iter([("secret", Value::Vault(vaulted))]);
        let text = encode(&facts);
        assert!(text.contains("EncryptedString") && text.contains("$ANSIBLE_VAULT"));
        assert_eq!(decode(&text).unwrap().get("secret"), facts.get("secret"));
    }
}
