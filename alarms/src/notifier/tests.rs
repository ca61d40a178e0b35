//! The laws, each by name.

use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn at(second: u64) -> Timestamp {
    Timestamp::EPOCH.after(Duration::from_secs(1_000_000 + second))
}

fn condition(subject: &str, severity: Severity) -> Condition {
    Condition {
        kind: Kind::BreakerOpen,
        rendezvous: Some("wine".to_owned()),
        subject: subject.to_owned(),
        severity,
        since_us: 7,
        summary: format!("{subject} is not waited for"),
        path: "/rendezvous/wine".to_owned(),
    }
}

fn seen(subjects: &[&str]) -> Observation {
    let conditions = subjects.iter().map(|subject| condition(subject, Severity::Ticket)).collect();
    Observation { conditions, unseen: BTreeSet::new() }
}

fn blind() -> Observation {
    let unseen = BTreeSet::from([condition("any", Severity::Info).scope()]);
    Observation { conditions: Vec::new(), unseen }
}

fn rules() -> Rules {
    Rules { holds: 10 * SECOND, clears: 20 * SECOND, reminds: Some(1_000 * SECOND), ..Rules::default() }
}

fn notifier(receivers: usize) -> Notifier {
    Notifier::new(rules(), (0..receivers).map(|place| format!("receiver-{place}")))
}

/// Delivers all that is due and lets `answer` say what comes of it; returns what was taken, as text.
fn deliver(notifier: &mut Notifier, now: u64, answer: impl Fn(&Delivery) -> Answer) -> Vec<String> {
    let mut taken = Vec::new();
    while let Some(delivery) = notifier.poll_delivery(at(now)) {
        let answer = answer(&delivery);
        if answer == Answer::Taken {
            let Notice { word, condition, .. } = &delivery.notice;
            taken.push(format!("{}:{} {}", delivery.receiver, word.as_str(), condition.subject));
        }
        notifier.on_answer(delivery.receiver, answer, at(now), 0.5);
    }
    taken
}

/// Plays observations, one a second from second 0 on, to one receiver that takes everything.
fn play(course: impl IntoIterator<Item = Observation>) -> Vec<(u64, String)> {
    let (mut notifier, mut told) = (notifier(1), Vec::new());
    for (second, observation) in (0..).zip(course) {
        notifier.observe(observation, at(second));
        let taken = deliver(&mut notifier, second, |_| Answer::Taken);
        told.extend(taken.into_iter().map(|what| (second, what)));
    }
    told
}

fn many(observation: &Observation, seconds: usize) -> Vec<Observation> {
    vec![observation.clone(); seconds]
}

fn told(second: u64, what: &str) -> (u64, String) {
    (second, what.to_owned())
}

#[test]
fn while_it_holds_each_is_told_once_and_when_it_is_gone_once() {
    let course = [many(&seen(&["forest"]), 500), many(&seen(&[]), 500)].concat();
    assert_eq!(play(course), [told(10, "0:firing forest"), told(520, "0:resolved forest")]);
}

#[test]
fn of_what_holds_on_is_reminded() {
    let course = many(&seen(&["forest"]), 2_100);
    let expected = [told(10, "0:firing forest"), told(1_010, "0:reminder forest"), told(2_010, "0:reminder forest")];
    assert_eq!(play(course), expected);
}

#[test]
fn of_news_nobody_is_reminded() {
    let news = Condition { kind: Kind::CanaryVerdict, ..condition("rose", Severity::Info) };
    let observation = Observation { conditions: vec![news], unseen: BTreeSet::new() };
    assert_eq!(play(many(&observation, 2_100)), [told(10, "0:firing rose")]);
}

#[test]
fn what_is_gone_before_it_has_held_is_told_to_nobody() {
    let flapping = [many(&seen(&["forest"]), 10), many(&seen(&[]), 1)].concat();
    assert_eq!(play(vec![flapping; 100].concat()), []);
}

#[test]
fn what_is_back_before_it_was_gone_for_a_while_was_never_gone() {
    let flapping = [many(&seen(&["forest"]), 11), many(&seen(&[]), 20)].concat();
    assert_eq!(play(vec![flapping; 10].concat()), [told(10, "0:firing forest")]);
}

#[test]
fn what_became_worse_is_told_again() {
    let of = |severity| Observation { conditions: vec![condition("forest", severity)], ..Observation::default() };
    let course = [many(&of(Severity::Ticket), 20), many(&of(Severity::Page), 20), many(&of(Severity::Ticket), 20)];
    assert_eq!(play(course.concat()), [told(10, "0:firing forest"), told(20, "0:firing forest")]);
}

