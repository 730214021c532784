//! The folder an image is built from, as the archive that the daemon takes.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use fancy_regex::Regex;

/// The file that says how to build: its name in the archive, and its content where it is not in the folder.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Dockerfile {
    pub(super) name: Option<String>,
    content: Option<String>,
}

impl Dockerfile {
    /// Finds it: relative to the folder, or anywhere.
    pub(super) fn find(written: Option<&str>, folder: &Path) -> io::Result<Self> {
        let Some(written) = written.filter(|written| !written.is_empty()) else {
            return Ok(Self { name: None, content: None });
        };
        let whole = plain(&folder.join(written));
        let folder = plain(folder);
        match whole.strip_prefix(&folder) {
            Ok(inside) if Path::new(written).is_absolute() => {
                Ok(Self { name: Some(inside.to_string_lossy().into_owned()), content: None })
            }
            Ok(_) => Ok(Self { name: Some(written.to_owned()), content: None }),
            Err(_) => {
                let content = fs::read_to_string(&whole)?;
                // A name that nothing in the folder has.
                let unique = tempfile::Builder::new().prefix(".dockerfile.").tempfile()?;
                let name = unique.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
                Ok(Self { name: Some(name), content: Some(content) })
            }
        }
    }
}

/// A path without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::ParentDir => drop(out.pop()),
            std::path::Component::CurDir => {}
            part => out.push(part),
        }
    }
    out
}

/// Packs a folder without what its `.dockerignore` names.
pub(super) fn pack(folder: &Path, dockerfile: &Dockerfile) -> io::Result<fs::File> {
    let ignored = fs::read_to_string(folder.join(".dockerignore")).ok();
    let mut patterns: Vec<String> = ignored
        .iter()
        .flat_map(|text| text.lines())
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(str::to_owned)
        .collect();
    let mut extra = Vec::new();
    if let (Some(name), Some(content)) = (&dockerfile.name, &dockerfile.content) {
        let mut lines = if patterns.is_empty() { vec![".dockerignore".to_owned()] } else { patterns.clone() };
        lines.push(name.clone());
        extra.push((".dockerignore", lines.join("\n")));
        extra.push((name.as_str(), content.clone()));
    }
    patterns.push(format!("!{}", dockerfile.name.as_deref().unwrap_or("Dockerfile")));
    let patterns = Patterns::read(&patterns);
    let mut files = BTreeSet::new();
    patterns.walk(folder, Path::new(""), &mut files)?;
    let mut archive = tar::Builder::new(tempfile::tempfile()?);
    archive.follow_symlinks(false);
    archive.mode(tar::HeaderMode::Complete);
    for path in files {
        let name = path.to_string_lossy();
        let kind = fs::symlink_metadata(folder.join(&path))?.file_type();
        // Sockets cannot be packed, and nobody builds from them.
        let is_socket = std::os::unix::fs::FileTypeExt::is_socket(&kind);
        if !is_socket && !extra.iter().any(|(extra, _)| *extra == name) {
            archive.append_path_with_name(folder.join(&path), &path)?;
        }
    }
    for (name, content) in extra {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, name, content.as_bytes())?;
    }
    let mut file = archive.into_inner()?;
    file.seek(SeekFrom::Start(0))?;
    Ok(file)
}

/// The lines of a `.dockerignore`; the last one that matches decides.
struct Patterns(Vec<Pattern>);

struct Pattern {
    includes: bool,
    parts: usize,
    text: String,
    regex: Option<Regex>,
}

impl Patterns {
    fn read(lines: &[String]) -> Self {
        let read = |line: &str| {
            let (includes, line) = line.strip_prefix('!').map_or((false, line), |rest| (true, rest));
            let mut parts: Vec<&str> = Vec::new();
            for part in line.trim().split('/').filter(|part| !part.is_empty() && *part != ".") {
                match part {
                    ".." => drop(parts.pop()),
                    part => parts.push(part),
                }
            }
            let text = parts.join("/");
            let regex = Regex::new(&translate(&text.to_lowercase())).ok();
            Pattern { includes, parts: parts.len(), text, regex }
        };
        let lines = lines.iter().map(String::as_str).map(read).filter(|pattern| pattern.parts > 0);
        Self(lines.chain([read("!.dockerignore")]).collect())
    }

