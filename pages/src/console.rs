//! The console: pages of a running process, drawn from the very values that its API serves.
//!
//! Laws: a page is drawn from its JSON twin and the frame and nothing else, so the same values give the same bytes; no style
//! and no script stands in a page, both are files of their own; without the script all is there but its own renewal; what a
//! colour says is said by a word too. Reading order: `paths` (where pages are) → `frame` (what is around each) → `overview`
//! → `rendezvous` → `models` → `request`, `policy`, `canaries`, `playground`, `health`, `signin`.

mod canaries;
mod decided;
mod frame;
mod health;
mod models;
mod over_time;
mod overview;
mod parts;
pub mod paths;
mod playground;
mod policy;
mod problem;
mod rendezvous;
mod report;
mod request;
mod signin;
mod state;
mod telling;

pub use canaries::{ActFields, Canaries, CanaryShown, canaries};
pub use frame::{Access, Frame, Page, SCRIPT, file, script_path, style, style_path};
pub use health::health;
pub use models::models;
pub use overview::overview;
pub use playground::{AskField, AskFields, Playground, RefusedInput, playground};
pub use policy::{RollBackFields, policy};
pub use problem::problem;
pub use rendezvous::rendezvous;
pub use report::report;
pub use request::{SearchFields, Searched, request, request_search};
pub use signin::{SignInFields, sign_in};
