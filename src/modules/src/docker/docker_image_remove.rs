//! Removes Docker images, or names of them.
//!
//! Options:
//! - `name` (required): a name, with or without tag or digest, or an id; `tag` (default `latest`).
//! - `force` (default `false`): even if it has other names; `prune` (default `true`): its parents without a name, too.
//! - The daemon: `docker_host` (`DOCKER_HOST`), `api_version`, `timeout`, `tls`, `validate_certs`, `tls_hostname`,
//!   `ca_path`, `client_cert`, `client_key`, `use_ssh_client`, `debug`.
//!
//! Returns: `image`: what the daemon said about it; `deleted`, `untagged`, `actions`.
//!
//! Check mode: full. Diff: full.
//!
//! Example:
//! ```yaml
//! - community.docker.docker_image_remove:
//!     name: app:1
//! ```

use rplay_protocol::Reply;
use rplay_value::{List, Map, Value};

use super::engine::{Engine, TOGETHER, quoted, with_connection};
use super::image::check_tag_of_name;
use super::inspect::{is_image_id, items, split_tag};
use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Support};

/// `community.docker.docker_image_remove`
pub static MODULE: Module = Module {
    name: "docker_image_remove",
    collection: "community.docker",
    spec: &ArgSpec {
        args: with_connection![
            Arg::text("name").required(),
            Arg::text("tag").default("latest"),
            Arg::bool("force").default("false"),
            Arg::bool("prune").default("true"),
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
    let by_id = is_image_id(written);
    let (name, own) = if by_id { (written, None) } else { split_tag(written) };
    let tag = own.unwrap_or(tag);
    let full = if by_id || tag.is_empty() { name.to_owned() } else { format!("{name}:{tag}") };
    let image =
        if by_id { engine.image_by_id(name)? } else { engine.image(name, Some(tag).filter(|tag| !tag.is_empty()))? };
    let before = shown(image.as_ref());
    let with_diff = |reply: Reply, after: Map| {
        let diff = Map::from_iter([("before", before.clone()), ("after", after)]);
        if cx.diff() { reply.with("diff", diff) } else { reply }
    };
    let result = |changed: bool, image: Map, deleted: Vec<String>, untagged: Vec<String>| {
        let actions: Vec<String> = changed.then(|| format!("Removed image {full}")).into_iter().collect();
        let reply = Reply::changed(changed).with("actions", actions).with("image", image);
        reply.with("deleted", deleted).with("untagged", untagged)
    };
    let Some(image) = image else {
        return Ok(with_diff(result(false, Map::new(), Vec::new(), Vec::new()), shown(None)));
    };
    let id = image.get("Id").map(Value::to_string).unwrap_or_default();
    if cx.check() {
        let (deleted, untagged, after) = foreseen(&image, &id, &full, tag, by_id, args.flag("force"))?;
        return Ok(with_diff(result(true, image, deleted, untagged), after));
    }
    let ask = engine.delete(&format!("/images/{}", quoted(&full)));
    let answer = ask.flag("force", args.flag("force")).flag("noprune", !args.flag("prune")).value();
    let removed = match answer {
        Err(fault) if fault.is_not_found() => Value::Null,
        other => other.map_err(|fault| fault.while_doing(format!("Error removing image {full} - ")))?,
    };
    let of = |key: &str| {
        let mut all: Vec<String> =
            items(&removed).filter_map(|entry| entry.get(key)).filter(|v| v.is_true()).map(Value::to_string).collect();
        all.sort();
        all
    };
    let after = if cx.diff() { shown(engine.image_by_id(&id)?.as_ref()) } else { Map::new() };
    Ok(with_diff(result(true, image, of("Deleted"), of("Untagged")), after))
}

/// What would be deleted, what would lose its name, and what would be left.
fn foreseen(
    image: &Map,
    id: &str,
    full: &str,
    tag: &str,
    by_id: bool,
    force: bool,
) -> Result<(Vec<String>, Vec<String>, Map), ModuleError> {
    let names =
        |key: &str| -> Vec<String> { image.get(key).into_iter().flat_map(items).map(Value::to_string).collect() };
    let (tags, digests) = (names("RepoTags"), names("RepoDigests"));
    if by_id {
        let mut all = [tags, digests].concat();
        all.sort();
        if !force && !all.is_empty() {
            return Err(ModuleError::msg("Cannot delete image by ID that is still in use - use force=true"));
        }
        return Ok((vec![id.to_owned()], all, shown(None)));
    }
    let by_digest = is_image_id(tag);
    let last = if by_digest { tags.is_empty() && digests.len() < 2 } else { tags.len() < 2 && digests.is_empty() };
    let mut after = shown(Some(image));
    let key = if by_digest { "digests" } else { "tags" };
    let left: List =
        after.get(key).into_iter().flat_map(items).filter(|name| name.as_str() != Some(full)).cloned().collect();
    after.insert(key, left);
    Ok((last.then(|| id.to_owned()).into_iter().collect(), vec![full.to_owned()], after))
}

/// What is shown of an image.
fn shown(image: Option<&Map>) -> Map {
    let Some(image) = image else { return Map::from_iter([("exists", false)]) };
    let sorted = |key: &str| {
        let mut names: Vec<String> = image.get(key).into_iter().flat_map(items).map(Value::to_string).collect();
        names.sort();
        names
    };
    Map::from_iter([
        ("exists", Value::Bool(true)),
        ("id", image.get("Id").cloned().unwrap_or_default()),
        ("tags", sorted("RepoTags").into()),
        ("digests", sorted("RepoDigests").into()),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_name_takes_the_image_along() {
        let image =
            |tags: &[&str]| Map::from_iter([("Id", Value::from("sha256:1")), ("RepoTags", tags.to_vec().into())]);
        let (deleted, untagged, after) = foreseen(&image(&["a:1"]), "sha256:1", "a:1", "1", false, false).unwrap();
        assert_eq!((deleted, untagged), (vec!["sha256:1".to_owned()], vec!["a:1".to_owned()]));
        assert_eq!(after.get("tags").unwrap().to_string(), "[]");
        let (deleted, _, after) = foreseen(&image(&["b:1", "a:1"]), "sha256:1", "a:1", "1", false, false).unwrap();
        assert!(deleted.is_empty());
        assert_eq!(after.get("tags").unwrap().to_string(), "['b:1']");
        assert!(foreseen(&image(&["a:1"]), "sha256:1", "sha256:1", "", true, false).is_err());
    }
}
