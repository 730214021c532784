//! rplay-connection.
