//! `community.crypto`, one file each. What they share about keys and certificates stands in `x509`.

include!(concat!(env!("OUT_DIR"), "/crypto.rs"));
