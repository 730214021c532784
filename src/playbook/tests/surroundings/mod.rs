//! What playbooks need around them in tests.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rplay_diag::{Diagnose as _, Diagnostic, Sources, render};
use rplay_playbook::{PlaybookError, Resolve};
use rplay_value::{Map, Text, Value};

/// A surrounding that knows every module of the builtin collection that the fixtures use, and renders `{{ name }}` only.
pub(crate) struct Fixture;

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

    fn action(&self, name: &str, _: &[Text], _: Option<&Path>) -> Result<Option<Arc<str>>, Diagnostic> {
        let short = name.strip_prefix("ansible.builtin.").unwrap_or(name);
        Ok(MODULES.contains(&short).then(|| format!("ansible.builtin.{short}").into()))
    }

    fn lookup(&self, name: &str) -> bool {
        [
            "items",
            "dict",
            "sequence",
            "indexed_items",
            "first_found",
            "fileglob",
            "together",
            "nested",
            "subelements",
            "filetree",
            "list",
            "flattened",
            "inventory_hostnames",
        ]
        .contains(&name)
    }

    fn nearest_action(&self, name: &str) -> Option<String> {
        rplay_diag::nearest(name, MODULES.iter().copied()).map(str::to_owned)
    }

    fn has_option(&self, action: &str, option: &str) -> Option<bool> {
        (action == "copy").then(|| ["src", "dest", "mode", "content"].contains(&option))
    }
}

pub(crate) fn show(error: &PlaybookError, sources: &Sources, strip: &Path) -> String {
    render(&error.diagnostic(), sources, false).replace(&format!("{}/", strip.display()), "")
}
