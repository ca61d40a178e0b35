//! Models on servers elsewhere, each asked in the words that its server knows.

mod http;

pub use http::{Http, HttpError, Takes};
