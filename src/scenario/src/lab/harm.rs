//! Faults: nodes and their links are broken on purpose, and always mended: after an error, after Ctrl-C, and, since what mends
//! them is written down first (`mend.rs`), by the next command when this one was killed.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Scope;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rplay_diag::Diagnostic;

use super::mend::{Mend, Remedy};
use super::play::Start;
use super::{Ending, Found, Lab, LabError, one_of, pattern, shell};
use crate::fault::{Fault, Harm, When};
use crate::handoff::Reached;
use crate::node::Provider as Kind;
use crate::provider::{Object, Provider};
use crate::topology::Node;

/// File that takes all room; in the folder that the fault names.
const FILLER: &str = ".rplay-fill";

/// Faults that befall when tasks begin, in one run of stages.
#[derive(Default)]
pub(super) struct Waiting {
    /// Names of those that have befallen.
    befallen: Mutex<HashSet<String>>,
    /// The run that they befall in is over.
    over: AtomicBool,
    errors: Mutex<Vec<LabError>>,
}

impl Waiting {
    /// Notes that a fault befalls now; `false` when it has before.
    fn first(&self, fault: &Fault) -> bool {
        self.befallen.lock().unwrap_or_else(PoisonError::into_inner).insert(fault.name.clone())
    }

    fn fail(&self, error: LabError) {
        self.errors.lock().unwrap_or_else(PoisonError::into_inner).push(error);
    }

