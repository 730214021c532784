//! A node as a container: what it is made with, how it comes up, how it is kept and put back.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::client::{Body, ClientError, quoted, unframed};
use super::{Docker, PORT, ROUTE, called, foreign, is_gone, plain, quiet, refused, text, texts};
use crate::handoff::Way;
use crate::node::Sign;
use crate::provider::{DIGEST, Making, Object, ObjectKind, Owner, ProviderError};
use crate::topology::{Node, Port};

/// Repository of the images that snapshots are.
const KEPT: &str = "rplay-snapshot/";
/// Time between looks whether a node can be logged in to: looking is cheap.
const LOOK: Duration = Duration::from_millis(100);

/// What a program in a container said.
pub(super) struct Said {
    pub(super) code: i64,
    pub(super) output: String,
}

impl Docker {
    /// A running container as it is asked for; what is there already and the same is left alone.
    pub(super) async fn make(&self, owner: &Owner, making: &Making<'_>) -> Result<Way, ProviderError> {
        let node = making.node;
        let set = node.set;
        let called = called(owner, &node.name);
        let what = format!("make node `{}`", node.name);
        possible(node, &what)?;
        let mut labels = owner.labels(&node.name, &making.digest);
        for port in &node.ports {
            labels.insert(format!("{PORT}{}", port.network), format!("{} {}", port.address, port.mac_text()));
        }
        let mut running = false;
        let mut attached: Vec<String> = Vec::new();
        let mut there = false;
        match self.container(&called).await {
            Ok(found) => {
                let has = texts(&found["Config"]["Labels"]);
                if !owner.owns(&has) {
                    return Err(foreign("node", &called));
                }
                if has.get(DIGEST) == Some(&making.digest) {
                    there = true;
                    labels = has;
                    if found["State"]["Paused"] == true {
                        self.control(&called, "unpause").await.map_err(|error| refused(&what, error))?;
                    }
                    running = found["State"]["Running"] == true;
                    let networks = found["NetworkSettings"]["Networks"].as_object().into_iter().flatten();
                    attached.extend(networks.map(|(name, _)| name.clone()));
                } else {
                    self.remove_container(&called).await?;
                }
            }
            Err(error) if is_gone(&error) => {}
            Err(error) => return Err(refused(&what, error)),
        }
        if !there {
            self.route_label(making, &mut labels).await?;
            let body = self.body(owner, making, &labels).await?;
            self.create(&called, body).await.map_err(|error| refused(&what, error))?;
            attached.extend(node.ports.first().and_then(|port| making.networks.get(&port.network)).cloned());
        }
        // Also those that a cut took away, or a kill before they were reached.
        for port in &node.ports {
            let Some(network) = making.networks.get(&port.network) else { continue };
            if !attached.contains(network) {
                self.plug(&called, network, &node.name, port.address, &port.mac_text()).await?;
            }
        }
        let way = way(node, &called, self.engine.as_deref(), &what)?;
        if !set.start {
            return Ok(way);
        }
        if !running {
            self.control(&called, "start").await.map_err(|error| refused(&what, error))?;
        }
        self.settle(&called, &labels).await?;
        self.up(node, &called, !running, making).await?;
        Ok(way)
    }

    /// The gateway of the default route, when Docker could choose another.
    async fn route_label(
        &self,
        making: &Making<'_>,
        labels: &mut BTreeMap<String, String>,
    ) -> Result<(), ProviderError> {
        let node = making.node;
        let Some(port) = node.ports.iter().find(|port| port.default_route).filter(|_| node.ports.len() > 1) else {
            return Ok(());
        };
        let Some(network) = making.networks.get(&port.network) else { return Ok(()) };
        let found = self.client.get(&format!("/networks/{network}")).await;
        let found = found.map_err(|error| refused(&format!("look at network `{network}`"), error))?;
        let gateway = text(&found["IPAM"]["Config"][0]["Gateway"]);
        if !gateway.is_empty() && found["Internal"] != true {
            labels.insert(ROUTE.to_owned(), gateway);
        }
        Ok(())
    }

