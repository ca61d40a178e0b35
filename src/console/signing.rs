//! Where a token is given, and the cookie that stands for it is taken back.

use axum::{
    Form,
    extract::{Query, State},
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::{Html, IntoResponse, Redirect, Response},
};
use pages::console::{Access, Frame, Page, SignInFields, file, paths, problem, sign_in as page};
use serde::Deserialize;

use super::{Asked, Console, guard::Denied};

/// Where somebody wanted to go before he was asked for a token.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Going {
    to: String,
}

/// Shows the form.
pub(super) async fn form(State(console): State<Console>, asked: Asked) -> Response {
    match console.guard().check_host(&asked.headers) {
        Ok(()) => outside(StatusCode::OK, &page(false), &asked),
        Err(denied) => denied.into_response(),
    }
}

/// Takes the token; whoever has one comes where he wanted to go.
pub(super) async fn sign_in(
    State(console): State<Console>,
    asked: Asked,
    Form(SignInFields { token }): Form<SignInFields>,
) -> Response {
    match console.guard().sign_in(token.trim(), &asked.headers, asked.from) {
        Ok(cookie) => with_cookie(Redirect::to(&going(&asked.headers)), &cookie),
        Err(Denied::Wrong) => outside(StatusCode::UNAUTHORIZED, &page(true), &asked),
        Err(denied) => {
            let told = problem("Not allowed", denied.sentence(), Some((paths::SIGN_IN, "Try again")));
            outside(denied.status(), &told, &asked)
        }
    }
}

/// Takes the cookie back.
pub(super) async fn sign_out(State(console): State<Console>, headers: HeaderMap) -> Response {
    match console.guard().sign_out(&headers) {
        Ok(cookie) => with_cookie(Redirect::to(paths::OVERVIEW), &cookie),
        Err(denied) => denied.into_response(),
    }
}

/// A page for whoever has not said who he is: it names no rendezvous.
fn outside(status: StatusCode, page: &Page, asked: &Asked) -> Response {
    let frame = Frame { rendezvous: &[], here: &asked.here, access: Access::Open, live: false };
    (status, Html(file(page, &frame))).into_response()
}

fn with_cookie(to: Redirect, cookie: &str) -> Response {
    let mut response = to.into_response();
    if let Ok(cookie) = HeaderValue::from_str(cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

/// The form stands on the page that says where to go on, and a browser says from which page a form comes. Only a path of
/// ours is gone to.
fn going(headers: &HeaderMap) -> String {
    let from = headers.get(header::REFERER).and_then(|from| from.to_str().ok()?.parse::<Uri>().ok());
    let to = from.and_then(|from| Some(Query::<Going>::try_from_uri(&from).ok()?.0.to)).unwrap_or_default();
    let is_ours =
        to.starts_with('/') && !to.starts_with("//") && to.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if is_ours { to } else { paths::OVERVIEW.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_signed_in_comes_where_he_wanted_to_go_and_never_to_somebody_else() {
        let goes = |from: &str| going(&[(header::REFERER, HeaderValue::from_str(from).unwrap())].into_iter().collect());
        assert_eq!(goes("http://console:9090/sign-in?to=/rendezvous/wine%3Fversion%3D7"), "/rendezvous/wine?version=7");
        for elsewhere in [
            "http://console:9090/sign-in",
            "http://console:9090/sign-in?to=//evil.example",
            "http://console:9090/sign-in?to=https://evil.example",
            "http://console:9090/sign-in?to=/%5Cevil.example",
            "http://console:9090/sign-in?to=/%0d%0aset-cookie:x",
            "nonsense",
        ] {
            assert_eq!(goes(elsewhere), "/", "{elsewhere}");
        }
        assert_eq!(going(&HeaderMap::new()), "/");
    }
}
