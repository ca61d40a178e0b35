//! Ids, budgets and births of requests.

use super::*;

const POLICY: &str = "
rendezvous: wine
budget: 50ms
input: { features: [x] }
answer: { value: class }
executors:
  forest: { echo: {} }
  next: { echo: {}, canary: { of: forest } }
decide:
  - first:
    until: 50ms
  - default: { class: unknown }
";

const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn planner() -> Planner {
    let definition = Definition::parse("wine.yaml", POLICY).unwrap_or_else(|problems| panic!("{problems}"));
    Planner::new(Arc::new(definition))
}

fn request(asked: Option<u64>, traceparent: &str) -> Request {
    let planner = planner();
    let (id, born) = (id(Origin::Key("k")), Timestamp::from_micros(7));
    let traceparent = Some(Bytes::copy_from_slice(traceparent.as_bytes()));
    let body = Bytes::from_static(b"{\"x\":1}");
    let budget = asked.map(Budget::from_micros);
    planner.request(id, born, Stated { body, budget, traceparent, ..Stated::default() })
}

fn id(origin: Origin<'_>) -> RequestId {
    origin.id(&RendezvousName::new("wine").unwrap())
}

#[test]
fn the_same_origin_always_has_the_same_id_and_no_other_has_it() {
    let position = |partition, offset| Origin::Position { topic: "wine.inputs", partition, offset };
    let origins = [
        Origin::Key("0"),
        Origin::Key("wine.inputs"),
        Origin::Unnamed(Uuid::from_u128(7)),
        position(0, 0),
        position(0, 1),
        position(1, 0),
        Origin::Position { topic: "other", partition: 0, offset: 0 },
    ];
    let (once, again) = (origins.map(id), origins.map(id));
    assert_eq!(once, again);
    assert_eq!(std::collections::HashSet::from(once).len(), origins.len());
}

#[test]
fn a_budget_is_never_raised() {
    for (asked, granted) in [(None, 50_000), (Some(50_001), 50_000), (Some(u64::MAX), 50_000), (Some(1), 1)] {
        assert_eq!(request(asked, TRACE).budget, Budget::from_micros(granted));
    }
}

#[test]
fn a_request_is_stamped_with_policy_and_plan() {
    let request = request(None, TRACE);
    assert_eq!(request.policy.to_string(), "wine@1");
    assert_eq!(request.plan.to_string(), "forest,~next");
    assert_eq!((request.born, request.deadline()), (Timestamp::from_micros(7), Timestamp::from_micros(50_007)));
}

#[test]
fn where_state_is_kept_requests_about_one_key_lie_in_one_partition_and_elsewhere_they_are_spread() {
    let keyed = POLICY.replace("  next:", "  heater: { rust: heater, state: {} }\n  next:") + "key: input.x\n";
    let stateless = POLICY.to_owned() + "key: input.x\n";
    for (policy, one) in [(keyed, true), (stateless, false)] {
        let definition = Definition::parse("wine.yaml", &policy).unwrap_or_else(|problems| panic!("{problems}"));
        let planner = Planner::new(Arc::new(definition));
        let partition = |key: u32| {
            let (id, stated) =
                (id(Origin::Key(&key.to_string())), Stated { body: "{\"x\":1}".into(), ..Stated::default() });
            planner.request(id, Timestamp::from_micros(7), stated).id.partition(8)
        };
        let all: std::collections::HashSet<i32> = (0..100).map(partition).collect();
        assert_eq!(all.len() == 1, one, "{all:?}");
    }
}

#[test]
fn a_start_that_follows_a_latency_is_an_instant_in_the_request() {
    let hedged = POLICY
        .replace("  next:", "  boost: { echo: {}, start: { after: p95, max: 20ms, otherwise: 15ms } }\n  next:")
        + "cases:\n  - { case: small, when: input.x < 1.0, ask: [forest, boost], decide: [first: any] }\n";
    let hedged = Definition::parse("wine.yaml", &hedged).unwrap_or_else(|problems| panic!("{problems}"));
    let hedged = Arc::new(hedged);
    let mut usual = Latencies::default();
    let forest = wire::ExecutorId::new("forest").unwrap();
    let plan = |planner: &Planner, body: &'static str| {
        let stated = Stated { body: body.into(), ..Stated::default() };
        planner.request(id(Origin::Key("k")), Timestamp::from_micros(7), stated).plan.to_string()
    };
    let unknowing = Planner::new(Arc::clone(&hedged));
    assert_eq!(plan(&unknowing, "{\"x\":1}"), "forest,boost+15000,~next");
    for (took, start) in [(9, 9_000), (90, 20_000)] {
        usual.set(forest.clone(), [std::time::Duration::from_millis(took); policies::Quantile::ALL.len()]);
        let planner = Planner::knowing(Arc::clone(&hedged), &usual);
        assert_eq!(plan(&planner, "{\"x\":1}"), format!("forest,boost+{start},~next"));
        assert_eq!(plan(&planner, "{\"x\":0}"), format!("forest,boost+{start},~next"), "and so in a case");
        assert!(planner.knows(&usual) && !unknowing.knows(&usual));
    }
    assert!(planner().knows(&usual), "nobody's start depends on it");
}

