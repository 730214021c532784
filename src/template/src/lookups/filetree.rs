//! Every file, folder and link below folders, with its path, mode, owner and type.

use crate::lookups::terms;
use crate::{Lookup, LookupCall, TemplateError, py};
use minijinja::Value as Mj;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// Every file, folder and link below folders, with its path, mode, owner and type.
pub static LOOKUP: Lookup = Lookup { name: "filetree", collection: "community.general", accepts_undefined: false, run };

fn run(call: &mut LookupCall<'_>) -> Result<Vec<Mj>, TemplateError> {
    let mut out = Vec::new();
    for term in call.terms() {
        let term = terms::text(term)?;
        let root = call.scope().find_file("files", &term).unwrap_or_else(|| Path::new(&term).to_path_buf());
        walk(&root, &root, &mut out);
    }
    Ok(out)
}

/// Names by number from the account databases.
fn name_of(database: &str, number: u32) -> Option<String> {
    let text = fs_err::read_to_string(database).ok()?;
    let number = number.to_string();
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == number).then(|| name.to_owned())
    })
}

fn walk(root: &Path, folder: &Path, out: &mut Vec<Mj>) {
    let Ok(entries) = fs_err::read_dir(folder) else { return };
    let mut paths: Vec<_> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
    paths.sort();
    for path in &paths {
        let Ok(meta) = fs_err::symlink_metadata(path) else { continue };
        let relative = path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned();
        let kind = if meta.is_symlink() {
            "link"
        } else if meta.is_dir() {
            "directory"
        } else {
            "file"
        };
        let text = |text: String| py::text(text);
        let mut row =
            vec![("root", text(format!("{}/", root.display()))), ("path", text(relative)), ("state", py::text(kind))];
        if meta.is_symlink() {
            let target = fs_err::read_link(path).map(|t| t.to_string_lossy().into_owned()).unwrap_or_default();
            row.push(("src", text(target)));
        } else if meta.is_file() {
            row.push(("src", text(path.to_string_lossy().into_owned())));
        }
        let owner = |name: Option<String>, id: u32| name.map_or_else(|| Mj::from(i64::from(id)), py::text);
        row.extend([
            ("uid", Mj::from(i64::from(meta.uid()))),
            ("gid", Mj::from(i64::from(meta.gid()))),
            ("owner", owner(name_of("/etc/passwd", meta.uid()), meta.uid())),
            ("group", owner(name_of("/etc/group", meta.gid()), meta.gid())),
            ("mode", text(format!("0{:o}", meta.mode() & 0o7777))),
            ("size", Mj::from(meta.size() as i64)),
            ("mtime", Mj::from(meta.mtime() as f64 + meta.mtime_nsec() as f64 / 1e9)),
            ("ctime", Mj::from(meta.ctime() as f64 + meta.ctime_nsec() as f64 / 1e9)),
        ]);
        out.push(py::dict_of(row));
    }
    for path in paths.iter().filter(|path| path.is_dir() && !path.is_symlink()) {
        walk(root, path, out);
    }
}
