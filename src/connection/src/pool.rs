//! Every connection of a run, by spec.

use std::collections::HashMap;
use std::hash::Hash;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rplay_modules::Live;
use rplay_protocol::{Request, frame};

use crate::agent::Agent;
use crate::channel::Host;
use crate::link::Route;
use crate::spec::Kind;
use crate::wire::{Answer, Wire};
use crate::{AgentSource, ConnectionError, Link, RawOutput, Spec, bootstrap};

/// What all connections of a pool share.
#[derive(Clone, Debug)]
pub struct PoolOptions {
    /// Where the agent's program comes from.
    pub agent: AgentSource,
    /// Leave the agent's program on targets, so that the next run starts faster. If not, nothing is left.
    pub keep_agent: bool,
    /// Folder for control sockets (`control_path_dir`); made if need be, must be the user's alone.
    pub control_dir: PathBuf,
}

impl Default for PoolOptions {
    fn default() -> Self {
        Self { agent: AgentSource::Search, keep_agent: true, control_dir: PathBuf::from("~/.ansible/cp") }
    }
}

/// Connections by spec, made when they are first asked for and again when they were lost.
pub struct Pool {
    options: PoolOptions,
    agent: tokio::sync::OnceCell<Arc<Agent>>,
    hosts: Slots<Host>,
    wires: Slots<Wire>,
    links: Slots<Link>,
}

impl Pool {
    /// A pool without connections.
    pub fn new(options: PoolOptions) -> Self {
        Self {
            options,
            agent: tokio::sync::OnceCell::new(),
            hosts: Slots::default(),
            wires: Slots::default(),
            links: Slots::default(),
        }
    }

    /// The link for a spec: connected, the agent running, the user changed. Asking twice at once connects once.
    pub async fn get(&self, spec: &Spec) -> Result<Arc<Link>, ConnectionError> {
        self.links.get(spec, Link::is_alive, || self.link(spec)).await
    }

    async fn link(&self, spec: &Spec) -> Result<Link, ConnectionError> {
        let base = spec.base();
        let here = spec.kind == Kind::Local && spec.r#become.is_none() && !spec.apart;
        if here && (spec.folder.is_none() || crate::local::folders_are_own()) {
            return Ok(Link::new(self.host(&base).await?, spec.clone(), Route::Local));
        }
        let wire = self.wire(&base).await?;
        let host = self.host(&base).await?;
        let Some(r#as) = &spec.r#become else {
            let hello = wire.hello().clone();
            return Ok(Link::new(host, spec.clone(), Route::Agent { wire, channel: frame::DIRECT, hello }));
        };
        let (id, channel) = (wire.id(), wire.channel());
        let password = r#as.password.as_ref();
        let request = Request::Become {
            id,
            channel,
            how: r#as.wire(),
            password: password.is_some(),
            timeout: spec.connect_timeout,
        };
        let mut answers = wire.ask(frame::DIRECT, id, &request, password.map_or(&[], |p| p.reveal().as_bytes()))?;
        match answers.recv().await {
            Some(Ok(Answer::Became(hello))) => Ok(Link::new(host, spec.clone(), Route::Agent { wire, channel, hello })),
            Some(Ok(Answer::Refused(refusal))) => Err(ConnectionError::Become {
                host: spec.host.clone(),
                method: r#as.method,
                user: r#as.user.clone(),
                refusal,
            }),
            Some(Err(error)) => Err(error),
            other => Err(ConnectionError::Protocol {
                host: spec.host.clone(),
                reason: format!("{other:?} in answer to become"),
            }),
        }
    }

    async fn host(&self, base: &Spec) -> Result<Arc<Host>, ConnectionError> {
        self.hosts.get(base, |_| true, || Host::connect(base.clone(), &self.options.control_dir)).await
    }

    async fn wire(&self, base: &Spec) -> Result<Arc<Wire>, ConnectionError> {
        self.wires.get(base, Wire::is_alive, || self.start(base)).await
    }

    /// The agent's program, for connections that are none of this crate's.
    pub async fn agent(&self) -> Result<Arc<Agent>, ConnectionError> {
        self.load("the controller").await.cloned()
    }

    async fn load(&self, host: &str) -> Result<&Arc<Agent>, ConnectionError> {
        let source = self.options.agent.clone();
        let load = || async {
            let loaded = tokio::task::spawn_blocking(move || Agent::load(&source)).await;
            let loaded = loaded.unwrap_or_else(|e| Err(crate::AgentError::Unreadable { reason: e.to_string() }));
            loaded.map(Arc::new).map_err(|error| ConnectionError::Agent { host: host.to_owned(), error })
        };
        self.agent.get_or_try_init(load).await
    }

