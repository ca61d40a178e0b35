//! How to reach a cluster, and every librdkafka setting with its reason.

use std::{collections::BTreeMap, fmt};

use rdkafka::config::ClientConfig;

use crate::BusError;

/// How to reach a cluster.
#[derive(Clone)]
pub struct KafkaSettings {
    /// `HOST:PORT` of one or more brokers, separated by commas.
    pub brokers: String,
    /// How many replicas new topics have; `None` is 3, or as many as there are brokers.
    pub replication: Option<i16>,
    /// Options of librdkafka for all clients: `security.protocol`, `sasl.*`, `ssl.*`, and whatever else it knows except
    /// what the contract of the bus stands on. `message.max.bytes` also becomes the limit of new topics.
    /// `group.protocol=classic` is for clusters older than Kafka 4.0.
    pub options: BTreeMap<String, String>,
    /// The name under which brokers log and limit this client.
    pub client_id: String,
}

/// Options that the contract of the bus stands on, with what to do instead.
const REFUSED: [(&str, &str); 20] = [
    ("bootstrap.servers", "name the brokers themselves"),
    ("metadata.broker.list", "name the brokers themselves"),
    ("client.id", "it is a setting of its own"),
    ("acks", "a record counts only when all replicas that are in sync have it"),
    ("request.required.acks", "a record counts only when all replicas that are in sync have it"),
    ("enable.idempotence", "a retry must not double a record"),
    ("enable.gapless.guarantee", "one lost record must not end a producer"),
    ("transactional.id", "there are no transactions on the path of a request"),
    ("delivery.report.only.error", "every record is acknowledged"),
    ("group.id", "groups are named after the rendezvous and the station"),
    ("group.instance.id", "a member that dies must not be waited for"),
    ("partition.assignment.strategy", "it follows from group.protocol"),
    ("isolation.level", "what was not committed is never delivered"),
    ("enable.auto.commit", "only what is dealt with is committed"),
    ("auto.commit.enable", "only what is dealt with is committed"),
    ("enable.auto.offset.store", "only what is dealt with is committed"),
    ("auto.offset.reset", "an offset that is gone is told, never skipped"),
    ("enable.partition.eof", "the end of a partition is no event"),
    ("allow.auto.create.topics", "topics are created with their settings, or not at all"),
    ("statistics.interval.ms", "it tells when a producer is warm"),
];

/// How long a record that cannot be delivered is tried before it is acknowledged as lost.
const DELIVER_WITHIN_MS: &str = "30000";

// === impl KafkaSettings ===

impl KafkaSettings {
    /// Returns the settings for the cluster of `brokers` with everything else at its default.
    #[must_use]
    pub fn new(brokers: impl Into<String>) -> Self {
        Self { brokers: brokers.into(), replication: None, options: BTreeMap::new(), client_id: "hedgerow".to_owned() }
    }

    /// Returns the same for a consumer that lets the broker gather records before it answers a fetch.
    pub(super) fn unhurried(&self) -> Self {
        self.with(&[("fetch.min.bytes", "1000000"), ("fetch.wait.max.ms", "50")])
    }

    /// Returns the same for a consumer whose fetches are soon over, so that what is started then is fetched soon.
    pub(super) fn hasty(&self) -> Self {
        self.with(&[("fetch.wait.max.ms", "10")])
    }

