//! Checks: what must be true, looked at until it is or its time is over.

use std::time::{Duration, Instant};

use rplay_diag::Diagnostic;

use super::{Ending, INTERRUPTED, Lab, LabError, Play, Told, one_of, pattern, shell};
use crate::handoff::{Reached, Way};
use crate::verify::{Check, Look};

impl Lab<'_> {
    /// Looks at everything that must be true.
    pub fn verify(&self, names: &[String]) -> Result<(), LabError> {
        for name in names {
            if !self.scenario.verify.iter().any(|check| check.name == *name) {
                let known = self.scenario.verify.iter().map(|check| check.name.as_str());
                let error = Diagnostic::error(format!("there is no check `{name}`"));
                let near = rplay_diag::nearest(name, known.clone());
                let hint = near.map_or_else(
                    || format!("the checks are {}", rplay_diag::quoted_list(known)),
                    |near| format!("did you mean `{near}`?"),
                );
                return Err(LabError::said(error.hint(hint)));
            }
        }
        let _lock = self.locked()?;
        let chosen = self.scenario.verify.iter().filter(|check| names.is_empty() || names.contains(&check.name));
        self.with_nodes(|reached| self.look(chosen, reached))
    }

    /// Looks at these, all of them also when one is not true.
    pub(super) fn look<'c>(
        &self,
        checks: impl Iterator<Item = &'c Check>,
        reached: &[Reached<'_>],
    ) -> Result<(), LabError> {
        let mut errors = Vec::new();
        for check in checks {
            let start = Instant::now();
            self.tell(&Told::Begun("check", check.name.clone()));
            let wrong = loop {
                let wrong = match self.once(check, reached) {
                    Ok(wrong) => wrong,
                    Err(LabError::Interrupted) => return Err(LabError::Interrupted),
                    Err(error) => {
                        errors.push(error);
                        break Some("it could not be looked at".to_owned());
                    }
                };
                let left = check.deadline.and_then(|deadline| deadline.checked_sub(start.elapsed()));
                match (&wrong, left) {
                    (Some(_), Some(left)) => self.wait(async {
                        tokio::time::sleep(check.every.min(left)).await;
                        Ok(())
                    })?,
                    _ => break wrong,
                }
            };
            let ending = if wrong.is_some() { Ending::Failed } else { Ending::Done };
            self.tell(&Told::Ended {
                what: "check",
                name: check.name.clone(),
                ending,
                note: wrong.clone(),
                took: start.elapsed(),
            });
            if let Some(wrong) = wrong {
                let text = format!("check `{}` failed: {wrong}", check.name);
                errors.push(LabError::said(Diagnostic::error(text).at(check.span, "this check")));
            }
        }
        one_of(errors)
    }

    /// What is not as it must be, if anything.
    fn once(&self, check: &Check, reached: &[Reached<'_>]) -> Result<Option<String>, LabError> {
        let nodes = || pattern::select(self.scenario, reached, check.on.as_deref());
        match &check.look {
            Look::Playbook(path) => {
                nodes()?;
                let ran = self.playbooks.run(&Play {
                    name: check.name.clone(),
                    playbooks: vec![path.clone()],
                    inventory: self.folder.file("hosts"),
                    limit: check.on.clone(),
                    tags: Vec::new(),
                    skip_tags: Vec::new(),
                    vars: rplay_value::Map::new(),
                    env: self.environment()?,
                    beside: false,
                    gate: None,
                    stop: super::Stop::default(),
                });
                match ran.code {
                    0 => Ok(None),
                    INTERRUPTED => Err(LabError::Interrupted),
                    code => Ok(Some(format!("the run ended with {code}"))),
                }
            }
            Look::Shell { command, stdout } => {
                let wanted = stdout.as_deref().map(|pattern| regex(pattern, check)).transpose()?;
                for node in nodes()? {
                    let said = shell::run(node, &self.folder.file("ssh.config.ansible"), command)?;
                    let text = String::from_utf8_lossy(&said.stdout);
                    let name = &node.node.name;
                    if !said.ok {
                        let said = [text.trim(), &said.stderr].join(" ");
                        return Ok(Some(format!("on `{name}`: {}", said.trim())));
                    }
                    if wanted.as_ref().is_some_and(|wanted| !wanted.is_match(&*text).unwrap_or(false)) {
                        return Ok(Some(format!("on `{name}` it says `{}`", text.trim())));
                    }
                }
                Ok(None)
            }
            Look::Http { url, status, text } => {
                let wanted = text.as_deref().map(|pattern| regex(pattern, check)).transpose()?;
                Ok(http(&at_address(url, reached), status, wanted.as_ref()))
            }
            Look::Port { port, closed } => {
                for node in nodes()? {
                    let address = match (&node.way, node.node.ports.first()) {
                        (_, Some(port)) => port.address.to_string(),
                        (Way::Ssh { host, .. }, None) => host.clone(),
                        (Way::Docker { .. }, None) => {
                            return Ok(Some(format!("`{}` is in no network", node.node.name)));
                        }
                    };
                    let open = listens(&address, *port);
                    if open == *closed {
                        let is = if open { "something listens" } else { "nothing listens" };
                        return Ok(Some(format!("{is} at port {port} of `{}` ({address})", node.node.name)));
                    }
                }
                Ok(None)
            }
            Look::Log { path, line } => {
                let wanted = regex(line, check)?;
                for node in nodes()? {
                    let command = format!("cat {}", super::harm::quoted(path));
                    let said = shell::run(node, &self.folder.file("ssh.config.ansible"), &command)?;
                    if !said.ok {
                        return Ok(Some(format!("on `{}`: {}", node.node.name, said.stderr)));
                    }
                    let text = String::from_utf8_lossy(&said.stdout);
                    if !text.lines().any(|line| wanted.is_match(line).unwrap_or(false)) {
                        return Ok(Some(format!("no line of {path} on `{}` matches `{line}`", node.node.name)));
                    }
                }
                Ok(None)
            }
            Look::Same(files) => self.same(files, reached),
            Look::Junit(path) => Ok(junit(&fs_err::read_to_string(path)?)),
        }
    }

    fn same(&self, files: &[String], reached: &[Reached<'_>]) -> Result<Option<String>, LabError> {
        let mut first: Option<(&str, Vec<u8>)> = None;
        for file in files {
            let on = file
                .split_once(':')
                .and_then(|(name, path)| Some((reached.iter().find(|reached| reached.node.name == name)?, path)));
            let content = match on {
                Some((node, path)) => {
                    let command = format!("cat {}", super::harm::quoted(path));
                    let said = shell::run(node, &self.folder.file("ssh.config.ansible"), &command)?;
                    if !said.ok {
                        return Ok(Some(format!("{file}: {}", said.stderr)));
                    }
                    said.stdout
                }
                None => match fs_err::read(self.scenario.folder().join(file)) {
                    Ok(content) => content,
                    Err(error) => return Ok(Some(error.to_string())),
                },
            };
            match &first {
                None => first = Some((file, content)),
                Some((name, wanted)) if *wanted != content => {
                    return Ok(Some(format!(
                        "{file} ({} bytes) is not the same as {name} ({} bytes)",
                        content.len(),
                        wanted.len()
                    )));
                }
                Some(_) => {}
            }
        }
        Ok(None)
    }
}

fn regex(pattern: &str, check: &Check) -> Result<fancy_regex::Regex, LabError> {
    fancy_regex::Regex::new(&format!("(?m){pattern}")).map_err(|error| {
        let text = format!("`{pattern}` is no regular expression: {error}");
        LabError::said(Diagnostic::error(text).at(check.span, "of this check"))
    })
}

/// An address with a node's name for its host: with that node's address.
fn at_address(url: &str, reached: &[Reached<'_>]) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let end = rest.find(['/', ':', '?']).unwrap_or(rest.len());
    let node = reached.iter().find(|reached| reached.node.name == rest[..end]);
    match node.and_then(|reached| reached.node.ports.first()) {
        Some(port) => format!("{scheme}://{}{}", port.address, &rest[end..]),
        None => url.to_owned(),
    }
}

fn http(url: &str, status: &[u16], text: Option<&fancy_regex::Regex>) -> Option<String> {
    let config =
        ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(10))).http_status_as_error(false).build();
    let mut answer = match ureq::Agent::new_with_config(config).get(url).call() {
        Ok(answer) => answer,
        Err(error) => return Some(format!("{url}: {error}")),
    };
    let code = answer.status().as_u16();
    if !status.contains(&code) {
        return Some(format!("{url} answers with {code}"));
    }
    let wanted = text?;
    match answer.body_mut().read_to_string() {
        Ok(text) if wanted.is_match(&text).unwrap_or(false) => None,
        Ok(_) => Some(format!("the answer of {url} does not match")),
        Err(error) => Some(format!("{url}: {error}")),
    }
}

