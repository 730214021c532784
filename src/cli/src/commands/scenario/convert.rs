//! Topologies of other tools as scenario files: what has no counterpart is told.

use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::Subcommand;
use rplay_diag::{Diagnose as _, Diagnostic, Sources};
use rplay_scenario::import::{ImportError, Imported, infrared, quickstart};

use super::told::print;
use crate::exit;
use crate::failure::Failure;

/// Whose topology it is.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum From {
    /// Files of infrared's virsh plugin
    Infrared {
        /// Folder with `nodes` and `network`: a plugin's vars/topology or defaults/topology; the first is the stronger
        #[arg(required = true, value_name = "FOLDER")]
        folders: Vec<PathBuf>,
        /// As --topology-nodes
        #[arg(long = "topology-nodes", value_name = "NAME:COUNT,...")]
        nodes: String,
        /// As --topology-network: a file's name
        #[arg(long = "topology-network", value_name = "NAME")]
        network: String,
        /// Address or path of the nodes' image
        #[arg(long = "image-url", value_name = "URL")]
        image: Option<String>,
    },
    /// Nodes files of TripleO's quickstart
    Quickstart {
        /// Files of variables, the later ones stronger
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Address or path of the undercloud's image
        #[arg(long = "image-url", value_name = "URL")]
        image: Option<String>,
    },
}

/// Prints the scenario; what was left out goes to standard error.
pub(super) fn convert(from: &From, sources: &Sources) -> Result<i32, Failure> {
    let imported = match from.clone() {
        From::Infrared { folders, nodes, network, image } => {
            let topology = infrared::Topology { folders, nodes, network, image, ..infrared::Topology::default() };
            infrared::scenario(&topology, sources)
        }
        From::Quickstart { files, image } => {
            let nodes = quickstart::Nodes { files, image, ..quickstart::Nodes::default() };
            quickstart::scenario(&nodes, sources)
        }
    };
    let Imported { text, left_out } = imported.map_err(|error| Failure {
        code: if matches!(error, ImportError::Missing { .. } | ImportError::Count(_)) {
            exit::OPTIONS
        } else {
            exit::PARSER
        },
        diagnostics: vec![error.diagnostic()],
    })?;
    print(&text);
    for what in left_out {
        let told = Diagnostic::warning(format!("left out: {what}"));
        // Nowhere is left to complain about a broken standard error.
        let _ = writeln!(io::stderr().lock(), "{}", rplay_diag::render(&told, sources, false));
    }
    Ok(exit::OK)
}
