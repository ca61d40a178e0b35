//! A modelled results partition with its owners: sends land late, twice, unseen or never; owners crash and linger.

use std::collections::{HashMap, HashSet};

use bytes::Bytes;
use uuid::Uuid;
use wire::{Envelope, Reading, Record, RequestId, ResultsReader, Timestamp};

use super::super::*;

pub(super) struct World {
    pub(super) results: Vec<Envelope>,
    /// When they were appended: when somebody first read so far.
    appended: Vec<Timestamp>,
    pub(super) requests: i64,
    pub(super) committed: Option<Watermarks>,
    pub(super) owners: Vec<Owner>,
    pub(super) in_flight: Vec<Sending>,
    pub(super) now: Timestamp,
    /// Whether what waits for time goes on waiting: budgets are long.
    pub(super) patient: bool,
    lives: u32,
}

pub(super) struct Owner {
    pub(super) ledger: Ledger,
    pub(super) decided: HashSet<RequestId>,
    /// Read, and to be decided as soon as time may decide.
    waiting: Vec<i64>,
    /// Decided by evidence, and to be written as soon as nobody else can write.
    withheld: Vec<i64>,
    results_at: Option<i64>,
    requests_at: Option<i64>,
    survey: Option<u32>,
    pub(super) life: u32,
}

/// A record on its way into the results.
#[derive(Clone)]
pub(super) struct Sending {
    life: u32,
    pub(super) record: Record,
}

/// How a send ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Lands,
    LandsUnseen,
    Fails,
    LandsTwice,
}

pub(super) fn request(offset: i64) -> RequestId {
    RequestId::from_uuid(Uuid::from_u128(u128::from(offset.unsigned_abs()) + 1))
}

impl World {
    pub(super) fn new(owners: usize, requests: i64) -> Self {
        let (results, appended, in_flight) = (Vec::new(), Vec::new(), Vec::new());
        let now = Timestamp::from_micros(1_000_000_000);
        let mut world = Self {
            results,
            appended,
            requests,
            committed: None,
            owners: Vec::new(),
            in_flight,
            now,
            patient: false,
            lives: 0,
        };
        for _ in 0..owners {
            let owner = world.born();
            world.owners.push(owner);
        }
        (0..owners).for_each(|index| world.pump(index));
        world
    }

    fn born(&mut self) -> Owner {
        self.lives += 1;
        Owner {
            ledger: Ledger::new(self.committed, Uuid::from_u128(u128::from(self.lives) << 96 | 0xabc)),
            decided: HashSet::new(),
            waiting: Vec::new(),
            withheld: Vec::new(),
            results_at: None,
            requests_at: None,
            survey: None,
            life: self.lives,
        }
    }

    /// Lets another owner begin beside those there are.
    pub(super) fn join(&mut self) {
        let owner = self.born();
        self.owners.push(owner);
        self.pump(self.owners.len() - 1);
    }

    /// Lets an owner read all that it waits for before its fence.
    pub(super) fn warm_up(&mut self, index: usize) {
        self.answer_survey(index);
        while self.read_result(index) || self.read_request(index) {}
    }

    /// Kills an owner and starts another in its place; what it sent may still land.
    pub(super) fn restart(&mut self, index: usize) {
        self.owners[index] = self.born();
        self.pump(index);
    }

    pub(super) fn answer_survey(&mut self, index: usize) {
        let spans = Spans { requests: 0..self.requests, responses: 0..0, results: 0..self.end() };
        if let Some(survey) = self.owners[index].survey.take() {
            self.owners[index].ledger.on_spans(survey, &spans);
        }
        self.pass(index);
    }

    /// Lets an owner read the next result; returns whether there was one.
    pub(super) fn read_result(&mut self, index: usize) -> bool {
        let (now, owner) = (self.now, &mut self.owners[index]);
        let Some(at) = owner.results_at else { return false };
        let place = usize::try_from(at).expect("an offset");
        let Some(envelope) = self.results.get(place) else { return false };
        owner.results_at = Some(at + 1);
        self.appended.resize(self.appended.len().max(place + 1), now);
        let appended = self.appended[place];
        match envelope {
            Envelope::Fence(fence) => match owner.ledger.on_fence(*fence, at, appended, now) {
                Fenced::TakenOver => {
                    for offset in std::mem::take(&mut owner.withheld) {
                        decide(owner, offset);
                    }
                }
                Fenced::Lost => {
                    owner.decided.clear();
                    owner.waiting.clear();
                    owner.withheld.clear();
                    owner.survey = None;
                }
                Fenced::Repeated | Fenced::Ignored => {}
            },
            Envelope::Result(result) => {
                let (reading, _) = owner.ledger.on_result(result, at);
                if reading != Reading::Void {
                    owner.on_decided(result.request);
                }
            }
            _ => unreachable!("only fences and results are in the results"),
        }
        self.pass(index);
        true
    }

