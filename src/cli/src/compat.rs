//! Which release of Ansible is followed: `--compat`, `RPLAY_COMPAT`, `compat` under `[rplay]` in ansible.cfg, or, for
//! `auto`, what the project pins.
//!
//! Without any of them every release's playbooks are accepted and 2.19 is reported. A pin alone changes nothing: what a
//! project installs says which release it was tested with, not that newer syntax in it is a mistake.

use std::path::{Path, PathBuf};

use rplay_diag::Diagnostic;
use rplay_value::{Compat, Version};

/// A choice, and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    pub(crate) compat: Compat,
    /// For `-v`; `None` when nobody chose.
    pub(crate) because: Option<String>,
}

/// Decides. `asked` is a release or `auto`, and `from` where that was written; `playbook` is where pins are looked for.
pub(crate) fn choose(asked: Option<(&str, &str)>, playbook: Option<&Path>) -> Result<Choice, Diagnostic> {
    let Some((asked, from)) = asked else { return Ok(Choice { compat: Compat::default(), because: None }) };
    if asked != "auto" {
        let compat = asked.parse().map_err(|error: rplay_value::UnknownRelease| {
            Diagnostic::error(error.to_string()).hint("give one of them, or `auto` to take what the project pins")
        })?;
        return Ok(Choice { compat, because: Some(from.to_owned()) });
    }
    let found = playbook.and_then(pinned);
    Ok(match found {
        Some(pin) => {
            Choice { because: Some(format!("{}:{}: {}", pin.file.display(), pin.line, pin.text)), compat: pin.compat }
        }
        None => Choice {
            compat: Compat::default(),
            because: Some("nothing between the playbook and the repository's root pins a release".to_owned()),
        },
    })
}

/// A line that pins a release.
#[derive(Debug, PartialEq, Eq)]
struct Pin {
    file: PathBuf,
    line: usize,
    text: String,
    compat: Compat,
}

/// The nearest pin: in the playbook's folder, then in each one above it, up to the repository's root.
fn pinned(playbook: &Path) -> Option<Pin> {
    let playbook = std::path::absolute(playbook).ok()?;
    let mut folder = if playbook.is_dir() { Some(playbook.as_path()) } else { playbook.parent() };
    while let Some(at) = folder {
        let mut files: Vec<PathBuf> = fs_err::read_dir(at)
            .into_iter()
            .flatten()
            .filter_map(Result::ok)
            .map(|entry| entry.path())
            .filter(|path| path.file_name().and_then(|name| name.to_str()).is_some_and(holds_pins))
            .collect();
        files.sort();
        if let Some(pin) = files.iter().find_map(|file| in_file(file)) {
            return Some(pin);
        }
        if at.join(".git").exists() {
            return None;
        }
        folder = at.parent();
    }
    None
}

fn holds_pins(name: &str) -> bool {
    let text = Path::new(name).extension().is_some_and(|e| e == "txt")
        && (name.contains("requirements") || name.contains("constraints"));
    text || matches!(name, "tox.ini" | "setup.cfg" | "pyproject.toml")
}

fn in_file(file: &Path) -> Option<Pin> {
    let text = fs_err::read_to_string(file).ok()?;
    text.lines().enumerate().find_map(|(number, line)| {
        let compat = in_line(line)?;
        Some(Pin { file: file.to_owned(), line: number + 1, text: line.trim().to_owned(), compat })
    })
}

/// The release that a line such as `ansible-core>=2.16,<2.17` pins: the newest one it allows. A line without an upper
/// end pins nothing.
fn in_line(line: &str) -> Option<Compat> {
    let line = line.split(" #").next().unwrap_or(line);
    if line.trim_start().starts_with('#') {
        return None;
    }
    let mut rest = line;
    while let Some(at) = rest.find("ansible") {
        let before = rest[..at].chars().next_back();
        let mut after = &rest[at + "ansible".len()..];
        let bundle = !(after.starts_with("-core") || after.starts_with("-base"));
        if !bundle {
            after = &after["-core".len()..];
        }
        let whole = !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/'));
        let clauses = after.trim_start();
        if whole && clauses.starts_with(['=', '<', '>', '~', '!']) {
            return newest(clauses, bundle);
        }
        rest = after;
    }
    None
}

/// The newest known release that all clauses allow, where one of them is an upper end.
fn newest(clauses: &str, bundle: bool) -> Option<Compat> {
    let end = clauses.find(|c: char| !(c.is_ascii_alphanumeric() || "=<>~!.,* ".contains(c))).unwrap_or(clauses.len());
    let clauses: Vec<(&str, Vec<u16>)> = clauses[..end].split(',').filter_map(clause).collect();
    let bounded = clauses.iter().any(|(operator, _)| matches!(*operator, "==" | "~=" | "<" | "<="));
    if !bounded {
        return None;
    }
    let exact = clauses.iter().find(|(operator, numbers)| matches!(*operator, "==") && numbers.len() > 2);
    let minors = (0..=30).map(|minor| Version::new(2, minor));
    let versions = std::iter::once(Version::new(1, 9)).chain(minors);
    let mut found = versions.filter(|version| {
        let numbers = if bundle { in_bundle(*version) } else { vec![version.major, version.minor] };
        clauses.iter().all(|(operator, wanted)| allows(operator, &numbers, wanted))
    });
    let version = found.next_back()?;
    match exact {
        Some((_, numbers)) if !bundle || version.minor < 10 => {
            format!("{version}.{}", numbers.get(2).copied().unwrap_or(0)).parse().ok()
        }
        _ => version.to_string().parse().ok(),
    }
}

