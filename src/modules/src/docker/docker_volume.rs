//! Makes and removes Docker volumes.
//!
//! Options:
//! - `volume_name` (required, alias `name`), `state` (default `present`): `present`, `absent`.
//! - `driver` (default `local`), `driver_options`, `labels`.
//! - `recreate` (default `never`): `always`, `never`, `options-changed`: whether a volume that exists with other options is
//!   made anew, which loses what is in it.
//! - The daemon: `docker_host` (`DOCKER_HOST`), `api_version`, `timeout`, `tls`, `validate_certs`, `tls_hostname`,
//!   `ca_path`, `client_cert`, `client_key`, `use_ssh_client`; `debug` returns `actions` outside check mode, too.
//!
//! Returns: `volume`: what the daemon says about it; `actions` in check mode.
//!
//! Check mode: full. Diff: full.
//!
//! Example:
//! ```yaml
//! - community.docker.docker_volume:
//!     name: data
//!     labels:
//!       stage: test
//! ```

use rplay_protocol::Reply;
use rplay_value::{List, Map, Value};

use super::differences::Differences;
use super::engine::{Engine, Fault, TOGETHER, quoted, with_connection};
use super::inspect::{items, text};
use super::options;
use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Support};

/// `community.docker.docker_volume`
pub static MODULE: Module = Module {
    name: "docker_volume",
    collection: "community.docker",
    spec: &ArgSpec {
        args: with_connection![
            Arg::text("volume_name").required().alias(&["name"]),
            Arg::text("state").default("present").choices(&["present", "absent"]),
            Arg::text("driver").default("local"),
            Arg::map("driver_options").default("{}"),
            Arg::map("labels"),
            Arg::text("recreate").default("never").choices(&["always", "never", "options-changed"]),
        ],
        together: TOGETHER,
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::Full,
    run,
};

struct Volume<'a> {
    engine: Engine,
    name: &'a str,
    existing: Option<Value>,
    changed: bool,
    actions: List,
    check: bool,
}

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let engine = Engine::connect(cx, args)?;
    let labels = args.map("labels").map(options::labels).transpose()?;
    let (name, check) = (args.need("volume_name"), cx.check());
    let mut volume = Volume { engine, name, existing: None, changed: false, actions: List::new(), check };
    volume.existing = volume.find()?;
    let there = volume.existing.is_some();
    let (mut tracked, mut differences) = (Differences::default(), Differences::default());
    let debugging = args.flag("debug");
    let present = args.need("state") == "present";
    tracked.add("exists", present, there);
    let mut facts = None;
    if present {
        if let Some(existing) = &volume.existing {
            differences = compare(existing, args, labels.as_ref());
        }
        let recreate = args.need("recreate");
        if !differences.is_empty() && recreate == "options-changed" || recreate == "always" {
            volume.remove()?;
            volume.existing = None;
        }
        volume.create(args, labels)?;
        facts = Some(volume.find()?);
    } else {
        volume.remove()?;
    }
    let mut reply = Reply::changed(volume.changed);
    if !present || check || debugging {
        reply = reply.with("actions", volume.actions);
    }
    if let Some(facts) = facts {
        reply = reply.with("volume", facts);
    }
    if cx.diff() || check || debugging {
        let mut shown = Map::new();
        if present {
            shown.insert("differences", differences.names());
            tracked.merge(&differences);
        }
        if cx.diff() {
            let (before, after) = tracked.before_after();
            shown.insert("before", before);
            shown.insert("after", after);
        }
        reply = reply.with("diff", shown);
    }
    Ok(reply)
}