fn listens(address: &str, port: u16) -> bool {
    use std::net::{TcpStream, ToSocketAddrs as _};
    let Ok(addresses) = (address, port).to_socket_addrs() else { return false };
    addresses.into_iter().any(|address| TcpStream::connect_timeout(&address, Duration::from_secs(2)).is_ok())
}

/// The tests of a report that did not pass.
fn junit(report: &str) -> Option<String> {
    let starts = |text: &str, tag: &str| {
        text.strip_prefix(tag).is_some_and(|rest| rest.starts_with([' ', '>', '/', '\n', '\t', '\r']))
    };
    let tags = |tag: &str| report.split('<').filter(|text| starts(text, tag)).count();
    let (cases, failures, errors) = (tags("testcase"), tags("failure"), tags("error"));
    match (cases, failures + errors) {
        (0, _) => Some("the report has no tests".to_owned()),
        (_, 0) => None,
        (cases, wrong) => Some(format!("{wrong} of {cases} tests did not pass")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_read() {
        let good = r#"<?xml version="1.0"?><testsuites failures="0"><testsuite><testcase name="a"/><testcase name="b">
            <system-out>failure</system-out></testcase></testsuite></testsuites>"#;
        assert_eq!(junit(good), None);
        let bad = good.replace("<system-out>failure</system-out>", "<failure message=\"x\"/>");
        assert_eq!(junit(&bad).as_deref(), Some("1 of 2 tests did not pass"));
        assert!(junit("<testsuites/>").is_some());
    }

    #[test]
    fn a_server_is_asked() {
        use std::io::{Read as _, Write as _};
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = std::thread::spawn(move || {
            for _ in 0..3 {
                let (mut stream, _) = listener.accept().unwrap();
                let _ = stream.read(&mut [0; 1024]).unwrap();
                let answer = "HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello";
                stream.write_all(answer.as_bytes()).unwrap();
            }
        });
        let url = format!("http://127.0.0.1:{port}/");
        assert_eq!(http(&url, &[200], None), Some(format!("{url} answers with 404")));
        let hello = fancy_regex::Regex::new("^hel+o$").unwrap();
        assert_eq!(http(&url, &[200, 404], Some(&hello)), None);
        let other = fancy_regex::Regex::new("bye").unwrap();
        assert!(http(&url, &[404], Some(&other)).unwrap().contains("does not match"));
        server.join().unwrap();
        assert!(!listens("127.0.0.1", port));
    }
}
