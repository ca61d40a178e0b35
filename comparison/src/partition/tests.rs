//! No pair twice and none lost, wherever reading is cut off and whoever goes on.

mod story;

use proptest::prelude::*;
use wire::Record;

use super::*;
use story::{BORN, Reader, Story, limits, matchups};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Two owners at once write in turns, too: whichever word is the last, going on from it is right.
    #[test]
    fn whatever_checkpoint_is_read_counting_on_from_it_gives_what_counting_without_stopping_gives(
        seed in 0..u64::MAX,
        order in 0..u64::MAX,
        kills in prop::collection::vec((1_usize..60, 0_usize..4), 0..5),
    ) {
        let story = Story::new(seed, 40);
        let mut dice = fastrand::Rng::with_seed(order);
        let mut written = vec![Kept::nothing_before(canary::Positions::default())];
        let mut reader = Reader::new(&story, Start::Kept(written[0].clone()));
        for (steps, back) in kills {
            for _ in 0..steps {
                reader.step(&mut dice);
                written.extend(reader.kept());
            }
            written.push(reader.keep());
            // What is counted after the last word is lost with the process; an earlier word may have come later.
            reader.step(&mut dice);
            let word = &written[written.len() - 1 - back.min(written.len() - 1)];
            let read = Kept::read(&word.written()).expect("what was written reads");
            reader = Reader::new(&story, Start::Kept(read));
        }
        prop_assert_eq!(reader.finish(&mut dice), Reader::whole(&story));
        let asked: Vec<u64> = Reader::whole(&story).values().map(|ledger| ledger.pairs.asked).collect();
        prop_assert_eq!(asked, [40, 40], "each request once");
    }

    #[test]
    fn no_topic_runs_ahead_and_what_is_held_is_bounded(seed in 0..u64::MAX, ahead in 0_usize..3) {
        // Two hours of log, one topic of which comes at once and the others a record at a time.
        let story = Story::spread(seed, 240, Duration::from_secs(30));
        let mut reader = Reader::new(&story, Start::At(Kept::nothing_before(canary::Positions::default()), 0));
        reader.deliver(ahead, usize::MAX);
        let mut dice = fastrand::Rng::with_seed(seed);
        let mut most = 0;
        loop {
            let others: Vec<usize> = (0..3).filter(|topic| *topic != ahead && reader.has_more(*topic)).collect();
            let Some(topic) = dice.choice(&others) else { break };
            reader.deliver(*topic, 1);
            reader.pass();
            most = most.max(reader.partition.held().0);
        }
        prop_assert!(most <= 4, "{} requests were open at once", most);
        prop_assert_eq!(reader.finish(&mut dice), Reader::whole(&story));
    }
}

#[test]
fn a_request_of_a_version_that_is_not_known_waits_for_it_and_not_for_ever() {
    let story = Story::new(7, 3);
    let mut reader = Reader::new(&story, Start::At(Kept::nothing_before(canary::Positions::default()), 0));
    (0..3).for_each(|topic| reader.deliver(topic, usize::MAX));
    let end = reader.end();
    let now = BORN.after(Duration::from_mins(1));
    for topic in Topic::ALL {
        reader.partition.on_end(topic, end, now);
    }
    let asked = |reader: &Reader<'_>| reader.partition.ledgers().next().unwrap().1.pairs.asked;
    reader.partition.on_time(now, &story, 0);
    assert_eq!(asked(&reader), 0);
    assert!(reader.partition.told() <= BORN.after(Duration::from_secs(1)), "no time passes for it");
    reader.partition.on_time(now.after(Duration::from_secs(1)), &story, 1);
    assert_eq!(asked(&reader), 3);

    let mut reader = Reader::new(&story, Start::At(Kept::nothing_before(canary::Positions::default()), 0));
    (0..3).for_each(|topic| reader.deliver(topic, usize::MAX));
    for topic in Topic::ALL {
        reader.partition.on_end(topic, end, now);
    }
    reader.partition.on_time(now, &story, 0);
    reader.partition.on_time(now.after(VERSION_WITHIN).before(Duration::from_micros(1)), &story, 0);
    assert_eq!(asked(&reader), 0);
    reader.partition.on_time(now.after(VERSION_WITHIN), &story, 0);
    assert_eq!(asked(&reader), 3, "the others are not waited for again");
    let unknown = std::iter::from_fn(|| reader.partition.poll_action());
    assert_eq!(unknown.filter(|action| *action == Action::Tell(Told::VersionUnknown)).count(), 1);
}

