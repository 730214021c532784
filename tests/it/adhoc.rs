//! `rplay adhoc` says what `ansible` says: compared with what `fixtures/adhoc/record` recorded.

use std::path::PathBuf;

use crate::{bed, copy};

fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/adhoc")
}

/// Cases that differ, with what rplay does instead.
const DIFFERS: &[(&str, &str)] = &[
    ("script_missing", "the playbook's folder is named in full, and the message stands once"),
    ("command_missing", "the system's text is in `msg` too (COMPATIBILITY.md)"),
    ("unreachable", "a hint stands below the error (COMPATIBILITY.md)"),
];

/// The words of a command line as a shell reads them.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in line.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, ' ') => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// Without what is another value in every run (times, jobs) and without empty lines.
fn stable(text: &str) -> String {
    let mut text = text.to_owned();
    for key in ["start", "end", "delta", "ansible_job_id", "results_file"] {
        let begin = format!("\"{key}\": \"");
        let mut parts = text.split(&begin);
        let mut out = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            out.push_str(&begin);
            out.push_str(part.split_once('"').map_or("", |(_, rest)| rest));
        }
        text = out;
    }
    let lines = text.lines().map(str::trim_end).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn every_command_says_what_ansible_says() {
    let mut wrong = Vec::new();
    for line in fs_err::read_to_string(fixtures().join("cases")).unwrap().lines() {
        let Some((name, rest)) = line.split_once(' ').filter(|(name, _)| *name != "#") else { continue };
        let recorded = fs_err::read_to_string(fixtures().join("recorded").join(name)).unwrap();
        let bed = bed().env("ANSIBLE_HOST_KEY_CHECKING", "0");
        copy(&fixtures().join("project"), bed.path());
        let given = words(rest);
        let args: Vec<&str> = ["adhoc"].into_iter().chain(given.iter().map(String::as_str)).collect();
        let ran = bed.rplay(&args);
        let mut said = ran.to_string();
        if let Some(file) = fs_err::read_dir(bed.join("tree")).ok().and_then(|mut dir| dir.next()) {
            let text = fs_err::read_to_string(file.unwrap().path()).unwrap();
            said = format!("{said}\n--- tree ---\n{}", text.replace(&bed.path().display().to_string(), "[DIR]"));
        }
        // Errors before the run have rplay's own look: only their exit code and that nothing else is said is Ansible's.
        let early = |text: &str| match ran.code {
            0 | 2 | 4 if !recorded.starts_with("exit 4\n--- stdout ---\n--- stderr") => stable(text),
            _ => stable(text.split("--- stderr ---").next().unwrap_or_default()),
        };
        let same = early(&said) == early(&recorded);
        let listed = DIFFERS.iter().any(|(known, _)| *known == name);
        if same == listed {
            wrong.push(format!("== {name}: {rest}\n{said}\n--- recorded ---\n{recorded}"));
        }
    }
    assert!(wrong.is_empty(), "{} differ\n{}", wrong.len(), wrong.join("\n"));
}
