//! How often the heap is asked for memory between a record and its result, counted by the allocator. No time is measured,
//! so the counts are the same on every machine. A program of its own, because whatever else runs would be counted too.

use std::{alloc::System, sync::Arc, time::Duration};

use bus::{Received, TopicPartition};
use bytes::Bytes;
use hedgerow_collector::{
    Output, Partition, Source, Surroundings, Traced,
    ledger::{Action, Spans},
};
use policies::{Definition, Versions};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use traces::{Sampling, Share};
use uuid::Uuid;
use wire::{Attributes, Decoder, ExecutorId, ModelVersion, Record, Reply, Request, RequestId, Response, Timestamp};

#[global_allocator]
static HEAP: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const EXECUTORS: [&str; 4] = ["next", "forest", "boost", "linear"];
/// So many requests are open at a time.
const WAVE: u32 = 100;
/// Counted after so many waves, so that tables have grown to their size.
const SETTLED: u32 = 200;
const COUNTED: u32 = 100;

/// A collector's partition that is served, and where its topics end.
struct Scene {
    definition: Arc<Definition>,
    partition: Partition,
    surroundings: Surroundings,
    now: Timestamp,
    ends: [i64; 3],
    results: Vec<Record>,
}

/// How often memory was asked for, how much of it was kept, and by how many records.
#[derive(Default)]
struct Count {
    allocations: usize,
    kept: isize,
    records: usize,
}

#[test]
fn a_record_asks_the_heap_for_little_and_for_little_more_if_traces_are_kept() {
    let [written, read, requests, responses, results] = counted(None);
    assert!(written.each() <= 2.0, "writing a record takes {} allocations: its headers and its key", written.each());
    assert!(read.each() <= 0.0, "reading a record that says nothing new takes {} allocations", read.each());
    assert!(requests.each() <= 1.5, "hearing a request takes {} allocations", requests.each());
    let each = responses.each();
    assert!(each <= 6.0, "hearing a response, and deciding by one in four, takes {each} allocations");
    assert!(results.each() <= 0.0, "reading a result back takes {} allocations", results.each());

    // Of nobody but those who miss: what is kept until then is kept of everybody.
    let watched = counted(Some(Sampling { share: Share::NONE }));
    let more = |index: usize, before: &Count| watched[index].each() - before.each();
    assert!(more(2, &requests) <= 2.1, "a watched request takes {} allocations more", more(2, &requests));
    assert!(more(3, &responses) <= 0.1, "a response to it takes {} allocations more", more(3, &responses));
    assert!(more(4, &results) <= 0.1, "its result takes {} allocations more", more(4, &results));
    let kept = watched[2].kept_each() - requests.kept_each();
    assert!((1..=1_000).contains(&kept), "{kept} bytes are kept of a request that four executors are asked about");
}

/// Returns what writing, reading, and hearing requests, responses and results took.
fn counted(sampling: Option<Sampling>) -> [Count; 5] {
    let mut scene = Scene::serving();
    if let Some(sampling) = sampling {
        scene.surroundings.traces = Traced::wanting(sampling, "kafka");
    }
    let [mut written, mut read, mut requests, mut responses, mut results] = <[Count; 5]>::default();
    let mut decoder = Decoder::default();
    for wave in 0..SETTLED + COUNTED {
        let counts = wave >= SETTLED;
        let ids: Vec<_> = (0..WAVE).map(|number| id(wave * WAVE + number)).collect();
        let asked: Vec<_> = ids.iter().map(|id| scene.request(*id)).collect();
        let answered: Vec<_> = EXECUTORS.iter().flat_map(|who| ids.iter().map(|id| response(*id, who))).collect();
        let mut records = Vec::with_capacity(asked.len() + answered.len());
        written.count(counts, asked.len() + answered.len(), || {
            records.extend(asked.iter().map(Request::encode).chain(answered.iter().map(Response::encode)));
        });
        let mut records: Vec<_> = records.into_iter().map(as_taken_out_of_the_log).collect();
        read.count(counts, records.len(), || records.iter().for_each(|record| drop(decoder.decode(record))));
        let said = records.split_off(asked.len());
        requests.count(counts, records.len(), || scene.hear(Source::Requests, records));
        responses.count(counts, said.len(), || scene.hear(Source::Responses, said));
        assert_eq!(scene.results.len(), ids.len(), "each has its result");
        let confirmed = scene.results.drain(..).map(as_taken_out_of_the_log).collect::<Vec<_>>();
        results.count(counts, confirmed.len(), || scene.hear(Source::Results, confirmed));
    }
    [written, read, requests, responses, results]
}

