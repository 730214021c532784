//! `rplay scenario`: nodes, what is deployed on them, whether it works, and their removal.

mod show;
mod told;

use std::io::{self, IsTerminal as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{ArgAction, Args, Subcommand, ValueEnum};
use rplay_diag::{Diagnose as _, Diagnostic, Sources};
use rplay_scenario::handoff::{Spelling, Way};
use rplay_scenario::lab::{Choice, Lab, LabError};
use rplay_scenario::provider::Object;
use rplay_scenario::topology::{Counts, Known};
use rplay_scenario::{Scenario, ScenarioError};

use crate::exit;
use crate::failure::Failure;
use told::{InProcess, Output, Printer, print};

/// Options of `rplay scenario`.
#[derive(Args, Debug)]
#[command(
    after_help = "Ends with 0 when all went well, with 1 when something is missing on this machine or a daemon refuses, with 2 \
                  when a stage, a check or idempotence failed, with 4 when a scenario file is wrong, with 5 for options \
                  and names that are, and with 99 after Ctrl-C."
)]
pub(crate) struct Options {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    common: Common,
}

#[derive(Args, Debug)]
struct Common {
    /// The scenario: a file, a folder with scenario.yml, or a name below scenarios/
    #[arg(short = 's', long = "scenario", value_name = "SCENARIO", global = true)]
    scenario: Option<PathBuf>,
    /// The folder of the scenario's own files, instead of ~/.cache/rplay/scenario/NAME
    #[arg(long, value_name = "DIR", global = true)]
    folder: Option<PathBuf>,
    /// How many of each node; the same must be said to every command
    #[arg(long, value_name = "NAME:COUNT,...", action = ArgAction::Append, global = true)]
    nodes: Vec<String>,
    /// Lay a value over the file, such as types.compute.memory=4G
    #[arg(long, value_name = "PATH=VALUE", action = ArgAction::Append, global = true)]
    set: Vec<String>,
    /// Variables of all runs: key=value pairs, YAML or JSON text, or @FILE
    #[arg(short = 'e', long = "extra-vars", value_name = "EXTRA_VARS", action = ArgAction::Append, global = true)]
    extra_vars: Vec<String>,
    /// How steps are printed
    #[arg(long, value_enum, default_value = "human", global = true)]
    output: Output,
    /// Runs print more
    #[arg(short = 'v', long, action = ArgAction::Count, global = true)]
    verbose: u8,
}

/// The scenario as an argument, for commands without others.
#[derive(Args, Debug)]
struct Named {
    /// The scenario, as with -s; scenario.yml here when it is left out
    #[arg(value_name = "SCENARIO")]
    name: Option<PathBuf>,
}

/// Which of the stages run, and how.
#[derive(Args, Clone, Debug, Default)]
struct Order {
    /// Not what they need
    #[arg(long)]
    only: bool,
    /// Begin at this stage
    #[arg(long, value_name = "STAGE")]
    from: Option<String>,
    /// End with this stage
    #[arg(long, value_name = "STAGE")]
    until: Option<String>,
    /// One stage after the other, also where they share no node
    #[arg(long)]
    serial: bool,
    /// How many stages side by side, at most
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..))]
    parallel: Option<u16>,
}

impl Order {
    fn choice(&self, names: &[String]) -> Choice {
        Choice {
            names: names.to_vec(),
            only: self.only,
            from: self.from.clone(),
            until: self.until.clone(),
            serial: self.serial,
            parallel: self.parallel.map(usize::from),
        }
    }
}

/// When `test` removes the nodes again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Destroy {
    /// However it ends
    Always,
    /// They stay
    Never,
    /// Only after success
    OnSuccess,
}

