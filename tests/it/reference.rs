//! Whole runs print what ansible-playbook prints: compared with output that `fixtures/e2e/record` recorded.

use std::path::PathBuf;

use crate::bed;

/// As the recording script: times, the machine's folders and the reference's own temporary files are replaced.
fn stable(text: &str, folder: &str) -> String {
    let times = fancy_regex::Regex::new(r#""(delta|start|end)": "[^"]*""#).unwrap();
    let text = text.replace(folder, "[FOLDER]");
    times.replace_all(&text, r#""$1": "[TIME]""#).into_owned()
}

fn compare(name: &str, more: &[&str]) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/e2e").canonicalize().unwrap();
    for left in fs_err::read_dir("/tmp").unwrap().filter_map(Result::ok) {
        if left.file_name().to_string_lossy().starts_with(&format!("rplay-e2e-{name}")) {
            fs_err::remove_file(left.path()).unwrap();
        }
    }
    let path = |file: &str| folder.join(file).display().to_string();
    let (inventory, playbook) = (path("inventory"), path(&format!("{name}.yml")));
    let mut args = vec!["-i", &inventory, "-i", "localhost,", &playbook, "--forks", "1"];
    args.extend(more);
    let ran = bed().env("ANSIBLE_DEPRECATION_WARNINGS", "0").rplay(&args);
    let ours = format!("{}exit {}\n", stable(&ran.stdout, &folder.display().to_string()), ran.code);
    let recorded = fs_err::read_to_string(folder.join(format!("{name}.out"))).unwrap();
    similar_asserts(&recorded, &ours, &ran.stderr);
}

fn similar_asserts(recorded: &str, ours: &str, stderr: &str) {
    let differing: Vec<String> = recorded
        .lines()
        .zip(ours.lines())
        .enumerate()
        .filter(|(_, (a, b))| a != b)
        .map(|(n, (a, b))| format!("{}: recorded {a}\n{}: ours     {b}", n + 1, n + 1))
        .collect();
    assert!(recorded == ours, "{}\n--- ours ---\n{ours}\n--- stderr ---\n{stderr}", differing.join("\n"));
}

#[test]
fn features_of_tasks_print_what_the_reference_prints() {
    compare("features", &["-l", "localhost", "-c", "local"]);
}

#[test]
fn hosts_batches_delegation_and_roles_print_what_the_reference_prints() {
    compare("hosts", &[]);
}
