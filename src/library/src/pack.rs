//! What a module takes along.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Write as _};
use std::sync::Arc;

use rplay_protocol::{Form, Pack};
use sha2::{Digest as _, Sha256};
use zip::write::SimpleFileOptions;

use crate::imports::{Import, imports};
use crate::kind::{Kind, REPLACER, Shebang, kind};
use crate::sources::Sources;
use crate::{Found, LibraryError};

/// A module, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    /// How it takes its arguments.
    pub form: Form,
    /// The name of its file on the target.
    pub file: String,
    /// Its name among Python's modules; empty for what is not Python.
    pub path: String,
    /// For Python the shared base and the module with what only it imports; else the file.
    pub packs: Vec<Pack>,
    /// What its first line names; `None` for programs that are no scripts.
    pub shebang: Option<Shebang>,
    /// It starts other Pythons with what it imports.
    pub scratch: bool,
}

/// The base that Python modules share.
#[derive(Clone, Debug)]
pub(crate) struct Base {
    pack: Pack,
    files: BTreeSet<String>,
}

/// What the base begins with: the modules' own base, and what ansible-core adds to every module.
const BASE: &[&str] = &[
    "ansible.module_utils.basic",
    "ansible.module_utils._internal._ansiballz._loader",
    "ansible.module_utils._internal._json._profiles._module_legacy_c2m",
    "ansible.module_utils._internal._json._profiles._module_legacy_m2c",
];

/// Names what an interpreter imports before the first module.
const WARM: &str = ".warm";

type Files = BTreeMap<String, Vec<u8>>;

impl Base {
    /// Packs the base.
    pub(crate) fn new(sources: &Sources<'_>) -> Result<Self, LibraryError> {
        let part = |name: &str| name.split('.').map(str::to_owned).collect::<Vec<_>>();
        let mut seeds = Vec::new();
        let mut warm = Vec::new();
        for (at, name) in BASE.iter().enumerate() {
            // All but the first came with ansible-core 2.19.
            if at == 0 || sources.locate(&part(name)).is_some() {
                seeds.push(Import { parts: part(name), optional: false });
                warm.push(*name);
            }
        }
        let mut files = closure("ansible.module_utils.basic", seeds, sources, &BTreeSet::new(), None)?;
        let names = files.keys().cloned().collect();
        files.insert(WARM.to_owned(), warm.join(" ").into_bytes());
        Ok(Self { pack: archive("basic", &files)?, files: names })
    }
}

impl Payload {
    /// Whether an interpreter that is kept runs it.
    pub fn is_python(&self) -> bool {
        self.form == Form::Python
    }

    /// Reads and packs a module.
    pub(crate) fn new(
        found: &Found,
        sources: &Sources<'_>,
        base: impl FnOnce() -> Result<Arc<Base>, LibraryError>,
    ) -> Result<Self, LibraryError> {
        let content =
            std::fs::read(&found.file).map_err(|source| LibraryError::Read { path: found.file.clone(), source })?;
        let form = match kind(&content) {
            Kind::Form(form) => form,
            Kind::PowerShell => return Err(LibraryError::PowerShell { module: found.name.clone() }),
        };
        let file = found.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let shebang = Shebang::of(&content);
        if form != Form::Python {
            if form != Form::Binary && shebang.is_none() {
                return Err(LibraryError::NoInterpreter { module: found.name.clone() });
            }
            let digest = hexadecimal(&Sha256::digest(&content));
            let pack = Pack { digest: digest.into(), content: content.into() };
            let shebang = shebang.filter(|_| form != Form::Binary);
            return Ok(Self { form, file, path: String::new(), packs: vec![pack], shebang, scratch: false });
        }
        let path = found.path();
        let content = match content.windows(REPLACER.len()).position(|window| window == REPLACER) {
            Some(at) => {
                [&content[..at], b"from ansible.module_utils.basic import *", &content[at + REPLACER.len()..]].concat()
            }
            None => content,
        };
        let base = base()?;
        let seeds = imports(&String::from_utf8_lossy(&content), &path, false);
        let mut files = closure(&path, seeds, sources, &base.files, None)?;
        let parts: Vec<&str> = path.split('.').collect();
        for length in 2..parts.len() {
            let package = format!("{}/__init__.py", parts[..length].join("/"));
            if !base.files.contains(&package) {
                files.entry(package).or_default();
            }
        }
        if parts.first() == Some(&"ansible_collections") {
            files.entry("ansible_collections/__init__.py".to_owned()).or_default();
        }
        files.insert(format!("{}.py", parts.join("/")), content);
        let scratch = files.contains_key("ansible/module_utils/common/respawn.py");
        let packs = vec![base.pack.clone(), archive(&found.name, &files)?];
        let shebang = shebang.or_else(|| Some(Shebang { interpreter: "/usr/bin/python".to_owned(), args: Vec::new() }));
        Ok(Self { form, file, path, packs, shebang, scratch })
    }
}

