//! Runs one module on this machine: `cargo run -p rplay-modules --example module -- setup '{"gather_subset": "min"}'`.
//!
//! A third argument `check` predicts only. Prints the result as JSON; ends with 2 when the module failed.

use std::io::Write as _;
use std::process::ExitCode;

use rplay_modules::{Real, run};
use rplay_protocol::Call;

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let module = words.next().ok_or("usage: module NAME [JSON] [check]")?;
    let args = serde_json::from_str(&words.next().unwrap_or_else(|| "{}".to_owned()))?;
    let check = words.next().as_deref() == Some("check");
    let reply = run(&Real::default(), &Call { module, args, check, diff: check, ..Call::default() });
    let failed = reply.failed;
    writeln!(std::io::stdout(), "{}", serde_json::to_string_pretty(&reply.into_result())?)?;
    Ok(if failed { ExitCode::from(2) } else { ExitCode::SUCCESS })
}
