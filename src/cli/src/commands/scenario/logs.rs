//! Logs: what nodes have written, as files, and what is bad in them.

use std::path::{Path, PathBuf};

use rplay_diag::Diagnostic;
use rplay_scenario::lab::{Lab, LabError, Logs};

use super::told::print;
use crate::exit;
use crate::failure::Failure;

/// Where logs go when the lab's own folder may go: they stay.
pub(super) fn kept(scenario: &str) -> PathBuf {
    rplay_scenario::folder::cache().join("scenario-logs").join(scenario)
}

/// Collects and prints.
pub(super) fn logs(lab: &Lab<'_>, into: Option<&Path>) -> Result<i32, LabError> {
    let folder = lab.folder.file("logs");
    let logs = lab.logs(into.unwrap_or(&folder))?;
    for file in &logs.files {
        print(&format!("{}\n", file.display()));
        for bad in logs.bad.iter().filter(|bad| bad.file == *file) {
            print(&format!("  line {}: {}\n", bad.line, bad.text));
        }
    }
    Ok(if logs.bad.is_empty() { exit::OK } else { exit::FINDINGS })
}

/// Collects logs after what went wrong on nodes, and tells where they are. What keeps them from being collected is told as well, and
/// does not hide what went wrong first.
pub(super) fn after(lab: &Lab<'_>, into: Option<&Path>, failure: &mut Failure) {
    if failure.code != exit::FINDINGS {
        return;
    }
    let folder = into.map_or_else(|| kept(&lab.scenario.name), Path::to_owned);
    match lab.logs(&folder) {
        Ok(logs) if logs.files.is_empty() => {}
        Ok(logs) => failure.diagnostics.push(told(&logs, &folder)),
        Err(error) => failure.diagnostics.extend(error.diagnostics()),
    }
}

fn told(logs: &Logs, folder: &Path) -> Diagnostic {
    let mut told = Diagnostic::warning(format!("logs of the nodes are in {}", folder.display()));
    for bad in &logs.bad {
        let name = bad.file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        told = told.note(format!("{name}, line {}: {}", bad.line, bad.text));
    }
    told
}