// === impl Scene ===

impl Scene {
    fn serving() -> Self {
        let definition = Definition::parse("wine.yaml", include_str!("../../policies/wine.yaml"));
        let definition = Arc::new(definition.unwrap_or_else(|problems| panic!("{problems}")));
        let mut surroundings = Surroundings::new(Arc::new(Versions::only(Arc::clone(&definition))));
        let partition = Partition::new((0, 1), None, Uuid::from_u128(5), &mut surroundings);
        let (now, results) = (Timestamp::from_micros(1_000_000), Vec::with_capacity(WAVE as usize));
        let mut scene = Self { definition, partition, surroundings, now, ends: [0; 3], results };
        // Survey, fence, survey.
        (0..3).for_each(|_| scene.follow());
        assert!(scene.partition.is_running());
        scene
    }

    /// Hears records, and does what follows.
    fn hear(&mut self, source: Source, records: Vec<Record>) {
        for record in records {
            let end = &mut self.ends[source as usize];
            let (offset, partition) = (*end, TopicPartition { topic: TOPIC.with(Arc::clone), partition: 0 });
            *end += 1;
            let received = Received { partition, offset, appended: self.now, record };
            self.partition.on_record(source, &received, self.now, &mut self.surroundings);
            self.follow();
        }
    }

    fn follow(&mut self) {
        self.partition.on_time(self.now, &mut self.surroundings);
        while let Some(output) = self.partition.poll_output() {
            match output {
                Output::Act(Action::Survey(survey)) => self.partition.on_spans(survey, &Spans::default()),
                Output::Act(Action::WriteFence(fence)) => self.hear(Source::Results, vec![fence.encode()]),
                Output::Act(Action::WriteResult(_, _, record)) => self.results.push(record),
                Output::WriteDeadLetter(_, _, letter) => panic!("{letter:?}"),
                Output::Act(_) | Output::WriteTally(_) | Output::Tell(_) => {}
            }
        }
    }

    fn request(&self, id: RequestId) -> Request {
        Request {
            id,
            born: self.now,
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
}

// === impl Count ===

impl Count {
    fn count(&mut self, counts: bool, records: usize, what: impl FnOnce()) {
        let region = Region::new(HEAP);
        what();
        let change = region.change();
        if counts {
            self.allocations += change.allocations + change.reallocations;
            self.kept += isize::try_from(change.bytes_allocated).expect("it is small");
            self.kept -= isize::try_from(change.bytes_deallocated).expect("it is small");
            self.records += records;
        }
    }

    fn each(&self) -> f64 {
        let hundredths = u32::try_from(self.allocations * 100 / self.records).expect("a count is small");
        f64::from(hundredths) / 100.0
    }

    fn kept_each(&self) -> isize {
        self.kept / isize::try_from(self.records).expect("it is small")
    }
}

thread_local! {
    static TOPIC: Arc<str> = "wine".into();
}

fn id(number: u32) -> RequestId {
    RequestId::from_uuid(Uuid::from_u128(u128::from(number) << 64 | 7))
}

fn response(request: RequestId, executor: &str) -> Response {
    let class = u8::from(executor != "next");
    Response {
        request,
        executor: ExecutorId::new(executor).expect("a name"),
        model: ModelVersion::new(executor, "1f3a"),
        fetched: Duration::ZERO,
        queued: Duration::ZERO,
        scored: Duration::ZERO,
        reply: Reply::Answer(format!(r#"{{"class":{class},"probability":0.9}}"#).into()),
    }
}

/// As the bus hands it out: key and payload lie in one buffer.
fn as_taken_out_of_the_log(record: Record) -> Record {
    let (key, payload) = (record.key.unwrap_or_default(), record.payload.unwrap_or_default());
    let both = Bytes::from([&key[..], &payload[..]].concat());
    let (key, payload) = (both.slice(..key.len()), both.slice(key.len()..));
    Record { key: Some(key), headers: record.headers, payload: Some(payload) }
}
