//! Describes Docker images that are on the host.
//!
//! Options:
//! - `name`: names (with or without tag or digest) or ids; without it all images are described.
//! - The daemon: `docker_host` (`DOCKER_HOST`), `api_version`, `timeout`, `tls`, `validate_certs`, `tls_hostname`,
//!   `ca_path`, `client_cert`, `client_key`, `use_ssh_client`, `debug`.
//!
//! Returns: `images`: what the daemon says about those that exist.
//!
//! Check mode: full. Diff: none.
//!
//! Example:
//! ```yaml
//! - community.docker.docker_image_info:
//!     name: [debian:12, registry:2]
//!   register: images
//! ```

use rplay_protocol::Reply;
use rplay_value::{List, Value};

use super::engine::{Engine, TOGETHER, with_connection};
use super::inspect::{items, text};
use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Support};

/// `community.docker.docker_image_info`
pub static MODULE: Module = Module {
    name: "docker_image_info",
    collection: "community.docker",
    spec: &ArgSpec { args: with_connection![Arg::list("name")], together: TOGETHER, ..ArgSpec::EMPTY },
    check: Support::Full,
    diff: Support::None,
    run,
};

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let engine = Engine::connect(cx, args)?;
    let names = args.texts("name");
    let mut images = List::new();
    if names.is_empty() {
        let list = engine.get("/images/json").param("only_ids", 0).param("all", 0).value()?;
        for image in items(&list) {
            images.push(engine.image_by_id(text(image, "Id"))?.map_or(Value::Null, Value::Map));
        }
    }
    for name in names {
        if let Some(image) = engine.image_written(name)? {
            images.push(image);
        }
    }
    Ok(Reply::ok().with("images", images))
}
