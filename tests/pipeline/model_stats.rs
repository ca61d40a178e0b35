//! What models did, as it is counted: every use, by the version that answered, wherever it ran.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bus::{Clock, EmbeddedBus, Stretch, TopicPartition};
use hedgerow::{app::Role, measuring::Measuring};
use measures::{Failed, Sum};
use models::{Counted, ModelStats};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use wire::{Envelope, ModelAction, Reply, Timestamp};

use crate::{
    models::{FIRST, FOLLOWED, SECOND, act, publish, until_version, wanted},
    rendezvous::{PATIENCE, Rendezvous, UNARCHIVED, wine_rows},
};

const HOUR: Duration = Duration::from_hours(1);

/// Answers and failures in the log, by the version that gave them.
async fn said(rendezvous: &Rendezvous) -> BTreeMap<String, (u64, u64)> {
    let (topic, mut stretch) = (rendezvous.topics().responses, Stretch::default());
    for partition in 0..rendezvous.app.partitions {
        let partition = TopicPartition::new(&topic, partition);
        stretch.add(&*rendezvous.app.bus, partition, Timestamp::EPOCH).await.unwrap();
    }
    let mut said: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    let take = |received: bus::Received| {
        let Ok(Envelope::Response(response)) = Envelope::decode(&received.record) else { panic!("a response") };
        let (answers, failures) = said.entry(response.model.to_string()).or_default();
        *(if matches!(response.reply, Reply::Answer(_)) { answers } else { failures }) += 1;
    };
    stretch.read(&*rendezvous.app.bus, take, |_| {}).await.unwrap();
    said
}

/// Answers and failures as they were counted.
fn uses(sum: &Sum) -> BTreeMap<String, (u64, u64)> {
    let versions = sum.uses.values().flat_map(|uses| &uses.versions);
    versions.map(|(label, used)| (label.clone(), (used.answered, used.failed(Failed::Failed)))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_use_of_a_model_is_counted_once_by_the_version_that_answered_whoever_ran_it_and_is_gone() {
    let clock = Clock::system();
    let rendezvous = Rendezvous::start(EmbeddedBus::new(clock.clone()), clock.clone(), FOLLOWED, &UNARCHIVED).await;
    let rows: Vec<String> = wine_rows().into_iter().map(|(row, _)| row).collect();
    let ask = async |times: usize| {
        for row in rows.iter().take(times) {
            rendezvous.ask(row).await.unwrap();
        }
    };
    // Without a model every request fails, and that is told too.
    ask(3).await;
    act(&rendezvous, publish("1", FIRST)).await;
    until_version(&rendezvous, "1", &rows[0]).await;
    let another = rendezvous.another(Role::Executors).await;
    ask(40).await;
    another.stop().await.unwrap();
    act(&rendezvous, publish("2", SECOND)).await;
    until_version(&rendezvous, "2", &rows[0]).await;
    rendezvous.ask_all(&rows[..40]).await;
    let serve = ModelAction::Serve { version: "1".to_owned(), expected: None };
    act(&rendezvous, wanted(serve, None)).await;

    // While partitions move two processes may answer the same: then both did, and both stand in the log.
    let measuring = Measuring::new(Arc::clone(&rendezvous.app.bus), clock, CancellationToken::new());
    let definition = rendezvous.app.definition();
    let agree = async {
        loop {
            let sum = measuring.counted(definition.name(), HOUR).await.unwrap();
            if uses(&sum) == said(&rendezvous).await {
                return sum;
            }
        }
    };
    let sum = timeout(PATIENCE, agree).await.expect("every use is counted");
    let registry = Arc::clone(&rendezvous.follower.models().borrow());
    let all = ModelStats::all(&registry, &[Counted { definition: &definition, sum: &sum }], HOUR);
    let model = all.iter().find(|model| model.name == definition.name().as_str()).unwrap_or_else(|| panic!("{all:?}"));
    assert_eq!((model.current.as_deref(), model.previous.as_deref()), (Some("1"), Some("2")));
    assert!(model.since.is_some() && model.run_by.len() == 1 && model.all.answered >= 82, "{model:?}");
    let labels: Vec<&str> = model.versions.iter().map(|version| version.version.as_str()).collect();
    assert_eq!(labels, ["1", "2", "unloaded"]);
    for version in &model.versions[..2] {
        let numbers = &version.numbers;
        let (calls, batches) = (numbers.calls.unwrap(), numbers.batches.unwrap());
        assert!(calls <= numbers.requests && batches.mean >= 1.0 && batches.mean <= batches.max.into(), "{numbers:?}");
        let times =
            [numbers.duration.min_us, numbers.duration.p50_us, numbers.duration.p99_us, numbers.duration.max_us];
        assert!(times[0].is_some() && times.is_sorted(), "{numbers:?}");
    }
    rendezvous.stop().await;
    let after = measuring.counted(definition.name(), HOUR).await.unwrap();
    assert_eq!(after.uses, sum.uses, "what was told stays told, and nothing is told twice");
}
