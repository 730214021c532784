//! The facts of this machine against what ansible-core 2.19.14's `setup` returned on Debian 12: the same names, the same
//! types. `debian12.json` was recorded from it: `text`, `int`, ..., `text?` where null is as good, `*` for any key.

use rplay_value::{Map, Value};

use super::{Request, gather};
use crate::{Context, Real};

/// Facts a machine may lack without anything being wrong: no Python, no IPv6, other host keys, other interfaces.
const DEPENDS_ON_MACHINE: &[&str] = &[
    "ansible_python",
    "ansible_python_version",
    "ansible_eth0",
    "ansible_lo",
    "ansible_default_ipv4",
    "ansible_default_ipv6",
    "ansible_mounts",
    "ansible_devices",
    "ansible_lsb",
    "ansible_machine_id",
    "ansible_ssh_host_key_",
    "ansible_system_capabilities",
    "ansible_lvm",
    "ansible_uptime_seconds",
    "ansible_flags",
];

fn compare(path: &str, expected: &Value, found: &Value, differences: &mut Vec<String>) {
    let kind = match found {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Int(_) | Value::Big(_) => "int",
        Value::Float(_) => "float",
        Value::List(_) => "list",
        Value::Map(_) => "map",
        _ => "text",
    };
    match (expected, found) {
        (Value::Map(expected), Value::Map(found)) => {
            if let Some(shape) = expected.get("*") {
                found.texts().for_each(|(key, value)| compare(&format!("{path}.{key}"), shape, value, differences));
                return;
            }
            for (key, shape) in expected.texts() {
                match found.get(key) {
                    Some(value) => compare(&format!("{path}.{key}"), shape, value, differences),
                    None => differences.push(format!("{path}.{key} is missing")),
                }
            }
        }
        (Value::List(expected), Value::List(found)) => {
            found.iter().for_each(|value| compare(&format!("{path}[]"), &expected[0], value, differences));
        }
        (Value::Text(shape), _) => {
            let optional = shape.as_str().strip_suffix('?');
            let fits = optional.unwrap_or(shape.as_str()) == kind || optional.is_some() && kind == "null";
            if !fits {
                differences.push(format!("{path} is {kind}, not {}", shape.as_str()));
            }
        }
        _ => differences.push(format!("{path} is {kind}")),
    }
}

#[test]
fn names_and_types_are_ansibles() {
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    if !release.contains("ID=debian") || !release.contains("VERSION_ID=\"12\"") {
        return;
    }
    let expected: Map = serde_json::from_str(include_str!("debian12.json")).unwrap();
    let (sys, call) = (Real::default(), rplay_protocol::Call::default());
    let cx = Context::new(&sys, &call);
    let request = Request { subset: vec!["all"], filter: Vec::new(), timeout: 10, fact_path: "/etc/ansible/facts.d" };
    let (found, _) = gather(&cx, &request).unwrap();
    let mut differences = Vec::new();
    for (name, shape) in expected.texts() {
        match found.get(name) {
            Some(value) => compare(name, shape, value, &mut differences),
            None => differences.push(format!("{} is missing", name.as_str())),
        }
    }
    differences.retain(|line| !DEPENDS_ON_MACHINE.iter().any(|name| line.starts_with(name)));
    assert_eq!(differences, Vec::<String>::new());
    // And nothing Ansible does not know, but one fact per interface.
    let interfaces = found.get("ansible_interfaces").unwrap().as_list().unwrap().clone();
    let is_interface =
        |name: &str| interfaces.iter().any(|i| i.as_str().is_some_and(|i| name == format!("ansible_{i}")));
    let varies =
        ["ansible_systemd", "ansible_ssh_host_key_", "ansible_distribution_file_search_string", "facter_", "ohai_"];
    let unknown: Vec<&str> = found
        .texts()
        .map(|(name, _)| name.as_str())
        .filter(|name| {
            !expected.contains(name) && !is_interface(name) && !varies.iter().any(|known| name.starts_with(known))
        })
        .collect();
    assert_eq!(unknown, Vec::<&str>::new());
}
