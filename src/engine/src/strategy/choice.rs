//! Which way the hosts of a play go through its tasks, by Ansible's names.

use rplay_diag::{nearest, quoted_list};
use rplay_event::Notice;
use rplay_playbook::Play;

use crate::error::EngineError;
use crate::run::Run;

/// A strategy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Strategy {
    /// All hosts do one task before any does the next.
    #[default]
    Linear,
    /// As linear, where failures are debugged.
    Debug,
    /// Every host goes on as soon as it can.
    Free,
    /// As free, but a host that has begun goes to its end before another begins; `forks` hosts at a time.
    HostPinned,
    /// As linear, where failures of more than `max_fail_percentage` of a `TripleO` role end the play for all.
    TripleoLinear,
    /// As free, where such failures end the playbook once the other hosts are through, and `run_once` runs once.
    TripleoFree,
}

/// Names without their collection. Mitogen's strategies are another transport for the same order.
const NAMES: &[(&str, Strategy)] = &[
    ("linear", Strategy::Linear),
    ("debug", Strategy::Debug),
    ("free", Strategy::Free),
    ("host_pinned", Strategy::HostPinned),
    ("tripleo_linear", Strategy::TripleoLinear),
    ("tripleo_free", Strategy::TripleoFree),
    ("mitogen_linear", Strategy::Linear),
    ("mitogen_free", Strategy::Free),
    ("mitogen_host_pinned", Strategy::HostPinned),
];

/// The strategy of a plugin in Python that is one of these by another name. One that changes what it is derived from
/// cannot be run: the engine is the strategy.
pub(crate) fn of_plugin(run: &Run, name: &str) -> Result<Option<Strategy>, EngineError> {
    let Some(plugin) = run.resolver().python_strategy(name) else { return Ok(None) };
    let text = fs_err::read_to_string(&plugin.file.file).unwrap_or_default();
    run.deprecate(Notice::new("Use of strategy plugins not included in ansible.builtin are deprecated"));
    let base = text.lines().find_map(|line| {
        let rest = line.trim_start().strip_prefix("from ansible.plugins.strategy")?;
        let module = rest.strip_prefix('.').map_or(rest, |module| module);
        NAMES.iter().find(|(known, _)| module.split_whitespace().any(|word| word == *known)).map(|(_, found)| *found)
    });
    let changes = text.lines().any(|line| line.trim_start().starts_with("def "));
    match base {
        Some(base) if !changes => Ok(Some(base)),
        _ => Err(EngineError::Keyword {
            message: format!(
                "the strategy `{name}` has code of its own, which is not run: {}",
                plugin.file.file.display()
            ),
            span: None,
            hint: Some(format!("the strategies are {}", quoted_list(NAMES.iter().map(|(name, _)| *name)))),
        }),
    }
}

impl Strategy {
    /// The strategy of a play.
    pub(crate) fn of(name: &str, play: &Play) -> Result<Self, EngineError> {
        let short = name.strip_prefix("ansible.builtin.").or_else(|| name.strip_prefix("ansible.legacy."));
        let short = short.or_else(|| name.strip_prefix("mitogen.").filter(|short| short.starts_with("mitogen_")));
        let short = short.unwrap_or(name);
        if let Some((_, strategy)) = NAMES.iter().find(|(known, _)| *known == short) {
            return Ok(*strategy);
        }
        let names = || NAMES.iter().map(|(name, _)| *name);
        Err(EngineError::Keyword {
            message: format!("the strategy `{name}` is not available"),
            span: play.strategy.as_ref().and_then(|field| field.span),
            hint: Some(match nearest(short, names()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the strategies are {}", quoted_list(names())),
            }),
        })
    }

    /// Whether hosts go on without waiting for one another.
    pub(crate) fn is_free(self) -> bool {
        matches!(self, Self::Free | Self::HostPinned | Self::TripleoFree)
    }

    /// Whether failures count by `TripleO` role.
    pub(crate) fn is_tripleo(self) -> bool {
        matches!(self, Self::TripleoLinear | Self::TripleoFree)
    }
}
