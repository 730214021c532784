//! Modules that are not native: their files, what they take along, and how they are started.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Attachment, Call};

/// A module that is not native to the agent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Foreign {
    /// How it takes its arguments.
    pub form: Form,
    /// The name of its file on the target, such as `helloworld.sh`.
    pub file: String,
    /// For [`Form::Python`], its name among Python's modules, such as `ansible.modules.custom`.
    #[serde(default)]
    pub path: String,
    /// For [`Form::Python`], zip archives of Python modules: what many modules share, then the module and what only it
    /// imports. Otherwise the module's file alone.
    pub packs: Vec<Pack>,
    /// What runs it.
    pub interpreter: Interpreter,
    /// The form of JSON that ansible-core's module base is told to speak (`legacy`, `modern`).
    #[serde(default)]
    pub profile: String,
    /// The folder for temporary files (`remote_tmp`); `~` and variables are the target's.
    #[serde(default)]
    pub folder: String,
    /// Leave the module's files on the target (`keep_remote_files`).
    #[serde(default)]
    pub keep: bool,
    /// For [`Form::Python`]: the module starts other Pythons with what it imports, so that has to be a file.
    #[serde(default)]
    pub scratch: bool,
    /// The name of a native module that would do the same, for when the target cannot run this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub native: Option<String>,
}

/// How a module takes its arguments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// Python that imports `ansible.module_utils` ("new style"): in memory.
    #[default]
    Python,
    /// A script that wants JSON (`WANT_JSON`): the name of a JSON file is its argument.
    WantJson,
    /// A script into which JSON is written (`<<INCLUDE_ANSIBLE_MODULE_JSON_ARGS>>`).
    JsonArgs,
    /// Any other script ("old style"): the name of a file of `key=value` words is its argument.
    Words,
    /// A program that is no script: the name of a JSON file is its argument.
    Binary,
}

/// What runs a module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Interpreter {
    /// Nothing: the file is a program.
    #[default]
    Itself,
    /// This program with these arguments.
    Path {
        /// Its path, or its name in `PATH`.
        path: String,
        /// Before the module's file.
        #[serde(default)]
        args: Vec<String>,
    },
    /// The first of these Pythons that the target has. The reply of the first module that found one says which, as the
    /// fact `discovered_interpreter_python`.
    Discover {
        /// Paths, or names in `PATH`.
        candidates: Vec<String>,
        /// As for a given path.
        #[serde(default)]
        args: Vec<String>,
    },
}

/// Bytes that are sent to a host once: known by their digest afterwards.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pack {
    /// Hexadecimal.
    pub digest: Arc<str>,
    /// The bytes, on either side of the wire. Not part of the JSON header.
    #[serde(skip)]
    pub content: Arc<[u8]>,
}

impl std::fmt::Debug for Pack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pack({}, {} bytes)", self.digest, self.content.len())
    }
}

/// The start of an attachment's name that is a pack.
const PREFIX: &str = "pack:";

impl Call {
    /// Attaches the packs that the other side does not know yet, and notes that it does now.
    pub fn attach_packs(&mut self, known: &mut HashSet<Arc<str>>) {
        for pack in self.foreign.iter().flat_map(|foreign| &foreign.packs) {
            if known.insert(Arc::clone(&pack.digest)) {
                self.attachments.push(Attachment {
                    name: format!("{PREFIX}{}", pack.digest),
                    length: pack.content.len() as u64,
                    content: pack.content.to_vec(),
                });
            }
        }
    }

    /// Takes attached packs into the store, and gives the call its packs from there. False when one was never sent.
    #[must_use]
    pub fn take_packs(&mut self, store: &mut HashMap<Arc<str>, Arc<[u8]>>) -> bool {
        self.attachments.retain_mut(|attachment| {
            let Some(digest) = attachment.name.strip_prefix(PREFIX) else { return true };
            store.insert(Arc::from(digest), std::mem::take(&mut attachment.content).into());
            false
        });
        let Some(foreign) = &mut self.foreign else { return true };
        foreign.packs.iter_mut().all(|pack| match store.get(&pack.digest) {
            Some(content) => {
                pack.content = Arc::clone(content);
                true
            }
            None => false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(contents: &[&[u8]]) -> Call {
        let pack = |content: &&[u8]| Pack { digest: format!("{content:?}").into(), content: Arc::from(*content) };
        Call {
            foreign: Some(Box::new(Foreign { packs: contents.iter().map(pack).collect(), ..Foreign::default() })),
            ..Call::default()
        }
    }

    #[test]
    fn a_pack_is_sent_once() {
        let (mut known, mut store) = (HashSet::new(), HashMap::new());
        for (contents, sent) in [(&[&b"base"[..], b"one"][..], 7), (&[b"base", b"two"], 3), (&[b"base", b"one"], 0)] {
            let given = call(contents);
            let mut sending = given.clone();
            sending.attach_packs(&mut known);
            let body = sending.take_body();
            assert_eq!(body.len(), sent);
            let mut received: Call = serde_json::from_str(&serde_json::to_string(&sending).unwrap()).unwrap();
            assert!(received.put_body(body));
            assert!(received.take_packs(&mut store));
            assert_eq!(received, given);
        }
        assert!(!call(&[b"never sent"]).take_packs(&mut store));
    }
}