    async fn body(
        &self,
        owner: &Owner,
        making: &Making<'_>,
        labels: &BTreeMap<String, String>,
    ) -> Result<Value, ProviderError> {
        let node = making.node;
        let has = &node.set.container;
        let mut host = host_config(node);
        let mut binds = Vec::new();
        for volume in &has.volumes {
            binds.push(self.bind(owner, volume).await?);
        }
        let mut env: Vec<String> = has.env.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut body = json!({
            "Hostname": has.hostname.as_ref().unwrap_or(&node.name),
            "Image": making.image,
            "Labels": labels,
        });
        if has.systemd {
            env.push("container=docker".to_owned());
            body["Entrypoint"] = json!([]);
            body["Cmd"] = json!(["/lib/systemd/systemd"]);
            body["StopSignal"] = "SIGRTMIN+3".into();
            self.systemd(&mut host, &mut binds).await?;
        } else if !has.command.is_empty() {
            body["Cmd"] = json!(has.command);
        }
        host["Binds"] = json!(binds);
        host["NetworkMode"] = "none".into();
        if let Some(port) = node.ports.first()
            && let Some(network) = making.networks.get(&port.network)
        {
            host["NetworkMode"] = network.as_str().into();
            let endpoint = endpoint(&node.name, port.address, &port.mac_text());
            body["NetworkingConfig"] = json!({"EndpointsConfig": {network.as_str(): endpoint}});
        }
        let (bindings, exposed) = ports(&has.ports)?;
        host["PortBindings"] = bindings;
        body["ExposedPorts"] = exposed;
        body["Env"] = json!(env);
        body["HostConfig"] = host;
        Ok(body)
    }

    /// systemd as the first process without `--privileged`, on hosts of both versions of control groups.
    async fn systemd(&self, host: &mut Value, binds: &mut Vec<String>) -> Result<(), ProviderError> {
        let info = self.client.get("/info").await;
        let info = info.map_err(|error| refused("ask the daemon about its machine", error))?;
        if let Some(capabilities) = host["CapAdd"].as_array_mut() {
            capabilities.extend(["SYS_ADMIN".into(), "NET_ADMIN".into()]);
        }
        host["SecurityOpt"] = json!(["seccomp=unconfined", "apparmor=unconfined"]);
        // As Debian's own: a fault that fills it takes no gigabytes.
        host["Tmpfs"] = json!({"/run": "", "/run/lock": "size=5m", "/tmp": ""});
        if info["CgroupVersion"] == "2" {
            host["CgroupnsMode"] = "private".into();
        } else {
            binds.push("/sys/fs/cgroup:/sys/fs/cgroup:ro".to_owned());
            binds.push("/sys/fs/cgroup/systemd:/sys/fs/cgroup/systemd:rw".to_owned());
        }
        Ok(())
    }

    pub(super) async fn container(&self, called: &str) -> Result<Value, ClientError> {
        self.client.get(&format!("/containers/{called}/json")).await
    }

    pub(super) async fn create(&self, called: &str, body: Value) -> Result<Value, ClientError> {
        self.client.post(&format!("/containers/create?name={called}"), Body::Json(body)).await
    }

    /// Starts, stops, pauses: whatever needs no body.
    pub(super) async fn control(&self, called: &str, verb: &str) -> Result<(), ClientError> {
        self.client.post(&format!("/containers/{called}/{verb}"), Body::None).await.map(|_| ())
    }

    /// A volume of the scenario, made when it is not there, or a folder of this machine.
    async fn bind(&self, owner: &Owner, volume: &str) -> Result<String, ProviderError> {
        let wrong = || ProviderError::Refused {
            what: format!("use volume `{volume}`"),
            why: "it needs to be NAME:/path or /here:/path, with `:ro` after it for reading only".to_owned(),
        };
        let (source, rest) = volume.split_once(':').ok_or_else(wrong)?;
        let target = rest.strip_suffix(":ro").or_else(|| rest.strip_suffix(":rw")).unwrap_or(rest);
        if !target.starts_with('/') || source.is_empty() {
            return Err(wrong());
        }
        if source.starts_with('/') {
            if self.is_local() && !Path::new(source).exists() {
                let why = format!("{source} is not there");
                return Err(ProviderError::Refused { what: format!("use volume `{volume}`"), why });
            }
            return Ok(volume.to_owned());
        }
        if !crate::check::is_name(source) {
            return Err(wrong());
        }
        Ok(format!("{}:{rest}", self.volume(owner, source).await?))
    }

