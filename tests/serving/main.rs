//! The console as people and programs meet it: a process, its pages, who is let in, and a browser that looks at it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod access;
mod browser;
mod chromium;
mod kafka;
mod pages;
mod process;
