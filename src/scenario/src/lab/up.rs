//! Nodes that were made are up once they can be logged in to, by the way that everything else will take.

use std::time::{Duration, Instant};

use rplay_diag::Diagnostic;

use super::{Lab, LabError, one_of, shell};
use crate::handoff::{Reached, Way};
use crate::node::Sign;

/// Time between tries to log in.
const TRY: Duration = Duration::from_millis(200);

impl Lab<'_> {
    /// Waits until those nodes take commands over ssh that were made or started just now. Those with an empty disk
    /// have nobody to ask.
    pub(super) fn up(&self, reached: &[Reached<'_>], changed: &[String]) -> Result<(), LabError> {
        let blank = |node: &Reached<'_>| {
            let image = node.node.set.image.as_ref().and_then(|image| self.scenario.images.get(&image.text));
            image.is_none_or(|image| matches!(image.origin, crate::image::Origin::Blank))
        };
        let machine = |node: &&Reached<'_>| {
            let set = node.node.set;
            set.provider.is_machine() && set.start && matches!(node.way, Way::Ssh { .. }) && !blank(node)
        };
        let nodes: Vec<&Reached<'_>> =
            reached.iter().filter(machine).filter(|node| changed.contains(&node.node.name)).collect();
        let errors: Vec<LabError> = std::thread::scope(|scope| {
            let asked: Vec<_> = nodes.iter().map(|node| scope.spawn(|| self.answers_ssh(node))).collect();
            asked.into_iter().filter_map(|asked| asked.join().ok().and_then(Result::err)).collect()
        });
        one_of(errors)
    }

    fn answers_ssh(&self, node: &Reached<'_>) -> Result<(), LabError> {
        let health = &node.node.set.health;
        let start = Instant::now();
        let config = self.folder.file("ssh.config.ansible");
        let command = match &health.sign {
            Sign::Command(command) => command.clone(),
            Sign::Port(port) => format!("grep -qi ':{port:04X} 0*:0000 0A' /proc/net/tcp /proc/net/tcp6"),
            Sign::Login | Sign::Log(_) => "true".to_owned(),
        };
        loop {
            let said = shell::run(node, &config, &command)?;
            if said.ok {
                return Ok(());
            }
            if start.elapsed() > health.deadline {
                let name = &node.node.name;
                let mut text = format!(
                    "node `{name}` does not take commands after {} s: {}",
                    health.deadline.as_secs(),
                    said.stderr
                );
                let console = self.console(name).unwrap_or_default();
                let console = String::from_utf8_lossy(&console).into_owned();
                let lines: Vec<&str> = console.lines().rev().take(5).collect();
                for line in lines.iter().rev() {
                    text.push_str(&format!("\n    {}", line.trim_end()));
                }
                let hint = format!("`rplay scenario console {name}` prints all that it has written");
                return Err(LabError::said(Diagnostic::error(text).hint(hint)));
            }
            std::thread::sleep(TRY);
        }
    }
}
