//! What is shown of a scenario: its plan, its state, its pictures; and the one to start from.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use rplay_diag::{Diagnostic, Sources};
use rplay_scenario::Scenario;
use rplay_scenario::lab::{Estimate, Free, Lab, LabError};
use rplay_scenario::network::Reach;
use rplay_scenario::provider::{Object, ObjectKind, State};
use rplay_scenario::stage::{Stage, Work};
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

pub(super) fn graph(scenario: &Scenario, nodes: &[Node<'_>]) -> String {
    let mut out = String::new();
    for network in scenario.networks.values() {
        let reach = match network.reach {
            Reach::Nat => "nat",
            Reach::Isolated => "isolated",
            Reach::Routed => "routed",
        };
        let _ = writeln!(out, "network {} {} ({reach})", network.name, network.cidr);
        for node in nodes {
            for port in node.ports.iter().filter(|port| port.network == network.name) {
                let route = if port.default_route { "  default route" } else { "" };
                let _ = writeln!(out, "  {:20} {:15} {}{route}", node.name, port.address, port.mac_text());
            }
        }
    }
    let alone: Vec<&str> = nodes.iter().filter(|node| node.ports.is_empty()).map(|node| node.name.as_str()).collect();
    if !alone.is_empty() {
        let _ = writeln!(out, "in no network\n  {}", alone.join(" "));
    }
    for stage in scenario.stages.iter() {
        let needs: Vec<&str> = scenario.stages.needs(stage).into_iter().collect();
        let _ = write!(out, "stage {}", stage.name);
        if let Work::Group(members) = &stage.work {
            let members: Vec<&str> = members.iter().map(|member| member.text.as_str()).collect();
            let _ = write!(out, " = {}", members.join(" "));
        }
        if !needs.is_empty() {
            let _ = write!(out, " <- {}", needs.join(" "));
        }
        out.push('\n');
    }
    out
}

pub(super) fn plan(
    scenario: &Scenario,
    nodes: &[Node<'_>],
    stages: &[&Stage],
    why: &BTreeMap<String, String>,
    there: &[Object],
    free: Free,
) -> String {
    let mut out = String::new();
    let of =
        |kind: ObjectKind, name: &str| there.iter().any(|object| object.kind == kind && object.name() == Some(name));
    let word = |there: bool| if there { "is there" } else { "made" };
    for network in scenario.networks.values() {
        let _ = writeln!(
            out,
            "network {:20} {:18} {}",
            network.name,
            network.cidr,
            word(of(ObjectKind::Network, &network.name))
        );
    }
    for node in nodes {
        let addresses: Vec<String> = node.ports.iter().map(|port| port.address.to_string()).collect();
        let image = node.set.image.as_ref().map(|image| image.text.as_str()).unwrap_or_default();
        let _ = writeln!(
            out,
            "node    {:20} {:18} {}  {} {image} {}",
            node.name,
            addresses.join(","),
            word(of(ObjectKind::Node, &node.name)),
            node.set.provider.name(),
            node.set.memory.map(|size| size.to_string()).unwrap_or_default(),
        );
    }
    for stage in stages {
        let _ = writeln!(
            out,
            "stage   {:20} {}  {}",
            stage.name,
            why.get(&stage.name).map(String::as_str).unwrap_or_default(),
            stage.description.as_deref().unwrap_or_default()
        );
    }
    let need = Estimate::of(nodes);
    let _ = writeln!(
        out,
        "memory  about {} of {} that is free; disk {} of {}",
        need.memory, free.memory, need.disk, free.disk
    );
    out
}

pub(super) fn status(nodes: &[Node<'_>], there: &[Object], output: Output) -> String {
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
            Output::Human => writeln!(
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
            Output::Human => writeln!(out, "{:8} {:20} absent", "node", node.name),
            Output::Jsonl => {
                writeln!(out, "{}", serde_json::json!({"what": "node", "name": node.name, "state": "absent"}))
            }
        };
    }
    out
}

fn kind(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::Node => "node",
        ObjectKind::Volume => "volume",
        ObjectKind::Network => "network",
        ObjectKind::Image => "snapshot",
    }
}

/// Exactly what a removal takes.
pub(super) fn going(objects: &[Object], folder: &Path) -> String {
    let mut out = String::new();
    for object in objects {
        let _ = writeln!(out, "{:8} {}", kind(object.kind), object.id);
    }
    let _ = writeln!(out, "folder   {}", folder.display());
    out
}

/// Consoles of nodes as files, and what is bad in them.
pub(super) fn logs(lab: &Lab<'_>) -> Result<i32, LabError> {
    const BAD: [&str; 5] = ["Kernel panic", "Out of memory", "oom-kill", "BUG: ", "segfault at"];
    let objects = lab.objects()?;
    let folder = lab.folder.below("logs").map_err(LabError::from)?;
    let mut bad = 0;
    for (object, _) in objects.iter().filter(|(object, _)| object.kind == ObjectKind::Node) {
        let Some(name) = object.name() else { continue };
        let text = match lab.console(name) {
            Ok(text) => text,
            // It is there and no longer asked for.
            Err(LabError::Said(_)) => continue,
            Err(error) => return Err(error),
        };
        let path = folder.join(format!("{name}.console"));
        fs_err::write(&path, &text)?;
        print(&format!("{}\n", path.display()));
        for (number, line) in String::from_utf8_lossy(&text).lines().enumerate() {
            if BAD.iter().any(|word| line.contains(word)) {
                bad += 1;
                print(&format!("  line {}: {line}\n", number + 1));
            }
        }
    }
    Ok(if bad == 0 { exit::OK } else { exit::FINDINGS })
}

/// A scenario to start from, with the playbook that it runs.
pub(super) fn init(folder: &Path) -> Result<i32, Failure> {
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let known = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if !known {
        let error = Diagnostic::error(format!("`{}` cannot be a scenario's name", folder.display()));
        return Err(Failure::options(
            error.hint("the folder's name needs letters, digits, `-` and `_`, a letter first"),
        ));
    }
    let files = [
        ("scenario.yml", include_str!("template/scenario.yml").replace("NAME", &name)),
        ("converge.yml", include_str!("template/converge.yml").to_owned()),
    ];
    if let Some((file, _)) = files.iter().find(|(file, _)| folder.join(file).exists()) {
        let error = Diagnostic::error(format!("{} is there already", folder.join(file).display()));
        return Err(Failure::options(error));
    }
    let write = || {
        fs_err::create_dir_all(folder)?;
        files.iter().try_for_each(|(file, text)| fs_err::write(folder.join(file), text))
    };
    write().map_err(|error| Failure::error(Diagnostic::error(error.to_string())))?;
    print(&format!("{}\n", folder.join("scenario.yml").display()));
    Ok(exit::OK)
}

#[cfg(test)]
mod tests {
    use rplay_scenario::topology::{Counts, Known};

    use super::*;

    #[test]
    fn the_scenario_to_start_from_is_a_scenario() {
        let at = tempfile::tempdir().unwrap();
        let folder = at.path().join("web");
        init(&folder).unwrap();
        assert!(init(&folder).is_err(), "nothing is overwritten");
        assert!(init(&at.path().join("9")).is_err());
        let sources = Arc::new(Sources::new());
        let scenario = Scenario::load(&folder.join("scenario.yml"), &[], &sources).unwrap();
        assert_eq!(scenario.name, "web");
        assert!(scenario.stages.iter().count() > 0 && !scenario.verify.is_empty());
    }

    #[test]
    fn pictures_show_networks_and_stages() {
        let sources = Arc::new(Sources::new());
        let text = "
name: lab
networks: {inner: {kind: isolated, cidr: 192.0.2.0/24}}
images: {base: {docker: debian}}
nodes: {web: {image: base, networks: [inner]}, box: {image: base}}
stages:
  first: {command: 'true'}
  second: {command: 'true', needs: first}
  both: {stages: [first, second]}
";
        let source = sources.add("scenario.yml", text);
        let document = rplay_yaml::parse(&sources, source).unwrap().node;
        let scenario = Scenario::from_document(Path::new("scenario.yml"), document, &sources).unwrap();
        let nodes = scenario.topology(&Counts::default(), &Known::default()).unwrap();
        let drawn = graph(&scenario, &nodes);
        assert!(drawn.contains("network inner 192.0.2.0/24 (isolated)\n  web"), "{drawn}");
        assert!(drawn.contains("in no network\n  box\n"), "{drawn}");
        assert!(drawn.contains("stage second <- first\nstage both = first second\n"), "{drawn}");
    }
}
