//! Handlers: who listens to what, and on which hosts each still has to run.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::iterate::Notified;
use crate::plan::{Step, StepId};

/// The handlers of a play in the order in which they run.
#[derive(Debug, Default)]
pub(crate) struct Handlers {
    list: Arc<Vec<Arc<Step>>>,
    /// Where each section begins: the play's own handlers, each role's, each include's.
    sections: Vec<usize>,
    notified: Notified,
    /// What each topic means; made anew when handlers are added.
    topics: Option<HashMap<Arc<str>, Vec<usize>>>,
}

/// A handler's names and topics after rendering.
#[derive(Debug, Default)]
pub(crate) struct HandlerNames {
    /// The name alone, with its role, and with its role's collection.
    pub(crate) names: Vec<String>,
    /// What it listens to.
    pub(crate) listen: Vec<String>,
}

impl Handlers {
    pub(crate) fn new(list: Vec<Arc<Step>>) -> Self {
        let mut this = Self::default();
        this.add(list);
        this
    }

    pub(crate) fn list(&self) -> &Arc<Vec<Arc<Step>>> {
        &self.list
    }

    pub(crate) fn notified(&self) -> &Notified {
        &self.notified
    }

    /// Adds the handlers of a role that was included.
    pub(crate) fn add(&mut self, steps: Vec<Arc<Step>>) {
        if !steps.is_empty() {
            let mut role = None;
            for (index, step) in steps.iter().enumerate() {
                let own = Some(step.role.as_ref().map(|role| role.identity));
                if own != role {
                    self.sections.push(self.list.len() + index);
                    role = own;
                }
            }
            Arc::make_mut(&mut self.list).extend(steps);
            self.topics = None;
        }
    }

    /// The handlers a notification means: of equal names the one of the last section, there the first; and every handler
    /// that listens to it (of those with one name again one). As ansible-core 2.19.
    pub(crate) fn find(&mut self, topic: &str, name: impl FnMut(&Step) -> Option<HandlerNames>) -> Vec<Arc<Step>> {
        let topics = self.topics.get_or_insert_with(|| topics(&self.list, &self.sections, name));
        let found = topics.get(topic).map(Vec::as_slice).unwrap_or_default();
        found.iter().map(|index| Arc::clone(&self.list[*index])).collect()
    }

    /// Every name and topic that can be notified, once asked for.
    pub(crate) fn names(&self) -> Vec<Arc<str>> {
        self.topics.iter().flat_map(HashMap::keys).cloned().collect()
    }

    /// Notes that a handler has to run on a host. False when it had to already.
    pub(crate) fn notify(&mut self, step: StepId, host: &Arc<str>) -> bool {
        self.notified.entry(step).or_default().insert(Arc::clone(host))
    }

    /// The handler starts on the host.
    pub(crate) fn started(&mut self, step: StepId, host: &str) {
        if let Some(hosts) = self.notified.get_mut(&step) {
            hosts.remove(host);
        }
    }

    /// The handler starts once for all hosts.
    pub(crate) fn started_once(&mut self, step: StepId) {
        self.notified.remove(&step);
    }
}

fn topics(
    list: &[Arc<Step>],
    sections: &[usize],
    mut name: impl FnMut(&Step) -> Option<HandlerNames>,
) -> HashMap<Arc<str>, Vec<usize>> {
    let names: Vec<Option<HandlerNames>> = list.iter().map(|step| name(step)).collect();
    let mut topics: HashMap<Arc<str>, Vec<usize>> = HashMap::new();
    let mut end = list.len();
    let mut order = Vec::with_capacity(end);
    for start in sections.iter().rev() {
        order.extend(*start..end);
        end = *start;
    }
    let mut taken = HashSet::new();
    for index in order.iter().copied() {
        for name in names[index].iter().flat_map(|names| &names.names) {
            if taken.insert(name.as_str()) {
                topics.entry(Arc::from(name.as_str())).or_default().push(index);
            }
        }
    }
    let mut listening = HashSet::new();
    for index in order {
        let Some(names) = &names[index] else { continue };
        for topic in &names.listen {
            let own = names.names.first().map_or("", String::as_str);
            if !own.is_empty() && !listening.insert((topic.as_str(), own)) {
                continue;
            }
            let found = topics.entry(Arc::from(topic.as_str())).or_default();
            if !found.contains(&index) {
                found.push(index);
            }
        }
    }
    topics
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Level, Planner, StepKind};

    #[test]
    fn the_first_of_a_name_in_a_section_wins_and_all_listeners_are_found() {
        let planner = Planner::default();
        let level = Level::play(Arc::default());
        let steps: Vec<_> = (0..4).map(|_| planner.step(StepKind::Noop, &level, None)).collect();
        let ids: Vec<_> = steps.iter().map(|step| step.id).collect();
        let table = [("a", vec![]), ("a", vec![]), ("b", vec!["t"]), ("c", vec!["t", "a"])];
        let mut handlers = Handlers::new(steps);
        let mut find = |topic: &str| -> Vec<usize> {
            let found = handlers.find(topic, |step| {
                let (name, listen) = &table[ids.iter().position(|id| *id == step.id)?];
                Some(HandlerNames {
                    names: vec![(*name).to_owned()],
                    listen: listen.iter().map(|l| (*l).to_owned()).collect(),
                })
            });
            found.iter().filter_map(|step| ids.iter().position(|id| *id == step.id)).collect()
        };
        assert_eq!(find("a"), [0, 3]);
        assert_eq!(find("t"), [2, 3]);
        assert!(find("zzz").is_empty());
    }
}
