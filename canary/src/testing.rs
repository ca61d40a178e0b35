//! A small world for tests: a policy, what four executors say about seeded requests, and the three topics of it.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use policies::{Circumstances, Definition, Evaluation, Given};
use serde_json::{Value, json};
use uuid::Uuid;
use wire::{
    Attributes, ExecutorId, Failure, FailureKind, Fencing, ModelVersion, PolicyRef, Reply, Request, RequestId,
    Response, ResultRecord, Timestamp,
};

use crate::{Comparison, Known, Matchup, Positions};

const POLICY: &str = "rendezvous: wine\nbudget: 50ms\ninput: { features: [alcohol], attributes: [tenant] }\n\
    answer: { value: class, confidence: sure, list: items }\nexecutors:\n  forest: { echo: }\n  boost: { echo: }\n  \
    next: { echo: , canary: { of: forest } }\n  again: { echo: , canary: { of: forest } }\n\
    decide:\n- prefer: [forest, boost]\n  until: 40ms\n- default: { class: unknown }";

/// What an executor does about one request: after so many microseconds, if at all.
pub(crate) type Deed = Option<(u64, Reply)>;

/// The topics of one partition, each in the order of its log.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log {
    pub(crate) topics: [Vec<Told>; 3],
}

#[derive(Clone, Debug)]
pub(crate) enum Told {
    Request(Request, Timestamp),
    Response(Response, Timestamp),
    Result(Given),
}

/// Knows the one version, and the truth: `red` where the alcohol is above 10.
pub(crate) struct World {
    pub(crate) definition: Arc<Definition>,
    pub(crate) truths: BTreeMap<RequestId, Value>,
}

pub(crate) const BORN: Timestamp = Timestamp::from_micros(1_795_249_695_000_000);
pub(crate) const NAMES: [&str; 4] = ["forest", "boost", "next", "again"];

pub(crate) fn name(name: &str) -> ExecutorId {
    ExecutorId::new(name).expect("a name")
}

pub(crate) fn matchup() -> Matchup {
    let twin = Some(name("again"));
    Matchup { twin, warm_up: Duration::ZERO, ..Matchup::new(name("next"), name("forest")) }
}

/// By lists too.
pub(crate) fn by_lists() -> Matchup {
    Matchup { list: World::new().definition.list.clone(), ..matchup() }
}

pub(crate) fn class(class: &str, sure: f64) -> Reply {
    Reply::Answer(json!({ "class": class, "sure": sure, "items": items(sure) }).to_string().into())
}

/// A list that begins elsewhere the surer somebody is; of some that are less sure it has repeats, or is none.
fn items(sure: f64) -> Value {
    let steps = u64::try_from((0..100).take_while(|step| f64::from(*step) < sure * 100.0).count()).expect("few");
    match steps % 20 {
        3 => Value::from("none"),
        4 => json!([1, 2, 1]),
        _ => (0..10).map(|place| (place + steps / 8) % 17).collect(),
    }
}

/// Answers after so many microseconds, if that is before the end of time.
pub(crate) fn says(after: u64, label: &str, sure: f64) -> Deed {
    (after < u64::MAX).then(|| (after, class(label, sure)))
}

pub(crate) fn failed(kind: FailureKind) -> Reply {
    Reply::Failure(Failure { kind, message: "out of memory".to_owned() })
}

// === impl World ===

impl World {
    pub(crate) fn new() -> Self {
        let definition = Definition::parse("wine.yaml", POLICY).unwrap_or_else(|problems| panic!("{problems}"));
        Self { definition: Arc::new(definition), truths: BTreeMap::new() }
    }

    pub(crate) fn request(&self, number: u64, alcohol: f64, tenant: &str) -> Request {
        let mut attributes = Attributes::default();
        attributes.set("tenant", tenant);
        Request {
            id: RequestId::from_key(self.definition.name(), &number.to_string()),
            born: BORN.after(Duration::from_millis(10 * number)),
            budget: self.definition.budget,
            policy: self.definition.policy_ref.clone(),
            case: None,
            plan: self.definition.plan(),
            key: None,
            attributes,
            traceparent: None,
            reply: None,
            body: json!({ "alcohol": alcohol }).to_string().into(),
        }
    }

    /// Returns the log of these requests, decided as a collector would.
    pub(crate) fn log(&self, all: impl IntoIterator<Item = (Request, [Deed; 4])>) -> Log {
        let mut log = Log::default();
        for (request, deeds) in all {
            let born = request.born;
            let mut said: Vec<(Response, Timestamp)> = NAMES
                .iter()
                .zip(deeds)
                .filter_map(|(name, deed)| {
                    let (after, reply) = deed?;
                    Some((response(&request, name, reply), born.after(Duration::from_micros(after))))
                })
                .collect();
            said.sort_by_key(|(_, at)| *at);
            log.topics[2].push(Told::Result(self.decide(&request, &said)));
            log.topics[1].extend(said.into_iter().map(|(response, at)| Told::Response(response, at)));
            log.topics[0].push(Told::Request(request, born));
        }
        for topic in &mut log.topics {
            topic.sort_by_key(Told::at);
        }
        log
    }

