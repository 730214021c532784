//! Which way the hosts of a play go through its tasks, by Ansible's names.

use rplay_diag::{nearest, quoted_list};
use rplay_playbook::Play;

use crate::error::EngineError;

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
