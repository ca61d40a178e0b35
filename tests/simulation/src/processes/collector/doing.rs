//! What partitions want done, and what they count: each thing done may be the last of a life.

use collector::{Fact, Output, Source, ledger::Action};

use super::Collector;
use crate::{
    log::Topic,
    net::{Item, Net, Question, brief},
    sights::Sight,
    story::TakenOver,
};

// === impl Collector ===

impl Collector {
    /// Does what the partitions want done, in their order; it may die between any two things.
    pub(super) fn perform(&mut self, net: &mut Net) {
        let indices: Vec<i32> = self.seats.keys().copied().collect();
        for index in indices {
            while let Some(output) = self.seats.get_mut(&index).and_then(|seat| seat.partition.poll_output()) {
                if !matches!(output, Output::Tell(_)) && self.burns(net) {
                    return;
                }
                self.act(net, index, output);
            }
        }
    }

    fn act(&mut self, net: &mut Net, index: i32, output: Output) {
        match output {
            Output::Tell(fact) => self.count(net, index, &fact),
            Output::WriteTally(tally) => net.send(self.who, (Topic::Control, 0), tally.encode(), Item::Nothing),
            Output::WriteDeadLetter(source, offset, record) => {
                net.send(self.who, (Topic::DeadLetters, index), record, Item::DeadLetter(index, source, offset));
            }
            Output::Act(action) => self.act_on(net, index, action),
        }
    }

    fn act_on(&mut self, net: &mut Net, index: i32, action: Action) {
        let who = self.who;
        net.tell(|| match &action {
            Action::WriteResult(request, ..) => {
                format!("{who:?} {index}: writes the result of {}", brief(request))
            }
            other => format!("{who:?} {index}: {other:?}"),
        });
        let Some(seat) = self.seats.get_mut(&index) else { return };
        match action {
            Action::Survey(number) => {
                let spans = collector::ledger::Spans::default();
                net.ask(Question { by: who, partition: index, number, spans, step: 0, first: 0 });
            }
            Action::ReadResults(from) | Action::FollowResults(from) => drop(seat.at.insert(Source::Results, from)),
            Action::Replay { requests, responses } => {
                seat.at.insert(Source::Responses, responses);
                if self.member.is_some() {
                    seat.at.insert(Source::Requests, requests);
                }
            }
            Action::Halt => {
                seat.at.remove(&Source::Requests);
                seat.at.remove(&Source::Responses);
            }
            Action::WriteFence(fence) => {
                net.send(who, (Topic::Results, index), fence.encode(), Item::Fence(index, fence.0));
            }
            Action::WriteResult(request, by, record) => {
                net.send(who, (Topic::Results, index), record, Item::Result(index, request, by));
            }
        }
    }

    fn count(&self, net: &mut Net, index: i32, fact: &Fact) {
        net.tell(|| format!("{:?} {index}: {fact:?}", self.who));
        match fact {
            Fact::TakenOver => {
                let responses_end = net.logs.span(Topic::Responses, index).end;
                let by = net.logs.entries(Topic::Results, index).filter(|(_, entry)| entry.by == self.who);
                let fences = by.filter_map(|(_, entry)| match wire::Envelope::decode(&entry.record) {
                    Ok(wire::Envelope::Fence(fence)) => Some(fence.0),
                    _ => None,
                });
                if let Some(fencing) = fences.last() {
                    if net.takeovers.iter().any(|earlier| earlier.partition == index) {
                        net.saw(Sight::TakeOver);
                    }
                    net.takeovers.push(TakenOver { who: self.who, partition: index, fencing, responses_end });
                }
            }
            Fact::HandedOver => net.saw(Sight::HandedOver),
            Fact::FencedOff => net.saw(Sight::FencedOff),
            Fact::Copy => net.saw(Sight::RequestCopy),
            Fact::Late => net.saw(Sight::LateResponse),
            Fact::Ignored(policies::Heard::Uninvited) => net.saw(Sight::Uninvited),
            Fact::Ignored(policies::Heard::Unawaited) => net.saw(Sight::Unawaited),
            Fact::Ignored(_) => net.saw(Sight::SecondAnswer),
            Fact::DeadLettered => net.saw(Sight::DeadLetter),
            Fact::WrittenAgain(_) => net.saw(Sight::WrittenAgain),
            Fact::Shrunk => net.saw(Sight::Shrunk),
            Fact::Parked => net.saw(Sight::Parked),
            _ => {}
        }
    }
}
