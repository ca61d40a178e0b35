//! The station on the embedded bus: nothing missing, nothing twice.

mod place;

use std::fs;

use bus::EmbeddedLimits;
use bytes::Bytes;
use wire::{Budget, Envelope, Headers, PolicyRef, Record, Request, RequestId};

use self::place::{Place, Running, TOPIC, until_complete, until_lagless};
use super::*;

/// So small that a handful of records makes a file.
const SMALL: Sizes = Sizes { rows: 7, file_bytes: 1 << 20, memory_bytes: 4 << 20 };

fn request() -> Request {
    let policy: PolicyRef = "wine@3".parse().unwrap();
    Request {
        id: RequestId::from_key(&policy.rendezvous, "a"),
        born: Timestamp::from_micros(1_799_999_999_999_999),
        budget: Budget::from_millis(50),
        policy,
        plan: wire::Plan::new(Vec::new()),
        case: None,
        key: None,
        attributes: wire::Attributes::default(),
        traceparent: None,
        reply: None,
        body: Bytes::from_static(b"{\"a\":1}"),
    }
}

#[tokio::test]
async fn exact_bytes_and_headers_come_back() {
    let place = Place::new(1).await;
    let mut headers = Headers::default();
    for (name, value) in [("b", Some(&b"1"[..])), ("a", None), ("b", Some(b"\xff\x00")), ("", Some(b""))] {
        headers.push(name, value);
    }
    let sent = [
        Record {
            key: Some(Bytes::from_static(b"\x00key\xff")),
            headers,
            payload: Some(Bytes::from_static(b"\x80\x00")),
        },
        Record { key: None, headers: Headers::default(), payload: None },
        Record { key: Some(Bytes::new()), headers: Headers::default(), payload: Some(Bytes::new()) },
        Envelope::Request(request()).encode(),
    ];
    let appended = place.clock.now();
    for record in &sent {
        place.send(0, record.clone());
    }
    let running = place.run(SIZES).await;
    until_lagless(&place, &running).await;
    running.stop().await;
    let archived = place.archived().await;
    assert_eq!(archived.iter().map(|have| have.received.record.clone()).collect::<Vec<_>>(), sent);
    assert!(archived.iter().all(|have| have.received.appended == appended));
    let (last, others) = archived.split_last().unwrap();
    assert!(others.iter().all(|other| (other.request, other.born, &other.policy) == (None, None, &None)));
    let request = request();
    assert_eq!((last.request, last.born, &last.policy), (Some(request.id), Some(request.born), &Some(request.policy)));
    place.check_complete().await;
}

#[tokio::test]
async fn what_trickles_in_is_written_after_every() {
    let place = Place::new(1).await;
    let running = place.run(SIZES).await;
    place.send_many(3);
    place.clock.advance(Duration::from_secs(1));
    // The decoy has them when it waits for their time: nothing tells so from outside but that nothing is written.
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
    assert_eq!(running.metrics.files.get(), 0);
    place.clock.advance(Duration::from_mins(1));
    running.until("a file", |metrics| metrics.files.get() == 1).await;
    assert_eq!(running.metrics.records.get(), 3);
    running.stop().await;
    place.check_complete().await;
}

