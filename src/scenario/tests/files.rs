//! Scenario files: what is read from good ones, and what is said of bad ones.

use std::path::Path;
use std::sync::Arc;

use rplay_diag::{Sources, render};
use rplay_scenario::{Scenario, ScenarioError, find, format, schema};

fn load(text: &str) -> Result<Scenario, String> {
    let sources = Arc::new(Sources::new());
    let source = sources.add("scenario.yml", text);
    let document = rplay_yaml::parse(&sources, source).map_err(|error| error.to_string())?.node;
    Scenario::from_document(Path::new("scenario.yml"), document, &sources).map_err(|error| told(&error, &sources))
}

fn told(error: &ScenarioError, sources: &Sources) -> String {
    error.diagnostics().iter().map(|d| render(d, sources, false)).collect::<Vec<_>>().join("\n")
}

const HEAD: &str = "name: lab\nnetworks: {a: {cidr: 192.0.2.0/24}}\nimages: {base: {debootstrap: {}}}\n";

#[test]
fn every_mistake_is_told_at_once_with_its_place_and_what_would_be_right() {
    let text = "name: 1st\nnodess: {}\nnetworks:\n  a: {cidr: 192.0.2/24, kind: isolatd}\nimages:\n  base: {debootstrap: {}, url: x}\n  none: {}\nnodes:\n  x: {memory: lots, count: -1, disks: [{sise: 3G}]}\n";
    insta::assert_snapshot!(load(text).unwrap_err());
}

#[test]
fn names_that_lead_nowhere_are_told_with_the_nearest() {
    let text = format!(
        "{HEAD}nodes:\n  one: {{image: bas, networks: [b], via: two}}\n  three: compute\nstages:\n  deploy: {{playbook: a.yml, needs: [prepar], inputs: {{x: prepare.keys, y: prepare}}}}\n  prepare: {{command: 'true', outputs: {{key: {{value: 1}}}}}}\nverify:\n- {{name: up, port: 22, after: deplo}}\n"
    );
    insta::assert_snapshot!(load(&text).unwrap_err());
}

#[test]
fn what_contradicts_itself_is_told() {
    let text = "name: lab\nnetworks: {a: {cidr: 192.0.2.0/24, gateway: 198.51.100.1}, b: {cidr: 192.0.2.128/25, kind: isolated}}\nlinks:\n- {between: [a, b], latency: 10ms}\n- {between: a}\nimages: {base: {from: other}, other: {from: base}}\nnodes:\n  one: {provider: existing}\n  two: {image: base, count: 2, addresses: {a: 192.0.2.5}}\n  two-0: {image: base, host: h}\n  three: {networks: [a]}\n";
    insta::assert_snapshot!(load(text).unwrap_err());
}

#[test]
fn stages_run_in_one_order_however_they_are_asked_for() {
    let text = format!(
        "{HEAD}nodes: {{one: {{image: base}}}}\nstages:\n  deploy: {{command: 'true', needs: [setup], inputs: {{k: keys.pub}}}}\n  setup: {{stages: [vms, net]}}\n  vms: {{command: 'true', needs: [net]}}\n  net: {{command: 'true'}}\n  keys: {{command: 'true', outputs: {{pub: {{value: 1}}}}}}\n  extra: {{command: 'true', default: false}}\n"
    );
    let scenario = load(&text).unwrap();
    let order = |names: &[&str], only: bool| {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        scenario
            .stages
            .select(&names, only)
            .map(|stages| stages.iter().map(|s| s.name.clone()).collect::<Vec<_>>().join(" "))
    };
    assert_eq!(order(&[], false).unwrap(), "net vms keys deploy");
    let mut names = ["deploy", "vms", "net", "keys"];
    // All permutations, by Heap's algorithm.
    let mut counters = [0; 4];
    let mut at = 0;
    let mut seen = 0;
    while at < 4 {
        assert_eq!(order(&names, true).unwrap(), "net vms keys deploy");
        if counters[at] < at {
            names.swap(if at % 2 == 0 { 0 } else { counters[at] }, at);
            counters[at] += 1;
            at = 0;
            seen += 1;
        } else {
            counters[at] = 0;
            at += 1;
        }
    }
    assert_eq!(seen, 23);
    assert_eq!(order(&["deploy"], true).unwrap(), "deploy");
    assert_eq!(order(&["setup"], false).unwrap(), "net vms");
    assert_eq!(order(&["extra"], false).unwrap(), "extra");
    assert_eq!(order(&["deplo"], false).unwrap_err().to_string(), "there is no stage `deplo`");
    // Names are matched whole.
    assert!(order(&["deploy_keys"], false).is_err());
}

