//! One module run, as the controller asks for it.

use std::collections::BTreeMap;

use rplay_value::Map;
use serde::{Deserialize, Serialize};

use crate::Foreign;

/// Run this module with these arguments.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// Full name, such as `ansible.builtin.copy`.
    pub module: String,
    /// Arguments after templating; omitted ones are absent.
    pub args: Map,
    /// Predict, do not change (`--check`).
    #[serde(default)]
    pub check: bool,
    /// Report before and after (`--diff`).
    #[serde(default)]
    pub diff: bool,
    /// Keep arguments and results out of the target's system log.
    #[serde(default)]
    pub no_log: bool,
    /// `-v` count, for modules that say more.
    #[serde(default)]
    pub verbosity: u8,
    /// The task's `environment`, set for every program the module starts.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// Files that belong to the arguments: their bytes follow the header in this order.
    #[serde(default)]
    pub attachments: Vec<Attachment>,
    /// The task's `timeout` in seconds; the module is stopped when it is over.
    #[serde(default)]
    pub timeout: Option<u64>,
    /// Run it in the background (`async`): the reply comes at once and names the job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<Job>,
    /// How many files the module may have open at once (`python_module_rlimit_nofile`); 0 leaves it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub open_files: u64,
    /// Look for the first of these Pythons as well, and say which it is: for modules that are native while others are not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub discover: Vec<String>,
    /// The module is not native: this is what it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foreign: Option<Box<Foreign>>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// A module run that outlives the connection that asked for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// The start of its id; the id is `NAME.PID`.
    pub name: String,
    /// When it is still running after so many seconds (`async`), it is ended.
    pub seconds: u64,
    /// The folder of its status file, which has the id as its name; `~` and variables are the target's.
    pub folder: String,
}

/// A file sent with a call: the module finds it by name, in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// What the module calls it: `src` for the content of copy, template, script, unarchive and assemble.
    pub name: String,
    /// How many bytes of the frame's body are its content.
    pub length: u64,
    /// The content, on either side of the wire. Not part of the JSON header.
    #[serde(skip)]
    pub content: Vec<u8>,
}

impl Call {
    /// What goes into the frame's body: the content of every attachment, whose lengths are set to match.
    pub fn take_body(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        for attachment in &mut self.attachments {
            attachment.length = attachment.content.len() as u64;
            if body.is_empty() {
                body = std::mem::take(&mut attachment.content);
            } else {
                body.append(&mut attachment.content);
            }
        }
        body
    }

    /// Gives every attachment its content back. False when the lengths do not add up to the body's.
    #[must_use]
    pub fn put_body(&mut self, body: Vec<u8>) -> bool {
        let total = self.attachments.iter().try_fold(0_u64, |sum, a| sum.checked_add(a.length));
        if total != Some(body.len() as u64) {
            return false;
        }
        if let [only] = &mut self.attachments[..] {
            only.content = body;
            return true;
        }
        let mut rest = &body[..];
        for attachment in &mut self.attachments {
            let (content, after) = rest.split_at(attachment.length as usize);
            attachment.content = content.to_vec();
            rest = after;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attachment(name: &str, content: &[u8]) -> Attachment {
        Attachment { name: name.to_owned(), content: content.to_vec(), length: 0 }
    }

    #[test]
    fn attachments_travel_in_the_body() {
        for contents in [&[][..], &[&b"one"[..]], &[b"", b"one", b"", b"three"]] {
            let attachments: Vec<_> = contents.iter().map(|c| attachment("src", c)).collect();
            let mut call = Call { attachments, ..Call::default() };
            let body = call.take_body();
            assert_eq!(body, contents.concat());
            assert!(call.put_body(body));
            let back: Vec<_> = call.attachments.iter().map(|a| &a.content[..]).collect();
            assert_eq!(back, contents);
        }
    }

    #[test]
    fn a_body_of_another_length_is_refused() {
        let mut call = Call { attachments: vec![attachment("src", b"12345")], ..Call::default() };
        let body = call.take_body();
        assert!(!call.put_body(body[1..].to_vec()));
        call.attachments[0].length = u64::MAX;
        call.attachments.push(Attachment { length: 6, ..attachment("b", b"") });
        assert!(!call.put_body(body));
    }
}