#[test]
fn what_could_not_be_looked_at_is_as_it_was() {
    let course = [many(&seen(&["forest"]), 11), many(&blind(), 500), many(&seen(&["forest"]), 11)].concat();
    assert_eq!(play(course), [told(10, "0:firing forest")]);
    let elsewhere = Observation {
        unseen: BTreeSet::from([Scope { kind: Kind::BreakerOpen, rendezvous: Some("fraud".to_owned()) }]),
        ..Observation::default()
    };
    let course = [many(&seen(&["forest"]), 11), many(&elsewhere, 30)].concat();
    assert_eq!(play(course), [told(10, "0:firing forest"), told(31, "0:resolved forest")]);
}

#[test]
fn what_a_receiver_could_not_be_told_in_time_it_is_never_told() {
    let mut notifier = notifier(1);
    let later = |_: &Delivery| Answer::Later(None);
    for second in 0..=10 {
        notifier.observe(seen(&["forest"]), at(second));
        assert_eq!(deliver(&mut notifier, second, later), Vec::<String>::new());
    }
    for second in 11..=31 {
        notifier.observe(seen(&[]), at(second));
    }
    assert_eq!(deliver(&mut notifier, 10_000, |_| Answer::Taken), Vec::<String>::new());
    assert!(notifier.known.is_empty(), "nothing is left of it");
}

#[test]
fn what_ends_while_it_is_under_way_is_resolved_as_soon_as_it_has_arrived() {
    let mut notifier = notifier(1);
    notifier.observe(seen(&["forest"]), at(0));
    notifier.observe(seen(&["forest"]), at(10));
    let under_way = notifier.poll_delivery(at(10)).unwrap();
    assert_eq!(under_way.notice.word, Word::Fires);
    notifier.observe(seen(&[]), at(11));
    notifier.observe(seen(&[]), at(40));
    assert_eq!(notifier.poll_delivery(at(40)), None, "one at a time");
    notifier.on_answer(0, Answer::Taken, at(41), 0.0);
    assert_eq!(deliver(&mut notifier, 41, |_| Answer::Taken), ["0:resolved forest"]);
}

#[test]
fn a_receiver_that_hangs_keeps_nothing_from_the_others() {
    let mut notifier = notifier(2);
    notifier.observe(seen(&["forest"]), at(0));
    notifier.observe(seen(&["forest"]), at(10));
    let hangs = notifier.poll_delivery(at(10)).unwrap();
    assert_eq!(hangs.receiver, 0);
    assert_eq!(deliver(&mut notifier, 10, |_| Answer::Taken), ["1:firing forest"]);
    for second in 11..=31 {
        notifier.observe(seen(&[]), at(second));
    }
    assert_eq!(deliver(&mut notifier, 31, |_| Answer::Taken), ["1:resolved forest"]);
}

#[test]
fn what_is_refused_is_given_up_until_it_is_worth_a_reminder() {
    let mut notifier = notifier(1);
    notifier.observe(seen(&["forest"]), at(0));
    notifier.observe(seen(&["forest"]), at(10));
    assert_eq!(deliver(&mut notifier, 10, |_| Answer::Refused), Vec::<String>::new());
    assert_eq!(notifier.poll_delivery(at(1_009)), None);
    assert_eq!(deliver(&mut notifier, 1_010, |_| Answer::Taken), ["0:firing forest"]);
}

#[test]
fn who_refused_is_not_told_that_it_is_over() {
    let mut notifier = notifier(1);
    notifier.observe(seen(&["forest"]), at(0));
    notifier.observe(seen(&["forest"]), at(10));
    deliver(&mut notifier, 10, |_| Answer::Refused);
    notifier.observe(seen(&[]), at(11));
    notifier.observe(seen(&[]), at(31));
    assert_eq!(deliver(&mut notifier, 31, |_| Answer::Taken), Vec::<String>::new());
    assert!(notifier.known.is_empty());
}

#[test]
fn waits_double_up_to_a_bound_and_a_receiver_may_ask_for_more_up_to_an_hour() {
    let rules = rules();
    let waits: Vec<u64> = (0..11).map(|failures| rules.wait(failures, None, 1.0).as_secs()).collect();
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
    assert_eq!(rules.wait(3, None, 0.0), 4 * SECOND, "half of it at least");
    assert_eq!(rules.wait(200, None, 1.0), rules.backoff_max, "however often");
    assert_eq!(rules.wait(0, Some(77 * SECOND), 1.0), 77 * SECOND);
    assert_eq!(rules.wait(9, Some(SECOND), 1.0), rules.backoff_max, "asking for less shortens nothing");
    assert_eq!(rules.wait(0, Some(1_000_000 * SECOND), 1.0), WAIT_MAX);
}

