//! Who asks: read from a request's headers before anything is answered; and the headers that every answer has.
//!
//! Three things keep other people's pages out. A browser sends the cookie to nobody's page but ours (`SameSite=Strict`).
//! What changes something says where it comes from (`Origin`), and it must be here. And where no token is needed to read,
//! the `Host` must be this machine's own: a name that somebody pointed here is refused.

use std::{
    fmt::Write as _,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};
use bus::Clock;
use control::door::is_own;
use pages::console::{Access, paths};

use super::access::{Attempts, SESSION, Sessions, Tokens};
use crate::door::problem;

/// Knows who may do what.
pub struct Guard {
    tokens: Tokens,
    clock: Clock,
    sessions: Mutex<Sessions>,
    attempts: Mutex<Attempts>,
}

/// Who asks, as far as that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Asker {
    /// What he may do.
    pub(crate) access: Access,
    /// Whether he sent a token itself, which no other page can make a browser do.
    pub(crate) by_token: bool,
}

/// Why nothing is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Denied {
    /// A name was pointed here that is not ours.
    Host,
    /// What would change something comes from another page.
    Origin,
    /// A token is needed.
    SignIn,
    /// The token is none of ours.
    Wrong,
    /// Too many were wrong.
    TooOften(Duration),
    /// It is for who may change things.
    Operator,
}

/// What a page may do: show our style, run our script, ask us.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; \
                      form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
const COOKIE: &str = "hedgerow_session";

// === impl Guard ===

impl Guard {
    /// Opens to whoever has one of `tokens`, and if there is none for readers to all that reach it under its own name.
    #[must_use]
    pub fn new(tokens: Tokens, clock: Clock) -> Arc<Self> {
        let (sessions, attempts) = Default::default();
        Arc::new(Self { tokens, clock, sessions, attempts })
    }

    /// Returns what opens it.
    pub(crate) fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// Returns who asks.
    pub(crate) fn who(&self, headers: &HeaderMap, from: Option<IpAddr>) -> Result<Asker, Denied> {
        if let Some(token) = bearer(headers) {
            return Ok(Asker { access: self.access(token, from)?, by_token: true });
        }
        self.check_host(headers)?;
        let now = self.clock.now();
        let signed_in = cookie(headers).and_then(|name| self.sessions().access(name, now));
        let access = signed_in.or_else(|| self.tokens.unsaid()).ok_or(Denied::SignIn)?;
        Ok(Asker { access, by_token: false })
    }

    /// Returns what `token` opens.
    fn access(&self, token: &str, from: Option<IpAddr>) -> Result<Access, Denied> {
        let (now, from) = (self.clock.now(), from.unwrap_or(IpAddr::from([0; 4])));
        self.attempts().may(from, now).map_err(Denied::TooOften)?;
        self.tokens.access(token).ok_or_else(|| {
            self.attempts().on_wrong(from, now);
            Denied::Wrong
        })
    }

    /// Begins a session for who has `token`; returns the cookie.
    pub(crate) fn sign_in(&self, token: &str, headers: &HeaderMap, from: Option<IpAddr>) -> Result<String, Denied> {
        self.check_host(headers)?;
        check_origin(headers)?;
        let access = self.access(token, from)?;
        let name = unlike_any().ok_or(Denied::SignIn)?;
        self.sessions().begin(&name, access, self.clock.now());
        // Behind a proxy that speaks TLS the browser is told never to send it without.
        let is_secure = headers.get("x-forwarded-proto").is_some_and(|proto| proto.as_bytes() == b"https");
        let secure = if is_secure { "; Secure" } else { "" };
        let seconds = SESSION.as_secs();
        Ok(format!("{COOKIE}={name}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}"))
    }

    /// Ends the session, if there is one; returns what makes the browser forget it.
    pub(crate) fn sign_out(&self, headers: &HeaderMap) -> Result<String, Denied> {
        check_origin(headers)?;
        if let Some(name) = cookie(headers) {
            self.sessions().end(name);
        }
        Ok(format!("{COOKIE}=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict"))
    }

