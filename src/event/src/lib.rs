//! rplay-event.
