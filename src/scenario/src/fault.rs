//! What is broken on purpose, and mended again.

use std::time::Duration;

use rplay_diag::Span;

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
    pub(crate) fn read(name: &Spot, fields: Fields<'_>) -> Option<Self> {
        let harm = if fields.has("power_off") {
            Harm::PowerOff
        } else if fields.has("pause") {
            Harm::Pause
        } else if let Some(process) = fields.text("kill") {
            Harm::Kill { process, signal: fields.text("signal").unwrap_or_else(|| "KILL".to_owned()) }
        } else if fields.has("partition") {
            Harm::Partition(fields.spots("partition"))
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
        Some(Self {
            name: name.text.clone(),
            span: name.span,
            on: fields.text("hosts"),
            harm,
            when,
            lasts: fields.time("for"),
        })
    }
}