    fn with(&self, options: &[(&str, &str)]) -> Self {
        let mut settings = self.clone();
        settings.options.extend(options.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        settings
    }

    /// Refuses what cannot be right, one sentence for each option.
    pub(super) fn check(&self) -> Result<(), BusError> {
        if self.brokers.trim().is_empty() {
            return Err(BusError::Fatal("no brokers are named: HOST:PORT, several separated by commas".to_owned()));
        }
        let problems: Vec<String> = self.options.iter().filter_map(|(name, value)| problem(name, value)).collect();
        if problems.is_empty() { Ok(()) } else { Err(BusError::Fatal(problems.join("; "))) }
    }

    /// Returns the largest record that new topics take, if it was chosen.
    pub(super) fn record_bytes_max(&self) -> Option<&str> {
        self.options.get("message.max.bytes").map(String::as_str)
    }

    /// Returns the configuration of the client that only asks.
    pub(super) fn asker(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        self.choose(&mut config);
        without_group(&mut config);
        config.set("allow.auto.create.topics", "false");
        config
    }

    /// Returns the configuration of who asks where `group` stands and is not in it. What a transaction is about to commit
    /// is no answer yet, and nothing to wait for.
    pub(super) fn onlooker(&self, group: &str) -> ClientConfig {
        let mut config = self.asker();
        config.set("group.id", group).set("isolation.level", "read_uncommitted").set("enable.auto.commit", "false");
        config
    }

    /// Returns the configuration of producers. `linger.ms=0` with two requests in flight batches by itself
    /// (`records_go_alone_when_the_line_is_free_and_together_when_they_come_faster`): a record
    /// goes at once when the line is free, and waits for the line otherwise (0.55 ms over three hops at 1,000/s, 4.2 ms
    /// at 50,000/s; with the default of five requests in flight 10,000/s collapsed into one request a record).
    pub(super) fn producer(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("linger.ms", "0")
            .set("max.in.flight.requests.per.connection", "2")
            .set("message.timeout.ms", DELIVER_WITHIN_MS)
            // About a second's worth; beyond it `QueueFull` sheds.
            .set("queue.buffering.max.messages", "100000")
            .set("queue.buffering.max.kbytes", "131072")
            // How long a topic that metadata does not know may still appear; topics exist before producers open.
            .set("topic.metadata.propagation.max.ms", "2000");
        self.choose(&mut config);
        // Nothing but statistics tells that the producer id is there. Four a second cost some 0.1 % of a core.
        config.set("acks", "all").set("enable.idempotence", "true").set("statistics.interval.ms", "250");
        config
    }

    /// Returns the configuration of who writes transactions under `id`. What the transaction's life stands on is not for
    /// the options to overrule: a hung one holds its topics' readers up for `transaction.timeout.ms`, and for as long as
    /// the brokers take to look, `transaction.abort.timed.out.transaction.cleanup.interval.ms`.
    pub(super) fn transactions(&self, id: &str) -> ClientConfig {
        let mut config = self.producer();
        config
            .set("transactional.id", id)
            .set("transaction.timeout.ms", "3000")
            // Both must be shorter than that.
            .set("message.timeout.ms", "2500")
            .set("socket.timeout.ms", "2500")
            // The broker says "not yet" right after a commit, because markers follow it; the default asks again after
            // 100 ms.
            .set("retry.backoff.ms", "1")
            .remove("statistics.interval.ms");
        config
    }

    /// Returns the configuration of consumers that are in `group`, or of tails, for which a group is only a name that
    /// librdkafka wants to see: they never subscribe and never commit.
    ///
    /// Groups use KIP-848 (`group.protocol=consumer`): the broker assigns, and members keep what stays theirs. What a
    /// member reads stops nevertheless while partitions move, those too that stay: whoever must not stop reads by a tail.
    /// Measured on Kafka 4.3 with the brokers' `group.consumer.session.timeout.ms=1000`, heartbeats of 300 ms and
    /// no `assignment.interval`: a killed member's partitions are another's after 0.9 to 1.2 s, a new member has its own
    /// after 0.33 s. `classic` with sessions of 1 s: 1.0 s and 0.5 to 1.5 s. So the new one, where the cluster has it; its
    /// session is the brokers' to shorten, and 45 s by default. A member that slept past `max.poll.interval.ms` lost its
    /// partitions and had them again 11 ms after it woke. Members of `classic` groups are cooperative too, because what
    /// a member reads is changed piece by piece, which librdkafka refuses to eager members.
    pub(super) fn consumer(&self, group: Option<&str>) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("fetch.min.bytes", "1")
            .set("fetch.wait.max.ms", "500")
            .set("fetch.error.backoff.ms", "10")
            // The default stops fetching for a second when the prefetch is full.
            .set("fetch.queue.backoff.ms", "10")
            .set("queued.min.messages", "5000")
            .set("queued.max.messages.kbytes", "16384")
            // A member that does not ask for its next event for so long loses its partitions.
            .set("max.poll.interval.ms", "10000");
        let chosen = self.options.get("group.protocol").map_or("consumer", String::as_str);
        if chosen == "classic" {
            config
                .set("partition.assignment.strategy", "cooperative-sticky")
                // The least that a broker with default settings allows.
                .set("session.timeout.ms", "6000")
                .set("heartbeat.interval.ms", "1000");
        }
        self.choose(&mut config);
        config.set("group.protocol", chosen);
        if group.is_none() {
            without_group(&mut config);
        }
        config
            .set("group.id", group.unwrap_or("hedgerow.tail"))
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "error")
            .set("allow.auto.create.topics", "false")
            // A group's commits, too, are asked for only when no transaction is open that may change them.
            .set("isolation.level", "read_committed");
        config
    }

    /// Adds how to reach the brokers, and lets the options overrule whatever may be overruled.
    fn choose(&self, config: &mut ClientConfig) {
        config
            .set("bootstrap.servers", &self.brokers)
            .set("client.id", &self.client_id)
            // The defaults wait up to ten seconds before they look whether a broker is back.
            .set("reconnect.backoff.ms", "10")
            .set("reconnect.backoff.max.ms", "500")
            .set("retry.backoff.ms", "10")
            .set("retry.backoff.max.ms", "200")
            .set("topic.metadata.refresh.fast.interval.ms", "50")
            // A broker that keeps its connections and answers nothing is given up after so long, not after a minute.
            .set("socket.timeout.ms", "10000");
        config.extend(self.options.iter().map(|(name, value)| (name.clone(), value.clone())));
    }
}

