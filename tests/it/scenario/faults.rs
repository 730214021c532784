//! Faults on containers: they befall when they should, and are mended whatever happens.

use std::process::Stdio;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use super::lab::{docker, made};
use crate::bed;
use crate::lab::TURN;

fn state(container: &str) -> String {
    docker(&["inspect", "-f", "{{.State.Status}}", container])
}

#[test]
fn a_fault_that_cannot_end_or_breaks_nothing_is_an_error_of_the_file() {
    let text = "
name: it-faults
images: {base: {docker: debian}}
nodes: {web: {image: base}}
faults:
  still: {pause: true, task: Deploy *}
  none: {power_off: false}
  both: {power_off: true, pause: true}
  cable: {cut: [a, b]}
  odd: {partishun: inner}
";
    let ran = bed().file("scenario.yml", text).rplay(&["scenario", "check"]);
    insta::assert_snapshot!(ran);
    let text =
        text.lines().filter(|line| !line.contains("both") && !line.contains("odd")).collect::<Vec<_>>().join("\n");
    let ran = bed().file("scenario.yml", &text).rplay(&["scenario", "check"]);
    insta::assert_snapshot!(ran);
}

#[test]
#[ignore = "needs Docker: tests/run"]
fn a_fault_befalls_when_a_task_starts_and_is_mended() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let lab = made(
        "it-task",
        "
stages:
  deploy: {playbook: site.yml}
faults:
  cut: {hosts: web-0, partition: inner, task: 'Look *'}
  rest: {hosts: web-1, pause: true, task: Second, for: 1s}
",
    );
    let site = "
- hosts: web
  gather_facts: false
  tasks:
    - {name: First, shell: 'ip -o -4 addr | grep -c 10.89.32', register: before}
    - {name: Look at the network, shell: 'ip -o -4 addr | grep -c 10.89.32 || true', register: during}
    - {name: Second, command: 'true'}
    - tags: look
      assert:
        that: [before.stdout == '1', during.stdout == ('0' if inventory_hostname == 'web-0' else '1')]
";
    fs_err::write(lab.bed.join("site.yml"), site).unwrap();
    let ran = lab.rplay(&["converge"]);
    assert_eq!(ran.code, 0, "{ran}");
    let told: Vec<&str> =
        ran.stdout.lines().filter(|line| line.starts_with("fault ") || line.starts_with("mend ")).collect();
    let told: Vec<String> =
        told.iter().map(|line| line.split_whitespace().take(2).collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(told, ["fault cut", "fault rest", "mend rest", "mend cut"], "{ran}");
    assert!(docker(&["exec", "rplay-it-task-web-0", "ip", "-o", "-4", "addr"]).contains("10.89.32."), "{ran}");
    assert!(!lab.bed.join("lab/broken").exists());
    // A task that is not there tests nothing.
    let ran = lab.rplay(&[
        "converge",
        "--set",
        "faults.cut.task=Lok at the network",
        "--set",
        "stages.deploy.skip_tags=look",
    ]);
    assert_eq!(ran.code, 2, "{ran}");
    assert!(ran.stderr.contains("fault `cut` did not befall: no task `Lok at the network` was started"), "{ran}");
}

#[test]
#[ignore = "needs Docker: tests/run"]
fn what_a_killed_command_broke_is_mended_by_the_next() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let lab = made(
        "it-broken",
        "
stages: {first: {command: 'true'}}
verify: [{name: alive, hosts: web, shell: 'true'}]
faults:
  still: {hosts: web-1, pause: true, for: 60s}
  off: {hosts: web-0, power_off: true, for: 60s}
  full: {hosts: web-0, fill: /tmp, for: 60s}
  gone: {hosts: web-0, kill: nothing-of-this-name}
",
    );
    assert_eq!(lab.rplay(&["create"]).code, 0);
    for (fault, container, broken) in
        [("still", "rplay-it-broken-web-1", "paused"), ("off", "rplay-it-broken-web-0", "exited")]
    {
        let mut child = lab
            .bed
            .command(&["scenario", "side-effect", "--folder", "lab", "--fault", fault])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let start = Instant::now();
        while state(container) != broken && start.elapsed() < Duration::from_secs(30) {
            std::thread::sleep(Duration::from_millis(20));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(state(container), broken);
        let looked = lab.rplay(&["verify"]);
        assert_eq!(looked.code, 0, "{looked}");
        assert!(looked.stdout.contains(&format!("mend        {fault}")), "{looked}");
        assert_eq!(state(container), "running");
        assert!(!lab.bed.join("lab/broken").exists());
    }
    // A fault that fails is told, and nothing of it stays.
    let ran = lab.rplay(&["side-effect", "--fault", "gone"]);
    assert_eq!(ran.code, 2, "{ran}");
    assert!(ran.stderr.contains("no process is called nothing-of-this-name"), "{ran}");
    let ran = lab.rplay(&["side-effect", "--fault", "stil"]);
    assert!(ran.stderr.contains("did you mean `still`?"), "{ran}");
    let full = lab.rplay(&["side-effect", "--fault", "full", "--set", "faults.full.for=0s"]);
    assert_eq!(full.code, 0, "{full}");
    assert_eq!(docker(&["exec", "rplay-it-broken-web-0", "sh", "-c", "ls -A /tmp | grep -c fill"]), "0");
}

#[test]
#[ignore = "needs Docker: tests/run"]
fn a_container_s_clock_is_not_skewed() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let lab = made("it-clock", "faults: {late: {hosts: web-0, skew: 1h}}");
    let ran = lab.rplay(&["create"]);
    assert_eq!(ran.code, 2, "{ran}");
    assert!(ran.stderr.contains("`web-0` is a container: its clock is this machine's"), "{ran}");
    assert_eq!(super::lab::there("it-clock"), "", "it is told before anything is made");
}

#[test]
#[ignore = "needs Docker: tests/run"]
fn two_commands_on_one_scenario_do_not_collide() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let lab = made("it-locked", "stages: {wait: {command: 'touch begun; sleep 20'}}");
    let mut child = lab
        .bed
        .command(&["scenario", "converge", "--folder", "lab"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let start = Instant::now();
    while !lab.bed.join("begun").exists() && start.elapsed() < Duration::from_mins(1) {
        std::thread::sleep(Duration::from_millis(50));
    }
    let before = Instant::now();
    let second = lab.rplay(&["destroy", "--yes"]);
    assert!(before.elapsed() < Duration::from_secs(2));
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(second.code, 1, "{second}");
    let text = format!("another command is at work on scenario `it-locked` (process {})", child.id());
    assert!(second.stderr.contains(&text), "{second}");
}
