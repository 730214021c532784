//! `rplay why`: every place that sets a variable, as people and as programs read it.

use rplay_testkit::{Ran, TestBed};

use crate::bed;

/// The project of `fixtures/why`.
fn project() -> TestBed {
    let bed = bed();
    let from = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/why");
    copy(&from, bed.path());
    bed
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    fs_err::create_dir_all(to).unwrap();
    for entry in fs_err::read_dir(from).unwrap().filter_map(Result::ok) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs_err::copy(entry.path(), target).unwrap();
        }
    }
}

fn why(args: &str) -> Ran {
    let args: Vec<&str> = ["why", "-i", "inventory/hosts.ini"].into_iter().chain(args.split(' ')).collect();
    project().rplay(&args)
}

#[test]
fn without_a_playbook_hosts_with_the_same_answer_stand_together() {
    insta::assert_snapshot!("port", why("port"));
    insta::assert_snapshot!("region", why("region"));
    insta::assert_snapshot!("region_of_a_host", why("region --host db"));
}

#[test]
fn a_task_sees_what_stands_around_it_and_what_includes_bring() {
    insta::assert_snapshot!("task", why("port --host web1 site.yml --task roles/web/tasks/main.yml:3"));
    insta::assert_snapshot!("included", why("domain site.yml --task roles/web/tasks/more.yml:2"));
    insta::assert_snapshot!("imported", why("region site.yml --task imported.yml:1"));
    insta::assert_snapshot!("role_params", why("workers site.yml --task roles/web/tasks/main.yml:1"));
}

#[test]
fn plays_are_asked_without_a_task_too() {
    insta::assert_snapshot!("prompt", why("who site.yml"));
    insta::assert_snapshot!("uses", why("url site.yml"));
}

#[test]
fn keys_inside_a_variable_have_places_of_their_own() {
    insta::assert_snapshot!("key", why("app.db.port site.yml --host web"));
    insta::assert_snapshot!("missing_key", why("app.name --host web1 -e {\"app\":{}}"));
}

#[test]
fn what_is_encrypted_is_not_shown() {
    insta::assert_snapshot!("vaulted", why("token site.yml --host db"));
    let bed = project().file("password", "pw\n");
    let ask =
        ["why", "secret", "site.yml", "-i", "inventory/hosts.ini", "--vault-password-file", "password", "-l", "db"];
    let hidden = bed.rplay(&ask);
    assert!(hidden.stdout.starts_with("secret = \"!vault\""), "{hidden}");
    let shown = bed.rplay(&[&ask[..], &["--reveal"]].concat());
    assert!(shown.stdout.starts_with("secret = \"s3cret\""), "{shown}");
}

#[test]
fn unknown_names_and_places_are_told_with_the_nearest() {
    insta::assert_snapshot!("unknown", why("prot"));
    insta::assert_snapshot!("no_task", why("port site.yml --task roles/web/tasks/main.yml:99"));
    insta::assert_snapshot!("no_host", why("port --host wbe1"));
    insta::assert_snapshot!("bad_place", why("port site.yml --task here"));
}

#[test]
fn programs_get_a_document() {
    insta::assert_snapshot!("json", why("port --host web1 site.yml --task roles/web/tasks/main.yml:3 --json"));
}
