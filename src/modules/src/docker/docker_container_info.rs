//! Describes a Docker container.
//!
//! Options:
//! - `name` (required): name or id.
//! - The daemon: `docker_host` (`DOCKER_HOST`), `api_version`, `timeout`, `tls`, `validate_certs`, `tls_hostname`,
//!   `ca_path`, `client_cert`, `client_key`, `use_ssh_client`, `debug`.
//!
//! Returns: `exists`, `container`: what the daemon says about it, or nothing.
//!
//! Check mode: full. Diff: none.
//!
//! Example:
//! ```yaml
//! - community.docker.docker_container_info:
//!     name: web
//!   register: web
//! ```

use rplay_protocol::Reply;

use super::engine::{Engine, TOGETHER, with_connection};
use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Support};

/// `community.docker.docker_container_info`
pub static MODULE: Module = Module {
    name: "docker_container_info",
    collection: "community.docker",
    spec: &ArgSpec { args: with_connection![Arg::text("name").required()], together: TOGETHER, ..ArgSpec::EMPTY },
    check: Support::Full,
    diff: Support::None,
    run,
};

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let found = Engine::connect(cx, args)?.container(args.need("name"))?;
    Ok(Reply::ok().with("exists", found.is_some()).with("container", found))
}
