//! Answers `pong`: the target can run modules.
//!
//! Options:
//! - `data` (text, default `pong`): what to answer; `crash` fails on purpose.
//!
//! Returns: `ping`, the `data` given.
//!
//! Example:
//! ```yaml
//! - ansible.builtin.ping:
//! ```

use rplay_protocol::Reply;

use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Support};

/// `ansible.builtin.ping`
pub static MODULE: Module = Module {
    name: "ping",
    collection: "ansible.builtin",
    spec: &ArgSpec { args: &[Arg::text("data").default("pong")], ..ArgSpec::EMPTY },
    check: Support::Full,
    diff: Support::None,
    run,
};

fn run(_cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    match args.need("data") {
        "crash" => {
            let reply = Reply::failure("boom").with("exception", "(traceback unavailable)");
            Err(ModuleError::Failed { reply: Box::new(reply) })
        }
        data => Ok(Reply::ok().with("ping", data)),
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Fake, args};

    #[test]
    fn it_answers_what_it_was_given() {
        let fake = Fake::new().unwrap();
        let result = fake.call("ping", args::<&str>([])).into_result();
        assert_eq!(result.get("ping"), Some(&"pong".into()));
        assert_eq!(result.get("changed"), Some(&false.into()));
        assert_eq!(fake.call("ansible.builtin.ping", args([("data", "x")])).data.get("ping"), Some(&"x".into()));
        assert!(fake.call("ping", args([("data", "crash")])).failed);
    }

    #[test]
    fn unknown_arguments_come_with_a_suggestion() {
        let reply = Fake::new().unwrap().call("ansible.builtin.ping", args([("dta", "x")]));
        let msg = "Unsupported parameters for (ansible.builtin.ping) module: dta. Supported parameters include: data.";
        assert_eq!(reply.data.get("msg"), Some(&msg.into()));
        assert_eq!(reply.warnings, ["ansible.builtin.ping: did you mean `data`?"]);
    }
}
