//! Values on the wire: JSON, and objects with the key `$` for what JSON lacks. `sidecar/rplay_sidecar/values.py` is the
//! other end.

use std::cell::RefCell;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::SignedDuration;
use jiff::civil;
use jiff::tz::Offset;
use minijinja::Value as Mj;
use rplay_template::py::{self, Kind, Object};
use rplay_template::{Scope, TemplateError};
use rplay_value::{BigInt, Text, Time};
use serde_json::Value as Json;

use crate::PythonError;
use crate::object::Remote;
use crate::python::Inner;

/// What the other side knows by a number while a call lasts: mappings that are too large to send, errors that stand for
/// values, and the variables of calls.
#[derive(Default)]
pub(crate) struct Table {
    pub(crate) handles: Vec<Mj>,
    pub(crate) markers: Vec<TemplateError>,
    pub(crate) scopes: Vec<Place>,
}

/// The variables of one call.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) scope: Scope,
    /// Names the template has assigned itself.
    pub(crate) assigned: Arc<[(String, Mj)]>,
}

impl Table {
    /// The number of an error.
    pub(crate) fn marker(&mut self, error: TemplateError) -> usize {
        self.markers.push(error);
        self.markers.len() - 1
    }

    /// The number of a call's variables.
    pub(crate) fn scope(&mut self, place: Place) -> usize {
        self.scopes.push(place);
        self.scopes.len() - 1
    }

    /// The number of a mapping.
    fn handle(&mut self, mapping: Mj) -> usize {
        self.handles.push(mapping);
        self.handles.len() - 1
    }
}

/// Writes values, and notes in the table what the other side knows by a number. The table is free while a value is
/// rendered on the way: that may call a plugin in turn.
pub(crate) struct Encoder<'a> {
    pub(crate) table: &'a RefCell<Table>,
}

impl Encoder<'_> {
    /// Appends a value's JSON. What cannot be sent is an error of the template.
    pub(crate) fn encode(&self, value: &Mj, out: &mut Vec<u8>) -> Result<(), TemplateError> {
        match py::kind(value) {
            Kind::None => out.extend_from_slice(b"null"),
            Kind::Bool(true) => out.extend_from_slice(b"true"),
            Kind::Bool(false) => out.extend_from_slice(b"false"),
            Kind::Int(int) => out.extend_from_slice(int.to_string().as_bytes()),
            Kind::Big(big) => out.extend_from_slice(big.to_string().as_bytes()),
            Kind::Float(float) if float.is_finite() => push_json(out, &Json::from(float)),
            Kind::Float(float) => special(out, "float", |out| push_text(out, &py::float_text(float))),
            Kind::Str(text) if value.is_safe() && Text::trusted(text).is_template() => {
                special(out, "trusted", |out| push_text(out, text));
            }
            Kind::Str(text) => push_text(out, text),
            Kind::Bytes(bytes) => special(out, "bytes", |out| push_text(out, &STANDARD.encode(bytes))),
            Kind::List(list) => self.sequence(&list.items(), out)?,
            Kind::Tuple(items) => {
                open(out, "tuple");
                self.sequence(items, out)?;
                out.push(b'}');
            }
            Kind::Dict(dict) => self.mapping(&dict.pairs(), out)?,
            Kind::Marker(marker) => self.missing(marker.error().clone(), out),
            Kind::Undefined => self.missing(TemplateError::undefined("value is undefined"), out),
            Kind::Object(object) => return self.object(value, object, out),
            Kind::Foreign => {
                let plain = py::to_value(value)?;
                return self.encode(&py::from_value(plain), out);
            }
        }
        Ok(())
    }

    /// Appends a list.
    pub(crate) fn sequence(&self, items: &[Mj], out: &mut Vec<u8>) -> Result<(), TemplateError> {
        out.push(b'[');
        let start = out.len();
        for item in items {
            if out.len() > start {
                out.push(b',');
            }
            self.encode(item, out)?;
        }
        out.push(b']');
        Ok(())
    }

    fn mapping(&self, pairs: &[(Mj, Mj)], out: &mut Vec<u8>) -> Result<(), TemplateError> {
        let plain = pairs.iter().all(|(key, _)| key.as_str().is_some_and(|key| key != "$"));
        if !plain {
            open(out, "dict");
        }
        out.push(if plain { b'{' } else { b'[' });
        let start = out.len();
        for (key, value) in pairs {
            if out.len() > start {
                out.push(b',');
            }
            if plain {
                push_text(out, key.as_str().unwrap_or_default());
                out.push(b':');
                self.encode(value, out)?;
            } else {
                out.push(b'[');
                self.encode(key, out)?;
                out.push(b',');
                self.encode(value, out)?;
                out.push(b']');
            }
        }
        out.extend_from_slice(if plain { b"}" } else { b"]}" });
        Ok(())
    }

    fn missing(&self, error: TemplateError, out: &mut Vec<u8>) {
        let message = error.message().to_owned();
        let number = self.table.borrow_mut().marker(error);
        special(out, "marker", |out| {
            out.extend_from_slice(format!("[{number},").as_bytes());
            push_text(out, &message);
            out.push(b']');
        });
    }

    fn object(&self, value: &Mj, object: &Object, out: &mut Vec<u8>) -> Result<(), TemplateError> {
        if let Some(time) = py::as_time(value) {
            push_time(out, &time);
        } else if let Some(remote) = Object::downcast::<Remote>(value) {
            special(out, "object", |out| out.extend_from_slice(remote.id.to_string().as_bytes()));
        } else if rplay_template::is_omit(value) {
            out.extend_from_slice(b"{\"$\":\"omit\"}");
        } else if py::is_undefined(value) {
            self.missing(TemplateError::undefined("the inline if-expression evaluated to false and has no else"), out);
        } else if object.is_mapping() {
            let number = self.table.borrow_mut().handle(value.clone());
            special(out, "handle", |out| out.extend_from_slice(number.to_string().as_bytes()));
        } else {
            let plain = py::to_value(value)?;
            self.encode(&py::from_value(plain), out)?;
        }
        Ok(())
    }
}