    /// A page whose name was made to point here would be this very page to a browser, so it is asked for a token or refused.
    pub(crate) fn check_host(&self, headers: &HeaderMap) -> Result<(), Denied> {
        if self.tokens.reader_is_set() || is_own(headers) { Ok(()) } else { Err(Denied::Host) }
    }

    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn attempts(&self) -> MutexGuard<'_, Attempts> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Asker ===

impl Asker {
    /// Returns whether he may change something, and nobody else makes his browser do it.
    pub(crate) fn may_change(self, headers: &HeaderMap) -> Result<(), Denied> {
        self.is_himself(headers)?;
        if self.access == Access::Operator { Ok(()) } else { Err(Denied::Operator) }
    }

    /// Returns whether nobody else's page makes his browser do it.
    pub(crate) fn is_himself(self, headers: &HeaderMap) -> Result<(), Denied> {
        if self.by_token && !headers.contains_key(header::ORIGIN) { Ok(()) } else { check_origin(headers) }
    }
}

// === impl Denied ===

impl Denied {
    /// Returns it in a sentence.
    pub(crate) fn sentence(self) -> &'static str {
        match self {
            Self::Host => {
                "the `Host` must be `localhost` or an address: under another name, as behind a proxy, set a reader's token"
            }
            Self::Origin => "this is taken from the console's own pages alone: the `Origin` is another one, or missing",
            Self::SignIn => "a token is needed: `Authorization: Bearer …`, or sign in at /sign-in",
            Self::Wrong => "the token is none of those that open this",
            Self::TooOften(_) => "too many tokens from there were wrong: wait a moment",
            Self::Operator => "changes need the operator's token",
        }
    }

    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::Host | Self::Origin | Self::Operator => StatusCode::FORBIDDEN,
            Self::SignIn | Self::Wrong => StatusCode::UNAUTHORIZED,
            Self::TooOften(_) => StatusCode::TOO_MANY_REQUESTS,
        }
    }
}

