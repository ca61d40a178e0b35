//! A real schema registry for tests: Apicurio, in memory, which speaks as Confluent's does.

use std::{
    env,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use tempfile::TempDir;

use crate::{BrokerError, answering, process::Process};

/// A schema registry that this process started. Dropped, it is killed, also if the test process dies hard.
#[derive(Debug)]
pub struct Registry {
    // Before `folder`, which it works in.
    _process: Process,
    _folder: TempDir,
    port: u16,
}

const PATH: &str = "/apis/ccompat/v7";

// === impl Registry ===

impl Registry {
    /// Returns the registry that all tests of this process share, started on the first call.
    pub fn shared() -> Result<&'static Self, &'static BrokerError> {
        static SHARED: OnceLock<Result<Registry, BrokerError>> = OnceLock::new();
        SHARED.get_or_init(Self::start).as_ref()
    }

    /// Starts one and waits until it answers.
    pub fn start() -> Result<Self, BrokerError> {
        let (jar, folder) = (jar()?, tempfile::Builder::new().prefix("hedgerow-registry-").tempdir()?);
        let port = crate::free_port()?.local_addr()?.port();
        let options = ["-Xmx400m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dquarkus.http.host=127.0.0.1"];
        let mut arguments: Vec<_> = options.map(Into::into).into();
        arguments.push(format!("-Dquarkus.http.port={port}").into());
        arguments.extend(["-jar".into(), jar.into_os_string()]);
        let mut process = Process::start(&arguments, folder.path())?;
        answering::wait(&mut process, port, &format!("{PATH}/subjects"), |line| line.contains(" 200 "))?;
        Ok(Self { _process: process, _folder: folder, port })
    }

    /// Returns where clients find it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}{PATH}", self.port)
    }
}

fn jar() -> Result<PathBuf, BrokerError> {
    let folder = env::var_os("HEDGEROW_REGISTRY")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/setup/registry"), PathBuf::from);
    let entries = folder.read_dir().map_err(|_| BrokerError::NoRegistry(folder.clone()))?;
    let mut jars = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let runner = jars.find(|path| path.to_string_lossy().ends_with("-runner.jar"));
    runner.ok_or(BrokerError::NoRegistry(folder))
}
