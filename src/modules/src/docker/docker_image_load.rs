//! Loads Docker images from an archive.
//!
//! Options:
//! - `path` (required): the archive on the host.
//! - The daemon: `docker_host` (`DOCKER_HOST`), `api_version`, `timeout`, `tls`, `validate_certs`, `tls_hostname`,
//!   `ca_path`, `client_cert`, `client_key`, `use_ssh_client`, `debug`.
//!
//! Returns: `image_names`, `images`: what the daemon says about them; `stdout`.
//!
//! Check mode: none. Diff: none.
//!
//! Example:
//! ```yaml
//! - community.docker.docker_image_load:
//!     path: /srv/images.tar
//! ```

use std::path::Path;

use rplay_protocol::Reply;
use rplay_value::List;

use super::engine::{Engine, TOGETHER, with_connection};
use super::image::loaded;
use super::inspect::is_image_id;
use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Support};

/// `community.docker.docker_image_load`
pub static MODULE: Module = Module {
    name: "docker_image_load",
    collection: "community.docker",
    spec: &ArgSpec { args: with_connection![Arg::path("path").required()], together: TOGETHER, ..ArgSpec::EMPTY },
    check: Support::None,
    diff: Support::None,
    run,
};

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let engine = Engine::connect(cx, args)?;
    let path = args.need("path");
    let lines = engine.load(&cx.path(path)).map_err(|error| {
        let (opening, loading) = (format!("Error opening archive {path}"), format!("Error loading archive {path}"));
        error.while_doing(&opening, &loading, Path::new(path))
    })?;
    // In the order they were loaded.
    let names: Vec<&str> = lines
        .iter()
        .flat_map(|line| {
            let (names, ids) = loaded(std::slice::from_ref(line));
            names.into_iter().chain(ids).collect::<Vec<_>>()
        })
        .collect();
    let stdout = lines.join("\n");
    if names.is_empty() {
        let reply = Reply::failure("Detected no loaded images. Archive potentially corrupt?").with("stdout", stdout);
        return Err(ModuleError::reply(reply));
    }
    let mut images = List::new();
    for name in &names {
        if is_image_id(name) {
            images.push(engine.image_by_id(name)?);
        } else if let Some((name, tag)) = name.rsplit_once(':') {
            images.push(engine.image(name, Some(tag))?);
        } else {
            cx.warn(format!("Image name \"{name}\" is neither ID nor has a tag"));
        }
    }
    Ok(Reply::changed(true).with("image_names", names).with("images", images).with("stdout", stdout))
}
