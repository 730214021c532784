//! Gathers facts about the target, with Ansible's names: `ansible_distribution`, `ansible_default_ipv4`, ...
//!
//! Options:
//! - `gather_subset` (list, default `all`): collectors or fact names to gather; `!name` leaves one out, `min` is the small
//!   set that is always gathered unless `!min`, `!all` means only that set.
//! - `filter` (list): globs of fact names to return, with or without `ansible_`.
//! - `gather_timeout` (seconds, default 10): how long one slow source (a dead NFS mount) may take.
//! - `fact_path` (default `/etc/ansible/facts.d`): folder of local facts, `*.fact` files: JSON, INI or programs.
//!
//! Returns: `ansible_facts`.
//!
//! Check mode: full. Diff: none.
//!
//! Example:
//! ```yaml
//! - setup:
//!     gather_subset: ["!all", "network"]
//!     filter: default_ipv4
//! ```

use rplay_protocol::Reply;

use crate::facts::{Request, gather};
use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Support};

/// `ansible.builtin.setup`
pub static MODULE: Module = Module {
    name: "setup",
    collection: "ansible.builtin",
    spec: &ArgSpec {
        args: &[
            Arg::list("gather_subset").default("all"),
            Arg::int("gather_timeout").default("10"),
            Arg::list("filter"),
            Arg::path("fact_path").default("/etc/ansible/facts.d"),
        ],
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::None,
    run,
};

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let request = Request {
        subset: args.texts("gather_subset"),
        filter: args.texts("filter"),
        timeout: args.int("gather_timeout").and_then(|seconds| u64::try_from(seconds).ok()).unwrap_or(10),
        fact_path: args.need("fact_path"),
    };
    let (facts, warnings) = gather(cx, &request)?;
    for warning in warnings {
        cx.warn(warning);
    }
    Ok(Reply::ok().with("ansible_facts", facts))
}
