//! Runs that go on: after a failure, after `kill -9` at any moment, and what keeps a run from going on.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rplay_testkit::{Ran, TestBed};

use crate::bed;

/// The lines of `PLAY RECAP`.
fn recap(stdout: &str) -> Vec<String> {
    let lines = stdout.lines().skip_while(|line| !line.starts_with("PLAY RECAP")).skip(1);
    lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).filter(|line| !line.is_empty()).collect()
}

/// Every file below a folder with its content.
fn tree(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(at) = folders.pop() {
        for entry in fs_err::read_dir(&at).into_iter().flatten().filter_map(Result::ok) {
            let path: PathBuf = entry.path();
            let name = path.strip_prefix(folder).unwrap().display().to_string();
            if path.is_dir() {
                folders.push(path);
                found.insert(name, String::new());
            } else {
                found.insert(name, fs_err::read_to_string(&path).unwrap());
            }
        }
    }
    found
}

fn journals(bed: &TestBed) -> Vec<PathBuf> {
    let entries = fs_err::read_dir(bed.join(".local/state/rplay/runs")).into_iter().flatten();
    entries.filter_map(Result::ok).map(|entry| entry.path()).collect()
}

const LOCAL: [&str; 4] = ["-c", "local", "-i", "hosts"];

/// A role as people write them: packages, users, services and their files, made of what any machine has. Commands that
/// add to a file would show if something that is done were done again.
fn roles(bed: TestBed) -> TestBed {
    bed.file("hosts", "[web]\nweb1\nweb2\nweb3\n[db]\ndb1\n")
        .file("files.yml", "settings: {port: 8080, workers: 4}\n")
        .file(
            "roles/web/tasks/main.yml",
            "
            - file: {path: '{{ out }}/{{ inventory_hostname }}', state: directory, mode: '0755'}
            - name: a token that is another one each time
              set_fact: {token: \"{{ lookup('password', '/dev/null length=12 chars=ascii_letters') }}\", cacheable: true}
            - copy: {content: '{{ token }}', dest: '{{ out }}/{{ inventory_hostname }}/token'}
              notify: reload
            - name: settings
              copy: {content: '{{ item }} {{ index }}', dest: '{{ out }}/{{ inventory_hostname }}/{{ item }}'}
              loop: [main, sites, logs, tls]
              loop_control: {index_var: index}
              register: written
              notify: [reload, restart]
            - command: echo {{ item.item }}
              loop: \"{{ written.results }}\"
              loop_control: {label: '{{ item.item }}'}
              register: said
              changed_when: item.changed
            - include_tasks: site.yml
              loop: [alpha, beta]
              loop_control: {loop_var: site}
            - name: only the first host says which release it is
              command: echo r7
              run_once: true
              register: release
              delegate_to: db1
            - copy: {content: '{{ release.stdout }}', dest: '{{ out }}/{{ inventory_hostname }}/release'}
            - meta: flush_handlers
            - copy: {content: \"{{ said.results | map(attribute='stdout') | join(',') }} {{ token }}\", dest: '{{ out }}/{{ inventory_hostname }}/summary'}
            ",
        )
        .file(
            "roles/web/tasks/site.yml",
            "
            - copy: {content: '{{ site }} on {{ port | default(80) }}', dest: '{{ out }}/{{ inventory_hostname }}/{{ site }}.site'}
              notify: restart
            - include_tasks: '{{ site }}.yml'
            ",
        )
        .file("roles/web/tasks/alpha.yml", "- set_fact: {port: 8080}\n- command: 'true'\n  changed_when: false\n")
        .file("roles/web/tasks/beta.yml", "- debug: {msg: 'beta of {{ inventory_hostname }} {{ port }}'}\n")
        .file(
            "roles/web/handlers/main.yml",
            "
            - name: restart
              copy: {content: 'restarted', dest: '{{ out }}/{{ inventory_hostname }}/restarted'}
            - name: reload
              include_tasks: reload.yml
            ",
        )
        .file(
            "roles/web/handlers/reload.yml",
            "- copy: {content: 'reloaded', dest: '{{ out }}/{{ inventory_hostname }}/reloaded'}\n",
        )
        .file(
            "roles/db/tasks/main.yml",
            "
            - file: {path: '{{ out }}/{{ inventory_hostname }}', state: directory}
            - block:
                - include_vars: files.yml
                - name: the migration that does not work
                  command: test -e {{ out }}/no/such/migration
                - command: 'echo never'
              rescue:
                - set_fact: {migrated: false, why: '{{ ansible_failed_task.name }}'}
                - copy: {content: '{{ why }}: {{ ansible_failed_result.rc }} {{ settings.port }}', dest: '{{ out }}/{{ inventory_hostname }}/rescued'}
                  notify: dump
              always:
                - copy: {content: 'always', dest: '{{ out }}/{{ inventory_hostname }}/always'}
            - command: 'false'
              ignore_errors: true
              register: bad
            - add_host: {name: replica, groups: [replicas], ansible_connection: local, origin: '{{ inventory_hostname }}'}
            - group_by: {key: 'migrated_{{ migrated }}'}
            - include_role: {name: common, tasks_from: extra}
              vars: {what: '{{ bad.rc }}'}
              when: not migrated
            - meta: end_host
              when: inventory_hostname == 'nobody'
            - set_stats: {data: {hosts: 1}, per_host: true}
            ",
        )
        .file(
            "roles/db/handlers/main.yml",
            "- name: dump\n  copy: {content: 'dump', dest: '{{ out }}/{{ inventory_hostname }}/dump'}\n",
        )
        .file("roles/db/files/.keep", "")
        .file("roles/db/vars/files.yml", "settings: {port: 5432}\n")
        .file("roles/common/tasks/main.yml", "- file: {path: '{{ out }}/{{ inventory_hostname }}', state: directory}\n")
        .file(
            "roles/common/tasks/extra.yml",
            "
            - stat: {path: '{{ out }}'}
              register: there
            - copy: {content: '{{ what }} {{ there.stat.isdir }} {{ origin | default(\"none\") }}', dest: '{{ out }}/{{ inventory_hostname }}/extra'}
              when: there.stat.exists
            - name: not needed
              fail: {msg: never}
              when: false
            ",
        )
        .file(
            "site.yml",
            "
            - hosts: web
              serial: [1, 2]
              gather_facts: true
              vars: {out: '{{ playbook_dir }}/out'}
              roles: [web]
              post_tasks:
                - copy: {content: '{{ ansible_play_batch | join(\",\") }} {{ ansible_facts.system }}', dest: '{{ out }}/{{ inventory_hostname }}/batch'}
            - hosts: db
              gather_facts: false
              vars: {out: '{{ playbook_dir }}/out'}
              roles: [db]
            - hosts: web:db:replicas
              gather_facts: false
              strategy: free
              vars: {out: '{{ playbook_dir }}/out'}
              roles: [{role: common}]
              tasks:
                - include_role: {name: common, tasks_from: extra}
                  vars: {what: '{{ token | default(\"-\") | length }}'}
                - copy: {content: '{{ groups.migrated_False | default([]) | join }}', dest: '{{ out }}/{{ inventory_hostname }}/groups'}
                - command: sleep 0.02
                  changed_when: false
            ",
        )
}

/// What is random in the trees, each place of it by what it is: a token is the same wherever its host wrote it.
fn comparable(bed: &TestBed) -> BTreeMap<String, String> {
    let mut files = tree(&bed.join("out"));
    for host in ["web1", "web2", "web3"] {
        let token = files.get(&format!("{host}/token")).cloned().unwrap_or_default();
        assert_eq!(token.len(), 12, "{host} has a token");
        for (_, content) in files.iter_mut().filter(|(name, _)| name.starts_with(host)) {
            *content = content.replace(&token, "[TOKEN]");
        }
    }
    files
}

/// A few numbers that look random and are the same on every machine.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// Runs until the journal has so many lines, then kills. False when the run was through before.
fn killed_at(bed: &TestBed, args: &[&str], lines: usize) -> bool {
    let mut child =
        bed.command(args).stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
    let start = Instant::now();
    loop {
        let written = journals(bed)
            .first()
            .map(|path| String::from_utf8_lossy(&fs_err::read(path).unwrap_or_default()).matches('\n').count());
        if written.is_some_and(|written| written >= lines) {
            // What is killed here is the test's own child.
            child.kill().unwrap();
            let _ = child.wait().unwrap();
            return !fs_err::read_to_string(&journals(bed)[0]).unwrap().contains("{\"end\":");
        }
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        assert!(start.elapsed() < Duration::from_mins(1), "the run comes to an end");
        std::thread::sleep(Duration::from_micros(500));
    }
}

fn good(ran: &Ran) {
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
}

#[test]
fn killed_at_twenty_points_the_run_goes_on_and_ends_as_if_unbroken() {
    let args = [&["site.yml"][..], &LOCAL, &["--forks", "3"]].concat();
    let whole = roles(bed());
    let unbroken = whole.rplay(&args);
    good(&unbroken);
    let (tree_then, recap_then) = (comparable(&whole), recap(&unbroken.stdout));
    assert!(tree_then.len() > 40 && recap_then.len() == 5, "{recap_then:?}");
    let lines = fs_err::read_to_string(&journals(&whole)[0]).unwrap().lines().count() as u64;

    let mut numbers = Numbers(0x5eed_4711);
    let mut kills = 0;
    for _ in 0..20 {
        let bed = roles(bed());
        let at = 1 + numbers.below(lines - 2) as usize;
        if !killed_at(&bed, &args, at) {
            continue;
        }
        kills += 1;
        // Some are killed once more while they go on.
        if numbers.below(3) == 0 {
            let more = at + 1 + numbers.below(12) as usize;
            killed_at(&bed, &["resume"], more);
        }
        let ran = bed.rplay(&["resume"]);
        if ran.code == 1 && ran.stderr.contains("there is no run to go on with") {
            continue;
        }
        good(&ran);
        assert_eq!(recap(&ran.stdout), recap_then, "killed at line {at} of {lines}:\n{}", ran.stdout);
        assert_eq!(comparable(&bed), tree_then, "killed at line {at} of {lines}");
        assert!(bed.rplay(&["runs"]).stdout.contains("finished"));
    }
    assert!(kills >= 15, "{kills} runs were killed");
}

/// The one journal of a test's run.
fn journal(bed: &TestBed) -> String {
    let found = journals(bed);
    assert_eq!(found.len(), 1, "{found:?}");
    fs_err::read_to_string(&found[0]).unwrap()
}

#[test]
fn after_a_failure_the_failed_task_runs_again_and_others_go_on_from_where_they_were() {
    let bed = bed().file("hosts", "one\ntwo\n").file(
        "site.yml",
        "
        - hosts: all
          gather_facts: false
          tasks:
            - shell: echo {{ inventory_hostname }} first >> log
            - name: what fails on one
              shell: test -e fixed || test {{ inventory_hostname }} = two
              notify: told
            - shell: echo {{ inventory_hostname }} second >> log
          handlers:
            - name: told
              shell: echo {{ inventory_hostname }} told >> log
        - hosts: all
          gather_facts: false
          tasks:
            - shell: echo {{ inventory_hostname }} third >> log
        ",
    );
    let args = [&["site.yml"][..], &LOCAL, &["--forks", "1"]].concat();
    let failed = bed.rplay(&args);
    assert_eq!(failed.code, 2, "{}", failed.stdout);
    assert_eq!(bed.read("log"), "one first\ntwo first\ntwo second\ntwo told\ntwo third\n");
    let listed = bed.rplay(&["runs"]).stdout;
    assert!(listed.contains("failed") && listed.contains("site.yml"), "{listed}");

    // The cause is still there.
    let again = bed.rplay(&["resume"]);
    assert_eq!(again.code, 2, "{}{}", again.stdout, again.stderr);
    assert_eq!(recap(&again.stdout), recap(&failed.stdout));
    let bed = bed.file("fixed", "");
    let ran = bed.rplay(&["resume", "--output", "oneline"]);
    good(&ran);
    assert_eq!(
        bed.read("log"),
        "one first\ntwo first\ntwo second\ntwo told\ntwo third\none second\none told\none third\n"
    );
    assert!(!ran.stdout.contains("two |"), "what is done is not shown again: {}", ran.stdout);
    let document: serde_json::Value =
        serde_json::from_str(&bed.rplay(&["runs", "show", "2", "--json"]).stdout).unwrap();
    assert_eq!(document["state"], "finished");
    assert_eq!(document["recap"]["hosts"]["one"]["ok"], 5);
    assert_eq!(document["recap"]["hosts"]["two"], document["recap"]["hosts"]["one"]);
    assert_eq!(document["resumed"].as_array().unwrap().len(), 2);

    let ended = bed.rplay(&["resume", "2"]);
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.contains("has finished: nothing is left to do"), "{}", ended.stderr);
    assert!(bed.rplay(&["resume"]).stderr.contains("there is no run to go on with"));
    assert_eq!(bed.rplay(&["runs", "rm", "2"]).code, 0);
    assert!(journals(&bed).is_empty());
}

#[test]
fn changed_files_are_named_and_may_be_gone_on_with() {
    let tasks = "
        - hosts: localhost
          gather_facts: false
          tasks:
            - {name: first, shell: echo first >> log}
            - include_tasks: more.yml
            - {name: last, shell: echo last >> log}
        ";
    let bed = bed().file("site.yml", tasks).file("more.yml", "- {name: inside, shell: echo inside >> log; false}\n");
    assert_eq!(bed.rplay(&["site.yml"]).code, 2);
    let bed =
        bed.file("more.yml", "- {name: new, shell: echo new >> log}\n- {name: inside, shell: echo right >> log}\n");
    let refused = bed.rplay(&["resume"]);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("more.yml` changed since the run"), "{}", refused.stderr);
    assert!(refused.stderr.contains("--changed-files") && !refused.stderr.contains("site.yml`"), "{}", refused.stderr);
    good(&bed.rplay(&["resume", "--changed-files"]));
    assert_eq!(bed.read("log"), "first\ninside\nnew\nright\nlast\n");
}