#[test]
fn a_sampled_canary_is_asked_about_its_share_and_about_the_same_requests_whenever_they_come() {
    let sampled = POLICY.replace("of: forest }", "of: forest, sample: 10% }")
        + "cases:\n  - { case: small, when: input.x < 1.0, ask: [forest], decide: [first: any] }\n";
    let definition = Definition::parse("wine.yaml", &sampled).unwrap_or_else(|problems| panic!("{problems}"));
    let planner = Planner::new(Arc::new(definition));
    let plan = |key: u32, born: i64, body: &'static str| {
        let (id, stated) = (id(Origin::Key(&key.to_string())), Stated { body: body.into(), ..Stated::default() });
        let request = planner.request(id, Timestamp::from_micros(born), stated);
        assert_eq!(request.case.is_some(), body == "{\"x\":0}");
        request.plan
    };
    let asked = |key: &u32| plan(*key, 7, "{\"x\":1}").to_string() == "forest,~next";
    let sample: Vec<u32> = (0..10_000).filter(asked).collect();
    assert!((900..1_100).contains(&sample.len()), "{} of 10,000", sample.len());
    for key in 0..100 {
        let expected = if sample.contains(&key) { "forest,~next" } else { "forest" };
        assert_eq!(plan(key, 1 << 40, "{\"x\":1}").to_string(), expected, "asked again, much later");
        assert_eq!(plan(key, 7, "{\"x\":0}").to_string(), expected, "and so in a case");
    }
    let (one, other) = (plan(sample[0], 7, "{\"x\":1}"), plan(sample[1], 7, "{\"x\":1}"));
    assert!(std::ptr::eq(one.asked(), other.asked()), "requests that are asked alike share their plan");
}

#[test]
fn without_a_sample_requests_share_the_plan_of_their_policy() {
    let planner = planner();
    let asked = planner.request(id(Origin::Key("k")), Timestamp::from_micros(7), Stated::default()).plan;
    assert!(planner.planned.is_empty() && std::ptr::eq(asked.asked(), planner.definition.plan().asked()));
}

#[test]
fn only_a_trace_context_passes_through() {
    let passes = |trace: &str| request(None, trace).traceparent.is_some();
    assert!(passes(TRACE) && passes(&format!("{TRACE}-later-versions")));
    let upper = TRACE.to_uppercase();
    for garbage in ["", "garbage", &TRACE[..54], &upper.replace('F', "G"), &TRACE.replace('-', "_"), &TRACE.repeat(9)] {
        assert!(!passes(garbage), "{garbage}");
    }
}

#[test]
fn a_key_is_visible_text_of_bounded_length() {
    let long = [b'k'; KEY_BYTES + 1];
    assert_eq!(key("the key", b" order 7 "), Ok("order 7"));
    assert_eq!(key("the key", &long[1..]).map(str::len), Ok(KEY_BYTES));
    for bad in [&b""[..], b"  ", b"a\nb", b"a\x1fb", b"\xff", &long] {
        assert!(key("the key", bad).is_err(), "{bad:?}");
    }
}

#[test]
fn a_budget_is_more_than_nothing_and_at_most_an_hour() {
    for (text, micros) in [("1", 1_000), (" 0.001 ", 1), ("12.5", 12_500), ("3600000", 3_600_000_000)] {
        assert_eq!(budget("budget", text), Ok(Budget::from_micros(micros)), "{text}");
    }
    for bad in ["", "0", "-1", "NaN", "inf", "1e300", "3600001", "0.0001", "5ms", "\"5\""] {
        assert!(budget("budget", bad).is_err(), "{bad}");
    }
}
