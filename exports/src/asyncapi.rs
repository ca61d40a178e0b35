//! The topics of rendezvous as an `AsyncAPI` 3.0 document, for those who read and write them without us.
//!
//! Which headers a message has is not written down here: records are encoded as hedgerow encodes them, once with no more than
//! must be said and once with everything, and what only the second has may be left out.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use policies::Definition;
use serde_json::{Map, Value, json};
use wire::{
    Asked, Attributes, Budget, DeadLetter, ExecutorId, Failure, FailureKind, Fence, Fencing, Headers, ModelVersion,
    Plan, Record, RendezvousName, Reply, ReplyTo, Request, RequestId, Response, ResultKind, ResultRecord, Role,
    Timestamp, Topics,
};

/// What each header says.
const HEADERS: [(&str, &str); 26] = [
    ("ce_specversion", "The version of CloudEvents."),
    ("ce_type", "What the record is."),
    ("content-type", "The payload's type, as it is for every record."),
    ("ce_id", "The request's id, a UUID with hyphens; a fence's instance; where a dead letter's original lies."),
    ("ce_source", "Who wrote it: `/RENDEZVOUS`, `/executors/NAME`, `/collector` or `/dead-letters`."),
    ("ce_born", "When the request was taken in, in microseconds since 1970."),
    ("ce_budget", "How long its answer may take from then, in microseconds."),
    ("ce_policy", "The policy's version that the request is decided by: `wine@3`."),
    (
        "ce_plan",
        "Who is asked, with commas: `forest,boost+5000,~next`. `+` is a later start in microseconds behind the birth, `~` marks a canary.",
    ),
    ("ce_case", "Which of the policy's cases it is."),
    ("ce_key", "Whom or what it is about, where the policy says where to find that."),
    ("ce_attributes", "What the caller said beside the input: a JSON object of texts."),
    ("traceparent", "W3C trace context, where the caller gave one."),
    ("ce_replyto", "Where the result is to go besides `results`: a topic, or `topic/partition`."),
    ("ce_replykey", "The key that the result gets there: that of the caller's record, any bytes."),
    ("ce_correlationid", "What the caller calls the question, any bytes; the reply brings it along."),
    ("ce_executor", "Which executor says so."),
    ("ce_model", "Which model said so: `forest@8d4f3a91c0de`."),
    ("ce_fetched", "How long after the log took the request in the executor had it, in microseconds."),
    ("ce_queued", "How long the request waited in the executor, in microseconds."),
    ("ce_scored", "How long the work took, in microseconds."),
    (
        "ce_failure",
        "Why there is no answer: `failed`, `abstained` (it chose not to), `expired` (there was no time) or `overloaded`.",
    ),
    ("ce_epoch", "Counts take-overs of the partition; results under other than the accepted ones are void."),
    ("ce_instance", "Names one take-over, a UUID."),
    ("ce_origin", "Where the original lies: `topic/partition/offset`."),
    ("ce_reason", "What is wrong with the original, in one sentence."),
];

/// Returns the document about `rendezvous`, as those see it who are beside hedgerow.
#[must_use]
pub fn asyncapi(rendezvous: &[&Definition]) -> Value {
    let (mut channels, mut operations) = (Map::new(), Map::new());
    for definition in rendezvous {
        of(definition, &mut channels, &mut operations);
    }
    let names: Vec<&str> = rendezvous.iter().map(|definition| definition.name().as_str()).collect();
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": format!("hedgerow: {}", names.join(", ")),
            "version": env!("CARGO_PKG_VERSION"),
            "description": "The topics of these rendezvous, for callers, consumers and executors that speak Kafka themselves. \
                `requests`, `responses` and `results` have equally many partitions, and every record about a request lies in the partition \
                of its request: whoever responds sets it explicitly.",
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": { "messages": messages() },
    })
}

