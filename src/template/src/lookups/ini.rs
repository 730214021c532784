//! Values from INI files (or Java properties): `lookup('ini', 'key', section='s', file='f.ini')`.

use crate::configparser::{self, Entries, Rules};
use crate::lookups::terms;
use crate::pyregex::{self, Flags};
use crate::{Lookup, LookupCall, TemplateError, py};
use minijinja::Value as Mj;

/// Values from INI files (or Java properties): `lookup('ini', 'key', section='s', file='f.ini')`.
pub static LOOKUP: Lookup = Lookup { name: "ini", collection: "ansible.builtin", accepts_undefined: false, run };

/// The options of one term.
struct Wanted {
    key: String,
    file: String,
    section: String,
    default: Option<String>,
    regex: bool,
    properties: bool,
    case_sensitive: bool,
    allow_no_value: bool,
    encoding: String,
    interpolation: bool,
}

const OPTIONS: [&str; 10] = [
    "file",
    "section",
    "default",
    "re",
    "type",
    "case_sensitive",
    "allow_no_value",
    "allow_none",
    "encoding",
    "interpolation",
];

fn run(call: &mut LookupCall<'_>) -> Result<Vec<Mj>, TemplateError> {
    terms::only_options(call, &OPTIONS)?;
    let mut out = Vec::new();
    for term in call.terms() {
        let wanted = Wanted::read(call, &terms::text(term)?)?;
        let text = terms::encoded_text(call, &wanted.file, &wanted.encoding)?;
        let sections = configparser::parse(&text, &wanted.rules())?;
        let section = if wanted.properties { "java_properties" } else { &wanted.section };
        let Some(entries) = configparser::entries(&sections, section) else {
            let message = format!("No section '{section}' in '{}'.", wanted.file);
            let names = sections.iter().map(|(name, _)| name.as_str());
            let near = rplay_diag::nearest(section, names).map(|near| format!("there is a section `{near}`"));
            let error = TemplateError::value_error(message);
            return Err(near.map_or(error.clone(), |near| error.hint(near)));
        };
        let fold = |key: &str| if wanted.case_sensitive { key.to_owned() } else { key.to_lowercase() };
        let value = |key: &str, value: &str| {
            if wanted.interpolation {
                interpolated(&entries, section, &fold, key, value, 1)
            } else {
                Ok(value.to_owned())
            }
        };
        if wanted.regex {
            let pattern = pyregex::compile(&wanted.key, Flags::default())?;
            for (key, found) in &entries {
                // As in Python, a value that cannot be read fails even where its key is not wanted.
                let found = found.as_deref().map(|found| value(key, found)).transpose()?;
                if pattern.is_at_start(key)? {
                    out.push(found.map_or_else(py::none, py::text));
                }
            }
            continue;
        }
        let key = fold(&wanted.key);
        match entries.iter().find(|(name, _)| *name == key) {
            Some((_, Some(found))) => out.push(py::text(value(&key, found)?)),
            Some((_, None)) => {}
            None => out.extend(wanted.default.clone().map(py::text)),
        }
    }
    Ok(out)
}

impl Wanted {
    fn rules(&self) -> Rules<'_> {
        Rules {
            file: &self.file,
            properties: self.properties,
            case_sensitive: self.case_sensitive,
            allow_no_value: self.allow_no_value,
        }
    }

    fn read(call: &LookupCall<'_>, term: &str) -> Result<Self, TemplateError> {
        let flag = |name: &str| call.bool(name, false);
        let mut wanted = Self {
            key: term.to_owned(),
            file: call.text_or("file", "ansible.ini")?.to_string(),
            section: call.text_or("section", "global")?.to_string(),
            default: match call.opt("default") {
                Some(default) if default.is_none() => None,
                Some(default) => Some(py::str(default)),
                None => Some(String::new()),
            },
            regex: flag("re")?,
            properties: &*call.text_or("type", "ini")? == "properties",
            case_sensitive: flag("case_sensitive")?,
            allow_no_value: flag("allow_no_value")? || flag("allow_none")?,
            encoding: call.text_or("encoding", "utf-8")?.to_string(),
            interpolation: call.bool("interpolation", true)?,
        };
        if !term.contains('=') && !term.trim().contains(' ') {
            return Ok(wanted);
        }
        // The old form: options inside the term.
        let (key, pairs) = terms::key_values(term);
        for (name, value) in pairs {
            let yes = || rplay_value::parse_bool(&value).unwrap_or(false);
            match name.as_str() {
                "file" => wanted.file = value,
                "section" => wanted.section = value,
                "default" => wanted.default = Some(value),
                "re" => wanted.regex = yes(),
                "case_sensitive" => wanted.case_sensitive = yes(),
                "allow_no_value" | "allow_none" => wanted.allow_no_value = yes(),
                "type" => wanted.properties = value == "properties",
                "encoding" => wanted.encoding = value,
                "interpolation" => wanted.interpolation = yes(),
                other => return Err(call.error(format!("'{other}' is not a valid option."))),
            }
        }
        if key.is_empty() {
            let message = format!("No key to look up was provided as first term within string inline options: {term}");
            return Err(TemplateError::value_error(message));
        }
        wanted.key = key;
        Ok(wanted)
    }
}

/// `%(key)s` in a value replaced by the section's own values and `%%` by `%`, as Python's `BasicInterpolation` does.
fn interpolated(
    entries: &Entries,
    section: &str,
    fold: &impl Fn(&str) -> String,
    key: &str,
    value: &str,
    depth: usize,
) -> Result<String, TemplateError> {
    /// `configparser.MAX_INTERPOLATION_DEPTH`.
    const DEPTH: usize = 10;
    if depth > DEPTH {
        let message = format!(
            "Recursion limit exceeded in value substitution: option '{key}' in section '{section}' contains an \
             interpolation key which cannot be substituted in {DEPTH} steps. Raw value: {}",
            py::repr(&py::text(value))
        );
        return Err(TemplateError::value_error(message));
    }
    let off = "`interpolation=false` takes values as they are";
    let mut out = String::new();
    let mut rest = value;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix("%%") {
            out.push('%');
            rest = after;
        } else if let Some(after) = rest.strip_prefix("%(") {
            let Some((name, after)) = after.split_once(")s").filter(|(name, _)| !name.contains(')')) else {
                let message = format!("bad interpolation variable reference {}", py::repr(&py::text(rest)));
                return Err(TemplateError::value_error(message).hint(off));
            };
            let name = fold(name);
            let Some((_, found)) = entries.iter().find(|(known, _)| *known == name) else {
                let message = format!(
                    "Bad value substitution: option '{key}' in section '{section}' contains an interpolation key \
                     '{name}' which is not a valid option name. Raw value: {}",
                    py::repr(&py::text(value))
                );
                return Err(TemplateError::value_error(message).hint(off));
            };
            let found = found.as_deref().unwrap_or_default();
            out.push_str(&interpolated(entries, section, fold, key, found, depth + 1)?);
            rest = after;
        } else {
            let message = format!("'%' must be followed by '%' or '(', found: {}", py::repr(&py::text(rest)));
            return Err(TemplateError::value_error(message).hint(off));
        }
    }
    out.push_str(rest);
    Ok(out)
}
