//! A real object store for tests: `S3Proxy`, in memory, which lets in whoever signs as S3's clients do.

use std::{
    env, fs,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use tempfile::TempDir;

use crate::{BrokerError, answering, process::Process};

/// An object store that this process started. Dropped, it is killed, also if the test process dies hard.
#[derive(Debug)]
pub struct Store {
    // Before `folder`, which it works in.
    _process: Process,
    _folder: TempDir,
    port: u16,
}

// === impl Store ===

impl Store {
    /// The one key that it lets in.
    pub const KEY: &str = "AKIAHEDGEROW";
    /// The secret of that.
    pub const SECRET: &str = "hedge/row+secret";

    /// Returns the store that all tests of this process share, started on the first call.
    pub fn shared() -> Result<&'static Self, &'static BrokerError> {
        static SHARED: OnceLock<Result<Store, BrokerError>> = OnceLock::new();
        SHARED.get_or_init(Self::start).as_ref()
    }

    /// Starts one and waits until it answers.
    pub fn start() -> Result<Self, BrokerError> {
        let (jars, folder) = (jars()?, tempfile::Builder::new().prefix("hedgerow-store-").tempdir()?);
        let port = crate::free_port()?.local_addr()?.port();
        let properties = folder.path().join("s3proxy.properties");
        fs::write(&properties, settings(port))?;
        // What it says of each byte otherwise fills a disk.
        let quiet = folder.path().join("logback.xml");
        fs::write(&quiet, QUIET)?;
        let options = ["-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp"];
        let mut arguments: Vec<_> = options.map(Into::into).into();
        arguments.push(jars.join("*").into_os_string());
        arguments.push(format!("-Dlogback.configurationFile={}", quiet.display()).into());
        arguments.extend(["org.gaul.s3proxy.Main".into(), "--properties".into(), properties.into_os_string()]);
        let mut process = Process::start(&arguments, folder.path())?;
        // Whoever has no key is refused: it is there.
        answering::wait(&mut process, port, "/", |line| line.contains(" 403 "))?;
        Ok(Self { _process: process, _folder: folder, port })
    }

    /// Returns where clients find it; buckets stand in the path.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

fn settings(port: u16) -> String {
    let (key, secret) = (Store::KEY, Store::SECRET);
    let store = "jclouds.provider=transient\njclouds.identity=nobody\njclouds.credential=none\n";
    let who = format!("s3proxy.authorization=aws-v4\ns3proxy.identity={key}\ns3proxy.credential={secret}\n");
    format!("s3proxy.endpoint=http://127.0.0.1:{port}\n{who}{store}")
}

const QUIET: &str = r#"<configuration>
  <appender name="OUT" class="ch.qos.logback.core.ConsoleAppender"><encoder><pattern>%msg%n</pattern></encoder></appender>
  <root level="warn"><appender-ref ref="OUT"/></root>
</configuration>
"#;

fn jars() -> Result<PathBuf, BrokerError> {
    let folder = env::var_os("HEDGEROW_STORE")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/setup/store"), PathBuf::from);
    if folder.is_dir() { Ok(folder) } else { Err(BrokerError::NoStore(folder)) }
}
