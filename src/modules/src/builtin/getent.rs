//! Asks the target's name services: users, groups, hosts, services, ...
//!
//! Options:
//! - `database` (text, required): such as `passwd`, `group`, `hosts`.
//! - `key` (text): only this entry; `fail_key` (bool, default true): fail when it is not there.
//! - `service` (text): the name service to ask; `split` (text): what separates the fields.
//!
//! Returns: `ansible_facts.getent_<database>`: the key's fields after the first, by the first.
//!
//! Example:
//! ```yaml
//! - ansible.builtin.getent:
//!     database: passwd
//!     key: root
//! ```

use rplay_protocol::Reply;
use rplay_value::{List, Map, Value};

use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Program, Support};

/// `ansible.builtin.getent`
pub static MODULE: Module = Module {
    name: "getent",
    collection: "ansible.builtin",
    spec: &ArgSpec {
        args: &[
            Arg::text("database").required(),
            Arg::text("key"),
            Arg::text("service"),
            Arg::text("split"),
            Arg::bool("fail_key").default("true"),
        ],
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::None,
    run,
};

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let database = args.need("database");
    let mut words = vec![cx.sys().need("getent")?, database.to_owned()];
    words.extend(args.text("key").map(str::to_owned));
    words.extend(args.text("service").into_iter().flat_map(|service| ["-s".to_owned(), service.to_owned()]));
    let colon = matches!(database, "passwd" | "shadow" | "group" | "gshadow").then_some(":");
    let split = args.text("split").or(colon);
    let output = cx.sys().run(&Program::new(words))?;
    let facts = |tree: Map| Map::from_iter([(format!("getent_{database}"), tree)]);
    match output.rc {
        0 => Ok(Reply::ok().with("ansible_facts", facts(tree(&output.out(), split)))),
        2 if !args.flag("fail_key") => {
            let missing = Map::from_iter([(args.need("key"), Value::Null)]);
            let msg = "One or more supplied key could not be found in the database.";
            Ok(Reply::ok().with("ansible_facts", facts(missing)).with("msg", msg))
        }
        rc => Err(ModuleError::msg(match rc {
            1 => "Missing arguments, or database unknown.",
            2 => "One or more supplied key could not be found in the database.",
            3 => "Enumeration not supported on this database.",
            _ => "Unexpected failure!",
        })),
    }
}

fn tree(text: &str, split: Option<&str>) -> Map {
    let mut tree = Map::new();
    let mut seen: std::collections::HashMap<String, usize> = std::collections::HashMap::new();
    for line in text.lines() {
        let mut fields: Vec<&str> = match split {
            Some(split) if !split.is_empty() => line.split(split).collect(),
            _ => line.split_whitespace().collect(),
        };
        if fields.is_empty() {
            continue;
        }
        let key = fields.remove(0).to_owned();
        let rest: List = fields.into_iter().collect();
        let count = seen.entry(key.clone()).or_default();
        *count += 1;
        match (*count, tree.get_mut(&key)) {
            (2, Some(first)) => *first = Value::List([first.clone(), rest.into()].into_iter().collect()),
            (3.., Some(Value::List(all))) => all.push(rest),
            _ => {
                tree.insert(key, rest);
            }
        }
    }
    tree
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Fake, args};

    #[test]
    fn entries_are_facts_by_their_first_field() {
        let fake = Fake::new().unwrap().on("getent passwd root", 0, "root:x:0:0:root:/root:/bin/bash\n").on(
            "getent passwd nobody",
            2,
            "",
        );
        let reply = fake.call("getent", args([("database", "passwd"), ("key", "root")]));
        let facts = reply.data.get("ansible_facts").unwrap();
        assert_eq!(
            facts.get("getent_passwd").unwrap().get("root"),
            Some(&vec!["x", "0", "0", "root", "/root", "/bin/bash"].into())
        );
        let reply = fake.call("getent", args([("database", "passwd"), ("key", "nobody")]));
        assert_eq!(reply.data.get("msg"), Some(&"One or more supplied key could not be found in the database.".into()));
        let reply = fake.call("getent", args([("database", "passwd"), ("key", "nobody"), ("fail_key", "no")]));
        assert!(!reply.failed);
    }

    #[test]
    fn a_key_that_comes_more_than_once_gets_a_list() {
        let tree = tree("a 1\nb 2\na 3\na 4\n", None);
        assert_eq!(tree.get("a").unwrap().repr(), "[['1'], ['3'], ['4']]");
        assert_eq!(tree.get("b").unwrap().repr(), "['2']");
    }
}
