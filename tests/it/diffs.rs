//! Differences and check mode of everything that edits files, line by line as ansible-core 2.19 (`fixtures/diffs`).

use std::path::Path;
use std::process::Command;

use crate::bed;

fn fixtures() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/diffs").canonicalize().unwrap()
}

/// Where ansible-core names a temporary file, any name will do.
fn without_temporary(found: &str, expected: &str) -> String {
    let mut lines = Vec::new();
    let mut wanted = expected.lines();
    for line in found.lines() {
        let temporary = wanted.next() == Some("+++ after: [TEMPORARY]") && line.starts_with("+++ after: ");
        lines.push(if temporary { "+++ after: [TEMPORARY]" } else { line });
    }
    timeless(&lines.join("\n"))
}

/// Without the times at which files were touched, and without the ids of jobs.
fn timeless(text: &str) -> String {
    let mut lines = Vec::new();
    for line in text.trim().lines() {
        let time = ["\"atime\": ", "\"mtime\": ", "jid="].iter().find_map(|key| Some(line.find(key)? + key.len()));
        lines.push(time.map_or(line, |end| &line[..end]));
    }
    lines.join("\n")
}

#[test]
fn differences_are_those_of_the_reference_with_and_without_check_mode() {
    for (name, options) in [("diff", &["--diff"][..]), ("check", &["--check", "--diff"])] {
        let bed = bed().file("hosts", "one ansible_connection=local\n");
        let copied = Command::new("cp").arg("-r").arg(fixtures().join(".")).arg(bed.path()).status().unwrap();
        assert!(copied.success());
        let ran = bed.rplay(&[&["site.yml", "-i", "hosts"], options].concat());
        let found = ran.stdout.replace(&bed.path().display().to_string(), "[DIR]");
        let expected = bed.read(&format!("{name}.txt"));
        let found = without_temporary(&found, &expected);
        assert!(found == timeless(&expected), "{name}: {}\n{}", found, ran.stderr);
    }
}