    /// Lets an owner read the next request; returns whether there was one.
    pub(super) fn read_request(&mut self, index: usize) -> bool {
        let owner = &mut self.owners[index];
        let Some(at) = owner.requests_at.filter(|at| *at < self.requests) else { return false };
        owner.requests_at = Some(at + 1);
        if owner.ledger.on_request(at) && !owner.decided.contains(&request(at)) {
            owner.ledger.hold(at, None);
            owner.waiting.push(at);
        }
        // Evidence decides some at once, even during a replay; the rest waits for time.
        if at % 2 == 1 && owner.waiting.last() == Some(&at) {
            owner.waiting.pop();
            if owner.ledger.owns() { decide(owner, at) } else { owner.withheld.push(at) }
        }
        self.pass(index);
        true
    }

    pub(super) fn end_sending(&mut self, which: usize, fate: Fate) {
        if self.in_flight.is_empty() {
            return;
        }
        let sending = self.in_flight.remove(which % self.in_flight.len());
        if fate != Fate::Fails {
            self.results.push(Envelope::decode(&sending.record).expect("we wrote it"));
        }
        if fate == Fate::LandsTwice {
            self.in_flight.push(sending.clone());
        }
        if fate == Fate::LandsUnseen || fate == Fate::Fails {
            self.report_failure(&sending);
        }
    }

    /// A stranger writes a fence, near the last one or far from it.
    pub(super) fn intrude(&mut self, argument: u8) {
        let last = self.results.iter().rev().find_map(|envelope| match envelope {
            Envelope::Fence(Fence(fencing)) => Some(fencing.epoch),
            _ => None,
        });
        let far = [0, 1, 2, 1 << 40, u64::MAX, 1 << 63, (1 << 63) - 1, 7][usize::from(argument) % 8];
        let epoch = last.unwrap_or(5).wrapping_add(far);
        let instance = Uuid::from_u128(u128::from(argument) + 0xbad_0000);
        self.results.push(Envelope::Fence(Fence(Fencing { epoch, instance })));
    }

    fn report_failure(&mut self, sending: &Sending) {
        let now = self.now;
        let Some(index) = self.owners.iter().position(|owner| owner.life == sending.life) else { return };
        let ledger = &mut self.owners[index].ledger;
        match Envelope::decode(&sending.record).expect("we wrote it") {
            Envelope::Fence(fence) => ledger.on_fence_unwritten(fence.0, now),
            Envelope::Result(result) => {
                let none = ledger.on_result_unwritten(result.request, result.fencing, Unwritten::Uncertain, now);
                assert!(none.is_none(), "only what is too large is made smaller");
            }
            _ => unreachable!("only fences and results are sent"),
        }
        self.pass(index);
    }

    pub(super) fn commit(&mut self, index: usize) {
        let now = self.now;
        if let Some(watermarks) = self.owners[index].ledger.watermarks(None, now) {
            self.check_watermarks(watermarks);
            self.committed = Some(watermarks);
        }
    }

    /// Below the watermark every request has its valid result already.
    fn check_watermarks(&self, watermarks: Watermarks) {
        let valid = self.valid();
        for offset in 0..watermarks.requests {
            assert!(valid.contains_key(&request(offset)), "watermark {watermarks:?} passes request {offset}");
        }
    }

    pub(super) fn advance(&mut self, millis: u64) {
        self.now = self.now.after(Duration::from_millis(millis));
        (0..self.owners.len()).for_each(|index| self.pass(index));
    }

