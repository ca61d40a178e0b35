//! What readings prove, whatever the network and the rounding did to them.

use std::path::Path;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const START: i64 = 1_800_000_000_000_000;

/// A log and a host whose clock is so many microseconds ahead of it.
struct Host {
    skew: Skew,
    /// The log's time.
    now: i64,
    offset: i64,
    found: Finding,
}

impl Host {
    fn ahead_by(offset: i64) -> Self {
        Self { skew: Skew::default(), now: START, offset, found: Finding::Corrected(0) }
    }

    fn reading(&self) -> Timestamp {
        Timestamp::from_micros(self.now + self.offset)
    }

    /// What Kafka says an append's time was.
    fn appended(&self) -> Timestamp {
        Timestamp::from_micros(self.now / 1_000 * 1_000)
    }

    /// Writes a record that travels so long each way.
    fn write(&mut self, there: i64, back: i64) {
        let sent = self.reading();
        self.now += there;
        let appended = self.appended();
        self.now += back;
        self.found = self.skew.on_appended(sent, appended, self.reading());
    }

    /// Reads a record that was appended so long ago.
    fn read(&mut self, ago: i64) {
        let appended = Timestamp::from_micros((self.now - ago) / 1_000 * 1_000);
        self.found = self.skew.on_read(appended, self.reading());
    }

    fn pass(&mut self, seconds: i64) {
        self.now += seconds * 1_000_000;
    }

    fn correction(&self) -> i64 {
        match self.found {
            Finding::Corrected(by) => by,
            other => panic!("{other:?}"),
        }
    }
}

proptest! {
    #[test]
    fn the_truth_is_inside_whatever_the_network_did(
        offset in -50_000_000_i64..50_000_000,
        steps in prop::collection::vec((any::<bool>(), 0_i64..3_000_000, 0_i64..3_000_000, 0_i64..10), 1..60),
    ) {
        let mut host = Host::ahead_by(offset);
        for (writes, there, back, pause) in steps {
            if writes { host.write(there, back) } else { host.read(there) }
            host.pass(pause);
            let Interval { low, high } = host.skew.proven();
            prop_assert!(low <= offset && offset <= high, "{low}..{high} without {offset}");
            // The correction lies between nothing and the truth.
            let by = host.correction();
            prop_assert!(by.signum() * offset.signum() >= 0 && by.abs() <= offset.abs(), "{by} for {offset}");
        }
    }

    #[test]
    fn a_host_whose_clock_agrees_is_never_corrected(
        steps in prop::collection::vec((any::<bool>(), 0_i64..3_000_000, 0_i64..3_000_000), 1..60),
    ) {
        let mut host = Host::ahead_by(0);
        for (writes, there, back) in steps {
            if writes { host.write(there, back) } else { host.read(there) }
            prop_assert_eq!(host.found, Finding::Corrected(0));
        }
    }

    #[test]
    fn one_quick_write_finds_the_offset_to_within_its_journey(
        offset in -50_000_000_i64..50_000_000, there in 0_i64..2_000, back in 0_i64..2_000, slow in 0_i64..500_000,
    ) {
        let mut host = Host::ahead_by(offset);
        host.write(slow, slow);
        host.write(there, back);
        host.write(slow, slow);
        prop_assert!((host.correction() - offset).abs() <= there + back + 1_000);
    }
}

#[test]
fn a_reader_finds_that_it_is_behind_and_nothing_else() {
    let mut behind = Host::ahead_by(-10_000_000);
    behind.read(300);
    assert!((-10_000_000..=-9_998_700).contains(&behind.correction()), "{}", behind.correction());
    let mut ahead = Host::ahead_by(10_000_000);
    ahead.read(300);
    assert_eq!(ahead.correction(), 0);
}

#[test]
fn a_correction_does_not_waver_while_what_is_proven_does() {
    let mut host = Host::ahead_by(100_000);
    host.write(400, 400);
    let first = host.correction();
    for round in 0..100 {
        host.write(400 + 97 * (round % 13), 300 + 89 * (round % 11));
        host.pass(3);
    }
    assert!((host.correction() - first).abs() <= 1_500, "{first} and then {}", host.correction());
}

#[test]
fn a_clock_that_drifts_is_followed() {
    let mut host = Host::ahead_by(50_000);
    for _ in 0..600 {
        host.write(500, 500);
        host.pass(1);
        host.offset += 50;
    }
    assert!((host.correction() - host.offset).abs() < 6_000, "{} of {}", host.correction(), host.offset);
}

#[test]
fn one_jump_is_followed_at_once_and_jumps_again_and_again_are_not() {
    let mut host = Host::ahead_by(0);
    host.write(500, 500);
    host.offset = -5_000_000;
    host.write(500, 500);
    assert!((host.correction() + 5_000_000).abs() < 2_000, "{:?}", host.found);
    for _ in 0..4 {
        host.offset = -host.offset;
        host.write(500, 500);
    }
    assert!(matches!(host.found, Finding::Unstable(_)), "{:?}", host.found);
    // A minute without one is enough to be believed again.
    for _ in 0..8 {
        host.pass(10);
        host.write(500, 500);
    }
    assert!((host.correction() - host.offset).abs() < 2_000, "{:?}", host.found);
}

#[test]
fn who_jumps_on_and_on_is_not_believed_in_between() {
    let mut host = Host::ahead_by(0);
    host.write(500, 500);
    for _ in 0..5 {
        host.offset = if host.offset > 0 { -50_000 } else { 50_000 };
        host.write(500, 500);
        host.pass(1);
    }
    // The first of them is forgotten, and three of the last minute are left.
    host.pass(56);
    host.write(500, 500);
    assert!(matches!(host.found, Finding::Unstable(_)), "{:?}", host.found);
}

#[test]
fn brokers_that_disagree_a_little_are_no_contradiction() {
    let mut host = Host::ahead_by(0);
    for round in 0..50 {
        host.offset = if round % 2 == 0 { 8_000 } else { -8_000 };
        host.write(500, 500);
        // Whichever was heard first: between them anything will do.
        assert!(host.correction().abs() <= 9_000, "{:?}", host.found);
    }
}

#[test]
fn an_offset_of_more_than_a_minute_is_told_and_not_corrected() {
    for offset in [-3_600_000_000_i64, 3_600_000_000] {
        let mut host = Host::ahead_by(offset);
        host.write(500, 500);
        let Finding::TooFar(found) = host.found else { panic!("{:?}", host.found) };
        assert!((found - offset).abs() <= 2_000, "{found}");
    }
}

/// Clients in other languages find the same: `sdk/python` is held to these vectors too.
#[test]
fn clocks_are_found_to_be_wrong_as_the_vectors_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wire/vectors/clocks.json");
    let vectors: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert!(vectors.len() > 5);
    for vector in vectors {
        let mut skew = Skew::default();
        for reading in vector["readings"].as_array().unwrap() {
            let at = |name: &str| reading[name].as_i64().map(Timestamp::from_micros);
            let found = match (at("sent"), at("acknowledged"), at("read")) {
                (Some(sent), Some(acknowledged), _) => skew.on_appended(sent, at("appended").unwrap(), acknowledged),
                (_, _, read) => skew.on_read(at("appended").unwrap(), read.unwrap()),
            };
            let told = match found {
                Finding::Corrected(by) => json!({ "corrected": by }),
                Finding::TooFar(by) => json!({ "too_far": by }),
                Finding::Unstable(by) => json!({ "unstable": by }),
            };
            assert_eq!(told, reading["finds"], "{}: {reading}", vector["name"]);
        }
    }
}
