//! The console over HTTP: pages for people, sent again when they change, and the JSON that they are drawn from.
//!
//! Nothing is worked out here: what a page shows is what answers below `/api`, by the same code. Pages are drawn in a thread of
//! their own, so that whoever is served at the front door waits for nobody who looks on.
//! Reading order: `args` (where, and who) → `access` (tokens and sessions) → `guard` (who asks) → `view` (which pages) →
//! `live` (pages again and again) → `changes`, `playground`, `signing` (what is posted) → `studio` (the thread).

mod access;
mod args;
mod changes;
mod guard;
mod live;
mod playground;
mod signing;
mod studio;
mod view;

use std::{convert::Infallible, net::IpAddr, sync::Arc};

use axum::{
    Json, Router,
    extract::{ConnectInfo, DefaultBodyLimit, FromRequestParts, Path, Query, State},
    http::{HeaderMap, StatusCode, header, request::Parts},
    middleware::{from_fn, from_fn_with_state},
    response::{Html, IntoResponse, Redirect, Response},
    routing::{get, post},
};
use pages::console::{Access, Frame, Page, SCRIPT, SearchFields, file, paths, problem, script_path, style, style_path};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use self::{
    guard::{Asker, Denied},
    live::Live,
    studio::Studio,
    view::{Versions, View, Wanted},
};
use crate::{door::Problem, measuring::Over};

pub use access::{InvalidToken, Token, Tokens};
pub use args::{ConsoleArgs, Opening, Place, TraceUrl};
pub(crate) use args::{OPERATOR, READER};
pub use guard::Guard;
pub(crate) use guard::{at_the_front, check_origin, readers, seal};
pub use view::Sources;
pub(crate) use view::policy_route;

/// The pages, and who may see them. Cheap to clone.
#[derive(Clone)]
pub struct Console(Arc<Shared>);

struct Shared {
    sources: Arc<Sources>,
    guard: Arc<Guard>,
    live: Arc<Live<(View, Access)>>,
    studio: Studio,
}

/// Who asks for which page, and how.
struct Asked {
    asker: Asker,
    headers: HeaderMap,
    from: Option<IpAddr>,
    here: String,
}

/// A form is an input and what is said beside it at most.
const FORM_MAX: usize = 4 << 20;

// === impl Console ===

impl Console {
    /// Opens the pages to whoever `guard` lets in; `stop` ends what is looked at.
    pub fn open(sources: Arc<Sources>, guard: Arc<Guard>, stop: CancellationToken) -> anyhow::Result<Self> {
        let studio = Studio::open(stop.clone())?;
        Ok(Self(Arc::new(Shared { sources, guard, live: Live::new(stop), studio })))
    }

    /// Returns the routes of the pages.
    pub fn routes(&self) -> Router {
        let guard = Arc::clone(&self.0.guard);
        let inside = Router::new()
            .route(paths::OVERVIEW, get(overview))
            .route(paths::MODELS, get(models))
            .route("/rendezvous/{rendezvous}", get(rendezvous))
            .route("/rendezvous/{rendezvous}/policy", get(policy).post(changes::roll_back))
            .route("/rendezvous/{rendezvous}/canaries", get(canaries))
            .route("/rendezvous/{rendezvous}/canaries/{canary}", get(report).post(changes::act))
            .route("/rendezvous/{rendezvous}/requests", get(search))
            .route("/rendezvous/{rendezvous}/requests/{id}", get(request))
            .route("/rendezvous/{rendezvous}/playground", get(playground).post(playground::ask))
            .layer(DefaultBodyLimit::max(FORM_MAX))
            .route_layer(from_fn_with_state(guard, readers));
        let outside = Router::new()
            .route(paths::HEALTH, get(health))
            .route(style_path(), get(async || asset("text/css; charset=utf-8", style())))
            .route(script_path(), get(async || asset("text/javascript; charset=utf-8", SCRIPT)))
            .route(paths::SIGN_IN, get(signing::form).post(signing::sign_in))
            .route(paths::SIGN_OUT, post(signing::sign_out));
        inside.merge(outside).layer(from_fn(seal)).with_state(self.clone())
    }

    async fn show(&self, view: View, asked: Asked) -> Response {
        if accepts(&asked.headers, "text/event-stream") {
            return self.stream(view, asked.asker.access);
        }
        let is_live = view.is_live();
        match self.draw(view, asked.asker.access).await {
            Ok(page) => self.framed(StatusCode::OK, &page, &asked, is_live),
            Err(why) => self.problem(&why, &asked),
        }
    }

    /// Draws a page where it holds up nobody.
    async fn draw(&self, view: View, access: Access) -> Result<Page, Problem> {
        let sources = Arc::clone(&self.0.sources);
        self.0.studio.run(async move { sources.draw(&view, access).await }).await?
    }

    fn stream(&self, view: View, access: Access) -> Response {
        if !view.is_live() {
            return (StatusCode::NOT_FOUND, "this page is not sent again").into_response();
        }
        let (console, drawn) = (self.clone(), view.clone());
        let draw = move || {
            let (console, view) = (console.clone(), drawn.clone());
            async move { console.draw(view, access).await.unwrap_or_else(|why| told(&why)).main }
        };
        let full = "as many look already as may: reload the page to see it anew";
        let stream = self.0.live.stream((view, access), draw);
        stream.unwrap_or_else(|_| (StatusCode::SERVICE_UNAVAILABLE, full).into_response())
    }

