//! `python` and `python_version`: the interpreter Ansible would pick on this target.
//!
//! rplay needs no Python there; without one these two facts are absent.

use rplay_value::{List, Map, Value};

use super::{Found, Probe};

/// Ansible's interpreter fallback list.
const CANDIDATES: &[&str] = &[
    "python3.13",
    "python3.12",
    "python3.11",
    "python3.10",
    "python3.9",
    "python3.8",
    "/usr/bin/python3",
    "python3",
    "/usr/libexec/platform-python",
    "python2.7",
    "python",
];

/// Prints everything the facts need. No `site`, and `ssl` is only looked for: loading them costs more than the rest of
/// the gathering.
const PROGRAM: &str = "\
import sys
ssl = '_ssl' in sys.builtin_module_names
if not ssl:
    try:
        from _frozen_importlib_external import PathFinder
        ssl = PathFinder.find_spec('_ssl') is not None
    except ImportError:
        try:
            import _ssl
            ssl = True
        except ImportError:
            pass
kind = getattr(sys, 'implementation', None)
print('\\n'.join(str(v) for v in tuple(sys.version_info) + (sys.executable, int(ssl), kind.name if kind else 'CPython')))
";

/// What the interpreter says of itself; asked once, however many collectors want it.
fn asked<'p>(probe: &'p Probe<'_>) -> &'p str {
    probe.python.get_or_init(|| {
        let mut installed: Vec<String> = CANDIDATES
            .iter()
            .filter_map(|name| {
                if name.starts_with('/') { probe.exists(name).then(|| (*name).to_owned()) } else { probe.which(name) }
            })
            .collect();
        // The first that starts. Version managers put slow programs into PATH, also for interpreters they do not have.
        installed.sort_by_key(|program| program.contains("/shims/"));
        let ask = |program: String| probe.run_once(&[&program, "-E", "-S", "-c", PROGRAM], &[]);
        installed.into_iter().find_map(ask).unwrap_or_default()
    })
}

/// `python_version`, which Ansible gathers with what it knows of the platform.
pub(super) fn version(probe: &Probe<'_>) -> Found {
    let mut found = Found::default();
    let lines: Vec<&str> = asked(probe).lines().take(3).collect();
    found.set_some("python_version", (lines.len() == 3).then(|| lines.join(".")));
    found
}

pub(super) fn collect(probe: &Probe<'_>) -> Found {
    let mut found = Found::default();
    let lines: Vec<&str> = asked(probe).lines().collect();
    let &[major, minor, micro, level, serial, executable, ssl, kind] = lines.as_slice() else { return found };
    let number = |text: &str| text.parse::<i64>().map_or(Value::Null, Value::Int);
    let version = [
        ("major", number(major)),
        ("minor", number(minor)),
        ("micro", number(micro)),
        ("releaselevel", Value::from(level)),
        ("serial", number(serial)),
    ];
    let info: List = version.iter().map(|(_, value)| value.clone()).collect();
    let python = [
        ("version", Value::from(Map::from_iter(version))),
        ("version_info", Value::from(info)),
        ("executable", Value::from(executable)),
        ("has_sslcontext", Value::from(ssl == "1")),
        ("type", Value::from(kind)),
    ];
    found.set("python", Map::from_iter(python));
    found
}
