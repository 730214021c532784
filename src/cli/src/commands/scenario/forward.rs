//! Ports of nodes, here: `rplay scenario forward NODE [HERE:]THERE...`.

use std::net::SocketAddr;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use rplay_diag::Diagnostic;
use rplay_scenario::handoff::{Spelling, Way};
use rplay_scenario::lab::{Lab, LabError};

use super::told::print;

/// A port here and one there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pair {
    here: u16,
    there: u16,
}

impl Pair {
    fn read(text: &str) -> Option<Self> {
        let (here, there) = text.split_once(':').unwrap_or((text, text));
        Some(Self { here: here.parse().ok()?, there: there.parse().ok().filter(|port| *port > 0)? })
    }
}

fn said(text: String, hint: &str) -> LabError {
    LabError::Said(Box::new(Diagnostic::error(text).hint(hint)))
}

/// Forwards until Ctrl-C.
pub(super) fn forward(lab: &Lab<'_>, name: &str, ports: &[String], socks: Option<u16>) -> Result<(), LabError> {
    let mut pairs = Vec::new();
    for text in ports {
        let pair = Pair::read(text);
        pairs.push(pair.ok_or_else(|| said(format!("`{text}` is no port"), "write [HERE:]THERE, as in 8080:80"))?);
    }
    if pairs.is_empty() && socks.is_none() {
        return Err(said("nothing is to be forwarded".to_owned(), "name ports as [HERE:]THERE, or --socks PORT"));
    }
    let objects = lab.objects()?;
    let nodes = lab.nodes(&objects)?;
    let node = lab.node(&nodes, name)?;
    let reached = lab.reached(std::slice::from_ref(node), &objects)?;
    let Some(reached) = reached.first() else { return Ok(()) };
    match &reached.way {
        Way::Ssh { .. } => {
            // With the jumps: all nodes are in it.
            let all = lab.reached(&nodes, &objects)?;
            let (_, config) = lab.handoff(&all, Spelling::New)?;
            let mut ssh = Command::new("ssh");
            ssh.arg("-F").arg(config).args(["-N", "-o", "ExitOnForwardFailure=yes"]);
            for pair in &pairs {
                ssh.arg("-L").arg(format!("127.0.0.1:{}:127.0.0.1:{}", pair.here, pair.there));
                print(&format!("127.0.0.1:{} is port {} of {name}\n", pair.here, pair.there));
            }
            if let Some(socks) = socks {
                ssh.arg("-D").arg(format!("127.0.0.1:{socks}"));
                print(&format!("127.0.0.1:{socks} is a SOCKS proxy that speaks from {name}\n"));
            }
            ssh.arg(name);
            let error = ssh.exec();
            Err(LabError::Io(error))
        }
        Way::Docker { engine: Some(engine), .. } => Err(said(
            format!("`{name}` is a container of {engine}: its ports are not this machine's"),
            "`container.ports` publishes ports, and `container.connection: ssh` forwards any",
        )),
        Way::Docker { engine: None, .. } => {
            if socks.is_some() {
                return Err(said(
                    format!("a SOCKS proxy needs ssh, and `{name}` is reached through Docker"),
                    "`container.connection: ssh` makes it reachable that way; ports can be forwarded without",
                ));
            }
            let Some(port) = node.ports.first() else {
                return Err(said(format!("`{name}` is in no network"), "a forwarded port is one of its address"));
            };
            proxy(name, SocketAddr::new(port.address, 0), &pairs)
        }
    }
}

/// Hands connections on, until Ctrl-C.
fn proxy(name: &str, node: SocketAddr, pairs: &[Pair]) -> Result<(), LabError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        for pair in pairs {
            let listener = tokio::net::TcpListener::bind(("127.0.0.1", pair.here)).await?;
            let here = listener.local_addr()?.port();
            print(&format!("127.0.0.1:{here} is port {} of {name}\n", pair.there));
            let there = SocketAddr::new(node.ip(), pair.there);
            tokio::spawn(async move {
                while let Ok((mut here, _)) = listener.accept().await {
                    tokio::spawn(async move {
                        // Nothing there: the connection here is closed, as the node would have done.
                        if let Ok(mut there) = tokio::net::TcpStream::connect(there).await {
                            let _ = tokio::io::copy_bidirectional(&mut here, &mut there).await;
                        }
                    });
                }
            });
        }
        tokio::signal::ctrl_c().await?;
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_read() {
        assert_eq!(Pair::read("80"), Some(Pair { here: 80, there: 80 }));
        assert_eq!(Pair::read("8080:80"), Some(Pair { here: 8080, there: 80 }));
        assert_eq!(Pair::read("0:80"), Some(Pair { here: 0, there: 80 }));
        for wrong in ["", "x", "80:", "80:0", "1:2:3", "99999"] {
            assert_eq!(Pair::read(wrong), None, "{wrong}");
        }
    }
}
