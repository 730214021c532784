//! Python's `posixpath` and `ntpath`, as the path filters use them.

use crate::{FilterCall, TemplateError, py};

/// The input as a path; anything but text is refused as `os.fspath` would.
pub(crate) fn input(call: &FilterCall<'_>) -> Result<String, TemplateError> {
    if let Some(path) = call.input().as_str() {
        Ok(path.to_owned())
    } else {
        let name = py::type_name(call.input());
        Err(TemplateError::type_error(format!("expected str, bytes or os.PathLike object, not {name}")))
    }
}

/// `os.path.split`.
pub(crate) fn split(path: &str) -> (&str, &str) {
    let at = path.rfind('/').map_or(0, |at| at + 1);
    let (head, tail) = path.split_at(at);
    let trimmed = head.trim_end_matches('/');
    (if trimmed.is_empty() { head } else { trimmed }, tail)
}

/// `os.path.join`.
pub(crate) fn join(head: &str, tail: &str) -> String {
    if tail.starts_with('/') || head.is_empty() {
        tail.to_owned()
    } else if head.ends_with('/') {
        format!("{head}{tail}")
    } else {
        format!("{head}/{tail}")
    }
}

/// `os.path.normpath`.
pub(crate) fn normalize(path: &str) -> String {
    if path.is_empty() {
        return ".".to_owned();
    }
    // POSIX gives exactly two leading slashes a meaning of their own.
    let root = match path.len() - path.trim_start_matches('/').len() {
        0 => "",
        2 => "//",
        _ => "/",
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if !root.is_empty() => {}
            part => parts.push(part),
        }
    }
    let text = format!("{root}{}", parts.join("/"));
    if text.is_empty() { ".".to_owned() } else { text }
}

/// `os.path.abspath`.
pub(crate) fn absolute(path: &str) -> String {
    if path.starts_with('/') {
        return normalize(path);
    }
    let here = std::env::current_dir().map(|dir| dir.to_string_lossy().into_owned()).unwrap_or_default();
    normalize(&join(&here, path))
}

/// `os.path.realpath`: what exists is followed through links, the rest is kept.
pub(crate) fn real(path: &str) -> String {
    let path = absolute(path);
    let mut rest: Vec<&str> = Vec::new();
    let mut head = path.as_str();
    loop {
        if let Ok(found) = fs_err::canonicalize(head) {
            let mut found = found.to_string_lossy().into_owned();
            for part in rest.iter().rev() {
                found = join(&found, part);
            }
            return found;
        }
        let (parent, name) = split(head);
        if name.is_empty() || parent == head {
            return path.clone();
        }
        rest.push(name);
        head = parent;
    }
}

/// `os.path.relpath`.
pub(crate) fn relative(path: &str, start: &str) -> String {
    let (path, start) = (absolute(path), absolute(start));
    let parts = |path: &str| path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    let (path, start) = (parts(&path), parts(&start));
    let common = path.iter().zip(&start).take_while(|(a, b)| a == b).count();
    let mut out: Vec<String> = vec!["..".to_owned(); start.len() - common];
    out.extend(path[common..].iter().cloned());
    if out.is_empty() { ".".to_owned() } else { out.join("/") }
}

/// `os.path.splitext`: leading dots of the name belong to it.
pub(crate) fn split_extension(path: &str) -> (&str, &str) {
    let name_start = path.rfind('/').map_or(0, |at| at + 1);
    let name = &path[name_start..];
    let lead = name.len() - name.trim_start_matches('.').len();
    match name[lead..].rfind('.') {
        Some(at) => path.split_at(name_start + lead + at),
        None => (path, ""),
    }
}

/// `os.path.expanduser`.
pub(crate) fn expand_user(path: &str) -> String {
    let Some(rest) = path.strip_prefix('~') else { return path.to_owned() };
    let (user, tail) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let home = if user.is_empty() { std::env::var("HOME").ok().or_else(|| home_of(None)) } else { home_of(Some(user)) };
    match home {
        Some(home) => {
            let joined = format!("{}{tail}", home.trim_end_matches('/'));
            if joined.is_empty() { "/".to_owned() } else { joined }
        }
        None => path.to_owned(),
    }
}

