//! Writes the table of actions from their folder.

fn main() -> std::io::Result<()> {
    rplay_registry::table("src/actions", "crate::actions", "ACTION", "dyn crate::Action", "actions.rs")
}
