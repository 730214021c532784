//! The one table of keywords: what may be written where, of which type, in which releases.

use std::fmt;

use rplay_diag::nearest;
use rplay_value::Version;

/// A kind of mapping that keywords stand in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// A play.
    Play,
    /// A block.
    Block,
    /// A task.
    Task,
    /// A task in a handlers section.
    Handler,
    /// An entry of `roles:` or of a role's dependencies.
    Role,
    /// `loop_control`.
    LoopControl,
    /// `import_playbook`.
    ImportPlaybook,
    /// An entry of `vars_prompt`.
    VarsPrompt,
}

impl Place {
    /// Every place.
    const ALL: [Self; 8] = [
        Self::Play,
        Self::Block,
        Self::Task,
        Self::Handler,
        Self::Role,
        Self::LoopControl,
        Self::ImportPlaybook,
        Self::VarsPrompt,
    ];

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Play => "play",
            Self::Block => "block",
            Self::Task => "task",
            Self::Handler => "handler",
            Self::Role => "role",
            Self::LoopControl => "loop_control",
            Self::ImportPlaybook => "import_playbook",
            Self::VarsPrompt => "vars_prompt",
        })
    }
}

/// What a keyword takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A boolean, in any of YAML 1.1's and Ansible's spellings.
    Bool,
    /// An integer.
    Int,
    /// A number.
    Float,
    /// A number, perhaps with `%`.
    Percent,
    /// Text.
    Text,
    /// A text or a list of texts.
    Texts,
    /// One condition or several.
    Conditions,
    /// A mapping.
    Map,
    /// Variables: a mapping, or (old) a list of mappings.
    Vars,
    /// A mapping, a template of one, or a list of such.
    Maps,
    /// Tasks and blocks.
    Tasks,
    /// Uses of roles.
    Roles,
    /// Anything.
    Any,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bool => "a boolean",
            Self::Int => "an integer",
            Self::Float => "a number",
            Self::Percent => "a number or percentage",
            Self::Text => "a string",
            Self::Texts => "a string or a list of strings",
            Self::Conditions => "a condition or a list of conditions",
            Self::Map => "a mapping",
            Self::Vars => "a mapping of variables",
            Self::Maps => "a mapping or a list of mappings",
            Self::Tasks => "a list of tasks",
            Self::Roles => "a list of roles",
            Self::Any => "any value",
        })
    }
}

/// One keyword.
#[derive(Clone, Copy, Debug)]
pub struct Keyword {
    /// As written.
    pub name: &'static str,
    places: u8,
    /// What it takes.
    pub kind: Kind,
    /// Whether its value may hold a template.
    pub templated: bool,
    /// First release that has it, when later than 1.9.
    pub since: Option<Version>,
    /// First release without it.
    pub until: Option<Version>,
    /// rplay's own: no release of Ansible has it.
    pub own: bool,
    /// Whether it is only known to be refused by its name: no release that is followed has it.
    pub refused: bool,
    /// What it does; for removed ones, what to write in its place.
    pub help: &'static str,
}

impl Keyword {
    /// Whether it may stand there.
    pub fn allowed(&self, place: Place) -> bool {
        self.places & place.bit() != 0
    }

    /// Where it may stand.
    pub fn places(&self) -> impl Iterator<Item = Place> + '_ {
        Place::ALL.into_iter().filter(|place| self.allowed(*place))
    }
}

const PLAY: u8 = Place::Play.bit();
const BLOCK: u8 = Place::Block.bit();
const TASK: u8 = Place::Task.bit() | HANDLER;
const HANDLER: u8 = Place::Handler.bit();
const ROLE: u8 = Place::Role.bit();
const LOOP: u8 = Place::LoopControl.bit();
const IMPORT: u8 = Place::ImportPlaybook.bit();
const PROMPT: u8 = Place::VarsPrompt.bit();
const ALL: u8 = PLAY | BLOCK | TASK | ROLE | IMPORT;
const INNER: u8 = BLOCK | TASK | ROLE;

const fn kw(name: &'static str, places: u8, kind: Kind, help: &'static str) -> Keyword {
    Keyword { name, places, kind, templated: true, since: None, until: None, own: false, refused: false, help }
}

const fn fixed(name: &'static str, places: u8, kind: Kind, help: &'static str) -> Keyword {
    Keyword { templated: false, ..kw(name, places, kind, help) }
}

const fn since(minor: u16, keyword: Keyword) -> Keyword {
    Keyword { since: Some(Version::new(2, minor)), ..keyword }
}

const fn until(minor: u16, keyword: Keyword) -> Keyword {
    Keyword { until: Some(Version::new(2, minor)), ..keyword }
}

const fn own(keyword: Keyword) -> Keyword {
    Keyword { own: true, ..keyword }
}

const fn refused(name: &'static str, places: u8, help: &'static str) -> Keyword {
    Keyword { refused: true, ..until(0, fixed(name, places, Kind::Any, help)) }
}

