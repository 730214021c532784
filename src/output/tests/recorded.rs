//! What ansible-core printed for the same runs (fixtures/output/record.sh): the run's own events, shown by our sinks.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::io::{self, BufReader, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use rplay_event::read_log;
use rplay_output::difflib::unified_diff;
use rplay_output::{Look, ResultFormat, Terminal, open, open_extra};

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shared {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

fn golden(file: &str) -> PathBuf {
    PathBuf::from(format!("{}/../../fixtures/output/golden/{file}", env!("CARGO_MANIFEST_DIR")))
}

/// Standard output and standard error of a sink for a recorded run.
fn shown(case: &str, sink: &str, look: &Look) -> (String, String) {
    let (out, err) = (Shared::default(), Shared::default());
    let terminal = Terminal::new(Box::new(out.clone()), Box::new(err.clone()), look);
    let mut sink = open(sink, terminal, look.clone()).unwrap();
    let log = std::fs::File::open(golden(&format!("{case}.jsonl"))).unwrap();
    for event in read_log(BufReader::new(log)).unwrap() {
        sink.on_event(&event).unwrap();
    }
    sink.finish().unwrap();
    (out.text(), err.text())
}

fn compare(case: &str, sink: &str, look: Look) {
    let (out, err) = shown(case, sink, &look);
    let want = std::fs::read_to_string(golden(&format!("{case}.out"))).unwrap();
    // What Ansible says before the first event is the command line's.
    let want = want.strip_prefix("No config file found; using defaults\n").unwrap_or(&want).to_owned();
    let diff = similar::TextDiff::from_lines(&want, &out).unified_diff().header("ansible", "rplay").to_string();
    assert!(out == want, "{diff}");
    if !case.starts_with("basic") {
        assert_eq!(err, std::fs::read_to_string(golden(&format!("{case}.err"))).unwrap());
    }
}

macro_rules! cases {
    ($($name:ident: $case:literal $sink:literal { $($field:ident: $value:expr),* };)*) => {
        $(#[test]
        fn $name() {
            compare($case, $sink, Look { $($field: $value,)* ..Look::default() });
        })*
    };
}

cases! {
    basic: "basic" "default" {};
    basic_verbose: "basic-v" "default" { verbosity: 1 };
    basic_colors: "basic-color" "default" { color: true };
    basic_check: "basic-check" "default" { check_markers: true };
    basic_quiet: "basic-quiet" "default" { skipped_hosts: false, ok_hosts: false };
    basic_yaml: "basic-yaml" "default" { verbosity: 1, results: ResultFormat::Yaml };
    basic_stats: "basic-stats" "default" { custom_stats: true };
    basic_minimal: "basic-minimal" "minimal" {};
    basic_oneline: "basic-oneline" "oneline" {};
    failures: "failures" "default" {};
    failures_colors: "failures-color" "default" { color: true };
    failures_on_stderr: "failures-stderr" "default" { failed_stderr: true, path_on_failure: true };
    failures_pretty: "failures-pretty" "default" { pretty: Some(true) };
    failures_yaml: "failures-yaml" "default" { results: ResultFormat::Yaml };
    failures_minimal: "failures-minimal" "minimal" {};
    differences: "diff" "default" {};
    differences_colors: "diff-color" "default" { color: true };
    differences_yaml: "diff-yaml" "default" { results: ResultFormat::Yaml };
    free_strategy: "free" "default" {};
}

#[test]
fn json_lines_are_the_run_log() {
    let (out, err) = shown("basic", "jsonl", &Look::default());
    let log = std::fs::File::open(golden("basic.jsonl")).unwrap();
    assert_eq!(read_log(out.as_bytes()).unwrap(), read_log(BufReader::new(log)).unwrap());
    assert_eq!(err, "");
}

#[test]
fn json_is_one_document_with_plays_and_statistics() {
    let (out, _) = shown("failures", "ansible.posix.json", &Look::default());
    let document: serde_json::Value = serde_json::from_str(&out).unwrap();
    let tasks = document["plays"][0]["tasks"].as_array().unwrap();
    assert_eq!(document["plays"][0]["play"]["name"], "Failures");
    assert_eq!(tasks[0]["task"]["name"], "Ignored");
    assert_eq!(tasks[0]["hosts"]["alpha"]["failed"], true);
    assert_eq!(tasks[0]["hosts"]["alpha"]["ignore_errors"], true);
    assert_eq!(tasks[0]["hosts"]["alpha"]["rc"], 1);
    assert_eq!(tasks[6]["hosts"]["beta"]["results"].as_array().unwrap().len(), 3);
    let recap = std::fs::read_to_string(golden("failures.out")).unwrap();
    let line = recap.lines().find(|line| line.starts_with("beta ")).unwrap();
    let stats = &document["stats"]["beta"];
    for (shown, key) in [("ok", "ok"), ("failed", "failures"), ("rescued", "rescued"), ("ignored", "ignored")] {
        assert!(line.contains(&format!("{shown}={} ", stats[key])), "{line} {stats}");
    }
}

#[test]
fn junit_has_a_case_for_every_task_and_host() {
    let (out, _) = shown("failures", "junit", &Look::default());
    assert!(out.starts_with("<?xml"));
    assert!(out.contains("<testsuite name=\"Failures\""));
    // Two hosts, two tasks: the log is Ansible's, whose callbacks do not learn that a block rescues.
    assert_eq!(out.matches("<failure").count(), 4, "{out}");
    assert!(out.contains("<testcase name=\"[alpha] The end\""));
    let (out, _) = shown("basic", "junit", &Look::default());
    assert_eq!(out.matches("<failure").count(), 0);
    assert!(out.contains("<skipped message=\"Conditional result was False\"/>"), "{out}");
}

#[test]
fn a_wrong_name_is_answered_with_the_nearest() {
    let look = Look::default();
    let terminal = || Terminal::new(Box::new(io::sink()), Box::new(io::sink()), &look);
    assert_eq!(open("minimul", terminal(), look.clone()).err().unwrap().near, Some("minimal"));
    for name in rplay_output::EXTRA_NAMES {
        assert!(open_extra(&format!("ansible.posix.{name}"), terminal(), look.clone()).is_ok(), "{name}");
    }
    for name in rplay_output::NAMES {
        assert!(open(name, terminal(), look.clone()).is_ok(), "{name}");
    }
}

#[test]
fn times_and_slowest_tasks_are_added() {
    let out = Shared::default();
    let look = Look::default();
    let terminal = Terminal::new(Box::new(out.clone()), Box::new(io::sink()), &look);
    let mut sink = open_extra("profile_tasks", terminal, look).unwrap();
    let log = std::fs::File::open(golden("free.jsonl")).unwrap();
    for (second, mut event) in (0..).zip(read_log(BufReader::new(log)).unwrap()) {
        event.elapsed = std::time::Duration::from_secs(second * second);
        sink.on_event(&event).unwrap();
    }
    let text = out.text();
    assert_eq!(text.matches("2026").count(), 3, "{text}");
    let last: Vec<&str> = text.lines().rev().take(2).collect();
    let dashes = |name: &str| format!("{name} {}", "-".repeat(70 - name.len() - 1));
    assert!(last[1].starts_with(&dashes("Two")) && last[0].starts_with(&dashes("One")), "{text}");
}

#[test]
fn differences_are_pythons() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/output/diffs.json");
    let cases: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    for case in cases.as_array().unwrap() {
        let lines = |key: &str| -> Vec<&str> { case[key].as_str().unwrap().split_inclusive('\n').collect() };
        let context = case["context"].as_u64().unwrap() as usize;
        let got = unified_diff(&lines("a"), &lines("b"), "before", "after", context).concat();
        assert_eq!(got, case["want"].as_str().unwrap(), "{case}");
    }
}