fn of(definition: &Definition, channels: &mut Map<String, Value>, operations: &mut Map<String, Value>) {
    let (name, topics) = (definition.name(), Topics::of(definition.name()));
    let input = input(definition);
    let told = [
        ("inputs", &topics.inputs, "send", "Puts an input there, without a connection.", vec!["input"]),
        ("requests", &topics.requests, "receive", "An executor reads what it is asked.", vec!["request"]),
        (
            "responses",
            &topics.responses,
            "send",
            "An executor says its answer, or why there is none.",
            vec!["answer", "failure"],
        ),
        (
            "results",
            &topics.results,
            "receive",
            "A consumer reads results, by the reader's rule.",
            vec!["result", "default", "error", "fence"],
        ),
        (
            "dead-letters",
            &topics.dead_letters,
            "receive",
            "An operator reads what could not be understood.",
            vec!["dead-letter"],
        ),
    ];
    for (kind, address, action, summary, of_kind) in told {
        let id = format!("{name}.{kind}");
        let message = |message: &&str| {
            let mut shown = json!({ "$ref": format!("#/components/messages/{message}") });
            if ["input", "request"].contains(message) {
                // Of a rendezvous' own inputs more is known than of any.
                shown = messages()[*message].clone();
                shown["payload"] = input.clone();
            }
            ((*message).to_owned(), shown)
        };
        let of_channel: Map<String, Value> = of_kind.iter().map(message).collect();
        let pointer = |part: &str| part.replace('~', "~0").replace('/', "~1");
        let known: Vec<Value> = of_kind
            .iter()
            .map(|message| json!({ "$ref": format!("#/channels/{}/messages/{message}", pointer(&id)) }))
            .collect();
        let channel = json!({ "$ref": format!("#/channels/{}", pointer(&id)) });
        let mut operation = json!({ "action": action, "channel": channel, "summary": summary, "messages": known });
        if kind == "inputs" {
            let description = "A topic that the operator allows; without one the result is in `results` alone.";
            let address = json!({ "location": "$message.header#/ce_replyto", "description": description });
            operation["reply"] = json!({ "address": address });
        }
        operations.insert(format!("{action}-{id}"), operation);
        channels.insert(id, json!({ "address": address, "messages": of_channel }));
    }
}

fn input(definition: &Definition) -> Value {
    let schema = &definition.input;
    let numbers = schema.features.iter().map(|name| (name.to_string(), json!({ "type": "number" })));
    let texts = schema.texts.iter().map(|name| (name.to_string(), json!({ "type": "string" })));
    let (members, properties): (Vec<_>, Map<String, Value>) =
        (schema.members().collect(), numbers.chain(texts).collect());
    json!({ "type": "object", "required": members, "properties": properties, "additionalProperties": false })
}

// === messages ===

fn messages() -> Value {
    let object = json!({ "type": "object" });
    let key = json!({ "type": "string", "format": "binary", "minLength": 16, "maxLength": 16,
        "description": "The 16 bytes of the request's id." });
    let keyed = |mut message: Value| {
        message["bindings"] = json!({ "kafka": { "key": key.clone(), "bindingVersion": "0.5.0" } });
        message
    };
    let decided = json!({
        "type": "object",
        "required": ["answer", "decision"],
        "properties": { "answer": { "type": "object" }, "decision": { "type": "object", "description": "What was decided, and why." } },
    });
    let words = json!({ "type": "string", "description": "Why, in words. Not JSON, whatever its header says." });
    let result = |kind| message("A result.", &result(kind, false), &result(kind, true), &decided);
    json!({
        "input": {
            "summary": "An input; it needs no headers.",
            "headers": { "type": "object", "properties": said() },
            "payload": object,
        },
        "request": keyed(message("An input, fanned out.", &request(false), &request(true), &object)),
        "answer": keyed(message("What an executor answers.", &answer(), &answer(), &object)),
        "failure": keyed(message("Why an executor gives no answer.", &failure(), &failure(), &words)),
        "result": keyed(result(ResultKind::Prediction)),
        "default": keyed(result(ResultKind::Default)),
        "error": keyed(result(ResultKind::Error)),
        "fence": message("Takes a partition's results over.", &fence(), &fence(), &json!({ "type": "null" })),
        "dead-letter": message("The original's key, payload and headers, and these.", &letter(), &letter(), &json!({})),
    })
}

/// Returns what a caller may say in the headers of an input.
fn said() -> Map<String, Value> {
    let budget = "How long the answer may take, in milliseconds; lowers the policy's budget and never raises it.";
    let name = "Names the request: the same key is the same request. `ce_id`, with `ce_source`, does so too.";
    let own = [("idempotency-key", name), ("hedgerow-budget-ms", budget)];
    let ours = ["ce_replyto", "ce_correlationid", "traceparent"];
    let known = HEADERS.iter().filter(|(name, _)| ours.contains(name));
    let text = |(name, says): (&str, &str)| (name.to_owned(), json!({ "type": "string", "description": says }));
    own.into_iter().chain(known.copied()).map(text).collect()
}

