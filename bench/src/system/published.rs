//! hedgerow with published models: every executor follows one, so that versions can come and go while it is asked.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, bail};
use bus::{BoxFuture, Bus, Clock};
use bytes::Bytes;
use control::{Follower, ModelBytes, ModelOutcome, WantedModel};
use hedgerow::app::{App, Role, Running};
use policies::Definition;
use prometheus_client::registry::Registry;
use starter::{RawInput, Starter};
use tokio_util::sync::CancellationToken;
use wire::{Descriptor, ModelAction, ModelKind, ModelName, Publish, ResultKind, Source};

use super::{
    Answer, System, Tally, fresh,
    hedgerow::{counted, tally},
};
use crate::{cpu::Whose, work::PARTITIONS};

/// A rendezvous that runs, of executors that each follow a model of its own.
pub(crate) struct Published {
    bus: Arc<dyn Bus>,
    definition: Arc<Definition>,
    starter: Starter,
    metrics: Registry,
    publisher: Publisher,
    running: Mutex<Option<(Running, CancellationToken)>>,
}

/// Publishes versions, and says which of them serves.
#[derive(Clone)]
pub(crate) struct Publisher {
    follower: Follower,
    models: Vec<ModelName>,
}

/// Two forests that take the same inputs; a new version is the other one.
const FORESTS: [&[u8]; 2] = [
    include_bytes!("../../../examples/wine/models/forest.onnx"),
    include_bytes!("../../../examples/wine/models/better.onnx"),
];
const ROLES: [Role; 3] = [Role::Collector, Role::Executors, Role::Starter];
/// A wine.
const WINE: &[u8] = br#"{"alcohol":13.2,"malic_acid":1.78,"ash":2.14,"alcalinity_of_ash":11.2,"magnesium":100,
"total_phenols":2.65,"flavanoids":2.76,"nonflavanoid_phenols":0.26,"proanthocyanins":1.28,"color_intensity":4.38,
"hue":1.05,"od280_od315":3.4,"proline":1050}"#;

// === impl Published ===

impl Published {
    /// Starts as many executors as `models`, each with the first version of a model of its own.
    pub(crate) async fn start(bus: &Arc<dyn Bus>, clock: &Clock, models: usize) -> anyhow::Result<Self> {
        let name = fresh("published");
        let names = (0..models).map(|index| ModelName::new(&format!("{name}-{index}")));
        let names = names.collect::<Result<Vec<_>, _>>()?;
        let definition = Arc::new(Definition::parse("bench", &policy(&name, &names))?);
        bus.create_topics(&control::topics()).await?;
        let stop = CancellationToken::new();
        let follower = Follower::start(Arc::clone(bus), clock.clone(), Arc::default(), stop.clone()).await?;
        let publisher = Publisher { follower: follower.clone(), models: names };
        for index in 0..models {
            publisher.publish(index, 1).await?;
        }
        let versions = follower.ensure_first(&definition, "bench", "bench").await?;
        let app = App::new(Arc::clone(bus), clock.clone(), versions, follower.models(), PARTITIONS);
        let mut metrics = Registry::default();
        let running = app.start(&ROLES, &mut metrics).await?;
        let starter = running.starter.clone().context("the starter is among the stations")?;
        let (bus, running) = (Arc::clone(bus), Mutex::new(Some((running, stop))));
        Ok(Self { bus, definition, starter, metrics, publisher, running })
    }

    pub(crate) fn publisher(&self) -> Publisher {
        self.publisher.clone()
    }
}

/// All must agree, and do, as all have the same version: so each answer waits for everybody.
fn policy(name: &str, models: &[ModelName]) -> String {
    let decide = match models.len() {
        1 => "first: any".to_owned(),
        all => format!("agree: {{ votes: {all}, on: [class] }}"),
    };
    let executor = |(index, model): (usize, &ModelName)| format!("  m{index}: {{ model: {model} }}");
    let executors = models.iter().enumerate().map(executor).collect::<Vec<_>>().join("\n");
    format!(
        "rendezvous: {name}\nbudget: 10s\ninput:\n  features: [alcohol, malic_acid, ash, alcalinity_of_ash, magnesium, \
         total_phenols, flavanoids, nonflavanoid_phenols, proanthocyanins, color_intensity, hue, od280_od315, proline]\n\
         answer: {{ value: class }}\nexecutors:\n{executors}\n\
         decide:\n  - {decide}\n    until: 10s\n  - default: {{ class: -1 }}\n"
    )
}

