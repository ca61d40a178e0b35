//! Whoever writes into the topics what does not belong there.

use bytes::Bytes;
use uuid::Uuid;
use wire::{
    Budget, Fence, Fencing, Headers, Plan, PolicyRef, Record, RendezvousName, Request, RequestId, ResultKind,
    ResultRecord,
};

use super::executor::response;
use crate::{
    dice::Dice,
    log::{Topic, Who},
    net::Net,
    policies,
    sights::Sight,
};

/// Nobody's process.
pub const NOBODY: Who = Who { process: 15, life: 0 };

/// Writes a fence of some epoch: low, as the next one would be, or out of this world.
pub fn fence(net: &mut Net, dice: &mut Dice) {
    let partition = some_partition(net, dice);
    let epoch = *dice.pick(&[0, 1, 2, 3, 5, 1_000, u64::MAX, u64::MAX / 2 + 2]);
    let fence = Fence(Fencing { epoch, instance: Uuid::from_u128(dice.bits()) });
    net.tell(|| format!("somebody writes {fence:?} into {partition}"));
    net.saw(Sight::StrangerFence);
    net.append((Topic::Results, partition), fence.encode(), NOBODY);
}

/// Writes one thing that does not belong where it is; `known` is the id of a request that is asked sooner or later.
pub fn rubbish(net: &mut Net, dice: &mut Dice, known: RequestId) {
    let partition = some_partition(net, dice);
    let unknown = RequestId::from_uuid(Uuid::from_u128(dice.bits()));
    // A response that is too early by more than half a minute is put out again, and nobody knows whether it was first.
    let is_near = net.weather.lasts.as_secs() < 10 || net.reference.requests.contains_key(&known);
    let known = if is_near { known } else { unknown };
    let home = known.partition(net.logs.partitions());
    let (topic, partition, record) = match dice.below(10) {
        0 => (Topic::Requests, partition, garbage(dice)),
        1 => (Topic::Responses, partition, garbage(dice)),
        2 => (Topic::Results, partition, garbage(dice)),
        3 => (Topic::Responses, unknown.partition(net.logs.partitions()), response(dice, unknown, "ash")),
        4 => (Topic::Responses, home, response(dice, known, "nobody")),
        5 => (Topic::Responses, home, response(dice, known, "ash")),
        6 => (Topic::Responses, partition, response(dice, known, "birch")),
        7 => (Topic::Requests, partition, misplaced(net, unknown)),
        8 => (Topic::Results, home, unfenced(dice, known)),
        _ => (Topic::Requests, home, response(dice, known, "ash")),
    };
    if matches!(topic, Topic::Requests | Topic::Responses) && partition == home {
        net.saw(Sight::Rubbish);
    }
    net.tell(|| format!("somebody writes into {topic:?} {partition}"));
    if topic == Topic::Responses && !net.reference.requests.contains_key(&known) {
        net.saw(Sight::Orphan);
    }
    net.append((topic, partition), record, NOBODY);
}

fn some_partition(net: &Net, dice: &mut Dice) -> i32 {
    i32::try_from(dice.below(usize::try_from(net.logs.partitions()).unwrap_or(1))).unwrap_or(0)
}

fn garbage(dice: &mut Dice) -> Record {
    let payload = Some(Bytes::copy_from_slice(&dice.bits().to_be_bytes()));
    Record { key: None, headers: Headers::default(), payload }
}

/// A request that lies where it is not at home, or is to another rendezvous.
fn misplaced(net: &Net, id: RequestId) -> Record {
    let rendezvous = RendezvousName::new("other").expect("it is a name");
    let policy = PolicyRef { rendezvous, version: 1 };
    Request {
        id,
        born: net.now,
        budget: Budget::from_millis(100),
        policy,
        case: None,
        plan: Plan::default(),
        key: None,
        attributes: wire::Attributes::default(),
        traceparent: None,
        reply: None,
        body: Bytes::new(),
    }
    .encode()
}

/// A result by nobody's right.
fn unfenced(dice: &mut Dice, request: RequestId) -> Record {
    let fencing = Fencing { epoch: dice.between(0, 4), instance: Uuid::from_u128(dice.bits()) };
    let policy = PolicyRef { rendezvous: policies::name(), version: 1 };
    let body = Bytes::from_static(br#"{"answer":{"class":"forged"}}"#);
    ResultRecord { request, policy, kind: ResultKind::Prediction, key: None, reply: None, fencing, body }.encode()
}
