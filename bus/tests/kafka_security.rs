//! Security options reach the cluster, and a refusal reaches whoever can mend it.

#![allow(clippy::unwrap_used, reason = "all of this is tests, though not all of it in functions marked so")]

#[path = "contract/support.rs"]
#[allow(dead_code, reason = "shared with the contract")]
mod support;

use broker::Broker;
use hedgerow_bus::{Bus, BusError, KafkaBus, KafkaSettings, StartAt, TopicPartition};
use support::{Reader, producer, record, send, settle, topic, unique, within};

#[tokio::test]
async fn a_cluster_that_wants_a_password_takes_the_right_one_and_the_wrong_one_is_told() {
    let broker = Broker::start_with(&[
        ("listener.security.protocol.map", "PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT"),
        ("sasl.enabled.mechanisms", "PLAIN"),
        ("sasl.mechanism.inter.broker.protocol", "PLAIN"),
        (
            "listener.name.plaintext.plain.sasl.jaas.config",
            "org.apache.kafka.common.security.plain.PlainLoginModule required \
             username=\"hedge\" password=\"right\" user_hedge=\"right\";",
        ),
    ])
    .unwrap_or_else(|error| panic!("{error}"));

    let bus = connect(&broker, "right");
    let (name, group) = (topic(&bus, 1).await, unique("group"));
    let only = TopicPartition::new(&name, 0);
    let mut member = Reader::member(&bus, &group, &name).await;
    settle(&mut [&mut member], |owned| owned == [1]).await;
    member.start(&only, StartAt::Beginning);
    send(&*producer(&bus, &name).await, &only, record("secret")).await.unwrap();
    assert_eq!(member.read(1).await[0].record, record("secret"));

    let bus = connect(&broker, "wrong");
    let refused = within(bus.partitions(&name)).await.unwrap_err();
    assert!(matches!(&refused, BusError::Fatal(sentence) if sentence.contains("Authentication")), "{refused:?}");
    let mut tail = Reader::tail(&bus).await;
    tail.start(&only, StartAt::Beginning);
    let refused = within(tail.consumer.next()).await.unwrap_err();
    assert!(matches!(&refused, BusError::Fatal(sentence) if sentence.contains("Authentication")), "{refused:?}");
}

fn connect(broker: &Broker, password: &str) -> KafkaBus {
    let mut settings = KafkaSettings::new(broker.bootstrap());
    let options = [
        ("security.protocol", "sasl_plaintext"),
        ("sasl.mechanisms", "PLAIN"),
        ("sasl.username", "hedge"),
        ("sasl.password", password),
    ];
    settings.options = options.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    KafkaBus::connect(settings).unwrap()
}