#[test]
fn a_torn_last_line_is_left_out_and_any_other_broken_line_is_named() {
    let bed = bed().file(
        "site.yml",
        "
        - hosts: localhost
          gather_facts: false
          tasks:
            - shell: echo one >> log
            - shell: echo two >> log
            - command: test -e fixed
        ",
    );
    assert_eq!(bed.rplay(&["site.yml"]).code, 2);
    let path = journals(&bed)[0].clone();
    let text = journal(&bed);
    // As if killed in the middle of the line of the second result.
    let second = text.lines().filter(|line| line.starts_with("{\"ran\"")).nth(1).unwrap();
    let at = text.find(second).unwrap();
    fs_err::write(&path, &text[..at + second.len() / 2]).unwrap();
    let bed = bed.file("fixed", "");
    good(&bed.rplay(&["resume"]));
    assert_eq!(bed.read("log"), "one\ntwo\ntwo\n", "the task whose result was torn ran again, the one before did not");
    let whole = journal(&bed);
    assert!(whole.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()), "{whole}");

    fs_err::write(&path, whole.replacen("{\"task\":", "{\"tusk\":", 1)).unwrap();
    let broken = bed.rplay(&["runs", "show", "2"]);
    assert!(broken.stderr.contains("of the journal") && broken.stderr.contains("is broken"), "{}", broken.stderr);
}

