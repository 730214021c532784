//! Playbooks under `fixtures/playbook`, listed and compared with what ansible-playbook 2.19 printed
//! (`fixtures/playbook/record` records it).

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rplay_diag::{Diagnose as _, Diagnostic, Sources, render};
use rplay_playbook::listing::{Listing, listing, texts_of};
use rplay_playbook::{Loader, PlaybookError, Resolve, Settings, TagSelection};
use rplay_value::{Map, Text, Value};

/// A surrounding that knows every module of the builtin collection that the fixtures use, and renders `{{ name }}` only.
struct Fixture;

const MODULES: &[&str] = &[
    "ping",
    "debug",
    "shell",
    "command",
    "copy",
    "set_fact",
    "template",
    "file",
    "apt",
    "service",
    "stat",
    "fail",
    "meta",
    "script",
    "raw",
    "package",
    "lineinfile",
    "add_host",
    "group_by",
    "include_vars",
    "setup",
    "systemd",
    "fetch",
    "slurp",
    "iptables",
    "assert",
    "wait_for",
    "pause",
    "user",
];

impl Resolve for Fixture {
    fn render(&self, text: &Text, vars: &[Map]) -> Result<Value, Diagnostic> {
        let mut out = String::new();
        let mut rest = text.as_str();
        while let Some((before, after)) = rest.split_once("{{") {
            let (inside, after) = after.split_once("}}").unwrap_or((after, ""));
            let (name, default) = inside.split_once('|').map_or((inside, None), |(n, d)| (n, Some(d)));
            let default = default.and_then(|d| d.split('\'').nth(1));
            let value = vars.iter().rev().find_map(|layer| layer.get(name.trim()));
            let value = value.map(|v| v.to_str().into_owned()).or(default.map(str::to_owned));
            out.push_str(before);
            let undefined = || Diagnostic::error(format!("{} is undefined", name.trim())).at_maybe(text.origin(), "");
            out.push_str(&value.ok_or_else(undefined)?);
            rest = after;
        }
        out.push_str(rest);
        Ok(Value::from(out))
    }

    fn read(&self, path: &Path) -> io::Result<String> {
        std::fs::read_to_string(path)
    }

    fn action(&self, name: &str, _: &[Text], _: Option<&Path>) -> Option<Arc<str>> {
        let short = name.strip_prefix("ansible.builtin.").unwrap_or(name);
        MODULES.contains(&short).then(|| format!("ansible.builtin.{short}").into())
    }

    fn lookup(&self, name: &str) -> bool {
        ["items", "dict", "sequence", "indexed_items", "first_found", "fileglob", "together"].contains(&name)
    }

    fn nearest_action(&self, name: &str) -> Option<String> {
        rplay_diag::nearest(name, MODULES.iter().copied()).map(str::to_owned)
    }

    fn has_option(&self, action: &str, option: &str) -> Option<bool> {
        (action == "copy").then(|| ["src", "dest", "mode", "content"].contains(&option))
    }
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/playbook")
}

fn show(error: &PlaybookError, sources: &Sources, strip: &Path) -> String {
    render(&error.diagnostic(), sources, false).replace(&format!("{}/", strip.display()), "")
}

/// What ansible-playbook prints for these options.
fn list(folder: &Path, name: &str, options: &str) -> String {
    let sources = Sources::new();
    let resolve = Fixture;
    let loader = Loader::new(&resolve, &sources, Settings::default());
    let playbook = match loader.playbook(&folder.join(name)) {
        Ok(playbook) => playbook,
        Err(error) => panic!("{}", show(&error, &sources, folder)),
    };
    let words: Vec<&str> = options.split(' ').collect();
    let after =
        |flag: &str| words.iter().position(|w| *w == flag).map(|i| words[i + 1]).into_iter().collect::<Vec<_>>();
    let has = |flag: &str| words.contains(&flag);
    let selection = TagSelection::new(&after("--tags"), &after("--skip-tags"));
    let chosen = |patterns: &[String]| -> Vec<Arc<str>> {
        let wanted: Vec<&str> = patterns.iter().flat_map(|p| p.split(':')).collect();
        ["x", "y"].into_iter().filter(|h| wanted.contains(h) || wanted.contains(&"all")).map(Arc::from).collect()
    };
    let texts = |text: &Text, play: &rplay_playbook::Play| {
        resolve.render(text, &[play.common.vars.clone()]).map(|v| texts_of(&v)).unwrap()
    };
    let listing_options = Listing {
        hosts: has("--list-hosts"),
        tasks: has("--list-tasks"),
        tags: has("--list-tags"),
        selection: &selection,
        resolve_hosts: &chosen,
        render: &texts,
    };
    listing(&playbook, name, &listing_options)
}

#[test]
fn listings_are_ansibles() {
    let folder = fixtures();
    let recorded = std::fs::read_to_string(folder.join("listings.txt")).unwrap();
    let mut count = 0;
    for case in recorded.split("==== ").skip(1) {
        let (head, expected) = case.split_once('\n').unwrap();
        let (name, options) = head.split_once(' ').unwrap();
        assert_eq!(list(&folder, name, options), expected, "{head}");
        count += 1;
    }
    assert!(count >= 10, "only {count} cases were found");
}
