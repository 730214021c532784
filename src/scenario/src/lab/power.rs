//! The power of nodes: what their buttons do, and the management controllers that others press them through.

use std::process::Command;

use rplay_diag::Diagnostic;

use super::{Ending, Lab, LabError};
use crate::handoff::instackenv;
use crate::node::Provider as Kind;
use crate::provider::{ObjectKind, State};
use crate::topology::Node;

/// What is done to a node's power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Power {
    /// It is started.
    On,
    /// Its power is taken.
    Off,
    /// It is asked to end.
    Shutdown,
    /// It starts anew, as by its button.
    Reset,
    /// It stands still.
    Pause,
    /// It goes on.
    Resume,
}

/// The first port of the controllers: as TripleO's quickstart has them.
const FIRST: u16 = 6230;
/// Who may ask them, as `instackenv.json` says.
const LOGIN: [&str; 2] = ["admin", "password"];
/// The file that tells of them.
const FILE: &str = "instackenv.json";

impl Lab<'_> {
    /// Does something to the power of these nodes, or of all.
    pub fn power(&self, names: &[String], power: Power) -> Result<(), LabError> {
        let _lock = self.locked()?;
        let objects = self.objects()?;
        let nodes = self.nodes(&objects)?;
        for name in names {
            let node = self.node(&nodes, name)?;
            if node.set.provider == Kind::Existing {
                let text = format!("`{name}` exists already: its power is not rplay's to switch");
                return Err(LabError::said(Diagnostic::error(text).at(node.set.span, "this node")));
            }
            self.reached(&nodes, &objects)?;
        }
        let chosen = objects.iter().filter(|(object, _)| object.kind == ObjectKind::Node);
        let chosen =
            chosen.filter(|(object, _)| names.is_empty() || names.iter().any(|name| object.name() == Some(name)));
        for (object, provider) in chosen {
            self.step("power", object.name().unwrap_or_default(), || {
                let same = match power {
                    Power::On | Power::Resume => object.state == Some(State::Running),
                    Power::Off | Power::Shutdown => object.state == Some(State::Stopped),
                    Power::Pause => object.state == Some(State::Paused),
                    Power::Reset => false,
                };
                if same {
                    return Ok(Ending::Same);
                }
                self.wait(async {
                    match power {
                        Power::On => provider.start(object).await?,
                        Power::Off => provider.stop(object, true).await?,
                        Power::Shutdown => provider.stop(object, false).await?,
                        Power::Reset => provider.reset(object).await?,
                        Power::Pause => provider.pause(object, true).await?,
                        Power::Resume => provider.pause(object, false).await?,
                    }
                    Ok(Ending::Changed)
                })
            })?;
        }
        Ok(())
    }

    /// The nodes with a controller and its port: always the same for the same nodes.
    fn controllers<'n>(nodes: &'n [Node<'_>]) -> impl Iterator<Item = (&'n Node<'n>, u16)> {
        nodes.iter().filter(|node| node.set.bmc).zip(FIRST..)
    }

    /// Writes `instackenv.json`, and starts a controller for each node that has one, where `virtualbmc` is installed.
    pub(super) fn bmc(&self, nodes: &[Node<'_>]) -> Result<(), LabError> {
        let all: Vec<(&Node<'_>, u16)> = Self::controllers(nodes).collect();
        if all.is_empty() {
            return Ok(());
        }
        // Whom the nodes reach this machine by: in a network where it has an address.
        let mut networks =
            nodes.iter().flat_map(|node| &node.ports).filter_map(|port| self.scenario.networks.get(&port.network));
        let address = networks.find_map(|network| network.gateway);
        let address = address.map_or_else(|| "127.0.0.1".to_owned(), |address| address.to_string());
        let port = |node: &Node<'_>| all.iter().find(|(other, _)| other.name == node.name).map(|(_, port)| *port);
        let text = instackenv(nodes, |node| Some((address.clone(), port(node)?)));
        self.folder.write(FILE, &text.map_err(|error| std::io::Error::other(error.to_string()))?)?;
        let vbmc = |args: &[&str]| Command::new("vbmc").args(args).output();
        let Ok(listed) = vbmc(&["list", "-f", "value", "-c", "Domain name", "-c", "Port"]) else {
            self.note(format!(
                "`virtualbmc` is not installed: nobody answers at the ports of {FILE}; `rplay scenario power` switches nodes"
            ));
            return Ok(());
        };
        if !listed.status.success() {
            let said = String::from_utf8_lossy(&listed.stderr);
            let said = said.lines().last().unwrap_or_default();
            self.note(format!("`vbmc list` does not work, so nobody answers at the ports of {FILE}: {said}"));
            return Ok(());
        }
        let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
        for (node, port) in all {
            let (domain, port) = (format!("rplay-{}-{}", self.scenario.name, node.name), port.to_string());
            let there = listed.lines().any(|line| {
                let mut words = line.split_whitespace();
                words.next() == Some(&domain) && words.next() == Some(&port)
            });
            self.step("bmc", &node.name, || {
                if !there {
                    let _ = vbmc(&["delete", &domain]);
                    let args = ["add", &domain, "--port", &port, "--username", LOGIN[0], "--password", LOGIN[1]];
                    ended("add", &vbmc(&args)?)?;
                }
                let started = vbmc(&["start", &domain])?;
                // One that runs says so, and that it is an error.
                if !String::from_utf8_lossy(&started.stderr).contains("already running") {
                    ended("start", &started)?;
                }
                Ok::<_, LabError>(if there { Ending::Same } else { Ending::Changed })
            })?;
        }
        Ok(())
    }

    /// Removes the controllers of nodes that go.
    pub(super) fn no_bmc(&self, nodes: &[Node<'_>], gone: impl Fn(&Node<'_>) -> bool) {
        for (node, _) in Self::controllers(nodes).filter(|(node, _)| gone(node)) {
            let domain = format!("rplay-{}-{}", self.scenario.name, node.name);
            // One that is not there is as well, and so is a program that is not.
            let _ = Command::new("vbmc").args(["delete", &domain]).output();
        }
    }
}

fn ended(doing: &str, output: &std::process::Output) -> Result<(), LabError> {
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let text = format!("`vbmc {doing}` failed: {}", said.lines().last().unwrap_or_default());
    Err(LabError::said(Diagnostic::error(text)))
}
