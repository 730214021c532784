//! Sends a Docker image to its registry.
//!
//! Options:
//! - `name` (required): a name, with or without tag; `tag` (default `latest`).
//! - The daemon: `docker_host` (`DOCKER_HOST`), `api_version`, `timeout`, `tls`, `validate_certs`, `tls_hostname`,
//!   `ca_path`, `client_cert`, `client_key`, `use_ssh_client`, `debug`.
//!
//! The login comes from Docker's configuration file or its credential helpers (`docker_login`).
//!
//! Returns: `image`: what the daemon says about it; `actions`.
//!
//! Check mode: none. Diff: none.
//!
//! Example:
//! ```yaml
//! - community.docker.docker_image_push:
//!     name: registry.example.com/app
//!     tag: "1"
//! ```

use rplay_protocol::Reply;

use super::engine::{Engine, TOGETHER, with_connection};
use super::image::{check_tag, push_failure};
use super::inspect::{is_image_id, is_tag, split_tag};
use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Support};

/// `community.docker.docker_image_push`
pub static MODULE: Module = Module {
    name: "docker_image_push",
    collection: "community.docker",
    spec: &ArgSpec {
        args: with_connection![Arg::text("name").required(), Arg::text("tag").default("latest")],
        together: TOGETHER,
        ..ArgSpec::EMPTY
    },
    check: Support::None,
    diff: Support::None,
    run,
};

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let engine = Engine::connect(cx, args)?;
    let (written, tag) = (args.need("name"), args.need("tag"));
    if is_image_id(written) {
        return Err(ModuleError::msg("Cannot push an image by ID"));
    }
    check_tag(tag)?;
    let (name, own) = split_tag(written);
    let (name, tag) = own.map_or((written, tag), |own| (name, own));
    if is_image_id(tag) {
        return Err(ModuleError::msg("Cannot push an image by digest"));
    }
    if !is_tag(tag) {
        return Err(ModuleError::msg(format!("\"{tag}\" is not a valid docker tag!")));
    }
    let Some(image) = engine.image(name, Some(tag))? else {
        return Err(ModuleError::msg(format!("Cannot find image {name}:{tag}")));
    };
    let pushed = engine
        .push(cx, name, tag)
        .map_err(|fault| push_failure(&fault, name, tag, &format!("Error pushing image {name}:{tag}")))?;
    let actions = vec![format!("Pushed image {name}:{tag}")];
    Ok(Reply::changed(pushed.changed).with("actions", actions).with("image", image))
}
