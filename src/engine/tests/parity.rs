//! Every case under `fixtures/parity`: the same playbook, the same hosts, the same lines as ansible-core 2.19.
//!
//! `fixtures/parity/record` makes `expected.txt` with a real ansible-core; here only the texts are compared.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod harness;

use std::path::{Path, PathBuf};

use harness::Bed;
use rplay_engine::Gathering;
use rplay_value::{Map, Value};

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/parity");
    let mut cases: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("site.yml").exists())
        .collect();
    cases.sort();
    cases
}

/// The few command line options that cases use.
fn bed(case: &Path) -> Bed {
    let mut bed = Bed::new();
    harness::copy(case, bed.path());
    if let Ok(hosts) = std::fs::read_to_string(case.join("hosts")) {
        bed.inventory = hosts;
    }
    let config = std::fs::read_to_string(case.join("ansible.cfg")).unwrap_or_default();
    let args = std::fs::read_to_string(case.join("args")).unwrap_or_default();
    let words: Vec<String> = args.split_whitespace().map(|word| word.trim_matches('\'').to_owned()).collect();
    bed.options(move |options| {
        for line in config.lines().filter(|line| line.contains('=')) {
            match line {
                "gathering = smart" => options.gathering = Gathering::Smart,
                "hash_behaviour = merge" => options.merge_hashes = true,
                other => panic!("no such setting in the test: {other}"),
            }
        }
        let mut rest = words.iter();
        while let Some(word) = rest.next() {
            let mut value = || rest.next().unwrap().clone();
            match word.as_str() {
                "--check" => options.check = true,
                "--diff" => options.diff = true,
                "--force-handlers" => options.force_handlers = true,
                "--tags" => options.tags.push(value()),
                "--skip-tags" => options.skip_tags.push(value()),
                "--start-at-task" => options.start_at_task = Some(value()),
                "--limit" => options.limit = Some(value()),
                "-e" => {
                    let (name, text) = value().split_once('=').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
                    let mut map = Map::new();
                    map.insert(name, Value::Text(rplay_value::Text::trusted(text)));
                    options.extra_vars.extend(map);
                }
                other => panic!("no such option in the test: {other}"),
            }
        }
    })
}

/// Hosts finish a task in any order: runs of result lines are sorted by host, in a stable way.
fn ordered(text: &str) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    let host = |line: &str| line.split_whitespace().nth(1).unwrap_or_default().to_owned();
    let is_result = |line: &str| line.starts_with("  ") && !line.starts_with("  included ");
    let mut start = 0;
    while start < lines.len() {
        let end = lines[start..].iter().position(|line| !is_result(line)).map_or(lines.len(), |i| start + i);
        lines[start..end].sort_by_key(|line| host(line));
        start = end + 1;
    }
    lines.join("\n") + "\n"
}

#[test]
fn every_case_runs_as_in_ansible() {
    let only = std::env::var("CASE").ok();
    let mut wrong = Vec::new();
    let mut count = 0;
    for case in cases() {
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        if only.as_ref().is_some_and(|only| *only != name) {
            continue;
        }
        count += 1;
        let expected = ordered(&std::fs::read_to_string(case.join("expected.txt")).unwrap());
        let found = ordered(&(bed(&case).run("site.yml").text() + "\n"));
        if expected != found {
            let diff = similar::TextDiff::from_lines(&expected, &found);
            wrong.push(format!("== {name}\n{}", diff.unified_diff().header("ansible", "rplay")));
        }
    }
    assert!(wrong.is_empty(), "{} of {count} cases differ\n{}", wrong.len(), wrong.join("\n"));
}
