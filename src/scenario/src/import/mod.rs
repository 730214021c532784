//! Topologies of other tools, as scenario files.

pub mod infrared;
pub(crate) mod molecule;
pub mod quickstart;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rplay_diag::{Diagnose, Diagnostic, Sources};
use rplay_template::{Engine, EngineOptions, Rendered, Scope, Slot, Surroundings, TemplateError, Variables};
use rplay_value::{List, Map, Text, Value};
use rplay_yaml::DumpStyle;

/// A scenario made of another tool's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The scenario file.
    pub text: String,
    /// What has no place in it.
    pub left_out: Vec<String>,
}

/// Why files of another tool cannot be taken over.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A file cannot be read.
    #[error("{0}")]
    Read(#[from] io::Error),
    /// A file is not YAML.
    #[error(transparent)]
    Yaml(#[from] rplay_yaml::YamlError),
    /// A template in it.
    #[error(transparent)]
    Template(#[from] Box<TemplateError>),
    /// There is no file of that name.
    #[error("there is no {what} `{name}`")]
    Missing {
        /// What was looked for.
        what: &'static str,
        /// Its name.
        name: String,
        /// Where it was looked for.
        folders: Vec<PathBuf>,
        /// The nearest that is there.
        near: Option<String>,
    },
    /// Something that must be there is not, or is of another type.
    #[error("{}: {what}", file.display())]
    Shape {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// A count that cannot be read.
    #[error(transparent)]
    Count(#[from] crate::topology::TopologyError),
    /// The result cannot be written.
    #[error(transparent)]
    Write(#[from] rplay_yaml::DumpError),
}

impl Diagnose for ImportError {
    fn diagnostic(&self) -> Diagnostic {
        match self {
            Self::Yaml(error) => error.diagnostic(),
            Self::Template(error) => error.diagnostic(),
            Self::Count(error) => error.diagnostic(),
            Self::Missing { near: Some(near), .. } => {
                Diagnostic::error(self.to_string()).hint(format!("did you mean `{near}`?"))
            }
            Self::Missing { folders, .. } => {
                folders.iter().fold(Diagnostic::error(self.to_string()), |error, folder| {
                    error.note(format!("looked for in {}", folder.display()))
                })
            }
            _ => Diagnostic::error(self.to_string()),
        }
    }
}

/// Variables of files, the later ones stronger, and those of the command line above all.
#[derive(Default)]
struct Layers(Vec<Map>);

impl Variables for Layers {
    fn get(&self, name: &str) -> Option<Slot> {
        self.0.iter().rev().find_map(|layer| layer.get(name)).map(|value| Slot::Lazy(value.clone()))
    }

    fn names(&self) -> Vec<Text> {
        self.0.iter().flat_map(Map::texts).map(|(name, _)| name.clone()).collect()
    }
}

/// Files of variables that may be templates of one another.
struct Files {
    sources: Sources,
    engine: Engine,
    layers: Vec<Map>,
}

impl Files {
    fn new(sources: &Sources) -> Self {
        let engine = Engine::new(EngineOptions { sources: sources.clone(), ..EngineOptions::default() });
        Self { sources: sources.clone(), engine, layers: Vec::new() }
    }

    /// Reads a file's mapping, as it is written.
    fn read(&self, path: &Path) -> Result<Map, ImportError> {
        let text = fs_err::read_to_string(path)?;
        let source = self.sources.add_file(path, text);
        match rplay_yaml::load(&self.sources, source)? {
            Value::Map(map) => Ok(map),
            Value::Null => Ok(Map::new()),
            other => {
                let what = format!("a mapping is needed, not {}", other.type_name());
                Err(ImportError::Shape { file: path.to_owned(), what })
            }
        }
    }

    /// A value with its templates rendered.
    fn render(&self, value: &Value) -> Result<Value, ImportError> {
        let scope = Scope::new(Arc::new(Layers(self.layers.clone())), Arc::new(Surroundings::default()));
        match self.engine.render(value, &scope).map_err(Box::new)? {
            Rendered::Value(value) => Ok(value),
            Rendered::Omit => Ok(Value::Null),
        }
    }
}

/// A scenario file of a document.
fn written(document: Map) -> Result<String, ImportError> {
    let style =
        DumpStyle { sort_keys: false, flow: Some(false), indent_lists: true, width: Some(120), ..DumpStyle::default() };
    Ok(rplay_yaml::dump(&Value::Map(document), &style)?)
}

fn list<T: Into<Value>>(items: impl IntoIterator<Item = T>) -> Value {
    Value::List(items.into_iter().map(Into::into).collect::<List>())
}

fn text(map: &Map, name: &str) -> Option<String> {
    map.get(name)
        .filter(|value| !value.is_null())
        .map(|value| value.to_str().into_owned())
        .filter(|text| !text.is_empty())
}

/// A name that a scenario can have.
fn name_of(text: &str) -> String {
    let name: String =
        text.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '-' }).collect();
    if crate::check::is_name(&name) { name } else { format!("n-{name}") }
}
