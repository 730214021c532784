//! `rplay scenario`: nodes, what is deployed on them, whether it works, and their removal.

mod convert;
mod forward;
mod gc;
mod graph;
mod init;
mod junit;
mod logs;
mod plan;
mod progress;
mod record;
mod report;
mod show;
mod told;

use std::io::{self, IsTerminal as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{ArgAction, Args, Subcommand, ValueEnum};
use rplay_diag::{Diagnose as _, Diagnostic, Sources};
use rplay_scenario::handoff::{Spelling, Way};
use rplay_scenario::lab::{Choice, Lab, LabError, Level, Parts};
use rplay_scenario::provider::Object;
use rplay_scenario::topology::{Counts, Known};
use rplay_scenario::{Scenario, ScenarioError};

use crate::exit;
use crate::failure::Failure;
use record::Printer;
use told::{InProcess, Output, print};

/// Options of `rplay scenario`.
#[derive(Args, Debug)]
#[command(
    after_help = "Ends with 0 when all went well, with 1 when something is missing on this machine or a daemon refuses, with 2 \
                  when a stage, a check or idempotence failed, with 3 when \
                  only logs could not be collected, with 4 when a scenario file is wrong, with 5 for options \
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
    /// Write a report of all steps to this HTML file
    #[arg(long, value_name = "FILE", global = true)]
    report: Option<PathBuf>,
    /// Where logs of the nodes go when something fails, instead of ~/.cache/rplay/scenario-logs/NAME
    #[arg(long, value_name = "DIR", global = true)]
    logs: Option<PathBuf>,
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
    /// Only stages that have not run, or whose inputs or needs have changed since
    #[arg(long)]
    needed: bool,
    /// Keep the disks of all nodes after each stage, under its name
    #[arg(long)]
    snapshot: bool,
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
            needed: self.needed,
            snapshot: self.snapshot,
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

/// What is done to nodes' power.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Power {
    /// Start it
    On,
    /// Take its power
    Off,
    /// Ask it to end
    Shutdown,
    /// Start it anew
    Reset,
    /// Let it stand still
    Pause,
    /// Let it go on
    Resume,
}

