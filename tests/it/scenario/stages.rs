//! Stages: their order, what runs side by side, what they give to each other.

use std::sync::PoisonError;

use super::lab::made;
use crate::lab::TURN;

#[test]
#[ignore = "needs Docker: tests/run"]
fn stages_that_share_no_node_run_side_by_side() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    // Each waits for the other's file: one after the other they would never end.
    let wait = |own: &str, other: &str| {
        format!("touch {own}; for i in $(seq 200); do [ -e {other} ] && exit 0; sleep 0.05; done; exit 1")
    };
    let lab = made(
        "it-beside",
        &format!(
            "
stages:
  one: {{command: '{}', hosts: web-0}}
  two: {{command: '{}', hosts: web-1}}
  play-one: {{playbook: site.yml, hosts: web-0, needs: one}}
  play-two: {{playbook: site.yml, hosts: web-1, needs: two}}
  last: {{command: '[ -e a ] && [ -e b ]', needs: [one, two]}}
",
            wait("a", "b"),
            wait("b", "a")
        ),
    );
    let site = "
- hosts: all
  gather_facts: false
  tasks: [{name: Wait a little, command: sleep 0.5}, {debug: {msg: hello}}]
";
    fs_err::write(lab.bed.join("site.yml"), site).unwrap();
    let ran = lab.rplay(&["converge"]);
    assert_eq!(ran.code, 0, "{ran}");
    // Lines of runs say whose they are.
    assert!(ran.stdout.contains("play-one: ok: [web-0] => {"), "{ran}");
    assert!(ran.stdout.contains("play-two: ok: [web-1] => {"), "{ran}");
    let serial = lab.rplay(&[
        "run",
        "one",
        "--serial",
        "--set",
        "stages.one.deadline=1s",
        "--set",
        "stages.one.command=sleep 9",
    ]);
    assert_eq!(serial.code, 2, "{serial}");
    assert!(serial.stderr.contains("stage `one` took longer than 1s"), "{serial}");
    let part = lab.rplay(&["run", "--from", "play-one", "--until", "play-two"]);
    assert_eq!(part.code, 0, "{part}");
    let mut begun: Vec<&str> =
        part.stdout.lines().filter(|line| line.starts_with("stage ") && line.split(' ').count() == 2).collect();
    begun.sort_unstable();
    assert_eq!(begun, ["stage play-one", "stage play-two"], "{part}");
    let wrong = lab.rplay(&["run", "two", "--until", "last"]);
    assert!(wrong.stderr.contains("stage `last` is not one of those that are run"), "{wrong}");
}

#[test]
#[ignore = "needs Docker: tests/run"]
fn every_order_of_words_is_one_order_of_stages() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let lab = made(
        "it-order",
        "
stages:
  hosts: {command: 'echo hosts >> order'}
  under: {command: 'echo under >> order', needs: hosts}
  over: {command: 'echo over >> order', needs: under}
  test: {command: 'echo test >> order', needs: over}
  deploy: {stages: [over, under]}
",
    );
    let words = ["hosts", "under", "over", "test"];
    for a in 0..4 {
        for b in (0..4).filter(|b| *b != a) {
            for c in (0..4).filter(|c| *c != a && *c != b) {
                let d = 6 - a - b - c;
                let _ = fs_err::remove_file(lab.bed.join("order"));
                let ran = lab.rplay(&["run", words[a], words[b], words[c], words[d]]);
                assert_eq!(lab.bed.read("order"), "hosts\nunder\nover\ntest\n", "{ran}");
            }
        }
    }
    fs_err::remove_file(lab.bed.join("order")).unwrap();
    lab.rplay(&["run", "deploy", "--only"]);
    assert_eq!(lab.bed.read("order"), "under\nover\n");
    let wrong = lab.rplay(&["run", "deploy_over"]);
    assert_eq!(wrong.code, 5, "{wrong}");
}
