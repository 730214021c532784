//! Python plugins in whole runs: beside playbooks, in roles, in collections; their warnings and errors.

use crate::bed;

const FILTERS: &str = "from jinja2 import pass_context


def shout(text):
    return text.upper() + '!'


@pass_context
def where(context, name):
    return '{} on {}'.format(context['greeting'], context['inventory_hostname'])


def fail(text):
    raise ValueError('not ' + text)


class FilterModule:
    def filters(self):
        return {'shout': shout, 'where': where, 'fails': fail}
";

const ARGS: [&str; 5] = ["-i", "one,two", "-c", "local", "site.yml"];

/// The messages of a run's `debug` tasks.
fn messages(stdout: &str) -> Vec<String> {
    let lines = stdout.lines().filter_map(|line| line.trim().strip_prefix("\"msg\": "));
    lines.map(|text| text.trim_matches('"').to_owned()).collect()
}

#[test]
fn plugins_beside_a_playbook_and_in_roles_are_found() {
    let play = "- hosts: all
  gather_facts: false
  vars: {greeting: hello}
  tasks:
    - debug: {msg: \"{{ 'a' | shout }} {{ '' | where }} {{ 4 is even_number }} {{ lookup('mine', 'x') }}\"}
    - include_role: {name: late}
    - debug: {msg: \"{{ 'from the play' | of_role }}\"}
";
    let of_role =
        "class FilterModule:\n    def filters(self):\n        return {'of_role': lambda text: '<' + text + '>'}\n";
    let test = "class TestModule:\n    def tests(self):\n        return {'even_number': lambda n: n % 2 == 0}\n";
    let lookup = "from ansible.plugins.lookup import LookupBase\n\n\nclass LookupModule(LookupBase):\n    def run(self, terms, variables=None, **kwargs):\n        return [variables['greeting'] + ' ' + term for term in terms]\n";
    let ran = bed()
        .file("site.yml", play)
        .file("filter_plugins/ours.py", FILTERS)
        .file("test_plugins/ours.py", test)
        .file("lookup_plugins/mine.py", lookup)
        .file("roles/late/tasks/main.yml", "- debug: {msg: \"{{ 'in the role' | of_role }}\"}\n")
        .file("roles/late/filter_plugins/late.py", of_role)
        .rplay(&ARGS);
    assert_eq!(ran.code, 0, "{ran}");
    let first = |host: &str| format!("A! hello on {host} True hello x");
    let expected =
        [&first("one"), &first("two"), "<in the role>", "<in the role>", "<from the play>", "<from the play>"];
    assert_eq!(messages(&ran.stdout), expected);
}

#[test]
fn a_filter_of_an_adjacent_collection_is_found_by_its_full_name() {
    let filter =
        "class FilterModule:\n    def filters(self):\n        return {'wrap': lambda text: '[' + text + ']'}\n";
    let ran = bed()
        .file(
            "site.yml",
            "- hosts: all\n  gather_facts: false\n  tasks:\n    - debug: {msg: \"{{ 'x' | a.b.wrap }}\"}\n",
        )
        .file("collections/ansible_collections/a/b/plugins/filter/wrapping.py", filter)
        .rplay(&ARGS);
    assert_eq!(ran.code, 0, "{ran}");
    assert_eq!(messages(&ran.stdout), ["[x]", "[x]"]);
}

#[test]
fn a_failing_plugin_fails_the_task_and_a_broken_file_is_a_warning() {
    let play = "- hosts: all
  gather_facts: false
  tasks:
    - debug: {msg: \"{{ 'this' | fails }}\"}
      ignore_errors: true
    - debug: {msg: \"{{ 'a' | shout }}\"}
";
    let ran = bed()
        .file("site.yml", play)
        .file("filter_plugins/ours.py", FILTERS)
        .file("filter_plugins/broken.py", "import a_module_nobody_has\n")
        .rplay(&ARGS);
    assert_eq!(ran.code, 0, "{ran}");
    assert!(ran.stdout.contains("The filter plugin 'fails' failed: not this"), "{ran}");
    assert_eq!(messages(&ran.stdout), ["A!", "A!"]);
    assert_eq!(ran.stderr.matches("cannot load: No module named 'a_module_nobody_has'").count(), 1, "{ran}");
}

#[test]
fn a_run_that_needs_no_plugin_starts_no_python() {
    let play = "- hosts: all\n  gather_facts: false\n  tasks:\n    - debug: {msg: \"{{ 'a' | upper }}\"}\n";
    let bed = bed().file("site.yml", play).file("filter_plugins/ours.py", FILTERS);
    let ran = bed.env("RPLAY_PYTHON", "/nowhere/python3").rplay(&ARGS);
    assert_eq!((ran.code, messages(&ran.stdout)), (0, vec!["A".to_owned(); 2]), "{ran}");
}

#[test]
fn facts_are_kept_by_a_cache_plugin_in_python() {
    let plugin = "import json
import os

from ansible.plugins.cache import BaseCacheModule

DOCUMENTATION = '''
name: own
options:
  _uri:
    required: true
    env: [{name: ANSIBLE_CACHE_PLUGIN_CONNECTION}]
'''


class CacheModule(BaseCacheModule):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.folder = self.get_option('_uri')
        os.makedirs(self.folder, exist_ok=True)

    def _file(self, key):
        return os.path.join(self.folder, key)

    def get(self, key):
        with open(self._file(key)) as file:
            return json.load(file)

    def set(self, key, value):
        with open(self._file(key), 'w') as file:
            json.dump(value, file)

    def keys(self):
        return os.listdir(self.folder)

    def contains(self, key):
        return os.path.exists(self._file(key))

    def delete(self, key):
        os.remove(self._file(key))

    def flush(self):
        for key in self.keys():
            self.delete(key)
";
    let task = |text: &str| format!("- hosts: all\n  gather_facts: false\n  tasks:\n    - {text}\n");
    let bed = bed()
        .file("cache_plugins/own.py", plugin)
        .file("site.yml", &task("set_fact: {kept: 'of {{ inventory_hostname }}', cacheable: true}"))
        .file("again.yml", &task("debug: {msg: \"{{ kept | default('nothing') }}\"}"))
        .env("ANSIBLE_CACHE_PLUGIN", "own")
        .env("ANSIBLE_CACHE_PLUGIN_CONNECTION", "facts");
    let ran = bed.rplay(&ARGS);
    assert!(ran.code == 0 && ran.stderr.is_empty(), "{ran}");
    // In ansible-core's own envelope.
    assert_eq!(bed.read("facts/s1_one"), r#"{"__payload__": "{\"kept\": \"of one\"}"}"#);
    let again = |args: &[&str]| messages(&bed.rplay(&[&ARGS[..4], &["again.yml"], args].concat()).stdout);
    assert_eq!(again(&[]), ["of one", "of two"]);
    assert_eq!(again(&["--flush-cache"]), ["nothing", "nothing"]);
    let broken = bed.file("cache_plugins/own.py", "import not_there\n").rplay(&ARGS);
    assert!(broken.code == 0 && broken.stderr.contains("No module named 'not_there'"), "{broken}");
}

#[test]
fn vars_plugins_in_python_lie_beneath_the_files_of_their_folder() {
    let plugin = "from ansible.plugins.vars import BaseVarsPlugin


class VarsModule(BaseVarsPlugin):
    def get_vars(self, loader, path, entities):
        super().get_vars(loader, path, entities)
        found = {}
        for entity in entities:
            kind = type(entity).__name__.lower()
            found['told_' + kind] = entity.name
            found['over'] = kind + ' ' + entity.name
        return found
";
    let play = "- hosts: all\n  gather_facts: false\n  tasks:\n    - debug: {msg: \"{{ told_host }} {{ told_group }} {{ over }} {{ of_file }} {{ off | default('off') }}\"}\n";
    let needs = plugin.replace(
        "class VarsModule(BaseVarsPlugin):\n",
        "class VarsModule(BaseVarsPlugin):\n    REQUIRES_ENABLED = True\n\n",
    );
    let bed = bed()
        .file("vars_plugins/own.py", plugin)
        .file("vars_plugins/needs.py", &needs.replace("'told_' + kind", "'off'"))
        .file("hosts", "[web]\none ansible_connection=local\n")
        .file("host_vars/one", "over: file\nof_file: there\n")
        .file("site.yml", play);
    let run = |bed: &rplay_testkit::TestBed| {
        let ran = bed.rplay(&["-i", "hosts", "site.yml"]);
        assert_eq!(ran.code, 0, "{ran}");
        messages(&ran.stdout)
    };
    assert_eq!(run(&bed), ["one web file there off"]);
    assert_eq!(run(&bed.env("ANSIBLE_VARS_ENABLED", "host_group_vars,needs")), ["one web file there one"]);
}