fn push_json(out: &mut Vec<u8>, value: &Json) {
    out.extend_from_slice(value.to_string().as_bytes());
}

/// Appends a JSON string.
pub(crate) fn push_text(out: &mut Vec<u8>, text: &str) {
    // Writing a string to memory cannot fail.
    _ = serde_json::to_writer(&mut *out, text);
}

fn open(out: &mut Vec<u8>, kind: &str) {
    out.extend_from_slice(format!("{{\"$\":\"{kind}\",\"v\":").as_bytes());
}

fn special(out: &mut Vec<u8>, kind: &str, payload: impl FnOnce(&mut Vec<u8>)) {
    open(out, kind);
    payload(out);
    out.push(b'}');
}

fn push_time(out: &mut Vec<u8>, time: &Time) {
    let micros = |clock: civil::Time| clock.subsec_nanosecond() / 1000;
    match time {
        Time::Date(d) => special(out, "date", |out| {
            out.extend_from_slice(format!("[{},{},{}]", d.year(), d.month(), d.day()).as_bytes());
        }),
        Time::DateTime(m, offset) => special(out, "datetime", |out| {
            let offset = offset.map_or_else(|| "null".to_owned(), |offset| offset.seconds().to_string());
            let (d, c) = (m.date(), m.time());
            let text = format!(
                "[{},{},{},{},{},{},{},{offset}]",
                d.year(),
                d.month(),
                d.day(),
                c.hour(),
                c.minute(),
                c.second(),
                micros(c)
            );
            out.extend_from_slice(text.as_bytes());
        }),
        Time::Clock(c) => special(out, "time", |out| {
            let text = format!("[{},{},{},{}]", c.hour(), c.minute(), c.second(), micros(*c));
            out.extend_from_slice(text.as_bytes());
        }),
        Time::Delta(delta) => special(out, "timedelta", |out| {
            let (days, seconds, micros) = Time::normalized(*delta);
            out.extend_from_slice(format!("[{days},{seconds},{micros}]").as_bytes());
        }),
    }
}

/// Reads values of the other side. Text is data, unless it is the very text that was sent as a template.
pub(crate) struct Decoder<'a> {
    pub(crate) table: &'a Table,
    pub(crate) generation: u64,
    pub(crate) owner: &'a Arc<Inner>,
}

