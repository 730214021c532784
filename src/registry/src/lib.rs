//! Turns a folder of one-file plugins into a sorted table, at build time.
//!
//! Modules, filters, tests, lookups, actions, sinks and connections are each one file that holds one
//! `pub static`. A build script calls [`table`], and the crate includes what it wrote. The `mod x;` line stays
//! hand-written, so rustfmt and rust-analyzer see every file; a forgotten line is a compile error that names it.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs, io};

/// Writes `$OUT_DIR/<output>`: a static called `TABLE` of `(name, &item, documentation)` rows, sorted by name, for
/// every `.rs` file in `folder` (relative to the crate) that holds a `pub static <item>:` or `pub(crate) static`.
///
/// `path` is the module path of the folder as the crate writes it (`crate::filters`), `kind` the Rust type of a row.
/// Documentation is the file's `//!` header, for `rplay doc`.
pub fn table(folder: &str, path: &str, item: &str, kind: &str, output: &str) -> io::Result<()> {
    #[expect(clippy::print_stdout, reason = "how a build script talks to cargo")]
    {
        println!("cargo::rerun-if-changed={folder}");
    }
    let mut names: Vec<String> = fs::read_dir(folder)?
        .filter_map(Result::ok)
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter_map(|file| file.strip_suffix(".rs").map(str::to_owned))
        .filter(|name| name != "mod" && name != "lib")
        .collect();
    names.sort();
    let mut text = format!(
        "/// Every entry of this folder, sorted by file name.\npub static TABLE: &[(&str, &{kind}, &str)] = &[\n"
    );
    for name in names {
        let source = fs::read_to_string(Path::new(folder).join(format!("{name}.rs")))?;
        if !source.contains(&format!("static {item}:")) {
            continue;
        }
        let doc: Vec<&str> = source
            .lines()
            .take_while(|line| line.starts_with("//!"))
            .map(|line| line.trim_start_matches("//!").strip_prefix(' ').unwrap_or_default())
            .collect();
        let ident = if is_keyword(&name) { format!("r#{name}") } else { name.clone() };
        writeln!(text, "    ({:?}, &{path}::{ident}::{item}, {:?}),", name, doc.join("\n"))
            .map_err(io::Error::other)?;
    }
    text.push_str("];\n");
    let out =
        env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("OUT_DIR is not set: call this from a build script"))?;
    fs::write(Path::new(&out).join(output), text)
}

/// A file may be called like a keyword by ending in `_` (`abs.rs` is fine, `match_.rs` is not needed: `r#match`).
fn is_keyword(name: &str) -> bool {
    matches!(name, "match" | "type" | "in" | "if" | "loop" | "ref" | "move" | "use" | "mod" | "true" | "false")
}
