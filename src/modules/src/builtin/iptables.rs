//! Manages rules, chains and policies of the packet filter.
//!
//! Options:
//! - `chain`, `table` (default `filter`), `ip_version` (default `ipv4`; `ipv6`, `both`), `state` (default `present`).
//! - `action` (default `append`; `insert` with `rule_num`), `flush`, `policy`, `chain_management`, `numeric`, `wait`.
//! - The rule: `protocol`, `source`, `destination`, `match`, `tcp_flags`, `jump`, `gateway`, `goto`, `in_interface`,
//!   `out_interface`, `fragment`, `set_counters`, `source_port`, `destination_port`, `destination_ports`, `to_ports`,
//!   `to_source`, `to_destination`, `set_dscp_mark`, `set_dscp_mark_class`, `syn`, `ctstate`, `src_range`, `dst_range`,
//!   `match_set`, `match_set_flags`, `limit`, `limit_burst`, `uid_owner`, `gid_owner`, `reject_with`, `icmp_type`,
//!   `log_prefix`, `log_level`, `comment`. A `!` in front negates.
//!
//! Returns: `rule`, `chain`, `table`, `ip_version`, `flush`, `state`, `chain_management`, `wait`.
//!
//! Check mode: full. Diff: none.
//!
//! Example:
//! ```yaml
//! - iptables:
//!     chain: INPUT
//!     protocol: tcp
//!     destination_port: "22"
//!     jump: ACCEPT
//! ```

use rplay_protocol::Reply;
use rplay_value::Value;

use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Support, tools};

/// `ansible.builtin.iptables`
pub static MODULE: Module = Module {
    name: "iptables",
    collection: "ansible.builtin",
    spec: &ArgSpec {
        args: &[
            Arg::text("table").default("filter").choices(&["filter", "nat", "mangle", "raw", "security"]),
            Arg::text("state").default("present").choices(&["absent", "present"]),
            Arg::text("action").default("append").choices(&["append", "insert"]),
            Arg::text("ip_version").default("ipv4").choices(&["ipv4", "ipv6", "both"]),
            Arg::text("chain"),
            Arg::text("rule_num"),
            Arg::text("protocol"),
            Arg::text("wait"),
            Arg::text("source"),
            Arg::text("to_source"),
            Arg::text("destination"),
            Arg::text("to_destination"),
            Arg::list("match"),
            Arg::map("tcp_flags"),
            Arg::text("jump"),
            Arg::text("gateway"),
            Arg::text("log_prefix"),
            Arg::text("log_level").choices(&[
                "0", "1", "2", "3", "4", "5", "6", "7", "emerg", "alert", "crit", "error", "warning", "notice", "info",
                "debug",
            ]),
            Arg::text("goto"),
            Arg::text("in_interface"),
            Arg::text("out_interface"),
            Arg::text("fragment"),
            Arg::text("set_counters"),
            Arg::text("source_port"),
            Arg::text("destination_port"),
            Arg::list("destination_ports"),
            Arg::text("to_ports"),
            Arg::text("set_dscp_mark"),
            Arg::text("set_dscp_mark_class"),
            Arg::text("comment"),
            Arg::list("ctstate"),
            Arg::text("src_range"),
            Arg::text("dst_range"),
            Arg::text("match_set"),
            Arg::text("match_set_flags").choices(&["src", "dst", "src,dst", "dst,src", "src,src", "dst,dst"]),
            Arg::text("limit"),
            Arg::text("limit_burst"),
            Arg::text("uid_owner"),
            Arg::text("gid_owner"),
            Arg::text("reject_with"),
            Arg::text("icmp_type"),
            Arg::text("syn").default("ignore").choices(&["ignore", "match", "negate"]),
            Arg::bool("flush").default("false"),
            Arg::text("policy").choices(&["ACCEPT", "DROP", "QUEUE", "RETURN"]),
            Arg::bool("chain_management").default("false"),
            Arg::bool("numeric").default("false"),
        ],
        exclusive: &[&["set_dscp_mark", "set_dscp_mark_class"], &["flush", "policy"]],
        required_by: &[("set_dscp_mark", &["jump"]), ("set_dscp_mark_class", &["jump"])],
        required_if: &[("jump", "TEE", &["gateway"]), ("jump", "tee", &["gateway"]), ("flush", "false", &["chain"])],
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::None,
    run,
};

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let logs = args.get("log_prefix").is_some() || args.get("log_level").is_some();
    if logs && args.text("jump").is_some_and(|jump| jump != "LOG") {
        return Err(ModuleError::msg("Logging options can only be used with the LOG jump target."));
    }
    let version = args.need("ip_version");
    let rule = Rule::new(args, version == "ipv6", logs).words;
    let text = |name: &str| args.get(name).cloned().unwrap_or(Value::Null);
    let mut reply = Reply::ok()
        .with("ip_version", version)
        .with("table", args.need("table"))
        .with("chain", text("chain"))
        .with("flush", args.flag("flush"))
        .with("rule", rule.join(" "))
        .with("state", args.need("state"))
        .with("chain_management", args.flag("chain_management"))
        .with("wait", text("wait"));
    let versions: &[&str] = if version == "both" { &["ipv4", "ipv6"] } else { &[version] };
    for version in versions {
        let program = tools::need(cx, if *version == "ipv4" { "iptables" } else { "ip6tables" })?;
        let rule = Rule::new(args, *version == "ipv6", logs).words;
        reply.changed |= apply(cx, args, &program, &rule)?;
    }
    Ok(reply)
}

