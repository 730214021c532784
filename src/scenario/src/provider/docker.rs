//! Containers: nodes of a Docker daemon, with systemd as their first process or with a command of their own.
//!
//! One [`Docker`] is one daemon. What it makes carries the labels of [`Owner`], so nothing needs to be remembered here.
//! Start reading at `container.rs` for nodes, `build.rs` for images, `link.rs` for what happens to their networks.

mod build;
mod client;
mod container;
mod link;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};

use self::client::{Body, Client, ClientError, quoted};
use super::recipe::way_out;
use super::{DIGEST, Making, Object, ObjectKind, Owner, Provider, ProviderError, SCENARIO, State};
use crate::handoff::Way;
use crate::image::Image;
use crate::network::{Impairment, Network, Reach};
use crate::units;

/// Label with a node's address and hardware address in a network; the network's name follows.
const PORT: &str = "rplay.port.";
/// Label with the gateway of a node's default route.
const ROUTE: &str = "rplay.route";
/// How long the daemon may take to say that it is there.
const ANSWER: Duration = Duration::from_secs(2);

/// A Docker daemon.
#[derive(Debug)]
pub struct Docker {
    client: Client,
    /// As DOCKER_HOST has it; `None`: as this process's own environment has it.
    engine: Option<String>,
}

impl Docker {
    /// The daemon of `engine` as DOCKER_HOST has it, else that of the environment. Nothing is asked of it yet.
    pub fn new(engine: Option<&str>) -> Result<Self, ProviderError> {
        if engine == Some("swarm") {
            return Err(ProviderError::Missing {
                what: "rplay cannot make nodes over a Docker swarm yet".to_owned(),
                fix: "`engine` can be a daemon as DOCKER_HOST has it, such as tcp://10.0.0.2:2375".to_owned(),
            });
        }
        let environment = std::env::var("DOCKER_HOST").ok().filter(|host| !host.is_empty());
        let host =
            engine.map(str::to_owned).or(environment).unwrap_or_else(|| "unix:///var/run/docker.sock".to_owned());
        let client = Client::new(&host).map_err(|error| missing(&host, &error))?;
        Ok(Self { client, engine: engine.map(str::to_owned) })
    }

    /// The daemon is asked which of its interface's versions it speaks.
    pub async fn connect(engine: Option<&str>) -> Result<Self, ProviderError> {
        let new = Self::new(engine)?;
        let host = new.host();
        let client = tokio::time::timeout(ANSWER, new.client.negotiated())
            .await
            .map_err(|_| ProviderError::Deadline {
                what: format!("the Docker daemon at {host}"),
                seconds: ANSWER.as_secs(),
            })?
            .map_err(|error| missing(&host, &error))?;
        Ok(Self { client, engine: new.engine })
    }

    fn host(&self) -> String {
        let environment = || std::env::var("DOCKER_HOST").ok().filter(|host| !host.is_empty());
        self.engine.clone().or_else(environment).unwrap_or_else(|| "unix:///var/run/docker.sock".to_owned())
    }

    /// The daemon is this machine's: its containers' processes can be seen here.
    fn is_local(&self) -> bool {
        self.host().starts_with("unix://")
    }

    /// Objects of a kind with these labels, as a list of the daemon's.
    async fn listed(&self, labels: &[String], path: &str, what: &str) -> Result<Value, ProviderError> {
        let filters = quoted(&json!({"label": labels}).to_string());
        let and = if path.contains('?') { '&' } else { '?' };
        let listed = self.client.get(&format!("{path}{and}filters={filters}")).await;
        listed.map_err(|error| refused(&format!("list {what}"), error))
    }

    /// Everything with these labels.
    async fn found(&self, labels: &[String]) -> Result<Vec<Object>, ProviderError> {
        let listed = self.listed(labels, "/containers/json?all=true", "containers").await?;
        let mut objects: Vec<Object> = listed.as_array().into_iter().flatten().map(object).collect();
        let listed = self.listed(labels, "/volumes", "volumes").await?;
        for volume in listed["Volumes"].as_array().into_iter().flatten() {
            objects.push(plain(ObjectKind::Volume, text(&volume["Name"]), &volume["Labels"]));
        }
        let listed = self.listed(labels, "/networks", "networks").await?;
        for network in listed.as_array().into_iter().flatten() {
            objects.push(plain(ObjectKind::Network, text(&network["Name"]), &network["Labels"]));
        }
        objects.extend(self.kept(labels).await?);
        Ok(objects)
    }

