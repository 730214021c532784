//! What is shown of a scenario: its plan, its state, its pictures; and the one to start from.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use rplay_diag::{Diagnostic, Sources};
use rplay_scenario::Scenario;
use rplay_scenario::lab::{Freshness, Lab, Lease};
use rplay_scenario::provider::{Object, ObjectKind, State};
use rplay_scenario::stage::Work;
use rplay_scenario::topology::Node;

use super::told::{Output, print};
use crate::exit;
use crate::failure::Failure;

/// Names of the scenarios below a folder.
pub(super) fn names(folder: &Path) -> Vec<String> {
    let entries: Vec<_> = fs_err::read_dir(folder).into_iter().flatten().filter_map(Result::ok).collect();
    let mut names: Vec<String> = entries
        .iter()
        .filter_map(|entry| {
            let path = entry.path();
            let of_file = path.extension().is_some_and(|extension| extension == "yml") && path.is_file();
            let of_folder = path.join("scenario.yml").is_file() || path.join("scenario.yaml").is_file();
            let name = if of_file { path.file_stem() } else { path.file_name() };
            (of_file || of_folder).then(|| name.map(|name| name.to_string_lossy().into_owned())).flatten()
        })
        .collect();
    names.sort();
    names
}

/// Labs that were made here, with how long they are kept.
pub(super) fn labs() -> i32 {
    for lease in Lease::all() {
        let state = lease.over().map_or_else(
            || lease.until.map_or_else(|| "kept".to_owned(), |_| "kept for a while".to_owned()),
            |why| format!("nobody owns it: {why}"),
        );
        print(&format!("{:20} {:32} {state}\n", lease.scenario, lease.folder.display()));
    }
    exit::OK
}

pub(super) fn list(folder: &Path, sources: &Arc<Sources>) -> Result<i32, Failure> {
    if !folder.is_dir() {
        let error = Diagnostic::error(format!("there is no folder {}", folder.display()));
        return Err(Failure::options(error.hint("scenarios are looked for in ./scenarios, or in the folder given")));
    }
    for name in names(folder) {
        let path = rplay_scenario::find(&folder.join(&name))
            .or_else(|| rplay_scenario::find(&folder.join(format!("{name}.yml"))));
        let text = match path.map(|path| Scenario::load(&path, &[], sources)) {
            Some(Ok(scenario)) => scenario.description.unwrap_or_default(),
            Some(Err(error)) => format!("cannot be read: {error}"),
            None => continue,
        };
        print(&format!("{name:20} {text}\n"));
    }
    Ok(exit::OK)
}

pub(super) fn checked(scenario: &Scenario, nodes: &[Node<'_>]) -> i32 {
    let count = |number: usize, noun: &str| format!("{number} {noun}{}", if number == 1 { "" } else { "s" });
    let stages = scenario.stages.iter().filter(|stage| !matches!(stage.work, Work::Group(_))).count();
    print(&format!(
        "{}: {}, {}, {}, {}, {}\n",
        scenario.path.display(),
        count(nodes.len(), "node"),
        count(scenario.networks.len(), "network"),
        count(stages, "stage"),
        count(scenario.verify.len(), "check"),
        count(scenario.faults.len(), "fault"),
    ));
    exit::OK
}

pub(super) fn status(lab: &Lab<'_>, nodes: &[Node<'_>], there: &[Object], output: Output) -> String {
    let mut out = String::new();
    let state = |object: &Object| match object.state {
        Some(State::Running) => "running",
        Some(State::Paused) => "paused",
        Some(State::Stopped) => "stopped",
        None => "there",
    };
    let absent = nodes.iter().filter(|node| {
        node.set.provider.name() != "existing"
            && !there.iter().any(|object| object.kind == ObjectKind::Node && object.name() == Some(&node.name))
    });
    let absent: Vec<&Node<'_>> = absent.collect();
    for object in there {
        let addresses: Vec<String> = object.addresses.values().map(|(address, _)| address.to_string()).collect();
        let name = object.name().unwrap_or_default();
        let _ = match output {
            Output::Human | Output::Junit => writeln!(
                out,
                "{:8} {name:20} {:8} {:32} {}",
                kind(object.kind),
                state(object),
                object.id,
                addresses.join(",")
            ),
            Output::Jsonl => writeln!(
                out,
                "{}",
                serde_json::json!({"what": kind(object.kind), "name": name, "state": state(object), "id": object.id,
                    "addresses": addresses})
            ),
        };
    }
    for node in absent {
        let _ = match output {
            Output::Human | Output::Junit => writeln!(out, "{:8} {:20} absent", "node", node.name),
            Output::Jsonl => {
                writeln!(out, "{}", serde_json::json!({"what": "node", "name": node.name, "state": "absent"}))
            }
        };
    }
    for stage in lab.scenario.stages.iter().filter(|stage| !matches!(stage.work, Work::Group(_))) {
        let (state, why) = match lab.freshness(stage) {
            Freshness::Never => ("not run", String::new()),
            Freshness::Fresh => ("ran", String::new()),
            Freshness::Stale(why) => ("stale", why),
        };
        let _ = match output {
            Output::Human | Output::Junit => {
                writeln!(out, "{}", format!("{:8} {:20} {state:8} {why}", "stage", stage.name).trim_end())
            }
            Output::Jsonl => {
                let record = serde_json::json!({"what": "stage", "name": stage.name, "state": state, "why": why});
                writeln!(out, "{record}")
            }
        };
    }
    out
}

pub(super) fn kind(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::Node => "node",
        ObjectKind::Volume => "volume",
        ObjectKind::Network => "network",
        ObjectKind::Image => "snapshot",
    }
}

/// Exactly what a removal takes.
pub(super) fn going(objects: &[Object], folder: Option<&Path>) -> String {
    let mut out = String::new();
    for object in objects {
        let _ = writeln!(out, "{:8} {}", kind(object.kind), object.id);
    }
    if let Some(folder) = folder {
        let _ = writeln!(out, "folder   {}", folder.display());
    }
    out
}
