//! Puts the agent into the program: `RPLAY_EMBED_AGENT` names its file when `rplay` is built. Without it `rplay` looks
//! for the agent where it runs.

use std::path::Path;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-env-changed=RPLAY_EMBED_AGENT");
    let agent = match env::var_os("RPLAY_EMBED_AGENT") {
        Some(file) => {
            let file = fs::canonicalize(&file).map_err(|error| {
                io::Error::new(error.kind(), format!("RPLAY_EMBED_AGENT={}: {error}", file.display()))
            })?;
            let file = file.display().to_string();
            println!("cargo::rerun-if-changed={file}");
            // As a text of Rust: quoted and escaped.
            format!("Some(include_bytes!({file:?}))")
        }
        None => "None".to_owned(),
    };
    let out = env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("cargo sets OUT_DIR"))?;
    fs::write(Path::new(&out).join("agent.rs"), format!("const EMBEDDED: Option<&[u8]> = {agent};\n"))
}
