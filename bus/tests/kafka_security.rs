//! Security options reach the cluster, and a refusal reaches whoever can mend it.

#![allow(clippy::unwrap_used, reason = "all of this is tests, though not all of it in functions marked so")]

#[path = "contract/support.rs"]
#[allow(dead_code, reason = "shared with the contract")]
mod support;

use std::sync::LazyLock;

use broker::Broker;
use hedgerow_bus::{Bus, BusError, Commit, Committed, KafkaBus, KafkaSettings, StartAt, TopicPartition, TransactError};
use support::{Reader, producer, record, send, settle, topic, unique, within};

const PASSWORDS: &str = "org.apache.kafka.common.security.plain.PlainLoginModule required \
                         username=\"root\" password=\"root\" user_root=\"root\" user_hedge=\"right\";";

/// Returns the cluster that all tests share: it wants passwords, and forbids what an ACL of a topic does not allow.
fn guarded() -> &'static Broker {
    static SHARED: LazyLock<Broker> = LazyLock::new(|| {
        let started = Broker::start_with(&[
            ("listener.security.protocol.map", "PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT"),
            ("inter.broker.listener.name", "PLAINTEXT"),
            ("sasl.enabled.mechanisms", "PLAIN"),
            ("sasl.mechanism.inter.broker.protocol", "PLAIN"),
            ("listener.name.plaintext.plain.sasl.jaas.config", PASSWORDS),
            ("authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer"),
            ("allow.everyone.if.no.acl.found", "true"),
            ("super.users", "User:root;User:ANONYMOUS"),
        ]);
        started.unwrap_or_else(|error| panic!("{error}"))
    });
    &SHARED
}

#[tokio::test]
async fn a_cluster_that_wants_a_password_takes_the_right_one_and_the_wrong_one_is_told() {
    let broker = guarded();
    let bus = connect(broker, "right");
    let (name, group) = (topic(&bus, 1).await, unique("group"));
    let only = TopicPartition::new(&name, 0);
    let mut member = Reader::member(&bus, &group, &name).await;
    settle(&mut [&mut member], |owned| owned == [1]).await;
    member.start(&only, StartAt::Beginning);
    send(&*producer(&bus, &name).await, &only, record("secret")).await.unwrap();
    assert_eq!(member.read(1).await[0].record, record("secret"));

    let bus = connect(broker, "wrong");
    let refused = within(bus.partitions(&name)).await.unwrap_err();
    assert!(matches!(&refused, BusError::Fatal(sentence) if sentence.contains("Authentication")), "{refused:?}");
    let mut tail = Reader::tail(&bus).await;
    tail.start(&only, StartAt::Beginning);
    let refused = within(tail.consumer.next()).await.unwrap_err();
    assert!(matches!(&refused, BusError::Fatal(sentence) if sentence.contains("Authentication")), "{refused:?}");
}

/// Lets `hedge` read `topic`, and not write to it.
fn close(broker: &Broker, topic: &str) {
    let folder = tempfile::tempdir().unwrap();
    let (file, jaas) = (folder.path().join("root.properties"), PASSWORDS.split(" user_").next().unwrap());
    let text = format!("security.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\nsasl.jaas.config={jaas};\n");
    std::fs::write(&file, text).unwrap();
    let mut command = broker::tool("kafka-acls").unwrap();
    command.args(["--bootstrap-server", &broker.bootstrap(), "--command-config"]).arg(&file);
    command.args(["--add", "--allow-principal", "User:hedge", "--operation", "Read", "--topic", topic]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// librdkafka fails the whole transaction, and names no topic.
#[tokio::test]
async fn a_topic_that_a_transaction_may_not_write_to_is_named_and_the_others_can_be_written_to() {
    let broker = guarded();
    let bus = connect(broker, "right");
    let (from, first) = (topic(&bus, 1).await, topic(&bus, 1).await);
    let (closed, last) = (topic(&bus, 1).await, topic(&bus, 1).await);
    close(broker, &closed);
    let mut member = Reader::member(&bus, &unique("group"), &from).await;
    settle(&mut [&mut member], |owned| owned == [1]).await;
    let mut transactions = within(bus.transactions(&unique("id"), &[])).await.unwrap();
    let by = || member.consumer.membership().unwrap();
    let to = |name: &str| (TopicPartition::new(name, 0), record(name));
    let commit = |offset| {
        let committed = Committed { offset, metadata: String::new() };
        vec![Commit { partition: TopicPartition::new(&from, 0), committed }]
    };
    for wanted in [vec![to(&first), to(&closed), to(&last)], vec![to(&closed)]] {
        let refused = within(transactions.transact(wanted, commit(1), by())).await;
        assert_eq!(refused, Err(TransactError::Forbidden(closed.as_str().into())));
    }
    within(transactions.transact(vec![to(&first), to(&last)], commit(2), by())).await.unwrap();
    for open in [&first, &last] {
        let mut tail = Reader::tail(&bus).await;
        tail.start(&TopicPartition::new(open, 0), StartAt::Beginning);
        assert_eq!(tail.read(1).await[0].record, record(open), "nothing of what was refused can be read");
    }
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
