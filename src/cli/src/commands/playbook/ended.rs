//! The run itself until it ends: well, badly, or interrupted.

use std::path::PathBuf;

use rplay_engine::{EngineError, Run, RunOutcome};
use rplay_event::Emitter;
use rplay_playbook::AdHoc;

use super::{Hearing, Work};

/// How a run ended.
pub(super) enum Ended {
    Done(RunOutcome),
    Interrupted,
    Error(Box<EngineError>),
}

/// Runs what is to be run; connections are ended either way.
pub(super) async fn ended(mut run: Run, work: &Work, paths: &[PathBuf], emitter: &Emitter, hearing: &Hearing) -> Ended {
    match work {
        Work::Playbooks => playbooks(run, paths, hearing).await,
        Work::AdHoc(asked) => adhoc(run, &asked.task).await,
        Work::Console(console) => {
            run.begin(&[]);
            console.session(&mut run, emitter).await;
            run.end(RunOutcome::Ok).await;
            Ended::Done(RunOutcome::Ok)
        }
    }
}

async fn adhoc(mut run: Run, task: &AdHoc) -> Ended {
    run.begin(&[]);
    let ended = tokio::select! {
        ended = run.adhoc(task) => ended.map_or_else(|error| Ended::Error(Box::new(error)), Ended::Done),
        _ = tokio::signal::ctrl_c() => Ended::Interrupted,
    };
    run.end(ended.outcome()).await;
    ended
}

impl Ended {
    fn outcome(&self) -> RunOutcome {
        match self {
            Self::Done(outcome) => *outcome,
            _ => RunOutcome::Failed,
        }
    }
}

/// Runs playbooks until one does not end well or the user interrupts; connections are ended either way.
async fn playbooks(mut run: Run, paths: &[PathBuf], hearing: &Hearing) -> Ended {
    run.begin(paths);
    let all = async {
        let mut outcome = RunOutcome::Ok;
        for path in paths {
            outcome = run.playbook(path).await?;
            if outcome != RunOutcome::Ok {
                break;
            }
        }
        Ok::<_, EngineError>(outcome)
    };
    let ended = tokio::select! {
        ended = all => ended.map_or_else(|error| Ended::Error(Box::new(error)), Ended::Done),
        () = hearing.ended() => Ended::Interrupted,
    };
    match &ended {
        Ended::Done(outcome) => run.conclude(*outcome),
        Ended::Error(_) => run.conclude(RunOutcome::Failed),
        Ended::Interrupted => {}
    }
    run.end(ended.outcome()).await;
    ended
}
