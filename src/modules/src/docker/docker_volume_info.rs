//! Describes a Docker volume.
//!
//! Options:
//! - `name` (required, alias `volume_name`).
//! - The daemon: `docker_host` (`DOCKER_HOST`), `api_version`, `timeout`, `tls`, `validate_certs`, `tls_hostname`,
//!   `ca_path`, `client_cert`, `client_key`, `use_ssh_client`, `debug`.
//!
//! Returns: `exists`, `volume`: what the daemon says about it, or nothing.
//!
//! Check mode: full. Diff: none.
//!
//! Example:
//! ```yaml
//! - community.docker.docker_volume_info:
//!     name: data
//!   register: data
//! ```

use rplay_protocol::Reply;
use rplay_value::Value;

use super::engine::{Engine, TOGETHER, quoted, with_connection};
use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Support};

/// `community.docker.docker_volume_info`
pub static MODULE: Module = Module {
    name: "docker_volume_info",
    collection: "community.docker",
    spec: &ArgSpec {
        args: with_connection![Arg::text("name").required().alias(&["volume_name"])],
        together: TOGETHER,
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::None,
    run,
};

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let engine = Engine::connect(cx, args)?;
    let volume = match engine.get(&format!("/volumes/{}", quoted(args.need("name")))).value() {
        Ok(volume) => volume,
        Err(fault) if fault.is_not_found() => Value::Null,
        Err(fault) => return Err(fault.while_doing("Error inspecting volume: ")),
    };
    Ok(Reply::ok().with("exists", volume.is_true()).with("volume", volume))
}