    async fn start(&self, base: &Spec) -> Result<Wire, ConnectionError> {
        let agent = self.load(&base.host).await?;
        if let Some(host) = self.hosts.current(base) {
            // The host may have been lost since: a reboot, a network that changed.
            if !host.is_alive().await {
                self.hosts.drop_one(base);
            }
        }
        let host = self.host(base).await?;
        match bootstrap::start(&host, agent, self.options.keep_agent).await {
            // A control master that was there already may be the ghost of a connection that is dead by now.
            Err(ConnectionError::Lost { .. } | ConnectionError::Timeout { .. }) if host.is_reused() => {
                host.close(true).await;
                self.hosts.drop_one(base);
                let host = self.host(base).await?;
                bootstrap::start(&host, agent, self.options.keep_agent).await
            }
            started => started,
        }
    }

    /// Runs a command line through a host's shell without an agent, as the module `raw` does. Its output goes to `live`
    /// as it comes.
    pub async fn raw(&self, spec: &Spec, command: &str, live: Option<&Live>) -> Result<RawOutput, ConnectionError> {
        let base = spec.base();
        if let Some(host) = self.hosts.current(&base)
            && !host.is_alive().await
        {
            self.hosts.drop_one(&base);
        }
        self.host(&base).await?.raw(command, spec.r#become.as_ref(), live).await
    }

    /// Forgets the connection of a spec, so that the next `get` makes a new one (`meta: reset_connection`).
    pub async fn reset(&self, spec: &Spec) {
        let base = spec.base();
        self.links.drop_where(|other| other.base() == base);
        if let Some(wire) = self.wires.drop_one(&base) {
            end(&wire).await;
        }
        if let Some(host) = self.hosts.drop_one(&base) {
            host.close(true).await;
        }
    }

    /// Ends every agent and leaves every host. What stays is the agent's program where it is cached, and control masters
    /// that the user's `ControlPersist` lets live for a while.
    pub async fn close(&self) {
        self.links.drop_where(|_| true);
        let wires: Vec<_> = self.wires.drop_where(|_| true);
        let ending: Vec<_> = wires.into_iter().map(|wire| tokio::spawn(async move { end(&wire).await })).collect();
        for one in ending {
            let _ = one.await;
        }
        let hosts: Vec<_> = self.hosts.drop_where(|_| true);
        let leaving: Vec<_> =
            hosts.into_iter().map(|host| tokio::spawn(async move { host.close(false).await })).collect();
        for one in leaving {
            let _ = one.await;
        }
    }
}

/// Ends an agent; one that does not answer is left to notice that its input has ended.
async fn end(wire: &Wire) {
    let _ = tokio::time::timeout(Duration::from_secs(10), wire.close()).await;
}

/// Things that are made once per spec, by whoever needs them first.
struct Slots<T> {
    slots: Mutex<HashMap<Spec, Arc<Slot<T>>>>,
}

struct Slot<T> {
    current: Mutex<Option<Arc<T>>>,
    making: tokio::sync::Mutex<()>,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self { slots: Mutex::default() }
    }
}

impl<T> Slot<T> {
    fn current(&self) -> Option<Arc<T>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn take(&self) -> Option<Arc<T>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl<T> Slots<T>
where
    Spec: Hash + Eq,
{
    fn slot(&self, spec: &Spec) -> Arc<Slot<T>> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = slots.get(spec) {
            return Arc::clone(slot);
        }
        let slot = Arc::new(Slot { current: Mutex::new(None), making: tokio::sync::Mutex::new(()) });
        slots.insert(spec.clone(), Arc::clone(&slot));
        slot
    }

    fn current(&self, spec: &Spec) -> Option<Arc<T>> {
        let slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.get(spec)?.current()
    }

    async fn get<F>(
        &self,
        spec: &Spec,
        alive: impl Fn(&T) -> bool,
        make: impl FnOnce() -> F,
    ) -> Result<Arc<T>, ConnectionError>
    where
        F: Future<Output = Result<T, ConnectionError>>,
    {
        let slot = self.slot(spec);
        let usable = || slot.current().filter(|current| alive(current));
        if let Some(current) = usable() {
            return Ok(current);
        }
        let _making = slot.making.lock().await;
        if let Some(current) = usable() {
            return Ok(current);
        }
        let made = Arc::new(make().await?);
        *slot.current.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&made));
        Ok(made)
    }

    fn drop_one(&self, spec: &Spec) -> Option<Arc<T>> {
        let slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.get(spec)?.take()
    }

    fn drop_where(&self, which: impl Fn(&Spec) -> bool) -> Vec<Arc<T>> {
        let slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.iter().filter(|(spec, _)| which(spec)).filter_map(|(_, slot)| slot.take()).collect()
    }
}
