//! Inputs from Kafka's own console producer, and results in the topics that their callers named, read by Kafka's own
//! console consumer; repliers are killed meanwhile.

use std::{
    collections::BTreeSet,
    io::Write as _,
    process::Stdio,
    time::{Duration, Instant},
};

use bus::{Bus, KafkaBus, KafkaSettings, TopicSpec};
use rdkafka::{
    ClientConfig, Message as _,
    consumer::{BaseConsumer, Consumer as _},
    error::KafkaError,
    message::Headers as _,
};
use tokio::task::block_in_place;

use crate::{
    cases,
    processes::{Deployment, Process},
    rendezvous::PATIENCE,
};

const DOCUMENT: &str = include_str!("../../docs/doors.md");
const PARTITIONS: i32 = 3;
const ALLOWED: [&str; 2] = ["--reply-topics", "replies-*"];

/// Runs one of Kafka's console tools on `input`; returns what it prints.
fn console(script: &str, arguments: &[&str], input: &str) -> String {
    let mut command = broker::tool(script).unwrap();
    let mut child = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{script} {arguments:?}: {}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

/// Makes topics that callers may name.
async fn create(deployment: &Deployment, topics: &[&str]) {
    let bus = KafkaBus::connect(KafkaSettings::new(deployment.brokers())).unwrap();
    let spec =
        |name: &&str| TopicSpec { name: (*name).to_owned(), partitions: PARTITIONS, retention: None, compacted: false };
    bus.create_topics(&topics.iter().map(spec).collect::<Vec<_>>()).await.unwrap();
}

fn serve(deployment: &Deployment) -> Vec<Process> {
    ["starter", "executors", "collector", "replier"].map(|station| replying(deployment, station)).into()
}

fn replying(deployment: &Deployment, station: &str) -> Process {
    let options: &[&str] = if ["starter", "replier"].contains(&station) { &ALLOWED } else { &[] };
    block_in_place(|| deployment.run_with(station, options)).0
}

/// Returns the correlation id, the key and the partition of each reply in `topic`, as whoever reads what is committed
/// finds them.
fn replies(deployment: &Deployment, topic: &str) -> Vec<(String, String, i32)> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", deployment.brokers())
        .set("group.id", format!("plain-{topic}"))
        .set("isolation.level", "read_committed")
        .set("auto.offset.reset", "earliest")
        .set("enable.partition.eof", "true")
        .create()
        .unwrap();
    consumer.subscribe(&[topic]).unwrap();
    let (mut replies, mut ended, started) = (Vec::new(), BTreeSet::new(), Instant::now());
    while ended.len() < usize::try_from(PARTITIONS).unwrap() {
        assert!(started.elapsed() < PATIENCE, "the end of each partition is told: {ended:?}");
        match consumer.poll(Duration::from_millis(100)) {
            // Also where it was only told of its partitions, however short that took.
            None => {}
            Some(Err(KafkaError::PartitionEOF(partition))) => drop(ended.insert(partition)),
            Some(Err(error)) => panic!("{error}"),
            Some(Ok(message)) => {
                let text = |bytes: Option<&[u8]>| String::from_utf8(bytes.unwrap_or_default().to_vec()).unwrap();
                let headers = message.headers().unwrap();
                let correlation = headers.iter().find(|header| header.key == "kafka_correlationId").unwrap();
                replies.push((text(correlation.value), text(message.key()), message.partition()));
            }
        }
    }
    replies
}

