//! Templates: syntax, filters, tests, methods, headers.

use rplay_diag::{Diagnose as _, Diagnostic, SourceId, Span};
use rplay_template::{Inspection, Reading, Use, Used, find_filter, find_test};
use rplay_value::{Text, Version};
use rplay_yaml::{Kind as YamlKind, Node};

use crate::{Level, Lint, Rule};

pub(crate) static SYNTAX: Rule = Rule {
    name: "template-syntax",
    since: Version::new(1, 9),
    about: "A template or condition that Jinja cannot read; it fails when its task runs.",
};
static TEST_AS_FILTER: Rule =
    Rule { name: "test-as-filter", since: Version::new(2, 9), about: "A test written as a filter: `result | failed`." };
static PYTHON2: Rule = Rule {
    name: "python2-method",
    since: Version::new(2, 12),
    about: "A method that only Python 2 had: `iteritems`, `has_key`.",
};
static PRIVATE: Rule = Rule {
    name: "private-attribute",
    since: Version::new(2, 19),
    about: "Python's own methods, such as `__setitem__`.",
};
static RANGE: Rule =
    Rule { name: "range-result", since: Version::new(2, 19), about: "A template that is nothing but a `range`." };
static HEADER: Rule = Rule {
    name: "jinja2-header",
    since: Version::new(2, 19),
    about: "A `#jinja2:` line with text in place of a boolean, or a key that does not exist.",
};
static MOVED: Rule = Rule {
    name: "moved-filter",
    since: Version::new(2, 10),
    about: "A filter that lives in a collection, which has to be installed.",
};
static FACT: Rule = Rule {
    name: "injected-fact",
    since: Version::new(2, 24),
    about: "A fact read as a variable of its own (`ansible_distribution`).",
};
static LEGACY: Rule = Rule {
    name: "legacy-variable",
    since: Version::new(2, 0),
    about: "Names of connection variables before 2.0 (`ansible_ssh_host`).",
};

pub(crate) static RULES: &[&Rule] =
    &[&SYNTAX, &TEST_AS_FILTER, &PYTHON2, &PRIVATE, &RANGE, &HEADER, &MOVED, &FACT, &LEGACY];

const METHODS: [(&str, &str); 4] =
    [("iteritems", "items"), ("itervalues", "values"), ("iterkeys", "keys"), ("has_key", "in")];

/// Filters that ansible-core sent to collections with 2.10.
const COLLECTIONS: [(&str, &[&str]); 4] = [
    (
        "ansible.utils",
        &[
            "ipaddr",
            "ipwrap",
            "ipv4",
            "ipv6",
            "ipsubnet",
            "ip4_hex",
            "nthhost",
            "network_in_usable",
            "next_nth_usable",
            "cidr_merge",
            "hwaddr",
            "macaddr",
            "slaac",
            "reduce_on_network",
            "previous_nth_usable",
        ],
    ),
    ("community.general", &["json_query", "random_mac"]),
    ("ansible.netcommon", &["parse_cli", "parse_cli_textfsm", "parse_xml", "vlan_parser", "type5_pw", "hash_salt"]),
    ("kubernetes.core", &["k8s_config_resource_name"]),
];

/// Facts that playbooks read most, without the prefix.
const FACTS: [&str; 40] = [
    "all_ipv4_addresses",
    "all_ipv6_addresses",
    "apparmor",
    "architecture",
    "bios_date",
    "bios_version",
    "cmdline",
    "date_time",
    "default_ipv4",
    "default_ipv6",
    "devices",
    "distribution",
    "distribution_major_version",
    "distribution_release",
    "distribution_version",
    "dns",
    "domain",
    "env",
    "fqdn",
    "hostname",
    "interfaces",
    "kernel",
    "lsb",
    "lvm",
    "machine",
    "memfree_mb",
    "memtotal_mb",
    "mounts",
    "nodename",
    "os_family",
    "pkg_mgr",
    "processor",
    "processor_cores",
    "processor_count",
    "processor_vcpus",
    "python_version",
    "selinux",
    "service_mgr",
    "user_id",
    "virtualization_type",
];

const CONNECTION: [(&str, &str); 7] = [
    ("ansible_ssh_host", "ansible_host"),
    ("ansible_ssh_user", "ansible_user"),
    ("ansible_ssh_port", "ansible_port"),
    ("ansible_ssh_pass", "ansible_password"),
    ("ansible_sudo_user", "ansible_become_user"),
    ("ansible_sudo_pass", "ansible_become_password"),
    ("ansible_su_user", "ansible_become_user"),
];

/// The present name of a connection variable.
pub(crate) fn renamed(name: &str) -> Option<&'static str> {
    CONNECTION.iter().find(|(old, _)| *old == name).map(|(_, new)| *new)
}

impl Lint {
    /// Every template in a value.
    pub(crate) fn templates(&mut self, node: &Node) {
        match node.kind() {
            YamlKind::Sequence(items) => items.iter().for_each(|item| self.templates(item)),
            YamlKind::Mapping(entries) => entries.iter().for_each(|(key, value)| {
                self.templates(key);
                self.templates(value);
            }),
            YamlKind::Scalar(_) => {
                if let Some(text) = node.to_text().filter(Text::is_template) {
                    self.template(node, &text);
                }
            }
        }
    }

    fn template(&mut self, node: &Node, text: &Text) {
        match self.engine.inspect(text, Reading::Template) {
            Ok(found) => {
                if found.range {
                    let inner = text.trim().trim_start_matches("{{").trim_end_matches("}}").trim();
                    let written = format!("{{{{ {inner} | list }}}}");
                    let help = format!("write `{written}`");
                    let finding = self.found(&RANGE, Level::Error, node.span(), "a range is no value", help);
                    finding.replacement = Some(written);
                }
                self.uses(text, &found, node);
            }
            Err(error) => self.diagnosed_template(&SYNTAX, node, &error.diagnostic()),
        }
    }

