//! A real Apache Kafka for tests: one process on a free port, in a folder of its own, gone with the test; its console
//! tools, a schema registry, and an object store.
//!
//! It needs Java and the jars that `tools/setup.sh kafka` fetches. Tests that only need *a* broker take
//! [`Broker::shared`]; tests that harm it start their own.

mod answering;
mod probe;
mod process;
mod properties;
mod registry;
mod store;

use std::{
    env,
    ffi::OsString,
    fs, io,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use tempfile::TempDir;

use crate::process::Process;

pub use registry::Registry;
pub use store::Store;

/// A Kafka that this process started. Dropped, it is killed and its folder removed, also if the test process dies hard.
#[derive(Debug)]
pub struct Broker {
    // Before `folder`: fields drop in this order, and a live broker would write into a folder that is being removed.
    process: Option<Process>,
    ports: Ports,
    folder: TempDir,
    jars: PathBuf,
    /// Settings beside the usual ones, as lines.
    more: String,
}

/// Why there is no broker. Each sentence says what to do.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// The set-up step has not run.
    #[error("Apache Kafka's jars are not in {}: run `tools/setup.sh kafka`", .0.display())]
    NoJars(PathBuf),
    /// The set-up step has not run.
    #[error("a schema registry is not in {}: run `tools/setup.sh registry`", .0.display())]
    NoRegistry(PathBuf),
    /// The set-up step has not run.
    #[error("an object store is not in {}: run `tools/setup.sh store`", .0.display())]
    NoStore(PathBuf),
    /// The program that should run it cannot be started.
    #[error("Kafka cannot be started ({0}): run `tools/setup.sh kafka`, which makes sure of Java")]
    NoJava(io::Error),
    /// It ended before it answered.
    #[error("it ended before it answered; its last lines:\n{0}")]
    Ended(String),
    /// It never answered.
    #[error("it did not answer within {0} s; its last lines:\n{1}")]
    Silent(u64, String),
    /// It is none of those that are known here.
    #[error("`{0}` is no tool of Kafka's that the tests use")]
    NoTool(String),
    /// Its folder could not be prepared.
    #[error("Kafka's folder could not be prepared")]
    Folder(#[from] io::Error),
}

#[derive(Clone, Copy, Debug)]
struct Ports {
    clients: u16,
    controller: u16,
}

/// How often a start is tried when another process took the port between choosing and using it.
const STARTS: usize = 3;

// === impl Broker ===

impl Broker {
    /// Starts a broker and waits until it answers.
    pub fn start() -> Result<Self, BrokerError> {
        Self::start_with(&[])
    }

    /// Starts a broker with these of its settings overruled, and waits until it answers.
    pub fn start_with(settings: &[(&str, &str)]) -> Result<Self, BrokerError> {
        let jars = jars()?;
        let lines: Vec<String> = settings.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let more = lines.join("\n");
        for _ in 1..STARTS {
            match Self::start_once(&jars, &more) {
                Err(BrokerError::Ended(lines)) if lines.contains("already in use") => {}
                other => return other,
            }
        }
        Self::start_once(&jars, &more)
    }

    /// Returns the brokers that all tests of this process share: those of the environment's `KAFKA_BROKERS` if it is
    /// set, otherwise one started on the first call.
    pub fn shared() -> Result<&'static str, &'static BrokerError> {
        static SHARED: OnceLock<Result<(Option<Broker>, String), BrokerError>> = OnceLock::new();
        let shared = SHARED.get_or_init(|| match env::var("KAFKA_BROKERS") {
            Ok(brokers) if !brokers.is_empty() => Ok((None, brokers)),
            _ => Self::start().map(|broker| {
                let brokers = broker.bootstrap();
                (Some(broker), brokers)
            }),
        });
        shared.as_ref().map(|(_, brokers)| brokers.as_str())
    }

    /// Returns where clients find it: `127.0.0.1:PORT`. The same after a restart.
    #[must_use]
    pub fn bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.ports.clients)
    }

    /// Kills it as `kill -9` does; what it holds stays.
    pub fn kill(&mut self) {
        if let Some(process) = self.process.take() {
            process.kill();
        }
    }

    /// Asks it to stop, as a supervisor would, and waits for its end; what it holds stays.
    pub fn stop(&mut self) {
        if let Some(process) = self.process.take() {
            process.stop();
        }
    }

    /// Returns the file with what it says, from its first start on; gone when the broker is.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        process::log(self.folder.path())
    }

    /// Kills it if it runs, starts it again on the same port with what it held, and waits until it answers.
    pub fn restart(&mut self) -> Result<(), BrokerError> {
        self.kill();
        self.run()
    }

    /// Stops it in its tracks: connections stay open and nothing is answered, until [`Broker::thaw`].
    pub fn freeze(&mut self) {
        if let Some(process) = &mut self.process {
            process.signal("STOP");
        }
    }

    /// Lets it go on after [`Broker::freeze`].
    pub fn thaw(&mut self) {
        if let Some(process) = &mut self.process {
            process.signal("CONT");
        }
    }

    fn start_once(jars: &Path, more: &str) -> Result<Self, BrokerError> {
        let mut broker = Self {
            process: None,
            ports: Ports::free()?,
            folder: tempfile::Builder::new().prefix("hedgerow-kafka-").tempdir()?,
            jars: jars.to_owned(),
            more: more.to_owned(),
        };
        broker.prepare()?;
        broker.run()?;
        Ok(broker)
    }

    /// Lays out the folder. The storage was formatted once by the set-up step and is copied: a second less per start.
    fn prepare(&self) -> Result<(), BrokerError> {
        let formatted = self.jars.join("formatted");
        let data = self.data();
        fs::create_dir(&data)?;
        for name in ["meta.properties", "bootstrap.checkpoint"] {
            let from = formatted.join(name);
            if !from.exists() {
                return Err(BrokerError::NoJars(self.jars.clone()));
            }
            fs::copy(from, data.join(name))?;
        }
        // Of a setting that is written twice the last counts.
        let text = properties::text(self.ports.clients, self.ports.controller, &data) + &self.more;
        Ok(fs::write(self.settings(), text)?)
    }

    fn run(&mut self) -> Result<(), BrokerError> {
        let options = ["-Xms256m", "-Xmx1g", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-Djava.awt.headless=true"];
        let mut arguments: Vec<OsString> = options.map(Into::into).into();
        arguments.extend(["-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp"].map(Into::into));
        arguments.extend([self.jars.join("*").into(), "kafka.Kafka".into(), self.settings().into()]);
        let mut process = Process::start(&arguments, self.folder.path())?;
        probe::wait_until_it_answers(self.ports.clients, &mut process)?;
        self.process = Some(process);
        Ok(())
    }

    /// Returns the folder that it keeps its records in: `TOPIC-PARTITION/*.log`, as Kafka writes them.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn settings(&self) -> PathBuf {
        self.folder.path().join("server.properties")
    }
}