/// A home folder from the account database: of a user, or of whoever runs this.
fn home_of(user: Option<&str>) -> Option<String> {
    let accounts = fs_err::read_to_string("/etc/passwd").ok()?;
    let uid = fs_err::metadata("/proc/self").ok().map(|m| std::os::unix::fs::MetadataExt::uid(&m).to_string());
    accounts.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let wanted = match user {
            Some(user) => fields.first() == Some(&user),
            None => fields.get(2).map(|field| (*field).to_owned()) == uid,
        };
        wanted.then(|| fields.get(5).map(|home| (*home).to_owned())).flatten()
    })
}

/// `os.path.expandvars`: `$NAME` and `${NAME}`; names that are not set stay.
pub(crate) fn expand_variables(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    let mut rest = path;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let is_name = |c: char| c == '_' || c.is_ascii_alphanumeric();
        let (name, length) = if let Some(inner) = rest[1..].strip_prefix('{') {
            match inner.find('}') {
                Some(end) => (&inner[..end], end + 3),
                None => ("", 1),
            }
        } else {
            let end = rest[1..].find(|c| !is_name(c)).unwrap_or(rest.len() - 1);
            (&rest[1..=end], end + 1)
        };
        match (!name.is_empty()).then(|| std::env::var(name).ok()).flatten() {
            Some(value) => out.push_str(&value),
            None => out.push_str(&rest[..length]),
        }
        rest = &rest[length..];
    }
    out + rest
}

/// `ntpath.splitdrive`.
pub(crate) fn nt_split_drive(path: &str) -> (&str, &str) {
    let is_slash = |b: u8| b == b'/' || b == b'\\';
    let bytes = path.as_bytes();
    if bytes.len() >= 2 && is_slash(bytes[0]) && is_slash(bytes[1]) {
        // A share: \\server\share
        let mut slashes = path.bytes().enumerate().skip(2).filter(|(_, b)| is_slash(*b)).map(|(at, _)| at);
        let (first, second) = (slashes.next(), slashes.next());
        return match first {
            None => (path, ""),
            Some(_) => path.split_at(second.unwrap_or(path.len())),
        };
    }
    if bytes.get(1) == Some(&b':') { path.split_at(2) } else { ("", path) }
}

/// `ntpath.split`.
pub(crate) fn nt_split(path: &str) -> (String, &str) {
    let (drive, rest) = nt_split_drive(path);
    let at = rest.rfind(['/', '\\']).map_or(0, |at| at + 1);
    let (head, tail) = rest.split_at(at);
    let trimmed = head.trim_end_matches(['/', '\\']);
    (format!("{drive}{}", if trimmed.is_empty() { head } else { trimmed }), tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_go_as_in_python() {
        assert_eq!(split("/a/b/"), ("/a/b", ""));
        assert_eq!(split("//a"), ("//", "a"));
        assert_eq!(normalize("a/./b/../../../c//"), "../c");
        assert_eq!(normalize("/../a"), "/a");
        assert_eq!(normalize("//a"), "//a");
        assert_eq!(relative("/a/b", "/a/c/d"), "../../b");
        assert_eq!(split_extension("a/.bashrc"), ("a/.bashrc", ""));
        assert_eq!(split_extension("a.tar.gz"), ("a.tar", ".gz"));
        assert_eq!(nt_split(r"C:\a\b.txt"), (r"C:\a".to_owned(), "b.txt"));
        assert_eq!(nt_split_drive(r"\\host\share\x"), (r"\\host\share", r"\x"));
        assert_eq!(join("a", "/b"), "/b");
        assert_eq!(expand_variables("$NOT_SET_ANYWHERE/${ALSO_NOT}"), "$NOT_SET_ANYWHERE/${ALSO_NOT}");
    }
}