/// Returns the message that `least` and `most` are records of.
fn message(summary: &str, least: &Record, most: &Record, payload: &Value) -> Value {
    let properties: Map<String, Value> = most.headers.iter().map(header).collect();
    let required: Vec<&str> = least.headers.iter().map(|(name, _)| name).collect();
    let name = String::from_utf8_lossy(most.headers.get("ce_type").unwrap_or_default());
    json!({
        "name": name,
        "summary": summary,
        "headers": { "type": "object", "required": required, "properties": properties },
        "payload": payload,
    })
}

fn header((name, value): (&str, Option<&[u8]>)) -> (String, Value) {
    let says = HEADERS.iter().find(|(known, _)| *known == name).map_or("", |(_, says)| says);
    let mut schema = json!({ "type": "string", "description": says });
    match name {
        "ce_specversion" | "ce_type" | "content-type" => {
            schema["const"] = String::from_utf8_lossy(value.unwrap_or_default()).into();
        }
        "ce_born" | "ce_budget" | "ce_fetched" | "ce_queued" | "ce_scored" | "ce_epoch" => {
            schema["pattern"] = "^[0-9]{1,20}$".into();
        }
        "ce_failure" => {
            let kinds = [FailureKind::Failed, FailureKind::Abstained, FailureKind::Expired, FailureKind::Overloaded];
            schema["enum"] = kinds.map(FailureKind::as_str).to_vec().into();
        }
        _ => {}
    }
    (name.to_owned(), schema)
}

// === records as they are written ===

fn request(everything: bool) -> Record {
    let asked = Asked { executor: executor(), role: Role::Candidate, start_after: Duration::ZERO };
    let mut attributes = Attributes::default();
    if everything {
        attributes.set("tenant", "a");
    }
    Request {
        id: id(),
        born: Timestamp::EPOCH,
        budget: Budget::from_micros(1),
        policy: "wine@1".parse().expect("a policy's version"),
        case: everything.then(|| Arc::from("large")),
        plan: Plan::new(vec![asked]),
        key: everything.then(|| Arc::from("4711")),
        attributes,
        traceparent: everything.then(|| Bytes::from_static(b"00-0-0-00")),
        reply: reply(everything),
        body: Bytes::new(),
    }
    .encode()
}

fn answer() -> Record {
    response(Reply::Answer(Bytes::new()))
}

fn failure() -> Record {
    response(Reply::Failure(Failure { kind: FailureKind::Failed, message: String::new() }))
}

fn response(reply: Reply) -> Record {
    let (model, none) = (ModelVersion::new("forest", "1"), Duration::ZERO);
    Response { request: id(), executor: executor(), model, fetched: none, queued: none, scored: none, reply }.encode()
}

fn result(kind: ResultKind, everything: bool) -> Record {
    let key = everything.then(|| Arc::from("4711"));
    let policy = "wine@1".parse().expect("a policy's version");
    ResultRecord { request: id(), policy, kind, key, reply: reply(everything), fencing: fencing(), body: Bytes::new() }
        .encode()
}

fn reply(everything: bool) -> Option<Arc<ReplyTo>> {
    let address = "orders.replies".parse().expect("a topic's name");
    let (key, correlation) = (Some(Bytes::from_static(b"4711")), Some(Bytes::from_static(b"1")));
    everything.then(|| Arc::new(ReplyTo { address, key, correlation }))
}

fn fence() -> Record {
    Fence(fencing()).encode()
}

fn letter() -> Record {
    let original = Record { key: None, headers: Headers::default(), payload: None };
    DeadLetter { origin: String::new(), reason: String::new(), original }.encode()
}

fn fencing() -> Fencing {
    Fencing { epoch: 1, instance: id().as_uuid() }
}

fn id() -> RequestId {
    RequestId::from_key(&RendezvousName::new("wine").expect("a name"), "1")
}

fn executor() -> ExecutorId {
    ExecutorId::new("forest").expect("a name")
}
