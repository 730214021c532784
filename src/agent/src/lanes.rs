//! Threads for calls: calls of one lane one after the other, lanes side by side.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

type Job = Box<dyn FnOnce() + Send>;

/// Lanes and the threads that work on them. Threads are kept: the next call needs none to be made.
#[derive(Clone, Default)]
pub(crate) struct Lanes(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    ready: Condvar,
}

#[derive(Default)]
struct State {
    /// What each lane still has to do. A lane that is listed has a thread or is in `ready`.
    lanes: HashMap<u64, VecDeque<Job>>,
    ready: VecDeque<u64>,
    idle: usize,
}

impl Lanes {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a job.
    pub(crate) fn add(&self, lane: u64, job: impl FnOnce() + Send + 'static) {
        let mut state = self.state();
        if let Some(jobs) = state.lanes.get_mut(&lane) {
            jobs.push_back(Box::new(job));
            return;
        }
        state.lanes.insert(lane, VecDeque::from([Box::new(job) as Job]));
        state.ready.push_back(lane);
        if state.idle >= state.ready.len() {
            self.0.ready.notify_one();
        } else {
            let lanes = self.clone();
            std::thread::spawn(move || lanes.work());
        }
    }

    fn work(&self) {
        let mut state = self.state();
        loop {
            let Some(lane) = state.ready.pop_front() else {
                state.idle += 1;
                state = self.0.ready.wait(state).unwrap_or_else(PoisonError::into_inner);
                state.idle -= 1;
                continue;
            };
            while let Some(job) = state.lanes.get_mut(&lane).and_then(VecDeque::pop_front) {
                drop(state);
                job();
                state = self.state();
            }
            state.lanes.remove(&lane);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_lane_keeps_its_order_and_lanes_do_not_wait_for_one_another() {
        let lanes = Lanes::default();
        let (sender, done) = mpsc::channel();
        let (release, held) = mpsc::channel::<()>();
        lanes.add(1, move || held.recv().unwrap());
        for n in 0..50 {
            for lane in [1, 2] {
                let sender = sender.clone();
                lanes.add(lane, move || sender.send((lane, n)).unwrap());
            }
        }
        let second: Vec<_> = (0..50).map(|_| done.recv_timeout(Duration::from_secs(10)).unwrap()).collect();
        assert_eq!(second, (0..50).map(|n| (2, n)).collect::<Vec<_>>());
        assert!(done.try_recv().is_err());
        release.send(()).unwrap();
        let first: Vec<_> = (0..50).map(|_| done.recv_timeout(Duration::from_secs(10)).unwrap()).collect();
        assert_eq!(first, (0..50).map(|n| (1, n)).collect::<Vec<_>>());
    }

    #[test]
    fn many_lanes_at_once_all_run() {
        let lanes = Lanes::default();
        let barrier = Arc::new(std::sync::Barrier::new(20));
        let (sender, done) = mpsc::channel();
        for lane in 0..20 {
            let (barrier, sender) = (Arc::clone(&barrier), sender.clone());
            lanes.add(lane, move || {
                barrier.wait();
                sender.send(lane).unwrap();
            });
        }
        let mut ran: Vec<_> = (0..20).map(|_| done.recv_timeout(Duration::from_secs(10)).unwrap()).collect();
        ran.sort_unstable();
        assert_eq!(ran, (0..20).collect::<Vec<_>>());
    }
}