#[test]
fn nobody_is_tried_before_the_wait_is_over() {
    let mut notifier = notifier(1);
    notifier.observe(seen(&["forest"]), at(0));
    notifier.observe(seen(&["forest"]), at(10));
    deliver(&mut notifier, 10, |_| Answer::Later(Some(60 * SECOND)));
    assert_eq!(notifier.next_attempt(), Some(at(70)));
    assert_eq!(notifier.poll_delivery(at(69)), None);
    assert_eq!(deliver(&mut notifier, 70, |_| Answer::Taken), ["0:firing forest"]);
    assert_eq!((notifier.next_attempt(), notifier.failures(0)), (None, 0));
}

#[test]
fn the_worst_is_told_first_and_what_failed_waits_for_the_others() {
    let mut notifier = notifier(1);
    let conditions = vec![condition("a", Severity::Ticket), condition("b", Severity::Page)];
    let observation = Observation { conditions, unseen: BTreeSet::new() };
    notifier.observe(observation.clone(), at(0));
    notifier.observe(observation, at(10));
    let subject = |delivery: Option<Delivery>| delivery.map(|delivery| delivery.notice.condition.subject);
    assert_eq!(subject(notifier.poll_delivery(at(10))).as_deref(), Some("b"));
    notifier.on_answer(0, Answer::Later(None), at(10), 0.0);
    assert_eq!(deliver(&mut notifier, 20, |_| Answer::Taken), ["0:firing a", "0:firing b"]);
}

#[test]
fn no_more_conditions_are_followed_than_there_is_room_for() {
    let rules = Rules { conditions_max: 2, ..rules() };
    let mut notifier = Notifier::new(rules, ["one".to_owned()]);
    notifier.observe(seen(&["a", "b", "c"]), at(0));
    notifier.observe(seen(&["a", "b", "c"]), at(10));
    assert_eq!(deliver(&mut notifier, 10, |_| Answer::Taken), ["0:firing a", "0:firing b"]);
    notifier.observe(seen(&["b", "c"]), at(11));
    notifier.observe(seen(&["b", "c"]), at(31));
    assert_eq!(deliver(&mut notifier, 31, |_| Answer::Taken), ["0:resolved a"]);
    notifier.observe(seen(&["b", "c"]), at(32));
    notifier.observe(seen(&["b", "c"]), at(42));
    assert_eq!(deliver(&mut notifier, 42, |_| Answer::Taken), ["0:firing c"]);
}

/// Returns a successor that was given the note of one who told its one receiver of `forest`.
fn successor(receivers: usize) -> Notifier {
    let mut first = notifier(1);
    first.observe(seen(&["forest"]), at(0));
    first.observe(seen(&["forest"]), at(10));
    deliver(&mut first, 10, |_| Answer::Taken);
    let mut next = notifier(receivers);
    next.resume(&first.note());
    next
}

#[test]
fn a_successor_tells_nobody_again_what_still_holds() {
    let mut next = successor(1);
    for second in 100..200 {
        next.observe(seen(&["forest"]), at(second));
        assert_eq!(deliver(&mut next, second, |_| Answer::Taken), Vec::<String>::new());
    }
    assert_eq!(deliver(&mut next, 1_010, |_| Answer::Taken), ["0:reminder forest"], "the clock goes on");
}

#[test]
fn a_successor_tells_what_was_resolved_meanwhile() {
    let mut next = successor(1);
    next.observe(blind(), at(100));
    next.observe(seen(&[]), at(200));
    next.observe(seen(&[]), at(220));
    assert_eq!(deliver(&mut next, 220, |_| Answer::Taken), ["0:resolved forest"]);
    assert_eq!(next.note(), notifier(1).note(), "and then it is forgotten");
}

#[test]
fn a_receiver_that_is_new_is_told_what_holds() {
    let mut next = successor(2);
    next.observe(seen(&["forest"]), at(100));
    assert_eq!(deliver(&mut next, 100, |_| Answer::Taken), ["1:firing forest"]);
}

#[test]
fn what_one_receiver_was_not_told_yet_is_in_no_note() {
    let mut first = notifier(2);
    first.observe(seen(&["forest"]), at(0));
    first.observe(seen(&["forest"]), at(10));
    let one = |delivery: &Delivery| if delivery.receiver == 0 { Answer::Taken } else { Answer::Later(None) };
    assert_eq!(deliver(&mut first, 10, one), ["0:firing forest"]);
    assert_eq!(first.note(), notifier(2).note());
}

