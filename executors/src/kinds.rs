//! Executors in Rust that are compiled into the process, by the names that policies call them by: `rust: heater`.

use std::{collections::BTreeMap, fmt, sync::Arc};

use executor::{Executor, Keyed};
use policies::{ExecutorSpec, InputSchema};

use crate::load::LoadError;

/// What is compiled in. The hedgerow command has nothing; whoever builds a process of his own adds what he likes.
#[derive(Clone, Default)]
pub struct Kinds(BTreeMap<&'static str, Kind>);

#[derive(Clone)]
enum Kind {
    Plain(Arc<Plain>),
    Keyed(Arc<Remembering>),
}

type Plain = dyn Fn(&ExecutorSpec, &Arc<InputSchema>) -> Result<Arc<dyn Executor>, String> + Send + Sync;
type Remembering = dyn Fn(&ExecutorSpec) -> Result<Arc<dyn Keyed>, String> + Send + Sync;

// === impl Kinds ===

impl Kinds {
    /// Adds an executor that remembers nothing. It is made on the thread that it will live on; why it cannot be is told
    /// to whoever starts it.
    #[must_use]
    pub fn with(
        mut self,
        name: &'static str,
        make: impl Fn(&ExecutorSpec, &Arc<InputSchema>) -> Result<Arc<dyn Executor>, String> + Send + Sync + 'static,
    ) -> Self {
        self.0.insert(name, Kind::Plain(Arc::new(make)));
        self
    }

    /// Adds an executor that keeps state.
    #[must_use]
    pub fn with_keyed(
        mut self,
        name: &'static str,
        make: impl Fn(&ExecutorSpec) -> Result<Arc<dyn Keyed>, String> + Send + Sync + 'static,
    ) -> Self {
        self.0.insert(name, Kind::Keyed(Arc::new(make)));
        self
    }

    /// Makes the one that is called `name` and remembers nothing.
    pub(crate) fn plain(
        &self,
        name: &str,
        spec: &ExecutorSpec,
        schema: &Arc<InputSchema>,
    ) -> Result<Arc<dyn Executor>, LoadError> {
        match self.get(name)? {
            Kind::Plain(make) => make(spec, schema).map_err(LoadError::CompiledIn),
            Kind::Keyed(_) => {
                Err(LoadError::CompiledIn(format!("`{name}` keeps state: write `state: {{}}` beside `rust: {name}`")))
            }
        }
    }

    /// Makes the one that is called `name` and keeps state.
    pub(crate) fn keyed(&self, name: &str, spec: &ExecutorSpec) -> Result<Arc<dyn Keyed>, LoadError> {
        match self.get(name)? {
            Kind::Keyed(make) => make(spec).map_err(LoadError::CompiledIn),
            Kind::Plain(_) => {
                Err(LoadError::CompiledIn(format!("`{name}` keeps no state: take `state` out beside `rust: {name}`")))
            }
        }
    }

    fn get(&self, name: &str) -> Result<&Kind, LoadError> {
        self.0.get(name).ok_or_else(|| {
            let there: Vec<String> = self.0.keys().map(|name| format!("`{name}`")).collect();
            let there =
                if there.is_empty() { "nothing is".to_owned() } else { format!("there is {}", there.join(", ")) };
            LoadError::CompiledIn(format!(
                "no `{name}` is compiled into this process ({there}): run the one that has it"
            ))
        })
    }
}

impl fmt::Debug for Kinds {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_set().entries(self.0.keys()).finish()
    }
}