impl From<Power> for rplay_scenario::lab::Power {
    fn from(power: Power) -> Self {
        match power {
            Power::On => Self::On,
            Power::Off => Self::Off,
            Power::Shutdown => Self::Shutdown,
            Power::Reset => Self::Reset,
            Power::Pause => Self::Pause,
            Power::Resume => Self::Resume,
        }
    }
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
        /// List labs that were made instead
        #[arg(long)]
        labs: bool,
    },
    /// Print networks with their nodes, and stages with what they need
    Graph {
        #[command(flatten)]
        named: Named,
        /// A picture instead of text
        #[arg(long)]
        svg: bool,
    },
    /// Write a scenario to start from
    Init {
        /// Its folder, which is made
        folder: PathBuf,
        /// What it begins as
        #[arg(long, value_enum, default_value = "web")]
        template: init::Template,
    },
    /// Print what would be made and run, why, how long it takes and what it needs
    Plan {
        /// Stages, in any order; all by default when there is none
        #[arg(value_name = "STAGE")]
        stages: Vec<String>,
        #[command(flatten)]
        order: Order,
    },
    /// Make networks, images and nodes: what is there and as asked for stays as it is
    Create {
        #[command(flatten)]
        named: Named,
        /// Only these
        #[arg(long, value_enum)]
        only: Option<Only>,
    },
    /// Make what is missing and run all default stages
    Converge {
        #[command(flatten)]
        named: Named,
        #[command(flatten)]
        order: Order,
    },
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
        /// How much
        #[arg(long, value_enum, default_value = "all")]
        level: Teardown,
        /// Only nodes that this pattern means
        #[arg(long, value_name = "PATTERN")]
        hosts: Option<String>,
        /// Do not ask
        #[arg(short = 'y', long)]
        yes: bool,
    },
    /// Print what is there, and which stages have run
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
    /// Switch nodes on or off, as by their buttons
    Power {
        /// What is done
        #[arg(value_enum)]
        action: Power,
        /// The nodes; all when there is none
        #[arg(value_name = "NODE")]
        nodes: Vec<String>,
    },
    /// Print what a node has written to its console
    Console {
        /// The node
        node: String,
    },
    /// Collect consoles and journals of all nodes as files, and look for panics and for processes that ran out of memory
    Logs(Named),
    /// Make ports of a node ports of this machine, until Ctrl-C
    Forward {
        /// The node
        node: String,
        /// Ports, as [HERE:]THERE
        #[arg(value_name = "PORT")]
        ports: Vec<String>,
        /// A SOCKS proxy at this port that speaks from the node
        #[arg(long, value_name = "PORT")]
        socks: Option<u16>,
    },
    /// Keep the disks of all nodes under a name; without one, list the names
    Snapshot {
        /// The name
        name: Option<String>,
    },
    /// Put the disks of all nodes back to what was kept
    Back {
        /// The name
        name: String,
    },
    /// Say how long a lab is kept; afterwards nobody owns it
    Keep {
        #[command(flatten)]
        named: Named,
        /// From now, as 90m or 8h; without it, until it is removed
        #[arg(long = "for", value_name = "TIME")]
        time: Option<String>,
    },
    /// Remove what no scenario owns any more, after showing it
    Gc {
        /// Only what is left of these scenarios; also of those that are not known here
        #[arg(value_name = "SCENARIO")]
        names: Vec<String>,
        /// Also cached images that nothing begins as
        #[arg(long)]
        images: bool,
        /// Do not ask
        #[arg(short = 'y', long)]
        yes: bool,
    },
    /// Print the scenario that files of another tool describe
    Convert {
        #[command(subcommand)]
        from: convert::From,
    },
    /// Write the scenario, its nodes as they are and the lab's files to an archive
    Export {
        /// The archive
        file: PathBuf,
    },
    /// Make the lab of an archive again
    Import {
        /// The archive
        file: PathBuf,
        /// Folder of the scenario, which is made
        into: PathBuf,
    },
}

/// What `create` is limited to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Only {
    /// Networks and links
    Networks,
    /// Networks and images
    Images,
}

/// How much `destroy` removes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Teardown {
    /// Nothing
    None,
    /// Nodes with their volumes and snapshots; networks, keys and outputs stay
    Nodes,
    /// Everything
    #[value(alias = "virthost")]
    All,
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
        Action::List { labs: true, .. } => return Ok(show::labs()),
        Action::List { folder, labs: false } => return show::list(folder, sources),
        Action::Init { folder, template } => return init::init(folder, *template),
        Action::Gc { names, images, yes } => {
            return gc::gc(names, *images, *yes).map(|()| exit::OK).map_err(failed);
        }
        Action::Convert { from } => return convert::convert(from, sources),
        Action::Import { file, into } => return import(common, file, into, sources),
        Action::Check(named)
        | Action::Graph { named, .. }
        | Action::Create { named, .. }
        | Action::Converge { named, .. }
        | Action::Keep { named, .. }
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
        Action::Graph { svg, .. } => {
            let nodes =
                scenario.topology(&counts, &Known::new()).map_err(|error| Failure::options(error.diagnostic()))?;
            let draw = if *svg { graph::svg } else { graph::text };
            print(&draw(&scenario, &nodes));
            return Ok(exit::OK);
        }
        _ => {}
    }
    let printer = Printer::new(common.output);
    let runs = InProcess { output: common.output, verbose: common.verbose, extra_vars: common.extra_vars.clone() };
    let lab = Lab::open(&scenario, counts, common.folder.as_deref(), &printer, &runs).map_err(failed)?;
    let mut ended = in_lab(&options.action, common, &lab);
    // A test has collected its logs before it removed its nodes.
    if let Err(failure) = &mut ended
        && !matches!(
            options.action,
            Action::Test { .. } | Action::Logs(_) | Action::Destroy { .. } | Action::Plan { .. }
        )
    {
        logs::after(&lab, common.logs.as_deref(), failure);
    }
    recorded(common, &scenario, &printer, &ended)?;
    ended
}