    /// Makes a volume of the scenario unless it is there; gives Docker's name for it.
    async fn volume(&self, owner: &Owner, name: &str) -> Result<String, ProviderError> {
        let called = called(owner, name);
        match self.client.get(&format!("/volumes/{called}")).await {
            Ok(found) if owner.owns(&texts(&found["Labels"])) => return Ok(called),
            Ok(_) => return Err(foreign("volume", &called)),
            Err(error) if is_gone(&error) => {}
            Err(error) => return Err(refused(&format!("look at volume `{called}`"), error)),
        }
        let request = json!({"Name": called, "Labels": owner.labels(name, "")});
        let made = self.client.post("/volumes/create", Body::Json(request)).await;
        made.map_err(|error| refused(&format!("make volume `{name}`"), error))?;
        Ok(called)
    }
}

/// What Docker calls an object of a scenario.
fn called(owner: &Owner, name: &str) -> String {
    format!("rplay-{}-{name}", owner.scenario)
}

/// A mapping of texts, such as labels.
fn texts(value: &Value) -> BTreeMap<String, String> {
    let entries = value.as_object().into_iter().flatten();
    entries.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Why the daemon cannot be asked, and what mends it.
fn missing(host: &str, error: &ClientError) -> ProviderError {
    let text = error.to_string();
    let fix = if text.contains("Permission denied") {
        "add yourself to group docker (`sudo usermod -aG docker $USER`) and log in again"
    } else if host.starts_with("unix://") {
        "install Docker (on Debian `apt install docker.io`) and start it (`systemctl start docker`)"
    } else {
        "`engine` and DOCKER_HOST say which daemon is asked"
    };
    ProviderError::Missing { what: format!("no Docker daemon answers at {host}: {text}"), fix: fix.to_owned() }
}

fn refused(what: &str, error: ClientError) -> ProviderError {
    ProviderError::Refused { what: what.to_owned(), why: error.to_string() }
}

fn foreign(kind: &str, called: &str) -> ProviderError {
    ProviderError::Refused {
        what: format!("make {kind} `{called}`"),
        why: "there is one of that name that this scenario did not make; remove or rename it".to_owned(),
    }
}

fn is_gone(error: &ClientError) -> bool {
    error.code() == Some(404)
}

/// What is gone needs nothing more.
fn quiet<T>(what: &str, result: Result<T, ClientError>) -> Result<(), ProviderError> {
    match result {
        Err(error) if !is_gone(&error) => Err(refused(what, error)),
        _ => Ok(()),
    }
}

/// Addresses by network, as the labels of a container say: also while it is stopped or cut off.
fn addresses(labels: &BTreeMap<String, String>) -> BTreeMap<String, (IpAddr, [u8; 6])> {
    let port = |(key, value): (&String, &String)| {
        let (address, mac) = value.split_once(' ')?;
        Some((key.strip_prefix(PORT)?.to_owned(), (address.parse().ok()?, units::mac(mac)?)))
    };
    labels.iter().filter_map(port).collect()
}

fn object(found: &Value) -> Object {
    let labels = texts(&found["Labels"]);
    let state = match found["State"].as_str() {
        Some("running" | "restarting") => State::Running,
        Some("paused") => State::Paused,
        _ => State::Stopped,
    };
    let id = text(&found["Names"][0]).trim_start_matches('/').to_owned();
    Object { kind: ObjectKind::Node, id, addresses: addresses(&labels), labels, state: Some(state) }
}

#[async_trait]
impl Provider for Docker {
    fn name(&self) -> &'static str {
        "docker"
    }

    async fn preflight(&self) -> Result<(), ProviderError> {
        let host = self.host();
        match tokio::time::timeout(ANSWER, self.client.get("/version")).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(missing(&host, &error)),
            Err(_) => {
                Err(ProviderError::Deadline { what: format!("the Docker daemon at {host}"), seconds: ANSWER.as_secs() })
            }
        }
    }

    async fn objects(&self, owner: &Owner) -> Result<Vec<Object>, ProviderError> {
        let labels = [format!("{SCENARIO}={}", owner.scenario), format!("{}={}", super::OWNER, owner.user)];
        let mut objects = self.found(&labels).await?;
        // The filter is the daemon's; what is removed hangs on it.
        objects.retain(|object| owner.owns(&object.labels));
        Ok(objects)
    }

    async fn image(&self, owner: &Owner, image: &Image, base: Option<&str>) -> Result<String, ProviderError> {
        self.build(owner, image, base).await
    }

    async fn network(&self, owner: &Owner, network: &Network) -> Result<String, ProviderError> {
        let what = format!("make network `{}`", network.name);
        let unsupported = |why: &str| Err(ProviderError::Refused { what: what.clone(), why: why.to_owned() });
        if !network.cidr.network().is_ipv4() {
            return unsupported("Docker needs an IPv4 network");
        }
        let called = called(owner, &network.name);
        let gateway = network.gateway.or_else(|| network.cidr.hosts().last());
        let digest = network.digest();
        match self.client.get(&format!("/networks/{called}")).await {
            Ok(found) => {
                let labels = texts(&found["Labels"]);
                if !owner.owns(&labels) {
                    return Err(foreign("network", &called));
                }
                if labels.get(DIGEST) == Some(&digest) {
                    return Ok(called);
                }
                // Nodes of it are made anew: their digests hold the network's.
                for container in found["Containers"].as_object().into_iter().flatten().map(|(id, _)| id) {
                    self.remove_owned(owner, container).await?;
                }
                quiet(&what, self.client.delete(&format!("/networks/{called}")).await)?;
            }
            Err(error) if is_gone(&error) => {}
            Err(error) => return Err(refused(&what, error)),
        }
        let mut options = serde_json::Map::new();
        if let Some(mtu) = network.mtu.or_else(|| way_out().filter(|_| self.is_local())) {
            options.insert("com.docker.network.driver.mtu".to_owned(), mtu.to_string().into());
        }
        if let Some(bridge) = &network.bridge {
            options.insert("com.docker.network.bridge.name".to_owned(), bridge.as_str().into());
        }
        if network.reach == Reach::Routed {
            // Nodes keep their addresses: other networks answer to them.
            options.insert("com.docker.network.bridge.enable_ip_masquerade".to_owned(), "false".into());
        }
        let mut driver = "bridge";
        if let Some((tag, parent)) = &network.vlan {
            // Docker makes the tagged interface on the parent's bridge, and removes it with the network.
            let parent = self.bridge(&super::docker::called(owner, &parent.text)).await?;
            options.insert("parent".to_owned(), format!("{parent}.{tag}").into());
            options.remove("com.docker.network.driver.mtu");
            driver = "macvlan";
        }
        let mut config = json!({"Subnet": network.cidr.to_string()});
        if let Some(gateway) = gateway {
            config["Gateway"] = gateway.to_string().into();
        }
        let request = json!({
            "Name": called,
            // Two of one name would be possible otherwise.
            "CheckDuplicate": true,
            "Driver": driver,
            "Internal": network.reach == Reach::Isolated,
            "IPAM": {"Config": [config]},
            "Options": options,
            "Labels": owner.labels(&network.name, &digest),
        });
        self.client.post("/networks/create", Body::Json(request)).await.map_err(|error| refused(&what, error))?;
        Ok(called)
    }

    async fn bridge(&self, network: &str) -> Result<String, ProviderError> {
        let what = format!("look for the bridge of `{network}`");
        if !self.is_local() {
            let why = "its daemon is another machine's".to_owned();
            return Err(ProviderError::Refused { what, why });
        }
        let found = self.client.get(&format!("/networks/{network}")).await.map_err(|error| refused(&what, error))?;
        let named = text(&found["Options"]["com.docker.network.bridge.name"]);
        // As Docker's bridge driver calls it by default.
        Ok(if named.is_empty() { format!("br-{:.12}", text(&found["Id"])) } else { named })
    }

    async fn join(&self, network: &Network, _: &str) -> Result<String, ProviderError> {
        Err(ProviderError::Refused {
            what: format!("attach containers to network `{}`", network.name),
            why: "containers can only be in networks that Docker made".to_owned(),
        })
    }

    async fn node(&self, owner: &Owner, making: &Making<'_>) -> Result<Way, ProviderError> {
        self.make(owner, making).await
    }

    async fn start(&self, object: &Object) -> Result<(), ProviderError> {
        let what = format!("start `{}`", object.id);
        if object.state == Some(State::Paused) {
            return self.pause(object, false).await;
        }
        quiet(&what, self.control(&object.id, "start").await)?;
        self.settle(&object.id, &object.labels).await
    }

    async fn stop(&self, object: &Object, hard: bool) -> Result<(), ProviderError> {
        let what = format!("stop `{}`", object.id);
        match self.control(&object.id, if hard { "kill" } else { "stop?t=30" }).await {
            // It does not run.
            Err(error) if error.code() == Some(409) => Ok(()),
            ended => quiet(&what, ended),
        }
    }

    async fn pause(&self, object: &Object, pause: bool) -> Result<(), ProviderError> {
        let verb = if pause { "pause" } else { "unpause" };
        match self.control(&object.id, verb).await {
            Ok(()) => Ok(()),
            // Asking for what is so already is an error of the daemon's.
            Err(error) => match self.container(&object.id).await {
                Ok(found) if found["State"]["Paused"].as_bool() == Some(pause) => Ok(()),
                _ => Err(refused(&format!("{verb} `{}`", object.id), error)),
            },
        }
    }

    async fn impair(&self, object: &Object, network: &str, how: Option<&Impairment>) -> Result<(), ProviderError> {
        self.netem(object, network, how).await
    }

    async fn cut(&self, object: &Object, network: &str, cut: bool) -> Result<(), ProviderError> {
        self.attach(object, network, !cut).await
    }

    async fn snapshot(&self, object: &Object, name: &str) -> Result<(), ProviderError> {
        self.keep(object, name).await
    }

    async fn back(&self, object: &Object, name: &str) -> Result<(), ProviderError> {
        self.restore(object, name).await
    }

    async fn snapshots(&self, object: &Object) -> Result<Vec<String>, ProviderError> {
        self.kept_of(object).await
    }

    async fn memory(&self, object: &Object) -> Result<Option<u64>, ProviderError> {
        let path = format!("/containers/{}/stats?stream=false&one-shot=true", object.id);
        let said = self.client.get(&path).await;
        let said = said.map_err(|error| refused(&format!("measure `{}`", object.id), error))?;
        let used = said["memory_stats"]["usage"].as_u64();
        // Files that the kernel keeps in memory are given up when memory is short, as `docker stats` has it.
        let files = ["total_inactive_file", "inactive_file"]
            .iter()
            .find_map(|key| said["memory_stats"]["stats"][*key].as_u64());
        Ok(used.map(|used| used.saturating_sub(files.unwrap_or_default())))
    }

    async fn everything(&self, user: &str) -> Result<Vec<Object>, ProviderError> {
        let label = format!("{}={user}", super::OWNER);
        let mut objects = self.found(&[label]).await?;
        objects.retain(|object| {
            object.labels.get(super::OWNER).map(String::as_str) == Some(user) && object.labels.contains_key(SCENARIO)
        });
        Ok(objects)
    }

    async fn cached(&self) -> Result<Vec<Object>, ProviderError> {
        self.unused().await
    }

    async fn save(&self, nodes: &[&Object], name: &str, to: &std::path::Path) -> Result<(), ProviderError> {
        self.saved(nodes, name, to).await
    }

    async fn take(&self, from: &std::path::Path) -> Result<(), ProviderError> {
        let what = format!("import {}", from.display());
        self.client
            .told("/images/load?quiet=1", Body::File(from.to_owned()))
            .await
            .map_err(|error| refused(&what, error))
    }

    async fn console(&self, object: &Object) -> Result<Vec<u8>, ProviderError> {
        self.logs(&object.id).await
    }

    async fn remove(&self, object: &Object) -> Result<(), ProviderError> {
        let what = format!("remove `{}`", object.id);
        let path = match object.kind {
            ObjectKind::Node => return self.remove_container(&object.id).await,
            ObjectKind::Network => format!("/networks/{}", object.id),
            ObjectKind::Volume => format!("/volumes/{}", object.id),
            ObjectKind::Image => format!("/images/{}", object.id),
        };
        quiet(&what, self.client.delete(&path).await)
    }
}

