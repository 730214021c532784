//! What recorded cases cannot show: facts of this machine, order of pipelined items, speed, secrets.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod harness;

use std::time::{Duration, Instant};

use harness::Bed;
use rplay_event::EventKind;

#[test]
fn facts_are_gathered_and_used() {
    let run = Bed::new().play(
        "
- hosts: localhost
  tasks:
    - assert:
        that:
          - ansible_facts.kernel is defined
          - ansible_facts['system'] == 'Linux'
          - ansible_system == 'Linux'
          - hostvars['localhost'].ansible_facts.system == 'Linux'
    - setup: {gather_subset: ['!all']}
    - meta: clear_facts
    - debug: msg='{{ ansible_facts | length }} facts'
",
    );
    let text = run.text();
    assert!(text.contains("TASK [Gathering Facts]\n  ok localhost"), "{text}");
    assert!(text.contains("=> 0 facts"), "{text}");
    assert!(text.ends_with("ok=4 changed=0 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0\nexit 0"), "{text}");
}

#[test]
fn items_are_sent_ahead_and_come_back_in_order() {
    let bed = Bed::new();
    let run = bed.play(
        "
- hosts: localhost
  gather_facts: false
  tasks:
    - copy: {content: '{{ item }}', dest: '{{ playbook_dir }}/{{ item }}'}
      loop: '{{ range(200) | list }}'
      register: out
    - copy: {content: '{{ item }}', dest: '{{ playbook_dir }}/last'}
      loop: '{{ range(50) | list }}'
    - assert: {that: out.results | map(attribute='item') | list == range(200) | list}
",
    );
    let text = run.text();
    assert!(text.ends_with("ok=3 changed=2 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0\nexit 0"), "{text}");
    assert_eq!(bed.read("199"), "199");
    assert_eq!(bed.read("last"), "49");
}

#[test]
fn many_hosts_take_no_time() {
    let mut bed = Bed::new();
    bed.inventory = "h[1:1000] ansible_connection=local\n".to_owned();
    let start = Instant::now();
    let run = bed.play(
        "
- hosts: all
  gather_facts: false
  vars: {a: '{{ inventory_hostname }}'}
  tasks:
    - debug: msg={{ a }}
    - debug: msg={{ groups.all | length }}
    - debug: msg={{ hostvars[inventory_hostname].inventory_hostname }}
",
    );
    let elapsed = start.elapsed();
    assert_eq!(run.outcome.map(rplay_engine::RunOutcome::code), Ok(0));
    let finished = run.events.iter().filter(|event| matches!(event.kind, EventKind::HostFinished { .. })).count();
    assert_eq!(finished, 3000);
    // A debug build on a busy machine; a release build needs a small part of it.
    assert!(elapsed < Duration::from_secs(30), "{elapsed:?}");
}

#[test]
fn nothing_secret_reaches_an_event() {
    let run = Bed::new().play(
        "
- hosts: localhost
  gather_facts: false
  vars: {password: hunter2}
  tasks:
    - command: 'echo {{ password }}'
      no_log: true
    - command: 'echo {{ item }}'
      loop: ['{{ password }}']
      no_log: true
    - debug: msg={{ nothing_like_this + password }}
      no_log: true
      ignore_errors: true
    - copy: {content: '{{ password }}', dest: '{{ playbook_dir }}/secret'}
      no_log: true
      diff: true
",
    );
    assert_eq!(run.outcome.as_ref().map(|outcome| outcome.code()), Ok(0), "{}", run.text());
    for event in &run.events {
        let text = serde_json::to_string(event).unwrap();
        assert!(!text.contains("hunter2"), "{text}");
    }
}
