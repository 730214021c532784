//! Values as JSON without a loss: what a run goes on with must be what it had.
//!
//! Plain JSON means what it says, with data texts. What JSON has no word for is an object of one key that starts with
//! `$`: `$t` a text that is a template, `$m` a mapping as pairs (keys that are no texts, or that start with `$`), `$f` a
//! float that is no number, `$v` a vault envelope, `$d` a date, time or duration.

use jiff::SignedDuration;
use jiff::civil;
use jiff::tz::Offset;
use rplay_value::{List, Map, Text, Time, Value, Vaulted};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde::{Deserialize, Deserializer};

/// A value that is written without a loss.
pub struct Exact<'a>(pub &'a Value);

/// A mapping that is written without a loss.
pub struct ExactMap<'a>(pub &'a Map);

/// A value as it was written.
#[derive(Debug)]
pub struct Revived(pub Value);

impl Serialize for Exact<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Text(text) if text.is_trusted() => tagged(serializer, "$t", text.as_str()),
            Value::Float(number) if !number.is_finite() => {
                let name = if number.is_nan() { "nan" } else { ["inf", "-inf"][usize::from(*number < 0.0)] };
                tagged(serializer, "$f", name)
            }
            Value::List(list) => serializer.collect_seq(list.iter().map(Exact)),
            Value::Map(map) => ExactMap(map).serialize(serializer),
            Value::Vault(vaulted) => tagged(serializer, "$v", &*vaulted.ciphertext),
            Value::Time(time) => tagged(serializer, "$d", &words(time)),
            plain => plain.serialize(serializer),
        }
    }
}

impl Serialize for ExactMap<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let plain = |key: &Value| matches!(key, Value::Text(text) if !text.starts_with('$'));
        if self.0.keys().all(plain) {
            return serializer.collect_map(self.0.texts().map(|(key, value)| (key.as_str(), Exact(value))));
        }
        let pairs: Vec<_> = self.0.iter().map(|(key, value)| (Exact(key), Exact(value))).collect();
        tagged(serializer, "$m", &pairs)
    }
}

fn tagged<S: Serializer>(
    serializer: S,
    tag: &'static str,
    content: &(impl Serialize + ?Sized),
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(1))?;
    map.serialize_entry(tag, content)?;
    map.end()
}

fn words(time: &Time) -> (&'static str, String, Option<i32>) {
    match time {
        Time::Date(date) => ("date", date.to_string(), None),
        Time::DateTime(moment, offset) => ("datetime", moment.to_string(), offset.map(Offset::seconds)),
        Time::Clock(clock) => ("time", clock.to_string(), None),
        Time::Delta(delta) => ("delta", delta.as_micros().to_string(), None),
    }
}

impl<'de> Deserialize<'de> for Revived {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        revived(value).map(Self).ok_or_else(|| serde::de::Error::custom("not a value that a journal holds"))
    }
}

fn revived(value: Value) -> Option<Value> {
    match value {
        Value::List(list) => Some(Value::List(list.into_vec().into_iter().map(revived).collect::<Option<List>>()?)),
        Value::Map(map) => match map.texts().next() {
            Some((key, content)) if map.len() == 1 && key.starts_with('$') => untagged(key, content),
            _ => {
                let mut out = Map::with_capacity(map.len());
                for (key, value) in &map {
                    out.insert(key.clone(), revived(value.clone())?);
                }
                Some(Value::Map(out))
            }
        },
        plain => Some(plain),
    }
}

fn untagged(tag: &str, content: &Value) -> Option<Value> {
    Some(match tag {
        "$t" => Value::Text(Text::trusted(content.as_str()?)),
        "$f" => Value::Float(content.as_str()?.parse().ok()?),
        "$v" => Value::Vault(Vaulted { ciphertext: content.as_str()?.into(), origin: None }),
        "$m" => {
            let mut map = Map::new();
            for pair in content.as_list()? {
                let [key, value] = &**pair.as_list()? else { return None };
                map.insert(revived(key.clone())?, revived(value.clone())?);
            }
            Value::Map(map)
        }
        "$d" => {
            let words = content.as_list()?;
            let text = words.get(1)?.as_str()?;
            Value::Time(match words.first()?.as_str()? {
                "date" => Time::Date(text.parse().ok()?),
                "datetime" => {
                    let offset = words.get(2).and_then(Value::as_int).map(|seconds| i32::try_from(seconds).ok());
                    let offset = match offset {
                        Some(seconds) => Some(Offset::from_seconds(seconds?).ok()?),
                        None => None,
                    };
                    Time::DateTime(text.parse::<civil::DateTime>().ok()?, offset)
                }
                "time" => Time::Clock(text.parse().ok()?),
                "delta" => Time::Delta(SignedDuration::from_micros(text.parse().ok()?)),
                _ => return None,
            })
        }
        _ => return None,
    })
}