#[tokio::test(flavor = "multi_thread")]
async fn each_reply_is_there_once_though_repliers_are_killed_and_other_topics_do_not_exist() {
    const ASKED: usize = 300;
    let deployment = Deployment::new(cases::PROMPT).await;
    let (name, brokers) = (deployment.name(), deployment.brokers().to_owned());
    let (topic, absent) = (format!("replies-{name}"), format!("replies-absent-{name}"));
    create(&deployment, &[&topic]).await;
    let mut stations = serve(&deployment);
    // Where every tenth wants its result there is no topic, and every tenth may not have it where it wants it.
    let line = |number: usize| {
        let topic = match number % 10 {
            0 => &absent,
            5 => "elsewhere",
            _ => &topic,
        };
        format!("kafka_replyTopic:{topic},kafka_correlationId:{number}\tkey-{}\t{{\"x\": {number}}}\n", number % 7)
    };
    let input: String = (0..ASKED).map(line).collect();
    let inputs = format!("{name}.inputs");
    let producing = tokio::task::spawn_blocking({
        let brokers = brokers.clone();
        move || {
            let headers = ["--reader-property", "parse.headers=true", "--reader-property", "parse.key=true"];
            let to = ["--bootstrap-server", &brokers, "--topic", &inputs];
            console("kafka-console-producer", &[&to[..], &headers].concat(), &input)
        }
    });
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(700)).await;
        stations.pop().unwrap().kill();
        stations.push(replying(&deployment, "replier"));
    }
    producing.await.unwrap();

    let wanted: BTreeSet<usize> = (0..ASKED).filter(|number| number % 5 != 0).collect();
    let (count, patience) = (wanted.len().to_string(), PATIENCE.as_millis().to_string());
    let read = ["--bootstrap-server", &brokers, "--topic", &topic, "--from-beginning", "--max-messages", &count];
    let committed = ["--isolation-level", "read_committed", "--timeout-ms", &patience];
    let printed = block_in_place(|| console("kafka-console-consumer", &[&read[..], &committed].concat(), ""));
    assert_eq!(printed.lines().filter(|line| line.contains("\"answer\"")).count(), wanted.len(), "{printed}");

    // Whoever stops has sent what it had in hand.
    for station in stations {
        assert_eq!(station.terminate(), Some(0));
    }
    let replies = block_in_place(|| replies(&deployment, &topic));
    let numbers: BTreeSet<usize> = replies.iter().map(|(number, ..)| number.parse().unwrap()).collect();
    assert_eq!((replies.len(), numbers), (wanted.len(), wanted), "each is there once");
    for (number, key, partition) in &replies {
        assert_eq!(*key, format!("key-{}", number.parse::<usize>().unwrap() % 7));
        let others = replies.iter().filter(|(_, other, _)| other == key);
        assert!(others.map(|(.., at)| at).all(|at| at == partition), "one key, one partition");
    }
}

/// Returns what the document tells people to type, with the lines that each reads.
fn typed(deployment: &Deployment) -> Vec<(String, Vec<String>, String)> {
    let (_, rest) = DOCUMENT.split_once("\n## A Kafka topic\n").expect("the document has the chapter");
    let chapter = rest.split("\n## ").next().unwrap_or_default();
    let mut typed: Vec<(String, Vec<String>, String)> = Vec::new();
    for line in chapter.lines().filter_map(|line| line.strip_prefix("    ")) {
        let line = line.replace("kafka:9092", deployment.brokers()).replace("fraud", &deployment.name());
        if let Some(input) = line.strip_prefix("> ") {
            // What people type as a tab the page shows as one.
            let (_, _, read) = typed.last_mut().expect("a command before its input");
            read.extend([input, "\n"]);
        } else {
            let mut words = line.split(' ').map(str::to_owned);
            let script = words.next().unwrap_or_default().trim_end_matches(".sh").to_owned();
            typed.push((script, words.collect(), String::new()));
        }
    }
    typed
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_document_shows_of_kafka_s_console_works() {
    let policy = include_str!("../../policies/consensus.yaml");
    let policy =
        policy.split("\nexamples:").next().unwrap_or_default().replace("rendezvous: fraud", "rendezvous: NAME");
    let policy = policy.replace("budget: 60ms", "budget: 20s").replace("until: 50ms", "until: 15s");
    let deployment = Deployment::new(&policy).await;
    create(&deployment, &[&format!("replies-{}", deployment.name())]).await;
    let stations = serve(&deployment);
    let typed = typed(&deployment);
    assert!(typed.len() >= 3, "{typed:?}");
    for (script, arguments, input) in &typed {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let printed = block_in_place(|| console(script, &arguments, input));
        if script.ends_with("consumer") {
            assert!(printed.contains("\"verdict\"") && printed.contains("kafka_correlationId:17"), "{printed}");
        }
    }
    for station in stations {
        assert_eq!(station.terminate(), Some(0));
    }
}
