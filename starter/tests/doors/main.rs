//! The starter on the embedded bus, with a collector that does what each test says: one file per front door.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod asking;
mod framed;
mod garbage;
mod grpc;
mod http;
mod inputs;
mod replies;
mod rows;
mod support;
mod versions;