impl IntoResponse for Denied {
    fn into_response(self) -> Response {
        let mut response = problem(self.status(), self.sentence());
        let mut add = |name: HeaderName, value: HeaderValue| response.headers_mut().insert(name, value);
        match self {
            Self::SignIn | Self::Wrong => {
                add(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            Self::TooOften(wait) => {
                add(header::RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
            }
            Self::Host | Self::Origin | Self::Operator => {}
        }
        response
    }
}

// === around every request ===

/// Lets in who may read, and tells whoever answers who it is.
pub(crate) async fn readers(State(guard): State<Arc<Guard>>, mut request: Request, next: Next) -> Response {
    match guard.who(request.headers(), peer(&request)) {
        Ok(asker) => {
            request.extensions_mut().insert(asker);
            next.run(request).await
        }
        // A person is shown where to sign in, and comes back from there.
        Err(Denied::SignIn) if request.method() == Method::GET && wants_page(request.headers()) => {
            to_sign_in(request.uri().path_and_query().map_or(paths::OVERVIEW, |path| path.as_str()))
        }
        Err(denied) => denied.into_response(),
    }
}

/// Shows where to sign in; from there one comes back `here`.
pub(crate) fn to_sign_in(here: &str) -> Response {
    Redirect::to(&format!("{}?to={}", paths::SIGN_IN, escaped(here))).into_response()
}

/// On the front door: once there are tokens, whoever comes from elsewhere needs one to look back, and everybody to change
/// policies.
pub(crate) async fn at_the_front(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    let (from, headers) = (peer(&request), request.headers());
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let is_here = from.is_some_and(|from| from.to_canonical().is_loopback());
    let let_in = if !is_read && guard.tokens().operator_is_set() {
        // The console's pages change nothing here, so a cookie is not enough.
        let asker = guard.who(headers, from);
        asker.and_then(|asker| if asker.by_token { asker.may_change(headers) } else { Err(Denied::Operator) })
    } else if is_read && guard.tokens().reader_is_set() && !is_here {
        guard.who(headers, from).map(|_| ())
    } else {
        Ok(())
    };
    match let_in {
        Ok(()) => next.run(request).await,
        Err(denied) => denied.into_response(),
    }
}

/// Adds to every answer what a browser must not do with it.
pub(crate) async fn seal(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let mut unless_said = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    unless_said(header::CONTENT_SECURITY_POLICY, POLICY);
    unless_said(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    // Under `no-referrer` a browser would send `Origin: null` with our own forms.
    unless_said(header::REFERRER_POLICY, "same-origin");
    unless_said(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    unless_said(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    unless_said(header::CACHE_CONTROL, "no-store");
    response
}

// === what headers say ===

/// Returns whether a person's browser asks, and not a program.
pub(crate) fn wants_page(headers: &HeaderMap) -> bool {
    headers.get(header::ACCEPT).is_some_and(|accept| accept.to_str().is_ok_and(|accept| accept.contains("text/html")))
}

/// Returns where a request comes from.
pub(crate) fn peer(request: &Request) -> Option<IpAddr> {
    request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip())
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|cookies| cookies.to_str().ok());
    let mut pairs = all.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).map(|(_, value)| value)
}

/// A browser says with whatever is posted from which page it comes; that must be one that was served under this very name.
pub(crate) fn check_origin(headers: &HeaderMap) -> Result<(), Denied> {
    let said = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let origin = said(header::ORIGIN).and_then(|origin| origin.split_once("://")).map(|(_, authority)| authority);
    match (origin, said(header::HOST)) {
        (Some(origin), Some(host)) if origin.eq_ignore_ascii_case(host) => Ok(()),
        _ => Err(Denied::Origin),
    }
}

/// Returns `path` as it stands in a query.
fn escaped(path: &str) -> String {
    let mut text = String::new();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/') {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

/// Returns a name that nobody guesses; `None` if this machine has no dice.
fn unlike_any() -> Option<String> {
    let mut dice = [0_u8; 32];
    getrandom::fill(&mut dice).ok()?;
    let mut name = String::new();
    for byte in dice {
        let _ = write!(name, "{byte:02x}");
    }
    Some(name)
}

#[cfg(test)]
mod tests {
    use axum::{Router, body::Body, middleware::from_fn_with_state, routing::get};
    use tower::ServiceExt as _;

    use super::{super::access::Token, *};

    const READER: &str = "reader-0123456789";
    const OPERATOR: &str = "operator-0123456789";

    fn guard(reader: Option<&str>, operator: Option<&str>) -> Arc<Guard> {
        let token = |text: &str| Token::new(text).unwrap();
        Guard::new(Tokens::new(reader.map(token), operator.map(token)).unwrap(), Clock::system())
    }

    fn headers(all: &[(&'static str, &str)]) -> HeaderMap {
        all.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())).collect()
    }

    #[test]
    fn without_tokens_whoever_comes_under_our_own_name_reads() {
        let guard = guard(None, None);
        for host in ["localhost:8080", "127.0.0.1:8080", "[::1]:8080", "10.0.0.7"] {
            let asker = guard.who(&headers(&[("host", host)]), None).unwrap();
            assert_eq!(asker, Asker { access: Access::Open, by_token: false });
        }
        assert_eq!(guard.who(&headers(&[("host", "rebound.example")]), None), Err(Denied::Host));
    }

    #[test]
    fn with_a_reader_s_token_nobody_reads_without_one_under_whatever_name() {
        let guard = guard(Some(READER), Some(OPERATOR));
        let who = |all: &[(&'static str, &str)]| guard.who(&headers(all), None);
        assert_eq!(who(&[("host", "127.0.0.1")]), Err(Denied::SignIn));
        assert_eq!(who(&[("authorization", "Bearer nonsense-0123456789")]), Err(Denied::Wrong));
        assert_eq!(who(&[("authorization", &format!("Basic {READER}"))]), Err(Denied::SignIn));
        for (token, access) in [(READER, Access::Reader), (OPERATOR, Access::Operator)] {
            let said = format!("Bearer {token}");
            let asker = who(&[("host", "console.example"), ("authorization", &said)]);
            assert_eq!(asker, Ok(Asker { access, by_token: true }));
        }
    }

    #[test]
    fn a_cookie_stands_for_the_token_without_being_it_until_it_is_given_back() {
        let guard = guard(Some(READER), Some(OPERATOR));
        let own = [("host", "console.example"), ("origin", "https://console.example"), ("x-forwarded-proto", "https")];
        let set = guard.sign_in(OPERATOR, &headers(&own), None).unwrap();
        assert!(set.contains("; HttpOnly; SameSite=Strict; Secure") && !set.contains(OPERATOR), "{set}");
        let cookie = format!("other=1; {}", set.split(';').next().unwrap());
        let with = headers(&[("cookie", &cookie)]);
        assert_eq!(guard.who(&with, None), Ok(Asker { access: Access::Operator, by_token: false }));
        let leaving = headers(&[("cookie", &cookie), ("host", "h"), ("origin", "http://h")]);
        assert!(guard.sign_out(&leaving).unwrap().contains("Max-Age=0"));
        assert_eq!(guard.who(&with, None), Err(Denied::SignIn));
    }

    #[test]
    fn whoever_tries_token_after_token_is_heard_no_more_for_a_while() {
        let guard = guard(Some(READER), None);
        let (here, there) = (Some(IpAddr::from([10, 0, 0, 1])), Some(IpAddr::from([10, 0, 0, 2])));
        let own = headers(&[("host", "h"), ("origin", "http://h")]);
        let mut told = (0..20).map(|_| guard.sign_in("wrong", &own, here).unwrap_err());
        assert!(told.by_ref().take(10).all(|denied| denied == Denied::Wrong));
        assert!(told.all(|denied| matches!(denied, Denied::TooOften(_))));
        assert!(matches!(guard.sign_in(READER, &own, here), Err(Denied::TooOften(_))), "the right one too");
        assert!(guard.sign_in(READER, &own, there).is_ok());
    }

    #[test]
    fn what_changes_something_comes_from_our_own_page_or_with_a_token() {
        let (operator, reader) = (Access::Operator, Access::Reader);
        let by_cookie = |access| Asker { access, by_token: false };
        let own = headers(&[("host", "console:9090"), ("origin", "http://console:9090")]);
        assert_eq!(by_cookie(operator).may_change(&own), Ok(()));
        assert_eq!(by_cookie(reader).may_change(&own), Err(Denied::Operator));
        for origin in ["http://evil.example", "http://console:9091", "null", "http://console:9090.evil.example"] {
            let foreign = headers(&[("host", "console:9090"), ("origin", origin)]);
            assert_eq!(by_cookie(operator).may_change(&foreign), Err(Denied::Origin), "{origin}");
            assert_eq!(Asker { access: operator, by_token: true }.may_change(&foreign), Err(Denied::Origin));
        }
        let nowhere = headers(&[("host", "console:9090")]);
        assert_eq!(by_cookie(operator).may_change(&nowhere), Err(Denied::Origin));
        assert_eq!(Asker { access: operator, by_token: true }.may_change(&nowhere), Ok(()));
    }

    /// Asks a front door that has every sort of route, and returns its status.
    async fn at_the_door(guard: &Arc<Guard>, method: Method, from: [u8; 4], token: Option<&str>) -> u16 {
        let routes = Router::new().route("/control/wine", get(async || "read").post(async || "changed"));
        let routes = routes.route_layer(from_fn_with_state(Arc::clone(guard), at_the_front));
        let mut request = Request::new(Body::empty());
        (*request.method_mut(), *request.uri_mut()) = (method, "/control/wine".parse().unwrap());
        if let Some(token) = token {
            let said = HeaderValue::from_str(&format!("Bearer {token}")).unwrap();
            request.headers_mut().insert(header::AUTHORIZATION, said);
        }
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from((from, 1))));
        routes.oneshot(request).await.unwrap().status().as_u16()
    }

    #[tokio::test]
    async fn the_front_door_asks_whoever_comes_from_elsewhere_for_a_token_and_for_changes_everybody() {
        let (own, other) = ([127, 0, 0, 1], [10, 0, 0, 7]);
        let none = guard(None, None);
        let both = guard(Some(READER), Some(OPERATOR));
        for (guard, method, from, token, status) in [
            (&none, Method::GET, other, None, 200),
            (&none, Method::POST, other, None, 200),
            (&both, Method::GET, own, None, 200),
            (&both, Method::GET, other, None, 401),
            (&both, Method::GET, other, Some(READER), 200),
            (&both, Method::POST, own, None, 401),
            (&both, Method::POST, own, Some(READER), 403),
            (&both, Method::POST, own, Some(OPERATOR), 200),
            (&both, Method::POST, other, Some(OPERATOR), 200),
        ] {
            let told = format!("{method} from {from:?} with {token:?}");
            assert_eq!(at_the_door(guard, method, from, token).await, status, "{told}");
        }
    }

    #[test]
    fn a_path_in_a_query_stays_one_value() {
        assert_eq!(escaped("/rendezvous/a b?x=1&y=2#z"), "/rendezvous/a%20b%3Fx%3D1%26y%3D2%23z");
    }
}
