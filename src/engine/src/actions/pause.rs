//! Waits for some time, or for the user.
//!
//! Options:
//! - `minutes`, `seconds`: how long; without them until the user presses enter.
//! - `prompt`: what to ask the user; the answer is `user_input`.
//! - `echo` (default true): whether what is typed can be seen.
//!
//! Example:
//! ```yaml
//! - ansible.builtin.pause:
//!     prompt: Is the cable in?
//! ```

use std::time::{Duration, Instant};

use async_trait::async_trait;
use rplay_event::EventKind;
use rplay_value::Value;

use crate::action::{Action, ActionCx, Done, Traits};
use crate::prompt::Question;
use crate::trouble::Trouble;

/// `ansible.builtin.pause`
pub(crate) static ACTION: Pause = Pause;

/// Waits.
pub(crate) struct Pause;

#[async_trait(?Send)]
impl Action for Pause {
    fn traits(&self) -> Traits {
        Traits::new("pause").once().arguments(&["echo", "minutes", "seconds", "prompt"])
    }

    async fn run(&self, cx: &mut ActionCx<'_>) -> Result<Done, Trouble> {
        let (minutes, seconds) = (cx.int("minutes")?, cx.int("seconds")?);
        if minutes.is_some() && seconds.is_some() {
            return Err(Trouble::action("parameters are mutually exclusive: minutes|seconds"));
        }
        let echo = cx.flag("echo", true)?;
        let hidden = if echo { "" } else { " (output is hidden)" };
        let prompt = cx.text("prompt");
        let name = cx.task.task.name.as_ref().map_or_else(|| "pause".to_owned(), ToString::to_string);
        let wait = seconds.or_else(|| minutes.map(|minutes| minutes * 60)).map(|seconds| seconds.max(1) as u64);
        let start = now();
        let clock = Instant::now();
        let mut answer = String::new();
        if let Some(wait) = wait {
            let mut text = format!("Pausing for {wait} seconds{hidden}\n");
            if let Some(prompt) = &prompt {
                text = format!("[{name}]\n{prompt}{hidden}:\n{text}");
            }
            cx.run().emit(EventKind::Prompted { text: text.trim_end().to_owned() });
            tokio::time::sleep(Duration::from_secs(wait)).await;
        } else {
            let text = match &prompt {
                Some(prompt) => format!("[{name}]\n{prompt}{hidden}:\n"),
                None => format!("[{name}]\nPress enter to continue, Ctrl+C to interrupt{hidden}:\n"),
            };
            cx.run().flush_events();
            match cx.run().options().prompter.ask(&Question { text, private: !echo }) {
                Ok(text) => answer = text,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {
                    return Err(Trouble::message("user requested abort!"));
                }
                Err(_) => cx.warn("Not waiting for response to prompt as stdin is not interactive"),
            }
        }
        let elapsed = clock.elapsed().as_secs_f64();
        let (amount, unit) =
            if minutes.is_none() && seconds.is_some() { (elapsed, "seconds") } else { (elapsed / 60.0, "minutes") };
        let amount = (amount * 100.0).round() / 100.0;
        let done = Done::changed(false)
            .with("rc", 0)
            .with("stderr", "")
            .with("echo", echo)
            .with("start", start)
            .with("stop", now());
        let done = done.with("stdout", format!("Paused for {} {unit}", Value::Float(amount).to_str()));
        Ok(done.with("delta", elapsed as i64).with("user_input", answer))
    }
}

fn now() -> String {
    jiff::Zoned::now().strftime("%Y-%m-%d %H:%M:%S.%6f").to_string()
}
