//! Links between networks: this machine routes their packets, slows them down and loses them.
//!
//! Rules carry a comment with the scenario's name, and what a bridge's packets go through stands in the bridge's alias: what is
//! there is what the kernel says, as with everything else. The tools are this machine's `iptables`, `ip` and `tc`.

use std::collections::BTreeMap;
use std::process::Command;

use rplay_diag::Diagnostic;

use super::create::Made;
use super::{Ending, Lab, LabError};
use crate::network::{Impairment, Network, Reach};
use crate::provider::digest;

/// One direction of a link.
#[derive(Clone, Debug, PartialEq)]
struct Way {
    from: String,
    to: String,
    how: Impairment,
}

impl Lab<'_> {
    /// Networks that packets pass between: those with a link, and all that are routed, with each other.
    fn ways(&self) -> Vec<Way> {
        let mut ways: Vec<Way> = Vec::new();
        let mut add = |a: &str, b: &str, how: Impairment| {
            for (from, to) in [(a, b), (b, a)] {
                if !ways.iter().any(|way| way.from == from && way.to == to) {
                    ways.push(Way { from: from.to_owned(), to: to.to_owned(), how });
                }
            }
        };
        for link in &self.scenario.links {
            add(&link.between[0].text, &link.between[1].text, link.impairment);
        }
        let routed: Vec<&Network> =
            self.scenario.networks.values().filter(|network| network.reach == Reach::Routed).collect();
        for (at, one) in routed.iter().enumerate() {
            routed[at + 1..].iter().for_each(|other| add(&one.name, &other.name, Impairment::default()));
        }
        ways
    }

    /// Makes links that are not there; gives how many steps changed something, and how many did not.
    pub(super) fn link(&self, made: &Made, count: &mut dyn FnMut(Ending)) -> Result<(), LabError> {
        let ways = self.ways();
        if ways.is_empty() {
            return Ok(());
        }
        let bridges = self.bridges(made, &ways)?;
        let bridge = |name: &str| bridges.get(name).map(String::as_str).unwrap_or_default();
        for link in ways.iter().filter(|way| way.from <= way.to) {
            let ending = self.step("link", &format!("{}-{}", link.from, link.to), || {
                let mut ending = Ending::Same;
                for way in ways.iter().filter(|way| {
                    (way.from == link.from && way.to == link.to) || (way.from == link.to && way.to == link.from)
                }) {
                    for (table, rule) in self.rules(way, bridge(&way.from), bridge(&way.to)) {
                        if insert(table, &rule)? {
                            ending = Ending::Changed;
                        }
                    }
                }
                Ok::<_, LabError>(ending)
            })?;
            count(ending);
        }
        for (name, bridge) in &bridges {
            let into: Vec<&Way> = ways.iter().filter(|way| way.to == *name).collect();
            if into.iter().any(|way| way.how != Impairment::default()) {
                let ending = self.step("link", &format!("to {name}"), || self.shape(bridge, &into))?;
                count(ending);
            }
        }
        Ok(())
    }

    /// The bridges of linked networks by name. A site without nodes, such as with a count of none, has none.
    fn bridges(&self, made: &Made, ways: &[Way]) -> Result<BTreeMap<String, String>, LabError> {
        let mut bridges = BTreeMap::new();
        for ((kind, engine, name), id) in made {
            // Others have joined the bridge of the one that made it.
            if !ways.iter().any(|way| way.from == *name) || id.starts_with(crate::provider::BRIDGE) {
                continue;
            }
            let Some(provider) = self.providers.get(&(*kind, engine.clone())) else { continue };
            let bridge = self.wait(async { Ok(provider.bridge(id).await?) })?;
            bridges.insert(name.clone(), bridge);
        }
        Ok(bridges)
    }

    /// Packets pass, ahead of what keeps networks apart, and keep their addresses.
    fn rules(&self, way: &Way, from: &str, to: &str) -> Vec<(&'static str, Vec<String>)> {
        if from.is_empty() || to.is_empty() {
            return Vec::new();
        }
        let comment = format!("rplay-link {} {} {}", self.owner.user, self.scenario.name, way.from);
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<String>>();
        let said = |mut rule: Vec<String>| {
            rule.extend(["-m".to_owned(), "comment".to_owned(), "--comment".to_owned(), comment.clone()]);
            rule
        };
        let cidr =
            |name: &str| self.scenario.networks.get(name).map(|network| network.cidr.to_string()).unwrap_or_default();
        vec![
            ("filter", said(words(&format!("-i {from} -o {to} -j ACCEPT")))),
            ("nat", said(words(&format!("-s {} -d {} -j ACCEPT", cidr(&way.from), cidr(&way.to))))),
        ]
    }

    /// What comes into a network from others is slowed down and lost, by where it comes from.
    fn shape(&self, bridge: &str, into: &[&Way]) -> Result<Ending, LabError> {
        let commands = shaping(bridge, into, |name| {
            self.scenario.networks.get(name).map(|network| network.cidr.to_string()).unwrap_or_default()
        });
        let alias = format!("rplay {}", digest(&commands.iter().map(|words| words.join(" ")).collect::<Vec<_>>()));
        let path = format!("/sys/class/net/{bridge}/ifalias");
        if fs_err::read_to_string(&path).unwrap_or_default().trim() == alias {
            return Ok(Ending::Same);
        }
        // Nothing may be there.
        let _ = run("tc", &["qdisc", "del", "dev", bridge, "root"]);
        for command in &commands {
            let words: Vec<&str> = command.iter().map(String::as_str).collect();
            run("tc", &words).map_err(|why| {
                let missing = why.contains("qdisc kind is unknown") && words.contains(&"netem");
                let error = Diagnostic::error(format!("cannot slow packets to `{bridge}` down: {why}"));
                LabError::said(if missing {
                    error.hint("this machine's kernel has no netem (module sch_netem): latency, jitter and loss need it, `rate` does not")
                } else {
                    error
                })
            })?;
        }
        run("ip", &["link", "set", "dev", bridge, "alias", &alias])
            .map_err(|why| LabError::said(Diagnostic::error(why)))?;
        Ok(Ending::Changed)
    }

    /// Removes the rules of this scenario's links. What bridges have goes with them.
    pub(super) fn unlink(&self) -> Result<usize, LabError> {
        if self.ways().is_empty() {
            return Ok(0);
        }
        let mut removed = 0;
        let marks = ["link", "cut"].map(|what| format!("rplay-{what} {} {} ", self.owner.user, self.scenario.name));
        for (table, chain) in [("filter", forward()), ("nat", "POSTROUTING")] {
            let listed = run("iptables", &["-w", "-t", table, "-S", chain])
                .map_err(|why| LabError::said(Diagnostic::error(why)))?;
            for line in listed.lines().filter(|line| marks.iter().any(|mark| line.contains(&format!("\"{mark}")))) {
                let Some(rule) = line.strip_prefix("-A ") else { continue };
                let mut words = vec!["-w".to_owned(), "-t".to_owned(), table.to_owned(), "-D".to_owned()];
                words.extend(unquoted(rule));
                let words: Vec<&str> = words.iter().map(String::as_str).collect();
                run("iptables", &words).map_err(|why| LabError::said(Diagnostic::error(why)))?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// Nothing passes between two networks, or everything does again.
    pub(super) fn cut_link(&self, a: &str, b: &str, cut: bool) -> Result<(), LabError> {
        let comment = format!("rplay-cut {} {} {a} {b}", self.owner.user, self.scenario.name);
        let cidr =
            |name: &str| self.scenario.networks.get(name).map(|network| network.cidr.to_string()).unwrap_or_default();
        for (from, to) in [(a, b), (b, a)] {
            let rule: Vec<String> =
                ["-s", &cidr(from), "-d", &cidr(to), "-m", "comment", "--comment", &comment, "-j", "DROP"]
                    .into_iter()
                    .map(str::to_owned)
                    .collect();
            if cut {
                insert("filter", &rule)?;
            } else {
                let mut words = vec!["-w", "-D", forward()];
                words.extend(rule.iter().map(String::as_str));
                // It is gone when there is none.
                let _ = run("iptables", &words);
            }
        }
        Ok(())
    }
}

/// The chain that comes first for packets between networks: Docker's own for its users, where there is one.
fn forward() -> &'static str {
    if run("iptables", &["-w", "-S", "DOCKER-USER"]).is_ok() { "DOCKER-USER" } else { "FORWARD" }
}

/// Puts a rule at the top, unless it is there; `true` when it was not.
fn insert(table: &str, rule: &[String]) -> Result<bool, LabError> {
    let chain = if table == "nat" { "POSTROUTING" } else { forward() };
    let with = |verb: &'static str| {
        let mut words = vec!["-w", "-t", table, verb, chain];
        words.extend(rule.iter().map(String::as_str));
        words
    };
    if run("iptables", &with("-C")).is_ok() {
        return Ok(false);
    }
    run("iptables", &with("-I")).map_err(|why| {
        let root = nix::unistd::geteuid().is_root();
        let error = Diagnostic::error(format!("cannot link networks: {why}"));
        LabError::said(if root { error } else { error.hint("links between networks need root") })
    })?;
    Ok(true)
}

