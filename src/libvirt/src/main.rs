//! libvirt for rplay: calls come in as lines of JSON, answers go out as lines of JSON.
//!
//! `{"id": 1, "call": "domain-start", "name": "x"}` is answered by `{"id": 1, "answer": null}` or
//! `{"id": 1, "error": {"code": 42, "message": ".."}}`, where the code is libvirt's. Calls run side by side, so answers come
//! in the order in which they are ready. The only argument is the connection's URI. The program ends with its input.
//!
//! It knows nothing of scenarios: what is ours, and what may be removed, is decided by who calls. Start at `call.rs`.

mod call;

use std::io::{self, BufRead as _, Write as _};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use virt::connect::Connect;

#[derive(Deserialize)]
struct Asked {
    id: u64,
    #[serde(flatten)]
    call: call::Call,
}

#[derive(Serialize)]
struct Failure {
    code: u32,
    message: String,
}

#[derive(Serialize)]
struct Answer {
    id: u64,
    #[serde(rename = "answer", skip_serializing_if = "Option::is_none")]
    value: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Failure>,
}

impl Answer {
    fn of(id: u64, result: Result<serde_json::Value, call::CallError>) -> Self {
        match result {
            Ok(value) => Self { id, value: Some(value), error: None },
            Err(error) => {
                Self { id, value: None, error: Some(Failure { code: error.code(), message: error.to_string() }) }
            }
        }
    }

    fn say(&self, turn: &Mutex<()>) {
        let Ok(mut line) = serde_json::to_vec(self) else { return };
        line.push(b'\n');
        let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
        let mut out = io::stdout().lock();
        // Who asked has gone: there is nobody to tell.
        let _ = out.write_all(&line).and_then(|()| out.flush());
    }
}

fn main() -> ExitCode {
    // By default libvirt prints errors, also those that are answers here.
    virt::error::clear_error_callback();
    let uri = std::env::args().nth(1);
    let turn = Arc::new(Mutex::new(()));
    let connection = match Connect::open(uri.as_deref()) {
        Ok(connection) => {
            Answer::of(0, connection.uri().map(serde_json::Value::from).map_err(Into::into)).say(&turn);
            connection
        }
        Err(error) => {
            Answer::of(0, Err(error.into())).say(&turn);
            return ExitCode::FAILURE;
        }
    };
    for line in io::stdin().lock().lines() {
        let Ok(line) = line else { break };
        match serde_json::from_str::<Asked>(&line) {
            Ok(asked) => {
                let (connection, turn) = (connection.clone(), Arc::clone(&turn));
                std::thread::spawn(move || Answer::of(asked.id, asked.call.run(&connection)).say(&turn));
            }
            Err(error) => {
                let id = serde_json::from_str::<serde_json::Value>(&line).ok().and_then(|line| line["id"].as_u64());
                Answer::of(id.unwrap_or(0), Err(call::CallError::Unknown(error.to_string()))).say(&turn);
            }
        }
    }
    ExitCode::SUCCESS
}