#[test]
fn who_begins_in_the_middle_heeds_fences_alone_before_it_and_a_void_result_is_none() {
    let story = Story::new(3, 20);
    let whole = Reader::whole(&story);
    // From where the log begins, though results are read from an earlier offset for the fences.
    let begin = Start::At(Kept::nothing_before(canary::Positions::default()), 0);
    assert_eq!(Reader::new(&story, begin).finish(&mut fastrand::Rng::with_seed(1)), whole);
    let late = Start::At(
        Kept::nothing_before(canary::Positions { requests: 0, responses: 0, results: story.results_end() }),
        0,
    );
    let without = Reader::new(&story, late).finish(&mut fastrand::Rng::with_seed(1));
    let late_answers: u64 = without.values().map(|ledger| ledger.pairs.asked).sum();
    assert_eq!(late_answers, 40, "requests count without their results");
    assert_ne!(without, whole, "and results before the beginning do not");
}

#[test]
fn what_the_log_dropped_is_told_and_gone_on_with() {
    let story = Story::new(5, 20);
    let mut reader = Reader::new(&story, Start::Kept(Kept::nothing_before(canary::Positions::default())));
    reader.partition.on_gone(Topic::Responses, 0, (10, 90), &story, BORN);
    let actions: Vec<Action> = std::iter::from_fn(|| reader.partition.poll_action()).collect();
    assert!(actions.contains(&Action::Tell(Told::Lost(Topic::Responses, 10))), "{actions:?}");
    assert_eq!(actions.last(), Some(&Action::Read(Topic::Responses, 10)));
}

#[test]
fn a_log_that_was_cut_off_is_read_from_its_beginning_and_nothing_is_counted_twice() {
    let story = Story::new(5, 20);
    let mut reader = Reader::new(&story, Start::Kept(Kept::nothing_before(canary::Positions::default())));
    let mut dice = fastrand::Rng::with_seed(5);
    let before = reader.clone_finish(&mut dice);
    // Every topic is made anew, and holds the same records under other offsets from 0 on.
    for topic in Topic::ALL {
        reader.partition.on_gone(topic, 10_000, (0, 0), &story, BORN);
    }
    reader.act();
    assert_eq!(reader.at, [Some(0), Some(0), Some(0)]);
    let after = reader.finish(&mut dice);
    let asked = |ledgers: &story::Ledgers| ledgers.values().map(|ledger| ledger.pairs.asked).collect::<Vec<_>>();
    assert_eq!(asked(&after), asked(&before));
}

#[test]
fn whoever_is_compared_as_before_goes_on_when_others_come_and_go() {
    let story = Story::new(9, 30);
    let mut reader = Reader::new(&story, Start::Kept(Kept::nothing_before(canary::Positions::default())));
    let mut dice = fastrand::Rng::with_seed(2);
    for round in 0..20 {
        reader.step(&mut dice);
        let now = if round % 2 == 0 { matchups()[..1].to_vec() } else { matchups() };
        reader.partition.on_matchups(now, limits(), &story, BORN);
        reader.act();
    }
    reader.partition.on_matchups(matchups(), limits(), &story, BORN);
    reader.act();
    let (all, whole) = (reader.finish(&mut dice), Reader::whole(&story));
    assert_eq!(all.get("next"), whole.get("next"));
    assert!(all["again"].pairs.asked <= 30);
}

#[test]
fn a_fence_alone_is_nothing_new() {
    let story = Story::new(1, 0);
    let mut reader = Reader::new(&story, Start::At(Kept::nothing_before(canary::Positions::default()), 0));
    reader.deliver(2, usize::MAX);
    for topic in Topic::ALL {
        reader.partition.on_end(topic, 100, BORN.after(Duration::from_mins(1)));
    }
    reader.partition.on_time(BORN, &story, u64::MAX);
    assert_eq!(reader.partition.next_deadline(), None);
    assert_eq!(reader.partition.last_word(&story), None);
    let garbage = Record::default();
    reader.partition.on_record(Topic::Requests, 0, BORN, garbage);
    reader.partition.on_time(BORN, &story, u64::MAX);
    assert_eq!(reader.partition.last_word(&story), None);
}

/// What a topic takes is a megabyte, unless somebody says otherwise.
#[test]
fn a_checkpoint_of_three_canaries_and_thirteen_features_is_far_below_a_megabyte() {
    let story = Story::wide(11, 20_000);
    let mut reader = Reader::new(&story, Start::Kept(Kept::nothing_before(canary::Positions::default())));
    let mut dice = fastrand::Rng::with_seed(11);
    let mut largest = 0;
    while (0..3).any(|topic| reader.has_more(topic)) {
        for topic in 0..3 {
            reader.deliver(topic, 6_000);
        }
        reader.pass();
        largest = largest.max(reader.keep().written().len());
    }
    reader.clone_finish(&mut dice);
    largest = largest.max(reader.keep().written().len());
    assert!(largest < 600_000, "{largest} bytes");
}
