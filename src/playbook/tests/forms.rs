//! Every spelling there is or was, and what it becomes.
#![expect(clippy::unwrap_used, clippy::panic, reason = "what a test sets up must work")]

mod surroundings;

use std::path::Path;
use std::sync::Arc;

use rplay_diag::Sources;
use rplay_playbook::{Context, Include, Item, Loader, LoopKind, Origin, Play, Settings, Task};
use rplay_value::Value;
use surroundings::{Fixture, show};

fn write(folder: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

fn plays(files: &[(&str, &str)]) -> (Vec<Arc<Play>>, usize) {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), files);
    let sources = Sources::new();
    let loader = Loader::new(&Fixture, &sources, Settings::default());
    let playbook = loader.playbook(&folder.path().join("site.yml"));
    let playbook = playbook.map_err(|error| show(&error, &sources, folder.path())).unwrap();
    (playbook.plays, loader.take_warnings().len())
}

fn task(text: &str) -> Arc<Task> {
    let text = format!("- hosts: all\n  tasks:\n    - {}\n", text.replace('\n', "\n      "));
    let (plays, _) = plays(&[("site.yml", &text)]);
    let Some(Item::Task(task)) = plays[0].tasks.first() else { panic!("no task") };
    Arc::clone(task)
}

/// Arguments as `name=value`, then the free form.
fn arguments(text: &str) -> String {
    let task = task(text);
    let options: Vec<String> =
        task.action.args.iter().map(|(k, v)| format!("{}={} ", k.to_str(), v.to_str())).collect();
    let options = options.concat();
    let free = task.action.free_form.as_deref().map(|free| format!("| {free}")).unwrap_or_default();
    format!(
        "{} {options}{free}{}",
        task.action.name,
        if task.action.spread.is_some() || task.action.raw_spread.is_some() { "*" } else { "" }
    )
}

#[test]
fn every_way_to_write_an_action() {
    for (text, expected) in [
        ("copy: src=a dest=\"b c\"", "copy src=a dest=b c "),
        ("copy: {src: a, dest: b}", "copy src=a dest=b "),
        ("copy: src=a\nargs: {dest: b, src: z}", "copy dest=b src=a "),
        ("action: copy src=a dest=b", "copy src=a dest=b "),
        ("action: {module: copy, src: a, args: {dest: b}}", "copy src=a dest=b "),
        ("action: {module: copy src=a, dest: b}", "copy dest=b src=a "),
        ("local_action: command ls -l creates=/x", "command creates=/x | ls -l"),
        ("shell: FOO=1 echo a=b warn=no chdir=/tmp", "shell warn=no chdir=/tmp | FOO=1 echo a=b"),
        ("command: ls\nargs: {chdir: /}", "command chdir=/ | ls"),
        ("command: true", "command | true"),
        ("copy: '{{ options }}'", "copy *"),
        ("copy:\nargs: '{{ options }}'", "copy *"),
        ("ansible.builtin.command: ls", "ansible.builtin.command | ls"),
        ("meta: flush_handlers", "meta | flush_handlers"),
        ("ping:", "ping "),
        ("action: '{{ x }} a=b'", "{{ x }} a=b "),
    ] {
        let got = arguments(text);
        assert!(got == expected || got.trim() == expected.trim() && !expected.contains('|'), "{text}: {got}");
    }
    assert_eq!(
        task("local_action: ping").common.delegate_to.as_ref().unwrap().constant().unwrap().as_str(),
        "localhost"
    );
}

