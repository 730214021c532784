//! Describes a Docker host and what is on it.
//!
//! Options:
//! - `containers`, `images`, `networks`, `volumes` (all default `false`): list them; `containers_all` (default `false`):
//!   those that do not run, too.
//! - `containers_filters`, `images_filters`, `networks_filters`, `volumes_filters`: only what passes the daemon's filters,
//!   such as `label: key=value`.
//! - `disk_usage` (default `false`): how much space is used.
//! - `verbose_output` (default `false`): everything the daemon says instead of the most important.
//! - The daemon: `docker_host` (`DOCKER_HOST`), `api_version`, `timeout`, `tls`, `validate_certs`, `tls_hostname`,
//!   `ca_path`, `client_cert`, `client_key`, `use_ssh_client`, `debug`.
//!
//! Returns: `can_talk_to_docker`, `host_info`, and `containers`, `images`, `networks`, `volumes`, `disk_usage` as asked for.
//!
//! Check mode: full. Diff: none.
//!
//! Example:
//! ```yaml
//! - community.docker.docker_host_info:
//!     containers: true
//!     containers_filters:
//!       label: stage=test
//! ```

use rplay_protocol::Reply;
use rplay_value::{List, Map, Value};

use super::engine::{Engine, Fault, TOGETHER, with_connection};
use super::inspect::items;
use super::options::filters;
use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Support};

/// `community.docker.docker_host_info`
pub static MODULE: Module = Module {
    name: "docker_host_info",
    collection: "community.docker",
    spec: &ArgSpec {
        args: with_connection![
            Arg::bool("containers").default("false"),
            Arg::bool("containers_all").default("false"),
            Arg::map("containers_filters"),
            Arg::bool("images").default("false"),
            Arg::map("images_filters"),
            Arg::bool("networks").default("false"),
            Arg::map("networks_filters"),
            Arg::bool("volumes").default("false"),
            Arg::map("volumes_filters"),
            Arg::bool("disk_usage").default("false"),
            Arg::bool("verbose_output").default("false"),
        ],
        together: TOGETHER,
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::None,
    run,
};

/// What is listed: the option, and the keys that are shown of each.
const LISTS: [(&str, &[&str]); 4] = [
    ("volumes", &["Driver", "Name"]),
    ("networks", &["Id", "Driver", "Name", "Scope"]),
    ("containers", &["Id", "Image", "Command", "Created", "Status", "Ports", "Names"]),
    ("images", &["Id", "RepoTags", "Created", "Size"]),
];

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let talks = |error: ModuleError, can: bool| match error {
        ModuleError::Failed { reply } => ModuleError::reply(reply.with("can_talk_to_docker", can)),
        other => other,
    };
    let engine = Engine::connect(cx, args).map_err(|error| talks(error, false))?;
    describe(&engine, args).map_err(|error| talks(error, true))
}

fn describe(engine: &Engine, args: &Args) -> Result<Reply, ModuleError> {
    let unwell = |fault: Fault| match fault {
        Fault::Api { .. } => fault.while_doing("Error inspecting docker host: "),
        other => other.into(),
    };
    let mut reply = Reply::ok().with("host_info", engine.info().map_err(unwell)?).with("can_talk_to_docker", true);
    let verbose = args.flag("verbose_output");
    if args.flag("disk_usage") {
        let usage = engine.get("/system/df").value().map_err(unwell)?;
        let size = usage.get("LayersSize").cloned();
        reply = reply.with("disk_usage", if verbose { usage } else { Map::from_iter([("LayersSize", size)]).into() });
    }
    for (kind, keys) in LISTS {
        if !args.flag(kind) {
            continue;
        }
        let found = list(engine, args, kind).map_err(|fault| match fault {
            Fault::Api { .. } => fault.while_doing(format!("Error inspecting docker host for object '{kind}': ")),
            other => other.into(),
        })?;
        let brief = |item: &Value| -> Map { keys.iter().map(|key| (*key, item.get(key).cloned())).collect() };
        let found = if verbose { found } else { items(&found).map(brief).collect::<List>().into() };
        reply = reply.with(kind, found);
    }
    Ok(reply)
}

fn list(engine: &Engine, args: &Args, kind: &str) -> Result<Value, Fault> {
    let filters = filters(args, &format!("{kind}_filters"));
    let ask = match kind {
        "containers" => engine
            .get("/containers/json")
            .param("limit", -1)
            .param("all", i32::from(args.flag("containers_all")))
            .param("size", 0)
            .param("trunc_cmd", 0),
        "images" => engine.get("/images/json").param("only_ids", 0).param("all", 0),
        "networks" => engine.get("/networks"),
        _ => engine.get("/volumes"),
    };
    let answer = if filters.is_empty() { ask } else { ask.filters(&filters) }.value()?;
    Ok(if kind == "volumes" { answer.get("Volumes").cloned().unwrap_or_default() } else { answer })
}

#[cfg(test)]
mod tests {
    use rplay_value::Value;

    use crate::testing::{Fake, args, http_server};

    #[test]
    fn lists_are_brief_and_filtered() {
        let json = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
        let server = http_server(vec![
            (json, "{\"ApiVersion\": \"1.41\"}"),
            (json, "{\"ID\": \"x\"}"),
            (json, "{\"Volumes\": [{\"Name\": \"a\", \"Driver\": \"local\", \"Scope\": \"local\"}]}"),
        ]);
        let fake = Fake::new().unwrap();
        let filters = Value::from(rplay_value::Map::from_iter([("label", vec!["k=v"])]));
        let given = args([
            ("docker_host", Value::from(server.url("").replace("http", "tcp"))),
            ("volumes", true.into()),
            ("volumes_filters", filters),
        ]);
        let reply = fake.call("docker_host_info", given);
        assert!(!reply.failed, "{reply:?}");
        let volume = &reply.data.get("volumes").unwrap().as_list().unwrap()[0];
        assert_eq!(volume.to_string(), "{'Driver': 'local', 'Name': 'a'}");
        let asked = &server.requests()[2];
        assert!(asked.starts_with("GET /v1.41/volumes?filters=%7B%22label%22%3A+%5B%22k%3Dv%22%5D%7D "), "{asked}");
    }

    #[test]
    fn no_daemon_is_said() {
        let reply = Fake::new().unwrap().call("docker_host_info", args([("docker_host", "unix:///none.sock")]));
        assert_eq!(
            reply.data.get("msg").unwrap().as_str(),
            Some(
                "Error connecting: Error while fetching server API version: ('Connection aborted.', \
                 FileNotFoundError(2, 'No such file or directory'))"
            )
        );
        assert_eq!(reply.data.get("can_talk_to_docker"), Some(&false.into()));
    }
}
