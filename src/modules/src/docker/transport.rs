//! Connections to a Docker daemon: Unix sockets, TCP with and without TLS, `ssh`; and programs' input over them.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, Transport};

/// Where a daemon listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Address {
    /// A socket on this machine.
    Unix(PathBuf),
    /// A host and port.
    Tcp(String),
    /// `user@host:port`, reached by the `ssh` program.
    Ssh(String),
}

/// Opens the socket that everything else stands on.
#[derive(Debug)]
pub(super) struct SocketConnector {
    pub(super) address: Address,
    /// Keeps a second handle of the socket, so that writing can end while reading goes on.
    pub(super) handle: Handle,
}

/// A second handle of a connection's socket.
pub(super) type Handle = Arc<Mutex<Option<Socket>>>;

#[derive(Debug)]
pub(super) enum Socket {
    Unix(UnixStream),
    Tcp(TcpStream),
}

impl Socket {
    fn try_clone(&self) -> io::Result<Self> {
        Ok(match self {
            Self::Unix(stream) => Self::Unix(stream.try_clone()?),
            Self::Tcp(stream) => Self::Tcp(stream.try_clone()?),
        })
    }

    fn end_of_input(&self) -> io::Result<()> {
        match self {
            Self::Unix(stream) => stream.shutdown(Shutdown::Write),
            Self::Tcp(stream) => stream.shutdown(Shutdown::Write),
        }
    }

    fn set_timeouts(&self, timeout: NextTimeout) -> io::Result<()> {
        let timeout = timeout.not_zero().map(|after| *after);
        match self {
            Self::Unix(stream) => stream.set_read_timeout(timeout).and_then(|()| stream.set_write_timeout(timeout)),
            Self::Tcp(stream) => stream.set_read_timeout(timeout).and_then(|()| stream.set_write_timeout(timeout)),
        }
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Unix(stream) => stream.read(buffer),
            Self::Tcp(stream) => stream.read(buffer),
        }
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Unix(stream) => stream.write(bytes),
            Self::Tcp(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Connector<()> for SocketConnector {
    type Out = SocketTransport;

    fn connect(&self, details: &ConnectionDetails<'_>, _: Option<()>) -> Result<Option<SocketTransport>, ureq::Error> {
        let socket = match &self.address {
            Address::Unix(path) => Socket::Unix(UnixStream::connect(path)?),
            Address::Tcp(_) => Socket::Tcp(first_that_answers(details)?),
            Address::Ssh(target) => Socket::Unix(through_ssh(target)?),
        };
        let copy = socket.try_clone()?;
        *self.handle.lock().unwrap_or_else(PoisonError::into_inner) = Some(copy);
        let buffers = LazyBuffers::new(details.config.input_buffer_size(), details.config.output_buffer_size());
        Ok(Some(SocketTransport { socket, buffers }))
    }
}

fn first_that_answers(details: &ConnectionDetails<'_>) -> io::Result<TcpStream> {
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in &details.addrs {
        let address: &SocketAddr = address;
        let attempt = match details.timeout.not_zero() {
            Some(limit) => TcpStream::connect_timeout(address, *limit),
            None => TcpStream::connect(address),
        };
        match attempt {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Docker's own way over SSH: `docker system dial-stdio` joins the connection to the daemon's socket there.
fn through_ssh(target: &str) -> io::Result<UnixStream> {
    let (ours, theirs) = UnixStream::pair()?;
    let (user, host) = target.split_once('@').map_or((None, target), |(user, host)| (Some(user), host));
    let (host, port) = host.rsplit_once(':').map_or((host, None), |(host, port)| (host, Some(port)));
    let mut command = Command::new("ssh");
    if let Some(user) = user {
        command.args(["-l", user]);
    }
    if let Some(port) = port {
        command.args(["-p", port]);
    }
    command.args(["-o", "BatchMode=yes", "--", host, "docker system dial-stdio"]);
    command.stdin(Stdio::from(OwnedFd::from(theirs.try_clone()?)));
    command.stdout(Stdio::from(OwnedFd::from(theirs))).stderr(Stdio::null());
    let mut child = command.spawn()?;
    // It ends with the connection; somebody has to take note of that.
    std::thread::spawn(move || child.wait());
    Ok(ours)
}

/// One open socket.
pub(super) struct SocketTransport {
    socket: Socket,
    buffers: LazyBuffers,
}

impl std::fmt::Debug for SocketTransport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SocketTransport").finish_non_exhaustive()
    }
}

impl Transport for SocketTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        self.socket.set_timeouts(timeout)?;
        let output = &self.buffers.output()[..amount];
        self.socket.write_all(output)?;
        Ok(())
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        self.socket.set_timeouts(timeout)?;
        let input = self.buffers.input_append_buf();
        let amount = self.socket.read(input)?;
        self.buffers.input_appended(amount);
        Ok(amount > 0)
    }

    fn is_open(&mut self) -> bool {
        // Never used again: the daemon may have closed its end while the module was busy elsewhere.
        false
    }
}

/// Gives a program its standard input over the connection that brings its output: what Docker calls hijacking.
///
/// The daemon drops what arrives before it has answered, so the input goes out when the answer comes in.
#[derive(Debug)]
pub(super) struct InputConnector {
    pub(super) input: Mutex<Option<Vec<u8>>>,
    pub(super) handle: Handle,
    /// The socket carries TLS, so input has to go through the transport.
    pub(super) tls: bool,
}

impl<In: Transport> Connector<In> for InputConnector {
    type Out = InputTransport<In>;

