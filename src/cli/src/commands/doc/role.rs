//! Roles that say what they take, in `meta/argument_specs.yml` or `meta/main.yml`.

use std::path::{Path, PathBuf};

use rplay_diag::{Diagnose as _, Diagnostic, SourceId};
use rplay_value::{Map, Value};
use rplay_yaml::Trust;

use super::places::{Places, ROLE_FILES};

/// A role with what it says: name, collection, folder.
type Found = (String, Option<String>, PathBuf);

fn full((name, collection, _): &Found) -> String {
    collection.as_ref().map_or_else(|| name.clone(), |collection| format!("{collection}.{name}"))
}

fn load(folder: &Path, files: &[&str]) -> Result<Value, Diagnostic> {
    let Some(path) = files.iter().map(|file| folder.join("meta").join(file)).find(|path| path.is_file()) else {
        return Ok(Value::Null);
    };
    let text = fs_err::read_to_string(&path).map_err(|error| Diagnostic::error(error.to_string()))?;
    let loaded = rplay_yaml::load_str(&text, SourceId::UNKNOWN, Trust::Data);
    let named = |message: &str| Diagnostic::error(format!("{}: {message}", path.display()));
    loaded.map(|(value, _)| value).map_err(|error| named(&error.diagnostic().message))
}

fn specs(folder: &Path) -> Result<Map, Diagnostic> {
    Ok(load(folder, &ROLE_FILES)?.get("argument_specs").and_then(Value::as_map).cloned().unwrap_or_default())
}

/// Roles with their entry points' short descriptions. Those whose files cannot be read are told of, and left out.
pub(super) fn list(places: &Places, paths: &[PathBuf], collections: &[String]) -> (Map, Vec<Diagnostic>) {
    let mut out = Map::new();
    let mut troubles = Vec::new();
    for role in places.roles(paths, None, collections) {
        let specs = match specs(&role.2) {
            Ok(specs) => specs,
            Err(trouble) => {
                troubles.push(trouble);
                continue;
            }
        };
        let meta = load(&role.2, &ROLE_FILES[2..]).ok().filter(|meta| meta.get("argument_specs").is_some());
        let about = meta.and_then(|meta| meta.get("galaxy_info").and_then(Value::as_map).cloned());
        let mut summary = about.unwrap_or_else(|| Map::from_iter([("description", "UNDOCUMENTED")]));
        let points = specs.iter().map(|(name, point)| {
            (name.to_str().into_owned(), point.get("short_description").cloned().unwrap_or_else(|| Value::data("")))
        });
        summary.insert("entry_points", points.map(|(name, text)| (Value::data(name), text)).collect::<Map>());
        if let Some(collection) = &role.1 {
            summary.insert("collection", collection.as_str());
        }
        out.insert(full(&role), summary);
    }
    (out, troubles)
}

/// Everything that roles of these names say; of one entry point only, when it is named.
pub(super) fn docs(
    places: &Places,
    paths: &[PathBuf],
    names: Option<&[String]>,
    entry: Option<&str>,
) -> (Map, Vec<Diagnostic>) {
    let mut out = Map::new();
    let mut troubles = Vec::new();
    for role in places.roles(paths, names, &[]) {
        let specs = match specs(&role.2) {
            Ok(specs) => specs,
            Err(trouble) => {
                troubles.push(trouble);
                continue;
            }
        };
        let points = specs.iter().filter(|(name, _)| entry.is_none_or(|entry| *name.to_str() == *entry));
        let points: Map = points
            .map(|(name, point)| (name.clone(), if point.is_null() { Value::from(Map::new()) } else { point.clone() }))
            .collect();
        if points.is_empty() {
            continue;
        }
        // Of a collection's role, the collection's folder.
        let folder = if role.1.is_some() { role.2.ancestors().nth(2).unwrap_or(&role.2) } else { &role.2 };
        let mut about = Map::new();
        about.insert("collection", role.1.as_deref().map_or(Value::Null, Value::data));
        about.insert("entry_points", points);
        about.insert("path", folder.display().to_string());
        out.insert(full(&role), about);
    }
    (out, troubles)
}
