//! A component's file, compiled and checked.

use std::{path::Path, sync::OnceLock};

use executor::Now;
use policies::Memory;
use wasmtime::{
    Config, Engine,
    component::{Component, InstancePre, Linker},
};
use wire::Timestamp;

use crate::{
    WasmError,
    alarm::Alarm,
    instance::{Instance, Room, StartError},
};

/// A component that can come up.
pub(crate) struct Program {
    component: InstancePre<Room>,
    /// How much memory an instance may have.
    memory: Memory,
    alarm: Alarm,
    /// What it exports, for whoever looks for `score` in vain.
    exports: Vec<String>,
}

/// What all components of the process share: the compiler, and what cuts them off.
#[derive(Clone)]
struct Host {
    engine: Engine,
    alarm: Alarm,
}

/// How WebAssembly begins: four letters, the version, and whether it is a module (0) or a component (1).
const MAGIC: &[u8] = b"\0asm";
const MODULE: &[u8] = b"\0asm\x01\0\0\0";

// === impl Program ===

impl Program {
    /// Compiles `bytes`, which `path` names where something is wrong with them.
    pub(crate) fn compile(path: &Path, bytes: &[u8], memory: Memory) -> Result<Self, WasmError> {
        let path = || path.to_owned();
        let unusable = |cause: String| WasmError::NotAComponent { path: path(), cause };
        if bytes.starts_with(MODULE) {
            return Err(WasmError::CoreModule { path: path() });
        }
        if !bytes.starts_with(MAGIC) {
            return Err(unusable("it does not begin as WebAssembly does".to_owned()));
        }
        let Host { engine, alarm } = Host::shared().map_err(unusable)?;
        let component = Component::new(&engine, bytes).map_err(|error| unusable(error.root_cause().to_string()))?;
        let kind = component.component_type();
        let exports = kind.exports(&engine).map(|(name, _)| format!("`{name}`")).collect();
        let component = Linker::new(&engine).instantiate_pre(&component).map_err(|error| {
            let wants: Vec<String> = kind.imports(&engine).map(|(name, _)| format!("`{name}`")).collect();
            if wants.is_empty() {
                unusable(error.root_cause().to_string())
            } else {
                WasmError::Wants { path: path(), wants: wants.join(", ") }
            }
        })?;
        Ok(Self { component, memory, alarm, exports })
    }

    /// Lets it come up for the first time.
    pub(crate) fn first(&self, path: &Path, due: Timestamp, now: &Now) -> Result<Instance, WasmError> {
        Instance::start(&self.component, self.memory, &self.alarm, due, now).map_err(|error| match error {
            StartError::NoScore(_) if !self.exports.iter().any(|name| name == "`score`") => {
                let there = if self.exports.is_empty() { "nothing".to_owned() } else { self.exports.join(", ") };
                WasmError::NoScore { path: path.to_owned(), instead: format!("it exports {there}") }
            }
            StartError::NoScore(error) => {
                let instead = format!("its `score` is another one: {}", error.root_cause());
                WasmError::NoScore { path: path.to_owned(), instead }
            }
            StartError::Failed(problem) => WasmError::Unfit { path: path.to_owned(), problem },
        })
    }

    /// Lets it come up again, in place of an instance that went wrong.
    pub(crate) fn again(&self, due: Timestamp, now: &Now) -> Result<Instance, String> {
        Instance::start(&self.component, self.memory, &self.alarm, due, now).map_err(|error| match error {
            StartError::NoScore(error) => error.root_cause().to_string(),
            StartError::Failed(problem) => problem,
        })
    }
}

// === impl Host ===

impl Host {
    /// Returns the process' own, made by the first component.
    fn shared() -> Result<Self, String> {
        static SHARED: OnceLock<Result<Host, String>> = OnceLock::new();
        SHARED.get_or_init(Self::start).clone()
    }

    fn start() -> Result<Self, String> {
        let mut config = Config::new();
        config.epoch_interruption(true);
        let engine = Engine::new(&config).map_err(|error| error.root_cause().to_string())?;
        Ok(Self { alarm: Alarm::start(engine.clone())?, engine })
    }
}
