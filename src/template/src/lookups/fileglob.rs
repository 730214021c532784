//! Files of one folder that match shell patterns.

use crate::filters::ospath;
use crate::lookups::{glob, terms};
use crate::{Lookup, LookupCall, TemplateError, py};
use minijinja::Value as Mj;

/// Files of one folder that match shell patterns.
pub static LOOKUP: Lookup = Lookup { name: "fileglob", collection: "ansible.builtin", accepts_undefined: false, run };

fn run(call: &mut LookupCall<'_>) -> Result<Vec<Mj>, TemplateError> {
    let mut out = Vec::new();
    for term in call.terms() {
        let term = terms::text(term)?;
        let (folder, pattern) = ospath::split(&term);
        let mut folders = Vec::new();
        if folder.is_empty() {
            let surroundings = call.scope().surroundings();
            for base in surroundings.search_path.iter().chain([&surroundings.basedir]) {
                folders.push(base.join("files"));
                folders.push(base.clone());
            }
        } else {
            folders.extend(call.scope().find_file("files", folder));
        }
        for folder in folders {
            let found = glob::matching_files(&ospath::join(&folder.to_string_lossy(), pattern));
            if !found.is_empty() {
                out.extend(found.into_iter().map(py::text));
                break;
            }
        }
    }
    Ok(out)
}
