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

/// A console that reads a pipe, as `ansible-console` without a terminal.
#[test]
fn a_console_says_what_ansible_console_says() {
    let bed = bed();
    copy(&fixtures().join("project"), bed.path());
    let input = std::fs::File::open(fixtures().join("console.in")).unwrap();
    let output = bed.command(&["console", "-i", "hosts", "-u", "me", "all"]).stdin(input).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let recorded = fs_err::read_to_string(fixtures().join("recorded").join("console")).unwrap();
    assert_eq!(said.trim_end(), recorded.trim_end());
    assert_eq!(output.status.code(), Some(0));
}

/// What `ansible-pull` does with a repository: the checkout, then the playbook of this machine.
#[test]
fn pull_checks_out_and_plays() {
    let bed =
        bed().file("repo/local.yml", "- hosts: localhost\n  gather_facts: no\n  tasks:\n    - debug: msg=pulled\n");
    let git = |args: &[&str]| {
        let mut command = std::process::Command::new("git");
        command.args(["-c", "user.name=a", "-c", "user.email=a@b"]).args(args).current_dir(bed.join("repo"));
        assert!(command.output().unwrap().status.success(), "{args:?}");
    };
    git(&["init", "-q"]);
    git(&["add", "."]);
    git(&["commit", "-qm", "one"]);
    let url = bed.join("repo").display().to_string();
    let pull = |more: &[&str]| bed.rplay(&[&["pull", "-U", &url, "-d", "checkout"], more].concat());
    let ran = pull(&["-o"]);
    assert_eq!(ran.code, 0, "{ran}");
    assert!(ran.stdout.starts_with("Starting Ansible Pull at "), "{ran}");
    assert!(ran.stdout.contains("localhost | CHANGED => {") && ran.stdout.contains("\"msg\": \"pulled\""), "{ran}");
    let ran = pull(&["-o"]);
    assert!(ran.code == 0 && ran.stdout.contains("Repository has not changed, quitting"), "{ran}");
    let ran = pull(&["nope.yml"]);
    assert!(ran.code == 5 && ran.stderr.contains("nope.yml: File does not exist"), "{ran}");
    assert!(ran.stderr.contains("Could not find a playbook to run."), "{ran}");
    let ran = pull(&["--purge"]);
    assert!(ran.code == 0 && !bed.join("checkout").exists(), "{ran}");
    let ran = bed.rplay(&["pull"]);
    assert!(ran.code == 5 && ran.stderr.contains("URL for repository not specified"), "{ran}");
}

#[test]
fn the_version_is_told_as_programs_read_it() {
    let ran = bed().rplay(&["adhoc", "--version"]);
    assert!(ran.code == 0 && ran.stdout.starts_with("ansible [core 2.19."), "{ran}");
}