    fn decide(&self, request: &Request, said: &[(Response, Timestamp)]) -> Given {
        let (policy, known) = (Arc::clone(&self.definition.policy), Circumstances::default());
        let step = Evaluation::open(policy, &request.plan, request.born, request.budget, Duration::ZERO, &known);
        let verdict = step.finish(said.iter().map(|(response, at)| (response, *at)));
        let body = verdict.body(&request.policy, None, request.born, request.budget);
        let fencing = Fencing { epoch: 1, instance: Uuid::nil() };
        let (id, policy, kind) = (request.id, request.policy.clone(), verdict.kind());
        let record = ResultRecord { request: id, policy, kind, key: None, reply: None, fencing, body };
        Given::read(record, verdict.at).expect("a body of ours")
    }
}

impl Known for World {
    fn definition(&self, policy: &PolicyRef) -> Option<Arc<Definition>> {
        (*policy == self.definition.policy_ref).then(|| Arc::clone(&self.definition))
    }

    fn truth(&self, request: RequestId) -> Option<Value> {
        self.truths.get(&request).cloned()
    }
}

fn response(request: &Request, executor: &str, reply: Reply) -> Response {
    Response {
        request: request.id,
        executor: name(executor),
        model: ModelVersion::new(executor, "1f3a"),
        fetched: Duration::ZERO,
        queued: Duration::from_micros(200),
        scored: Duration::from_micros(1_500),
        reply,
    }
}

// === impl Log ===

impl Log {
    /// Returns records that do anything: late, silent, failing, twice, unreadable.
    pub(crate) fn wild(world: &mut World, requests: u64, dice: &mut fastrand::Rng) -> Self {
        let mut all = Vec::new();
        for number in 0..requests {
            let alcohol = 8.0 + 6.0 * dice.f64();
            let request = world.request(number, alcohol, dice.choice(["a", "b", "c"]).expect("three"));
            let truth = if alcohol > 10.0 { "red" } else { "white" };
            if dice.u8(..) < 200 {
                world.truths.insert(request.id, Value::from(truth));
            }
            let mut deed = || {
                let after = if dice.u8(..) < 16 { dice.u64(50_000..30_000_000) } else { dice.u64(500..45_000) };
                let reply = match dice.u8(..) {
                    0..20 => failed(FailureKind::Failed),
                    20..30 => failed(FailureKind::Expired),
                    30..40 => failed(FailureKind::Abstained),
                    40..50 => Reply::Answer(r#"{"sure":1}"#.into()),
                    50..90 => class("rose", dice.f64()),
                    _ => class(truth, dice.f64()),
                };
                (dice.u8(..) > 12).then_some((after, reply))
            };
            all.push((request, [deed(), deed(), deed(), deed()]));
        }
        world.log(all)
    }

    /// Tells the comparison everything from `from` on, in an order of the topics that the dice choose, some of it twice;
    /// `upto` records at most. Returns how many were told.
    pub(crate) fn tell(
        &self,
        comparison: &mut Comparison,
        from: Positions,
        dice: &mut fastrand::Rng,
        upto: usize,
    ) -> usize {
        let mut next = [from.requests, from.responses, from.results].map(|offset| usize::try_from(offset).expect("no"));
        for told in 0..upto {
            let left: Vec<usize> = (0..3).filter(|topic| next[*topic] < self.topics[*topic].len()).collect();
            let Some(topic) = dice.choice(&left).copied() else {
                comparison.on_time(Timestamp::from_micros(i64::MAX));
                return told;
            };
            self.topics[topic][next[topic]].tell(comparison, next[topic]);
            next[topic] += 1;
            if dice.u8(..) < 20 {
                let again = dice.usize(..next[topic]);
                self.topics[topic][again].tell(comparison, again);
            }
            let untold = (0..3).filter_map(|topic| self.topics[topic].get(next[topic])).map(Told::at);
            if let Some(read) = untold.min().filter(|_| dice.bool()) {
                comparison.on_time(read);
            }
        }
        upto
    }

    /// Tells all of it, topic by topic in turns.
    pub(crate) fn tell_all(&self, comparison: &mut Comparison) {
        self.tell(comparison, Positions::default(), &mut fastrand::Rng::with_seed(7), usize::MAX);
    }
}

impl Told {
    pub(crate) fn id(&self) -> RequestId {
        match self {
            Self::Request(request, _) => request.id,
            Self::Response(response, _) => response.request,
            Self::Result(given) => given.record.request,
        }
    }

    pub(crate) fn at(&self) -> Timestamp {
        match self {
            Self::Request(_, at) | Self::Response(_, at) => *at,
            Self::Result(given) => given.appended,
        }
    }

    pub(crate) fn tell(&self, comparison: &mut Comparison, offset: usize) {
        let offset = i64::try_from(offset).expect("few");
        match self.clone() {
            Self::Request(request, at) => comparison.on_request(offset, request, at),
            Self::Response(response, at) => comparison.on_response(offset, response, at),
            Self::Result(given) => comparison.on_result(offset, given),
        }
    }
}
