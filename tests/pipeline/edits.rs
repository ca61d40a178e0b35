//! Live edits under load: a policy changes again and again while requests come, and each request is answered once, by a
//! version that was live when it was planned.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;
use control::Outcome;
use hedgerow::load::Pace;
use starter::{Answered, RawInput, Refusal};
use tokio::{sync::Semaphore, time::timeout};
use wire::{Action, Apply, ResultKind};

use crate::rendezvous::{PATIENCE, Rendezvous, body};

/// How many edits there are, and after how many answers each next one.
const EDITS: u64 = 100;
const ANSWERS_PER_EDIT: usize = 15;
const RATE: u32 = 500;

/// The versions that were asked for and are in force, as far as the one who edits knows.
#[derive(Default)]
struct Edited {
    begun: AtomicU64,
    in_force: AtomicU64,
}

/// What came of one request, and between which versions it must have been planned.
struct Asked {
    answered: Result<Answered, Refusal>,
    oldest: u64,
    newest: u64,
}

/// Returns the policy's text as `version`: no score is ever high enough, so its default says which version decided. Every
/// tenth edit changes who is asked as well.
pub(crate) fn text(version: u64) -> String {
    let tenth = version / 10;
    format!(
        "
rendezvous: NAME
budget: 20s
input: {{ features: [x, class] }}
answer: {{ value: class }}
executors:
  echo: {{ echo: {{}} }}
  tenth{tenth}: {{ constant: {{ answer: {{ class: {tenth}, x: 0 }} }} }}
decide:
  - best: {{ score: answer.x, at_least: 2 }}
    until: 20s
  - default: {{ class: {version} }}
"
    )
}

pub(crate) async fn edits_under_load_lose_nothing_and_each_answer_is_of_a_version_that_was_live(
    rendezvous: Rendezvous,
) {
    let edited = Arc::new(Edited { begun: AtomicU64::new(1), in_force: AtomicU64::new(1) });
    let turns = Semaphore::new(0);
    let count = EDITS * ANSWERS_PER_EDIT as u64;
    let mut finished = Pace { rate: RATE, count }.drive({
        let (starter, edited) = (rendezvous.starter().clone(), Arc::clone(&edited));
        move |_| {
            let (starter, edited) = (starter.clone(), Arc::clone(&edited));
            async move {
                let oldest = edited.in_force.load(Ordering::SeqCst);
                let body = Bytes::from_static(b"{\"x\": 1, \"class\": 1}");
                let answered = starter.ask(RawInput { body, ..RawInput::default() }).await;
                Asked { answered, oldest, newest: edited.begun.load(Ordering::SeqCst) }
            }
        }
    });
    let checking = async {
        let mut checked = 0;
        while let Some(finished) = timeout(PATIENCE, finished.recv()).await.expect("answers keep coming") {
            check(&finished.outcome);
            checked += 1;
            if checked % ANSWERS_PER_EDIT == 0 {
                turns.add_permits(1);
            }
        }
        checked
    };
    let editing = async {
        for version in 2..=EDITS + 1 {
            turns.acquire().await.unwrap().forget();
            edited.begun.store(version, Ordering::SeqCst);
            edit(&rendezvous, version).await;
            edited.in_force.store(version, Ordering::SeqCst);
        }
    };
    let (checked, ()) = tokio::join!(checking, editing);
    assert_eq!(checked as u64, count);
    let last = rendezvous.ask("{\"x\": 1, \"class\": 1}").await;
    check(&Asked { answered: last, oldest: EDITS + 1, newest: EDITS + 1 });
    rendezvous.has_results(checked + 1).await;
    rendezvous.stop().await;
}

fn check(asked: &Asked) {
    let answered = asked.answered.as_ref().unwrap();
    let version = answered.result.policy.version;
    let Asked { oldest, newest, .. } = asked;
    assert!((*oldest..=*newest).contains(&version), "version {version}, live were {oldest} to {newest}");
    let body = body(answered);
    assert_eq!((answered.result.kind, &body.answer["class"]), (ResultKind::Default, &version.into()));
    let asked: Vec<_> = body.decision.receipt.iter().map(|entry| &*entry.executor).collect();
    assert_eq!(asked, ["echo", &*format!("tenth{}", version / 10)]);
}

async fn edit(rendezvous: &Rendezvous, version: u64) {
    let name = rendezvous.app.definition().name().clone();
    let text = text(version).replace("NAME", name.as_str()).into();
    let apply = Apply::live(text, version - 1);
    let change = rendezvous.follower.change(&name, "a test", "one more", Action::Apply(apply));
    let outcome = rendezvous.follower.publish(change).await.unwrap();
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
}