#[derive(Subcommand, Debug)]
enum Action {
    /// Check the file without making anything
    Check(Named),
    /// Print the JSON schema of scenario files
    Schema,
    /// List the scenarios below a folder
    List {
        /// The folder
        #[arg(default_value = "scenarios")]
        folder: PathBuf,
    },
    /// Print networks with their nodes, and stages with what they need
    Graph(Named),
    /// Write a scenario to start from
    Init {
        /// Its folder, which is made
        folder: PathBuf,
    },
    /// Print what would be made and run, why, and what it needs
    Plan(Named),
    /// Make networks, images and nodes: what is there and as asked for stays as it is
    Create(Named),
    /// Make what is missing and run all default stages
    Converge(Named),
    /// Make what is missing and run stages with what they need
    Run {
        /// Stages, in any order; all by default when there is none
        #[arg(value_name = "STAGE")]
        stages: Vec<String>,
        #[command(flatten)]
        order: Order,
    },
    /// Look whether all is as it must be
    Verify {
        #[command(flatten)]
        named: Named,
        /// Only this check
        #[arg(long, value_name = "NAME", action = ArgAction::Append)]
        check: Vec<String>,
    },
    /// Run the stages again: nothing must change
    Idempotence(Named),
    /// Let faults befall the nodes; they are always mended
    SideEffect {
        #[command(flatten)]
        named: Named,
        /// Only this fault
        #[arg(long, value_name = "NAME", action = ArgAction::Append)]
        fault: Vec<String>,
    },
    /// Do everything: the steps of `test` in the file
    Test {
        #[command(flatten)]
        named: Named,
        /// When the nodes are removed again
        #[arg(long, value_enum, default_value = "always")]
        destroy: Destroy,
    },
    /// Remove everything that was made, and nothing else
    Destroy {
        #[command(flatten)]
        named: Named,
        /// Do not ask
        #[arg(short = 'y', long)]
        yes: bool,
    },
    /// Print what is there
    Status(Named),
    /// Write `hosts` and `ssh.config.ansible`, and print where they are
    Handoff {
        #[command(flatten)]
        named: Named,
        /// Names of variables as before Ansible 2.0
        #[arg(long)]
        old_names: bool,
    },
    /// Log in to a node, or run a command there
    #[command(visible_alias = "ssh")]
    Login {
        /// The node
        node: String,
        /// A command instead of a shell
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<String>,
    },
    /// Print what a node has written to its console
    Console {
        /// The node
        node: String,
    },
    /// Write the consoles of all nodes to files, and look for panics and for processes that ran out of memory
    Logs(Named),
    /// Keep the disks of all nodes under a name
    Snapshot {
        /// The name
        name: String,
    },
    /// Put the disks of all nodes back to what was kept
    Back {
        /// The name
        name: String,
    },
}

/// Runs the command; the value is the exit code.
pub(crate) fn run(options: &Options) -> i32 {
    let sources = Arc::new(Sources::new());
    act(options, &sources).unwrap_or_else(|failure| {
        failure.report(&sources, io::stderr().is_terminal());
        failure.code
    })
}

fn act(options: &Options, sources: &Arc<Sources>) -> Result<i32, Failure> {
    let common = &options.common;
    let named = match &options.action {
        Action::Schema => {
            let schema = rplay_scenario::schema::schema(&rplay_scenario::format::SCENARIO);
            print(&format!("{schema:#}\n"));
            return Ok(exit::OK);
        }
        Action::List { folder } => return show::list(folder, sources),
        Action::Init { folder } => return show::init(folder),
        Action::Check(named)
        | Action::Graph(named)
        | Action::Plan(named)
        | Action::Create(named)
        | Action::Converge(named)
        | Action::Verify { named, .. }
        | Action::Idempotence(named)
        | Action::SideEffect { named, .. }
        | Action::Test { named, .. }
        | Action::Destroy { named, .. }
        | Action::Status(named)
        | Action::Handoff { named, .. }
        | Action::Logs(named) => named.name.as_deref(),
        _ => None,
    };
    let scenario = load(common, named, sources)?;
    let mut counts = Counts::default();
    for text in &common.nodes {
        counts.add(text).map_err(|error| Failure::options(error.diagnostic()))?;
    }
    match &options.action {
        Action::Check(_) => {
            let nodes =
                scenario.topology(&counts, &Known::new()).map_err(|error| Failure::options(error.diagnostic()))?;
            return Ok(show::checked(&scenario, &nodes));
        }
        Action::Graph(_) => {
            let nodes =
                scenario.topology(&counts, &Known::new()).map_err(|error| Failure::options(error.diagnostic()))?;
            print(&show::graph(&scenario, &nodes));
            return Ok(exit::OK);
        }
        _ => {}
    }
    let printer = Printer { output: common.output };
    let runs = InProcess { output: common.output, verbose: common.verbose, extra_vars: common.extra_vars.clone() };
    let lab = Lab::open(&scenario, counts, common.folder.as_deref(), &printer, &runs).map_err(failed)?;
    in_lab(&options.action, common, &lab)
}