#[test]
fn a_run_is_gone_on_with_once_at_a_time() {
    let bed = bed().file(
        "site.yml",
        "
        - hosts: localhost
          gather_facts: false
          tasks:
            - shell: echo one >> log
            - shell: echo two >> log; test -e fixed && sleep 3
        ",
    );
    assert_eq!(bed.rplay(&["site.yml"]).code, 2);
    let bed = bed.file("fixed", "");
    let mut first = bed.command(&["resume"]).stdout(std::process::Stdio::null()).spawn().unwrap();
    let start = Instant::now();
    while bed.read("log") != "one\ntwo\ntwo\n" {
        assert!(start.elapsed() < Duration::from_secs(30));
        std::thread::sleep(Duration::from_millis(10));
    }
    let name = journals(&bed)[0].file_stem().unwrap().to_string_lossy().into_owned();
    let second = bed.rplay(&["resume", &name]);
    assert_eq!(second.code, 1);
    assert!(second.stderr.contains("is running"), "{}", second.stderr);
    assert!(bed.rplay(&["runs"]).stdout.contains("running"));
    assert_eq!(bed.rplay(&["runs", "rm", &name]).code, 1);
    assert!(first.wait().unwrap().success());
    assert_eq!(bed.read("log"), "one\ntwo\ntwo\n");
}