    /// A template's own diagnostic, or one at the node where it has no place.
    pub(crate) fn diagnosed_template(&mut self, rule: &'static Rule, node: &Node, diagnostic: &Diagnostic) {
        let span = diagnostic.labels.first().map_or(node.span(), |label| label.span);
        let help = diagnostic.hints.first().cloned().unwrap_or_else(|| "the task fails when it runs".to_owned());
        self.found(rule, Level::Error, span, diagnostic.message.clone(), help);
    }

    /// What a template or condition uses.
    pub(crate) fn uses(&mut self, text: &Text, found: &Inspection, node: &Node) {
        for used in &found.uses {
            self.used(text, used, used.span.unwrap_or(node.span()));
        }
    }

    fn used(&mut self, text: &Text, used: &Use, span: Span) {
        let name = used.name.as_str();
        match used.what {
            Used::Filter if find_filter(name).is_none() && find_test(name).is_some() => {
                let operand = text.get(used.range.0..used.operand_end).unwrap_or_default();
                let written = text.get(used.operand_end..used.range.1).unwrap_or_default();
                let call = written.trim_start().trim_start_matches('|').trim();
                let replacement = format!("{operand} is {call}");
                let help = format!("write `{replacement}`");
                let message = format!("`{name}` is a test, not a filter");
                self.found(&TEST_AS_FILTER, Level::Error, span, message, help).replacement = Some(replacement);
            }
            Used::Filter => {
                if let Some((collection, _)) = COLLECTIONS.iter().find(|(_, names)| names.contains(&name)) {
                    let message = format!("the filter `{name}` is the collection {collection}'s");
                    let help = format!("install {collection}, and write `{collection}.{name}`");
                    let finding = self.found(&MOVED, Level::Warning, span, message, help);
                    finding.replacement = Some(format!("{collection}.{name}"));
                }
            }
            Used::Method => {
                if let Some((_, new)) = METHODS.iter().find(|(old, _)| *old == name) {
                    let help =
                        if *new == "in" { "write `key in mapping`".to_owned() } else { format!("write `.{new}()`") };
                    let message = format!("Python 3 has no method `{name}`");
                    self.found(&PYTHON2, Level::Error, span, message, help).replacement =
                        (*new != "in").then(|| (*new).to_owned());
                }
                self.private(name, span);
            }
            Used::Attribute => self.private(name, span),
            Used::Name => {
                if let Some(fact) = name.strip_prefix("ansible_").filter(|fact| FACTS.contains(fact)) {
                    let replacement = format!("ansible_facts['{fact}']");
                    let help = format!("write `{replacement}`");
                    let message = format!("`{name}` is there only while facts are injected as variables");
                    self.found(&FACT, Level::Info, span, message, help).replacement = Some(replacement);
                } else if let Some(new) = renamed(name) {
                    self.legacy(name, new, span);
                }
            }
            Used::Test | Used::Lookup => {}
        }
    }

    /// A connection variable by its old name.
    pub(crate) fn legacy(&mut self, name: &str, new: &str, span: Span) {
        let message = format!("`{name}` is the name of before Ansible 2.0");
        self.found(&LEGACY, Level::Info, span, message, format!("write `{new}`")).replacement = Some(new.to_owned());
    }

    fn private(&mut self, name: &str, span: Span) {
        if !name.starts_with("__") {
            return;
        }
        let help = match name {
            "__setitem__" => "write `.update({key: value})`, or `combine`",
            "__getitem__" => "write `mapping[key]`",
            _ => "templates cannot reach into Python any more; use filters and tests",
        };
        let message = format!("`{name}` is refused; `{{% set _ = .. %}}` of it does nothing, without a word");
        self.found(&PRIVATE, Level::Error, span, message, help);
    }

    /// A template file.
    pub(crate) fn template_file(&mut self, text: &str, source: SourceId) {
        self.header(text, source);
        let whole = Text::written(text, Span::new(source, 0, text.len()));
        match self.engine.inspect(&whole, Reading::File) {
            Ok(found) => {
                for used in &found.uses {
                    self.used(&whole, used, Span::new(source, used.range.0, used.range.1));
                }
            }
            Err(error) => {
                let diagnostic = error.diagnostic();
                self.diagnosed(&SYNTAX, Level::Error, &diagnostic, "the task that uses it fails");
            }
        }
    }

    /// The `#jinja2:` line of a template.
    fn header(&mut self, text: &str, source: SourceId) {
        const PREFIX: &str = "#jinja2:";
        let Some(rest) = text.strip_prefix(PREFIX) else { return };
        let line = rest.lines().next().unwrap_or_default();
        let mut at = PREFIX.len();
        for pair in line.split(',') {
            let span = Span::new(source, at, at + pair.len());
            at += pair.len() + 1;
            let Some((key, value)) = pair.split_once(':') else { continue };
            let (key, value) = (key.trim(), value.trim());
            let flag = matches!(key, "trim_blocks" | "lstrip_blocks" | "keep_trailing_newline");
            let unquoted = value.trim_matches(['\'', '"']);
            if flag && unquoted != value {
                // Text that is not empty is true in Python, whatever it says.
                let meant = if unquoted.is_empty() { "False" } else { "True" };
                let written = format!("{key}: {meant}");
                let help = format!("write `{written}`: that is what older releases made of it");
                let message = format!("`{key}` must be a boolean, not text");
                self.found(&HEADER, Level::Error, span, message, help).replacement = Some(written);
            }
        }
    }
}
