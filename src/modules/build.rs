//! Writes the table of modules from the folders of this crate.

fn main() -> std::io::Result<()> {
    for collection in ["builtin", "posix", "general", "crypto", "docker", "libvirt"] {
        let folder = format!("src/{collection}");
        let path = format!("crate::{collection}");
        rplay_registry::table(&folder, &path, "MODULE", "crate::Module", &format!("{collection}.rs"))?;
    }
    Ok(())
}
