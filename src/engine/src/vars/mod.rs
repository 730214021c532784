//! Variables: who sees what. See `precedence.rs` for the order of the layers.

mod cache;
pub(crate) mod facts;
mod magic;
mod play;
mod precedence;
mod reach;
pub(crate) mod reserved;
pub(crate) mod why;
mod world;

pub use cache::{CacheSettings, FactCaching, PythonCache};
pub(crate) use magic::{DelegatedVars, extended_loop, full_name};
pub(crate) use play::{PlayRole, PlayScope, VarsFile};
pub(crate) use precedence::{StepLayers, View, layers};
pub(crate) use reach::Reach;
pub(crate) use world::{GATHERED, HostFacts, World};
