//! rplay-playbook.