    fn excludes(&self, path: &str) -> bool {
        let parent: Vec<&str> = path.split('/').collect();
        let parent = &parent[..parent.len() - 1];
        let mut excluded = false;
        for pattern in &self.0 {
            let matches = |text: &str| {
                pattern.regex.as_ref().is_some_and(|regex| regex.is_match(&text.to_lowercase()).unwrap_or(false))
            };
            let above = !parent.is_empty() && pattern.parts <= parent.len();
            if matches(path) || above && matches(&parent[..pattern.parts].join("/")) {
                excluded = !pattern.includes;
            }
        }
        excluded
    }

    fn walk(&self, root: &Path, inside: &Path, found: &mut BTreeSet<PathBuf>) -> io::Result<()> {
        for entry in fs::read_dir(root.join(inside))? {
            let entry = entry?;
            let path = inside.join(entry.file_name());
            let name = path.to_string_lossy().into_owned();
            let excluded = self.excludes(&name);
            if !excluded {
                found.insert(path.clone());
            }
            // Something in an excluded folder may be included again.
            let may_hold = || self.0.iter().any(|pattern| pattern.includes && pattern.text.starts_with(&name));
            if entry.file_type()?.is_dir() && (!excluded || may_hold()) {
                self.walk(root, &path, found)?;
            }
        }
        Ok(())
    }
}

/// A pattern of a `.dockerignore` as a regular expression; `**` is any number of folders.
fn translate(pattern: &str) -> String {
    let mut regex = String::from("^");
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '*' if rest.starts_with('*') => {
                rest = rest[1..].strip_prefix('/').unwrap_or(&rest[1..]);
                regex.push_str(if rest.is_empty() { ".*" } else { "(.*/)?" });
            }
            '*' => regex.push_str("[^/]*"),
            '?' => regex.push_str("[^/]"),
            '[' => {
                let start = usize::from(rest.starts_with('!'));
                let start = start + usize::from(rest[start..].starts_with(']'));
                if let Some(end) = rest[start..].find(']').map(|at| at + start) {
                    let class = rest[..end].replace('\\', "\\\\").replace('[', "\\[");
                    let class = match class.strip_prefix('!') {
                        Some(others) => format!("^{others}"),
                        None => class.strip_prefix('^').map_or(class.clone(), |others| format!("\\^{others}")),
                    };
                    regex.push_str(&format!("[{class}]"));
                    rest = &rest[end + 1..];
                } else {
                    regex.push_str("\\[");
                }
            }
            c => regex.push_str(&fancy_regex::escape(c.to_string().as_str())),
        }
    }
    regex + "$"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(ignore: &str, dockerfile: &Dockerfile) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        for (path, content) in [
            ("Dockerfile", "FROM x"),
            (".dockerignore", ignore),
            ("a/b.md", ""),
            ("a/README.md", ""),
            ("c/d/e.txt", ""),
        ] {
            fs_err::create_dir_all(folder.path().join(path).parent().unwrap()).unwrap();
            fs_err::write(folder.path().join(path), content).unwrap();
        }
        std::os::unix::fs::symlink("missing", folder.path().join("link")).unwrap();
        let mut archive = tar::Archive::new(pack(folder.path(), dockerfile).unwrap());
        archive.entries().unwrap().map(|entry| entry.unwrap().path().unwrap().display().to_string()).collect()
    }

    #[test]
    fn ignored_files_are_not_packed() {
        let inside = Dockerfile { name: None, content: None };
        assert_eq!(packed("a/*.md\n!a/README.md\n**/d\n# comment\n*", &inside), [".dockerignore", "Dockerfile"]);
        assert_eq!(
            packed("a/*.md\n!a/README.md\n**/d", &inside),
            [".dockerignore", "Dockerfile", "a", "a/README.md", "c", "link"]
        );
    }

    #[test]
    fn a_dockerfile_from_elsewhere_is_added() {
        let outside = Dockerfile { name: Some(".dockerfile.x".into()), content: Some("FROM y".into()) };
        let names = packed("a", &outside);
        assert!(names.ends_with(&[".dockerignore".to_owned(), ".dockerfile.x".to_owned()]), "{names:?}");
    }

    #[test]
    fn dockerfiles_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let name = |written: &str| Dockerfile::find(Some(written), folder.path()).map(|file| file.name);
        assert_eq!(name("sub/Dockerfile").unwrap(), Some("sub/Dockerfile".into()));
        assert_eq!(name(folder.path().join("D").to_str().unwrap()).unwrap(), Some("D".into()));
        assert!(name("../none").is_err());
    }
}