    fn problem(&self, why: &Problem, asked: &Asked) -> Response {
        if guard::wants_page(&asked.headers) {
            return self.framed(why.status(), &told(why), asked, false);
        }
        crate::door::problem(why.status(), &why.sentence())
    }

    fn denied(&self, denied: Denied, asked: &Asked) -> Response {
        if guard::wants_page(&asked.headers) {
            let page = problem("Not allowed", denied.sentence(), Some((paths::SIGN_IN, "Sign in")));
            return self.framed(denied.status(), &page, asked, false);
        }
        denied.into_response()
    }

    fn framed(&self, status: StatusCode, page: &Page, asked: &Asked, live: bool) -> Response {
        let names: Vec<String> = self.0.sources.measures.names().iter().map(ToString::to_string).collect();
        let frame = Frame { rendezvous: &names, here: &asked.here, access: asked.asker.access, live };
        (status, Html(file(page, &frame))).into_response()
    }

    fn sources(&self) -> &Sources {
        &self.0.sources
    }

    fn guard(&self) -> &Guard {
        &self.0.guard
    }
}

/// Returns the page of what went wrong.
fn told(why: &Problem) -> Page {
    let title = match why {
        Problem::NotFound(_) => "Not found",
        Problem::Unreadable(_) => "Cannot be read now",
    };
    problem(title, &why.sentence(), None)
}

// === what is asked for ===

type Named = Path<String>;

async fn overview(State(console): State<Console>, Query(over): Query<Over>, asked: Asked) -> Response {
    console.show(View::Overview(over), asked).await
}

async fn models(State(console): State<Console>, Query(over): Query<Over>, asked: Asked) -> Response {
    console.show(View::Models(over), asked).await
}

async fn rendezvous(
    State(console): State<Console>,
    Path(name): Named,
    Query(over): Query<Over>,
    asked: Asked,
) -> Response {
    console.show(View::Rendezvous(name, over), asked).await
}

async fn policy(
    State(console): State<Console>,
    Path(name): Named,
    Query(versions): Query<Versions>,
    asked: Asked,
) -> Response {
    console.show(View::Policy(name, versions), asked).await
}

async fn canaries(State(console): State<Console>, Path(name): Named, asked: Asked) -> Response {
    console.show(View::Canaries(name), asked).await
}

async fn report(
    State(console): State<Console>,
    Path((name, canary)): Path<(String, String)>,
    asked: Asked,
) -> Response {
    console.show(View::Report(name, canary), asked).await
}

/// The form leads to the request's own page, which has an address of its own.
async fn search(
    State(console): State<Console>,
    Path(name): Named,
    Query(SearchFields { id, key, hours }): Query<SearchFields>,
    asked: Asked,
) -> Response {
    let id = id.trim().to_owned();
    if id.is_empty() {
        return console.show(View::Search(name), asked).await;
    }
    let key = key.map(|_| "key=on".to_owned());
    let more: Vec<String> = key.into_iter().chain(hours.map(|hours| format!("hours={hours}"))).collect();
    let more = if more.is_empty() { String::new() } else { format!("?{}", more.join("&")) };
    Redirect::to(&(paths::request(&name, &id) + &more)).into_response()
}

async fn request(
    State(console): State<Console>,
    Path((name, id)): Path<(String, String)>,
    Query(SearchFields { key, hours, .. }): Query<SearchFields>,
    asked: Asked,
) -> Response {
    console.show(View::Request(name, Wanted { id, is_key: key.is_some(), hours }), asked).await
}

async fn playground(State(console): State<Console>, Path(name): Named, asked: Asked) -> Response {
    console.show(View::Playground(name), asked).await
}

/// For people a page; for whoever restarts processes whether this one is well, and why not for who may read that.
async fn health(State(console): State<Console>, asked: Asked) -> Response {
    let who = console.guard().who(&asked.headers, asked.from);
    if guard::wants_page(&asked.headers) || accepts(&asked.headers, "text/event-stream") {
        return match who {
            Ok(reader) => console.show(View::Health, Asked { asker: reader, ..asked }).await,
            Err(Denied::SignIn) => guard::to_sign_in(paths::HEALTH),
            Err(denied) => denied.into_response(),
        };
    }
    let health = console.sources().oversight.checkup.health().await;
    let status = if health.is_healthy { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    match who {
        Ok(_) => (status, Json(&*health)).into_response(),
        Err(_) => (status, Json(json!({ "is_healthy": health.is_healthy }))).into_response(),
    }
}

/// What never changes under its name is asked for once.
fn asset(media: &'static str, content: &'static str) -> Response {
    let headers = [(header::CONTENT_TYPE, media), (header::CACHE_CONTROL, "public, max-age=31536000, immutable")];
    (headers, content).into_response()
}

fn accepts(headers: &HeaderMap, media: &str) -> bool {
    headers.get(header::ACCEPT).is_some_and(|accept| accept.to_str().is_ok_and(|accept| accept.starts_with(media)))
}

// === impl Asked ===

impl<S: Sync> FromRequestParts<S> for Asked {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let nobody = Asker { access: Access::Open, by_token: false };
        let asker = parts.extensions.get::<Asker>().copied().unwrap_or(nobody);
        let from = parts.extensions.get::<ConnectInfo<std::net::SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
        let here = parts.uri.path_and_query().map_or(paths::OVERVIEW, |path| path.as_str()).to_owned();
        Ok(Self { asker, headers: parts.headers.clone(), from, here })
    }
}
