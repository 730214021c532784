//! What recorded cases cannot show of strategies: that free hosts do not wait, that pinned ones do, and `TripleO`'s own.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod harness;

use harness::{Bed, Ended};
use rplay_event::EventKind;

fn bed(hosts: &[&str], forks: usize) -> Bed {
    let mut bed = Bed::new().options(move |options| options.forks = forks);
    bed.inventory = hosts.join(" ansible_connection=local\n") + " ansible_connection=local\n";
    bed
}

/// Hosts in the order in which they finished tasks.
fn finished(run: &Ended) -> Vec<String> {
    let host = |event: &rplay_event::Event| match &event.kind {
        EventKind::HostFinished { host, .. } => Some(host.to_string()),
        _ => None,
    };
    run.events.iter().filter_map(host).collect()
}

const SLOW: &str = "
- hosts: all
  gather_facts: false
  strategy: STRATEGY
  tasks:
    - command: sleep 0.7
      when: inventory_hostname == 'a'
    - command: 'true'
    - command: 'true'
";

#[test]
fn free_hosts_do_not_wait_for_slow_ones() {
    let run = bed(&["a", "b"], 5).play(&SLOW.replace("STRATEGY", "free"));
    assert_eq!(finished(&run), ["b", "b", "b", "a", "a", "a"]);
    let run = bed(&["a", "b"], 5).play(&SLOW.replace("STRATEGY", "linear"));
    assert_eq!(finished(&run)[..2], ["b", "a"]);
}

#[test]
fn pinned_hosts_go_to_their_end_before_others_begin() {
    let run = bed(&["a", "b", "c"], 1).play(&SLOW.replace("STRATEGY", "host_pinned"));
    assert_eq!(finished(&run), ["a", "a", "a", "b", "b", "b", "c", "c", "c"]);
    let run = bed(&["a", "b", "c"], 1).play(&SLOW.replace("STRATEGY", "free"));
    assert_eq!(finished(&run), ["a", "b", "c", "a", "b", "c", "a", "b", "c"]);
}

#[test]
fn throttled_hosts_take_turns() {
    let bed = bed(&["a", "b", "c"], 5);
    bed.write("n", "");
    let run = bed.play(
        "
- hosts: all
  gather_facts: false
  strategy: free
  tasks:
    - shell: test ! -e lock && touch lock && sleep 0.1 && rm lock
      args: {chdir: '{{ playbook_dir }}'}
      throttle: 1
",
    );
    assert!(run.text().ends_with("exit 0"), "{}", run.text());
}

/// Two roles of two hosts each; half of a role may fail.
const TRIPLEO: &str = "
- hosts: all
  gather_facts: false
  strategy: STRATEGY
  any_errors_fatal: true
  vars: {max_fail_percentage: 50}
  pre_tasks:
    - debug: msg=begin
  tasks:
    - fail:
      when: inventory_hostname in out
    - debug: msg=on
    - command: echo once
      run_once: true
- hosts: all
  gather_facts: false
  tasks:
    - debug: msg=next
";

fn tripleo(strategy: &str, out: &str) -> String {
    let mut bed = bed(&["c0", "c1", "s0", "s1"], 5);
    bed.inventory =
        bed.inventory.replace("c0 ", "c0 tripleo_role_name=Ctl ").replace("c1 ", "c1 tripleo_role_name=Ctl ");
    bed.inventory =
        bed.inventory.replace("s0 ", "s0 tripleo_role_name=Sto ").replace("s1 ", "s1 tripleo_role_name=Sto ");
    bed.inventory.push_str("[Ctl]\nc0\nc1\n[Sto]\ns0\ns1\n");
    bed.write("group_vars/all.yml", &format!("out: [{out}]\n"));
    bed.play(&TRIPLEO.replace("STRATEGY", strategy)).text()
}

#[test]
fn half_of_a_tripleo_role_may_fail() {
    for strategy in ["tripleo_linear", "tripleo_free"] {
        let text = tripleo(strategy, "c0, s1");
        assert!(text.contains("=> next"), "{text}");
        let text = tripleo(strategy, "c0, c1");
        assert!(!text.contains("=> next"), "{text}");
        assert!(text.ends_with("exit 2"), "{text}");
    }
    // Hosts that are well stop with linear and go on with free.
    assert!(!tripleo("tripleo_linear", "c0, c1").contains("=> on"));
    assert!(tripleo("tripleo_free", "c0, c1").contains("=> on"));
}

#[test]
fn once_is_once_with_tripleo_free() {
    let text = tripleo("tripleo_free", "");
    assert_eq!(text.matches("changed=1").count(), 1, "{text}");
}

#[test]
fn an_unknown_strategy_is_named_with_the_nearest() {
    let run = bed(&["a"], 5).play(&SLOW.replace("STRATEGY", "fre"));
    assert_eq!(run.outcome.unwrap_err(), "the strategy `fre` is not available");
}

#[test]
fn what_runs_once_for_all_hosts_is_an_error_with_free() {
    let run = bed(&["a"], 5).play(
        "
- hosts: all
  gather_facts: false
  strategy: free
  tasks:
    - add_host: {name: x}
",
    );
    assert!(run.outcome.unwrap_err().contains("bypasses the host loop"));
}
