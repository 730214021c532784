//! `-e`: `key=value` pairs, YAML or JSON text, or `@FILE`. Later ones win.

use std::path::PathBuf;

use rplay_diag::{Diagnose, Diagnostic, Sources};
use rplay_value::{ListMerge, Map, Text, Value};
use rplay_yaml::{Trust, YamlError, load_str};

/// An `-e` that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExtraVarsError {
    /// The file cannot be read.
    #[error("could not read the variables file {}: {message}", path.display())]
    Read { path: PathBuf, message: String },
    /// Not YAML.
    #[error(transparent)]
    Yaml(#[from] YamlError),
    /// Not a mapping.
    #[error("Invalid extra vars data supplied. '{text}' could not be made into a dictionary")]
    Shape { text: String },
    /// A quote or template that is never closed.
    #[error("failed at splitting arguments, either an unbalanced jinja2 block or quotes: {text}")]
    Unbalanced { text: String },
}

impl Diagnose for ExtraVarsError {
    fn diagnostic(&self) -> Diagnostic {
        match self {
            Self::Yaml(error) => error.diagnostic(),
            Self::Read { .. } => Diagnostic::error(self.to_string()),
            Self::Shape { .. } | Self::Unbalanced { .. } => Diagnostic::error(self.to_string())
                .hint("write -e key=value, -e '{\"key\": \"value\"}' or -e @file.yml"),
        }
    }
}

/// Reads every `-e` in order into one mapping. `read` opens a file, decrypting it when it is vaulted.
pub(crate) fn read(
    given: &[String],
    sources: &Sources,
    merge: bool,
    read: &dyn Fn(&std::path::Path) -> Result<String, String>,
) -> Result<(Map, Vec<Diagnostic>), ExtraVarsError> {
    let mut all = Map::new();
    let mut warnings = Vec::new();
    for text in given {
        let value = if let Some(path) = text.strip_prefix('@') {
            let path = crate::settings::expand(path);
            let content = read(&path).map_err(|message| ExtraVarsError::Read { path: path.clone(), message })?;
            let (value, said) = load_str(&content, sources.add_file(&path, content.as_str()), Trust::Written)?;
            warnings.extend(said);
            value
        } else if text.starts_with(['/', '.']) {
            return Err(ExtraVarsError::Shape { text: format!("{text} (to read a file, write @{text})") });
        } else if text.starts_with(['{', '[']) {
            let (value, said) = load_str(text, sources.add("<command line>", text.as_str()), Trust::Written)?;
            warnings.extend(said);
            value
        } else {
            let parsed = rplay_playbook::args::parse(&Text::trusted(text.as_str()), false)
                .map_err(|_| ExtraVarsError::Unbalanced { text: text.clone() })?;
            if let Some(free) = parsed.free_form.filter(|f| !f.trim().is_empty()) {
                return Err(ExtraVarsError::Shape { text: free });
            }
            Value::Map(parsed.options)
        };
        match value {
            Value::Map(map) if merge => all.merge(&map, true, ListMerge::Replace),
            Value::Map(map) => all.extend(map),
            Value::Null => {}
            // A file's content may be a vault's: its name is enough.
            _ if text.starts_with('@') => return Err(ExtraVarsError::Shape { text: text.clone() }),
            other => return Err(ExtraVarsError::Shape { text: other.repr() }),
        }
    }
    Ok((all, warnings))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vars(given: &[&str]) -> Result<String, String> {
        let given: Vec<String> = given.iter().map(|g| (*g).to_owned()).collect();
        let file = |_: &std::path::Path| Ok("a: from file\nn: 5\n".to_owned());
        read(&given, &Sources::new(), false, &file).map(|(map, _)| Value::Map(map).repr()).map_err(|e| e.to_string())
    }

    #[test]
    fn every_form_and_the_last_one_wins() {
        assert_eq!(vars(&["a=1 b='x y'"]).unwrap(), "{'a': '1', 'b': 'x y'}");
        assert_eq!(vars(&["@f", "{\"a\": [1, true]}"]).unwrap(), "{'a': [1, True], 'n': 5}");
        assert_eq!(vars(&["{a: yes, b: {c: 1}}"]).unwrap(), "{'a': True, 'b': {'c': 1}}");
    }

    #[test]
    fn what_is_no_dictionary_is_refused() {
        assert!(vars(&["[1, 2]"]).unwrap_err().contains("could not be made into a dictionary"));
        assert!(vars(&["word"]).unwrap_err().contains("could not be made into a dictionary"));
        assert!(vars(&["./vars.yml"]).unwrap_err().contains("@./vars.yml"));
        assert!(vars(&["a='x"]).unwrap_err().contains("unbalanced"));
        let secret = |_: &std::path::Path| Ok("just a secret".to_owned());
        let error = read(&["@f".to_owned()], &Sources::new(), false, &secret).unwrap_err().to_string();
        assert_eq!(error, "Invalid extra vars data supplied. '@f' could not be made into a dictionary");
    }
}
