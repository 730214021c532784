//! Collections on disk: where they are, and where a name in one of them leads.
//!
//! What it is not: it loads and runs nothing, and it knows no native module; whoever asks looks there first.
//!
//! ```text
//! collections.find(Kind::Module, "ns.coll.name")        -> Located { name, redirected, file, removed, .. }
//! collections.search(Kind::Module, "name", &["ns.coll"])  the first collection of a `collections:` list that has it
//! collections.role("ns.coll.role", &[])                 -> Place { name, collection, path }
//! collections.playbook("ns.coll.site")                  -> Place, its path is the file
//! collections.group("ns.coll.group")                    -> the actions of a group, for `module_defaults`
//! collections.folder("ns.coll")                         -> the collection's folder
//! ```
//!
//! [`Located::name`] is the name at the end of the redirects; it may be native (`ansible.builtin.ping`) or of a
//! collection that is not installed, and then there is no file. [`Located::removed`] is a tombstone's text, and
//! [`Located::deprecated`] texts to warn with when the plugin is used. Names in `ansible.builtin` follow ansible-core
//! 2.19's own table of what it moved to collections.
//!
//! [`sites`] finds what is installed for Python without running it: `ansible_collections` of the `ansible` package, and
//! ansible-core itself ([`core`]).
//!
//! Start reading at [`Collections`].

mod builtin;
mod collection;
mod groups;
mod interpreter;
mod kind;
mod runtime;
mod site;

pub use builtin::{is_core_module, moved};
pub use collection::{Collections, Located, Place};
pub use groups::{Group, GroupError};
pub use interpreter::{interpreter, interpreters};
pub use kind::Kind;
pub use site::{core, sites};
