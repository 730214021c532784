//! Removes what Docker does not use.
//!
//! Options:
//! - `containers`, `images`, `networks`, `volumes` (all default `false`): what is removed where nothing uses it.
//! - `containers_filters`, `images_filters`, `networks_filters`, `volumes_filters`: only what passes the daemon's filters;
//!   for images `dangling: false` also removes those that have a tag.
//! - `builder_cache` (default `false`), `builder_cache_all` (default `false`), `builder_cache_filters`,
//!   `builder_cache_keep_storage`: the same for what builds left, keeping this much of it.
//! - The daemon: `docker_host` (`DOCKER_HOST`), `api_version`, `timeout`, `tls`, `validate_certs`, `tls_hostname`,
//!   `ca_path`, `client_cert`, `client_key`, `use_ssh_client`, `debug`.
//!
//! Returns: `containers`, `containers_space_reclaimed`, `images`, `images_space_reclaimed`, `networks`, `volumes`,
//! `volumes_space_reclaimed`, `builder_cache_space_reclaimed`, `builder_cache_caches_deleted`.
//!
//! Check mode: none. Diff: none.
//!
//! Example:
//! ```yaml
//! - community.docker.docker_prune:
//!     containers: true
//!     containers_filters:
//!       label: stage=test
//! ```

use rplay_protocol::Reply;
use rplay_value::{List, Value};

use super::engine::{Engine, TOGETHER, with_connection};
use super::options::{bytes, filters};
use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Support};

/// `community.docker.docker_prune`
pub static MODULE: Module = Module {
    name: "docker_prune",
    collection: "community.docker",
    spec: &ArgSpec {
        args: with_connection![
            Arg::bool("containers").default("false"),
            Arg::map("containers_filters"),
            Arg::bool("images").default("false"),
            Arg::map("images_filters"),
            Arg::bool("networks").default("false"),
            Arg::map("networks_filters"),
            Arg::bool("volumes").default("false"),
            Arg::map("volumes_filters"),
            Arg::bool("builder_cache").default("false"),
            Arg::bool("builder_cache_all").default("false"),
            Arg::map("builder_cache_filters"),
            Arg::text("builder_cache_keep_storage"),
        ],
        together: TOGETHER,
        ..ArgSpec::EMPTY
    },
    check: Support::None,
    diff: Support::None,
    run,
};

/// What can be removed: the option, where the daemon takes the order, its word for what is gone, whether it frees space.
const KINDS: [(&str, &str, &str, bool); 4] = [
    ("containers", "/containers/prune", "ContainersDeleted", true),
    ("images", "/images/prune", "ImagesDeleted", true),
    ("networks", "/networks/prune", "NetworksDeleted", false),
    ("volumes", "/volumes/prune", "VolumesDeleted", true),
];

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let engine = Engine::connect(cx, args)?;
    let keep =
        args.text("builder_cache_keep_storage").map(bytes).transpose().map_err(|why| {
            ModuleError::msg(format!("Error while parsing value of builder_cache_keep_storage: {why}"))
        })?;
    let mut reply = Reply::ok();
    for (kind, path, gone, frees) in KINDS {
        if !args.flag(kind) {
            continue;
        }
        let answer = engine.post(path).filters(&filters(args, &format!("{kind}_filters"))).value()?;
        let removed = answer.get(gone).and_then(Value::as_list).cloned().unwrap_or_default();
        reply.changed |= !removed.is_empty();
        reply = reply.with(kind, removed);
        if frees {
            let space = answer.get("SpaceReclaimed").cloned().unwrap_or_default();
            reply.changed |= space.is_true();
            reply = reply.with(&format!("{kind}_space_reclaimed"), space);
        }
    }
    if args.flag("builder_cache") {
        let ask = engine.post("/build/prune").filters(&filters(args, "builder_cache_filters"));
        let all = args.flag("builder_cache_all").then_some("true");
        let answer = ask.maybe("all", all).maybe("keep-storage", keep).value()?;
        let space = answer.get("SpaceReclaimed").cloned().unwrap_or_default();
        reply.changed |= space.is_true();
        reply = reply.with("builder_cache_space_reclaimed", space);
        if let Some(caches) = answer.get("CachesDeleted") {
            reply.changed |= caches.as_list().is_some_and(|caches: &List| !caches.is_empty());
            reply = reply.with("builder_cache_caches_deleted", caches.clone());
        }
    }
    Ok(reply)
}

#[cfg(test)]
mod tests {
    use rplay_value::Value;

    use crate::testing::{Fake, args, http_server};

    #[test]
    fn what_is_gone_is_told() {
        let json = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
        let server = http_server(vec![
            (json, "{\"ApiVersion\": \"1.41\"}"),
            (json, "{\"ContainersDeleted\": null, \"SpaceReclaimed\": 0}"),
            (json, "{\"NetworksDeleted\": [\"n\"]}"),
            (json, "{\"CachesDeleted\": null, \"SpaceReclaimed\": 0}"),
        ]);
        let host = server.url("").replace("http", "tcp");
        let given = args([
            ("docker_host", Value::from(host)),
            ("containers", true.into()),
            ("networks", true.into()),
            ("builder_cache", true.into()),
            ("builder_cache_keep_storage", "1k".into()),
        ]);
        let reply = Fake::new().unwrap().call("docker_prune", given);
        assert!(reply.changed, "{reply:?}");
        assert_eq!(reply.data.get("containers"), Some(&Value::from(Vec::<Value>::new())));
        assert_eq!(reply.data.get("networks"), Some(&vec!["n"].into()));
        assert_eq!(reply.data.get("builder_cache_caches_deleted"), Some(&Value::Null));
        assert!(server.requests()[3].starts_with("POST /v1.41/build/prune?filters=%7B%7D&keep-storage=1024 "));
    }
}
