//! Native modules take every option of Ansible's, as `fixtures/options/record` recorded them from the modules' own documentation.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rplay_modules::{ArgSpec, table};
use serde_json::{Map, Value};

/// Options that native modules do not have, and why: `module option` to the reason.
const MISSING: &[(&str, &str)] =
    &[("ansible.builtin.copy decrypt", "the part on the controller reads it, which decrypts before it sends the file")];

/// Modules that the reference does not describe, and why.
const UNKNOWN: &[(&str, &str)] =
    &[("ansible.builtin.yum", "ansible-core 2.19 has only the action, which runs `dnf`; its options are those")];

fn recorded() -> Map<String, Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/options/modules.json");
    serde_json::from_str(&fs_err::read_to_string(path).unwrap()).unwrap()
}

/// The options of a module that its spec lacks; those inside of another one after its name and a dot.
fn missing(spec: &ArgSpec, options: &Map<String, Value>, before: &str, out: &mut BTreeSet<String>) {
    for (name, real) in options {
        let full = format!("{before}{name}");
        let free_form = spec.free_form && matches!(name.as_str(), "free_form" | "cmd" | "_raw_params");
        match spec.find(name) {
            Some(arg) => {
                if let (Some(inner), Some(real)) = (arg.options, real["options"].as_object()) {
                    missing(inner, real, &format!("{full}."), out);
                }
                for alias in real["aliases"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                    if spec.find(alias).is_none() {
                        out.insert(format!("{before}{alias}"));
                    }
                }
            }
            None if free_form => {}
            None => {
                out.insert(full);
            }
        }
    }
}

#[test]
fn no_option_of_ansibles_is_missing() {
    let recorded = recorded();
    let mut found = BTreeSet::new();
    let mut unknown = BTreeSet::new();
    for (_, module, _) in table() {
        let name = format!("{}.{}", module.collection, module.name);
        let Some(real) = recorded.get(&name) else {
            unknown.insert(name);
            continue;
        };
        let mut lacks = BTreeSet::new();
        missing(module.spec, real["options"].as_object().unwrap(), "", &mut lacks);
        found.extend(lacks.into_iter().map(|option| format!("{name} {option}")));
    }
    let known: BTreeMap<&str, &str> = MISSING.iter().copied().collect();
    let new: Vec<&String> = found.iter().filter(|line| !known.contains_key(line.as_str())).collect();
    let gone: Vec<&&str> = known.keys().filter(|line| !found.contains(**line)).collect();
    assert!(new.is_empty(), "options that native modules lack: {new:#?}");
    assert!(gone.is_empty(), "options that are said to be missing and are not: {gone:#?}");
    let expected: BTreeSet<String> = UNKNOWN.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(unknown, expected, "modules that the reference does not describe");
}
