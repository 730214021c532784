//! `rplay inventory` prints what ansible-inventory prints: compared with what `fixtures/inventory/record` recorded.

use std::path::PathBuf;

use rplay_testkit::TestBed;

use crate::{bed, copy};

fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/inventory")
}

/// A bed with the recorded inventories in it.
fn inventories() -> TestBed {
    let bed = bed();
    copy(&fixtures(), bed.path());
    bed.env("ANSIBLE_TRANSFORM_INVALID_GROUP_CHARS", "ignore")
}

#[test]
fn every_form_is_ansible_inventory_s() {
    let bed = inventories();
    let mut wrong = Vec::new();
    for (name, source) in [("plain", "plain/hosts"), ("yamlinv", "yamlinv/hosts.yml"), ("vars", "vars/hosts")] {
        for (ending, how) in [
            ("list", &["--list"][..]),
            ("export", &["--list", "--export"]),
            ("graph", &["--graph"]),
            ("yaml", &["--list", "--yaml"]),
            ("graphvars", &["--graph", "--vars"]),
        ] {
            // Anchors for lists that Python shares between hosts: see COMPATIBILITY.md.
            if (name, ending) == ("plain", "yaml") {
                continue;
            }
            let ran = bed.rplay(&[&["inventory", "-i", source], how].concat());
            let recorded = fs_err::read_to_string(fixtures().join(format!("{name}.{ending}"))).unwrap();
            if ran.stdout.trim_end() != recorded.trim_end() {
                wrong.push(format!("== {name}.{ending}\n{ran}\n--- recorded ---\n{recorded}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A bed whose inventory plugin in Python is `plugin/inventory_plugins/ours.py`.
fn plugins() -> TestBed {
    inventories().env("ANSIBLE_INVENTORY_PLUGINS", "plugin/inventory_plugins")
}

#[test]
fn a_plugin_in_python_does_to_the_inventory_what_it_does_to_ansible_s() {
    let bed = plugins();
    for (ending, how) in [("list", &["--list"][..]), ("graph", &["--graph"]), ("graphvars", &["--graph", "--vars"])] {
        let ran = bed.rplay(&[&["inventory", "-i", "plain/hosts", "-i", "plugin/ours.yml"], how].concat());
        let recorded = fs_err::read_to_string(fixtures().join(format!("plugin.{ending}"))).unwrap();
        assert_eq!(ran.stdout.trim_end(), recorded.trim_end(), "{ending}: {ran}");
    }
}

#[test]
fn a_plugin_in_python_that_fails_says_why() {
    let bed = plugins()
        .file("empty/ours.yml", "plugin: ours\nmachines: {}\n")
        .file("less/ours.yml", "plugin: ours\n")
        .file("strict/ours.yml", "plugin: ours\nmachines: {a: }\nstrict: true\ncompose: {b: not_there}\n")
        .file("wrong.yml", "plugin: ours\nmachines: {a: }\n");
    for (source, said) in [
        ("empty/ours.yml", "there are no machines"),
        ("less/ours.yml", "Required config 'machines' for 'ours' inventory plugin not provided."),
        ("strict/ours.yml", "Could not set b for host a: 'not_there' is undefined"),
        ("wrong.yml", "could not be verified by inventory plugin 'ours'"),
    ] {
        let ran = bed.rplay(&["inventory", "-i", source, "--graph"]);
        assert!(ran.stderr.contains(said), "{source}: {ran}");
        // A run does not go on without its hosts.
        let ran = bed.rplay(&["adhoc", "-i", source, "all", "-m", "ping"]);
        assert!(ran.code == 1 && ran.stderr.contains(said), "{source}: {ran}");
    }
}

#[test]
fn what_a_plugin_in_python_keeps_is_there_in_the_next_run() {
    let plugin = "from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable

DOCUMENTATION = '''
name: kept
options: {plugin: {required: true}}
extends_documentation_fragment: [inventory_cache]
'''


class InventoryModule(BaseInventoryPlugin, Cacheable):
    NAME = 'kept'

    def parse(self, inventory, loader, path, cache=True):
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        key = self.get_cache_key(path)
        name = self.cache.get(key) if cache else None
        if name is None:
            name = self.cache[key] = 'fresh-' + str(id(self))
        inventory.add_host(name, 'all')
";
    let bed = bed()
        .file("inventory_plugins/kept.py", plugin)
        .file("kept.yml", "plugin: kept\ncache: true\ncache_plugin: jsonfile\ncache_connection: ./cache\n");
    let ask = || bed.rplay(&["inventory", "-i", "kept.yml", "--graph"]).stdout;
    let first = ask();
    assert!(first.contains("fresh-"), "{first}");
    assert_eq!(ask(), first);
}

#[test]
fn sources_that_say_nothing_end_a_run_as_the_settings_have_it() {
    let bed = bed().file("hosts", "a ansible_connection=local\n");
    let ping =
        |bed: &TestBed, sources: &[&str]| bed.rplay(&[&["adhoc", "localhost", "-m", "ping"], sources].concat()).code;
    let (missing, both) = (["-i", "/not/there"], ["-i", "/not/there", "-i", "hosts"]);
    assert_eq!((ping(&bed, &missing), ping(&bed, &both)), (1, 0));
    let bed = bed.env("ANSIBLE_INVENTORY_UNPARSED_FAILED", "false");
    assert_eq!((ping(&bed, &missing), ping(&bed, &both)), (0, 0));
    let bed = bed.env("ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED", "true");
    assert_eq!((ping(&bed, &missing), ping(&bed, &both)), (1, 1));
}

#[test]
fn keys_that_are_numbers_are_texts_in_json() {
    let bed = bed().file("inv.yml", "all: {hosts: {a: {x: {b: 1, 0: 2, true: 3}}}}\n");
    let ran = bed.rplay(&["inventory", "-i", "inv.yml", "--host", "a"]);
    assert_eq!(ran.stdout.split_whitespace().collect::<String>(), r#"{"x":{"0":2,"b":1,"true":3}}"#, "{ran}");
}

#[test]
fn the_controller_is_known_when_no_source_names_it() {
    let bed = bed().file("hosts", "a\n");
    let ran = bed.rplay(&["inventory", "-i", "hosts", "--host", "localhost"]);
    assert!(ran.code == 0 && ran.stdout.contains(r#""ansible_connection": "local""#), "{ran}");
    let ran = bed.rplay(&["inventory", "-i", "hosts", "--host", "b"]);
    assert!(ran.stderr.contains("Could not match supplied host pattern, ignoring: b"), "{ran}");
}

#[test]
fn a_config_file_can_be_named() {
    let bed = bed().file("own.cfg", "[defaults]\nremote_user = admin\n").file("own", "");
    let ask = |args: &[&str]| bed.rplay(&[&["config"], args].concat());
    assert_eq!(ask(&["view", "-c", "own.cfg"]).stdout, "[defaults]\nremote_user = admin\n");
    assert!(ask(&["dump", "-c", "own.cfg"]).stdout.contains("own.cfg) = admin\n"));
    let missing = ask(&["view", "-c", "not_there.cfg"]);
    assert!(missing.stderr.contains("The provided configuration file is missing or not accessible: not_there.cfg"));
    assert!(ask(&["view", "-c", "own"]).stderr.contains("Unsupported configuration file extension"));
}

#[test]
fn hosts_limits_extra_variables_and_files() {
    let bed = inventories();
    let ask = |args: &[&str]| bed.rplay(&[&["inventory", "-i", "vars/hosts"], args].concat());
    insta::assert_snapshot!("host", ask(&["--host", "h1", "-e", "given=1"]));
    insta::assert_snapshot!("host_export", ask(&["--host", "h1", "--export", "--yaml"]));
    insta::assert_snapshot!("limited", ask(&["--list", "--yaml", "-l", "h2"]));
    let ran = ask(&["--list", "--output", "out.json"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""));
    let recorded = fs_err::read_to_string(fixtures().join("vars.list")).unwrap();
    assert_eq!(bed.read("out.json").trim_end(), recorded.trim_end());
}

#[test]
fn what_is_not_there_is_told_with_the_nearest() {
    let bed = inventories();
    insta::assert_snapshot!("no_action", bed.rplay(&["inventory", "-i", "vars/hosts"]));
    insta::assert_snapshot!("unknown_host", bed.rplay(&["inventory", "-i", "vars/hosts", "--host", "h11"]));
    insta::assert_snapshot!("unknown_group", bed.rplay(&["inventory", "-i", "vars/hosts", "--graph", "wbe"]));
}
