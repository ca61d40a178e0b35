//! `hedgerow canary self-test`: canaries that hang, are slow and crash change no result.

use std::{path::PathBuf, sync::Arc, time::Duration};

use broker::Broker;
use bus::{Bus, Clock, EmbeddedBus, KafkaBus, KafkaSettings};
use hedgerow::self_test::{Kind, POLICY, SelfTest};

/// What canaries change is looked for in results, never in times: other tests run beside this one, and whatever this
/// machine does for ten seconds must change no clause.
async fn check(bus: Arc<dyn Bus>, clock: Clock, payload: usize) {
    let patient = POLICY.replace("300ms", "9s").replace("400ms", "10s");
    let test = SelfTest {
        policy: Some((patient, PathBuf::new())),
        rate: 20,
        length: Duration::from_secs(8),
        rounds: 1,
        payload,
        partitions: 4,
    };
    let shown = test.run(bus, clock, |_, _| {}).await.unwrap();
    assert!(shown.audit.ok, "{shown:#?}");
    assert_eq!((shown.audit.missing, shown.audit.second), (0, 0));
    let kinds: Vec<Kind> = shown.kinds.iter().map(|kind| kind.kind).collect();
    assert_eq!(kinds, [&[Kind::Without][..], &Kind::ILL].concat());
    for kind in &shown.kinds {
        assert_eq!((kind.same, kind.differing.as_slice()), (kind.requests, &[][..]), "{kind:#?}");
    }
    let requests: u64 = shown.kinds.iter().map(|kind| kind.requests).sum();
    assert_eq!((requests, shown.audit.results), (160, 160));
    // They were there, and ill: otherwise nothing would be shown by this.
    for sort in ["drops", "garbage", "away"] {
        let (answers, failures) = shown.canaries.get(sort).copied().unwrap_or_default();
        assert!(answers == 0 && failures > 0, "{sort}: {:?}", shown.canaries);
    }
    let (large, _) = shown.canaries.get("large").copied().unwrap_or_default();
    assert!(large > 0, "{:?}", shown.canaries);
}

#[tokio::test(flavor = "multi_thread")]
async fn canaries_that_hang_are_slow_and_crash_change_no_result() {
    let clock = Clock::system();
    check(EmbeddedBus::new(clock.clone()), clock, 65_536).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_kafka_with_payloads_as_large_as_its_topics_take_they_change_none_either() {
    let brokers = tokio::task::spawn_blocking(Broker::shared).await.unwrap().unwrap();
    let bus = Arc::new(KafkaBus::connect(KafkaSettings::new(brokers)).unwrap());
    check(bus, Clock::system(), 950_000).await;
}
