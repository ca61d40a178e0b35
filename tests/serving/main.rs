//! A process as people and programs meet it: its console's pages, who is let in, a browser that looks at it, and clients
//! that ask at its doors.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod access;
mod browser;
mod chromium;
mod clients;
mod kafka;
mod mlflow;
mod pages;
mod process;
mod published;
mod store;
