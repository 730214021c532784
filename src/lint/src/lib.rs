//! Static checks of playbooks, roles, task files, templates and inventories against a release of Ansible: what it
//! refuses, what it warns about, and what to write instead. Nothing runs and no host is known.
//!
//! Files are read one by one as they are, not from a playbook through its imports: a role that no playbook uses is
//! checked too, and one mistake does not hide the next.
//!
//! Start reading at [`Lint`], then `playbook.rs` (where in a file what stands) and the rules: `keywords.rs`,
//! `conditions.rs`, `loops.rs`, `templates.rs`, `modules.rs`, `inventory.rs`. A rule is a [`Rule`] beside its code.

mod conditions;
mod files;
mod finding;
mod inventory;
mod keywords;
mod lint;
mod loops;
mod modules;
mod playbook;
mod templates;

pub use finding::{Finding, Level, Record, Rule};
pub use lint::{Lint, Options};

/// Every rule, by the file it stands in.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    [lint::RULES, keywords::RULES, conditions::RULES, loops::RULES, templates::RULES, modules::RULES, inventory::RULES]
        .into_iter()
        .flatten()
        .copied()
}