impl System for Published {
    fn name(&self) -> &'static str {
        if self.bus.is_in_process() { "hedgerow, embedded" } else { "hedgerow" }
    }

    fn whose(&self) -> Whose {
        if self.bus.is_in_process() { Whose::Own } else { Whose::All }
    }

    fn ask(&self) -> BoxFuture<'static, Answer> {
        let starter = self.starter.clone();
        Box::pin(async move {
            let input = RawInput { body: Bytes::from_static(WINE), ..RawInput::default() };
            match starter.ask(input).await {
                Ok(answered) if answered.result.kind == ResultKind::Prediction => Answer::Prediction,
                Ok(_) => Answer::Default,
                Err(_) => Answer::Nothing,
            }
        })
    }

    /// How many versions took the place of another, and how many could not.
    fn tells(&self, _asked: u64) -> Vec<(&'static str, f64)> {
        vec![
            ("swaps", counted(&self.metrics, "hedgerow_executor_model_rehearsals_total", "")),
            ("failed_loads", counted(&self.metrics, "hedgerow_executor_failed_loads_total", "")),
        ]
    }

    fn stop(&self) -> BoxFuture<'_, anyhow::Result<Option<Tally>>> {
        Box::pin(async {
            let tally = tally(&self.bus, &self.definition).await?;
            let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some((running, stop)) = running {
                running.stop().await?;
                stop.cancel();
            }
            Ok(Some(tally))
        })
    }
}

// === impl Publisher ===

impl Publisher {
    /// Publishes new versions of the first model, goes back to the one before and on again, one such change each second for
    /// so many; the first of them is called `from`. Returns how many changes there were.
    pub(crate) async fn swap(self, from: u64, seconds: u32) -> anyhow::Result<u64> {
        let mut turns = tokio::time::interval(Duration::from_secs(1));
        for turn in 0..u64::from(seconds) {
            turns.tick().await;
            let newest = from + turn / 3;
            match turn % 3 {
                0 => self.publish(0, newest).await?,
                1 => self.serve(0, newest - 1).await?,
                _ => self.serve(0, newest).await?,
            }
        }
        Ok(seconds.into())
    }

    async fn publish(&self, index: usize, version: u64) -> anyhow::Result<()> {
        let bytes = FORESTS[usize::from(version.is_multiple_of(2))];
        let descriptor = Descriptor {
            version: version.to_string(),
            kind: ModelKind::Onnx,
            sha256: artifacts::hash(bytes),
            size: bytes.len() as u64,
            source: Source::Value { offsets: vec![0] },
            inputs: Vec::new(),
            outputs: Vec::new(),
            parameters: BTreeMap::new(),
            metrics: BTreeMap::new(),
            trained_on: None,
            created: None,
        };
        let publish = Publish { descriptor, aside: false, expected: None };
        self.change(index, ModelAction::Publish(Box::new(publish)), Some(bytes)).await
    }

    async fn serve(&self, index: usize, version: u64) -> anyhow::Result<()> {
        self.change(index, ModelAction::Serve { version: version.to_string(), expected: None }, None).await
    }

    async fn change(&self, index: usize, action: ModelAction, bytes: Option<&'static [u8]>) -> anyhow::Result<()> {
        let bytes = bytes.map(|bytes| ModelBytes(Bytes::from_static(bytes)));
        let wanted = WantedModel { author: "bench".to_owned(), message: String::new(), action, bytes };
        match self.follower.publish_model(&self.models[index], wanted).await? {
            ModelOutcome::Done(_) => Ok(()),
            refused @ ModelOutcome::Refused(_) => bail!("a change was not taken: {refused:?}"),
        }
    }
}
