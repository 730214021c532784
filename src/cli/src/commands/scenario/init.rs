//! Scenarios to start from.

use std::path::Path;

use clap::ValueEnum;
use rplay_diag::Diagnostic;

use super::told::print;
use crate::exit;
use crate::failure::Failure;

/// What a scenario begins as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Template {
    /// A container with a page, and a check
    Web,
    /// A role on containers: prepared, deployed twice, broken, checked
    Role,
    /// Two sites with a link between them, and stages that give to each other
    Sites,
    /// A virtual machine of libvirt
    Machine,
}

impl Template {
    fn files(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Web => &[
                ("scenario.yml", include_str!("template/scenario.yml")),
                ("converge.yml", include_str!("template/converge.yml")),
            ],
            Self::Role => &[
                ("scenario.yml", include_str!("template/role/scenario.yml")),
                ("prepare.yml", include_str!("template/role/prepare.yml")),
                ("converge.yml", include_str!("template/role/converge.yml")),
                ("verify.yml", include_str!("template/role/verify.yml")),
            ],
            Self::Sites => &[
                ("scenario.yml", include_str!("template/sites/scenario.yml")),
                ("site.yml", include_str!("template/sites/site.yml")),
            ],
            Self::Machine => &[
                ("scenario.yml", include_str!("template/machine/scenario.yml")),
                ("converge.yml", include_str!("template/converge.yml")),
            ],
        }
    }
}

/// A scenario to start from, with the playbooks that it runs.
pub(super) fn init(folder: &Path, template: Template) -> Result<i32, Failure> {
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let known = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if !known {
        let error = Diagnostic::error(format!("`{}` cannot be a scenario's name", folder.display()));
        return Err(Failure::options(
            error.hint("the folder's name needs letters, digits, `-` and `_`, a letter first"),
        ));
    }
    let files = template.files();
    if let Some((file, _)) = files.iter().find(|(file, _)| folder.join(file).exists()) {
        let error = Diagnostic::error(format!("{} is there already", folder.join(file).display()));
        return Err(Failure::options(error));
    }
    let write = || {
        fs_err::create_dir_all(folder)?;
        files.iter().try_for_each(|(file, text)| fs_err::write(folder.join(file), text.replace("NAME", &name)))
    };
    write().map_err(|error| Failure::error(Diagnostic::error(error.to_string())))?;
    print(&format!("{}\n", folder.join("scenario.yml").display()));
    Ok(exit::OK)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rplay_diag::Sources;
    use rplay_scenario::Scenario;

    use super::*;

    #[test]
    fn scenarios_to_start_from_are_scenarios() {
        for template in Template::value_variants() {
            let at = tempfile::tempdir().unwrap();
            let folder = at.path().join("web");
            init(&folder, *template).unwrap();
            assert!(init(&folder, *template).is_err(), "nothing is overwritten");
            assert!(init(&at.path().join("9"), *template).is_err());
            let sources = Arc::new(Sources::new());
            let scenario = Scenario::load(&folder.join("scenario.yml"), &[], &sources)
                .unwrap_or_else(|error| panic!("{template:?}: {:?}", error.diagnostics()));
            assert_eq!(scenario.name, "web");
            assert!(scenario.stages.iter().count() > 0 && !scenario.verify.is_empty());
        }
    }
}
