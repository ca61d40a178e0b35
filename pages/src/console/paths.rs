//! Where pages are: every link between them is built here, so that a name with a slash in it leads where it should.

use std::fmt::Write as _;

/// The overview.
pub const OVERVIEW: &str = "/";
/// Every model, and what it did.
pub const MODELS: &str = "/models";
/// What is down, and since when.
pub const HEALTH: &str = "/health";
/// Where a token is given.
pub const SIGN_IN: &str = "/sign-in";
/// Where the cookie is taken back, by POST.
pub const SIGN_OUT: &str = "/sign-out";
/// The same numbers as JSON begin with this.
pub const API: &str = "/api/v1";

/// Returns the page of a rendezvous.
#[must_use]
pub fn rendezvous(name: &str) -> String {
    format!("/rendezvous/{}", part(name))
}

/// Returns a page whose numbers are counted over so many seconds: that of all rendezvous, or of one.
#[must_use]
pub fn over(page: &str, window_s: u64) -> String {
    format!("{page}?window_s={window_s}")
}

/// Returns the page of its policy, as it lives.
#[must_use]
pub fn policy(name: &str) -> String {
    rendezvous(name) + "/policy"
}

/// Returns the page of a version of its policy, beside another one.
#[must_use]
pub fn version(name: &str, version: u64, against: Option<u64>) -> String {
    let against = against.map(|against| format!("&against={against}")).unwrap_or_default();
    format!("{}?version={version}{against}", policy(name))
}

/// Returns the page of its canaries.
#[must_use]
pub fn canaries(name: &str) -> String {
    rendezvous(name) + "/canaries"
}

/// Returns the report of one of them.
#[must_use]
pub fn canary(name: &str, canary: &str) -> String {
    format!("{}/{}", canaries(name), part(canary))
}

/// Returns the page where a request is looked for.
#[must_use]
pub fn requests(name: &str) -> String {
    rendezvous(name) + "/requests"
}

/// Returns the page of one request.
#[must_use]
pub fn request(name: &str, id: &str) -> String {
    format!("{}/{}", requests(name), part(id))
}

/// Returns the page where an input is asked about.
#[must_use]
pub fn playground(name: &str) -> String {
    rendezvous(name) + "/playground"
}

/// Returns where the numbers of a page are as JSON; `None` if there are none.
#[must_use]
pub fn twin(page: &str) -> Option<String> {
    let path = page.split(['?', '#']).next().unwrap_or_default();
    match path {
        OVERVIEW => Some(format!("{API}/rendezvous{}", &page[1..])),
        HEALTH => Some(format!("{API}{HEALTH}")),
        MODELS => Some(format!("{API}{page}")),
        _ if path.ends_with("/playground") || path.ends_with("/requests") => None,
        _ if path.starts_with("/rendezvous/") => Some(format!("{API}{page}")),
        _ => None,
    }
}

/// Returns a name as one part of a path.
pub(super) fn part(name: &str) -> String {
    let mut path = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'~' | b'.') {
            path.push(char::from(byte));
        } else {
            let _ = write!(path, "%{byte:02X}");
        }
    }
    // A browser takes these for the folder and the one above it, escaped or not.
    if matches!(name, "." | "..") { path + "%20" } else { path }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_one_part_of_a_path() {
        assert_eq!(request("wine", "a/b?c=d#e&ü"), "/rendezvous/wine/requests/a%2Fb%3Fc%3Dd%23e%26%C3%BC");
        assert_eq!(canary("wine", "../x"), "/rendezvous/wine/canaries/..%2Fx");
        assert_eq!(rendezvous(".."), "/rendezvous/..%20", "which leads nowhere, and not above");
        assert_eq!(version("wine", 7, Some(5)), "/rendezvous/wine/policy?version=7&against=5");
    }

    #[test]
    fn the_numbers_of_a_page_are_below_the_api() {
        assert_eq!(twin("/").as_deref(), Some("/api/v1/rendezvous"));
        assert_eq!(twin("/health").as_deref(), Some("/api/v1/health"));
        assert_eq!(twin(&over(MODELS, 60)).as_deref(), Some("/api/v1/models?window_s=60"));
        assert_eq!(twin(&over(OVERVIEW, 60)).as_deref(), Some("/api/v1/rendezvous?window_s=60"));
        assert_eq!(twin("/rendezvous/wine").as_deref(), Some("/api/v1/rendezvous/wine"));
        assert_eq!(
            twin("/rendezvous/wine/policy?version=7").as_deref(),
            Some("/api/v1/rendezvous/wine/policy?version=7")
        );
        assert_eq!(twin("/rendezvous/wine/playground"), None);
        assert_eq!(twin("/sign-in"), None);
    }
}
