//! A version on trial beside the live one.

use std::collections::BTreeMap;

use policies::{PairTally, Share, Trial, TrialMode, TrialTally, Version};

use super::*;

/// Answers with whatever was heard first.
const HASTY: &str = "\
rendezvous: test\nbudget: 50ms\ninput: { features: [x] }\nanswer: { value: class }\n\
executors:\n  a: { echo: }\n  b: { echo: }\n  c: { echo: }\n\
decide:\n- first: any\n  until: 50ms\n- default: { class: none }\n";

/// Waits for all three, longer than the live version.
const SLOW: &str = "\
rendezvous: test\nbudget: 90ms\ninput: { features: [x] }\nanswer: { value: class }\n\
executors:\n  a: { echo: }\n  b: { echo: }\n  c: { echo: }\n\
decide:\n- agree: 3\n  until: 90ms\n- default: { class: never }\n";

const OBJECTIVE: &str = "objectives:\n- { within: 25ms, share: 99%, window: 1d }\n";

fn trying(text: &str, mode: TrialMode) -> Versions {
    let live = parsed(&format!("{LADDER}{OBJECTIVE}"), 1);
    let definition = parsed(text, 2);
    let all = BTreeMap::from([(2, Arc::new(Version::parsed(Arc::clone(&definition))))]);
    Versions::new(all, live, Some(Trial { definition, mode, tallies: BTreeMap::new() }))
}

fn shadowed(text: &str) -> Scene {
    Scene::of(trying(text, TrialMode::Shadow))
}

/// Plays the events and all that is due afterwards; returns what was counted.
fn counted(scene: &mut Scene, events: &str) -> TrialTally {
    for (offset, event) in events.split_whitespace().enumerate() {
        play(scene, event, i64::try_from(offset).expect("few"));
    }
    scene.on_time(at("9000"));
    scene.rendezvous.contest().on_time(at("9000"));
    scene.rendezvous.contest().take_fresh().unwrap_or_default()
}

#[test]
fn a_shadow_that_says_the_same_at_the_same_time_is_no_different() {
    let TrialTally { live, trial, paired } = counted(&mut shadowed(LADDER), "0:1 5:a1=cat 6:b1=cat 0:2");
    assert_eq!(paired, PairTally { compared: 2, ..PairTally::default() });
    assert_eq!(live, trial);
    assert_eq!((live.decided, live.defaults, live.missed), (2, 1, vec![1]));
}

#[test]
fn a_hasty_shadow_is_earlier_and_sometimes_says_something_else() {
    let tally = counted(&mut shadowed(HASTY), "0:1 5:a1=cat 16:b1=cat 0:2 5:c2=dog 16:a2=cat 17:b2=cat");
    assert_eq!(tally.paired, PairTally { compared: 2, different: 1, earlier: 2, ..PairTally::default() });
}

#[test]
fn a_shadow_hears_late_responses_until_its_own_deadline() {
    let late = "0:1 5:a1=cat 6:b1=cat 80:c1=cat";
    assert_eq!(counted(&mut shadowed(SLOW), late).paired, PairTally { compared: 1, later: 1, ..PairTally::default() });
    let too_late = "0:1 5:a1=cat 6:b1=cat 90:c1=cat";
    let paired = PairTally { compared: 1, different: 1, later: 1, default_instead: 1, ..PairTally::default() };
    assert_eq!(counted(&mut shadowed(SLOW), too_late).paired, paired);
}

#[test]
fn a_shadow_has_no_more_time_than_the_caller_gave() {
    let mut scene = shadowed(SLOW);
    let mut asked = request("1", at("0"));
    asked.budget = Budget::from_millis(40);
    scene.on_request(asked, at("0"), 0);
    let tally = counted(&mut scene, "5:a1=cat 6:b1=cat 41:c1=cat");
    assert_eq!(tally.paired.default_instead, 1);
}

#[test]
fn only_what_the_live_version_decides_and_what_was_opened_under_the_trial_is_compared() {
    let mut scene = Scene::of(Versions::only(parsed(LADDER, 1)));
    play(&mut scene, "0:1", 0);
    scene.edit(trying(HASTY, TrialMode::Shadow));
    let mut other = request("2", at("0"));
    other.policy.version = 2;
    scene.on_request(other, at("0"), 1);
    assert_eq!(counted(&mut scene, "5:a1=cat 5:a2=cat").paired, PairTally::default());
}

#[test]
fn what_goes_beyond_the_bound_is_left_out_and_counted() {
    let mut scene = shadowed(HASTY);
    (0..4_100).for_each(|number| play(&mut scene, &format!("0:{number}"), number));
    let tally = counted(&mut scene, "");
    assert_eq!((tally.paired.compared, tally.paired.skipped, tally.live.decided), (4_096, 4, 4_096));
}

