//! Templates of files, rendered with the options of the `template` module and `template_vars`.

use crate::lookups::terms;
use crate::{FileOptions, TemplateSource};
use crate::{Lookup, LookupCall, TemplateError, py};
use minijinja::Value as Mj;

/// Templates of files, rendered with the options of the `template` module and `template_vars`.
pub static LOOKUP: Lookup = Lookup { name: "template", collection: "ansible.builtin", accepts_undefined: false, run };

fn run(call: &mut LookupCall<'_>) -> Result<Vec<Mj>, TemplateError> {
    let mut options = FileOptions::default();
    for (name, value) in call.keywords() {
        let text = || py::str(value);
        match &**name {
            "variable_start_string" => options.variable.0 = text(),
            "variable_end_string" => options.variable.1 = text(),
            "block_start_string" => options.block.0 = text(),
            "block_end_string" => options.block.1 = text(),
            "comment_start_string" => options.comment.0 = text(),
            "comment_end_string" => options.comment.1 = text(),
            "trim_blocks" => options.trim_blocks = py::truthy(value)?,
            "lstrip_blocks" => options.lstrip_blocks = py::truthy(value)?,
            // As in ansible-core 2.19, which keeps both for old playbooks and turns no text into data: `| from_yaml` says it
            // where it is wanted.
            "convert_data" | "jinja2_native" | "template_vars" => {}
            other => {
                let known = [
                    "variable_start_string",
                    "variable_end_string",
                    "comment_start_string",
                    "comment_end_string",
                    "trim_blocks",
                    "template_vars",
                ];
                let hint = rplay_diag::nearest(other, known).map_or_else(
                    || format!("it takes {}", rplay_diag::quoted_list(known)),
                    |near| format!("there is an option `{near}`"),
                );
                return Err(call.error(format!("the template lookup has no option '{other}'")).hint(hint));
            }
        }
    }
    let mut given = Vec::new();
    if let Some(vars) = call.opt("template_vars") {
        if !py::is_mapping(vars) {
            return Err(call.error(format!("template_vars must be a dict, not {}", py::type_name(vars))));
        }
        for key in py::iterate(vars)? {
            given.push((py::str(&key), py::to_value(&py::get_item(vars, &key))?));
        }
    }
    let mut out = Vec::new();
    for term in call.terms() {
        let name = terms::text(term)?;
        let path = call
            .scope()
            .find_file("templates", &name)
            .ok_or_else(|| call.error(format!("the template file {name} could not be found for the lookup")))?;
        let bytes = call
            .engine()
            .files()
            .read(&path)
            .map_err(|e| TemplateError::file(format!("Unable to access the file '{name}'.")).note(e.to_string()))?;
        let shown = path.display().to_string();
        let text = String::from_utf8(bytes)
            .map_err(|_| TemplateError::file(format!("the template {shown} is not UTF-8 text")))?;
        let id = call.engine().sources().add(shown.as_str(), text.as_str());
        let source = TemplateSource { name: shown.clone(), text: text.into(), source: Some(id) };
        // The file's own, then `template_vars`, are nearer than any variable.
        let mut scope = call.scope().clone();
        for (key, value) in call.engine().file_variables(&name, &path, None).texts() {
            if key.as_str() != "ansible_managed" || !scope.has("ansible_managed") {
                scope = scope.with(key, value.clone());
            }
        }
        for (key, value) in &given {
            scope = scope.with(key, value.clone());
        }
        out.push(call.engine().template_value(&source, &options, &scope)?);
    }
    Ok(out)
}