#[tokio::test]
async fn stopping_writes_what_is_in_hand_and_commits() {
    let place = Place::new(1).await;
    let running = place.run(SMALL).await;
    place.send_many(10);
    running.until("the first file", |metrics| metrics.files.get() == 1).await;
    running.stop().await;
    place.check_complete().await;
    let mut next = place.bus.member("hedgerow.wine.decoy", TOPIC).await.unwrap();
    let Event::Assigned(assigned) = next.next().await.unwrap() else { panic!("not assigned") };
    assert_eq!(assigned[0].committed.as_ref().map(|committed| committed.offset), Some(10));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_anywhere_again_and_again_it_archives_each_record_once() {
    let place = Place::new(3).await;
    for kill in 0..40_u64 {
        place.send_many(50);
        let (stop, (ready, _is_ready)) = (CancellationToken::new(), oneshot::channel());
        let within = Duration::from_micros(kill * 1_733 % 9_001);
        // Dropping the future is kill -9 for the loop, while the disk goes on with what was begun: a zombie.
        let _ = tokio::time::timeout(within, run_with(place.station(), SMALL, stop, ready)).await;
    }
    let running = place.run(SMALL).await;
    until_complete(&place).await;
    running.stop().await;
    place.check_complete().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_that_come_and_go_archive_each_record_once() {
    let place = Place::new(4).await;
    let mut running = vec![place.run(SMALL).await];
    for round in 0..6 {
        place.send_many(100);
        if round % 2 == 0 {
            running.push(place.run(SMALL).await);
        } else {
            running.remove(0).stop().await;
        }
    }
    for member in running {
        member.stop().await;
    }
    let last = place.run(SMALL).await;
    until_complete(&place).await;
    last.stop().await;
    place.check_complete().await;
}

#[tokio::test]
async fn an_archive_that_is_no_folder_yet_delays_nobody_and_loses_nothing() {
    let place = Place::new(2).await;
    fs::write(place.folder.path().join("archive"), "in the way").unwrap();
    place.send_many(100);
    let running = place.run(SMALL).await;
    running
        .until("failures", |metrics| {
            place.clock.advance(Duration::from_secs(1));
            metrics.failures.get() > 4 && metrics.troubled.get() == 2
        })
        .await;
    fs::remove_file(place.folder.path().join("archive")).unwrap();
    until_lagless(&place, &running).await;
    assert_eq!(running.metrics.troubled.get(), 0);
    running.stop().await;
    place.check_complete().await;
}

#[tokio::test]
async fn an_archive_that_fails_for_a_while_resumes_with_nothing_lost_or_doubled() {
    let place = Place::new(1).await;
    let running = place.run(SMALL).await;
    place.send_many(20);
    running.until("two files", |metrics| metrics.files.get() == 2).await;
    fs::rename(place.root(), place.folder.path().join("aside")).unwrap();
    fs::write(place.root(), "in the way").unwrap();
    place.send_many(1_000);
    running
        .until("failures", |metrics| {
            place.clock.advance(Duration::from_secs(1));
            metrics.failures.get() > 4
        })
        .await;
    fs::remove_file(place.root()).unwrap();
    fs::rename(place.folder.path().join("aside"), place.root()).unwrap();
    until_lagless(&place, &running).await;
    running.stop().await;
    place.check_complete().await;
}

#[tokio::test]
async fn what_the_log_lost_meanwhile_is_counted_and_the_rest_archived() {
    let limits = EmbeddedLimits { records_per_partition: 30, ..EmbeddedLimits::default() };
    let place = Place::with_limits(1, limits).await;
    place.send_many(10);
    let running = place.run(SMALL).await;
    until_lagless(&place, &running).await;
    running.stop().await;
    place.send_many(100);
    let running = place.run(SMALL).await;
    running
        .until("the rest", |metrics| {
            place.clock.advance(Duration::from_secs(1));
            metrics.records.get() == 30
        })
        .await;
    assert_eq!((running.metrics.gaps.get(), running.metrics.missing.get()), (1, 70));
    running.stop().await;
    let offsets: Vec<i64> = place.archived().await.iter().map(|record| record.received.offset).collect();
    assert_eq!(offsets, (0..10).chain(80..110).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_archive_of_another_log_is_left_alone() {
    let place = Place::new(1).await;
    place.send_many(10);
    let running = place.run(SMALL).await;
    running.stop().await;
    let before = place.archived().await.len();
    for records in [0, 5, 100] {
        let mut other = Place::new(1).await;
        other.clock.advance(Duration::from_secs(5));
        other.send_many(records);
        fs::create_dir_all(other.folder.path().join("archive")).unwrap();
        fs::rename(place.root(), other.root()).unwrap();
        let running = other.run(SMALL).await;
        running.until("trouble", |metrics| metrics.troubled.get() == 1).await;
        running.stop().await;
        fs::rename(other.root(), place.root()).unwrap();
        assert_eq!(place.archived().await.len(), before, "{records}");
        other.partitions = 0;
    }
}

#[tokio::test]
async fn a_bus_that_is_away_for_a_while_ends_nothing() {
    let place = Place::new(1).await;
    place.bus.faults().interrupt();
    let (stop, metrics) = (CancellationToken::new(), Arc::<Metrics>::default());
    let (ready, is_ready) = oneshot::channel();
    let station = DecoyStation { metrics: Arc::clone(&metrics), ..place.station() };
    let task = tokio::spawn(run_with(station, SMALL, stop.clone(), ready));
    tokio::task::yield_now().await;
    place.bus.faults().restore();
    is_ready.await.unwrap();
    let running = Running { stop, metrics, task };
    place.bus.faults().interrupt();
    place.send_many(20);
    tokio::task::yield_now().await;
    place.bus.faults().restore();
    until_lagless(&place, &running).await;
    running.stop().await;
    place.check_complete().await;
}

#[tokio::test]
async fn a_rendezvous_without_a_decoy_is_told_so() {
    let place = Place::new(1).await;
    let mut station = place.station();
    Arc::make_mut(&mut station.definition).decoy = None;
    let ended = run(station, CancellationToken::new(), oneshot::channel().0).await;
    assert!(matches!(ended, Err(DecoyError::NoArchive)));
}

#[tokio::test]
async fn files_older_than_is_kept_go_and_the_newest_stays() {
    let place = Place::new(1).await;
    let mut station = place.station();
    Arc::make_mut(&mut station.definition).decoy.as_mut().unwrap().keep = Some(Duration::from_secs(1));
    let running = place.run_station(station, SMALL).await;
    place.send_many(21);
    running.until("three files", |metrics| metrics.files.get() == 3).await;
    // The place's clock is ahead of the disk's: every file is old for it.
    running
        .until("two are gone", |metrics| {
            place.clock.advance(Duration::from_secs(10));
            metrics.pruned.get() == 2
        })
        .await;
    running.stop().await;
    let offsets: Vec<i64> = place.archived().await.iter().map(|record| record.received.offset).collect();
    assert_eq!(offsets, (14..21).collect::<Vec<_>>());
}
