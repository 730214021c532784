//! Becoming another user.

use serde::{Deserialize, Serialize};

/// The program that changes the user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// `sudo`.
    #[default]
    Sudo,
    /// `su`.
    Su,
    /// OpenBSD's `doas`.
    Doas,
}

impl Method {
    /// The name users write in `become_method`, which is also the program's.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sudo => "sudo",
            Self::Su => "su",
            Self::Doas => "doas",
        }
    }
}

impl std::fmt::Display for Method {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// How to become another user, without the password.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Become {
    /// Through which program.
    pub method: Method,
    /// Who to become.
    pub user: String,
    /// The program's path or name, when it is not the method's (`become_exe`).
    #[serde(default)]
    pub exe: Option<String>,
    /// Its flags, already split (`become_flags`).
    #[serde(default)]
    pub flags: Vec<String>,
}

/// Why the target did not let us become the user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum Refusal {
    /// A password is asked for and none was given.
    MissingPassword,
    /// The password given is not right.
    WrongPassword,
    /// Nothing was heard for this long.
    Timeout {
        /// Seconds.
        seconds: u64,
    },
    /// Anything else: what the program said.
    Failed {
        /// Its exit status.
        rc: i32,
        /// Its output.
        text: String,
    },
}