/// Every keyword, sorted by name.
pub static KEYWORDS: &[Keyword] = &[
    refused("accelerate", PLAY, "remove it: connections are kept open anyway"),
    refused("accelerate_ipv6", PLAY, "remove it, with `accelerate`"),
    refused("accelerate_port", PLAY, "remove it, with `accelerate`"),
    kw("action", TASK, Kind::Any, "the module and its arguments in one text"),
    until(7, kw("always_run", INNER, Kind::Bool, "write `check_mode: false`")),
    fixed("always", BLOCK, Kind::Tasks, "tasks to run whatever happened in the block"),
    kw("any_errors_fatal", ALL, Kind::Bool, "one failed host ends the play for all hosts"),
    kw("args", TASK, Kind::Map, "arguments of the module"),
    kw("async", TASK, Kind::Int, "seconds the task may run in the background"),
    kw("become", ALL, Kind::Bool, "run as another user"),
    kw("become_exe", ALL, Kind::Text, "program that changes the user"),
    kw("become_flags", ALL, Kind::Text, "flags for the program that changes the user"),
    kw("become_method", ALL, Kind::Text, "how to change the user: sudo, su, ..."),
    refused("become_pass", TASK, "set the variable `ansible_become_password`"),
    kw("become_user", ALL, Kind::Text, "user to become"),
    fixed("block", BLOCK, Kind::Tasks, "tasks that share keywords"),
    since(18, kw("break_when", LOOP, Kind::Conditions, "stop the loop when this holds after an item")),
    kw("changed_when", TASK, Kind::Conditions, "when the task counts as changed"),
    kw("check_mode", ALL, Kind::Bool, "change nothing, report what would change"),
    since(8, fixed("collections", PLAY | INNER, Kind::Texts, "collections searched for short names")),
    kw("confirm", PROMPT, Kind::Bool, "ask twice"),
    kw("connection", ALL, Kind::Text, "how to reach the host"),
    since(5, kw("debugger", ALL, Kind::Text, "when to start the debugger")),
    kw("default", PROMPT, Kind::Any, "value when nothing is typed"),
    kw("delay", TASK, Kind::Float, "seconds between tries"),
    kw("delegate_facts", INNER, Kind::Bool, "facts belong to the delegated host"),
    kw("delegate_to", INNER, Kind::Text, "host that does the work"),
    kw("diff", ALL, Kind::Bool, "show differences"),
    kw("encrypt", PROMPT, Kind::Text, "hash scheme for the answer"),
    kw("environment", ALL, Kind::Maps, "environment variables"),
    since(5, kw("extended", LOOP, Kind::Bool, "set `ansible_loop`")),
    since(14, kw("extended_allitems", LOOP, Kind::Bool, "whether `ansible_loop.allitems` is set")),
    kw("fact_path", PLAY, Kind::Text, "folder of local facts"),
    kw("failed_when", TASK, Kind::Conditions, "when the task counts as failed"),
    refused("first_available_file", TASK, "write `with_first_found`, or the lookup `first_found`"),
    kw("force_handlers", PLAY, Kind::Bool, "run notified handlers of failed hosts too"),
    kw("gather_facts", PLAY, Kind::Bool, "gather facts first"),
    kw("gather_subset", PLAY, Kind::Texts, "which facts to gather"),
    kw("gather_timeout", PLAY, Kind::Int, "seconds for gathering facts"),
    fixed("handlers", PLAY, Kind::Tasks, "tasks that run when notified"),
    kw("hosts", PLAY, Kind::Texts, "patterns of hosts"),
    kw("ignore_errors", ALL, Kind::Bool, "go on after a failure"),
    since(7, kw("ignore_unreachable", ALL, Kind::Bool, "go on after an unreachable host")),
    fixed("import_playbook", IMPORT, Kind::Text, "playbook to import"),
    until(16, fixed("include", IMPORT, Kind::Text, "write `import_playbook`")),
    kw("index_var", LOOP, Kind::Text, "variable that holds the index"),
    kw("label", LOOP, Kind::Any, "what to show in place of the item"),
    fixed("listen", HANDLER, Kind::Texts, "topics that notify this handler"),
    kw("local_action", TASK, Kind::Any, "as `action`, on the controller"),
    kw("loop", TASK, Kind::Any, "list to repeat the task over"),
    kw("loop_control", TASK, Kind::Map, "how to repeat"),
    kw("loop_var", LOOP, Kind::Text, "variable that holds the item"),
    kw("max_fail_percentage", PLAY, Kind::Percent, "percentage of failed hosts that ends the play"),
    since(7, kw("module_defaults", ALL, Kind::Maps, "default arguments by module")),
    kw("name", ALL | PROMPT, Kind::Text, "name to show"),
    kw("no_log", ALL, Kind::Bool, "show neither arguments nor results"),
    kw("notify", TASK, Kind::Texts, "handlers to run after a change"),
    since(10, kw("notify", BLOCK, Kind::Texts, "handlers to run after a change")),
    since(4, kw("order", PLAY, Kind::Text, "order of hosts")),
    own(kw("parallel", LOOP, Kind::Int, "how many items may be at work at once")),
    kw("pause", LOOP, Kind::Float, "seconds between items"),
    kw("poll", TASK, Kind::Int, "seconds between looks at a background task"),
    kw("port", ALL, Kind::Int, "port to connect to"),
    fixed("post_tasks", PLAY, Kind::Tasks, "tasks after everything else"),
    fixed("pre_tasks", PLAY, Kind::Tasks, "tasks before the roles"),
    kw("private", PROMPT, Kind::Bool, "do not echo the answer"),
    kw("prompt", PROMPT, Kind::Text, "question"),
    kw("register", TASK, Kind::Text, "variable that receives the result"),
    kw("remote_user", ALL, Kind::Text, "user to log in as"),
    fixed("rescue", BLOCK, Kind::Tasks, "tasks to run when one in the block failed"),
    kw("retries", TASK, Kind::Int, "how often to try again"),
    kw("role", ROLE, Kind::Text, "role to use"),
    fixed("roles", PLAY, Kind::Roles, "roles to use"),
    kw("run_once", ALL, Kind::Bool, "only the first host does it"),
    refused("role_names", PLAY, "write `roles`"),
    kw("salt", PROMPT, Kind::Text, "salt for hashing the answer"),
    kw("salt_size", PROMPT, Kind::Int, "length of the salt"),
    kw("serial", PLAY, Kind::Any, "sizes of batches of hosts"),
    until(12, kw("static", TASK, Kind::Bool, "write `import_tasks` or `include_tasks`")),
    kw("strategy", PLAY, Kind::Text, "how tasks advance over hosts"),
    until(9, kw("su", ALL, Kind::Bool, "write `become: true` and `become_method: su`")),
    until(9, kw("su_exe", ALL, Kind::Text, "write `become_exe`")),
    until(9, kw("su_flags", ALL, Kind::Text, "write `become_flags`")),
    refused("su_pass", TASK, "set the variable `ansible_become_password`"),
    until(9, kw("su_user", ALL, Kind::Text, "write `become_user` and `become_method: su`")),
    until(9, kw("sudo", ALL, Kind::Bool, "write `become`")),
    until(9, kw("sudo_exe", ALL, Kind::Text, "write `become_exe`")),
    until(9, kw("sudo_flags", ALL, Kind::Text, "write `become_flags`")),
    refused("sudo_pass", TASK, "set the variable `ansible_become_password`"),
    until(9, kw("sudo_user", ALL, Kind::Text, "write `become_user`")),
    kw("tags", ALL, Kind::Texts, "tags that select it"),
    fixed("tasks", PLAY, Kind::Tasks, "tasks"),
    since(9, kw("throttle", ALL, Kind::Int, "at most so many hosts at a time")),
    since(10, kw("timeout", ALL, Kind::Int, "seconds after which a task fails")),
    refused("transport", TASK, "write `connection`"),
    since(2, fixed("unsafe", PROMPT, Kind::Bool, "the answer is never a template")),
    kw("until", TASK, Kind::Conditions, "repeat until this holds"),
    kw("user", PLAY, Kind::Text, "user to log in as: the older name of `remote_user`"),
    kw("vars", ALL, Kind::Vars, "variables"),
    kw("vars_files", PLAY, Kind::Any, "files of variables"),
    fixed("vars_prompt", PLAY, Kind::Any, "variables to ask for"),
    refused("vault_password", PLAY, "give the password with `--vault-password-file` or `--vault-id`"),
    kw("when", INNER | IMPORT, Kind::Conditions, "condition"),
];