const SECRETS: &str = "
    - hosts: localhost
      gather_facts: false
      tasks:
        - shell: echo counted >> log; echo hidden-4711
          no_log: true
          register: said
        - shell: echo again >> log; echo {{ item }}
          no_log: true
          loop: [hidden-4712]
        - set_fact: {kept: '{{ said.stdout }}!'}
          no_log: true
        - command: test -e fixed
        - copy: {content: '{{ kept }}', dest: out, mode: '0600'}
          no_log: true
    ";

#[test]
fn what_no_log_covers_is_sealed_with_the_vault_password_or_had_again() {
    let bed = bed().file("site.yml", SECRETS);
    assert_eq!(bed.rplay(&["site.yml"]).code, 2);
    assert!(!journal(&bed).contains("hidden-471"), "{}", journal(&bed));
    let open = bed.file("fixed", "");
    let ran = open.rplay(&["resume"]);
    good(&ran);
    assert_eq!(open.read("out"), "hidden-4711!");
    // The registered one is needed and runs again, the other does not.
    assert_eq!(open.read("log"), "counted\nagain\ncounted\n");
    assert_eq!(
        recap(&ran.stdout)[0],
        "localhost : ok=5 changed=4 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0"
    );

    let bed = super::bed().file("site.yml", SECRETS).file("pw", "vault-4711");
    let failed = bed.rplay(&["site.yml", "--vault-password-file", "pw", "-e", "db_password=hidden-4713 x=1"]);
    assert_eq!(failed.code, 2);
    let text = journal(&bed);
    assert!(!text.contains("hidden-471") && !text.contains("vault-4711") && text.contains("$ANSIBLE_VAULT"), "{text}");
    let bed = bed.file("fixed", "");
    good(&bed.rplay(&["resume"]));
    assert_eq!(bed.read("out"), "hidden-4711!");
    assert_eq!(bed.read("log"), "counted\nagain\n", "nothing runs again");
    assert!(!journal(&bed).contains("hidden-471"));
}

