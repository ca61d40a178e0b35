//! Live edits and trials, as the front doors see them.

use std::sync::Arc;

use bytes::Bytes;
use hedgerow_starter::{RawInput, Refusal};
use policies::Definition;
use wire::{Budget, Request, RequestId, ResultKind};

use crate::{
    http::call,
    support::{ANSWER, BODY, EPOCH, Station, World, definition, edited, keyed, soon, unnamed},
};

const WIDER: &str = r#"{"alcohol":12.5,"ash":2,"hue":1}"#;

async fn open() -> (Arc<World>, Station) {
    let world = Arc::new(World::new().await);
    world.collect();
    let station = world.start().await;
    (world, station)
}

/// Asks with `body`, and returns the request that was written for it.
async fn asked(world: &World, station: &Station, key: &str, body: &'static str) -> Result<Request, Refusal> {
    asked_with(world, station, RawInput { body: Bytes::from_static(body.as_bytes()), ..keyed(key) }).await
}

async fn asked_with(world: &World, station: &Station, input: RawInput) -> Result<Request, Refusal> {
    let answered = soon(station.starter.ask(input)).await?;
    let mut requests = world.requests();
    loop {
        let request = soon(requests.recv()).await.unwrap();
        if request.id == answered.id {
            return Ok(request);
        }
    }
}

fn wider(version: u64) -> Definition {
    edited(version, "[alcohol, ash]", "[alcohol, ash, hue]")
}

/// Returns a key whose request is, or is not, within 5,000 of 10,000.
fn key_in_share(within: bool) -> String {
    let share = policies::Share::new(5_000).unwrap();
    let has = |key: &String| share.has(&RequestId::from_key(definition().name(), key)) == within;
    (0..1_000).map(|number| format!("key {number}")).find(has).unwrap()
}

#[tokio::test]
async fn each_field_of_a_live_policy_takes_effect_on_the_next_input_and_only_there() {
    let (world, station) = open().await;
    let before = asked(&world, &station, "a", BODY).await.unwrap();
    world.serve(&edited(2, "budget: 5s", "budget: 6s"), None);
    let budget = asked(&world, &station, "b", BODY).await.unwrap();
    assert_eq!((before.policy.version, before.budget), (1, Budget::from_millis(5_000)));
    assert_eq!((budget.policy.version, budget.budget), (2, Budget::from_millis(6_000)));
    world.serve(&edited(3, "  echo: { echo: {} }", "  echo: { echo: {} }\n  other: { echo: {} }"), None);
    let executors = asked(&world, &station, "c", BODY).await.unwrap();
    assert_eq!((executors.policy.version, executors.plan.to_string()), (3, "echo,other,slow+1000000".to_owned()));
    world.serve(&wider(4), None);
    assert!(matches!(asked(&world, &station, "d", BODY).await, Err(Refusal::Invalid(_))));
    let features = asked(&world, &station, "e", WIDER).await.unwrap();
    assert_eq!((features.policy.version, &*features.body), (4, WIDER.as_bytes()));
    let said = |name: &str| RawInput { attributes: vec![(name.to_owned(), Bytes::from_static(b"x"))], ..unnamed() };
    world.serve(&edited(5, "", ""), None);
    let refused = station.starter.ask(said("segment")).await.unwrap_err();
    assert_eq!(refused.to_string(), "attribute `segment` is not one that the policy declares");
    world.serve(&edited(6, "[tenant, customer_tier]", "[tenant, customer_tier, segment]"), None);
    soon(station.starter.ask(said("segment"))).await.unwrap();
    world.serve(&edited(7, "input.alcohol > 10.0", "input.alcohol > 13.0"), None);
    let gold = RawInput { attributes: vec![("tenant".to_owned(), Bytes::from_static(b"gold"))], ..keyed("f") };
    assert_eq!(asked_with(&world, &station, gold).await.unwrap().case, None);
}

