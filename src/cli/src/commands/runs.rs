//! `rplay runs`: the runs that have a journal.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use rplay_diag::{Diagnose as _, Diagnostic, Sources};
use rplay_journal::{Run, RunState, Runs};
use serde::Serialize;

use crate::failure::{Failure, conclude};
use crate::journal;
use crate::settings::Settings;

/// List runs, newest last: `rplay resume` goes on with those that failed or were interrupted.
#[derive(Args, Clone, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Options {
    #[command(subcommand)]
    action: Option<Action>,

    /// Print JSON
    #[arg(long, global = true)]
    json: bool,

    /// The folder of journals
    #[arg(long, value_name = "DIR", global = true)]
    journal_dir: Option<PathBuf>,
}

#[derive(Subcommand, Clone, Debug)]
enum Action {
    /// Show what the journal of a run says
    Show {
        /// The run, or the start of its name; the last one that did not end well when it is left out
        run: Option<String>,
    },
    /// Remove journals
    Rm {
        /// The runs, or the starts of their names
        #[arg(required = true)]
        runs: Vec<String>,
    },
    /// Remove the oldest journals
    Prune {
        /// How many to keep; the setting `journal_keep` when it is left out
        #[arg(long)]
        keep: Option<usize>,
    },
}

/// Runs the command; the value is the exit code.
pub(crate) fn run(options: &Options) -> i32 {
    let sources = Sources::new();
    conclude(answer(options, &sources), &sources)
}

fn answer(options: &Options, sources: &Sources) -> Result<String, Failure> {
    let settings = Settings::load(sources, &|name| std::env::var(name).ok())
        .map_err(|error| Failure::error(error.diagnostic()))?;
    let runs = journal::runs(options.journal_dir.as_deref(), &settings);
    let failed = |error: rplay_journal::JournalError| Failure::error(error.diagnostic());
    match &options.action {
        None => list(&runs, options.json),
        Some(Action::Show { run }) => {
            let run = Run::read(&runs.find(run.as_deref()).map_err(failed)?).map_err(failed)?;
            if options.json { json(&run) } else { Ok(shown(&run)) }
        }
        Some(Action::Rm { runs: names }) => {
            let paths =
                names.iter().map(|name| runs.find(Some(name))).collect::<Result<Vec<_>, _>>().map_err(failed)?;
            for path in &paths {
                runs.remove(path).map_err(failed)?;
            }
            removed(
                &paths.iter().filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned())).collect::<Vec<_>>(),
                options.json,
            )
        }
        Some(Action::Prune { keep }) => {
            let runs = match keep {
                Some(0) => {
                    let error = Diagnostic::error("--keep must be at least 1");
                    return Err(Failure::options(error.hint("`rplay runs rm RUN` removes single ones")));
                }
                Some(keep) => Runs::new(runs.folder(), *keep),
                None => runs,
            };
            removed(&runs.prune(), options.json)
        }
    }
}

fn json(value: &impl Serialize) -> Result<String, Failure> {
    let text =
        serde_json::to_string_pretty(value).map_err(|error| Failure::error(Diagnostic::error(error.to_string())));
    text.map(|text| text + "\n")
}

fn removed(ids: &[String], as_json: bool) -> Result<String, Failure> {
    if as_json {
        return json(&serde_json::json!({ "removed": ids }));
    }
    Ok(ids.iter().fold(String::new(), |all, id| all + &format!("removed {id}\n")))
}

fn word(state: RunState) -> &'static str {
    match state {
        RunState::Running => "running",
        RunState::Finished => "finished",
        RunState::Failed => "failed",
        RunState::Interrupted => "interrupted",
    }
}

fn list(runs: &Runs, as_json: bool) -> Result<String, Failure> {
    let mut all = Vec::new();
    for id in runs.ids() {
        match runs.find(Some(&id)).and_then(|path| Run::read(&path)) {
            Ok(run) => all.push(run),
            Err(error) => crate::vault::warn(&error.to_string()),
        }
    }
    if as_json {
        return json(&all);
    }
    if all.is_empty() {
        return Ok(format!("There are no runs in {}.\n", runs.folder().display()));
    }
    let rows = all.iter().map(|run| {
        [
            run.head.id.clone(),
            local(run.head.started),
            word(run.state).to_owned(),
            run.hosts.len().to_string(),
            run.head.playbooks.join(" "),
            run.last_task.clone().unwrap_or_default(),
        ]
    });
    let head = ["RUN", "STARTED", "STATE", "HOSTS", "PLAYBOOK", "LAST TASK"].map(str::to_owned);
    let rows: Vec<[String; 6]> = std::iter::once(head).chain(rows).collect();
    let mut out = String::new();
    for row in &rows {
        for (column, cell) in row.iter().enumerate() {
            let width = rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
            out.push_str(&format!("{cell:width$}  "));
        }
        out.truncate(out.trim_end().len());
        out.push('\n');
    }
    Ok(out)
}

fn local(moment: jiff::Timestamp) -> String {
    moment.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

fn shown(run: &Run) -> String {
    let mut lines = vec![
        ("run", run.head.id.clone()),
        ("state", word(run.state).to_owned()),
        ("playbooks", run.head.playbooks.join(" ")),
        ("folder", run.head.dir.clone()),
        ("started", local(run.head.started)),
    ];
    lines.extend(run.resumed.iter().map(|at| ("resumed", local(*at))));
    lines.extend(run.ended.map(|at| ("ended", local(at))));
    lines.extend(run.exit.map(|code| ("exit code", code.to_string())));
    lines.push(("results", run.results.to_string()));
    lines.extend(run.last_play.clone().map(|play| ("last play", play)));
    if let (Some(task), Some(place)) = (&run.last_task, &run.last_place) {
        lines.push(("last task", format!("{task} ({place})")));
    }
    if !run.head.withheld.is_empty() {
        lines.push(("not kept", run.head.withheld.join(" ")));
    }
    lines.push(("hosts", run.hosts.iter().cloned().collect::<Vec<_>>().join(" ")));
    if let Some(recap) = &run.recap {
        for (host, counts) in &recap.hosts {
            let text = format!(
                "{host}: ok={} changed={} unreachable={} failed={} skipped={} rescued={} ignored={}",
                counts.ok,
                counts.changed,
                counts.unreachable,
                counts.failed,
                counts.skipped,
                counts.rescued,
                counts.ignored
            );
            lines.push(("recap", text));
        }
    }
    lines.into_iter().fold(String::new(), |all, (name, value)| all + &format!("{name:<10} {value}\n"))
}