#[test]
fn secrets_of_the_command_line_are_asked_for_again() {
    let play = "- hosts: localhost\n  gather_facts: false\n  tasks:\n    - command: test -e fixed\n    - copy: {content: '{{ db_password }} {{ size }}', dest: out}\n";
    let bed = bed().file("site.yml", play);
    assert_eq!(bed.rplay(&["site.yml", "-e", "db_password=hidden-4711", "-e", "size=3"]).code, 2);
    assert!(!journal(&bed).contains("hidden-4711") && journal(&bed).contains("size=3"));
    let bed = bed.file("fixed", "");
    let asked = bed.rplay(&["resume"]);
    assert_eq!(asked.code, 5);
    assert!(asked.stderr.contains("values for `db_password`"), "{}", asked.stderr);
    good(&bed.rplay(&["resume", "-e", "db_password=hidden-4711"]));
    assert_eq!(bed.read("out"), "hidden-4711 3");
}

#[test]
fn no_journal_is_written_where_none_is_wanted_and_old_ones_go() {
    let play = "- hosts: localhost\n  gather_facts: false\n  tasks:\n    - debug: msg=x\n";
    let bed = bed().file("site.yml", play);
    good(&bed.rplay(&["site.yml", "--no-journal"]));
    good(&bed.rplay(&["site.yml", "--check"]));
    good(&bed.rplay(&["site.yml", "--list-tasks"]));
    assert!(journals(&bed).is_empty());
    let bed = bed.env("RPLAY_JOURNAL_KEEP", "2");
    for _ in 0..4 {
        good(&bed.rplay(&["site.yml"]));
    }
    assert_eq!(journals(&bed).len(), 2);
    let mode = |path: &Path| {
        use std::os::unix::fs::PermissionsExt as _;
        fs_err::metadata(path).unwrap().permissions().mode() & 0o777
    };
    assert_eq!((mode(&bed.join(".local/state/rplay/runs")), mode(&journals(&bed)[0])), (0o700, 0o600));
    good(&bed.rplay(&["site.yml", "--journal-dir", "elsewhere"]));
    assert_eq!(bed.rplay(&["runs", "--journal-dir", "elsewhere"]).stdout.lines().count(), 2);
    assert_eq!(bed.rplay(&["runs", "prune", "--keep", "1"]).stdout.lines().count(), 1);
    let off = super::bed().file("site.yml", play).file("ansible.cfg", "[rplay]\njournal = no\n");
    good(&off.rplay(&["site.yml"]));
    assert!(journals(&off).is_empty());
}

