//! The url lookup against a server of its own: who gets the password, and which answers are errors.
#![expect(clippy::unwrap_used, reason = "functions of a test are tests too")]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;

use rplay_template::{Engine, EngineOptions, Rendered, Scope, Slot, Surroundings, Variables};
use rplay_value::{Text, Value};

struct Nothing;

impl Variables for Nothing {
    fn get(&self, _: &str) -> Option<Slot> {
        None
    }

    fn names(&self) -> Vec<Text> {
        Vec::new()
    }
}

/// Answers requests one after the other; gives back the `Authorization` of each.
fn serve(answers: &'static [&'static str]) -> (String, thread::JoinHandle<Vec<Option<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/x", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let mut seen = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            let mut byte = [0];
            while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
                request.push(byte[0]);
            }
            let request = String::from_utf8(request).unwrap();
            let header = request.lines().find_map(|line| {
                let (name, value) = line.split_once(": ")?;
                name.eq_ignore_ascii_case("authorization").then(|| value.to_owned())
            });
            seen.push(header);
            stream.write_all(answer.as_bytes()).unwrap();
        }
        seen
    });
    (url, server)
}

fn lookup(url: &str, options: &str) -> Result<Value, String> {
    let engine = Engine::new(EngineOptions::default());
    let scope = Scope::new(Arc::new(Nothing), Arc::new(Surroundings::default()));
    let template =
        Text::trusted(format!("{{{{ lookup('url', '{url}', use_proxy=false, use_netrc=false{options}) }}}}"));
    match engine.render(&Value::Text(template), &scope) {
        Ok(Rendered::Value(value)) => Ok(value),
        Ok(Rendered::Omit) => Err("omitted".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

const FINE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nfine";
const ASKS: &str = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"r\"\r\nContent-Length: 0\r\n\
                    Connection: close\r\n\r\n";
const MOVED: &str = "HTTP/1.1 302 Found\r\nLocation: /y\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
const ME: &str = "Basic bWU6c2VjcmV0";

#[test]
fn the_password_is_sent_when_the_server_asks_for_it() {
    let (url, server) = serve(&[ASKS, FINE]);
    assert_eq!(lookup(&url, ", username='me', password='secret'").unwrap(), Value::from("fine"));
    assert_eq!(server.join().unwrap(), [None, Some(ME.to_owned())]);

    let (url, server) = serve(&[FINE]);
    assert_eq!(lookup(&url, ", username='me', password='secret'").unwrap(), Value::from("fine"));
    assert_eq!(server.join().unwrap(), [None]);
}

#[test]
fn force_basic_auth_sends_it_at_once() {
    let (url, server) = serve(&[FINE]);
    let options = ", username='me', password='secret', force_basic_auth=true";
    assert_eq!(lookup(&url, options).unwrap(), Value::from("fine"));
    assert_eq!(server.join().unwrap(), [Some(ME.to_owned())]);
}

#[test]
fn redirections_are_followed_or_errors() {
    let (url, server) = serve(&[MOVED, FINE]);
    assert_eq!(lookup(&url, ", follow_redirects='safe'").unwrap(), Value::from("fine"));
    assert_eq!(server.join().unwrap().len(), 2);

    let (url, server) = serve(&[MOVED]);
    let error = lookup(&url, ", follow_redirects='none'").unwrap_err();
    assert!(error.contains(&format!("Received HTTP error for {url}")), "{error}");
    server.join().unwrap();
}

#[test]
fn options_without_support_are_named() {
    for (options, named) in [
        (", use_gssapi=true", "the url lookup does not support use_gssapi=True"),
        (", unix_socket='/run/x'", "the url lookup does not support unix_socket='/run/x'"),
        (", nope=1", "the url lookup has no option 'nope'"),
        (", follow_redirects='nope'", "the url lookup cannot follow_redirects 'nope'"),
    ] {
        let error = lookup("http://127.0.0.1:9/", options).unwrap_err();
        assert!(error.contains(named), "{error}");
    }
    let (url, server) = serve(&[FINE]);
    let defaults = ", use_gssapi=false, unix_socket=none, ciphers=none, unredirected_headers=[]";
    assert_eq!(lookup(&url, defaults).unwrap(), Value::from("fine"));
    server.join().unwrap();
}
