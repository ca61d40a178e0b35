//! What a caller who waits costs.

use bus::{Acknowledge, BoxFuture};
use policies::Definition;
use wire::Record;

use super::*;

const POLICY: &str = "
rendezvous: wine
budget: 50ms
input: { features: [x] }
answer: { value: class }
executors:
  forest: { echo: {} }
decide:
  - first:
    until: 50ms
  - default: { class: unknown }
";

/// Takes every record, and tells nobody what became of it.
struct Swallows;

/// Bytes that are somewhere as long as somebody holds them.
struct Body(#[expect(dead_code, reason = "it is counted")] Arc<()>);

impl Producer for Swallows {
    fn send(&self, _: &TopicPartition, _: Record, _: Acknowledge) -> Result<(), BusError> {
        Ok(())
    }

    fn in_flight(&self) -> usize {
        0
    }

    fn drain(&self, _: Duration) -> BoxFuture<'_, Result<(), BusError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

impl AsRef<[u8]> for Body {
    fn as_ref(&self) -> &[u8] {
        br#"{"x": 1}"#
    }
}

#[tokio::test]
async fn a_caller_who_waits_holds_no_body() {
    let definition = Definition::parse("wine.yaml", POLICY).unwrap_or_else(|problems| panic!("{problems}"));
    let versions = watch::channel(Arc::new(Versions::only(Arc::new(definition)))).1;
    let starter = Starter::new(versions, Clock::system(), Arc::default(), Limits::default(), ReplyTopics::default());
    starter.connect(Link { producer: Arc::new(Swallows), partitions: vec![TopicPartition::new("wine.requests", 0)] });
    starter.serve(true);
    let held = Arc::new(());
    let body = Bytes::from_owner(Body(Arc::clone(&held)));
    let mut asked = Box::pin(starter.ask(RawInput { body, ..RawInput::default() }));
    tokio::select! {
        biased;
        answer = &mut asked => panic!("{answer:?}"),
        () = std::future::ready(()) => {}
    }
    assert_eq!((starter.callers(), Arc::strong_count(&held)), (1, 1), "he waits, and the producer had the body");
}
