//! Manages packages with dnf 5 (Fedora 41 and later).
//!
//! dnf 5 is not written in Python, and a system that has it often lacks its Python library: this module drives the
//! program. What changed is read from rpm's database, so `results` names packages as `Installed: x` and `Removed: x`;
//! in check mode it says whether something would change, without the list.
//!
//! Options: those of `dnf`, which describes them, without `use_backend`.
//! - `auto_install_module_deps`: without effect, as no library is needed.
//! - `list`: `installed` or a package that is; others are refused.
//!
//! Returns: `results`, `rc`, `msg`.
//!
//! Check mode: full. Diff: none.
//!
//! Example:
//! ```yaml
//! - dnf5:
//!     name: chrony
//! ```

use rplay_protocol::Reply;

use super::dnf::{RULES, args_with};
use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Support, dnf_program, tools};

/// `ansible.builtin.dnf5`
pub static MODULE: Module = Module {
    name: "dnf5",
    collection: "ansible.builtin",
    spec: &ArgSpec { args: &args_with(Arg::bool("auto_install_module_deps").default("true")), ..RULES },
    check: Support::Full,
    diff: Support::None,
    run,
};

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    dnf_program::run(cx, args, tools::need(cx, "dnf5")?)
}
