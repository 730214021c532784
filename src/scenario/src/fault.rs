//! What is broken on purpose, and mended again.

use std::time::Duration;

use rplay_diag::{Diagnostic, Span};

use crate::network::Impairment;
use crate::read::{Fields, Spot};

/// What breaks.
#[derive(Clone, Debug)]
pub enum Harm {
    /// The node loses power.
    PowerOff,
    /// The node stands still.
    Pause,
    /// A process dies.
    Kill {
        /// Its name, or the unit of a service.
        process: String,
        /// The signal.
        signal: String,
    },
    /// The node is cut off from networks.
    Partition(Vec<Spot>),
    /// The link between two networks is cut.
    Cut([Spot; 2]),
    /// Its links are slow and lossy.
    Degrade {
        /// Networks it is on; none: all.
        networks: Vec<Spot>,
        /// How.
        impairment: Impairment,
    },
    /// The file system of a path has no room.
    Fill(String),
    /// Its clock goes ahead.
    Skew(Duration),
}

/// When it befalls.
#[derive(Clone, Debug)]
pub enum When {
    /// In the step `side-effect`.
    SideEffect,
    /// Before a stage.
    Before(Spot),
    /// After a stage.
    After(Spot),
    /// When a task of such a name starts.
    Task(String),
}

/// Something broken on purpose.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Its name.
    pub name: String,
    /// Where it was written.
    pub span: Span,
    /// The nodes it befalls.
    pub on: Option<String>,
    /// What breaks.
    pub harm: Harm,
    /// When.
    pub when: When,
    /// How long.
    pub lasts: Option<Duration>,
}

impl Fault {
    pub(crate) fn read(name: &Spot, fields: Fields<'_>, found: &mut Vec<Diagnostic>) -> Option<Self> {
        for field in ["power_off", "pause"] {
            if fields.flag(field) == Some(false) {
                let span = fields.get(field).map_or(name.span, rplay_yaml::Node::span);
                found.push(
                    Diagnostic::error(format!("`{field}: false` breaks nothing")).at(span, "leave the fault out"),
                );
            }
        }
        let harm = if fields.has("power_off") {
            Harm::PowerOff
        } else if fields.has("pause") {
            Harm::Pause
        } else if let Some(process) = fields.text("kill") {
            Harm::Kill { process, signal: fields.text("signal").unwrap_or_else(|| "KILL".to_owned()) }
        } else if fields.has("partition") {
            Harm::Partition(fields.spots("partition"))
        } else if fields.has("cut") {
            let Ok(between) = <[Spot; 2]>::try_from(fields.spots("cut")) else {
                found.push(Diagnostic::error("a link is between two networks").at(name.span, "of this fault"));
                return None;
            };
            Harm::Cut(between)
        } else if let Some(below) = fields.below("degrade") {
            Harm::Degrade { networks: below.spots("networks"), impairment: Impairment::read(below) }
        } else if let Some(path) = fields.text("fill") {
            Harm::Fill(path)
        } else {
            Harm::Skew(fields.time("skew")?)
        };
        let when = if let Some(stage) = fields.spot("before") {
            When::Before(stage)
        } else if let Some(stage) = fields.spot("after") {
            When::After(stage)
        } else if let Some(task) = fields.text("task") {
            When::Task(task)
        } else {
            When::SideEffect
        };
        let lasts = fields.time("for");
        if let (Harm::Pause, When::Task(_), None) = (&harm, &when, lasts) {
            let error =
                Diagnostic::error(format!("`{}` would stop the task for good: its node stands still", name.text));
            found.push(error.at(name.span, "this fault").hint("`for` says when the node goes on, such as `for: 5s`"));
        }
        Some(Self { name: name.text.clone(), span: name.span, on: fields.text("hosts"), harm, when, lasts })
    }
}