    pub(super) async fn plug(
        &self,
        container: &str,
        network: &str,
        alias: &str,
        address: IpAddr,
        mac: &str,
    ) -> Result<(), ProviderError> {
        let request = json!({"Container": container, "EndpointConfig": endpoint(alias, address, mac)});
        match self.client.post(&format!("/networks/{network}/connect"), Body::Json(request)).await {
            Err(error) if !error.to_string().contains("already exists in network") => {
                Err(refused(&format!("attach `{container}` to `{network}`"), error))
            }
            _ => Ok(()),
        }
    }

    /// Waits until a node is up; a node that ended instead is told with its last words.
    async fn up(&self, node: &Node<'_>, called: &str, fresh: bool, making: &Making<'_>) -> Result<(), ProviderError> {
        let set = node.set;
        let start = Instant::now();
        if set.container.systemd || set.container.ssh {
            self.login(node, called, start).await?;
        }
        if set.container.ssh && (fresh || !self.exec(called, "test -s /var/tmp/.rplay-key").await?.code.eq(&0)) {
            self.key(node, called, making).await?;
        }
        let health = &set.health;
        loop {
            let up = match &health.sign {
                Sign::Login if set.container.ssh => match node.ports.first() {
                    Some(port) => listens(SocketAddr::new(port.address, 22)).await,
                    None => true,
                },
                // Looked at above; a program of its own is up when it runs.
                Sign::Login => true,
                Sign::Command(command) => self.exec(called, command).await?.code == 0,
                Sign::Port(port) => self.listening(called, *port).await?,
                Sign::Log(pattern) => {
                    let pattern = fancy_regex::Regex::new(pattern).map_err(|error| ProviderError::Refused {
                        what: format!("look for `{pattern}` in the log of `{}`", node.name),
                        why: error.to_string(),
                    })?;
                    let log = self.logs(called).await?;
                    String::from_utf8_lossy(&log).lines().any(|line| pattern.is_match(line).unwrap_or(false))
                }
            };
            self.alive(node, called).await?;
            if up {
                return Ok(());
            }
            late(node, start)?;
            tokio::time::sleep(if health.sign == Sign::Login { LOOK } else { health.every }).await;
        }
    }