/// What the `ansible` package of collections counts as: 3 is 2.10, and every number after it one more.
fn in_bundle(version: Version) -> Vec<u16> {
    if version.major == 2 && version.minor > 10 { vec![version.minor - 7] } else { vec![version.major, version.minor] }
}

fn clause(text: &str) -> Option<(&'static str, Vec<u16>)> {
    let text = text.trim();
    let operator = ["===", "==", "~=", "!=", "<=", ">=", "<", ">"].into_iter().find(|op| text.starts_with(op))?;
    let version = text[operator.len()..].trim();
    let numbers = version.split('.').map_while(|part| part.parse().ok()).collect();
    Some((if operator == "===" { "==" } else { operator }, numbers))
}

/// Whether some patch level of a release satisfies a clause.
fn allows(operator: &str, release: &[u16], wanted: &[u16]) -> bool {
    let shared = release.len().min(wanted.len());
    let compared = release[..shared].cmp(&wanted[..shared]);
    match operator {
        "==" => compared.is_eq(),
        // `~=2.9.1` is 2.9, `~=2.9` is any 2 from 2.9 on.
        "~=" if wanted.len() <= release.len() => {
            release[..wanted.len() - 1] == wanted[..wanted.len() - 1] && release >= wanted
        }
        "~=" => compared.is_eq(),
        "<" => compared.is_lt() || compared.is_eq() && wanted.get(shared).is_some_and(|patch| *patch > 0),
        "<=" => compared.is_le(),
        ">" | ">=" => compared.is_ge(),
        _ => !(compared.is_eq() && wanted.len() <= release.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full(line: &str) -> Option<String> {
        in_line(line).map(|compat| compat.full())
    }

    #[test]
    fn lines_pin_the_newest_release_they_allow() {
        assert_eq!(full("ansible==2.9.*").as_deref(), Some("2.9.27"));
        assert_eq!(full("ansible>=2.9,<2.10").as_deref(), Some("2.9.27"));
        assert_eq!(full("ansible>=2.10,<2.11,!=2.9.10").as_deref(), Some("2.10.17"));
        assert_eq!(full("ansible-core>=2.16,<2.17").as_deref(), Some("2.16.19"));
        assert_eq!(full("  \"ansible-core>=2.15,<2.17.0\",").as_deref(), Some("2.16.19"));
        assert_eq!(full("ansible-core==2.16.3").as_deref(), Some("2.16.3"));
        assert_eq!(full("ansible==1.9.2").as_deref(), Some("1.9.2"));
        assert_eq!(full("ansible ~= 2.9.0  # lts").as_deref(), Some("2.9.27"));
        assert_eq!(full("deps = ansible-core<2.12").as_deref(), Some("2.11.12"));
        // The bundle went from 2.10 to 3.
        assert_eq!(full("deps = ansible<2.12").as_deref(), Some("2.10.17"));
        assert_eq!(full("ansible>=9,<10").as_deref(), Some("2.16.19"));
        assert_eq!(full("ansible==4.10.0").as_deref(), Some("2.11.12"));
    }

    #[test]
    fn minimums_and_other_packages_pin_nothing() {
        for line in [
            "ansible>=2.9",
            "ansible",
            "ansible-lint==6.0",
            "# ansible==2.9",
            "molecule-ansible==2.9",
            "ansible-runner<2",
            "git+https://github.com/ansible/ansible@stable-2.9",
            "ansible!=2.9.10",
        ] {
            assert_eq!(full(line), None, "{line}");
        }
    }

    #[test]
    fn the_nearest_pin_up_to_the_repository_counts() {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        std::fs::create_dir_all(at("repo/.git")).unwrap();
        std::fs::create_dir_all(at("repo/playbooks")).unwrap();
        std::fs::write(at("requirements.txt"), "ansible==2.4\n").unwrap();
        std::fs::write(at("repo/playbooks/site.yml"), "").unwrap();
        assert_eq!(pinned(&at("repo/playbooks/site.yml")), None);
        std::fs::write(at("repo/test-requirements.txt"), "six\nansible-core<2.17\n").unwrap();
        let pin = pinned(&at("repo/playbooks/site.yml")).unwrap();
        assert_eq!((pin.line, pin.compat.full().as_str()), (2, "2.16.19"));
        let choice = choose(Some(("auto", "--compat")), Some(&at("repo/playbooks/site.yml"))).unwrap();
        assert!(choice.because.unwrap().ends_with("test-requirements.txt:2: ansible-core<2.17"));
        assert!(!choose(Some(("auto", "--compat")), None).unwrap().compat.is_strict());
        assert!(choose(Some(("2.x", "--compat")), None).is_err());
    }
}
