//! Malformed playbooks: each gives an error with a place and a hint, never a panic.
#![expect(clippy::unwrap_used, reason = "what a test sets up must work")]

mod surroundings;

use rplay_diag::Sources;
use rplay_playbook::{Loader, Settings};
use surroundings::{Fixture, show};

/// What is printed for a playbook of this text; `also` are further files.
fn mistake_with(text: &str, also: &[(&str, &str)]) -> String {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in also.iter().chain(&[("site.yml", text)]) {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let sources = Sources::new();
    let loader = Loader::new(&Fixture, &sources, Settings::default());
    match loader.playbook(&folder.path().join("site.yml")) {
        Ok(_) => "no error".to_owned(),
        Err(error) => show(&error, &sources, folder.path()),
    }
}

/// As above, for the only task of a play.
fn task(text: &str) -> String {
    let indented = text.replace('\n', "\n      ");
    mistake_with(&format!("- hosts: all\n  tasks:\n    - {indented}\n"), &[])
}

fn play(text: &str) -> String {
    mistake_with(text, &[])
}

/// Heading, place and hint of each mistake.
#[test]
fn every_mistake_has_a_place_and_says_what_to_do() {
    let cases = [
        ("debugger", task("ping:\ndebugger: sometimes"), "is not a valid value for debugger", "site.yml:4:17"),
        ("no debugger", task("ping:\ndebugger: never"), "no error", ""),
        (
            "group of modules",
            task("ping:\nmodule_defaults: {group/k9s: {a: b}}"),
            "could not resolve the module_defaults group ansible.builtin.k9s",
            "site.yml:4:25",
        ),
        (
            "rescue of handlers",
            play("- hosts: all\n  handlers:\n    - block: [{ping: }]\n      rescue: [{ping: }]\n"),
            "`rescue` has no effect around handlers",
            "site.yml:4:7",
        ),
        ("not a list", play("hosts: all\n"), "A playbook must be a list of plays", "site.yml:1:1"),
        ("empty list", play("[]\n"), "at least one play", ""),
        ("empty", play(""), "Empty playbook", ""),
        ("text entry", play("- all\n"), "playbook entries must be either", "site.yml:1:3"),
        ("no hosts", play("- name: x\n  tasks: []\n"), "'hosts' is required", "site.yml:1:3"),
        ("empty hosts", play("- hosts:\n"), "Hosts list cannot be empty", "site.yml:1:3"),
        ("number host", play("- hosts: [1]\n"), "invalid host value: '1'", "site.yml:1:11"),
        ("mapping hosts", play("- hosts: {a: b}\n"), "must be a sequence or string", "site.yml:1:10"),
        ("play keyword", play("- hosts: all\n  task: []\n"), "did you mean `tasks`?", "site.yml:2:3"),
        ("module in play", play("- hosts: all\n  ping:\n"), "is a module", "site.yml:2:3"),
        ("task list", play("- hosts: all\n  tasks: {ping: x}\n"), "must hold a list of tasks", "site.yml:2:10"),
        (
            "task text",
            play("- hosts: all\n  tasks:\n    - copy:src=a dest=b\n"),
            "after the module's name",
            "site.yml:3:7",
        ),
        (
            "become",
            play("- hosts: all\n  become: maybe\n"),
            "keyword `become` takes a boolean, not text",
            "site.yml:2:11",
        ),
        ("serial ok", play("- hosts: all\n  serial: [1, '50%']\n"), "no error", ""),
        ("vars list ok", play("- hosts: all\n  vars: [{a: 1}, {b: 2}]\n"), "no error", ""),
        ("vars text", play("- hosts: all\n  vars: abc\n"), "vars of a play must be a mapping", "site.yml:2:9"),
        ("vars name", play("- hosts: all\n  vars: {a-b: 1}\n"), "Invalid variable name 'a-b'", "site.yml:2:10"),
        ("prompt", play("- hosts: all\n  vars_prompt: [{prompt: x}]\n"), "missing 'name' key", "site.yml:2:17"),
        (
            "prompt key",
            play("- hosts: all\n  vars_prompt: [{name: x, privat: no}]\n"),
            "did you mean `private`?",
            "site.yml:2:27",
        ),
        (
            "two users",
            play("- hosts: all\n  user: a\n  remote_user: b\n"),
            "both 'user' and 'remote_user'",
            "site.yml:1:3",
        ),
        ("roles text", play("- hosts: all\n  roles: web\n"), "`roles` takes a list of roles", "site.yml:2:10"),
        ("role nowhere", play("- hosts: all\n  roles: [web]\n"), "the role 'web' was not found in", "site.yml:2:11"),
        ("role without name", play("- hosts: all\n  roles: [{x: 1}]\n"), "must contain a role name", "site.yml:2:11"),
        ("old role", play("- hosts: all\n  roles: ['a,1.0']\n"), "Invalid old style role", "site.yml:2:11"),
        ("import nowhere", play("- import_playbook: no.yml\n"), "no.yml' on the Ansible Controller", "site.yml:1:20"),
        ("import undefined", play("- import_playbook: '{{ x }}.yml'\n"), "x is undefined", "site.yml:1:20"),
        ("import key", play("- import_playbook: a.yml\n  whne: x\n"), "did you mean `when`?", "site.yml:2:3"),
        ("import itself", play("- import_playbook: site.yml\n"), "imports itself", "site.yml:1:20"),
        ("no module", task("name: x\nwhen: true"), "no module/action detected", "site.yml:3:7"),
        ("unknown module", task("pign:"), "did you mean `ping`?", "site.yml:3:7"),
        ("unknown collection", task("a.b.c:"), "is the collection a.b installed?", "site.yml:3:7"),
        ("two modules", task("ping:\ncommand: ls"), "conflicting action statements: ping, command", "site.yml:4:7"),
        ("keyword", task("ping:\nwhne: x"), "did you mean the keyword `when`?", "site.yml:4:7"),
        ("indent", task("copy:\n  src: a\ndest: b"), "`dest` is an option of `copy`", "site.yml:5:7"),
        ("hosts in task", task("ping:\nhosts: all"), "belongs to a play", "site.yml:4:7"),
        ("action twice", task("action: ping\nlocal_action: ping"), "mutually exclusive", "site.yml:4:7"),
        ("action list", task("action: [ping]"), "unexpected parameter type in action: list", "site.yml:3:15"),
        ("args list", task("copy: [a]"), "unexpected parameter type in action: list", "site.yml:3:13"),
        ("args keyword", task("copy:\nargs: [a]"), "`args` keyword is invalid", "site.yml:4:13"),
        ("quotes", task("shell: echo 'a"), "unbalanced jinja2 block or quotes", "site.yml:3:14"),
        ("retries", task("ping:\nretries: many"), "`retries` takes an integer", "site.yml:4:16"),
        ("delay", task("ping:\ndelay: [1]"), "`delay` takes a number, not list", "site.yml:4:14"),
        ("name map", task("ping:\nregister: {a: b}"), "`register` takes a string, not mapping", "site.yml:4:17"),
        ("register", task("ping:\nregister: a-b"), "Invalid variable name 'a-b'", "site.yml:4:17"),
        ("when map", task("ping:\nwhen: {a: b}"), "`when` takes a condition", "site.yml:4:13"),
        ("tags map", task("ping:\ntags: {a: b}"), "`tags` takes a string or a list", "site.yml:4:13"),
        ("environment", task("ping:\nenvironment: 5"), "`environment` takes a mapping", "site.yml:4:20"),
        ("two loops", task("ping:\nloop: [1]\nwith_items: [2]"), "duplicate loop in task", "site.yml:5:7"),
        ("with", task("ping:\nwith_itmes: [2]"), "did you mean `with_items`?", "site.yml:4:7"),
        ("loop null", task("ping:\nloop:"), "must specify a value when using loop", "site.yml:4:7"),
        ("with null", task("ping:\nwith_items:"), "must specify a value when using with_items", "site.yml:4:7"),
        ("loop_control", task("ping:\nloop_control: x"), "`loop_control` takes a mapping", "site.yml:4:21"),
        ("loop_var", task("ping:\nloop_control: {loopvar: x}"), "did you mean `loop_var`?", "site.yml:4:22"),
        ("listen", task("ping:\nlisten: x"), "'listen' is not a valid attribute for a Task", "site.yml:4:7"),
        ("meta", task("meta: flush_handler"), "did you mean `flush_handlers`?", "site.yml:3:13"),
        ("end_role", task("meta: end_role"), "from outside of a role", "site.yml:3:13"),
        ("rescue alone", task("rescue: []"), "'rescue' keyword cannot be used without 'block'", "site.yml:3:7"),
        ("block loop", task("block: []\nloop: [1]"), "a block cannot have `loop`", "site.yml:4:7"),
        ("block module", task("block: []\nping:"), "`ping` is a module", "site.yml:4:7"),
        ("block keyword", task("block: []\nalwyas: []"), "did you mean `always`?", "site.yml:4:7"),
        ("include become", task("include_tasks: a.yml\nbecome: yes"), "write it below `apply:`", "site.yml:4:7"),
        (
            "include option",
            task("include_tasks: {file: a, fil: b}"),
            "Invalid options for include_tasks: fil",
            "site.yml",
        ),
        ("include nothing", task("include_tasks:"), "No file specified for include_tasks", "site.yml:3:7"),
        (
            "import loop",
            task("import_tasks: a.yml\nloop: [1]"),
            "You cannot use loops on 'import_tasks'",
            "site.yml:4:13",
        ),
        ("import file", task("import_tasks: a.yml"), "a.yml' on the Ansible Controller", "site.yml:3:21"),
        ("import fact", task("import_tasks: '{{ ansible_os }}.yml'"), "Static imports cannot use", "site.yml:3:21"),
        ("role name", task("include_role: {tasks_from: x}"), "'name' is a required field", "site.yml:3:7"),
        ("role option", task("include_role: {name: x, task_from: y}"), "did you mean `tasks_from`?", "site.yml"),
        (
            "role apply",
            task("import_role: {name: x, apply: {tags: a}}"),
            "Invalid options for import_role: apply",
            "site.yml",
        ),
        ("apply keyword", task("include_tasks: {file: x, apply: {tgas: a}}"), "did you mean `tags`?", "site.yml:3:40"),
        ("tab", play("- hosts: all\n\ttasks: []\n"), "error", "site.yml:2"),
    ];
    for (name, shown, message, place) in &cases {
        assert!(shown.contains(message), "{name}: expected `{message}` in\n{shown}");
        assert!(shown.contains(place), "{name}: expected place `{place}` in\n{shown}");
    }
    assert!(cases.len() > 60);
}

#[test]
fn mistakes_in_roles_and_imported_files() {
    let role = "- hosts: all\n  roles: [web]\n";
    let shown = mistake_with(role, &[("roles/web/tasks/main.yml", "- pign:\n")]);
    assert!(shown.contains("roles/web/tasks/main.yml:1:3") && shown.contains("did you mean `ping`?"), "{shown}");
    let shown = mistake_with(role, &[("roles/web/meta/main.yml", "dependencies: [{role: web}]\n")]);
    assert!(shown.contains("role web imports itself: web -> web"), "{shown}");
    let shown = mistake_with(role, &[("roles/web/vars/main.yml", "- a\n")]);
    assert!(shown.contains("must contain a dictionary of variables"), "{shown}");
    let shown = mistake_with(role, &[("roles/web/meta/main.yml", "dependancies: []\n")]);
    assert!(shown.contains("did you mean `dependencies`?"), "{shown}");
    let shown = mistake_with("- hosts: all\n  roles: [wbe]\n", &[("roles/web/tasks/main.yml", "")]);
    assert!(shown.contains("there is a role `web`"), "{shown}");
    let tasks = "- hosts: all\n  tasks:\n    - import_tasks: a.yml\n";
    let shown = mistake_with(tasks, &[("a.yml", "- import_tasks: b.yml\n"), ("b.yml", "- import_tasks: a.yml\n")]);
    assert!(shown.contains("imports itself") && shown.contains("use include_tasks"), "{shown}");
    let shown = mistake_with(tasks, &[("a.yml", "ping:\n")]);
    assert!(shown.contains("included task files must contain a list of tasks"), "{shown}");
    let shown = mistake_with(
        "- hosts: all\n  tasks:\n    - import_role: {name: web, tasks_from: mian}\n",
        &[("roles/web/tasks/main.yml", "")],
    );
    assert!(
        shown.contains("Could not find specified file in role: tasks/mian") && shown.contains("tasks/main"),
        "{shown}"
    );
    let shown = mistake_with("- hosts: all\n  handlers:\n    - block:\n        - block: []\n", &[]);
    assert!(shown.contains("Using a block as a handler is not supported"), "{shown}");
}

#[test]
fn an_error_is_drawn_with_its_source() {
    let shown = task("copy:\n  src: a\ndest: b");
    insta::assert_snapshot!(shown, @r"
    error: conflicting action statements: copy, dest
     --> site.yml:5:7
      |
    3 |     - copy:
      |       ---- the module
    4 |         src: a
    5 |       dest: b
      |       ^^^^ neither keyword nor module
      |
      = hint: `dest` is an option of `copy`: indent it below the module
    ");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(200))]
    /// Whatever stands in a task, there is a model or an error.
    #[test]
    fn nothing_panics(
        keys in proptest::collection::vec("(ping|when|with_items|block|include_tasks|import_role|action|loop_control|tags|x)", 1..4),
        value in "(a|1|~|\\[a\\]|\\{a: b\\}|'\\{\\{ a'|yes|\\[\\[a\\], \\{a: b\\}\\]|'a=b c=\"')",
    ) {
        let keys: std::collections::BTreeSet<String> = keys.into_iter().collect();
        let lines: Vec<String> = keys.iter().map(|key| format!("{key}: {value}")).collect();
        let _ = task(&lines.join("\n"));
    }
}
