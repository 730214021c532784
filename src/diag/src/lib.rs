//! Sources, spans and diagnostics: how every other crate says *where* something is and *what to do* about it.
//!
//! [`Sources`] holds the text of every file read in a run. A [`Span`] is a place in one of them; it is `Copy` and
//! small, so values and keywords carry theirs. An error type implements [`Diagnose`] to become a [`Diagnostic`]:
//! message, labels, notes and hints. Only [`render`] turns a diagnostic into terminal text.
//!
//! Start reading at [`Span`], then [`Diagnostic`].

mod diagnostic;
mod render;
mod source;
mod span;
mod suggest;

pub use diagnostic::{Diagnose, Diagnostic, Label, Severity};
pub use render::render;
pub use source::{NOT_SHOWN, Position, SourceId, Sources};
pub use span::Span;
pub use suggest::{nearest, quoted_list};
