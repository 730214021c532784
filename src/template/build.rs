//! Writes the tables of filters, tests and lookups from their folders.

fn main() -> std::io::Result<()> {
    rplay_registry::table("src/filters", "crate::filters", "FILTER", "crate::Filter", "filters.rs")?;
    rplay_registry::table("src/tests", "crate::tests", "TEST", "crate::Test", "tests.rs")?;
    rplay_registry::table("src/lookups", "crate::lookups", "LOOKUP", "crate::Lookup", "lookups.rs")?;
    Ok(())
}
