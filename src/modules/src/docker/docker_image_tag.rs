//! Gives Docker images further names.
//!
//! Options:
//! - `name` (required): a name, with or without tag, or an id; `tag` (default `latest`).
//! - `repository` (required): the names it gets, with or without tag.
//! - `existing_images` (default `overwrite`): `keep`, `overwrite`: what happens to an image that has the name.
//! - The daemon: `docker_host` (`DOCKER_HOST`), `api_version`, `timeout`, `tls`, `validate_certs`, `tls_hostname`,
//!   `ca_path`, `client_cert`, `client_key`, `use_ssh_client`, `debug`.
//!
//! Returns: `image`: what the daemon says about it; `tagged_images`; `actions`.
//!
//! Check mode: full. Diff: full.
//!
//! Example:
//! ```yaml
//! - community.docker.docker_image_tag:
//!     name: app:1
//!     repository: [registry.example.com/app:1, app:stable]
//! ```

use rplay_protocol::Reply;
use rplay_value::{List, Map, Value};

use super::engine::{Engine, TOGETHER, with_connection};
use super::image::check_tag_of_name;
use super::inspect::{is_image_id, is_tag, split_tag, text};
use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Support};

/// `community.docker.docker_image_tag`
pub static MODULE: Module = Module {
    name: "docker_image_tag",
    collection: "community.docker",
    spec: &ArgSpec {
        args: with_connection![
            Arg::text("name").required(),
            Arg::text("tag").default("latest"),
            Arg::list("repository").required(),
            Arg::text("existing_images").default("overwrite").choices(&["keep", "overwrite"]),
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
    let (written, tag) = (args.need("name"), args.need("tag"));
    check_tag_of_name(tag)?;
    let targets = targets(args, tag)?;
    let image = if is_image_id(written) {
        let missing = || ModuleError::msg(format!("Error inspecting image ID {written} - no such image"));
        engine.image_by_id(written)?.ok_or_else(missing)?
    } else {
        let (name, own) = split_tag(written);
        let (name, tag) = own.map_or((written, tag), |own| (name, own));
        let missing = || ModuleError::msg(format!("Cannot find image {name}:{tag}"));
        engine.image(name, Some(tag))?.ok_or_else(missing)?
    };
    let image = Value::Map(image);
    let id = text(&image, "Id");
    let (mut actions, mut tagged, mut before, mut after) = (List::new(), List::new(), List::new(), List::new());
    for (name, tag) in targets {
        let old = engine.image(name, Some(tag))?.map(Value::Map);
        let old_id = old.as_ref().map(|old| text(old, "Id"));
        let (tags, why) = match old_id {
            Some(old) if old == id => (false, format!("target image already exists ({old}) and is as expected")),
            Some(old) if args.need("existing_images") == "keep" => {
                (false, format!("target image already exists ({old}) and is not as expected, but kept"))
            }
            Some(old) => (true, format!("target image existed ({old}) and was not as expected")),
            None => (true, "target image did not exist".to_owned()),
        };
        if tags && !cx.check() {
            engine
                .tag(id, name, tag)
                .map_err(|fault| fault.while_doing(format!("Error: failed to tag image as {name}:{tag} - ")))?;
        }
        before.push(info(name, tag, old_id));
        after.push(info(name, tag, if tags { Some(id) } else { old_id }));
        let did = if tags { "Tagged" } else { "Not tagged" };
        actions.push(format!("{did} image {id} as {name}:{tag}: {why}"));
        if tags {
            tagged.push(format!("{name}:{tag}"));
        }
    }
    let images = |list: List| Map::from_iter([("images", list)]);
    let diff = Map::from_iter([("before", images(before)), ("after", images(after))]);
    let reply = Reply::changed(!tagged.is_empty()).with("actions", actions).with("image", image.clone());
    Ok(reply.with("tagged_images", tagged).with("diff", diff))
}

/// The names that are given, each with its tag.
fn targets<'a>(args: &'a Args, tag: &'a str) -> Result<Vec<(&'a str, &'a str)>, ModuleError> {
    let target = |(index, written): (usize, &'a str)| {
        let number = index + 1;
        if is_image_id(written) {
            return Err(ModuleError::msg(format!("repository[{number}] must not be an image ID; got: {written}")));
        }
        match split_tag(written) {
            (name, None) => Ok((name, tag)),
            (name, Some(own)) if is_tag(own) => Ok((name, own)),
            _ => Err(ModuleError::msg(format!("repository[{number}] must not have a digest; got: {written}"))),
        }
    };
    args.texts("repository").into_iter().enumerate().map(target).collect()
}

fn info(name: &str, tag: &str, id: Option<&str>) -> Map {
    let last = match id {
        Some(id) => ("id", Value::from(id)),
        None => ("exists", Value::Bool(false)),
    };
    Map::from_iter([("name", Value::from(name)), ("tag", tag.into()), last])
}