/// The parts of `module_utils` that a Python module needs and that are nowhere, each with the names that were tried.
pub(crate) fn lacking(found: &Found, sources: &Sources<'_>, base: &Base) -> Result<Vec<Vec<String>>, LibraryError> {
    let read = |source| LibraryError::Read { path: found.file.clone(), source };
    let content = std::fs::read(&found.file).map_err(read)?;
    if kind(&content) != Kind::Form(Form::Python) {
        return Ok(Vec::new());
    }
    let path = found.path();
    let seeds = imports(&String::from_utf8_lossy(&content), &path, false);
    let mut missing = Vec::new();
    closure(&path, seeds, sources, &base.files, Some(&mut missing))?;
    Ok(missing)
}

/// Every file that these imports need, and the files that those import, without the ones that are `known`. What is
/// nowhere is an error, or goes to `missing`.
fn closure(
    module: &str,
    seeds: Vec<Import>,
    sources: &Sources<'_>,
    known: &BTreeSet<String>,
    mut missing: Option<&mut Vec<Vec<String>>>,
) -> Result<Files, LibraryError> {
    let mut files = Files::new();
    let mut done: BTreeSet<Vec<String>> = BTreeSet::new();
    let mut open: Vec<(Import, bool)> = seeds.into_iter().map(|import| (import, true)).collect();
    while let Some((import, ambiguous)) = open.pop() {
        if ambiguous && !Sources::travels(&import.parts) || !done.insert(import.parts.clone()) {
            continue;
        }
        let candidates = if ambiguous { Sources::candidates(&import.parts) } else { vec![import.parts.clone()] };
        let Some(located) = candidates.iter().find_map(|parts| sources.locate(parts)) else {
            if import.optional {
                continue;
            }
            let looked_for: Vec<String> = candidates.iter().map(|parts| parts.join(".")).collect();
            if let Some(missing) = &mut missing {
                missing.push(looked_for);
                continue;
            }
            return Err(LibraryError::Missing {
                module: module.to_owned(),
                looked_for,
                no_core: sources.core.is_none(),
            });
        };
        let file = located.file();
        if known.contains(&file) || files.contains_key(&file) {
            continue;
        }
        let name = located.parts.join(".");
        let inner = imports(&String::from_utf8_lossy(&located.text), &name, located.package);
        open.extend(inner.into_iter().map(|import| (import, true)));
        for length in 1..located.parts.len() {
            open.push((Import { parts: located.parts[..length].to_vec(), optional: import.optional }, false));
        }
        files.insert(file, located.text);
    }
    Ok(files)
}

fn archive(module: &str, files: &Files) -> Result<Pack, LibraryError> {
    let failed =
        |reason: &dyn std::fmt::Display| LibraryError::Pack { module: module.to_owned(), reason: reason.to_string() };
    let mut digest = Sha256::new();
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        digest.update((name.len() as u64).to_be_bytes());
        digest.update(name);
        digest.update((content.len() as u64).to_be_bytes());
        digest.update(content);
        writer.start_file(name.as_str(), SimpleFileOptions::default()).map_err(|error| failed(&error))?;
        writer.write_all(content).map_err(|error| failed(&error))?;
    }
    let content = writer.finish().map_err(|error| failed(&error))?.into_inner();
    Ok(Pack { digest: hexadecimal(&digest.finalize()).into(), content: content.into() })
}

fn hexadecimal(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(value.into(), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