// === impl Ports ===

impl Ports {
    fn free() -> io::Result<Self> {
        // Both are held before either is let go, or the second could be the first again.
        let (clients, controller) = (free_port()?, free_port()?);
        Ok(Self { clients: clients.local_addr()?.port(), controller: controller.local_addr()?.port() })
    }
}

pub(crate) fn free_port() -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
}

/// Returns the command of one of Kafka's own tools, as its scripts call it: `kafka-console-producer`, `kafka-console-consumer`
/// and `kafka-acls`.
pub fn tool(script: &str) -> Result<Command, BrokerError> {
    let class = match script {
        "kafka-console-producer" => "org.apache.kafka.tools.ConsoleProducer",
        "kafka-acls" => "org.apache.kafka.tools.AclCommand",
        "kafka-console-consumer" => "org.apache.kafka.tools.consumer.ConsoleConsumer",
        other => return Err(BrokerError::NoTool(other.to_owned())),
    };
    let mut command = Command::new(process::java());
    command.args(["-Xmx128m", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "-cp"]);
    command.arg(jars()?.join("*")).arg(class);
    Ok(command)
}

fn jars() -> Result<PathBuf, BrokerError> {
    let folder = env::var_os("HEDGEROW_KAFKA_JARS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/setup/kafka"), PathBuf::from);
    folder.canonicalize().map_err(|_| BrokerError::NoJars(folder))
}
