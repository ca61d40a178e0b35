//! What the command line and the environment say about buses and doors; parsed once into types.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use bus::{Bus, BusError, Clock, EmbeddedBus, KafkaBus, KafkaSettings};
use clap::Args;

/// Which log carries the records, and how it is reached.
#[derive(Args, Clone, Debug, Default)]
pub struct BusArgs {
    /// Kafka brokers, `host:port[,host:port…]`; without them everything runs on the embedded bus, in this process
    #[arg(long, env = "BROKERS", hide_env_values = true, value_name = "HOST:PORT", help_heading = "Bus")]
    pub brokers: Option<String>,

    /// A client option passed through to librdkafka, for TLS and SASL: `--kafka security.protocol=SASL_SSL`; repeatable
    #[arg(long = "kafka", value_name = "KEY=VALUE", value_parser = pair, help_heading = "Bus")]
    pub options: Vec<(String, String)>,

    /// A file of such options, one `key=value` a line (`#` begins a comment): keeps passwords out of the process list
    #[arg(long, value_name = "FILE", env = "KAFKA_CONFIG", hide_env_values = true, help_heading = "Bus")]
    pub kafka_config: Option<PathBuf>,

    /// Partitions of topics that do not exist yet; requests are spread over them
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(i32).range(1..=1000), help_heading = "Bus")]
    pub partitions: i32,

    /// Replicas of topics that do not exist yet; 3, or as many as there are brokers, when not given
    #[arg(long, value_name = "N", help_heading = "Bus")]
    pub replication: Option<i16>,
}

/// How long records stay in the topics at least: long enough to look back at a day, short enough to bound the disk.
pub const RETENTION: Duration = Duration::from_hours(24);

// === impl BusArgs ===

impl BusArgs {
    /// Opens the bus. A broker that is away is not an error here: every user of the bus waits for it.
    pub fn open(&self, clock: &Clock) -> anyhow::Result<Arc<dyn Bus>> {
        match self.brokers() {
            Some(brokers) => Ok(Arc::new(self.connect(brokers)?.teaching(clock))),
            None => Ok(EmbeddedBus::new(clock.clone())),
        }
    }

    /// Returns the brokers, if any are named: an empty environment variable names none.
    #[must_use]
    pub fn brokers(&self) -> Option<&str> {
        self.brokers.as_deref().filter(|brokers| !brokers.trim().is_empty())
    }

    fn connect(&self, brokers: &str) -> Result<KafkaBus, BusError> {
        let mut settings = KafkaSettings::new(brokers);
        settings.replication = self.replication;
        settings.options = self.all_options()?;
        KafkaBus::connect(settings)
    }

    fn all_options(&self) -> Result<BTreeMap<String, String>, BusError> {
        let mut all = BTreeMap::new();
        if let Some(path) = &self.kafka_config {
            let place = path.display();
            let text = std::fs::read_to_string(path)
                .map_err(|error| BusError::Fatal(format!("{place}: cannot be read: {error}")))?;
            for (index, line) in text.lines().enumerate() {
                let line = line.trim();
                if !line.is_empty() && !line.starts_with('#') {
                    let (key, value) =
                        pair(line).map_err(|error| BusError::Fatal(format!("{place}:{}: {error}", index + 1)))?;
                    all.insert(key, value);
                }
            }
        }
        all.extend(self.options.iter().cloned());
        Ok(all)
    }
}

pub(crate) fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or_else(|| format!("`{text}` is not `key=value`"))?;
    Ok((key.trim().to_owned(), value.trim().to_owned()))
}