/// Brings one filter to what is asked for.
fn apply(cx: &Context<'_>, args: &Args, program: &str, rule: &[String]) -> Result<bool, ModuleError> {
    let chain = args.text("chain");
    let command = |action: &str| {
        let mut argv: Vec<String> = [program, "-t", args.need("table"), action].map(str::to_owned).into();
        argv.extend(chain.map(str::to_owned));
        if action == "-I" {
            argv.extend(args.text("rule_num").map(str::to_owned));
        }
        if let Some(seconds) = args.text("wait") {
            argv.push("-w".to_owned());
            argv.extend(Some(seconds.to_owned()).filter(|seconds| !seconds.is_empty()));
        }
        argv
    };
    let list = || {
        let mut argv = command("-L");
        if args.flag("numeric") {
            argv.push("--numeric".to_owned());
        }
        argv
    };
    let act = |argv: Vec<String>| if cx.check() { Ok(()) } else { tools::run_checked(cx, &argv).map(drop) };
    let present = args.need("state") == "present";
    if args.flag("flush") {
        act(command("-F"))?;
        return Ok(true);
    }
    if let Some(policy) = args.text("policy") {
        let shown = tools::run_checked(cx, &list())?.out();
        let now = shown.lines().next().and_then(|line| line.split_once("(policy ")?.1.split([' ', ')']).next());
        let now = now.ok_or_else(|| ModuleError::msg("Can't detect current policy"))?;
        if now == policy {
            return Ok(false);
        }
        let mut argv = command("-P");
        argv.push(policy.to_owned());
        act(argv)?;
        return Ok(true);
    }
    if rule.is_empty() {
        let there = tools::run(cx, &list())?.success();
        if there != present && args.flag("chain_management") {
            act(command(if present { "-N" } else { "-X" }))?;
        }
        return Ok(there != present);
    }
    let with_rule = |action: &str| [command(action), rule.to_vec()].concat();
    let there = tools::run(cx, &with_rule("-C"))?.success();
    if there == present {
        return Ok(false);
    }
    let action = match (present, args.need("action")) {
        (true, "insert") => "-I",
        (true, _) => "-A",
        (false, _) => "-D",
    };
    act(with_rule(action))?;
    Ok(true)
}

/// The words of a rule, in the order Ansible writes them.
struct Rule<'a> {
    args: &'a Args,
    words: Vec<String>,
}

impl<'a> Rule<'a> {
    fn new(args: &'a Args, v6: bool, logs: bool) -> Self {
        let mut rule = Self { args, words: Vec::new() };
        let matches = args.texts("match");
        let jump = args.text("jump").or(logs.then_some("LOG"));
        rule.option("protocol", "-p").option("source", "-s").option("destination", "-d");
        for name in &matches {
            rule.value("-m", name);
        }
        if let Some(flags) = args.map("tcp_flags") {
            let list = |name: &str| {
                let texts = flags.get(name)?.as_list()?.iter().filter_map(Value::as_str).collect::<Vec<_>>();
                Some(texts.join(","))
            };
            if let (Some(flags), Some(set)) = (list("flags"), list("flags_set")) {
                rule.words.extend(["--tcp-flags".to_owned(), flags, set]);
            }
        }
        if let Some(jump) = jump {
            rule.value("-j", jump);
            if jump.eq_ignore_ascii_case("tee") {
                rule.option("gateway", "--gateway");
            }
        }
        rule.option("log_prefix", "--log-prefix")
            .option("log_level", "--log-level")
            .option("to_destination", "--to-destination");
        rule.csv("destination_ports", Some("multiport"), "--dports");
        for (name, flag) in [
            ("to_source", "--to-source"),
            ("goto", "-g"),
            ("in_interface", "-i"),
            ("out_interface", "-o"),
            ("fragment", "-f"),
            ("set_counters", "-c"),
            ("source_port", "--source-port"),
            ("destination_port", "--destination-port"),
            ("to_ports", "--to-ports"),
            ("set_dscp_mark", "--set-dscp"),
        ] {
            rule.option(name, flag);
        }
        let is_dscp = jump.is_some_and(|jump| jump.eq_ignore_ascii_case("dscp"));
        if args.get("set_dscp_mark").is_some() && !is_dscp {
            rule.value("-j", "DSCP");
        }
        rule.option("set_dscp_mark_class", "--set-dscp-class");
        if args.get("set_dscp_mark_class").is_some() && !is_dscp {
            rule.value("-j", "DSCP");
        }
        match args.need("syn") {
            "match" => rule.words.push("--syn".to_owned()),
            "negate" => rule.words.extend(["!".to_owned(), "--syn".to_owned()]),
            _ => {}
        }
        if matches.contains(&"conntrack") {
            rule.csv("ctstate", None, "--ctstate");
        } else if matches.contains(&"state") {
            rule.csv("ctstate", None, "--state");
        } else {
            rule.csv("ctstate", Some("conntrack"), "--ctstate");
        }
        if (args.get("src_range").is_some() || args.get("dst_range").is_some()) && !matches.contains(&"iprange") {
            rule.value("-m", "iprange");
        }
        rule.option("src_range", "--src-range").option("dst_range", "--dst-range");
        if args.get("match_set").is_some() {
            if !matches.contains(&"set") {
                rule.value("-m", "set");
            }
            rule.option("match_set", "--match-set");
            rule.words.extend(args.text("match_set_flags").map(str::to_owned));
        }
        if args.get("limit").is_some() || args.get("limit_burst").is_some() {
            rule.value("-m", "limit");
        }
        rule.option("limit", "--limit").option("limit_burst", "--limit-burst");
        for (name, flag) in [("uid_owner", "--uid-owner"), ("gid_owner", "--gid-owner")] {
            if args.get(name).is_some() {
                rule.value("-m", "owner");
                rule.option(name, flag);
            }
        }
        if jump.is_none() && args.get("reject_with").is_some() {
            rule.value("-j", "REJECT");
        }
        rule.option("reject_with", "--reject-with");
        rule.option("icmp_type", if v6 { "--icmpv6-type" } else { "--icmp-type" });
        if args.get("comment").is_some() {
            rule.value("-m", "comment");
            rule.option("comment", "--comment");
        }
        rule
    }

