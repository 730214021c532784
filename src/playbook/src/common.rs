//! The keywords that a play, role, block or task may all carry, and that the inner ones inherit.

use rplay_diag::Span;
use rplay_value::{Map, Text, Value};

use crate::Field;

/// One condition of `when`, `until`, `changed_when` or `failed_when`.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// A text holding an expression (or, in old playbooks, a template), or a boolean.
    pub value: Value,
    /// Where it was written.
    pub span: Option<Span>,
}

/// Inheritable keywords of one level. Shared by everything that was written at that level.
///
/// The innermost level that sets a keyword wins, except for those said to extend: there all levels count.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Common {
    /// One failed host ends the play for all.
    pub any_errors_fatal: Option<Field<bool>>,
    /// Run as another user.
    pub r#become: Option<Field<bool>>,
    /// The program that changes the user.
    pub become_exe: Option<Field<Text>>,
    /// Flags for that program.
    pub become_flags: Option<Field<Text>>,
    /// `sudo`, `su`, ...
    pub become_method: Option<Field<Text>>,
    /// The user to become.
    pub become_user: Option<Field<Text>>,
    /// Change nothing, say what would change.
    pub check_mode: Option<Field<bool>>,
    /// Where short module and role names are searched. A role's list replaces its surroundings' (`Some(vec![])` too).
    pub collections: Option<Vec<Text>>,
    /// Connection kind.
    pub connection: Option<Field<Text>>,
    /// When to start the debugger.
    pub debugger: Option<Field<Text>>,
    /// Host that does the work in place of the current one. Not on plays.
    pub delegate_to: Option<Field<Text>>,
    /// Facts gathered belong to the delegated host. Not on plays.
    pub delegate_facts: Option<Field<bool>>,
    /// Show differences.
    pub diff: Option<Field<bool>>,
    /// Environment mappings (or templates of such). Extends: outer levels first, later ones win.
    pub environment: Vec<Value>,
    /// Failures do not count.
    pub ignore_errors: Option<Field<bool>>,
    /// Unreachable hosts do not count.
    pub ignore_unreachable: Option<Field<bool>>,
    /// Default options by module name. Extends: outer levels first, later ones win.
    pub module_defaults: Vec<Value>,
    /// Show no arguments and no results.
    pub no_log: Option<Field<bool>>,
    /// Handlers to notify on change; each may be a template, of one name or of a list. Not on plays. Extends.
    pub notify: Vec<Text>,
    /// Connection port.
    pub port: Option<Field<i64>>,
    /// Login user.
    pub remote_user: Option<Field<Text>>,
    /// Only the first host of the batch does it.
    pub run_once: Option<Field<bool>>,
    /// Tags; each may be a template, of one tag or of a list. Extends.
    pub tags: Vec<Text>,
    /// At most so many hosts at a time.
    pub throttle: Option<Field<i64>>,
    /// Seconds after which a task fails; 0 is never.
    pub timeout: Option<Field<i64>>,
    /// Variables of this level.
    pub vars: Map,
    /// Conditions that must all hold. On plays only through a conditional `import_playbook`. Extends: outer first.
    pub when: Vec<Condition>,
}