#[tokio::test]
async fn the_case_that_applies_says_who_is_asked_and_how_long_it_may_take() {
    let (world, station) = open().await;
    let said = |tenant: &'static str, tier: &'static str| {
        let attributes = [("tenant", tenant), ("customer_tier", tier)];
        attributes.map(|(name, value)| (name.to_owned(), Bytes::from_static(value.as_bytes()))).to_vec()
    };
    for (tenant, case, budget, plan) in
        [("gold", Some("gold"), 2_000, "echo"), ("silver", None, 5_000, "echo,slow+1000000")]
    {
        let input = RawInput { attributes: said(tenant, "7"), ..keyed(tenant) };
        let request = asked_with(&world, &station, input).await.unwrap();
        assert_eq!((request.case.as_deref(), request.key.as_deref()), (case, Some("7")));
        assert_eq!((request.budget, &*request.plan.to_string()), (Budget::from_millis(budget), plan));
        assert_eq!(request.attributes.get("tenant"), Some(tenant));
    }
}

/// Says a budget of so many milliseconds at one door.
type Door = (&'static str, fn(&str) -> (String, Vec<(&'static str, String)>, String));

/// Each says a budget, and that the tenant is gold.
const DOORS: [Door; 3] = [
    ("header", |ms| (String::new(), vec![("hedgerow-budget-ms", ms.to_owned())], String::new())),
    ("query", |ms| (format!("?budget_ms={ms}"), Vec::new(), String::new())),
    ("parameter", |ms| (String::new(), Vec::new(), format!(r#""timeout_ms":{ms},"#))),
];

#[tokio::test]
async fn at_every_door_a_budget_can_be_lowered_below_the_case_s_and_never_raised() {
    let (world, station) = open().await;
    let (router, mut requests) = (station.router(), world.requests());
    // The case's budget is 2 s, the policy's 5 s.
    for (asked, granted) in [("150.5", 150_500), ("4000", 2_000_000), ("3600000", 2_000_000)] {
        for (door, say) in DOORS {
            let (query, headers, parameter) = say(asked);
            let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, &**value)).collect();
            let row = r#"[{"name":"row","shape":[1,2],"datatype":"FP64","data":[12.5,2]}]"#;
            let body = format!(r#"{{"parameters":{{{parameter}"tenant":"gold"}},"inputs":{row}}}"#);
            let path = format!("/v2/models/wine/infer{query}");
            assert_eq!(call(&router, "POST", &path, &headers, &body).await.status.as_u16(), 200);
            let request = soon(requests.recv()).await.unwrap();
            assert_eq!((door, request.budget), (door, Budget::from_micros(granted)));
        }
        world.input(BODY, &[("hedgerow-budget-ms", asked), ("hedgerow-attribute-tenant", "gold")]);
        let request = soon(requests.recv()).await.unwrap();
        assert_eq!(("input topic", request.budget), ("input topic", Budget::from_micros(granted)));
    }
}

#[tokio::test]
async fn a_caller_in_flight_keeps_the_version_it_was_planned_by() {
    let world = Arc::new(World::new().await);
    let station = world.start().await;
    let (starter, mut requests) = (station.starter.clone(), world.requests());
    let asking = tokio::spawn(async move { starter.ask(keyed("k")).await });
    let request = soon(requests.recv()).await.unwrap();
    world.serve(&wider(2), None);
    world.fence(EPOCH);
    world.answer(&request, EPOCH, ResultKind::Prediction, ANSWER);
    assert_eq!(soon(asking).await.unwrap().unwrap().result.policy.version, 1);
}

#[tokio::test]
async fn a_key_asked_again_after_an_edit_gets_its_first_result() {
    let (world, station) = open().await;
    let first = soon(station.starter.ask(keyed("k"))).await.unwrap();
    // The features in another order: the same input all the same.
    world.serve(&edited(2, "[alcohol, ash]", "[ash, alcohol]"), None);
    let again = soon(station.starter.ask(keyed("k"))).await.unwrap();
    assert_eq!((again.result.policy.version, again.result), (1, first.result));
    assert_eq!(world.count(&world.topics.requests).await, 1);
}

#[tokio::test]
async fn a_trial_serves_its_share_of_the_keys_and_always_the_same_ones() {
    let (world, station) = open().await;
    world.serve(&definition(), Some((&edited(2, "budget: 5s", "budget: 6s"), 5_000)));
    for (within, version, budget) in [(true, 2, 6_000), (false, 1, 5_000)] {
        let request = asked(&world, &station, &key_in_share(within), BODY).await.unwrap();
        assert_eq!((request.policy.version, request.budget), (version, Budget::from_millis(budget)));
    }
}

#[tokio::test]
async fn an_input_is_read_by_the_version_that_serves_it_wherever_its_name_stands() {
    let (world, station) = open().await;
    world.serve(&definition(), Some((&wider(2), 5_000)));
    let (trial, live) = (key_in_share(true), key_in_share(false));
    assert_eq!(asked(&world, &station, &trial, WIDER).await.unwrap().policy.version, 2);
    assert_eq!(asked(&world, &station, &live, BODY).await.unwrap().policy.version, 1);
    assert!(matches!(asked(&world, &station, &trial, BODY).await, Err(Refusal::Invalid(_))));
    assert!(matches!(asked(&world, &station, &live, WIDER).await, Err(Refusal::Invalid(_))));
    // The name stands in the body: it must be found before the body can be read.
    let named = |name: &str, shape: &str, data: &str| {
        let row = format!(r#"{{"name":"row","shape":{shape},"datatype":"FP64","data":{data}}}"#);
        RawInput { body: format!(r#"{{"inputs":[{row}],"id":"{name}"}}"#).into(), ..RawInput::default() }
    };
    let (wide, narrow) = (("[1,3]", "[12.5,2,1]"), ("[1,2]", "[12.5,2]"));
    for (key, good, bad, version) in [(&trial, wide, narrow, 2), (&live, narrow, wide, 1)] {
        let answered = soon(station.starter.ask(named(key, good.0, good.1))).await.unwrap();
        assert_eq!(answered.result.policy.version, version);
        assert!(matches!(station.starter.ask(named(key, bad.0, bad.1)).await, Err(Refusal::Invalid(_))));
    }
}

#[tokio::test]
async fn the_input_topic_follows_the_versions_too() {
    let (world, _station) = open().await;
    let mut requests = world.requests();
    let asked = [("hedgerow-budget-ms", "5500")];
    world.input(BODY, &asked);
    let request = soon(requests.recv()).await.unwrap();
    assert_eq!((request.policy.version, request.budget), (1, Budget::from_millis(5_000)));
    world.serve(&edited(2, "budget: 5s", "budget: 6s"), None);
    world.input(BODY, &asked);
    let request = soon(requests.recv()).await.unwrap();
    assert_eq!((request.policy.version, request.budget), (2, Budget::from_millis(5_500)));
}

#[tokio::test]
async fn only_the_live_version_can_be_asked_for_by_its_number() {
    let (world, station) = open().await;
    let router = station.router();
    world.serve(&edited(7, "", ""), Some((&wider(8), 9_999)));
    let infer = async |version: &str| {
        let path = format!("/v2/models/wine/versions/{version}/infer");
        let answer = call(&router, "POST", &path, &[], BODY).await;
        (answer.status.as_u16(), answer.header("hedgerow-policy").to_owned())
    };
    // Nearly all are of the trial's share; who asks for the live version is served by it.
    assert_eq!(infer("7").await, (200, "wine@7".to_owned()));
    assert_eq!(infer("8").await, (404, String::new()));
    assert_eq!(infer("6").await, (404, String::new()));
    assert_eq!(infer("seven").await, (404, String::new()));
}

#[tokio::test]
async fn the_models_metadata_tell_what_is_live_and_what_is_tried() {
    let (world, station) = open().await;
    let router = station.router();
    world.serve(&edited(7, "", ""), Some((&wider(8), 500)));
    let get = async |path: &str| {
        let answer = call(&router, "GET", path, &[], "").await;
        (answer.status.as_u16(), answer.json())
    };
    let (_, model) = get("/v2/models/wine").await;
    assert_eq!(model["versions"], serde_json::json!(["7", "8"]));
    assert_eq!((&model["parameters"]["live_version"], model["inputs"].as_array().unwrap().len()), (&"7".into(), 2));
    assert_eq!((&model["parameters"]["trial_version"], &model["parameters"]["trial"]), (&"8".into(), &"share".into()));
    assert_eq!(get("/v2/models/wine/versions/7").await.1, model);
    let (_, trial) = get("/v2/models/wine/versions/8").await;
    assert_eq!((&trial["parameters"]["version"], trial["inputs"].as_array().unwrap().len()), (&"8".into(), 3));
    assert_eq!(get("/v2/models/wine/versions/7/ready").await.0, 200);
    for path in ["6", "8/ready", "6/ready", "x"] {
        assert_eq!(get(&format!("/v2/models/wine/versions/{path}")).await.0, 404, "{path}");
    }
}