impl Decoder<'_> {
    pub(crate) fn value(&self, json: &Json) -> Result<Mj, PythonError> {
        Ok(match json {
            Json::Null => py::none(),
            Json::Bool(b) => Mj::from(*b),
            Json::Number(number) => self::number(number)?,
            Json::String(text) => py::text(text.as_str()),
            Json::Array(items) => py::list(self.all(items)?),
            Json::Object(entries) => {
                if let Some(kind) = entries.get("$") {
                    return self.special(kind.as_str().unwrap_or_default(), entries.get("v").unwrap_or(&Json::Null));
                }
                let dict = py::Dict::new();
                for (key, value) in entries {
                    dict.set_text(key, self.value(value)?);
                }
                Mj::from_object(dict)
            }
        })
    }

    pub(crate) fn all(&self, items: &[Json]) -> Result<Vec<Mj>, PythonError> {
        items.iter().map(|item| self.value(item)).collect()
    }

    /// The elements of a list.
    pub(crate) fn list(&self, json: &Json) -> Result<Vec<Mj>, PythonError> {
        self.all(json.as_array().ok_or_else(|| garbled("list"))?)
    }

    fn special(&self, kind: &str, value: &Json) -> Result<Mj, PythonError> {
        let wrong = || garbled(kind);
        let items = || value.as_array().ok_or_else(wrong);
        Ok(match kind {
            "float" => Mj::from(match value.as_str().ok_or_else(wrong)? {
                "inf" => f64::INFINITY,
                "-inf" => f64::NEG_INFINITY,
                _ => f64::NAN,
            }),
            "trusted" => Mj::from_safe_string(value.as_str().ok_or_else(wrong)?.to_owned()),
            "bytes" => Mj::from_bytes(STANDARD.decode(value.as_str().ok_or_else(wrong)?).map_err(|_| wrong())?),
            "tuple" => py::tuple(self.all(items()?)?),
            // There are no sets among variables: as ansible-core does, they become lists.
            "set" => py::list(self.all(items()?)?),
            "dict" => {
                let pairs = items()?.iter().map(|pair| {
                    let [key, value] = pair.as_array().map(Vec::as_slice).unwrap_or_default() else {
                        return Err(wrong());
                    };
                    Ok((self.value(key)?, self.value(value)?))
                });
                py::dict(pairs.collect::<Result<Vec<_>, _>>()?)
                    .map_err(|error| PythonError::Garbled(error.to_string()))?
            }
            "omit" => rplay_template::omit(),
            "marker" => py::marker(self.error(value).ok_or_else(wrong)?),
            "undefined" => py::marker(TemplateError::undefined(value.as_str().ok_or_else(wrong)?)),
            "handle" => {
                let number = value.as_u64().ok_or_else(wrong)? as usize;
                self.table.handles.get(number).cloned().ok_or_else(wrong)?
            }
            "object" => Remote::value(items()?, self.generation, self.owner).ok_or_else(wrong)?,
            _ => py::time(time(kind, items()?).ok_or_else(wrong)?),
        })
    }

    /// The error of a number.
    pub(crate) fn error(&self, number: &Json) -> Option<TemplateError> {
        self.table.markers.get(number.as_u64()? as usize).cloned()
    }
}

fn garbled(kind: &str) -> PythonError {
    PythonError::Garbled(format!("a {kind} that is none"))
}

fn number(number: &serde_json::Number) -> Result<Mj, PythonError> {
    if let Some(int) = number.as_i64() {
        return Ok(Mj::from(int));
    }
    let text = number.to_string();
    if text.contains(['.', 'e', 'E']) {
        return text.parse::<f64>().map(Mj::from).map_err(|_| garbled("number"));
    }
    text.parse::<BigInt>().map(py::int).map_err(|_| garbled("number"))
}

fn time(kind: &str, fields: &[Json]) -> Option<Time> {
    let int = |at: usize| fields.get(at).and_then(Json::as_i64);
    let small = |at: usize| i8::try_from(int(at)?).ok();
    let date = || civil::Date::new(i16::try_from(int(0)?).ok()?, small(1)?, small(2)?).ok();
    let clock = |at: usize| {
        let nanos = i32::try_from(int(at + 3)? * 1000).ok()?;
        civil::Time::new(small(at)?, small(at + 1)?, small(at + 2)?, nanos).ok()
    };
    Some(match kind {
        "date" => Time::Date(date()?),
        "time" => Time::Clock(clock(0)?),
        "datetime" => {
            let offset = match fields.get(7)? {
                Json::Null => None,
                seconds => Some(Offset::from_seconds(i32::try_from(seconds.as_i64()?).ok()?).ok()?),
            };
            Time::DateTime(date()?.to_datetime(clock(3)?), offset)
        }
        "timedelta" => {
            let seconds = int(0)?.checked_mul(86_400)?.checked_add(int(1)?)?;
            Time::Delta(SignedDuration::new(seconds, i32::try_from(int(2)? * 1000).ok()?))
        }
        _ => return None,
    })
}
