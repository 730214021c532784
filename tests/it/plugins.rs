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
