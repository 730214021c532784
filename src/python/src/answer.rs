//! What plugins ask while they run: variables, filters, templates, files.

use std::path::Path;
use std::sync::Arc;

use minijinja::Value as Mj;
use rplay_template::py::{self, Kind};
use rplay_template::{
    Engine, EngineOptions, PluginKind, Rendered, Scope, Slot, Surroundings, TemplateError, Variables,
};
use rplay_value::{Text, Value};
use serde_json::Value as Json;

use crate::PythonError;
use crate::codec::{Decoder, Encoder, Place, push_text};
use crate::conversation::Desk;
use crate::python::Inner;

/// An answer before it is written.
enum Answer {
    Value(Mj),
    /// A list of one, or of none.
    Maybe(Option<Mj>),
    Bool(bool),
    Texts(Vec<String>),
}

/// Why there is none.
enum Failure {
    Template(TemplateError),
    Python(PythonError),
}

impl From<TemplateError> for Failure {
    fn from(error: TemplateError) -> Self {
        Self::Template(error)
    }
}

impl From<PythonError> for Failure {
    fn from(error: PythonError) -> Self {
        Self::Python(error)
    }
}

/// No variables at all: for templates that plugins make themselves.
struct Nothing;

impl Variables for Nothing {
    fn get(&self, _name: &str) -> Option<Slot> {
        None
    }

    fn names(&self) -> Vec<Text> {
        Vec::new()
    }
}

/// A question with its fields.
struct Question<'a> {
    owner: &'a Arc<Inner>,
    desk: &'a Desk,
    message: &'a Json,
}

impl Inner {
    /// The frame that answers a question of the process.
    pub(crate) fn answer(self: &Arc<Self>, desk: &Desk, message: &Json) -> Vec<u8> {
        let question = Question { owner: self, desk, message };
        let mut out = b"{\"op\":\"answer\",\"value\":".to_vec();
        let written = match question.answer() {
            Ok(answer) => question.write(answer, &mut out).map_err(Failure::Template),
            Err(failure) => Err(failure),
        };
        match written {
            Ok(()) => out.push(b'}'),
            Err(failure) => {
                let error = match failure {
                    Failure::Template(error) => error,
                    Failure::Python(error) => TemplateError::plugin(error.to_string()),
                };
                out.clear();
                out.extend_from_slice(b"{\"op\":\"failed\",\"message\":");
                push_text(&mut out, error.message());
                let undefined = error.is_undefined();
                let number = desk.table.borrow_mut().marker(error);
                out.extend_from_slice(format!(",\"marker\":{number},\"undefined\":{undefined}}}").as_bytes());
            }
        }
        out
    }
}

