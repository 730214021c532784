//! `rplay scenario`: what needs no nodes here, and, in `lab`, what needs Docker.

mod commands;
mod engines;
mod faults;
mod lab;
mod links;
mod molecule;
mod stages;

use crate::bed;

const WEB: &str = "
name: it-web
networks: {lan: {kind: isolated, cidr: 10.89.21.0/24}}
images: {base: {docker: 'rplay/none:1'}}
nodes:
  web: {image: base, networks: [lan], count: 2}
stages:
  first: {command: 'true'}
  second: {command: 'true', needs: first}
  both: {stages: [second, first]}
";

#[test]
fn a_file_is_checked_with_all_its_mistakes() {
    let bed = bed().file("scenario.yml", WEB);
    let ran = bed.rplay(&["scenario", "check"]);
    assert_eq!(ran.code, 0, "{ran}");
    assert_eq!(ran.stdout, "scenario.yml: 2 nodes, 1 network, 2 stages, 0 checks, 0 faults\n");
    let more = bed.rplay(&["scenario", "check", "--nodes", "web:5"]);
    assert!(more.stdout.contains("5 nodes"), "{more}");
    let bed = bed.file("scenario.yml", &WEB.replace("image: base", "imgae: base").replace("cidr:", "cdir:"));
    let ran = bed.rplay(&["scenario", "check"]);
    assert_eq!(ran.code, 4, "{ran}");
    assert!(ran.stderr.contains("did you mean `image`?") && ran.stderr.contains("did you mean `cidr`?"), "{ran}");
}

#[test]
fn unknown_names_are_errors_with_hints() {
    let bed = bed().file("scenarios/web/scenario.yml", WEB);
    let ran = bed.rplay(&["scenario", "check", "wbe"]);
    assert_eq!(ran.code, 5, "{ran}");
    assert!(ran.stderr.contains("there is no scenario wbe") && ran.stderr.contains("did you mean `web`?"), "{ran}");
    let ran = bed.rplay(&["scenario", "check", "web", "--nodes", "wbe:2"]);
    assert_eq!(ran.code, 5, "{ran}");
    assert!(ran.stderr.contains("did you mean `web`?"), "{ran}");
    let ran = bed.rplay(&["scenario", "check", "web", "--set", "nodes.web.cuont=3"]);
    assert_eq!(ran.code, 4, "{ran}");
    assert!(ran.stderr.contains("did you mean `count`?"), "{ran}");
    let ran = bed.rplay(&["scenario", "list"]);
    assert!(ran.stdout.starts_with("web "), "{ran}");
}

#[test]
fn a_daemon_that_is_not_there_is_told_with_what_mends_it() {
    let bed = bed().file("scenario.yml", WEB);
    let ran = bed.env("DOCKER_HOST", "unix:///nowhere.sock").rplay(&["scenario", "create", "--folder", "lab"]);
    assert_eq!(ran.code, 1, "{ran}");
    assert!(ran.stderr.contains("no Docker daemon answers at unix:///nowhere.sock"), "{ran}");
    assert!(ran.stderr.contains("systemctl start docker"), "{ran}");
}

#[test]
fn a_provider_that_is_not_there_is_named() {
    let bed = bed().file("scenario.yml", &WEB.replace("image: base,", "image: base, provider: dokcer,"));
    let ran = bed.rplay(&["scenario", "create", "--folder", "lab"]);
    assert_eq!(ran.code, 4, "{ran}");
    assert!(ran.stderr.contains("`provider` cannot be `dokcer`"), "{ran}");
    assert!(ran.stderr.contains("`docker`, `libvirt`, `uml`"), "{ran}");
}

#[test]
fn the_schema_is_json() {
    let ran = bed().rplay(&["scenario", "schema"]);
    let schema: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(schema["title"], "scenario");
}
