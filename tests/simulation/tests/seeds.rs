//! Ten thousand worlds, and that enough went wrong in them.

use simulation::{Sight, seeds::play_all};

const WORLDS: u64 = 10_000;

#[test]
fn ten_thousand_worlds_break_no_promise_and_enough_goes_wrong_in_them() {
    let report = play_all(0..WORLDS, 2, |_| {});
    println!("{report}");
    assert!(report.broken.is_empty(), "{report}");
    for sight in Sight::ALL {
        let seen = report.sights.count(*sight);
        assert!(seen >= WORLDS / 100, "{sight:?} was seen in {seen} of {WORLDS} worlds: the simulation has gone soft");
    }
}
