//! What would be made and run, why, how long it takes and how much it needs.

use std::fmt::Write as _;
use std::time::Duration;

use rplay_scenario::lab::{Choice, Estimate, Free, Freshness, Lab, LabError, Past};
use rplay_scenario::provider::{Object, ObjectKind};
use rplay_scenario::stage::Stage;
use rplay_scenario::topology::Node;

/// The plan, and whether this machine can hold it.
pub(super) fn plan(lab: &Lab<'_>, choice: &Choice) -> Result<(String, Result<(), LabError>), LabError> {
    let objects = lab.objects()?;
    let there: Vec<Object> = objects.iter().map(|(object, _)| object.clone()).collect();
    let nodes = lab.nodes(&objects)?;
    let mut stages = lab.chosen(choice)?;
    if choice.needed {
        stages.retain(|stage| lab.freshness(stage) != Freshness::Fresh);
    }
    let past = lab.past();
    let free = Free::now(lab.folder.path())?;
    let mut out = String::new();
    made(&mut out, lab, &nodes, &there);
    let stages_take = run(&mut out, lab, choice, &stages, &past);
    let absent: Vec<&Node<'_>> = nodes.iter().filter(|node| !has(&there, ObjectKind::Node, &node.name)).collect();
    let nodes_take = sizes(&mut out, lab, &nodes, &absent, &past);
    let need = Estimate::of(absent.iter().copied(), &past);
    let _ = writeln!(
        out,
        "memory   {} more of {} that is free; disk {} of {}",
        need.memory, free.memory, need.disk, free.disk
    );
    let unknown = nodes_take.1 + stages_take.1;
    let total = nodes_take.0 + stages_take.0;
    let _ = writeln!(
        out,
        "time     about {}{}",
        shown(total),
        match unknown {
            0 => String::new(),
            1 => " and what one step takes that never ran here".to_owned(),
            more => format!(" and what {more} steps take that never ran here"),
        }
    );
    Ok((out, need.fits(free, lab.scenario.budget)))
}

fn has(there: &[Object], kind: ObjectKind, name: &str) -> bool {
    there.iter().any(|object| object.kind == kind && object.name() == Some(name))
}

fn made(out: &mut String, lab: &Lab<'_>, nodes: &[Node<'_>], there: &[Object]) {
    let word = |there: bool| if there { "is there" } else { "made" };
    for network in lab.scenario.networks.values() {
        let is = word(has(there, ObjectKind::Network, &network.name));
        let _ = writeln!(out, "network  {:20} {:18} {is}", network.name, network.cidr.to_string());
    }
    for node in nodes {
        let addresses: Vec<String> = node.ports.iter().map(|port| port.address.to_string()).collect();
        let image = node.set.image.as_ref().map(|image| image.text.as_str()).unwrap_or_default();
        let _ = writeln!(
            out,
            "node     {:20} {:18} {}  {} {image}",
            node.name,
            addresses.join(","),
            word(has(there, ObjectKind::Node, &node.name)),
            node.set.provider.name(),
        );
    }
}

/// Stages with why they run, what is known of them, and how long they took; gives the sum, and how many are not known.
fn run(out: &mut String, lab: &Lab<'_>, choice: &Choice, stages: &[&Stage], past: &Past) -> (Duration, usize) {
    let why = lab.why(&choice.names, stages);
    let (mut total, mut unknown) = (Duration::ZERO, 0);
    let mut line = |stage: &Stage, why: &str| {
        let time = past.time("stage", &stage.name);
        total += time.unwrap_or_default();
        unknown += usize::from(time.is_none());
        let time = time.map_or_else(|| "?".to_owned(), shown);
        let _ = writeln!(
            out,
            "stage    {:20} {time:>7}  {why}{}",
            stage.name,
            stage.description.as_deref().map(|text| format!("  ({text})")).unwrap_or_default()
        );
    };
    for stage in stages {
        let mut why = why.get(&stage.name).cloned().unwrap_or_default();
        match lab.freshness(stage) {
            Freshness::Never => {}
            Freshness::Fresh => why.push_str("; nothing has changed since it ran"),
            Freshness::Stale(since) => {
                let _ = write!(why, "; stale: {since}");
            }
        }
        line(stage, &why);
    }
    for (stage, late) in lab.late(stages) {
        line(stage, &format!("once more: `{late}` comes after it"));
    }
    (total, unknown)
}

/// Nodes of each type with the memory they are reckoned to need and the time they took.
fn sizes(out: &mut String, lab: &Lab<'_>, nodes: &[Node<'_>], absent: &[&Node<'_>], past: &Past) -> (Duration, usize) {
    let (mut longest, mut unknown) = (Duration::ZERO, 0);
    for set in lab.scenario.nodes.values() {
        let of_set: Vec<&Node<'_>> = nodes.iter().filter(|node| node.set.name == set.name).collect();
        let Some(one) = of_set.first().filter(|_| set.provider.name() != "existing") else { continue };
        let each = Estimate::of([*one], past).memory;
        let all = Estimate::of(of_set.iter().copied(), past).memory;
        let source = match (set.memory, past.memory(&set.name)) {
            (Some(_), _) => "asked for",
            (None, Some(_)) => "measured",
            (None, None) => "reckoned",
        };
        let time = past.time("node", &set.name);
        if absent.iter().any(|node| node.set.name == set.name) {
            // Nodes are made side by side.
            longest = longest.max(time.unwrap_or_default());
            unknown += usize::from(time.is_none());
        }
        let _ = writeln!(
            out,
            "type     {:20} {:>7}  {} of {each} ({source}), {all} together",
            set.name,
            time.map_or_else(|| "?".to_owned(), shown),
            of_set.len(),
        );
    }
    (longest, unknown)
}

fn shown(time: Duration) -> String {
    match time.as_secs() {
        0..=99 => format!("{:.1}s", time.as_secs_f64()),
        seconds => format!("{}m{:02}s", seconds / 60, seconds % 60),
    }
}
