//! The requests behind a report's numbers: what was asked, and what both said. One pass over the log.

use std::{collections::HashSet, time::Duration};

use bus::{Bus, BusError, Received, Stretch, TopicPartition};
use canary::Report;
use pages::canary::Example;
use policies::Definition;
use serde_json::Value;
use wire::{Envelope, Reply, RequestId, Timestamp, Topics};

pub use pages::canary::Examples;

/// A report's requests are looked for no further back, unless more was compared.
pub const EXAMPLES_WITHIN: Duration = Duration::from_hours(1);
/// An input that is longer is shown by its length.
const INPUT_MAX: usize = 4_096;

/// Looks for the requests that `report` names among those since `since`; those that the log no longer holds are left out.
pub async fn examples(
    bus: &dyn Bus,
    definition: &Definition,
    report: &Report,
    since: Timestamp,
) -> Result<Examples, BusError> {
    let topics = Topics::of(definition.name());
    let named = named(report);
    let (mut examples, mut known) = (Examples::new(), HashSet::new());
    let partitions = bus.partitions(&topics.requests).await?;
    let first = report.requests.first_us.map_or(since, |first| since.max(Timestamp::from_micros(first)));
    let places: HashSet<i32> = named.iter().map(|id| id.partition(partitions)).collect();
    let mut stretch = Stretch::default();
    for partition in places {
        for topic in [&topics.requests, &topics.responses] {
            stretch.add(bus, TopicPartition::new(topic, partition), first).await?;
        }
    }
    let see = |received: Received| match Envelope::decode(&received.record) {
        Ok(Envelope::Request(request)) if named.contains(&request.id) => {
            known.insert(request.id);
            examples.entry(request.id.to_string()).or_default().input = input(&request.body);
        }
        Ok(Envelope::Response(response)) if named.contains(&response.request) => {
            let executor = response.executor.as_str();
            let said = || said(definition, &response.reply);
            let example = examples.entry(response.request.to_string()).or_insert_with(Example::default);
            // The first response is the one that counts.
            if executor == report.reference && example.reference.is_empty() {
                example.reference = said();
            } else if executor == report.canary && example.canary.is_empty() {
                example.canary = said();
            }
        }
        _ => {}
    };
    stretch.read(bus, see, |_| ()).await?;
    examples.retain(|id, _| id.parse().is_ok_and(|id: RequestId| known.contains(&id)));
    Ok(examples)
}

/// Returns every request that the report names, wherever it does.
fn named(report: &Report) -> HashSet<RequestId> {
    let mut named = HashSet::new();
    collect(&serde_json::to_value(report).unwrap_or_default(), false, &mut named);
    named
}

fn collect(value: &Value, are_examples: bool, named: &mut HashSet<RequestId>) {
    match value {
        Value::String(id) if are_examples => named.extend(id.parse::<RequestId>()),
        Value::Array(all) => all.iter().for_each(|one| collect(one, are_examples, named)),
        Value::Object(fields) => fields.iter().for_each(|(name, field)| collect(field, name == "examples", named)),
        _ => {}
    }
}

fn input(body: &[u8]) -> Value {
    if body.len() > INPUT_MAX {
        return Value::from(format!("{} bytes", body.len()));
    }
    serde_json::from_slice(body).unwrap_or_else(|_| Value::from(String::from_utf8_lossy(body)))
}

fn said(definition: &Definition, reply: &Reply) -> String {
    match reply {
        Reply::Answer(answer) => match definition.policy.value_of(answer) {
            Some(Value::String(text)) => text,
            Some(value) => value.to_string(),
            None => String::from_utf8_lossy(&answer[..answer.len().min(INPUT_MAX)]).into_owned(),
        },
        Reply::Failure(failure) => format!("{}: {}", failure.kind.as_str(), failure.message),
    }
}