/// The keyword of that name, if it may stand there.
pub fn find(name: &str, place: Place) -> Option<&'static Keyword> {
    KEYWORDS.iter().find(|keyword| keyword.name == name && keyword.allowed(place))
}

/// The current (not removed) keyword nearest to a misspelt one.
pub fn suggest(name: &str, place: Place) -> Option<&'static str> {
    nearest(name, KEYWORDS.iter().filter(|k| k.until.is_none() && k.allowed(place)).map(|k| k.name))
}

/// Where else a keyword may stand, when it may not stand where it was found.
pub fn elsewhere(name: &str) -> Vec<Place> {
    let all = [Place::Play, Place::Block, Place::Task, Place::Handler, Place::Role, Place::LoopControl];
    let mut places: Vec<Place> = KEYWORDS
        .iter()
        .filter(|k| k.name == name)
        .flat_map(|k| all.into_iter().filter(|place| k.allowed(*place)))
        .collect();
    places.dedup();
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_for_each_place() {
        for pair in KEYWORDS.windows(2) {
            assert!(pair[0].name != pair[1].name || pair[0].places & pair[1].places == 0, "{}", pair[0].name);
        }
    }

    #[test]
    fn misspellings_find_their_keyword() {
        assert_eq!(suggest("whne", Place::Task), Some("when"));
        assert_eq!(suggest("become_usr", Place::Play), Some("become_user"));
        assert!(find("listen", Place::Task).is_none());
        assert!(find("listen", Place::Handler).is_some());
        assert_eq!(elsewhere("serial"), [Place::Play]);
    }
}