/// Writes what is made of the records in the end.
fn recorded(
    common: &Common,
    scenario: &Scenario,
    printer: &Printer,
    ended: &Result<i32, Failure>,
) -> Result<(), Failure> {
    let code = ended.as_ref().map_or_else(|failure| failure.code, |code| *code);
    if common.output == Output::Junit {
        print(&junit::report(&scenario.name, &printer.records()));
    }
    if let Some(path) = &common.report {
        let page = report::html(&scenario.name, scenario.description.as_deref(), &printer.records(), code);
        fs_err::write(path, page).map_err(|error| Failure::error(Diagnostic::error(error.to_string())))?;
    }
    Ok(())
}

/// Makes the lab of an archive.
fn import(common: &Common, file: &Path, into: &Path, sources: &Arc<Sources>) -> Result<i32, Failure> {
    let io = |error: io::Error| Failure::error(Diagnostic::error(error.to_string()));
    let cache = rplay_scenario::folder::cache();
    fs_err::create_dir_all(&cache).map_err(io)?;
    let scratch = tempfile::tempdir_in(&cache).map_err(io)?;
    let lab = |name: &str| common.folder.clone().unwrap_or_else(|| cache.join("scenario").join(name));
    let unpacked = rplay_scenario::lab::unpack(file, into, scratch.path(), lab).map_err(failed)?;
    let scenario = load(common, Some(&unpacked.scenario), sources)?;
    let printer = Printer::new(common.output);
    let runs = InProcess { output: common.output, verbose: common.verbose, extra_vars: common.extra_vars.clone() };
    let mut counts = Counts::default();
    for text in &common.nodes {
        counts.add(text).map_err(|error| Failure::options(error.diagnostic()))?;
    }
    let lab = Lab::open(&scenario, counts, common.folder.as_deref(), &printer, &runs).map_err(failed)?;
    lab.import(&unpacked).map_err(failed)?;
    print(&format!("{}\n", unpacked.scenario.display()));
    Ok(exit::OK)
}

