//! A container's links: cut, slowed down, and mended; hardware addresses and default routes that Docker does not set.
//!
//! The tools are this machine's, in the container's network (`nsenter`): its image needs none of them.

use std::collections::BTreeMap;

use serde_json::json;
use tokio::process::Command;

use super::client::Body;
use super::container::mac_text;
use super::{Docker, ROUTE, addresses, is_gone, refused};
use crate::network::Impairment;
use crate::provider::{Object, ProviderError};

impl Docker {
    /// Gives a container that was just started its hardware addresses and its default route.
    pub(super) async fn settle(&self, called: &str, labels: &BTreeMap<String, String>) -> Result<(), ProviderError> {
        let wanted = addresses(labels);
        let what = format!("look at `{called}`");
        let found = self.container(called).await.map_err(|error| refused(&what, error))?;
        let networks = found["NetworkSettings"]["Networks"].as_object();
        let mut script = String::new();
        for (address, mac) in wanted.values() {
            let mut endpoints = networks.into_iter().flatten().map(|(_, endpoint)| endpoint);
            let has = endpoints.find(|endpoint| endpoint["IPAddress"] == address.to_string());
            let mac = mac_text(*mac);
            // Daemons before 25 have one hardware address a container at most, and none of them here.
            if let Some(has) = has
                && has["MacAddress"].as_str().is_some_and(|has| !has.eq_ignore_ascii_case(&mac))
            {
                script.push_str(&format!("d=$(dev {address}); ip link set dev \"$d\" address {mac}\n"));
            }
        }
        if let Some(gateway) = labels.get(ROUTE) {
            script.push_str(&format!("ip route replace default via {gateway}\n"));
        }
        if script.is_empty() || !self.is_local() {
            return Ok(());
        }
        self.within(called, &script, "set its addresses").await
    }

    /// Attaches a container to a network of its own, or cuts it off; it keeps its address.
    pub(super) async fn attach(&self, object: &Object, network: &str, attach: bool) -> Result<(), ProviderError> {
        let (address, mac) = known(object, network)?;
        let called = of(object, network);
        if attach {
            let alias = object.name().unwrap_or_default();
            self.plug(&object.id, &called, alias, address, &mac_text(mac)).await?;
            return self.settle(&object.id, &object.labels).await;
        }
        let request = json!({"Container": object.id, "Force": true});
        match self.client.post(&format!("/networks/{called}/disconnect"), Body::Json(request)).await {
            Err(error) if !is_gone(&error) && !error.to_string().contains("is not connected") => {
                Err(refused(&format!("cut `{}` off from `{network}`", object.id), error))
            }
            _ => Ok(()),
        }
    }

    /// Slows a link down with netem, or mends it.
    pub(super) async fn netem(
        &self,
        object: &Object,
        network: &str,
        how: Option<&Impairment>,
    ) -> Result<(), ProviderError> {
        let (address, _) = known(object, network)?;
        if !self.is_local() {
            return Err(ProviderError::Refused {
                what: format!("slow the link of `{}` down", object.id),
                why: "its daemon is another machine's".to_owned(),
            });
        }
        let script = match how {
            Some(how) => format!("d=$(dev {address}); tc qdisc replace dev \"$d\" root {}", how.queue().join(" ")),
            None => format!(
                "d=$(dev {address}); tc qdisc show dev \"$d\" | grep -qE 'netem|tbf' || exit 0; \
                 tc qdisc del dev \"$d\" root"
            ),
        };
        self.within(&object.id, &script, "change its link").await
    }

    /// Runs a script of this machine's tools in a container's network; `dev ADDRESS` is the card that has an address.
    async fn within(&self, called: &str, script: &str, doing: &str) -> Result<(), ProviderError> {
        let what = format!("look at `{called}`");
        let found = self.container(called).await.map_err(|error| refused(&what, error))?;
        let Some(pid) = found["State"]["Pid"].as_i64().filter(|pid| *pid > 0) else {
            // What does not run has no network; its start sets everything anew.
            return Ok(());
        };
        let script = format!(
            "set -e\ndev() {{ ip -o addr show to \"$1\" | while read -r _ name _; do echo \"${{name%@*}}\"; break; done; }}\n{script}"
        );
        let output = Command::new("nsenter")
            .args(["--target", &pid.to_string(), "--net", "sh", "-c", &script])
            .kill_on_drop(true)
            .output()
            .await;
        let refuse = |why: String| Err(ProviderError::Refused { what: format!("{doing}: `{called}`"), why });
        match output {
            Ok(output) if output.status.success() => Ok(()),
            Ok(output) => {
                let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
                let root = nix::unistd::geteuid().is_root();
                if said.contains("qdisc kind is unknown") {
                    return refuse(format!(
                        "this machine's kernel has no netem (module sch_netem); `rate` alone needs none: {said}"
                    ));
                }
                refuse(if root { said } else { format!("{said} (this needs root)") })
            }
            Err(error) => refuse(format!("nsenter: {error}")),
        }
    }
}

fn known(object: &Object, network: &str) -> Result<(std::net::IpAddr, [u8; 6]), ProviderError> {
    object.addresses.get(network).copied().ok_or_else(|| ProviderError::Refused {
        what: format!("change the link of `{}` to `{network}`", object.id),
        why: "it is not attached to that network".to_owned(),
    })
}

/// What Docker calls a network of a node's scenario.
fn of(object: &Object, network: &str) -> String {
    let scenario = object.labels.get(crate::provider::SCENARIO).map(String::as_str).unwrap_or_default();
    format!("rplay-{scenario}-{network}")
}
