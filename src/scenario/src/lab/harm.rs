//! Faults: nodes and their links are broken on purpose, and always mended: after an error, after Ctrl-C, and, since what is
//! broken is written down first, by the next command when this one was killed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rplay_diag::Diagnostic;

use super::{Ending, Lab, LabError, one_of, pattern, shell};
use crate::fault::{Fault, Harm, When};
use crate::handoff::Reached;
use crate::provider::{Object, Provider};

/// File with the names of faults that are not mended yet.
const BROKEN: &str = "broken";

/// File that takes all room; in the folder that the fault names.
const FILLER: &str = ".rplay-fill";

impl Lab<'_> {
    /// Lets the faults of this step befall, one after the other, each mended before the next.
    pub fn side_effect(&self, names: &[String]) -> Result<(), LabError> {
        for name in names {
            if !self.scenario.faults.contains_key(name) {
                let known: Vec<&str> = self.scenario.faults.keys().map(String::as_str).collect();
                let error = Diagnostic::error(format!("there is no fault `{name}`"));
                let hint = match rplay_diag::nearest(name, known.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None if known.is_empty() => "the scenario has no faults".to_owned(),
                    None => format!("the faults are {}", rplay_diag::quoted_list(known)),
                };
                return Err(LabError::said(error.hint(hint)));
            }
        }
        let _lock = self.folder.lock(&self.scenario.name)?;
        let objects = self.objects()?;
        self.mend_left(&objects)?;
        let chosen = if names.is_empty() {
            self.faults(|when| matches!(when, When::SideEffect))
        } else {
            names.iter().map(String::as_str).collect()
        };
        self.with_nodes(|reached| {
            for name in chosen {
                self.broken(&[name], reached, || self.linger(&[name]))?;
            }
            Ok(())
        })
    }

    /// Waits as long as the longest of these faults lasts.
    pub(super) fn linger(&self, names: &[&str]) -> Result<Ending, LabError> {
        let faults = names.iter().filter_map(|name| self.scenario.faults.get(*name));
        let lasts = faults.filter_map(|fault| fault.lasts).max().unwrap_or_default();
        self.wait(async {
            tokio::time::sleep(lasts).await;
            Ok(Ending::Done)
        })
    }

    /// Does something while faults are there; they are mended whatever comes of it.
    pub(super) fn broken<T>(
        &self,
        names: &[&str],
        reached: &[Reached<'_>],
        work: impl FnOnce() -> Result<T, LabError>,
    ) -> Result<T, LabError> {
        if names.is_empty() {
            return work();
        }
        let faults: Vec<&Fault> = names.iter().filter_map(|name| self.scenario.faults.get(*name)).collect();
        let objects = self.objects()?;
        for fault in &faults {
            self.possible(fault, reached)?;
        }
        self.folder.write(BROKEN, &names.join("\n"))?;
        let mut broken = Ok(());
        for fault in &faults {
            broken = self
                .step("fault", &fault.name, || {
                    self.each(fault, reached, &objects, true)?;
                    Ok::<_, LabError>(Ending::Changed)
                })
                .map(|_| ());
            if broken.is_err() {
                break;
            }
        }
        let worked = broken.and_then(|()| work());
        let mended = self.mend(&faults, reached);
        let worked = worked?;
        mended?;
        Ok(worked)
    }

    fn mend(&self, faults: &[&Fault], reached: &[Reached<'_>]) -> Result<(), LabError> {
        let mut errors = Vec::new();
        for fault in faults.iter().rev() {
            // What is broken changes what is there: a stopped node is started by its state of now.
            let ended = self.objects().and_then(|objects| {
                self.step("mend", &fault.name, || {
                    self.each(fault, reached, &objects, false)?;
                    Ok::<_, LabError>(Ending::Changed)
                })
            });
            errors.extend(ended.err());
        }
        one_of(errors)?;
        match fs_err::remove_file(self.folder.file(BROKEN)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Mends what a killed command left broken.
    pub(super) fn mend_left(&self, objects: &[(Object, Arc<dyn Provider>)]) -> Result<(), LabError> {
        let Ok(text) = fs_err::read_to_string(self.folder.file(BROKEN)) else { return Ok(()) };
        let faults: Vec<&Fault> = text.lines().filter_map(|name| self.scenario.faults.get(name)).collect();
        let nodes = self.nodes(objects)?;
        let there: Vec<_> = nodes.into_iter().filter(|node| Self::object(objects, &node.name).is_some()).collect();
        let reached = self.reached(&there, objects)?;
        self.mend(&faults, &reached)
    }

    /// What cannot befall these nodes is told before anything does.
    fn possible(&self, fault: &Fault, reached: &[Reached<'_>]) -> Result<(), LabError> {
        let refuse = |text: String, hint: &str| {
            Err(LabError::said(Diagnostic::error(text).at(fault.span, "this fault").hint(hint)))
        };
        if let When::Task(task) = &fault.when {
            return refuse(
                format!("faults at the start of a task (`{task}`) are not there yet"),
                "`before` and `after` name stages",
            );
        }
        for node in pattern::select(self.scenario, reached, fault.on.as_deref())? {
            let container = node.node.set.provider == crate::node::Provider::Docker;
            if container && matches!(fault.harm, Harm::Skew(_)) {
                return refuse(
                    format!("`{}` is a container: its clock is this machine's", node.node.name),
                    "clocks can be skewed on virtual machines",
                );
            }
            if let Harm::Skew(_) = fault.harm {
                return refuse("skewed clocks are not there yet".to_owned(), "other faults are");
            }
        }
        Ok(())
    }

    /// Breaks or mends each of a fault's nodes.
    fn each(
        &self,
        fault: &Fault,
        reached: &[Reached<'_>],
        objects: &[(Object, Arc<dyn Provider>)],
        harm: bool,
    ) -> Result<(), LabError> {
        let mut errors = Vec::new();
        for node in pattern::select(self.scenario, reached, fault.on.as_deref())? {
            let ended = self.provider(node.node).and_then(|_| match Self::object(objects, &node.node.name) {
                Some((object, provider)) => self.befall(fault, node, object, provider, harm),
                None => Ok(()),
            });
            errors.extend(ended.err());
        }
        one_of(errors)
    }

    fn befall(
        &self,
        fault: &Fault,
        node: &Reached<'_>,
        object: &Object,
        provider: &Arc<dyn Provider>,
        harm: bool,
    ) -> Result<(), LabError> {
        let of_node = || node.node.ports.iter().map(|port| port.network.as_str());
        self.must(async {
            match &fault.harm {
                Harm::PowerOff if harm => provider.stop(object, true).await?,
                Harm::PowerOff => provider.start(object).await?,
                Harm::Pause => provider.pause(object, harm).await?,
                Harm::Partition(networks) => {
                    for network in of_node().filter(|network| networks.iter().any(|cut| cut.text == *network)) {
                        provider.cut(object, network, harm).await?;
                    }
                }
                Harm::Degrade { networks, impairment } => {
                    let all = networks.is_empty();
                    for network in of_node().filter(|name| all || networks.iter().any(|one| one.text == *name)) {
                        provider.impair(object, network, harm.then_some(impairment)).await?;
                    }
                }
                Harm::Kill { .. } | Harm::Fill(_) | Harm::Skew(_) => {}
            }
            Ok(())
        })?;
        match &fault.harm {
            Harm::PowerOff if !harm => self.answers(node),
            Harm::Kill { process, signal } => self.kill(node, process, signal, harm),
            Harm::Fill(path) => self.fill(node, path, harm),
            _ => Ok(()),
        }
    }

    /// Waits until a node that was started takes commands again.
    fn answers(&self, node: &Reached<'_>) -> Result<(), LabError> {
        let start = Instant::now();
        let deadline = node.node.set.health.deadline;
        let config = self.folder.file("ssh.config.ansible");
        let look = if node.node.set.container.systemd {
            "case $(systemctl is-system-running --wait) in running|degraded) ;; *) exit 1;; esac"
        } else {
            "true"
        };
        while !shell::run(node, &config, look)?.ok {
            if start.elapsed() > deadline {
                let text = format!("node `{}` is not up {deadline:?} after it was started again", node.node.name);
                return Err(LabError::said(Diagnostic::error(text)));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    fn on(&self, node: &Reached<'_>, command: &str, doing: &str) -> Result<(), LabError> {
        let said = shell::run(node, &self.folder.file("ssh.config.ansible"), command)?;
        if said.ok {
            return Ok(());
        }
        let text = format!("cannot {doing} on `{}`: {}", node.node.name, said.stderr);
        Err(LabError::said(Diagnostic::error(text)))
    }

    fn kill(&self, node: &Reached<'_>, process: &str, signal: &str, harm: bool) -> Result<(), LabError> {
        let name = quoted(process);
        let unit = process.contains('.');
        let signal = quoted(signal);
        let command = match (unit, harm) {
            (true, true) => format!("systemctl kill -s {signal} {name}"),
            (true, false) => format!("systemctl reset-failed {name} 2>/dev/null; systemctl start {name}"),
            // /proc is everywhere, pkill is not; the name is what the kernel has of it.
            (false, true) => format!(
                "n={name}; found=; for p in /proc/[0-9]*; do read -r c < $p/comm 2>/dev/null || continue; \
                 [ \"$c\" = \"$(printf %.15s \"$n\")\" ] && kill -s {signal} \"${{p#/proc/}}\" && found=1; done; \
                 [ -n \"$found\" ] || {{ echo \"no process is called $n\" >&2; exit 1; }}"
            ),
            (false, false) => return Ok(()),
        };
        self.on(node, &command, if harm { "end a process" } else { "start a service" })
    }

    fn fill(&self, node: &Reached<'_>, path: &str, harm: bool) -> Result<(), LabError> {
        let file = quoted(&format!("{}/{FILLER}", path.trim_end_matches('/')));
        if !harm {
            return self.on(node, &format!("rm -f {file}"), "make room");
        }
        // A container's own file system is this machine's: only what is a file system of its own is filled.
        let folder = quoted(path);
        let command = format!(
            "set -e; [ \"$(stat -f -c %i {folder} 2>/dev/null)\" != \"$(stat -f -c %i /etc)\" ] || \
             [ \"$(stat -c %d {folder})\" != \"$(stat -c %d /etc)\" ] || [ -z \"{container}\" ] || \
             {{ echo '{path} is on the disk of the machine that the container runs on; fill a volume or a tmpfs' >&2; exit 1; }}; \
             free=$(df -Pk {folder} | tail -1 | while read -r _ _ _ k _; do echo \"$k\"; done); \
             fallocate -l \"$free\"KiB {file} 2>/dev/null || {{ dd if=/dev/zero of={file} bs=1M 2>/dev/null || true; }}",
            container = if node.node.set.provider == crate::node::Provider::Docker { "yes" } else { "" },
        );
        self.on(node, &command, "fill a file system")
    }
}

/// A word for the shell.
pub(super) fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}
