//! Where somebody gives his token.

use maud::html;
use serde::{Deserialize, Serialize};

use super::{Page, paths};

/// What the form sends.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignInFields {
    /// The token.
    #[serde(default)]
    pub token: String,
}

/// Returns the form; `wrong` if a token was given that is none of ours.
#[must_use]
pub fn sign_in(wrong: bool) -> Page {
    let main = html! {
        section.sign-in {
            h1 { "Sign in" }
            form.fields method="post" action=(paths::SIGN_IN) {
                // Whatever keeps passwords wants a name to keep it under; it is not sent.
                input type="text" value="hedgerow" autocomplete="username" hidden readonly;
                p {
                    label for="token" { "Token" }
                    input #token name="token" type="password" required autofocus autocomplete="current-password"
                        aria-invalid=[wrong.then_some("true")] aria-describedby=[wrong.then_some("token-wrong")];
                    @if wrong { span.wrong #token-wrong role="alert" { b { "✗ " } "That is no token of this console." } }
                }
                p { button type="submit" { "Sign in" } }
            }
        }
    };
    Page::new("Sign in", &main)
}

// === impl SignInFields ===

/// A token stands in no log.
impl std::fmt::Debug for SignInFields {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("SignInFields")
    }
}