#[test]
fn a_note_that_does_not_read_says_nothing() {
    let mut next = notifier(1);
    for note in ["", "{}", "[]", "{\"to\":[],\"told\":7}"] {
        next.resume(note);
    }
    assert!(next.known.is_empty());
}

#[test]
fn a_note_has_room_in_a_commit_and_keeps_the_worst() {
    let mut first = notifier(1);
    let severity = |number: usize| if number == 77 { Severity::Page } else { Severity::Ticket };
    let conditions = (0..400).map(|number| condition(&format!("executor-{number}"), severity(number))).collect();
    let observation = Observation { conditions, unseen: BTreeSet::new() };
    first.observe(observation.clone(), at(0));
    first.observe(observation, at(10));
    assert_eq!(deliver(&mut first, 10, |_| Answer::Taken).len(), 400);
    let note = first.note();
    assert!((3_500..=4_000).contains(&note.len()), "{}", note.len());
    assert!(note.contains("executor-77"));
}

#[derive(Clone, Debug)]
enum Step {
    See(Vec<bool>),
    Blind,
    Take,
    Answer(usize, u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => proptest::collection::vec(any::<bool>(), 3).prop_map(Step::See),
        1 => Just(Step::Blind),
        4 => Just(Step::Take),
        4 => (0..2_usize, 0..4_u8).prop_map(|(receiver, answer)| Step::Answer(receiver, answer)),
    ]
}

const NAMES: [&str; 3] = ["a", "b", "c"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Whatever is seen and answered: each receiver hears that something holds, then perhaps reminders, then that it is
    /// over, of each condition in this order; and once all is quiet, what each believes is what holds.
    #[test]
    fn whatever_happens_words_alternate_and_in_the_end_each_believes_what_holds(
        steps in proptest::collection::vec((step(), 1..15_u64), 1..120),
        last in proptest::collection::vec(any::<bool>(), 3),
    ) {
        let mut notifier = notifier(2);
        let mut believes: [BTreeSet<String>; 2] = Default::default();
        let mut under_way: [Option<Notice>; 2] = [None, None];
        let mut now = 0;
        let subjects = |flags: &[bool]| -> Vec<&str> {
            NAMES.iter().zip(flags).filter(|(_, holds)| **holds).map(|(name, _)| *name).collect()
        };
        let hear = |believes: &mut BTreeSet<String>, notice: &Notice| -> Result<(), TestCaseError> {
            let subject = notice.condition.subject.clone();
            match notice.word {
                Word::Fires => prop_assert!(believes.insert(subject), "told twice"),
                Word::Reminds => prop_assert!(believes.contains(&subject), "reminded of what it never heard"),
                Word::Resolved => prop_assert!(believes.remove(&subject), "resolved what it never heard"),
            }
            Ok(())
        };
        for (step, later) in steps {
            now += later;
            match step {
                Step::See(flags) => notifier.observe(seen(&subjects(&flags)), at(now)),
                Step::Blind => notifier.observe(blind(), at(now)),
                Step::Take => {
                    if let Some(Delivery { receiver, notice }) = notifier.poll_delivery(at(now)) {
                        prop_assert!(under_way[receiver].replace(notice).is_none(), "two under way");
                    }
                }
                Step::Answer(receiver, answer) => {
                    let Some(notice) = under_way[receiver].take() else { continue };
                    let answer = if answer == 0 { Answer::Later(None) } else { Answer::Taken };
                    if answer == Answer::Taken {
                        hear(&mut believes[receiver], &notice)?;
                    }
                    notifier.on_answer(receiver, answer, at(now), 0.5);
                }
            }
            prop_assert!(notifier.known.len() <= NAMES.len());
        }
        let holds: BTreeSet<String> = subjects(&last).into_iter().map(str::to_owned).collect();
        for _ in 0..60 {
            now += 10;
            notifier.observe(seen(&subjects(&last)), at(now));
            for receiver in 0..2 {
                if let Some(notice) = under_way[receiver].take() {
                    hear(&mut believes[receiver], &notice)?;
                    notifier.on_answer(receiver, Answer::Taken, at(now), 0.5);
                }
            }
            while let Some(Delivery { receiver, notice }) = notifier.poll_delivery(at(now)) {
                hear(&mut believes[receiver], &notice)?;
                notifier.on_answer(receiver, Answer::Taken, at(now), 0.5);
            }
        }
        prop_assert_eq!(&believes[0], &holds);
        prop_assert_eq!(&believes[1], &holds);
        prop_assert_eq!(notifier.known.len(), holds.len(), "nothing is kept of what is over");
    }
}