impl Volume<'_> {
    fn find(&self) -> Result<Option<Value>, ModuleError> {
        let answer = self.engine.get("/volumes").value().map_err(plain)?;
        let volumes = answer.get("Volumes").cloned().unwrap_or_default();
        let found = items(&volumes).find(|volume| text(volume, "Name") == self.name).cloned();
        Ok(found)
    }

    fn create(&mut self, args: &Args, labels: Option<Map>) -> Result<(), ModuleError> {
        if self.existing.is_some() {
            return Ok(());
        }
        let driver = args.need("driver");
        if !self.check {
            let mut wanted = Map::from_iter([
                ("Name", Value::from(self.name)),
                ("Driver", driver.into()),
                ("DriverOpts", args.get("driver_options").cloned().unwrap_or_default()),
            ]);
            if let Some(labels) = labels {
                wanted.insert("Labels", labels);
            }
            let made = self.engine.post("/volumes/create").body(&wanted).value().map_err(plain)?;
            let path = format!("/volumes/{}", quoted(text(&made, "Name")));
            self.existing = Some(self.engine.get(&path).value().map_err(plain)?);
        }
        self.actions.push(format!("Created volume {} with driver {driver}", self.name));
        self.changed = true;
        Ok(())
    }

    fn remove(&mut self) -> Result<(), ModuleError> {
        if self.existing.is_some() {
            if !self.check {
                self.engine.delete(&format!("/volumes/{}", quoted(self.name))).done().map_err(plain)?;
            }
            self.actions.push(format!("Removed volume {}", self.name));
            self.changed = true;
        }
        Ok(())
    }
}

/// The daemon's refusals are reported as they are.
fn plain(fault: Fault) -> ModuleError {
    match fault {
        Fault::Api { .. } => fault.while_doing(""),
        other => other.into(),
    }
}

fn compare(existing: &Value, args: &Args, labels: Option<&Map>) -> Differences {
    let mut differences = Differences::default();
    let driver = args.need("driver");
    if !driver.is_empty() && driver != text(existing, "Driver") {
        differences.add("driver", driver, existing.get("Driver").cloned());
    }
    if let Some(wanted) = args.map("driver_options").filter(|wanted| !wanted.is_empty()) {
        match existing.get("Options").and_then(Value::as_map).filter(|options| !options.is_empty()) {
            None => differences.add("driver_options", wanted.clone(), existing.get("Options").cloned()),
            Some(active) => {
                for (key, value) in wanted {
                    let there = active.get_value(key);
                    if there.is_none_or(|there| !there.is_true() || there != value) {
                        differences.add(format!("driver_options.{}", key.to_str()), value.clone(), there.cloned());
                    }
                }
            }
        }
    }
    let active = existing.get("Labels").and_then(Value::as_map).cloned().unwrap_or_default();
    for (key, value) in labels.into_iter().flatten() {
        let there = active.get_value(key);
        if there != Some(value) {
            differences.add(format!("labels.{}", key.to_str()), value.clone(), there.cloned());
        }
    }
    differences
}

#[cfg(test)]
mod tests {
    use rplay_value::Value;

    use crate::testing::{Fake, args, http_server};

    #[test]
    fn a_volume_with_other_labels_is_only_reported() {
        let json = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
        let list =
            "{\"Volumes\": [{\"Name\": \"v\", \"Driver\": \"local\", \"Labels\": {\"a\": \"1\"}, \"Options\": null}]}";
        let server = http_server(vec![(json, "{\"ApiVersion\": \"1.41\"}"), (json, list), (json, list)]);
        let labels = Value::from(rplay_value::Map::from_iter([("a", 2)]));
        let given = args([
            ("docker_host", Value::from(server.url("").replace("http", "tcp"))),
            ("name", "v".into()),
            ("labels", labels),
        ]);
        let reply = Fake::new().unwrap().check("docker_volume", given);
        assert!(!reply.changed && !reply.failed, "{reply:?}");
        let diff = reply.data.get("diff").unwrap();
        assert_eq!(diff.get("differences").unwrap().to_string(), "['labels.a']");
        assert_eq!(diff.get("before").unwrap().to_string(), "{'exists': True, 'labels.a': '1'}");
        assert_eq!(diff.get("after").unwrap().to_string(), "{'exists': True, 'labels.a': '2'}");
    }

    #[test]
    fn labels_that_are_not_text_are_refused() {
        let json = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
        let server = http_server(vec![(json, "{\"ApiVersion\": \"1.41\"}")]);
        let labels = Value::from(rplay_value::Map::from_iter([("a", true)]));
        let given = args([
            ("docker_host", Value::from(server.url("").replace("http", "tcp"))),
            ("name", "v".into()),
            ("labels", labels),
        ]);
        let reply = Fake::new().unwrap().call("docker_volume", given);
        let msg = reply.data.get("msg").unwrap().to_string();
        assert!(msg.starts_with("The value True for 'a' of labels is not a string"), "{msg}");
    }
}