/// Words of a rule as `iptables -S` writes it: comments are quoted.
fn unquoted(rule: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (at, part) in rule.split('"').enumerate() {
        if at % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

/// Classes of a bridge's packets, one a network that they come from.
fn shaping(bridge: &str, into: &[&Way], cidr: impl Fn(&str) -> String) -> Vec<Vec<String>> {
    let words = |text: String| text.split_whitespace().map(str::to_owned).collect::<Vec<String>>();
    let most = "100gbit";
    let mut commands = vec![
        words(format!("qdisc add dev {bridge} root handle 1: htb default 1")),
        words(format!("class add dev {bridge} parent 1: classid 1:1 htb rate {most} quantum 60000")),
    ];
    for (at, way) in into.iter().enumerate().filter(|(_, way)| way.how != Impairment::default()) {
        let class = at + 2;
        let rate = way.how.rate.map_or_else(|| most.to_owned(), |rate| format!("{rate}bit"));
        commands
            .push(words(format!("class add dev {bridge} parent 1: classid 1:{class} htb rate {rate} quantum 60000")));
        let netem = Impairment { rate: None, ..way.how }.netem();
        if !netem.is_empty() {
            commands.push(words(format!(
                "qdisc add dev {bridge} parent 1:{class} handle {class}0: netem {}",
                netem.join(" ")
            )));
        }
        let from = cidr(&way.from);
        let kind = if from.contains(':') { "ipv6 prio 2 u32 match ip6" } else { "ip prio 1 u32 match ip" };
        commands.push(words(format!("filter add dev {bridge} parent 1: protocol {kind} src {from} flowid 1:{class}")));
    }
    commands
}

fn run(program: &str, words: &[&str]) -> Result<String, String> {
    let output = Command::new(program).args(words).output().map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(format!("{program}: {said}"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn packets_are_sorted_by_where_they_come_from() {
        let way = |from: &str, how| Way { from: from.to_owned(), to: "c".to_owned(), how };
        let slow = Impairment { latency: Some(Duration::from_millis(20)), loss: Some(0.5), ..Impairment::default() };
        let narrow = Impairment { rate: Some(10_000_000), ..Impairment::default() };
        let (a, b, c) = (way("a", slow), way("b", narrow), way("d", Impairment::default()));
        let lines: Vec<String> = shaping("br0", &[&a, &b, &c], |name| format!("10.0.{}.0/24", name.len()))
            .iter()
            .map(|words| words.join(" "))
            .collect();
        insta::assert_snapshot!(lines.join("\n"), @r"
        qdisc add dev br0 root handle 1: htb default 1
        class add dev br0 parent 1: classid 1:1 htb rate 100gbit quantum 60000
        class add dev br0 parent 1: classid 1:2 htb rate 100gbit quantum 60000
        qdisc add dev br0 parent 1:2 handle 20: netem delay 20000us loss 0.5%
        filter add dev br0 parent 1: protocol ip prio 1 u32 match ip src 10.0.1.0/24 flowid 1:2
        class add dev br0 parent 1: classid 1:3 htb rate 10000000bit quantum 60000
        filter add dev br0 parent 1: protocol ip prio 1 u32 match ip src 10.0.1.0/24 flowid 1:3
        ");
    }

    #[test]
    fn rules_are_read_as_they_are_listed() {
        let line = "DOCKER-USER -i a -o b -m comment --comment \"rplay-link root lab a\" -j ACCEPT";
        let words = unquoted(line);
        assert_eq!(words.len(), 11);
        assert_eq!(words[8], "rplay-link root lab a");
    }
}
