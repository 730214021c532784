//! Output of running programs, while it comes: `--follow` and the run log.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};

use rplay_event::{Event, EventKind};
use rplay_testkit::{Ran, TestBed};

use crate::bed;

const HOSTS: &str = "one ansible_connection=local\n";

/// A play with these tasks, on this machine.
fn playing(tasks: &str) -> TestBed {
    let mut play = "- hosts: all\n  gather_facts: false\n  tasks:\n".to_owned();
    let body = tasks.trim_start_matches('\n');
    let indent = body.len() - body.trim_start().len();
    for line in body.lines() {
        play.push_str(&format!("    {}\n", line.get(indent..).unwrap_or("").trim_end()));
    }
    bed().file("hosts", HOSTS).file("site.yml", &play)
}

/// The lines of the run log: item, stream, text.
fn recorded(bed: &TestBed) -> Vec<Event> {
    bed.read("log").lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn lines(bed: &TestBed) -> Vec<(String, bool, String, bool)> {
    let line = |event: Event| match event.kind {
        EventKind::OutputLine { item, stderr, text, partial, .. } => {
            Some((item.map(|item| item.to_string()).unwrap_or_default(), stderr, text, partial))
        }
        _ => None,
    };
    recorded(bed).into_iter().filter_map(line).collect()
}

fn whole(bed: &TestBed) -> Vec<String> {
    lines(bed).into_iter().filter(|(.., partial)| !partial).map(|(_, _, text, _)| text).collect()
}

fn ran(bed: &TestBed, more: &[&str]) -> Ran {
    let ran = bed.rplay(&[&["site.yml", "-i", "hosts", "--record", "log"], more].concat());
    assert_eq!(ran.code, 0, "{ran}");
    ran
}

#[test]
fn lines_are_shown_when_asked_for_and_always_recorded() {
    let bed = playing(
        "
        - shell: echo out; sleep 0.1; echo err >&2; sleep 0.1; printf 'no end'
          register: result
        - command: echo {{ item }}
          loop: [a, b]
        - assert:
            that: result.stdout == 'out\\nno end' and result.stderr == 'err'
        ",
    );
    let quiet = ran(&bed, &[]);
    assert!(!quiet.stdout.contains("one | out"), "{quiet}");
    let want = ["out", "err", "no end", "a", "b"];
    assert_eq!(whole(&bed), want);
    assert_eq!(lines(&bed).iter().map(|line| line.0.as_str()).collect::<Vec<_>>(), ["", "", "", "a", "b"]);
    assert!(lines(&bed)[1].1, "standard error is told apart");
    let shown = ran(&bed, &["--follow"]);
    let order =
        ["TASK [shell]", "one | out\none ! err\none | no end\nchanged: [one]", "one (item=a) | a", "one (item=b) | b"];
    let places: Vec<_> = order.iter().map(|text| shown.stdout.find(text)).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{shown}");
}

#[test]
fn a_line_is_there_before_the_task_ends() {
    let bed = playing("- shell: echo early; sleep 60");
    let mut child = bed
        .command(&["site.yml", "-i", "hosts", "--follow"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let started = Instant::now();
    let mut out = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(out.any(|line| line.unwrap() == "one | early"));
    assert!(started.elapsed() < Duration::from_secs(30));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn programs_that_behave_oddly_are_followed_and_their_results_are_theirs() {
    let bed = playing(
        r#"
        - name: invalid bytes
          shell: printf 'a\377b\n'
        - name: a progress bar
          shell: for i in 1 2 3; do printf "\r$i/3"; sleep 0.9; done; echo
          register: bar
        - name: closes its output
          shell: echo first; exec >&- 2>&-; sleep 0.5
          register: closed
        - name: a flood without a line end
          shell: head -c 3000000 /dev/zero | tr '\0' x
          register: flood
        - name: a flood of lines
          shell: seq 100000
          register: many
        - assert:
            that:
              - bar.stdout == "\r1/3\r2/3\r3/3"
              - closed.stdout == 'first'
              - flood.stdout | length == 3000000
              - many.stdout_lines | length == 100000
              - many.stdout_lines[-1] == '100000'
        "#,
    );
    ran(&bed, &["--follow"]);
    let whole = whole(&bed);
    assert_eq!(whole[..3], ["a\u{fffd}b", "3/3", "first"]);
    assert!(lines(&bed).iter().any(|(_, _, text, partial)| *partial && text.ends_with("/3")));
    assert_eq!(whole.last().unwrap(), "100000");
    let (mut cut, mut count) = (0, 0);
    for event in recorded(&bed) {
        if let EventKind::OutputLine { cut: missing, lost, partial: false, .. } = event.kind {
            cut += missing;
            count += 1 + lost;
        }
    }
    assert_eq!(cut, 3_000_000 - 4096);
    assert_eq!(count, 100_000 + 4);
    assert!(lines(&bed).len() < 3000);
}

#[test]
fn what_is_secret_is_not_streamed() {
    let bed = playing(
        "
        - shell: echo hunter2
          no_log: true
        - shell: echo hunter2
          async: 10
          poll: 1
          no_log: true
        - shell: echo {{ item }}
          loop: [hunter2]
          no_log: '{{ item == \"hunter2\" }}'
        - raw: echo hunter2
          no_log: true
        ",
    );
    let ran = ran(&bed, &["--follow", "-vvv"]);
    assert!(!ran.stdout.contains("| hunter2"), "{ran}");
    assert!(lines(&bed).is_empty());
}

#[test]
fn scripts_raw_commands_and_background_tasks_are_followed() {
    let bed = playing(
        "
        - script: hello.sh
        - raw: echo raw; echo bad >&2
        - shell: echo first; sleep 1.2; echo second
          async: 30
          poll: 10
          environment: {ANSIBLE_ASYNC_DIR: \"{{ playbook_dir }}/jobs\"}
        - shell: echo started; sleep 1; echo over
          async: 30
          poll: 0
          register: job
          environment: {ANSIBLE_ASYNC_DIR: \"{{ playbook_dir }}/jobs\"}
        - async_status:
            jid: \"{{ job.ansible_job_id }}\"
          register: state
          until: state is finished
          retries: 50
          delay: 0.2
          environment: {ANSIBLE_ASYNC_DIR: \"{{ playbook_dir }}/jobs\"}
        - async_status:
            jid: \"{{ job.ansible_job_id }}\"
            mode: cleanup
          environment: {ANSIBLE_ASYNC_DIR: \"{{ playbook_dir }}/jobs\"}
        - find: {paths: \"{{ playbook_dir }}/jobs\", hidden: true, file_type: any}
          register: left
        - assert: {that: left.matched == 0}
        ",
    )
    .file("hello.sh", "#!/bin/sh\necho hello\n");
    let started = Instant::now();
    let shown = ran(&bed, &["--follow"]);
    assert!(started.elapsed() < Duration::from_secs(10), "a job that has ended is not waited for");
    let want = ["hello", "raw", "bad", "first", "second", "started", "over"];
    let mut whole = whole(&bed);
    whole[1..3].sort_by_key(|text| text == "bad");
    assert_eq!(whole, want, "{shown}");
    assert!(!shown.stdout.contains("_output"), "{shown}");
}

#[test]
fn programs_outputs_stay_readable_by_programs() {
    let bed = playing("- command: echo hello");
    for (output, follows) in [("json", true), ("junit", true), ("jsonl", false)] {
        let shown = ran(&bed, &["--follow", "--output", output]);
        assert_eq!(shown.stderr.contains("one | hello"), follows, "{shown}");
        if output == "json" {
            serde_json::from_str::<serde_json::Value>(&shown.stdout).unwrap();
        }
        if output == "jsonl" {
            assert!(shown.stdout.contains("output_line"), "{shown}");
        }
    }
    for output in ["yaml", "minimal", "oneline"] {
        assert!(ran(&bed, &["--follow", "--output", output]).stdout.contains("one | hello\n"));
    }
}