#[test]
fn a_background_job_that_was_waited_for_is_found_again() {
    let bed = bed().file("hosts", "one\n").file(
        "site.yml",
        "
        - hosts: all
          gather_facts: false
          tasks:
            - shell: echo started >> {{ playbook_dir }}/log; sleep 4; echo ended >> {{ playbook_dir }}/log
              async: 60
              poll: 1
              register: job
            - copy: {content: '{{ job.rc }}', dest: '{{ playbook_dir }}/rc'}
        ",
    );
    let args = [&["site.yml"][..], &LOCAL].concat();
    let mut child = bed.command(&args).stdout(std::process::Stdio::null()).spawn().unwrap();
    let start = Instant::now();
    while !(bed.read("log").contains("started")
        && journals(&bed).first().is_some_and(|path| fs_err::read_to_string(path).unwrap().contains("{\"job\":")))
    {
        assert!(start.elapsed() < Duration::from_mins(1));
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let ran = bed.rplay(&["resume"]);
    good(&ran);
    assert_eq!(bed.read("log"), "started\nended\n", "{}", ran.stdout);
    assert_eq!(bed.read("rc"), "0");
}

#[test]
fn a_run_starts_at_a_task_of_a_dynamic_include_and_at_a_line() {
    let bed = bed()
        .file(
            "site.yml",
            "
            - hosts: localhost
              gather_facts: false
              tasks:
                - {name: before, debug: {msg: before}}
                - include_tasks: '{{ item }}.yml'
                  loop: [outer, other]
                - {name: after, debug: {msg: after}}
            ",
        )
        .file("outer.yml", "- {name: outer, debug: {msg: outer}}\n- include_tasks: inner.yml\n- {name: outer end, debug: {msg: outer end}}\n")
        .file("inner.yml", "- {name: inner, debug: {msg: inner}}\n- name: inner end\n  debug:\n    msg: inner end\n")
        .file("other.yml", "- {name: other, debug: {msg: other}}\n");
    let messages = |start: &str| -> Vec<String> {
        let ran = bed.rplay(&["site.yml", "--start-at-task", start]);
        good(&ran);
        let lines = ran.stdout.lines().filter_map(|line| line.trim().strip_prefix("\"msg\": ").map(str::to_owned));
        lines.map(|text| text.trim_matches('"').to_owned()).collect()
    };
    assert_eq!(messages("inner end"), ["inner end", "outer end", "other", "after"]);
    assert_eq!(messages("inner.yml:4"), ["inner end", "outer end", "other", "after"]);
    assert_eq!(messages("oth*"), ["other", "after"]);
    assert_eq!(messages("site.yml:7"), ["after"]);
    assert_eq!(messages("af?er"), ["after"]);
    let missing = bed.rplay(&["site.yml", "--start-at-task", "inner.yml:40"]);
    assert!(
        missing.stderr.contains("No matching task") || missing.stdout.contains("No matching task"),
        "{}",
        missing.stderr
    );
}