    fn connect(
        &self,
        _: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> Result<Option<InputTransport<In>>, ureq::Error> {
        let input = self.input.lock().unwrap_or_else(PoisonError::into_inner).take();
        let socket = self.handle.lock().unwrap_or_else(PoisonError::into_inner).take();
        Ok(chained.map(|inner| InputTransport { inner, input, socket, tls: self.tls }))
    }
}

#[derive(Debug)]
pub(super) struct InputTransport<In> {
    inner: In,
    input: Option<Vec<u8>>,
    socket: Option<Socket>,
    tls: bool,
}

impl<In: Transport> InputTransport<In> {
    fn send(&mut self, timeout: NextTimeout) -> Result<(), ureq::Error> {
        let (Some(input), Some(mut socket)) = (self.input.take(), self.socket.take()) else { return Ok(()) };
        if self.tls {
            let mut rest = input.as_slice();
            while !rest.is_empty() {
                let output = self.inner.buffers().output();
                let amount = output.len().min(rest.len());
                output[..amount].copy_from_slice(&rest[..amount]);
                rest = &rest[amount..];
                self.inner.transmit_output(amount, timeout)?;
            }
            socket.end_of_input()?;
        } else {
            // On its own: a program may wait for its output to be read before it reads on.
            std::thread::spawn(move || {
                let _ended_early = socket.write_all(&input);
                let _closed = socket.end_of_input();
            });
        }
        Ok(())
    }
}

impl<In: Transport> Transport for InputTransport<In> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        self.inner.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        let more = self.inner.await_input(timeout)?;
        self.send(timeout)?;
        Ok(more)
    }

    fn is_open(&mut self) -> bool {
        self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}

/// The address of the daemon, whatever name its certificate is checked against.
#[derive(Debug)]
pub(super) struct DaemonResolver(pub(super) Address);

impl Resolver for DaemonResolver {
    fn resolve(&self, _: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let Address::Tcp(host) = &self.0 else {
            let mut addresses = self.empty();
            addresses.push(SocketAddr::from(([127, 0, 0, 1], 80)));
            return Ok(addresses);
        };
        let uri: Uri = format!("http://{host}/").parse().map_err(|_| ureq::Error::HostNotFound)?;
        DefaultResolver::default().resolve(&uri, config, timeout)
    }
}