impl Question<'_> {
    fn answer(&self) -> Result<Answer, Failure> {
        Ok(match self.text("op") {
            "resolve" => Answer::Maybe(self.variable()),
            "knows" => {
                let place = self.place();
                let name = self.text("name");
                Answer::Bool(place.assigned.iter().any(|(known, _)| known == name) || place.scope.has(name))
            }
            "variables" => {
                let place = self.place();
                let mut seen = std::collections::HashSet::new();
                let assigned = place.assigned.iter().map(|(name, _)| name.clone());
                let names = assigned.chain(place.scope.names().into_iter().map(|name| name.to_string()));
                Answer::Texts(names.filter(|name| seen.insert(name.clone())).collect())
            }
            "assigned" => Answer::Texts(self.place().assigned.iter().map(|(name, _)| name.clone()).collect()),
            "item" => {
                let (owner, key) = (self.handle()?, self.value("key")?);
                match py::kind(&owner) {
                    Kind::Object(object) => Answer::Maybe(object.item(&key)?),
                    _ => Answer::Maybe(None),
                }
            }
            "has" => Answer::Bool(py::contains(&self.handle()?, &self.value("key")?)?),
            "keys" => Answer::Value(py::list(py::iterate(&self.handle()?)?)),
            "plugin" => Answer::Bool(self.engine().has_plugin(self.kind(), self.text("name"))),
            "plugins" => Answer::Texts(match self.kind() {
                PluginKind::Filter => rplay_template::filters().iter().map(|(_, f, _)| f.name.to_owned()).collect(),
                PluginKind::Test => rplay_template::tests().iter().map(|(_, t, _)| t.name.to_owned()).collect(),
                PluginKind::Lookup => rplay_template::lookups().iter().map(|(_, l, _)| l.name.to_owned()).collect(),
            }),
            "filter" => {
                let (mut args, keywords) = self.arguments()?;
                let input = if args.is_empty() { py::none() } else { args.remove(0) };
                Answer::Value(self.engine().call_filter(&self.scope(), self.text("name"), input, args, keywords)?)
            }
            "test" => {
                let (mut args, keywords) = self.arguments()?;
                let subject = if args.is_empty() { py::none() } else { args.remove(0) };
                Answer::Bool(self.engine().call_test(&self.scope(), self.text("name"), subject, args, keywords)?)
            }
            "lookup" => Answer::Value(self.lookup()?),
            "render" => Answer::Value(self.render()?),
            "yaml" => {
                let text = self.text("text");
                let source = self.engine().sources().add("a plugin's YAML", text);
                let trusted = self.message["trusted"].as_bool().unwrap_or(false);
                let trust = if trusted { rplay_yaml::Trust::Written } else { rplay_yaml::Trust::Data };
                let loaded = rplay_yaml::load_str(text, source, trust);
                let (value, _) = loaded.map_err(|error| TemplateError::value_error(error.to_string()))?;
                Answer::Value(py::from_value(value))
            }
            "read" => {
                let path = self.text("path");
                let read = self.engine().files().read(Path::new(path));
                Answer::Value(Mj::from_bytes(read.map_err(|error| TemplateError::file(error.to_string()))?))
            }
            "setting" => {
                Answer::Maybe(self.engine().setting(self.text("name")).map(|(value, _)| py::from_value(value)))
            }
            other => return Err(PythonError::Garbled(format!("it asks for `{other}`")).into()),
        })
    }

    fn write(&self, answer: Answer, out: &mut Vec<u8>) -> Result<(), TemplateError> {
        let table = Encoder { table: &self.desk.table };
        match answer {
            Answer::Value(value) => table.encode(&value, out)?,
            Answer::Maybe(found) => {
                out.push(b'[');
                if let Some(value) = found {
                    table.encode(&value, out)?;
                }
                out.push(b']');
            }
            Answer::Bool(answer) => out.extend_from_slice(answer.to_string().as_bytes()),
            Answer::Texts(texts) => out.extend_from_slice(Json::from(texts).to_string().as_bytes()),
        }
        Ok(())
    }

    fn text(&self, field: &str) -> &str {
        self.message[field].as_str().unwrap_or_default()
    }

    fn kind(&self) -> PluginKind {
        match self.text("kind") {
            "test" => PluginKind::Test,
            "lookup" => PluginKind::Lookup,
            _ => PluginKind::Filter,
        }
    }

    fn engine(&self) -> Engine {
        let current = self.desk.engine.borrow().clone();
        current.unwrap_or_else(|| Engine::new(EngineOptions::default()))
    }

    /// The variables of the call that asks; a template of the plugin's own has none.
    fn place(&self) -> Place {
        let known = self.message["scope"]
            .as_u64()
            .and_then(|number| self.desk.table.borrow().scopes.get(number as usize).cloned());
        known.unwrap_or_else(|| Place {
            scope: Scope::new(Arc::new(Nothing), Arc::new(Surroundings::default())),
            assigned: Arc::from([]),
        })
    }

    fn scope(&self) -> Scope {
        self.place().scope
    }

    fn decode<R>(&self, read: impl FnOnce(Decoder<'_>) -> Result<R, PythonError>) -> Result<R, PythonError> {
        let generation = self.desk.generation;
        read(Decoder { table: &self.desk.table.borrow(), generation, owner: self.owner })
    }

    fn value(&self, field: &str) -> Result<Mj, PythonError> {
        self.decode(|decoder| decoder.value(&self.message[field]))
    }

    fn handle(&self) -> Result<Mj, PythonError> {
        let number = self.message["of"].as_u64().unwrap_or(u64::MAX) as usize;
        let found = self.desk.table.borrow().handles.get(number).cloned();
        found.ok_or_else(|| PythonError::Garbled("a mapping was kept beyond the call it was given to".to_owned()))
    }

    fn arguments(&self) -> Result<(Vec<Mj>, rplay_template::Keywords), PythonError> {
        self.decode(|decoder| {
            let args = decoder.list(&self.message["args"])?;
            let entries = self.message["kwargs"].as_object().into_iter().flatten();
            let keywords = entries.map(|(name, value)| Ok((Arc::from(name.as_str()), decoder.value(value)?)));
            Ok((args, keywords.collect::<Result<_, PythonError>>()?))
        })
    }

    fn variable(&self) -> Option<Mj> {
        let place = self.place();
        let name = self.text("name");
        let assigned = place.assigned.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        assigned.or_else(|| place.scope.get(name))
    }

    /// As a template's `lookup()`: joined, unless `wantlist`.
    fn lookup(&self) -> Result<Mj, Failure> {
        let (terms, mut keywords) = self.arguments()?;
        let mut take = |name: &str| keywords.iter().position(|(key, _)| **key == *name).map(|at| keywords.remove(at).1);
        let wantlist = take("wantlist").is_some_and(|value| value.is_true());
        let lenient = take("errors").is_some_and(|value| value.as_str() != Some("strict"));
        let results = match self.engine().call_lookup(&self.scope(), self.text("name"), terms, keywords) {
            Ok(results) => results,
            Err(_) if lenient => return Ok(if wantlist { py::list(Vec::new()) } else { py::none() }),
            Err(error) => return Err(error.into()),
        };
        if !wantlist {
            if let [only] = results.as_slice() {
                return Ok(only.clone());
            }
            if !results.is_empty() && results.iter().all(|result| result.as_str().is_some()) {
                let texts: Vec<&str> = results.iter().filter_map(Mj::as_str).collect();
                return Ok(Mj::from(texts.join(",")));
            }
        }
        Ok(py::list(results))
    }

    fn render(&self) -> Result<Mj, Failure> {
        let value = py::to_value(&self.value("value")?)?;
        let place = self.place();
        let mut scope = place.scope;
        for (name, value) in place.assigned.iter() {
            if let Ok(value) = py::to_value(value) {
                scope = scope.with(name, value);
            }
        }
        let extra: Vec<(String, Mj)> = self.decode(|decoder| {
            let entries = self.message["extra"].as_object().into_iter().flatten();
            entries.map(|(name, value)| Ok((name.clone(), decoder.value(value)?))).collect()
        })?;
        for (name, value) in extra {
            let value: Value = py::to_value(&value)?;
            scope = scope.with_slot(&name, if value.holds_template() { Slot::Lazy(value) } else { Slot::Done(value) });
        }
        Ok(match self.engine().render(&value, &scope)? {
            Rendered::Value(value) => py::from_value(value),
            Rendered::Omit => rplay_template::omit(),
        })
    }
}