    /// Everything lands, everybody reads on, nobody crashes, for `rounds`.
    pub(super) fn calm(&mut self, rounds: usize) {
        for _ in 0..rounds {
            self.advance(100);
            for index in 0..self.owners.len() {
                self.answer_survey(index);
                while self.read_result(index) {}
                while self.read_request(index) {}
            }
            while !self.in_flight.is_empty() {
                self.end_sending(0, Fate::Lands);
            }
        }
    }

    /// Reads all results by the rule: the valid ones, each request's first.
    pub(super) fn valid(&self) -> HashMap<RequestId, Bytes> {
        let mut reader = ResultsReader::new(usize::MAX);
        let mut valid: HashMap<RequestId, Bytes> = HashMap::new();
        for envelope in &self.results {
            match envelope {
                Envelope::Fence(fence) => drop(reader.on_fence(*fence)),
                Envelope::Result(result) => match reader.on_result(result) {
                    Reading::Valid => drop(valid.insert(result.request, result.body.clone())),
                    Reading::Repeat => assert_eq!(valid[&result.request], result.body, "a repeat has other bytes"),
                    Reading::Void => {}
                },
                _ => unreachable!("only fences and results are in the results"),
            }
        }
        valid
    }

    /// By which life each result in the log was written.
    pub(super) fn writers(&self, offset: i64) -> Vec<String> {
        let by = |envelope: &Envelope| match envelope {
            Envelope::Result(result) if result.request == request(offset) => {
                let body = std::str::from_utf8(&result.body).expect("we wrote it");
                body.split_once(" of ").map(|(_, life)| life.to_owned())
            }
            _ => None,
        };
        self.results.iter().filter_map(by).collect()
    }

    /// How often each request has a record, valid or not.
    pub(super) fn written(&self, offset: i64) -> usize {
        self.results
            .iter()
            .filter(|e| matches!(e, Envelope::Result(result) if result.request == request(offset)))
            .count()
    }

    pub(super) fn is_running(&self, index: usize) -> bool {
        self.owners[index].ledger.running_since().is_some()
    }

    pub(super) fn end(&self) -> i64 {
        i64::try_from(self.results.len()).expect("tests are small")
    }

    /// Lets time pass for one owner and does what it asks for.
    fn pass(&mut self, index: usize) {
        let owner = &mut self.owners[index];
        owner.ledger.on_time(self.now);
        if owner.ledger.running_since().is_some() && !self.patient {
            for offset in std::mem::take(&mut owner.waiting) {
                decide(owner, offset);
            }
        }
        self.pump(index);
    }

    fn pump(&mut self, index: usize) {
        let owner = &mut self.owners[index];
        while let Some(action) = owner.ledger.poll_action() {
            match action {
                Action::Survey(survey) => owner.survey = Some(survey),
                Action::ReadResults(from) | Action::FollowResults(from) => owner.results_at = Some(from),
                Action::Replay { requests, .. } => owner.requests_at = Some(requests),
                Action::Halt => owner.requests_at = None,
                Action::WriteFence(fence) => self.in_flight.push(Sending { life: owner.life, record: fence.encode() }),
                Action::WriteResult(_, _, record) => self.in_flight.push(Sending { life: owner.life, record }),
            }
        }
    }
}

// === impl Owner ===

impl Owner {
    /// Drops what is in hand of a request that somebody else decided.
    fn on_decided(&mut self, id: RequestId) {
        self.decided.insert(id);
        if self.ledger.owns() {
            return;
        }
        let ledger = &mut self.ledger;
        for read in [&mut self.waiting, &mut self.withheld] {
            read.extract_if(.., |offset| request(*offset) == id).for_each(|offset| ledger.let_go(offset));
        }
    }
}

fn decide(owner: &mut Owner, offset: i64) {
    let Some(fencing) = owner.ledger.fencing() else { return };
    let id = request(offset);
    assert!(owner.decided.insert(id), "request {offset} is decided twice in one life");
    // Two lives never decide in the same words, so that a changed result shows.
    let body = Bytes::from(format!("{} of {}", offset, owner.life));
    let policy = "wine@1".parse().expect("a name and a version");
    let result =
        ResultRecord { request: id, policy, kind: wire::ResultKind::Prediction, key: None, reply: None, fencing, body };
    let (born, budget) = (Timestamp::EPOCH, Budget::from_millis(1));
    owner.ledger.write(id, Entry { offset, born, budget, record: result.encode(), due: None });
}
