//! Versions of installed collections, none for those that are not.

use crate::lookups::terms;
use crate::{Lookup, LookupCall, TemplateError, py};
use minijinja::Value as Mj;
use rplay_value::Value;
use std::path::PathBuf;

/// Versions of installed collections, none for those that are not.
pub static LOOKUP: Lookup =
    Lookup { name: "collection_version", collection: "community.general", accepts_undefined: false, run };

fn run(call: &mut LookupCall<'_>) -> Result<Vec<Mj>, TemplateError> {
    let absent = call.opt("result_not_found").cloned().unwrap_or_else(py::none);
    let unversioned = call.opt("result_no_version").cloned().unwrap_or_else(|| py::text("*"));
    let roots = roots(call);
    let mut out = Vec::new();
    for term in call.terms() {
        let name = terms::text(term)?;
        let parts: Vec<&str> = name.split('.').collect();
        let is_word = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        let [namespace, collection] = parts[..] else {
            return Err(call.error(format!("\"{name}\" is not a FQCN")));
        };
        if !parts.iter().all(is_word) {
            return Err(call.error(format!("\"{name}\" is not a FQCN")));
        }
        let files = call.engine().files();
        let inside = |root: &PathBuf| root.join("ansible_collections").join(namespace).join(collection);
        let read = |path: PathBuf| files.exists(&path).then(|| files.read(&path).ok()).flatten();
        let Some(folder) = roots.iter().map(inside).find(|folder| files.exists(folder)) else {
            out.push(absent.clone());
            continue;
        };
        let broken = |error: String| call.error(format!("Error while loading metadata for {name}: {error}"));
        let version = if let Some(manifest) = read(folder.join("MANIFEST.json")) {
            let manifest: Value = serde_json::from_slice(&manifest).map_err(|error| broken(error.to_string()))?;
            let found = manifest.get("collection_info").and_then(|info| info.get("version")).cloned();
            Some(found.ok_or_else(|| broken("'version'".to_owned()))?)
        } else if let Some(galaxy) = read(folder.join("galaxy.yml")) {
            let text = String::from_utf8_lossy(&galaxy);
            let source = call.engine().sources().add(folder.join("galaxy.yml").display().to_string(), &*text);
            let document = rplay_yaml::parse_text(&text, source, rplay_yaml::Options { ansible_tags: false });
            let document = document.map_err(|error| broken(error.to_string()))?;
            document.node.to_data().get("version").cloned().filter(Value::is_true)
        } else {
            None
        };
        out.push(version.map_or_else(|| unversioned.clone(), py::from_value));
    }
    Ok(out)
}

/// Where collections are installed.
fn roots(call: &LookupCall<'_>) -> Vec<PathBuf> {
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let setting = call.engine().setting("COLLECTIONS_PATHS").or_else(|| call.engine().setting("COLLECTIONS_PATH"));
    let mut roots = vec![call.scope().surroundings().basedir.join("collections")];
    match setting.map(|(value, _)| value) {
        Some(Value::List(paths)) => roots.extend(paths.iter().map(|path| PathBuf::from(&*path.to_str()))),
        Some(paths) => roots.extend(paths.to_str().split(':').map(PathBuf::from)),
        None => roots.extend([home.join(".ansible/collections"), PathBuf::from("/usr/share/ansible/collections")]),
    }
    roots
}
