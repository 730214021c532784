//! What kind of module a file is, told from its content as ansible-core does.

use rplay_protocol::Form;

/// What the first line of a script names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shebang {
    /// The interpreter's path.
    pub interpreter: String,
    /// Its arguments.
    pub args: Vec<String>,
}

impl Shebang {
    /// The interpreter's name, which variables like `ansible_perl_interpreter` are made of.
    pub fn name(&self) -> &str {
        self.interpreter.rsplit('/').next().unwrap_or_default().trim()
    }

    /// Of a script's text.
    pub(crate) fn of(content: &[u8]) -> Option<Self> {
        let line = content.split(|byte| *byte == b'\n').next()?.strip_prefix(b"#!")?;
        let line = String::from_utf8_lossy(line);
        let mut words = line.split_whitespace().map(str::to_owned);
        Some(Self { interpreter: words.next()?, args: words.collect() })
    }
}

/// The kind of a module's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// For a target that runs it in this form.
    Form(Form),
    /// For Windows.
    PowerShell,
}

/// Stands for the whole of `basic` in modules of Ansible's first years.
pub(crate) const REPLACER: &[u8] = b"#<<INCLUDE_ANSIBLE_MODULE_COMMON>>";

/// The kind of module this is.
pub(crate) fn kind(content: &[u8]) -> Kind {
    let text = String::from_utf8_lossy(content);
    if is_binary(content) {
        Kind::Form(Form::Binary)
    } else if contains(content, REPLACER) || text.lines().any(imports_support) {
        Kind::Form(Form::Python)
    } else if contains(content, b"# POWERSHELL_COMMON") || text.lines().any(is_powershell) {
        Kind::PowerShell
    } else if contains(content, b"<<INCLUDE_ANSIBLE_MODULE_JSON_ARGS>>") {
        Kind::Form(Form::JsonArgs)
    } else if contains(content, b"WANT_JSON") {
        Kind::Form(Form::WantJson)
    } else {
        Kind::Form(Form::Words)
    }
}

fn contains(content: &[u8], what: &[u8]) -> bool {
    content.windows(what.len()).any(|window| window == what)
}

/// A byte in the first kilobyte that no text has.
fn is_binary(content: &[u8]) -> bool {
    let start = &content[..content.len().min(1024)];
    start.iter().any(|byte| !matches!(byte, 7..=10 | 12 | 13 | 27 | 0x20..=0x7e | 0x80..))
}

fn is_powershell(line: &str) -> bool {
    let line = line.trim_start().to_ascii_lowercase();
    [
        "#requires -module",
        "#requires -version",
        "#ansiblerequires -osversion",
        "#ansiblerequires -powershell",
        "#ansiblerequires -csharputil",
    ]
    .iter()
    .any(|start| line.starts_with(start))
}

/// Whether a line imports what new-style modules import. Anywhere in the line: ansible-core looks no closer.
fn imports_support(line: &str) -> bool {
    let imported = |from: usize| line[from..].contains(" import ");
    line.match_indices("from ").any(|(at, _)| {
        let what = line[at + 5..].trim_start();
        let after = at + 5;
        let dots = what.len() - what.trim_start_matches('.').len();
        let relative = dots >= 2 && what[dots..].trim_start().starts_with("module_utils");
        (relative || what.starts_with("ansible.module_utils") || of_collection(what)) && imported(after)
    }) || line.match_indices("import ").any(|(at, _)| {
        let what = line[at + 7..].trim_start();
        what.starts_with("ansible.module_utils.") || of_collection(what)
    })
}

/// `ansible_collections.ns.name.plugins.module_utils`
fn of_collection(what: &str) -> bool {
    let mut parts = what.split('.');
    parts.next() == Some("ansible_collections")
        && parts.next().is_some()
        && parts.next().is_some()
        && parts.next() == Some("plugins")
        && parts.next().is_some_and(|part| part.starts_with("module_utils"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_by_content() {
        for (text, want) in [
            ("#!/usr/bin/python\nfrom ansible.module_utils.basic import AnsibleModule\n", Form::Python),
            ("#!/usr/bin/python\nfrom ansible.module_utils import basic\n", Form::Python),
            ("import ansible.module_utils.basic\n", Form::Python),
            ("    from ..module_utils.x import y\n", Form::Python),
            ("from ansible_collections.a.b.plugins.module_utils import c\n", Form::Python),
            ("#<<INCLUDE_ANSIBLE_MODULE_COMMON>>\n", Form::Python),
            ("#!/usr/bin/python\nA='<<INCLUDE_ANSIBLE_MODULE_JSON_ARGS>>'\n", Form::JsonArgs),
            ("#!/usr/bin/perl\n# WANT_JSON\n", Form::WantJson),
            ("#!/bin/sh\n. $1\n", Form::Words),
            ("from .module_utils import x\n", Form::Words),
            ("\x7fELF\x01\x01", Form::Binary),
        ] {
            assert_eq!(kind(text.as_bytes()), Kind::Form(want), "{text}");
        }
        assert_eq!(kind(b"#!powershell\n#Requires -Module Ansible.ModuleUtils.Legacy\n"), Kind::PowerShell);
    }

    #[test]
    fn the_first_line_is_the_interpreter() {
        let shebang = Shebang::of(b"#! /usr/bin/env python3 -u\nx").unwrap();
        assert_eq!((shebang.name(), shebang.args.as_slice()), ("env", &["python3".to_owned(), "-u".to_owned()][..]));
        assert_eq!(Shebang::of(b"print(1)"), None);
    }
}