    /// Waits until systemd has started what there is to start.
    async fn login(&self, node: &Node<'_>, called: &str, start: Instant) -> Result<(), ProviderError> {
        if !node.set.container.systemd {
            return Ok(());
        }
        loop {
            // Two words that both mean that nothing more is started.
            let said = self.exec(called, "systemctl is-system-running --wait").await?;
            if ["running", "degraded"].contains(&said.output.trim()) {
                return Ok(());
            }
            self.alive(node, called).await?;
            late(node, start)?;
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn alive(&self, node: &Node<'_>, called: &str) -> Result<(), ProviderError> {
        let what = format!("bring node `{}` up", node.name);
        let found = self.container(called).await.map_err(|error| refused(&what, error))?;
        let state = &found["State"];
        if state["Running"] == true {
            return Ok(());
        }
        let log = self.logs(called).await.unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().rev().take(5).collect();
        let last: Vec<&str> = lines.into_iter().rev().collect();
        let mut why = format!("it ended with {}", state["ExitCode"]);
        if let Some(error) = state["Error"].as_str().filter(|error| !error.is_empty()) {
            why = format!("{why} ({error})");
        }
        if !last.is_empty() {
            why = format!("{why}; its last words: {}", last.join(" / "));
        }
        Err(ProviderError::Refused { what, why })
    }

    /// The scenario's key for who logs in, and host keys, so that sshd can start.
    async fn key(&self, node: &Node<'_>, called: &str, making: &Making<'_>) -> Result<(), ProviderError> {
        const SCRIPT: &str = r#"set -e
home=$(getent passwd "$RPLAY_USER" | cut -d: -f6)
[ -n "$home" ] || { echo "there is no user $RPLAY_USER"; exit 1; }
umask 077
mkdir -p "$home/.ssh"
printf '%s\n' "$RPLAY_KEY" > "$home/.ssh/authorized_keys"
chown -R "$RPLAY_USER" "$home/.ssh"
[ -x /usr/sbin/sshd ] || { echo "the image has no sshd: add openssh-server to its packages"; exit 1; }
ssh-keygen -A >/dev/null
mkdir -p /run/sshd
systemctl reset-failed ssh sshd 2>/dev/null || true
systemctl start ssh 2>/dev/null || systemctl start sshd 2>/dev/null || pgrep -x sshd >/dev/null || /usr/sbin/sshd
echo done > /var/tmp/.rplay-key"#;
        let user = node.set.user.clone().unwrap_or_else(|| "root".to_owned());
        let env = vec![format!("RPLAY_USER={user}"), format!("RPLAY_KEY={}", making.key.trim())];
        let said = self.exec_with(called, &["sh", "-c", SCRIPT], env).await?;
        if said.code == 0 {
            return Ok(());
        }
        let what = format!("let rplay log in to node `{}`", node.name);
        Err(ProviderError::Refused { what, why: said.output.trim().to_owned() })
    }

    /// Whether something in a container listens at a port, as its kernel says: no program is needed in it but `cat`.
    async fn listening(&self, called: &str, port: u16) -> Result<bool, ProviderError> {
        let said = self.exec(called, "cat /proc/net/tcp /proc/net/tcp6 2>/dev/null").await?;
        Ok(listens_in(&said.output, port))
    }

    /// Runs a shell command in a container.
    pub(super) async fn exec(&self, called: &str, command: &str) -> Result<Said, ProviderError> {
        self.exec_with(called, &["sh", "-c", command], Vec::new()).await
    }

    pub(super) async fn exec_with(
        &self,
        called: &str,
        command: &[&str],
        env: Vec<String>,
    ) -> Result<Said, ProviderError> {
        let what = format!("run a command in `{called}`");
        let request = json!({"AttachStdout": true, "AttachStderr": true, "Cmd": command, "Env": env, "User": "root"});
        let gone = |error: ClientError| match error.code() {
            // It does not run (any more): whoever waits for it looks why.
            Some(409) => Ok(Said { code: 126, output: error.to_string() }),
            _ => Err(refused(&what, error)),
        };
        let exec = match self.client.post(&format!("/containers/{called}/exec"), Body::Json(request)).await {
            Ok(made) => text(&made["Id"]),
            Err(error) => return gone(error),
        };
        let start = Body::Json(json!({"Detach": false, "Tty": false}));
        let output = match self.client.ask("POST", &format!("/exec/{exec}/start"), start).await {
            Ok(output) => unframed(&output),
            Err(error) => return gone(error),
        };
        let found = self.client.get(&format!("/exec/{exec}/json")).await.map_err(|error| refused(&what, error))?;
        let code = found["ExitCode"].as_i64().unwrap_or(126);
        Ok(Said { code, output: String::from_utf8_lossy(&output).into_owned() })
    }

    /// All that a container has written.
    pub(super) async fn logs(&self, called: &str) -> Result<Vec<u8>, ProviderError> {
        let path = format!("/containers/{called}/logs?stdout=true&stderr=true");
        let logs = self.client.ask("GET", &path, Body::None).await;
        Ok(unframed(&logs.map_err(|error| refused(&format!("read the log of `{called}`"), error))?))
    }

    /// Removes a container if it is the owner's.
    pub(super) async fn remove_owned(&self, owner: &Owner, called: &str) -> Result<(), ProviderError> {
        match self.container(called).await {
            Ok(found) if owner.owns(&texts(&found["Config"]["Labels"])) => self.remove_container(called).await,
            Ok(found) => Err(foreign("container", text(&found["Name"]).trim_start_matches('/'))),
            Err(error) => quiet(&format!("look at `{called}`"), Err::<(), _>(error)),
        }
    }

    pub(super) async fn remove_container(&self, called: &str) -> Result<(), ProviderError> {
        // Its anonymous volumes go with it; named ones are objects of their own.
        match self.client.delete(&format!("/containers/{called}?force=true&v=true")).await {
            // Another command is at it.
            Err(error) if error.code() == Some(409) && error.to_string().contains("already in progress") => Ok(()),
            ended => quiet(&format!("remove `{called}`"), ended),
        }
    }

    /// Keeps a container's file system as an image; it has the container's labels.
    pub(super) async fn keep(&self, object: &Object, name: &str) -> Result<(), ProviderError> {
        let what = format!("keep `{}` as `{name}`", object.id);
        let path =
            format!("/commit?container={}&repo={}&tag={}&pause=true", object.id, quoted(&kept(object)), quoted(name));
        let request = json!({"Labels": object.labels});
        self.client.post(&path, Body::Json(request)).await.map(|_| ()).map_err(|error| refused(&what, error))
    }

    /// Puts a container anew with the file system that was kept; everything else of it stays as it is.
    pub(super) async fn restore(&self, object: &Object, name: &str) -> Result<(), ProviderError> {
        let what = format!("put `{}` back to `{name}`", object.id);
        let refuse = |error: ClientError| refused(&what, error);
        let image = format!("{}:{name}", kept(object));
        if let Err(error) = self.client.get(&format!("/images/{image}/json")).await {
            return Err(if is_gone(&error) {
                ProviderError::Refused { what, why: format!("no snapshot `{name}` was kept") }
            } else {
                refuse(error)
            });
        }
        let found = self.container(&object.id).await.map_err(refuse)?;
        let host = found["HostConfig"].clone();
        let mode = text(&host["NetworkMode"]);
        let networks: Vec<String> = found["NetworkSettings"]["Networks"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, _)| name.clone())
            .collect();
        let alias = object.name().unwrap_or_default().to_owned();
        let scenario = object.labels.get(crate::provider::SCENARIO).cloned().unwrap_or_default();
        let endpoint_of = |network: &str| {
            let own = object.addresses.iter().find(|(name, _)| *network == format!("rplay-{scenario}-{name}"));
            own.map_or_else(|| json!({}), |(_, (address, mac))| endpoint(&alias, *address, &mac_text(*mac)))
        };
        let mut body = found["Config"].clone();
        body["Image"] = image.into();
        body["HostConfig"] = host;
        if networks.contains(&mode) {
            body["NetworkingConfig"] = json!({"EndpointsConfig": {mode.as_str(): endpoint_of(&mode)}});
        }
        // Made before the old one is removed: a kill in between leaves one of them whole.
        let temporary = format!("{}.back", object.id);
        self.remove_container(&temporary).await?;
        self.create(&temporary, body).await.map_err(refuse)?;
        self.remove_container(&object.id).await?;
        self.control(&temporary, &format!("rename?name={}", object.id)).await.map_err(refuse)?;
        for network in networks.iter().filter(|network| **network != mode) {
            let request = json!({"Container": object.id, "EndpointConfig": endpoint_of(network)});
            let path = format!("/networks/{network}/connect");
            self.client.post(&path, Body::Json(request)).await.map_err(refuse)?;
        }
        self.control(&object.id, "start").await.map_err(refuse)?;
        self.settle(&object.id, &object.labels).await
    }

    /// Names that a container is kept under.
    pub(super) async fn kept_of(&self, object: &Object) -> Result<Vec<String>, ProviderError> {
        let labels =
            object.labels.get(crate::provider::SCENARIO).map(|name| format!("{}={name}", crate::provider::SCENARIO));
        let kept_as = format!("{}:", kept(object));
        let images = self.kept(&labels.into_iter().collect::<Vec<_>>()).await?;
        Ok(images.iter().filter_map(|image| image.id.strip_prefix(&kept_as).map(str::to_owned)).collect())
    }

    /// Writes what is kept of containers to a file: what they have in common is in it once.
    pub(super) async fn saved(&self, nodes: &[&Object], name: &str, to: &Path) -> Result<(), ProviderError> {
        let names: Vec<String> =
            nodes.iter().map(|node| format!("names={}", quoted(&format!("{}:{name}", kept(node))))).collect();
        let saved = self.client.download(&format!("/images/get?{}", names.join("&")), to).await;
        saved.map_err(|error| refused(&format!("export the nodes as at `{name}`"), error))
    }

    /// Images of recipes that no container and no other image begins as.
    pub(super) async fn unused(&self) -> Result<Vec<Object>, ProviderError> {
        let what = "list images";
        let images = self.client.get("/images/json?all=true").await.map_err(|error| refused(what, error))?;
        let containers = self.client.get("/containers/json?all=true").await.map_err(|error| refused(what, error))?;
        let field = |list: &Value, key: &str| -> Vec<String> {
            list.as_array().into_iter().flatten().map(|entry| text(&entry[key])).collect()
        };
        let (used, parents) = (field(&containers, "ImageID"), field(&images, "ParentId"));
        let free = images.as_array().into_iter().flatten().filter(|image| {
            let id = text(&image["Id"]);
            !used.contains(&id) && !parents.contains(&id)
        });
        let tags = free.flat_map(|image| {
            let tags = image["RepoTags"].as_array().into_iter().flatten().map(text);
            let tags = tags.filter(|tag| tag.starts_with("rplay/"));
            tags.map(|tag| plain(ObjectKind::Image, tag, &image["Labels"])).collect::<Vec<_>>()
        });
        Ok(tags.collect())
    }

    /// The snapshots with these labels.
    pub(super) async fn kept(&self, labels: &[String]) -> Result<Vec<Object>, ProviderError> {
        let listed = self.listed(labels, "/images/json", "images").await?;
        let images = listed.as_array().into_iter().flatten();
        let tags = images.flat_map(|image| {
            let tags = image["RepoTags"].as_array().into_iter().flatten();
            tags.map(|tag| plain(ObjectKind::Image, text(tag), &image["Labels"]))
        });
        Ok(tags.filter(|object| object.id.starts_with(KEPT)).collect())
    }
}

fn kept(object: &Object) -> String {
    format!("{KEPT}{}", object.id.to_ascii_lowercase())
}

pub(super) fn mac_text(mac: [u8; 6]) -> String {
    mac.map(|byte| format!("{byte:02x}")).join(":")
}

/// What a container cannot have.
fn possible(node: &Node<'_>, what: &str) -> Result<(), ProviderError> {
    let set = node.set;
    let has = &set.container;
    let why = if !set.disks.is_empty() {
        "a container has no disks of its own; `container.volumes` mounts volumes"
    } else if set.boot.kernel.is_some() || set.boot.initrd.is_some() || set.boot.args.is_some() || set.boot.efi {
        "a container boots no kernel of its own"
    } else if !set.boot.from.is_empty() || set.networks.iter().any(|attachment| attachment.boot) {
        "a container does not boot from anything"
    } else if has.systemd && !has.command.is_empty() {
        "it has both `systemd` and a `command` as its first process"
    } else if has.swap.is_some() && set.memory.is_none() {
        "`swap` beyond memory needs a limit of `memory`"
    } else if set.via.is_some() && !has.ssh {
        "`via` is for connections over ssh (`container.connection: ssh`)"
    } else {
        return Ok(());
    };
    Err(ProviderError::Refused { what: what.to_owned(), why: why.to_owned() })
}

fn late(node: &Node<'_>, start: Instant) -> Result<(), ProviderError> {
    let deadline = node.set.health.deadline;
    if start.elapsed() < deadline {
        return Ok(());
    }
    Err(ProviderError::Deadline { what: format!("node `{}`", node.name), seconds: deadline.as_secs() })
}

fn way(node: &Node<'_>, called: &str, engine: Option<&str>, what: &str) -> Result<Way, ProviderError> {
    if !node.set.container.ssh {
        return Ok(Way::Docker { container: called.to_owned(), engine: engine.map(str::to_owned) });
    }
    let Some(Port { address, .. }) = node.ports.first() else {
        let why = "`connection: ssh` needs a network".to_owned();
        return Err(ProviderError::Refused { what: what.to_owned(), why });
    };
    Ok(Way::Ssh { host: address.to_string(), port: node.set.port })
}

async fn listens(address: SocketAddr) -> bool {
    let connect = tokio::net::TcpStream::connect(address);
    matches!(tokio::time::timeout(Duration::from_secs(1), connect).await, Ok(Ok(_)))
}

/// Whether a table of `/proc/net/tcp` has a listener at a port.
fn listens_in(table: &str, port: u16) -> bool {
    table.lines().any(|line| {
        let mut words = line.split_whitespace().skip(1);
        let local = words.next().and_then(|local| local.rsplit_once(':'));
        // 0A is LISTEN.
        local.is_some_and(|(_, hex)| u16::from_str_radix(hex, 16) == Ok(port)) && words.nth(1) == Some("0A")
    })
}

fn endpoint(alias: &str, address: IpAddr, mac: &str) -> Value {
    let kind = if address.is_ipv4() { "IPv4Address" } else { "IPv6Address" };
    json!({"IPAMConfig": {kind: address.to_string()}, "MacAddress": mac, "Aliases": [alias]})
}

fn host_config(node: &Node<'_>) -> Value {
    let set = node.set;
    let has = &set.container;
    let device = |path: &String| {
        let mut parts = path.split(':');
        let here = parts.next().unwrap_or_default();
        let there = parts.next().unwrap_or(here);
        let permissions = parts.next().unwrap_or("rwm");
        json!({"PathOnHost": here, "PathInContainer": there, "CgroupPermissions": permissions})
    };
    let mut host = json!({
        "CapAdd": has.capabilities,
        "Devices": has.devices.iter().map(device).collect::<Vec<_>>(),
        "Sysctls": has.sysctls.iter().collect::<BTreeMap<_, _>>(),
    });
    if let Some(memory) = set.memory {
        host["Memory"] = memory.0.into();
        // The daemon's number is memory and swap together.
        host["MemorySwap"] = (memory.0 + has.swap.map_or(0, |swap| swap.0)).into();
    }
    if set.cpus > 0 {
        host["NanoCpus"] = (u64::from(set.cpus) * 1_000_000_000).into();
    }
    if let Some(pids) = has.pids {
        host["PidsLimit"] = pids.into();
    }
    if let Some(files) = has.open_files {
        host["Ulimits"] = json!([{"Name": "nofile", "Soft": files, "Hard": files}]);
    }
    if let Some(disk) = set.disk {
        host["StorageOpt"] = json!({"size": disk.0.to_string()});
    }
    host
}

/// `[ADDRESS:]PORT:PORT[/udp]` as the daemon has it: what is published, and what is exposed for that.
fn ports(ports: &[String]) -> Result<(Value, Value), ProviderError> {
    let (mut bindings, mut exposed) = (Map::new(), Map::new());
    for text in ports {
        let wrong = || ProviderError::Refused {
            what: format!("publish port `{text}`"),
            why: "it needs to be [ADDRESS:]PORT:PORT[/udp]".to_owned(),
        };
        let (bare, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
        let (here, there) = bare.rsplit_once(':').ok_or_else(wrong)?;
        let (address, here) = here.rsplit_once(':').map_or((None, here), |(address, here)| (Some(address), here));
        let number = |text: &str| text.parse::<u16>().is_ok_and(|port| port > 0);
        let known = address.is_none_or(|address| address.trim_matches(['[', ']']).parse::<IpAddr>().is_ok());
        if !number(here) || !number(there) || !known || !["tcp", "udp", "sctp"].contains(&protocol) {
            return Err(wrong());
        }
        // Nothing of a lab is open to others unless it says so.
        let binding = json!({"HostIp": address.unwrap_or("127.0.0.1"), "HostPort": here});
        let key = format!("{there}/{protocol}");
        exposed.insert(key.clone(), json!({}));
        if let Value::Array(list) = bindings.entry(key).or_insert_with(|| json!([])) {
            list.push(binding);
        }
    }
    Ok((bindings.into(), exposed.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_read() {
        let texts = ["8080:80".to_owned(), "0.0.0.0:53:53/udp".to_owned(), "8081:80".to_owned()];
        let (bindings, exposed) = ports(&texts).unwrap();
        assert_eq!(exposed, json!({"80/tcp": {}, "53/udp": {}}));
        assert_eq!(bindings["53/udp"], json!([{"HostIp": "0.0.0.0", "HostPort": "53"}]));
        let ports_of_web = json!([
            {"HostIp": "127.0.0.1", "HostPort": "8080"},
            {"HostIp": "127.0.0.1", "HostPort": "8081"}
        ]);
        assert_eq!(bindings["80/tcp"], ports_of_web);
        for wrong in ["80", "a:80", "80:80/icmp", "nowhere:80:80", "0:80", "80:99999"] {
            assert!(ports(&[wrong.to_owned()]).is_err(), "{wrong}");
        }
    }

    #[test]
    fn listeners_are_found_in_the_kernel_s_table() {
        let table = "  sl  local_address rem_address   st tx_queue\n   \
                     0: 0100007F:0016 00000000:0000 0A 00000000:00000000\n   \
                     1: 0100007F:0050 0100007F:9C40 01 00000000:00000000\n";
        assert!(listens_in(table, 22));
        assert!(!listens_in(table, 80), "a connection is no listener");
        assert!(!listens_in(table, 2200));
        let v6 = "   0: 00000000000000000000000000000000:1F90 00000000000000000000000000000000:0000 0A 0\n";
        assert!(listens_in(v6, 8080));
    }
}
