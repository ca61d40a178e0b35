//! `agree` decides as early as can be proved right, and waits for nobody in vain: against every way in which those who
//! have not spoken could still vote.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    decide, definition, events, instant,
    ladder::{Agree, Ladder, NAMES, Rung, Said, Step, Tie, agree, reply},
};

/// Agreement of a transitive kind, whose ties are not about what is still to be said.
fn foreseeable() -> impl Strategy<Value = Agree> {
    agree().prop_map(|mut agree| {
        if agree.is_tolerant() {
            agree.on = &[("class", "canonical_json")];
        }
        agree.on_tie.retain(|tie| *tie != Tie::Best);
        agree
    })
}

/// Returns everything that somebody may still say: what was said already, something new, nothing usable.
fn opinions(said: &[Said], fresh: usize) -> Vec<Option<Value>> {
    let heard = said.iter().filter_map(|(_, _, answer)| answer.clone()).filter(|answer| !answer["class"].is_null());
    let new = (1..=fresh)
        .map(|number| json!({ "class": format!("new {number}"), "sure": 0.5, "price": 1_000 * number, "deep": 4 }));
    let mut all: Vec<Option<Value>> = heard.chain(new).map(Some).collect();
    all.push(None);
    all
}

/// Returns what each way leads to, without repetition.
fn futures(agree: &Agree, said: &[Said]) -> Vec<Option<Value>> {
    let silent: Vec<&'static str> =
        NAMES[..4].iter().copied().filter(|name| !said.iter().any(|(other, ..)| other == name)).collect();
    let opinions = opinions(said, silent.len());
    let mut found = Vec::new();
    for way in 0..opinions.len().pow(u32::try_from(silent.len()).expect("at most four")) {
        let mut told = said.to_vec();
        let mut rest = way;
        for name in &silent {
            told.push((*name, 0, opinions[rest % opinions.len()].clone()));
            rest /= opinions.len();
        }
        let agreed = agree.agreed(&told);
        if !found.contains(&agreed) {
            found.push(agreed);
        }
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn agree_waits_for_whom_it_must_and_for_nobody_else(
        agree in foreseeable(),
        replies in prop::collection::vec(reply(), 4),
        order in Just([0_usize, 1, 2, 3]).prop_shuffle(),
    ) {
        let said: Vec<Said> =
            (1..).zip(order).map(|(at, index)| (NAMES[index], at * 1_000, replies[index].clone())).collect();
        let sure_after = (0..=4).find(|heard| futures(&agree, &said[..*heard]).len() == 1);
        let step = Step { rung: Rung::Agree(agree), until: 50, extra: None };
        let ladder = Ladder { steps: vec![step], default: "{ class: none }" };
        let verdict = decide(&definition(&ladder), &events(&said));
        let expected = sure_after.map(|heard| instant(1_000 * u64::try_from(heard).expect("at most four")));
        prop_assert_eq!(Some(verdict.at), expected, "{}{:?}\n{:?}", ladder.yaml(), said, verdict);
    }
}