fn plain(kind: ObjectKind, id: String, labels: &Value) -> Object {
    Object { kind, id, labels: texts(labels), state: None, addresses: BTreeMap::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::NAME;

    #[test]
    fn a_daemon_that_is_not_there_is_told_with_what_mends_it() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let error = runtime.block_on(Docker::connect(Some("unix:///nowhere/docker.sock"))).unwrap_err();
        let ProviderError::Missing { what, fix } = &error else { panic!("{error}") };
        assert!(what.starts_with("no Docker daemon answers at unix:///nowhere/docker.sock"), "{what}");
        assert!(fix.contains("systemctl start docker"), "{fix}");
        let error = runtime.block_on(Docker::connect(Some("swarm"))).unwrap_err();
        assert!(error.to_string().contains("swarm yet"), "{error}");
        let error = Docker::new(Some("gopher://x")).unwrap_err();
        assert!(error.to_string().contains("gopher"), "{error}");
    }

    #[test]
    fn who_may_not_ask_is_told_of_the_group() {
        let denied = ClientError::from(std::io::Error::from_raw_os_error(13));
        let ProviderError::Missing { fix, .. } = missing("unix:///var/run/docker.sock", &denied) else { panic!() };
        assert!(fix.contains("group docker"), "{fix}");
    }

    #[test]
    fn addresses_come_from_labels() {
        let labels = BTreeMap::from([
            (format!("{PORT}inner"), "192.0.2.10 52:54:00:01:02:03".to_owned()),
            (format!("{PORT}broken"), "192.0.2.10".to_owned()),
            (NAME.to_owned(), "a".to_owned()),
        ]);
        let found = addresses(&labels);
        assert_eq!(found.len(), 1);
        assert_eq!(found["inner"], ("192.0.2.10".parse().unwrap(), [0x52, 0x54, 0, 1, 2, 3]));
    }
}
