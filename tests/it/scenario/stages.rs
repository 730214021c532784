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

#[test]
#[ignore = "needs Docker: tests/run"]
fn what_is_stale_is_not_used_and_is_made_anew() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let lab = made(
        "it-stale",
        "
stages:
  central: {command: 'date +%N > $RPLAY_OUTPUTS/central', outputs: {data: {file: central}}}
  export: {command: 'cp $DATA $RPLAY_OUTPUTS/export', inputs: {data: central.data}, outputs: {keys: {file: export}}}
  site: {command: 'true', inputs: {keys: export.keys}}
",
    );
    let nodes = ["--nodes", "web:0"];
    let rplay = |words: &[&str]| lab.rplay(&[words, &nodes].concat());
    assert_eq!(rplay(&["converge"]).code, 0);
    let nothing = rplay(&["run", "--needed"]);
    assert_eq!(nothing.stdout.matches("nothing has changed since it ran").count(), 3, "{nothing}");
    // Central is deployed again and is another one: what was exported of it is not used.
    assert_eq!(rplay(&["run", "central"]).code, 0);
    let status = rplay(&["status"]);
    assert!(status.stdout.contains("export               stale    its input `data` is another now"), "{status}");
    assert!(status.stdout.contains("site                 stale    `export` is stale"), "{status}");
    let stale = rplay(&["run", "site", "--only"]);
    assert_eq!(stale.code, 2, "{stale}");
    assert!(stale.stderr.contains("what stage `export` gave is stale: its input `data` is another now"), "{stale}");
    assert!(stale.stderr.contains("`run export site` makes it anew"), "{stale}");
    let needed = rplay(&["run", "--needed"]);
    assert_eq!(needed.code, 0, "{needed}");
    assert_eq!(
        needed.stdout.matches("nothing has changed since it ran").count(),
        1,
        "only central is as it was: {needed}"
    );
}

#[test]
#[ignore = "needs Docker: tests/run"]
fn two_orders_are_both_right_and_only_one_needs_an_update() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let stage = |name: &str, more: &str| format!("  {name}: {{command: 'echo {name} >> order; true', {more}}}\n");
    // Ceph of the sites first: central has all that it uses, and is deployed once.
    let metal_first = [
        stage("central", "inputs: {a: 'ceph-0.conf?', b: 'ceph-1.conf?'}, outputs: {keys: {value: 1}}"),
        stage("ceph-0", "outputs: {conf: {value: c0}}"),
        stage("ceph-1", "outputs: {conf: {value: c1}}"),
        stage("site-0", "inputs: {keys: central.keys, conf: ceph-0.conf}"),
        stage("site-1", "inputs: {keys: central.keys, conf: ceph-1.conf}"),
    ];
    // Ceph comes with each site, which needs central: central is deployed once more in the end.
    let central_first = [
        stage("central", "inputs: {a: 'site-0.conf?', b: 'site-1.conf?'}, outputs: {keys: {value: 1}}"),
        stage("site-0", "inputs: {keys: central.keys}, outputs: {conf: {value: c0}}"),
        stage("site-1", "inputs: {keys: central.keys}, outputs: {conf: {value: c1}}"),
    ];
    for (stages, wanted) in [
        (metal_first.concat(), "ceph-0 ceph-1 central site-0 site-1"),
        (central_first.concat(), "central site-0 site-1 central"),
    ] {
        let lab = made("it-orders", &format!("\nstages:\n{stages}"));
        let ran = lab.rplay(&["converge", "--nodes", "web:0"]);
        assert_eq!(ran.code, 0, "{ran}");
        assert_eq!(lab.bed.read("order").split_whitespace().collect::<Vec<_>>().join(" "), wanted, "{ran}");
        if wanted.starts_with("central") {
            // A late site: only that site, and central.
            let late = stage("site-2", "inputs: {keys: central.keys}, outputs: {conf: {value: c2}}");
            let text =
                lab.bed.read("scenario.yml").replace("'site-1.conf?'}", "'site-1.conf?', c: 'site-2.conf?'}") + &late;
            fs_err::write(lab.bed.join("scenario.yml"), text).unwrap();
            fs_err::remove_file(lab.bed.join("order")).unwrap();
            let plan = lab.rplay(&["plan", "--needed", "--nodes", "web:0"]);
            let planned: Vec<&str> = plan.stdout.lines().filter(|line| line.starts_with("stage ")).collect();
            assert_eq!(planned.len(), 1, "{plan}");
            let ran = lab.rplay(&["run", "--needed", "--nodes", "web:0"]);
            assert_eq!(ran.code, 0, "{ran}");
            assert_eq!(lab.bed.read("order"), "site-2\ncentral\n", "{ran}");
        }
    }
}
