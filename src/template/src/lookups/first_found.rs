//! The first of several files that exists. Terms are names, lists, or `{files: ..., paths: ..., skip: ...}`.

use crate::filters::ospath;
use crate::py::Kind;
use crate::{Lookup, LookupCall, TemplateError, py};
use minijinja::Value as Mj;

/// The first of several files that exists. Terms are names, lists, or `{files: ..., paths: ..., skip: ...}`.
pub static LOOKUP: Lookup = Lookup { name: "first_found", collection: "ansible.builtin", accepts_undefined: true, run };

fn run(call: &mut LookupCall<'_>) -> Result<Vec<Mj>, TemplateError> {
    for (_, value) in call.keywords() {
        py::trip(value)?;
    }
    let options = Options {
        files: call.opt("files").cloned(),
        paths: call.opt("paths").cloned(),
        skip: call.opt("skip").cloned(),
    };
    let mut search = Search { names: Vec::new(), skip: false, options };
    search.skip = match &search.options.skip {
        Some(skip) => truth(skip)?,
        None => false,
    };
    let mut terms = call.terms().to_vec();
    if terms.is_empty() {
        terms.extend(search.options.files.clone());
    }
    for term in &terms {
        search.term(call, term)?;
    }
    // The task's own folder (`vars` for include_vars, `templates` for template) is known only where it loops.
    let folder = call.text_or("_subdir", "files")?;
    for name in &search.names {
        if let Some(path) = call.scope().find_file(&folder, name) {
            return Ok(vec![py::text(ospath::absolute(&path.to_string_lossy()))]);
        }
    }
    if search.skip {
        return Ok(Vec::new());
    }
    let error = call.error("No file was found when using first_found.");
    Err(error.hint(format!("searched for {}; `skip: true` makes that no error", search.names.join(", "))))
}

struct Options {
    files: Option<Mj>,
    paths: Option<Mj>,
    skip: Option<Mj>,
}

struct Search {
    names: Vec<String>,
    skip: bool,
    options: Options,
}

fn truth(value: &Mj) -> Result<bool, TemplateError> {
    match value.as_str().and_then(rplay_value::parse_bool) {
        Some(truth) => Ok(truth),
        None => py::truthy(value),
    }
}

/// Names of an option: a list, or text split at the separators.
fn split(value: Option<&Mj>, separators: &[char]) -> Result<Vec<String>, TemplateError> {
    let Some(value) = value.filter(|value| !value.is_none()) else { return Ok(Vec::new()) };
    let mut out = Vec::new();
    match py::kind(value) {
        Kind::List(_) | Kind::Tuple(_) => {
            for item in py::iterate(value)? {
                out.extend(split(Some(&item), separators)?);
            }
        }
        _ => {
            py::trip(value)?;
            out.extend(
                py::str(value).split(separators).map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()),
            );
        }
    }
    Ok(out)
}

impl Search {
    fn term(&mut self, call: &LookupCall<'_>, term: &Mj) -> Result<(), TemplateError> {
        py::trip(term)?;
        let (files, paths) = match py::kind(term) {
            Kind::Str(_) => (vec![py::str(term)], self.options.paths.clone()),
            Kind::List(_) | Kind::Tuple(_) => {
                for item in py::iterate(term)? {
                    // `with_first_found` passes over what is undefined; the lookup itself fails.
                    if !(py::is_undefined(&item) && call.opt("_subdir").is_some()) {
                        self.term(call, &item)?;
                    }
                }
                return Ok(());
            }
            _ if py::is_mapping(term) => {
                let given = |name: &str| {
                    let key = Mj::from(name);
                    py::contains(term, &key).unwrap_or(false).then(|| py::get_item(term, &key))
                };
                if let Some(skip) = given("skip") {
                    self.skip = truth(&skip)?;
                }
                (split(given("files").as_ref(), &[',', ';'])?, given("paths"))
            }
            _ => {
                let message = format!(
                    "Invalid term supplied. A string, dict or list is required, not '{}').",
                    py::type_name(term)
                );
                return Err(call.error(message));
            }
        };
        let paths = split(paths.as_ref(), &[',', ':', ';'])?;
        for file in &files {
            for file in file.split([',', ';']).map(str::trim).filter(|file| !file.is_empty() || paths.is_empty()) {
                if paths.is_empty() {
                    self.names.push(file.to_owned());
                }
            }
        }
        for path in &paths {
            for file in files.iter().flat_map(|file| file.split([',', ';'])) {
                self.names.push(ospath::join(path, file.trim()));
            }
        }
        Ok(())
    }
}