    pub(super) fn errors(&self) -> Vec<LabError> {
        std::mem::take(&mut *self.errors.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn has(&self, fault: &Fault) -> bool {
        self.befallen.lock().unwrap_or_else(PoisonError::into_inner).contains(&fault.name)
    }
}

impl<'a> Lab<'a> {
    /// Lets the faults of this step befall, one after the other, each mended before the next.
    pub fn side_effect(&self, names: &[String]) -> Result<(), LabError> {
        for name in names {
            self.fault(name)?;
        }
        let _lock = self.locked()?;
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

    /// The fault of this name.
    fn fault(&self, name: &str) -> Result<&'a Fault, LabError> {
        self.scenario.faults.get(name).ok_or_else(|| {
            let known: Vec<&str> = self.scenario.faults.keys().map(String::as_str).collect();
            let error = Diagnostic::error(format!("there is no fault `{name}`"));
            let hint = match rplay_diag::nearest(name, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None if known.is_empty() => "the scenario has no faults".to_owned(),
                None => format!("the faults are {}", rplay_diag::quoted_list(known)),
            };
            LabError::said(error.hint(hint))
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
        let faults: Vec<&Fault> = names.iter().filter_map(|name| self.scenario.faults.get(*name)).collect();
        let mut broken = Ok(());
        for fault in &faults {
            broken = self.break_it(fault, reached);
            if broken.is_err() {
                break;
            }
        }
        let worked = broken.and_then(|()| work());
        let mended = self.mend_all(&faults, reached);
        let worked = worked?;
        mended?;
        Ok(worked)
    }

    fn mend_all(&self, faults: &[&Fault], reached: &[Reached<'_>]) -> Result<(), LabError> {
        one_of(faults.iter().rev().filter_map(|fault| self.mend(&fault.name, reached).err()).collect())
    }

    /// Does something that tasks of are told to `tasks` before they begin: faults that wait for them befall then. What has
    /// not been mended by then is mended after it.
    pub(super) fn while_tasks<T: Send>(
        &self,
        waiting: &Waiting,
        tasks: Receiver<Start>,
        reached: &[Reached<'_>],
        work: impl FnOnce() -> T + Send,
    ) -> (T, Result<(), LabError>) {
        let befell = Mutex::new(Vec::new());
        let worked = std::thread::scope(|scope| {
            let befell = &befell;
            scope.spawn(move || {
                for start in tasks {
                    for fault in self.scenario.faults.values() {
                        let When::Task(wanted) = &fault.when else { continue };
                        if start.names.iter().any(|name| pattern::matches(wanted, name)) && waiting.first(fault) {
                            befell.lock().unwrap_or_else(PoisonError::into_inner).push(fault);
                            self.befall_for(scope, fault, reached, waiting);
                        }
                    }
                    start.go();
                }
            });
            waiting.over.store(false, Ordering::SeqCst);
            let worked = work();
            waiting.over.store(true, Ordering::SeqCst);
            worked
        });
        let befell = befell.into_inner().unwrap_or_else(PoisonError::into_inner);
        (worked, self.mend_all(&befell, reached))
    }

    /// Breaks something, and mends it when its time is over.
    fn befall_for<'s>(
        &'s self,
        scope: &'s Scope<'s, '_>,
        fault: &'s Fault,
        reached: &'s [Reached<'_>],
        waiting: &'s Waiting,
    ) {
        if let Err(error) = self.break_it(fault, reached) {
            waiting.fail(error);
            return;
        }
        if let Some(lasts) = fault.lasts {
            scope.spawn(move || {
                let end = Instant::now() + lasts;
                while Instant::now() < end {
                    // What comes after the run mends everything.
                    if waiting.over.load(Ordering::SeqCst) {
                        return;
                    }
                    std::thread::sleep(Duration::from_millis(20).min(end.saturating_duration_since(Instant::now())));
                }
                if let Err(error) = self.mend(&fault.name, reached) {
                    waiting.fail(error);
                }
            });
        }
    }

    /// Breaks each of a fault's nodes.
    fn break_it(&self, fault: &Fault, reached: &[Reached<'_>]) -> Result<(), LabError> {
        let nodes: Vec<&Node<'_>> = reached.iter().map(|reached| reached.node).collect();
        self.possible(fault, &nodes)?;
        self.step("fault", &fault.name, || {
            let objects = self.objects()?;
            if let Harm::Cut(between) = &fault.harm {
                self.about_to_break(vec![Mend {
                    fault: fault.name.clone(),
                    node: between[0].text.clone(),
                    remedy: Remedy::Join(between[0].text.clone(), between[1].text.clone()),
                }])?;
                self.cut_link(&between[0].text, &between[1].text, true)?;
                return Ok(Ending::Changed);
            }
            let mut errors = Vec::new();
            for node in pattern::select(self.scenario, reached, fault.on.as_deref())? {
                let Some((object, provider)) = Self::object(&objects, &node.node.name) else { continue };
                let ended = self
                    .about_to_break(mends(fault, node.node))
                    .and_then(|()| self.befall(fault, node, object, provider));
                errors.extend(ended.err());
            }
            one_of(errors)?;
            Ok::<_, LabError>(Ending::Changed)
        })
        .map(|_| ())
    }

    /// What cannot befall the nodes that are asked for is told before anything is made.
    pub(super) fn faults_possible(&self, nodes: &[Node<'_>]) -> Result<(), LabError> {
        let nodes: Vec<&Node<'_>> = nodes.iter().collect();
        one_of(self.scenario.faults.values().filter_map(|fault| self.possible(fault, &nodes).err()).collect())
    }

    fn possible(&self, fault: &Fault, nodes: &[&Node<'_>]) -> Result<(), LabError> {
        let refuse = |text: String, hint: &str| {
            Err(LabError::said(Diagnostic::error(text).at(fault.span, "this fault").hint(hint)))
        };
        if let Harm::Cut(_) = &fault.harm {
            return Ok(());
        }
        for node in pattern::nodes(self.scenario, nodes, fault.on.as_deref())? {
            if node.set.provider == Kind::Existing {
                let text = format!("`{}` exists already: rplay does not break it", node.name);
                return refuse(text, "`hosts` says which nodes the fault befalls");
            }
            if node.set.provider == Kind::Docker && matches!(fault.harm, Harm::Skew(_)) {
                return refuse(
                    format!("`{}` is a container: its clock is this machine's", node.name),
                    "clocks can be skewed on virtual machines and user-mode kernels; time namespaces do not hold the time of \
                     day, and libfaketime only reaches programs that are started with it",
                );
            }
        }
        Ok(())
    }

    fn befall(
        &self,
        fault: &Fault,
        node: &Reached<'_>,
        object: &Object,
        provider: &Arc<dyn Provider>,
    ) -> Result<(), LabError> {
        match &fault.harm {
            Harm::PowerOff => self.must(async { Ok(provider.stop(object, true).await?) }),
            Harm::Pause => self.must(async { Ok(provider.pause(object, true).await?) }),
            Harm::Partition(_) => self.must(async {
                for network in networks(fault, node.node) {
                    provider.cut(object, network, true).await?;
                }
                Ok(())
            }),
            Harm::Degrade { impairment, .. } => self.must(async {
                for network in networks(fault, node.node) {
                    provider.impair(object, network, Some(impairment)).await?;
                }
                Ok(())
            }),
            Harm::Kill { process, signal } => self.kill(node, process, signal),
            Harm::Fill(path) => self.fill(node, path),
            Harm::Skew(ahead) => self.skew(node, *ahead),
            Harm::Cut(_) => Ok(()),
        }
    }

    /// Mends one thing. What is gone needs no mending.
    pub(super) fn remedy(&self, mend: &Mend, reached: &[Reached<'_>], objects: &[Found]) -> Result<(), LabError> {
        if let Remedy::Join(a, b) = &mend.remedy {
            return self.cut_link(a, b, false);
        }
        let Some((object, provider)) = Self::object(objects, &mend.node) else { return Ok(()) };
        match &mend.remedy {
            Remedy::Start => self.must(async { Ok(provider.start(object).await?) })?,
            Remedy::Resume => self.must(async { Ok(provider.pause(object, false).await?) })?,
            Remedy::Attach(network) => self.must(async { Ok(provider.cut(object, network, false).await?) })?,
            Remedy::Clear(network) => self.must(async { Ok(provider.impair(object, network, None).await?) })?,
            Remedy::Unit(_) | Remedy::Empty(_) | Remedy::Clock | Remedy::Join(..) => {}
        }
        let Some(node) = reached.iter().find(|reached| reached.node.name == mend.node) else {
            if matches!(mend.remedy, Remedy::Unit(_) | Remedy::Empty(_) | Remedy::Clock) {
                self.note(format!(
                    "`{}` is no longer in the scenario and is left as fault `{}` left it",
                    mend.node, mend.fault
                ));
            }
            return Ok(());
        };
        match &mend.remedy {
            Remedy::Start => self.answers(node),
            Remedy::Unit(unit) => {
                let unit = quoted(unit);
                let command = format!("systemctl reset-failed {unit} 2>/dev/null; systemctl start {unit}");
                self.on(node, &command, "start a service")
            }
            Remedy::Empty(path) => {
                let file = quoted(&format!("{}/{FILLER}", path.trim_end_matches('/')));
                self.on(node, &format!("rm -f {file}"), "make room")
            }
            Remedy::Clock => {
                let now = now();
                let command = format!(
                    "date -u -s @{now} >/dev/null && {{ [ ! -e /run/.rplay-ntp ] || {{ rm -f /run/.rplay-ntp; \
                     timedatectl set-ntp true; }}; }}"
                );
                self.on(node, &command, "set the clock")
            }
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

    fn kill(&self, node: &Reached<'_>, process: &str, signal: &str) -> Result<(), LabError> {
        let name = quoted(process);
        let signal = quoted(signal);
        let command = if is_unit(process) {
            format!("systemctl kill -s {signal} {name}")
        } else {
            // /proc is everywhere, pkill is not; the name is what the kernel has of it.
            format!(
                "n={name}; found=; for p in /proc/[0-9]*; do read -r c < $p/comm 2>/dev/null || continue; \
                 [ \"$c\" = \"$(printf %.15s \"$n\")\" ] && kill -s {signal} \"${{p#/proc/}}\" && found=1; done; \
                 [ -n \"$found\" ] || {{ echo \"no process is called $n\" >&2; exit 1; }}"
            )
        };
        self.on(node, &command, "end a process")
    }

    fn fill(&self, node: &Reached<'_>, path: &str) -> Result<(), LabError> {
        let file = quoted(&format!("{}/{FILLER}", path.trim_end_matches('/')));
        // A container's own file system is this machine's: only what is a file system of its own is filled.
        let folder = quoted(path);
        let command = format!(
            "set -e; [ \"$(stat -f -c %i {folder} 2>/dev/null)\" != \"$(stat -f -c %i /etc)\" ] || \
             [ \"$(stat -c %d {folder})\" != \"$(stat -c %d /etc)\" ] || [ -z \"{container}\" ] || \
             {{ echo '{path} is on the disk of the machine that the container runs on; fill a volume or a tmpfs' >&2; exit 1; }}; \
             free=$(df -Pk {folder} | tail -1 | while read -r _ _ _ k _; do echo \"$k\"; done); \
             fallocate -l \"$free\"KiB {file} 2>/dev/null || {{ dd if=/dev/zero of={file} bs=1M 2>/dev/null || true; }}",
            container = if node.node.set.provider == Kind::Docker { "yes" } else { "" },
        );
        self.on(node, &command, "fill a file system")
    }

    /// The clock goes ahead; nothing sets it right meanwhile.
    fn skew(&self, node: &Reached<'_>, ahead: Duration) -> Result<(), LabError> {
        let then = now() + ahead.as_secs();
        let command = format!(
            "if [ \"$(timedatectl show -p NTP --value 2>/dev/null)\" = yes ]; then touch /run/.rplay-ntp && \
             timedatectl set-ntp false; fi; date -u -s @{then} >/dev/null"
        );
        self.on(node, &command, "skew the clock")
    }
}

/// Seconds since 1970, by this machine's clock.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn is_unit(process: &str) -> bool {
    process.contains('.')
}

/// The networks of a node that a fault is about.
fn networks<'n>(fault: &Fault, node: &'n Node<'_>) -> Vec<&'n str> {
    let named = match &fault.harm {
        Harm::Partition(networks) | Harm::Degrade { networks, .. } => networks.as_slice(),
        _ => return Vec::new(),
    };
    let of_node = node.ports.iter().map(|port| port.network.as_str());
    of_node.filter(|network| named.is_empty() || named.iter().any(|spot| spot.text == *network)).collect()
}

/// What will mend a node.
fn mends(fault: &Fault, node: &Node<'_>) -> Vec<Mend> {
    let each = |remedy: &dyn Fn(String) -> Remedy| -> Vec<Remedy> {
        networks(fault, node).into_iter().map(|network| remedy(network.to_owned())).collect()
    };
    let remedies = match &fault.harm {
        Harm::PowerOff => vec![Remedy::Start],
        Harm::Pause => vec![Remedy::Resume],
        Harm::Partition(_) => each(&Remedy::Attach),
        Harm::Degrade { .. } => each(&Remedy::Clear),
        Harm::Kill { process, .. } if is_unit(process) => vec![Remedy::Unit(process.clone())],
        Harm::Kill { .. } | Harm::Cut(_) => Vec::new(),
        Harm::Fill(path) => vec![Remedy::Empty(path.clone())],
        Harm::Skew(_) => vec![Remedy::Clock],
    };
    let mend = |remedy| Mend { fault: fault.name.clone(), node: node.name.clone(), remedy };
    remedies.into_iter().map(mend).collect()
}

/// A word for the shell.
pub(super) fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}
