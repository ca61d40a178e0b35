//! Requests that meet their responses in the collector's pure core: no log, no clock, no other thread.
//!
//! The policy is the wine policy that ships: three candidates vote, two of them agree, and a canary answers beside them.

use std::{sync::Arc, time::Duration};

use collector::{
    Surroundings,
    rendezvous::{Output, Rendezvous},
};
use policies::{Definition, Versions};
use wire::{Attributes, ExecutorId, ModelVersion, Reply, Request, RequestId, Response, Timestamp};

/// Each executor's answer, in the order in which they are heard.
const ANSWERS: [(&str, &str); 4] = [("next", "2"), ("forest", "0"), ("boost", "1"), ("linear", "1")];

/// A core that serves one partition.
pub struct Core {
    definition: Arc<Definition>,
    rendezvous: Rendezvous,
    surroundings: Surroundings,
    executors: Vec<(ExecutorId, &'static str)>,
}

/// Requests, and all their responses: first everybody's first answer, then everybody's second, as under load.
pub struct Events {
    /// What is asked.
    pub requests: Vec<Request>,
    /// What is answered.
    pub responses: Vec<Response>,
}

// === impl Core ===

impl Core {
    /// Returns a core that has seen nothing.
    pub fn new() -> anyhow::Result<Self> {
        let definition = Definition::parse("wine.yaml", include_str!("../../policies/wine.yaml"))?;
        let definition = Arc::new(definition);
        let mut surroundings = Surroundings::new(Arc::new(Versions::only(Arc::clone(&definition))));
        let mut rendezvous = Rendezvous::default();
        rendezvous.on_versions(0, &mut surroundings);
        let executors = ANSWERS.iter().map(|(executor, class)| Ok((ExecutorId::new(executor)?, *class)));
        let executors = executors.collect::<Result<_, wire::InvalidName>>()?;
        Ok(Self { definition, rendezvous, surroundings, executors })
    }

    /// Returns requests numbered from `first` on, with their responses.
    #[must_use]
    pub fn events(&self, first: u32, count: u32) -> Events {
        let numbers = first..first + count;
        let requests = numbers.clone().map(|number| self.request(number)).collect();
        let responses = self.executors.iter().flat_map(|(executor, class)| {
            numbers.clone().map(move |number| Response {
                request: id(number),
                executor: executor.clone(),
                model: ModelVersion::new(executor.as_str(), "1f3a"),
                fetched: Duration::ZERO,
                queued: Duration::ZERO,
                scored: Duration::ZERO,
                reply: Reply::Answer(format!(r#"{{"class":{class},"probability":0.9}}"#).into()),
            })
        });
        Events { requests, responses: responses.collect() }
    }

    /// Returns one request.
    #[must_use]
    pub fn request(&self, number: u32) -> Request {
        Request {
            id: id(number),
            born: BORN,
            budget: self.definition.budget,
            policy: self.definition.policy_ref.clone(),
            case: None,
            plan: self.definition.plan(),
            key: None,
            attributes: Attributes::default(),
            traceparent: None,
            reply: None,
            body: "{}".into(),
        }
    }

    /// Opens a request.
    pub fn open(&mut self, request: Request) {
        self.rendezvous.on_request(request, BORN, 0, &mut self.surroundings);
    }

    /// Hears a response, three milliseconds after the requests' birth.
    pub fn hear(&mut self, response: Response) {
        self.rendezvous.on_response(response, BORN.after(Duration::from_millis(3)), 0, &mut self.surroundings);
    }

    /// Returns what came of it next.
    pub fn poll(&mut self) -> Option<Output> {
        self.rendezvous.poll_output()
    }

    /// Returns how many requests are open.
    #[must_use]
    pub fn is_open(&self) -> usize {
        self.rendezvous.open_requests()
    }
}

/// When every request is born.
const BORN: Timestamp = Timestamp::from_micros(1_000_000);

fn id(number: u32) -> RequestId {
    RequestId::from_uuid(uuid::Uuid::from_u128((u128::from(number) << 64) | 7))
}