fn in_lab(action: &Action, common: &Common, lab: &Lab<'_>) -> Result<i32, Failure> {
    let human = common.output == Output::Human;
    match action {
        Action::Plan(_) => {
            let objects = lab.objects().map_err(failed)?;
            let nodes = lab.nodes(&objects).map_err(failed)?;
            let stages = lab.chosen(&Choice::default()).map_err(failed)?;
            let free = rplay_scenario::lab::Free::now(lab.folder.path()).map_err(failed)?;
            let there: Vec<Object> = objects.into_iter().map(|(object, _)| object).collect();
            print(&show::plan(lab.scenario, &nodes, &stages, &lab.why(&[], &stages), &there, free));
            let absent = nodes.iter().filter(|node| !there.iter().any(|object| object.name() == Some(&node.name)));
            rplay_scenario::lab::Estimate::of(absent).fits(free, lab.scenario.budget).map_err(failed)?;
        }
        Action::Create(_) => {
            let created = lab.create().map_err(failed)?;
            if human {
                print(&match created.changed {
                    0 => format!("nothing to do: all {} networks and nodes are as asked for\n", created.same),
                    changed => format!("{changed} made, {} as they were\n", created.same),
                });
            }
        }
        Action::Converge(_) => lab.run(&Choice::default()).map_err(failed)?,
        Action::Run { stages, order } => lab.run(&order.choice(stages)).map_err(failed)?,
        Action::Verify { check, .. } => lab.verify(check).map_err(failed)?,
        Action::Idempotence(_) => idempotence(lab)?,
        Action::SideEffect { fault, .. } => lab.side_effect(fault).map_err(failed)?,
        Action::Test { destroy, .. } => test(lab, *destroy)?,
        Action::Destroy { yes, .. } => {
            let removed = lab.destroy(|objects| agreed(objects, *yes, lab, human)).map_err(failed)?;
            if human {
                print(&format!("{removed} removed\n"));
            }
        }
        Action::Status(_) => {
            let objects = lab.objects().map_err(failed)?;
            let nodes = lab.nodes(&objects).map_err(failed)?;
            let there: Vec<Object> = objects.into_iter().map(|(object, _)| object).collect();
            print(&show::status(&nodes, &there, common.output));
        }
        Action::Handoff { old_names, .. } => {
            let spelling = if *old_names { Spelling::Old } else { Spelling::New };
            let objects = lab.objects().map_err(failed)?;
            let nodes = lab.nodes(&objects).map_err(failed)?;
            let reached = lab.reached(&nodes, &objects).map_err(failed)?;
            let (hosts, config) = lab.handoff(&reached, spelling).map_err(failed)?;
            print(&format!("{}\n{}\n", hosts.display(), config.display()));
        }
        Action::Login { node, command } => return login(lab, node, command),
        Action::Console { node } => {
            let text = lab.console(node).map_err(failed)?;
            // A reader that went away (`| head`) has what it wanted.
            let _ = io::stdout().lock().write_all(&text);
        }
        Action::Logs(_) => return show::logs(lab).map_err(failed),
        Action::Snapshot { name } => lab.snapshots(name, false).map_err(failed)?,
        Action::Back { name } => lab.snapshots(name, true).map_err(failed)?,
        Action::Check(_) | Action::Schema | Action::List { .. } | Action::Graph(_) | Action::Init { .. } => {}
    }
    Ok(exit::OK)
}

