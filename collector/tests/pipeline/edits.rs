//! The policy is edited while requests are open, collectors come and go, and versions come before or after requests.

use std::{collections::HashMap, sync::Arc, time::Duration};

use policies::{Definition, ResultBody};
use wire::{Budget, RequestId, ResultKind, ResultRecord};

use crate::scene::{Scene, id, parsed};

const MINUTE: Budget = Budget::from_millis(60_000);
const SHORT: Budget = Budget::from_millis(100);

/// A policy whose default says which version spoke.
fn text(number: u64) -> String {
    format!(
        "rendezvous: test\nbudget: 60s\ninput: {{ features: [x] }}\nanswer: {{ value: class }}\n\
        executors:\n  a: {{ echo: }}\n  b: {{ echo: }}\n  c: {{ echo: }}\n\
        decide:\n- agree: 2\n  until: 60s\n- default: {{ class: none-{number} }}\n"
    )
}

fn version(number: u64) -> Arc<Definition> {
    parsed(&text(number), number)
}

/// Each result names the version that its request was pinned to, and a default is that version's own.
fn check(results: &HashMap<RequestId, ResultRecord>, pinned: &HashMap<u32, u64>) {
    assert_eq!(results.len(), pinned.len());
    for (number, version) in pinned {
        let result = &results[&id(*number)];
        assert_eq!(result.policy.version, *version, "request {number}");
        let body = ResultBody::read(&result.body).expect("a body");
        assert_eq!(body.decision.policy, format!("test@{version}"));
        let expected = match result.kind {
            ResultKind::Prediction => "cat".to_owned(),
            _ => format!("none-{version}"),
        };
        assert_eq!(body.answer["class"], expected.as_str(), "request {number}");
    }
}

#[tokio::test]
async fn requests_of_many_versions_across_take_overs_get_one_result_each_by_their_own() {
    let scene = Scene::set_with(&text(1), 2).await;
    let (mut pinned, mut newest) = (HashMap::new(), Arc::clone(&scene.definition));
    for round in 0..6_u32 {
        let running = scene.collector().await;
        for number in round * 60..(round + 1) * 60 {
            // Every tenth request comes before the collector hears of its version.
            let next = (number % 10 == 9).then(|| version(newest.policy_ref.version + 1));
            newest = next.clone().unwrap_or(newest);
            let silent = number % 4 == 0;
            scene.ask_under(&newest, number, if silent { SHORT } else { MINUTE }, None);
            pinned.insert(number, newest.policy_ref.version);
            if !silent {
                scene.answer("a", number, "cat");
                scene.answer("b", number, "cat");
            }
            tokio::task::yield_now().await;
            if let Some(next) = next {
                scene.edit(&next);
            }
        }
        scene.results(usize::try_from(round * 50).expect("small")).await;
        running.crash().await;
    }
    let last = scene.collector().await;
    check(&scene.results(360).await, &pinned);
    last.stop().await;
}

#[tokio::test]
async fn a_thousand_edits_under_load_lose_nothing_and_answer_nothing_twice() {
    let scene = Scene::set(3).await;
    let first = scene.collector().await;
    let second = scene.collector().await;
    let (mut pinned, mut number) = (HashMap::new(), 0);
    for edit in 2..1_002 {
        let next = version(edit);
        for before in [true, true, false, false] {
            if !before {
                scene.edit(&next);
            }
            scene.ask_under(&next, number, MINUTE, None);
            scene.answer("a", number, "cat");
            scene.answer("b", number, "cat");
            pinned.insert(number, edit);
            number += 1;
        }
        tokio::task::yield_now().await;
    }
    let results = scene.results(4_000).await;
    check(&results, &pinned);
    assert!(results.values().all(|result| result.kind == ResultKind::Prediction));
    first.stop().await;
    second.stop().await;
}

#[tokio::test]
async fn a_version_that_never_comes_costs_its_caller_the_answer_and_nobody_else_anything() {
    let scene = Scene::set(1).await;
    let running = scene.collector().await;
    scene.ask_under(&version(99), 0, SHORT, None);
    scene.answer("a", 0, "cat");
    scene.ask(1, MINUTE);
    scene.answer("a", 1, "cat");
    scene.answer("b", 1, "cat");
    let results = scene.results(2).await;
    assert_eq!((results[&id(0)].kind, results[&id(0)].policy.version), (ResultKind::Default, 1));
    assert_eq!(results[&id(1)].kind, ResultKind::Prediction);
    assert!(running.counted().contains("hedgerow_requests_unheard_total 1"), "{}", running.counted());
    running.stop().await;
}

/// A live edit brings the first default that needs what was answered before.
#[tokio::test]
async fn the_last_prediction_about_a_key_is_found_also_when_it_was_given_before_the_edit() {
    let scene = Scene::set(3).await;
    let running = scene.collector().await;
    scene.ask_under(&scene.definition, 0, MINUTE, Some("anna"));
    scene.answer("a", 0, "cat");
    scene.answer("b", 0, "cat");
    // A default about another key is nobody's knowledge.
    scene.ask_under(&scene.definition, 1, Budget::from_millis(20), Some("ben"));
    scene.results(2).await;
    let text = "rendezvous: test\nbudget: 60s\ninput: { features: [x], attributes: [customer] }\n\
        key: attributes.customer\nanswer: { value: class }\nexecutors:\n  a: { echo: }\n  b: { echo: }\n\
        decide:\n- agree: 2\n  until: 60s\n\
        - default: { last_known: { max_age: 1h, otherwise: { class: unknown } } }\n";
    let edited = parsed(text, 2);
    scene.edit(&edited);
    // The memory fills itself behind everybody's back; until then nothing is known.
    let class = |results: &HashMap<RequestId, ResultRecord>, number| {
        let body = ResultBody::read(&results[&id(number)].body).expect("a body");
        body.answer["class"].as_str().map(str::to_owned)
    };
    let deadline = scene.clock.now().after(Duration::from_secs(30));
    for number in (2..).step_by(2) {
        assert!(scene.clock.now() < deadline, "what was answered about anna is found in time");
        scene.ask_under(&edited, number, Budget::from_millis(20), Some("anna"));
        scene.ask_under(&edited, number + 1, Budget::from_millis(20), Some("ben"));
        let results = scene.results(usize::try_from(number + 2).expect("small")).await;
        assert_eq!(class(&results, number + 1).as_deref(), Some("unknown"));
        assert_eq!(results[&id(number)].key.as_deref(), Some("anna"));
        if class(&results, number).as_deref() == Some("cat") {
            assert_eq!(results[&id(number)].kind, ResultKind::Default, "it is no prediction again");
            break;
        }
    }
    running.stop().await;
}