/// Puts what concerns groups at values that agree with each other, whatever was chosen for those who are in one.
fn without_group(config: &mut ClientConfig) {
    config.set("group.protocol", "classic").set("session.timeout.ms", "45000").set("max.poll.interval.ms", "300000");
}

/// Values may be passwords.
impl fmt::Debug for KafkaSettings {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("KafkaSettings")
            .field("brokers", &self.brokers)
            .field("replication", &self.replication)
            .field("options", &self.options.keys())
            .field("client_id", &self.client_id)
            .finish()
    }
}

fn problem(name: &str, value: &str) -> Option<String> {
    if let Some((_, instead)) = REFUSED.iter().find(|(refused, _)| *refused == name) {
        return Some(format!("the Kafka option `{name}` cannot be chosen: {instead}"));
    }
    let mut config = ClientConfig::new();
    config.set(name, value);
    // librdkafka's description never contains the value, which may be a password.
    match config.create_native_config() {
        Err(rdkafka::error::KafkaError::ClientConfig(_, description, _, _)) => {
            Some(format!("the Kafka option `{name}` is wrong: {description}"))
        }
        Err(error) => Some(format!("the Kafka option `{name}` is wrong: {error}")),
        Ok(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &str, value: &str) -> Result<(), BusError> {
        let mut settings = KafkaSettings::new("localhost:9092");
        settings.options.insert(name.to_owned(), value.to_owned());
        settings.check()
    }

    #[test]
    fn security_and_tuning_pass_through() {
        assert_eq!(with("security.protocol", "sasl_ssl"), Ok(()));
        assert_eq!(with("sasl.mechanisms", "SCRAM-SHA-512"), Ok(()));
        assert_eq!(with("group.protocol", "classic"), Ok(()));
        let mut settings = KafkaSettings::new("localhost:9092");
        settings.options.insert("linger.ms".to_owned(), "2".to_owned());
        assert_eq!(settings.producer().get("linger.ms"), Some("2"));
    }

    #[test]
    fn what_the_contract_stands_on_is_refused_with_the_reason() {
        for (name, instead) in REFUSED {
            let refused = with(name, "1").unwrap_err().to_string();
            assert!(refused.contains(name) && refused.contains(instead), "{refused}");
        }
    }

    #[test]
    fn unknown_options_and_values_are_refused_by_name_without_their_value() {
        for (name, value) in [("no.such.option", "secret"), ("linger.ms", "secret")] {
            let refused = with(name, value).unwrap_err().to_string();
            assert!(refused.contains(name) && !refused.contains("secret"), "{refused}");
        }
    }

    #[test]
    fn every_problem_is_told_at_once() {
        let mut settings = KafkaSettings::new("localhost:9092");
        settings.options.insert("acks".to_owned(), "0".to_owned());
        settings.options.insert("no.such.option".to_owned(), "1".to_owned());
        let refused = settings.check().unwrap_err().to_string();
        assert!(refused.contains("acks") && refused.contains("no.such.option"), "{refused}");
    }

    #[test]
    fn what_is_read_ahead_of_a_partition_is_bounded_in_records_and_in_bytes() {
        let consumer = KafkaSettings::new("localhost:9092").consumer(None);
        let native = consumer.create_native_config().unwrap();
        let bounds = ["queued.min.messages", "queued.max.messages.kbytes"].map(|name| native.get(name).unwrap());
        assert_eq!(bounds, ["5000", "16384"], "docs/overload.md says so");
    }

    #[test]
    fn passwords_are_not_shown() {
        let mut settings = KafkaSettings::new("localhost:9092");
        settings.options.insert("sasl.password".to_owned(), "secret".to_owned());
        assert!(!format!("{settings:?}").contains("secret"));
    }
}