fn failed(error: LabError) -> Failure {
    let code = match &error {
        LabError::Interrupted => exit::INTERRUPTED,
        LabError::Topology(_) | LabError::Stage(_) => exit::OPTIONS,
        LabError::Provider(_) | LabError::Folder(_) | LabError::Io(_) => exit::ERROR,
        LabError::Several(errors) if errors.iter().all(|error| matches!(error, LabError::Provider(_))) => exit::ERROR,
        LabError::Said(_) | LabError::Several(_) => exit::FINDINGS,
    };
    Failure { diagnostics: error.diagnostics(), code }
}

fn load(common: &Common, named: Option<&Path>, sources: &Arc<Sources>) -> Result<Scenario, Failure> {
    let name = named.or(common.scenario.as_deref());
    let asked = name.unwrap_or(Path::new("scenario.yml"));
    let Some(path) = rplay_scenario::find(asked) else {
        let error = Diagnostic::error(format!("there is no scenario {}", asked.display()));
        let known = show::names(Path::new("scenarios"));
        let text = asked.to_string_lossy();
        let near = rplay_diag::nearest(&text, known.iter().map(String::as_str));
        let hint = match (near, name) {
            (Some(near), _) => format!("did you mean `{near}`?"),
            (None, _) if !known.is_empty() => {
                format!("there is {}", rplay_diag::quoted_list(known.iter().map(String::as_str)))
            }
            (None, None) => "-s names one, and `rplay scenario init` writes one to start from".to_owned(),
            (None, Some(_)) => "it can be a file, a folder with scenario.yml, or a name below scenarios/".to_owned(),
        };
        return Err(Failure::options(error.hint(hint)));
    };
    let mut over = Vec::new();
    for text in &common.set {
        over.push(laid_over(text, sources)?);
    }
    Scenario::load(&path, &over, sources).map_err(|error| {
        let code = if matches!(error, ScenarioError::Read { .. }) { exit::ERROR } else { exit::PARSER };
        Failure { diagnostics: error.diagnostics(), code }
    })
}

/// The document that `--set` lays over the file.
fn laid_over(text: &str, sources: &Arc<Sources>) -> Result<rplay_yaml::Node, Failure> {
    let wrong = || {
        let error = Diagnostic::error(format!("`{text}` is no PATH=VALUE"));
        Failure::options(error.hint("write as in --set types.compute.memory=4G"))
    };
    let (path, value) = text.split_once('=').ok_or_else(wrong)?;
    if path.split('.').any(str::is_empty) {
        return Err(wrong());
    }
    let mut document = String::new();
    for (depth, key) in path.split('.').enumerate() {
        let line = format!("{}{key}:", "  ".repeat(depth));
        document = if depth == 0 { line } else { format!("{document}\n{line}") };
    }
    let source = sources.add("--set", format!("{document} {value}\n"));
    let parsed = rplay_yaml::parse(sources, source).map_err(|error| Failure::options(error.diagnostic()))?;
    Ok(parsed.node)
}

