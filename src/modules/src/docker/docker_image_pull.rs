//! Pulls a Docker image from its registry.
//!
//! Options:
//! - `name` (required): a name, with or without tag or digest; `tag` (default `latest`); `platform`.
//! - `pull` (default `always`): `always`, `not_present`: only if it is not there (for that platform).
//! - The daemon: `docker_host` (`DOCKER_HOST`), `api_version`, `timeout`, `tls`, `validate_certs`, `tls_hostname`,
//!   `ca_path`, `client_cert`, `client_key`, `use_ssh_client`, `debug`.
//!
//! Returns: `image`: what the daemon says about it; `actions`.
//!
//! Check mode: full. Diff: full.
//!
//! Example:
//! ```yaml
//! - community.docker.docker_image_pull:
//!     name: debian:12
//!     pull: not_present
//! ```

use rplay_protocol::Reply;
use rplay_value::{List, Map, Value};

use super::container::platform;
use super::engine::{Engine, TOGETHER, with_connection};
use super::image::check_tag;
use super::inspect::{is_image_id, split_tag};
use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Support};

/// `community.docker.docker_image_pull`
pub static MODULE: Module = Module {
    name: "docker_image_pull",
    collection: "community.docker",
    spec: &ArgSpec {
        args: with_connection![
            Arg::text("name").required(),
            Arg::text("tag").default("latest"),
            Arg::text("platform"),
            Arg::text("pull").default("always").choices(&["always", "not_present"]),
        ],
        together: TOGETHER,
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::Full,
    run,
};

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let engine = Engine::connect(cx, args)?;
    let platform = args.text("platform");
    if platform.is_some() {
        engine.needs("platform", "1.32")?;
    }
    let (written, tag) = (args.need("name"), args.need("tag"));
    if is_image_id(written) {
        return Err(ModuleError::msg("Cannot pull an image by ID"));
    }
    check_tag(tag)?;
    let (name, own) = split_tag(written);
    let (name, tag) = own.map_or((written, tag), |own| (name, own));
    let image = engine.image(name, Some(tag))?;
    let before = info(image.as_ref());
    let result = |changed: bool, actions: List, image: Option<Map>, after: Map| {
        let diff = Map::from_iter([("before", before.clone()), ("after", after)]);
        let reply = Reply::changed(changed).with("actions", actions);
        reply.with("image", image.unwrap_or_default()).with("diff", diff)
    };
    if args.need("pull") == "not_present"
        && let Some(image) = &image
    {
        let fits = match platform {
            None => true,
            Some(wanted) => platform::fits(wanted, image, &engine.info()?).map_err(ModuleError::msg)?,
        };
        if fits {
            return Ok(result(false, List::new(), Some(image.clone()), before.clone()));
        }
    }
    let actions: List = [format!("Pulled image {name}:{tag}")].into_iter().collect();
    if cx.check() {
        return Ok(result(true, actions, image, Map::from_iter([("id", "unknown")])));
    }
    let (pulled, same) = engine.pull(cx, name, tag, platform)?;
    let after = info(pulled.as_ref());
    Ok(result(!same, actions, pulled, after))
}

/// What is shown of an image.
fn info(image: Option<&Map>) -> Map {
    match image {
        Some(image) => Map::from_iter([("id", image.get("Id").cloned().unwrap_or_default())]),
        None => Map::from_iter([("exists", Value::Bool(false))]),
    }
}