    fn value(&mut self, flag: &str, value: &str) {
        if let Some(negated) = value.strip_prefix('!') {
            self.words.extend(["!".to_owned(), flag.to_owned(), negated.trim_start().to_owned()]);
        } else {
            self.words.extend([flag.to_owned(), value.to_owned()]);
        }
    }

    fn option(&mut self, name: &str, flag: &str) -> &mut Self {
        if let Some(value) = self.args.text(name) {
            self.value(flag, value);
        }
        self
    }

    fn csv(&mut self, name: &str, matching: Option<&str>, flag: &str) {
        let values = self.args.texts(name);
        if values.is_empty() {
            return;
        }
        if let Some(matching) = matching {
            self.value("-m", matching);
        }
        self.words.extend([flag.to_owned(), values.join(",")]);
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Fake, args};

    #[test]
    fn a_rule_comes_once() {
        let fake = Fake::new().unwrap().on("iptables -t filter -C", 1, "").on("iptables", 0, "");
        let entries = [
            ("chain", "INPUT"),
            ("protocol", "tcp"),
            ("source", "!10.0.0.0/8"),
            ("destination_ports", "80,443"),
            ("ctstate", "NEW,ESTABLISHED"),
            ("jump", "ACCEPT"),
            ("comment", "web"),
        ];
        let reply = fake.call("iptables", args(entries));
        assert!(reply.changed, "{reply:?}");
        let rule = "-p tcp ! -s 10.0.0.0/8 -j ACCEPT -m multiport --dports 80,443 -m conntrack --ctstate NEW,ESTABLISHED -m comment --comment web";
        assert_eq!(reply.data.get("rule"), Some(&rule.into()));
        assert_eq!(
            fake.command_lines(),
            [format!("iptables -t filter -C INPUT {rule}"), format!("iptables -t filter -A INPUT {rule}")]
        );
        let fake = Fake::new().unwrap().on("iptables", 0, "");
        assert!(!fake.call("iptables", args(entries)).changed);
    }

    #[test]
    fn policies_chains_and_flushing() {
        let fake = Fake::new()
            .unwrap()
            .on("iptables -t filter -L INPUT", 0, "Chain INPUT (policy ACCEPT)\n")
            .on("iptables -t filter -L NEW", 1, "")
            .on("iptables", 0, "");
        assert!(fake.call("iptables", args([("chain", "INPUT"), ("policy", "DROP")])).changed);
        assert!(!fake.call("iptables", args([("chain", "INPUT"), ("policy", "ACCEPT")])).changed);
        assert!(fake.call("iptables", args([("chain", "NEW"), ("chain_management", "yes")])).changed);
        assert!(fake.call("iptables", args([("flush", "yes")])).changed);
        let lines = fake.command_lines();
        assert!(lines.contains(&"iptables -t filter -P INPUT DROP".to_owned()));
        assert!(lines.contains(&"iptables -t filter -N NEW".to_owned()));
        assert_eq!(lines.last().unwrap(), "iptables -t filter -F");
    }
}
