//! Inputs in Avro, Protobuf and JSON by Confluent's own serializers, with a real registry, on a real Kafka.

use std::{path::PathBuf, process::Command, time::Duration};

use bus::{Bus, Event, KafkaBus, KafkaSettings, StartAt, TopicPartition};
use schemas::{Frame, Look, Registry, RegistryAt};
use serde_json::Value;
use tokio::{task::block_in_place, time::timeout};
use wire::{DeadLetter, Record, RendezvousName, Topics};

use crate::{processes::Deployment, rendezvous::PATIENCE};

const POLICY: &str = "
rendezvous: NAME
budget: 50s
input: { features: [amount, pieces], texts: [who] }
answer: { value: class }
executors:
  quick: { constant: { answer: { class: 1 } } }
decide:
  - first:
    until: 49s
  - default: { class: unknown }
";

/// Puts the same order into a topic three times, each framed by another of Confluent's serializers, and then one whose
/// schema nobody knows.
const PRODUCE: &str = r#"
import json, sys
from confluent_kafka import Producer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.schema_registry.json_schema import JSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

url, brokers, topic = sys.argv[1:]
registry, producer = SchemaRegistryClient({"url": url}), Producer({"bootstrap.servers": brokers})
order = {"amount": 12.34, "pieces": 2**40 + 1, "who": "größer"}

Field = descriptor_pb2.FieldDescriptorProto
file = descriptor_pb2.FileDescriptorProto(name="order.proto", syntax="proto3")
kinds = {"amount": Field.TYPE_DOUBLE, "pieces": Field.TYPE_INT64, "who": Field.TYPE_STRING}
file.message_type.add(name="Order", field=[
    Field(name=name, number=number, type=of, label=Field.LABEL_OPTIONAL) for number, (name, of) in enumerate(kinds.items(), 1)])
descriptor_pool.Default().Add(file)
Order = message_factory.GetMessageClass(descriptor_pool.Default().FindMessageTypeByName("Order"))

decimal = {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}
avro = {"type": "record", "name": "Order", "fields": [
    {"name": "amount", "type": decimal}, {"name": "pieces", "type": ["null", "long"]}, {"name": "who", "type": "string"}]}
json_schema = json.dumps({"$schema": "http://json-schema.org/draft-07/schema#", "title": "Order", "type": "object"})
from decimal import Decimal

framed = lambda subject, serializer, value: serializer(value, SerializationContext(subject, MessageField.VALUE))
for value in (
    framed("avro", AvroSerializer(registry, json.dumps(avro)), {**order, "amount": Decimal("12.34")}),
    framed("protobuf", ProtobufSerializer(Order, registry, {"use.deprecated.format": False}), Order(**order)),
    framed("json", JSONSerializer(json_schema, registry), order),
    b"\0\x7f\xff\xff\xff{}",
):
    producer.produce(topic, value)
assert producer.flush(60) == 0
"#;

/// Runs a script on the Python of the tests; returns what it prints.
fn python(script: &[&str]) -> String {
    let python = std::env::var_os("HEDGEROW_TEST_PYTHON").map(PathBuf::from).filter(|python| python.exists());
    let python = python.expect("run `tools/setup.sh python`, and `make test`, which sets HEDGEROW_TEST_PYTHON");
    let output = Command::new(python).args(["-W", "ignore"]).args(script).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Reads the first `count` records of a topic of one partition or more.
async fn read(brokers: &str, topic: &str, count: usize) -> Vec<Record> {
    let bus = KafkaBus::connect(KafkaSettings::new(brokers)).unwrap();
    let mut tail = bus.tail().await.unwrap();
    for partition in 0..bus.partitions(topic).await.unwrap() {
        tail.start(&TopicPartition::new(topic, partition), StartAt::Beginning).unwrap();
    }
    let mut records = Vec::new();
    while records.len() < count {
        let event = timeout(PATIENCE, tail.next()).await.unwrap_or_else(|_| panic!("{} of {count}", records.len()));
        let Event::Records(received) = event.unwrap() else { continue };
        records.extend(received.into_iter().map(|received| received.record));
    }
    records
}

#[tokio::test(flavor = "multi_thread")]
async fn values_that_confluent_s_serializers_frame_are_asked_as_the_documents_that_were_meant() {
    let registry = tokio::task::spawn_blocking(broker::Registry::shared).await.unwrap().unwrap().url();
    let frames = concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/vectors/frames.py");
    let vectors = block_in_place(|| python(&[frames, &registry]));
    let asked = Registry::start(RegistryAt::new(&registry, None).unwrap(), || {}).unwrap();
    for line in vectors.lines() {
        let vector: Value = serde_json::from_str(line).unwrap();
        let hex = vector["framed"].as_str().unwrap();
        let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        let value: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
        let frame = Frame::read(&value).unwrap().unwrap();
        let known = async {
            loop {
                match asked.look(frame.id) {
                    Look::Waiting => tokio::time::sleep(Duration::from_millis(1)).await,
                    Look::Schema(schema) => return schema,
                    Look::Unusable(why) => panic!("{}: {why}", vector["name"]),
                }
            }
        };
        let json = timeout(PATIENCE, known).await.unwrap().decode(frame.payload).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&json).unwrap(), vector["json"], "{}", vector["name"]);
    }
    assert!(vectors.lines().count() >= 10);

    let deployment = Deployment::new(POLICY).await;
    let topics = Topics::of(&RendezvousName::new(&deployment.name()).unwrap());
    let options: &[&str] = &["--schema-registry", &registry];
    let stations = [("starter", options), ("executors", &[]), ("collector", &[])];
    let stations = stations.map(|(station, options)| block_in_place(|| deployment.run_with(station, options)).0);
    let (observer, stop) = deployment.observe().await;
    block_in_place(|| python(&["-c", PRODUCE, &registry, deployment.brokers(), &topics.inputs]));
    for request in read(deployment.brokers(), &topics.requests, 3).await {
        let asked: Value = serde_json::from_slice(&request.payload.unwrap()).unwrap();
        let expected = serde_json::json!({ "amount": 12.34, "pieces": (1_u64 << 40) + 1, "who": "größer" });
        assert_eq!(asked, expected);
    }
    let letters = read(deployment.brokers(), &topics.dead_letters, 1).await;
    let (_, reason) = DeadLetter::describe(&letters[0]).unwrap();
    assert_eq!(reason, "the body is framed for a schema registry: the registry has no schema 2147483647");
    let answered = timeout(PATIENCE, observer.until(|observed| observed.results.len() >= 3)).await;
    assert!(answered.is_ok(), "each has its result");
    stop.cancel();
    for station in stations {
        assert_eq!(station.terminate(), Some(0));
    }
}