#[test]
fn stages_that_wait_for_one_another_are_an_error() {
    let text = format!(
        "{HEAD}nodes: {{one: {{image: base}}}}\nstages:\n  a: {{command: 'true', needs: [b]}}\n  b: {{stages: [c]}}\n  c: {{command: 'true', needs: [a]}}\n"
    );
    insta::assert_snapshot!(load(&text).unwrap_err());
}

#[test]
fn layers_go_under_the_file_and_each_part_knows_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs_err::write(folder.path().join(name), text).unwrap();
    fs_err::create_dir(folder.path().join("below")).unwrap();
    write(
        "below/release.yml",
        "layers: sizes.yml\nvars: {release: stein, channel: stable}\nimages: {base: {path: disk.qcow2}}\n",
    );
    write(
        "below/sizes.yml",
        "types: {compute: {memory: 2G, image: base, groups: [nodes]}}\nvars: {channel: unstable}\n",
    );
    write(
        "scenario.yml",
        "name: lab\nlayers: [below/release.yml]\nvars: {release: train, channel: null}\nnodes: {compute: {count: 2, memory: 3G, groups: [special]}}\n",
    );
    let sources = Arc::new(Sources::new());
    let file = find(folder.path()).unwrap();
    let scenario = Scenario::load(&file, &[], &sources).unwrap();
    assert_eq!(rplay_value::Value::Map(scenario.vars.clone()).repr(), "{'release': 'train'}");
    let compute = &scenario.nodes["compute"];
    assert_eq!((compute.memory.unwrap().to_string(), compute.count), ("3G".to_owned(), Some(2)));
    assert_eq!(compute.groups, ["nodes", "special"]);
    // A path is relative to the file that it is written in.
    let rplay_scenario::image::Origin::Path(path) = &scenario.images["base"].origin else { panic!("a path") };
    assert_eq!(*path, folder.path().join("below/disk.qcow2"));

    write("scenario.yml", "name: lab\nlayers: [missing.yml]\nnodes: {}\n");
    let error = Scenario::load(&file, &[], &sources).unwrap_err();
    let told = told(&error, &sources).replace(&folder.path().display().to_string(), "[DIR]");
    insta::assert_snapshot!(told);
    write("scenario.yml", "name: lab\nlayers: [scenario.yml]\nnodes: {}\n");
    let error = Scenario::load(&file, &[], &sources).unwrap_err();
    assert_eq!(error.diagnostics()[0].message, "layers are laid under one another without end");
}

#[test]
fn the_schema_has_every_field_and_takes_what_is_read() {
    let schema = schema::schema(&format::SCENARIO);
    assert_eq!(schema["$ref"], "#/$defs/scenario");
    let defs = schema["$defs"].as_object().unwrap();
    for shape in
        [&format::NETWORK, &format::IMAGE, &format::TYPE, &format::NODE, &format::STAGE, &format::CHECK, &format::FAULT]
    {
        let properties = defs[shape.name]["properties"].as_object().unwrap();
        let names: Vec<&str> = properties.keys().map(String::as_str).collect();
        assert_eq!(names, shape.fields.iter().map(|field| field.name).collect::<Vec<_>>());
        assert!(
            properties.values().all(|property| property["description"]
                .as_str()
                .is_some_and(|text| text.ends_with('.') || text.ends_with('`'))),
            "{}",
            shape.name
        );
    }
}
