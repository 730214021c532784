//! Modules that are started as programs of their own: their file and their arguments' file in a folder that goes away.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use rplay_protocol::{Foreign, Form};
use rplay_value::json::dumps;
use rplay_value::{JsonStyle, Map, Value};

use super::interpreter::Chosen;
use crate::{Output, Program, Sys};

const JSON_ARGS: &[u8] = b"<<INCLUDE_ANSIBLE_MODULE_JSON_ARGS>>";

/// Runs a module's file with its arguments.
pub(super) fn run(sys: &dyn Sys, foreign: &Foreign, chosen: &Chosen, args: &Map) -> io::Result<Output> {
    let folder = Path::new(&crate::Surroundings::new(|name| sys.var(name)).expand(&foreign.folder)).to_owned();
    let scratch_in = |folder: &Path| tempfile::Builder::new().prefix("ansible-tmp-").tempdir_in(folder);
    let made = DirBuilder::new().recursive(true).mode(0o700).create(&folder);
    // A user without a home has the system's folder.
    let scratch = made.and_then(|()| scratch_in(&folder)).or_else(|_| scratch_in(&sys.tmp()))?;
    let file = scratch.path().join(format!("AnsiballZ_{}", foreign.file));
    let content = foreign.packs.last().map(|pack| &*pack.content).unwrap_or_default();
    let mut argv = chosen.command.clone();
    argv.push(file.to_string_lossy().into_owned());
    let arguments = match foreign.form {
        Form::JsonArgs => {
            write(&file, &substituted(content, args)?)?;
            None
        }
        Form::Words => Some(words(args)),
        Form::Python | Form::WantJson | Form::Binary => Some(json(args)?),
    };
    if let Some(arguments) = arguments {
        let own = with_interpreter(content, chosen);
        write(&file, own.as_deref().unwrap_or(content))?;
        let path = scratch.path().join("args");
        write(&path, arguments.as_bytes())?;
        argv.push(path.to_string_lossy().into_owned());
    }
    let output = sys.run(&Program::new(argv));
    if foreign.keep {
        let _ = scratch.keep();
    }
    output
}

fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    OpenOptions::new().write(true).create_new(true).mode(0o700).open(path)?.write_all(content)
}

pub(super) fn json(args: &Map) -> io::Result<String> {
    dumps(&Value::Map(args.clone()), &JsonStyle::default()).map_err(io::Error::other)
}

/// `key=value` words, each quoted for a shell.
fn words(args: &Map) -> String {
    let mut out = String::new();
    for (key, value) in args {
        out.push_str(&format!("{}={} ", key.to_str(), crate::words::quote(&value.to_str())));
    }
    out
}

/// The module's text with its arguments written into it.
fn substituted(content: &[u8], args: &Map) -> io::Result<Vec<u8>> {
    let json = json(args)?;
    let literal = Value::from(json.as_str()).repr();
    let facility = args.get("_ansible_syslog_facility").map_or_else(|| "LOG_USER".to_owned(), Value::to_string);
    let special = match args.get("_ansible_selinux_special_fs") {
        Some(Value::List(list)) => list.iter().map(Value::to_string).collect::<Vec<_>>().join(","),
        _ => String::new(),
    };
    let version = args.get("_ansible_version").map(Value::repr).unwrap_or_default();
    let mut out = content.to_vec();
    for (from, to) in [
        (&b"\"<<ANSIBLE_VERSION>>\""[..], version),
        (b"\"<<INCLUDE_ANSIBLE_MODULE_COMPLEX_ARGS>>\"", literal),
        (b"<<SELINUX_SPECIAL_FILESYSTEMS>>", special),
        (JSON_ARGS, json),
        (b"syslog.LOG_USER", format!("syslog.{facility}")),
    ] {
        out = replaced(&out, from, to.as_bytes());
    }
    Ok(out)
}

fn replaced(content: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len() + to.len());
    let mut rest = content;
    while let Some(at) = rest.windows(from.len()).position(|window| window == from) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(to);
        rest = &rest[at + from.len()..];
    }
    out.extend_from_slice(rest);
    out
}

/// The text with the interpreter that was chosen in its first line: some modules start themselves again.
fn with_interpreter(content: &[u8], chosen: &Chosen) -> Option<Vec<u8>> {
    let end = content.iter().position(|byte| *byte == b'\n').unwrap_or(content.len());
    let own = content.strip_prefix(b"#!").filter(|_| !chosen.name.is_empty())?;
    let written = String::from_utf8_lossy(&own[..end - 2]).trim().to_owned();
    let line = chosen.command.join(" ");
    (written != line).then(|| [b"#!", line.as_bytes(), &content[end..]].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args() -> Map {
        Map::from_iter([
            ("name", Value::from("it's")),
            ("_ansible_version", Value::from("2.19.0")),
            ("_ansible_syslog_facility", Value::from("LOG_LOCAL0")),
        ])
    }

    #[test]
    fn arguments_as_words_are_quoted() {
        assert_eq!(words(&args()), "name='it'\"'\"'s' _ansible_version=2.19.0 _ansible_syslog_facility=LOG_LOCAL0 ");
    }

    #[test]
    fn arguments_are_written_into_the_text() {
        let text = b"V = \"<<ANSIBLE_VERSION>>\"\nA = '''<<INCLUDE_ANSIBLE_MODULE_JSON_ARGS>>'''\nsyslog.LOG_USER\n";
        let out = String::from_utf8(substituted(text, &args()).unwrap()).unwrap();
        let json = r#"{"name": "it's", "_ansible_version": "2.19.0", "_ansible_syslog_facility": "LOG_LOCAL0"}"#;
        assert_eq!(out, format!("V = '2.19.0'\nA = '''{json}'''\nsyslog.LOG_LOCAL0\n"));
    }

    #[test]
    fn the_first_line_names_the_interpreter_that_was_chosen() {
        let chosen = |name: &str| Chosen { name: name.into(), command: vec![name.into()], discovered: false };
        let text = b"#!/usr/bin/python\nprint(1)\n";
        assert_eq!(with_interpreter(text, &chosen("/usr/bin/python")), None);
        assert_eq!(with_interpreter(text, &chosen("/opt/py")).unwrap(), b"#!/opt/py\nprint(1)\n");
        assert_eq!(with_interpreter(b"\x7fELF", &Chosen::default()), None);
    }
}