fn in_lab(action: &Action, common: &Common, lab: &Lab<'_>) -> Result<i32, Failure> {
    let human = common.output == Output::Human;
    match action {
        Action::Plan { stages, order } => {
            let (text, fits) = plan::plan(lab, &order.choice(stages)).map_err(failed)?;
            print(&text);
            fits.map_err(failed)?;
        }
        Action::Create { only, .. } => {
            let parts = match only {
                Some(Only::Networks) => Parts::Networks,
                Some(Only::Images) => Parts::Images,
                None => Parts::All,
            };
            let created = lab.create(parts).map_err(failed)?;
            if human {
                print(&match created.changed {
                    0 => format!("nothing to do: all {} networks and nodes are as asked for\n", created.same),
                    changed => format!("{changed} made, {} as they were\n", created.same),
                });
            }
        }
        Action::Converge { order, .. } => lab.run(&order.choice(&[])).map_err(failed)?,
        Action::Run { stages, order } => lab.run(&order.choice(stages)).map_err(failed)?,
        Action::Verify { check, .. } => lab.verify(check).map_err(failed)?,
        Action::Idempotence(_) => idempotence(lab)?,
        Action::SideEffect { fault, .. } => lab.side_effect(fault).map_err(failed)?,
        Action::Test { destroy, .. } => test(lab, *destroy, common.logs.as_deref())?,
        Action::Destroy { yes, level, hosts, .. } => {
            let level = match level {
                Teardown::None => Level::None,
                Teardown::Nodes => Level::Nodes,
                Teardown::All => Level::All,
            };
            let folder = level == Level::All && hosts.is_none();
            let removed = lab
                .destroy(level, hosts.as_deref(), |objects| {
                    agreed(objects, *yes, folder.then(|| lab.folder.path()), human)
                })
                .map_err(failed)?;
            if human {
                print(&format!("{removed} removed\n"));
            }
        }
        Action::Status(_) => {
            let objects = lab.objects().map_err(failed)?;
            let nodes = lab.nodes(&objects).map_err(failed)?;
            let there: Vec<Object> = objects.into_iter().map(|(object, _)| object).collect();
            print(&show::status(lab, &nodes, &there, common.output));
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
        Action::Power { action, nodes } => lab.power(nodes, (*action).into()).map_err(failed)?,
        Action::Console { node } => {
            let text = lab.console(node).map_err(failed)?;
            // A reader that went away (`| head`) has what it wanted.
            let _ = io::stdout().lock().write_all(&text);
        }
        Action::Logs(_) => return logs::logs(lab, common.logs.as_deref()).map_err(failed),
        Action::Forward { node, ports, socks } => forward::forward(lab, node, ports, *socks).map_err(failed)?,
        Action::Snapshot { name: Some(name) } => lab.snapshots(name, false).map_err(failed)?,
        Action::Snapshot { name: None } => {
            lab.kept().map_err(failed)?.iter().for_each(|name| print(&format!("{name}\n")));
        }
        Action::Keep { time, .. } => {
            let read = |text: &String| {
                rplay_scenario::units::time(text).ok_or_else(|| {
                    let error = Diagnostic::error(format!("`{text}` is no time"));
                    Failure::options(error.hint("write as in --for 8h"))
                })
            };
            lab.keep_for(time.as_ref().map(read).transpose()?).map_err(failed)?;
        }
        Action::Export { file } => {
            lab.export(file).map_err(failed)?;
            print(&format!("{}\n", file.display()));
        }
        Action::Back { name } => lab.snapshots(name, true).map_err(failed)?,
        Action::Check(_)
        | Action::Schema
        | Action::List { .. }
        | Action::Graph { .. }
        | Action::Init { .. }
        | Action::Gc { .. }
        | Action::Convert { .. }
        | Action::Import { .. } => {}
    }
    Ok(exit::OK)
}

fn failed(error: LabError) -> Failure {
    let code = match &error {
        LabError::Interrupted => exit::INTERRUPTED,
        LabError::Collect(_) => exit::COLLECTION,
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
fn agreed(objects: &[Object], yes: bool, folder: Option<&Path>, human: bool) -> Result<bool, LabError> {
    if human || !yes {
        print(&show::going(objects, folder));
    }
    if objects.is_empty() {
        return Ok(true);
    }
    gc::asked(yes, "Remove all of this? [y/N] ")
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

fn test(lab: &Lab<'_>, destroy: Destroy, logs: Option<&Path>) -> Result<(), Failure> {
    let remove = || lab.destroy(Level::All, None, |_| Ok(true)).map(|_| ()).map_err(failed);
    let mut ended = Ok(());
    let cleanup = |step: &String| step == "cleanup";
    for step in lab.scenario.test.iter().filter(|step| !cleanup(step)) {
        ended = match step.as_str() {
            "destroy" => remove(),
            "create" => lab.create(Parts::All).map(|_| ()).map_err(failed),
            "converge" => lab.run(&Choice::default()).map_err(failed),
            "idempotence" => idempotence(lab),
            "side-effect" => lab.side_effect(&[]).map_err(failed),
            "verify" => lab.verify(&[]).map_err(failed),
            // A stage of its own.
            stage => {
                let names = vec![stage.to_owned()];
                lab.run(&Choice { names, only: true, ..Choice::default() }).map_err(failed)
            }
        };
        if ended.is_err() {
            break;
        }
    }
    if let Err(failure) = &mut ended {
        logs::after(lab, logs, failure);
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