#[test]
fn old_keywords_become_new_ones() {
    let (plays, warnings) = plays(&[(
        "site.yml",
        "- hosts: all\n  user: u\n  sudo: yes\n  sudo_user: s\n  vars: [{a: 1}, {a: 2, b: 3}]\n  tasks:\n    - ping:\n      su: yes\n      always_run: yes\n",
    )]);
    let common = &plays[0].common;
    assert_eq!(common.r#become.as_ref().unwrap().constant(), Some(&true));
    assert_eq!(common.become_user.as_ref().unwrap().constant().unwrap().as_str(), "s");
    assert_eq!(common.remote_user.as_ref().unwrap().constant().unwrap().as_str(), "u");
    assert_eq!(common.vars.get("a"), Some(&Value::Int(2)));
    let Item::Task(task) = &plays[0].tasks[0] else { panic!("no task") };
    assert_eq!(task.common.become_method.as_ref().unwrap().constant().unwrap().as_str(), "su");
    assert_eq!(task.common.check_mode.as_ref().unwrap().constant(), Some(&false));
    assert_eq!(warnings, 5);
}

#[test]
fn old_includes_are_static_where_they_can_be() {
    let site = "- hosts: all\n  tasks:\n    - include: a.yml x=1 y='two words'\n      when: x\n    - include: a.yml\n      z: 3\n    \
                - include: \"{{ name }}.yml q=1\"\n    - include: a.yml\n      with_items: [1]\n- include: more.yml v=1\n";
    let (plays, _) = plays(&[("site.yml", site), ("a.yml", "- ping:\n"), ("more.yml", "- hosts: b\n")]);
    let [Item::Block(first), Item::Block(second), Item::Task(third), Item::Task(fourth)] = plays[0].tasks.as_slice()
    else {
        panic!("{:?}", plays[0].tasks)
    };
    assert!(matches!(first.origin, Origin::ImportTasks(_)));
    assert_eq!(first.common.vars.get("y"), Some(&Value::from("two words")));
    assert_eq!(first.common.when.len(), 1);
    assert_eq!(second.common.vars.get("z"), Some(&Value::Int(3)));
    let Some(Include::Tasks { file, params, .. }) = &third.include else { panic!("not dynamic") };
    assert_eq!((file.as_str(), params.get("q")), ("{{ name }}.yml", Some(&Value::from("1"))));
    assert_eq!(fourth.loop_.as_ref().unwrap().kind, LoopKind::With("items".into()));
    assert_eq!(plays[1].common.vars.get("v"), Some(&Value::from("1")));
}

#[test]
fn the_outermost_import_wins() {
    let (plays, _) = plays(&[
        ("site.yml", "- import_playbook: b.yml\n  vars: {v: outer, o: 1}\n  when: one\n  tags: [x]\n"),
        ("b.yml", "- import_playbook: sub/c.yml\n  vars: {v: inner}\n  when: two\n"),
        ("sub/c.yml", "- hosts: all\n  vars: {v: play}\n  tasks: [{import_tasks: t.yml}]\n"),
        ("sub/t.yml", "- ping:\n"),
    ]);
    assert_eq!(plays[0].common.vars.get("v"), Some(&Value::from("outer")));
    let when: Vec<_> = plays[0].common.when.iter().map(|c| c.value.to_str().into_owned()).collect();
    assert_eq!(when, ["one", "two"]);
    assert_eq!(plays[0].common.tags.len(), 1);
}

#[test]
fn roles_with_everything() {
    let (plays, _) = plays(&[
        (
            "site.yml",
            "- hosts: all\n  roles:\n    - {role: web, size: 80, tags: [t], when: x}\n    - {role: web, size: 81}\n    - {role: web, size: 80, tags: [t], when: x}\n    - a/b\n",
        ),
        ("roles/web/defaults/main/1.yml", "d: 1\n"),
        ("roles/web/defaults/main/2.yml", "d: 2\ne: 3\n"),
        ("roles/web/vars/main.yaml", "v: 1\n"),
        ("roles/web/tasks/main.yml", "- import_tasks: sub/x.yml\n- import_role: {name: a/b, tasks_from: other}\n"),
        ("roles/web/tasks/sub/x.yml", "- import_tasks: y.yml\n"),
        ("roles/web/tasks/sub/y.yml", "- ping:\n"),
        ("roles/web/handlers/main.yml", "- name: h\n  ping:\n"),
        (
            "roles/web/meta/main.yml",
            "dependencies: [{role: dep, from: web}]\nallow_duplicates: yes\nargument_specs: {main: {options: {size: {type: int}}}}\n",
        ),
        ("roles/dep/handlers/main.yml", "- name: dh\n  ping:\n"),
        ("roles/a/b/tasks/main.yml", "- ping:\n"),
        ("roles/a/b/tasks/other.yml", "- ping:\n"),
        ("roles/a/b/handlers/main.yml", "- name: abh\n  ping:\n"),
    ]);
    let roles = &plays[0].roles;
    let web = &roles[0].role;
    assert_eq!(web.defaults.get("d"), Some(&Value::Int(2)));
    assert_eq!(web.params.get("size"), Some(&Value::Int(80)));
    assert!(web.allow_duplicates);
    assert_eq!((web.identity == roles[1].role.identity, web.identity == roles[2].role.identity), (false, true));
    let dependency = &roles[0].dependencies[0].role;
    assert_eq!((&*dependency.name, dependency.parent.as_ref().unwrap().name.as_ref()), ("dep", "web"));
    assert_eq!(dependency.params.get("from"), Some(&Value::from("web")));
    let Item::Task(check) = &roles[0].tasks[0] else { panic!("no validation") };
    assert_eq!(&*check.action.resolved, "ansible.builtin.validate_argument_spec");
    assert_eq!(roles[0].tasks.len(), 3);
    assert_eq!(roles[3].role.path.file_name().unwrap(), "b");
    let handlers: Vec<String> = plays[0]
        .all_handlers()
        .iter()
        .map(|item| match item {
            Item::Task(task) => task.title(None, true),
            Item::Block(_) => "block".to_owned(),
        })
        .collect();
    assert_eq!(&handlers[..3], ["dep : dh", "web : h", "a/b : abh"]);
    let names: Vec<_> = plays[0].static_vars().iter().filter_map(|layer| layer.get("e").cloned()).collect();
    assert_eq!(names.len(), 3);
}

#[test]
fn tasks_and_roles_are_loaded_at_run_time() {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        &[
            ("t/a.yml", "- include_tasks: b.yml\n- import_tasks: c.yml\n"),
            ("t/c.yml", "- ping:\n"),
            ("roles/r/tasks/x.yml", "- import_tasks: '{{ role_name }}.yml'\n"),
            ("roles/r/tasks/r.yml", "- ping:\n"),
        ],
    );
    let sources = Sources::new();
    let loader = Loader::new(&Fixture, &sources, Settings::default());
    let mut context = Context::default();
    context.playbook_dir = folder.path().to_owned();
    let included = loader.include_tasks("t/a.yml", None, &context).unwrap();
    assert_eq!(included.items.len(), 2);
    context.files.push(included.path);
    assert!(loader.include_tasks("c.yml", None, &context).is_ok());
    assert!(loader.include_tasks("d.yml", None, &context).is_err());
    let request = rplay_playbook::RoleRequest {
        name: "r".to_owned(),
        from: rplay_playbook::RoleFiles { tasks: Some("x".into()), ..Default::default() },
        vars: rplay_value::Map::new(),
        public: false,
        allow_duplicates: true,
        validate: true,
        span: None,
    };
    let used = loader.include_role(request, &context).unwrap();
    assert!(matches!(&used.tasks[0], Item::Block(block) if block.block.len() == 1));
}

#[test]
fn imports_of_playbooks_took_variables_until_2_18() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("other.yml"), "- hosts: all\n").unwrap();
    let play = "- import_playbook: other.yml key=\"{{ hostvars['a']['b c'] }}\" tags=one,two\n";
    std::fs::write(dir.path().join("site.yml"), play).unwrap();
    let load = |release: &str| {
        let sources = rplay_diag::Sources::new();
        let compat = release.parse().unwrap();
        let settings = rplay_playbook::Settings { compat, ..rplay_playbook::Settings::default() };
        rplay_playbook::Loader::new(&surroundings::Fixture, &sources, settings).playbook(&dir.path().join("site.yml"))
    };
    let playbook = load("2.16").unwrap();
    let common = &playbook.plays[0].common;
    assert_eq!(common.vars.get("key").and_then(rplay_value::Value::as_str), Some("{{ hostvars['a']['b c'] }}"));
    assert_eq!(common.tags.len(), 2);
    assert!(load("2.19").is_err());
}