/// For fields of records: `#[serde(with = "exact::map")]` and its like.
pub mod map {
    use super::{Deserialize as _, Deserializer, ExactMap, Map, Revived, Serialize as _, Serializer, Value};

    /// Writes a mapping without a loss.
    pub fn serialize<S: Serializer>(map: &Map, serializer: S) -> Result<S::Ok, S::Error> {
        ExactMap(map).serialize(serializer)
    }

    /// Reads what [`serialize`] wrote.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Map, D::Error> {
        match Revived::deserialize(deserializer)?.0 {
            Value::Map(map) => Ok(map),
            _ => Err(serde::de::Error::custom("expected a mapping")),
        }
    }
}

/// For fields of records that hold any value.
pub mod value {
    use super::{Deserialize as _, Deserializer, Exact, Revived, Serialize as _, Serializer, Value};

    /// Writes a value without a loss.
    pub fn serialize<S: Serializer>(value: &Value, serializer: S) -> Result<S::Ok, S::Error> {
        Exact(value).serialize(serializer)
    }

    /// Reads what [`serialize`] wrote.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
        Ok(Revived::deserialize(deserializer)?.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn round(value: &Value) -> Value {
        let text = serde_json::to_string(&Exact(value)).unwrap();
        serde_json::from_str::<Revived>(&text).unwrap().0
    }

    /// Equality with what equality leaves out: the type of numbers, and trust.
    fn same(a: &Value, b: &Value) -> bool {
        match (a, b) {
            (Value::Text(a), Value::Text(b)) => a == b && a.is_trusted() == b.is_trusted(),
            (Value::Float(a), Value::Float(b)) => a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan(),
            (Value::List(a), Value::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
            (Value::Map(a), Value::Map(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|((k, v), (l, w))| same(k, l) && same(v, w))
            }
            (a, b) => std::mem::discriminant(a) == std::mem::discriminant(b) && a.repr() == b.repr(),
        }
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let text = prop_oneof!["[a-z$\u{e9}\n\"]{0,6}", "\\$[tfmvd]"];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::Int),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::Float),
            text.clone().prop_map(Value::data),
            text.prop_map(|text| Value::Text(Text::trusted(format!("{{{{ {text} }}}}")))),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(|items| Value::List(items.into())),
                prop::collection::vec(
                    (prop_oneof!["[a-z$]{0,3}".prop_map(Value::data), any::<i64>().prop_map(Value::Int)], inner),
                    0..4
                )
                .prop_map(|entries| Value::Map(entries.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn nothing_is_lost(value in any_value()) {
            prop_assert!(same(&round(&value), &value), "{value:?}");
        }
    }

    #[test]
    fn times_and_vaults_come_back() {
        let moment: civil::DateTime = "2026-11-20T18:46:05.000001".parse().unwrap();
        for time in [
            Time::Date(moment.date()),
            Time::DateTime(moment, None),
            Time::DateTime(moment, Some(Offset::from_seconds(-5400).unwrap())),
            Time::Clock(moment.time()),
            Time::Delta(SignedDuration::from_micros(-1_500_000)),
        ] {
            assert!(matches!(round(&Value::Time(time)), Value::Time(back) if back == time), "{time:?}");
        }
        let vaulted = Vaulted { ciphertext: "$ANSIBLE_VAULT;1.1;AES256\n61".into(), origin: None };
        assert!(matches!(round(&Value::Vault(vaulted.clone())), Value::Vault(back) if back == vaulted));
    }

    #[test]
    fn plain_data_is_plain_json() {
        let value = Value::Map(Map::from_iter([("stdout", Value::from("a {{ b }}")), ("rc", Value::from(0))]));
        assert_eq!(serde_json::to_string(&Exact(&value)).unwrap(), r#"{"stdout":"a {{ b }}","rc":0}"#);
    }
}
