//! Describes a Docker network.
//!
//! Options:
//! - `name` (required): name or id.
//! - The daemon: `docker_host` (`DOCKER_HOST`), `api_version`, `timeout`, `tls`, `validate_certs`, `tls_hostname`,
//!   `ca_path`, `client_cert`, `client_key`, `use_ssh_client`, `debug`.
//!
//! Returns: `exists`, `network`: what the daemon says about it, or nothing.
//!
//! Check mode: full. Diff: none.
//!
//! Example:
//! ```yaml
//! - community.docker.docker_network_info:
//!     name: web
//!   register: web
//! ```

use rplay_protocol::Reply;

use super::engine::{Engine, TOGETHER, with_connection};
use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Support};

/// `community.docker.docker_network_info`
pub static MODULE: Module = Module {
    name: "docker_network_info",
    collection: "community.docker",
    spec: &ArgSpec { args: with_connection![Arg::text("name").required()], together: TOGETHER, ..ArgSpec::EMPTY },
    check: Support::Full,
    diff: Support::None,
    run,
};

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let found = Engine::connect(cx, args)?.network(args.need("name"))?;
    Ok(Reply::ok().with("exists", found.is_some()).with("network", found))
}
