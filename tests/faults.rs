//! Faults on a real Kafka, in short: what `make faults` does at length. Judged is what is exact, never how long it took.

use std::{
    path::Path,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use faults::{Fault, Settings, run};

/// Makes a row on its own: side by side they would measure each other.
fn survive(fault: Fault, kills: u32) {
    static ONE: Mutex<()> = Mutex::new(());
    let _alone = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let settings = Settings {
        binary: Path::new(env!("CARGO_BIN_EXE_hedgerow")).to_owned(),
        rate: 200,
        kills,
        storm: Duration::from_secs(4),
        pause: Duration::from_secs(3),
        // Generous: whoever asks is to be answered on a loaded machine too, whatever is done to the stations meanwhile.
        budget: Duration::from_secs(20),
        on_time: false,
    };
    let row = run(fault, &settings).expect("the row can be made");
    assert!(row.ok, "{:?}", row.problems);
    assert!(row.accepted > 0 && row.times > 0, "{row:?}");
    assert_eq!((row.missing, row.second, row.contradictory, row.results), (0, 0, 0, row.accepted), "{row:?}");
    assert_eq!((row.unanswered, row.missed), (0, 0), "{row:?}");
}

#[test]
fn killed_collectors_lose_nothing_and_answer_nothing_twice() {
    survive(Fault::Collector, 3);
}

#[test]
fn a_collector_that_slept_through_its_replacement_adds_nothing() {
    survive(Fault::Pause, 1);
}

#[test]
fn collectors_that_come_and_go_lose_nothing_and_answer_nothing_twice() {
    survive(Fault::Storm, 1);
}

#[test]
fn a_broker_that_is_killed_and_one_that_is_stopped_lose_nothing() {
    survive(Fault::Broker, 1);
}

#[test]
fn every_station_replaced_under_load_loses_nothing() {
    survive(Fault::Roll, 1);
}

#[test]
fn killed_starters_executors_decoys_and_sealers_lose_nothing_and_copy_each_once() {
    for fault in [Fault::Starter, Fault::Executors, Fault::Decoy, Fault::Sealer] {
        survive(fault, 2);
    }
}