/// Shows exactly what goes, and asks unless that was said.
fn agreed(objects: &[Object], yes: bool, lab: &Lab<'_>, human: bool) -> Result<bool, LabError> {
    if human || !yes {
        print(&show::going(objects, lab.folder.path()));
    }
    if yes || objects.is_empty() {
        return Ok(true);
    }
    if !io::stdin().is_terminal() {
        let error = Diagnostic::error("nothing is removed without being asked for on a terminal");
        return Err(LabError::Said(Box::new(error.hint("--yes removes all of this"))));
    }
    print("Remove all of this? [y/N] ");
    io::stdout().flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn idempotence(lab: &Lab<'_>) -> Result<(), Failure> {
    let found = lab.idempotence(&[]).map_err(failed)?;
    if found.changed.is_empty() {
        return Ok(());
    }
    let mut error = Diagnostic::error(format!("{} tasks changed something again", found.changed.len()));
    for (stage, host, task) in &found.changed {
        error = error.note(format!("{stage}: {task} on {host}"));
    }
    Err(Failure { diagnostics: vec![error], code: exit::FINDINGS })
}

fn test(lab: &Lab<'_>, destroy: Destroy) -> Result<(), Failure> {
    let remove = || lab.destroy(|_| Ok(true)).map(|_| ()).map_err(failed);
    let mut ended = Ok(());
    let cleanup = |step: &String| step == "cleanup";
    for step in lab.scenario.test.iter().filter(|step| !cleanup(step)) {
        ended = match step.as_str() {
            "destroy" => remove(),
            "create" => lab.create().map(|_| ()).map_err(failed),
            "converge" => lab.run(&Choice::default()).map_err(failed),
            "idempotence" => idempotence(lab),
            "side-effect" => lab.side_effect(&[]).map_err(failed),
            "verify" => lab.verify(&[]).map_err(failed),
            _ => Ok(()),
        };
        if ended.is_err() {
            break;
        }
    }
    let cleans = lab.scenario.test.iter().any(cleanup);
    let wanted = match destroy {
        Destroy::Always => true,
        Destroy::Never => false,
        Destroy::OnSuccess => ended.is_ok(),
    };
    // What went wrong first is what is told; a removal that fails after it is told as well.
    match (ended, if wanted && cleans { remove() } else { Ok(()) }) {
        (Err(mut first), Err(second)) => {
            first.diagnostics.extend(second.diagnostics);
            Err(first)
        }
        (ended, removed) => ended.and(removed),
    }
}

fn login(lab: &Lab<'_>, name: &str, command: &[String]) -> Result<i32, Failure> {
    let objects = lab.objects().map_err(failed)?;
    let nodes = lab.nodes(&objects).map_err(failed)?;
    let node = lab.node(&nodes, name).map_err(failed)?;
    let reached = lab.reached(std::slice::from_ref(node), &objects).map_err(failed)?;
    let Some(reached) = reached.first() else { return Ok(exit::ERROR) };
    let terminal = io::stdin().is_terminal() && io::stdout().is_terminal();
    let mut program = match &reached.way {
        Way::Docker { container, engine } => {
            let mut program = std::process::Command::new("docker");
            if let Some(engine) = engine {
                program.args(["-H", engine]);
            }
            program.args(["exec", if terminal { "-it" } else { "-i" }, "-u", &reached.user, container]);
            if command.is_empty() {
                program.args(["sh", "-c", "command -v bash >/dev/null && exec bash -l; exec sh -l"]);
            } else {
                program.args(command);
            }
            program
        }
        Way::Ssh { .. } => {
            // With the jumps: all nodes are in it.
            let all = lab.reached(&nodes, &objects).map_err(failed)?;
            let (_, config) = lab.handoff(&all, Spelling::New).map_err(failed)?;
            let mut program = std::process::Command::new("ssh");
            program.arg("-F").arg(config).arg(name).args(command);
            program
        }
    };
    let error = program.exec();
    let text = format!("could not start {}: {error}", program.get_program().to_string_lossy());
    Err(Failure::error(Diagnostic::error(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_laid_over_the_file() {
        let sources = Arc::new(Sources::new());
        let node = laid_over("types.compute.memory=4G", &sources).unwrap();
        let value = node.get("types").and_then(|types| types.get("compute")).and_then(|node| node.get("memory"));
        assert_eq!(value.and_then(rplay_yaml::Node::raw), Some("4G"));
        let node = laid_over("nodes.web={count: 2}", &sources).unwrap();
        assert_eq!(node.get("nodes").and_then(|nodes| nodes.get("web")?.get("count")?.as_int()), Some(2));
        for wrong in ["types", "=4", "a..b=1"] {
            assert_eq!(laid_over(wrong, &sources).unwrap_err().code, exit::OPTIONS, "{wrong}");
        }
    }
}
