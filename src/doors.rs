//! Every route of a process: which door has which, and who may come through.
//!
//! The front door is for callers: `/v2`, and for whoever looks after them `/control`, `/api` and `/metrics`. The console is
//! for people: its pages, `/api`, `/metrics` and `/health`, on a listener of its own or, where only this machine reaches
//! that, on the front door.

use std::sync::Arc;

use axum::{
    Router,
    http::StatusCode,
    middleware::{from_fn, from_fn_with_state},
};
use bus::{Bus, Clock};
use control::{Access, Follower};
use prometheus_client::registry::Registry;
use starter::Starter;
use tokio_util::sync::CancellationToken;

use crate::{
    alerting::{Looks, WantedAlerts},
    auditing::audit_routes,
    canaries::CanaryDoor,
    console::{Console, Guard, Opening, Place, Sources, at_the_front, policy_route, readers, seal},
    door::{Shelf, problem},
    explain::ExplainDoor,
    lagging::Lagging,
    measuring::{MeasuresDoor, Measuring},
    oversight::Oversight,
    publications::ModelsDoor,
    results::results_routes,
    scrape,
    value_of_time::ValuesOfTime,
};

/// What the doors of a process open to.
pub struct Doors {
    /// The log.
    pub bus: Arc<dyn Bus>,
    /// The time.
    pub clock: Clock,
    /// Knows every rendezvous and its versions.
    pub follower: Follower,
    /// The starters that run here.
    pub starters: Vec<Starter>,
    /// What is counted here.
    pub registry: Registry,
    /// Who is told of alerts, and when.
    pub alerts: WantedAlerts,
    /// From where changes are taken while there is no operator's token.
    pub control: Access,
    /// Where the console is, and who is let in.
    pub opening: Opening,
    /// Ends whoever looks on.
    pub stop: CancellationToken,
}

/// What each door serves.
pub struct Routes {
    /// The front door.
    pub front: Router,
    /// The console's own, if it has one.
    pub console: Option<Router>,
}

// === impl Doors ===

impl Doors {
    /// Returns what each door serves.
    pub fn open(self) -> anyhow::Result<Routes> {
        let Self { bus, clock, follower, starters, mut registry, alerts, control, opening, stop } = self;
        let Opening { place, tokens, traces } = opening;
        let (versions, all) = (follower.clone(), follower.clone());
        let known: Shelf = Arc::new(move |name| versions.now(name));
        let measuring = Arc::new(Measuring::new(Arc::clone(&bus), clock.clone(), stop.clone()));
        let looks = Looks {
            bus: Arc::clone(&bus),
            clock: clock.clone(),
            follower: follower.clone(),
            measuring: Arc::clone(&measuring),
            lagging: Arc::new(Lagging::new(Arc::clone(&bus), clock.clone())),
        };
        let oversight = Oversight::start(looks, alerts, &mut registry, stop.clone())?;
        let measures = MeasuresDoor::new(measuring, Arc::clone(&known), Arc::new(move || all.names()));
        let models = ModelsDoor::new(follower.clone(), measures.clone());
        let explain = ExplainDoor::new(Arc::clone(&bus), clock.clone(), Arc::clone(&known));
        let explain = Arc::new(explain.knowing(follower.models()));
        let canaries = Arc::new(CanaryDoor::new(Arc::clone(&bus), clock.clone(), Arc::clone(&known)));
        let values = ValuesOfTime::new(Arc::clone(&bus), clock.clone(), Arc::clone(&known));
        let metrics = scrape::routes(registry);

        let named = |starter: Starter| (starter.name().to_string(), starter);
        let sources = Arc::new(Sources {
            shelf: Arc::clone(&known),
            follower: follower.clone(),
            starters: starters.iter().cloned().map(named).collect(),
            measures: measures.clone(),
            models: models.clone(),
            canaries: Arc::clone(&canaries),
            explain: Arc::clone(&explain),
            values: Arc::clone(&values),
            oversight: oversight.clone(),
            traces,
        });
        let api = measures.routes().merge(canaries.routes()).merge(Arc::clone(&explain).api()).merge(values.routes());
        let api = api.merge(policy_route(Arc::clone(&sources))).merge(oversight.api(Arc::clone(&known)));
        let api = api.merge(models.routes());
        // Whoever has the operator's token may come from anywhere; nobody else may from nowhere.
        let control = if tokens.operator_is_set() && control == Access::Loopback { Access::Anyone } else { control };
        let below_control = control::door::router(follower, control)
            .merge(explain.routes())
            .merge(audit_routes(Arc::clone(&bus), clock.clone(), Arc::clone(&known)))
            .merge(results_routes(bus, clock.clone(), known, stop.clone()));

        let guard = Guard::new(tokens, clock);
        let looking_back = below_control.merge(api.clone());
        let looking_back = looking_back.route_layer(from_fn_with_state(Arc::clone(&guard), at_the_front));
        let front = starter::http::router(starters, &stop).merge(metrics.clone()).merge(looking_back);
        if place == Place::Nowhere {
            return Ok(Routes { front: front.merge(oversight.health()), console: None });
        }
        let pages = Console::open(sources, Arc::clone(&guard), stop)?.routes();
        if place == Place::Front {
            return Ok(Routes { front: front.merge(pages), console: None });
        }
        let numbers = api.merge(metrics).route_layer(from_fn_with_state(guard, readers)).layer(from_fn(seal));
        let nothing = async || problem(StatusCode::NOT_FOUND, "there is nothing here; the console begins at /");
        let front = front.merge(oversight.health());
        Ok(Routes { front, console: Some(pages.merge(numbers).fallback(nothing)) })
    }
}