#[test]
fn a_share_counts_each_version_s_own_requests() {
    let mut scene = Scene::of(trying(HASTY, TrialMode::Share(Share::new(500).expect("a share"))));
    let mut served = request("1", at("0"));
    served.policy.version = 2;
    scene.on_request(served, at("0"), 0);
    let TrialTally { live, trial, paired } = counted(&mut scene, "5:a1=cat 0:2 5:a2=cat 26:b2=cat 0:3");
    assert_eq!((trial.decided, trial.defaults, trial.missed), (1, 0, vec![0]));
    assert_eq!((live.decided, live.defaults, live.missed), (2, 1, vec![2]));
    assert_eq!(paired, PairTally::default());
}

#[test]
fn a_successor_goes_on_counting_where_its_predecessor_had_come_to() {
    let mut versions = trying(LADDER, TrialMode::Shadow);
    let mut trial = versions.trial().cloned().expect("there is one");
    let mut before = TrialTally::default();
    before.paired.compared = 41;
    trial.tallies.insert(0, before);
    versions = Versions::new(BTreeMap::new(), Arc::clone(versions.live()), Some(trial));
    let mut scene = Scene::of(versions);
    assert!(scene.rendezvous.contest().publication(0, at("0")).is_none(), "it has nothing to add");
    counted(&mut scene, "0:1 5:a1=cat 6:b1=cat");
    let published = scene.rendezvous.contest().publication(0, at("9000")).expect("it counted");
    assert_eq!((published.policy.to_string().as_str(), published.partition), ("test@2", 0));
    let published: TrialTally = serde_json::from_slice(&published.counted).expect("a tally");
    assert_eq!(published.paired.compared, 42);
    assert!(scene.rendezvous.contest().publication(0, at("9001")).is_none(), "not so soon, and nothing is new");
}

/// Everything that leaves a rendezvous, byte for byte.
fn outputs(scene: &mut Scene) -> Vec<String> {
    let told = std::iter::from_fn(|| scene.rendezvous.poll_output());
    told.map(|output| match output {
        Output::Emit(decision) => {
            let Decision { request, offset, born, budget, pin, verdict, due, .. } = *decision;
            let body = verdict.body(&pin.definition.policy_ref, pin.case.as_deref(), born, budget);
            format!("{request} {offset} {due:?} {:?} {}", verdict.at, String::from_utf8_lossy(&body))
        }
        other => format!("{other:?}"),
    })
    .collect()
}

proptest! {
    /// Nothing that is answered, held or waited for changes, whatever is tried.
    #[test]
    fn a_trial_changes_nothing(
        events in prop::collection::vec((0_u8..7, 0_u8..4, 0_u64..120), 0..60),
        tried in prop::sample::select(vec![LADDER, HASTY, SLOW]),
    ) {
        let mut scenes = [Scene::of(Versions::only(parsed(LADDER, 1))), shadowed(tried)];
        for (offset, (kind, number, millis)) in events.into_iter().enumerate() {
            let event = match kind {
                0 => format!("{millis}:{number}"),
                1 => format!("{millis}"),
                2 => format!("{millis}:a{number}!"),
                3 => { scenes[1].rendezvous.contest().on_time(at(&millis.to_string())); continue }
                _ => format!("{millis}:{}{number}={}", ["a", "b", "c"][usize::from(kind) - 4], millis % 2),
            };
            for scene in &mut scenes {
                play(scene, &event, i64::try_from(offset).expect("few"));
            }
            let [without, with] = &mut scenes;
            prop_assert_eq!(outputs(without), outputs(with));
            let (without, with) = (&without.rendezvous, &with.rendezvous);
            prop_assert_eq!(without.next_deadline(), with.next_deadline());
            prop_assert_eq!(without.oldest_orphan(), with.oldest_orphan());
            prop_assert_eq!(without.open_requests(), with.open_requests());
        }
        scenes[1].on_time(at("9000"));
        scenes[1].rendezvous.contest().on_time(at("9000"));
        prop_assert!(scenes[1].rendezvous.contest().is_idle());
    }
}

#[test]
fn what_a_predecessor_decides_is_not_counted_and_what_is_withheld_counts_once_it_is_let_out() {
    for (his, decided) in [(vec!["1", "2"], 0), (vec!["1"], 1), (vec![], 2)] {
        let mut scene = shadowed(LADDER);
        scene.rendezvous = Rendezvous::withholding();
        scene.rendezvous.on_versions(0, &mut scene.surroundings);
        for (offset, event) in "0:1 5:a1=cat 6:b1=cat 7:2 8:a2=cat 9:b2=cat".split_whitespace().enumerate() {
            play(&mut scene, event, i64::try_from(offset).expect("few"));
        }
        assert!(scene.rendezvous.contest().take_fresh().is_none(), "nothing is let out");
        for request in his {
            assert!(scene.rendezvous.on_decided(id(request), at("10")).is_some());
        }
        scene.rendezvous.release();
        let fresh = scene.rendezvous.contest().take_fresh().unwrap_or_default();
        assert_eq!((fresh.paired.compared, fresh.live.decided), (decided, decided));
    }
}
