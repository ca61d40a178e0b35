//! More connections than the process may have files: who is too many waits, and is served when there is room.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::running::Running;

const FILES: usize = 128;
const CALLERS: usize = 200;
const PATIENCE: Duration = Duration::from_mins(1);

const POLICY: &str = "rendezvous: wine
budget: 50ms
input: { features: [x] }
answer: { value: class }
executors: { forest: { echo: {} } }
decide:
  - first: any
  - default: { class: unknown }
";

#[test]
fn whoever_is_one_connection_too_many_waits_and_is_served_when_there_is_room() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("wine.yaml"), POLICY).unwrap();
    let mut command = Command::new("sh");
    let script = format!("ulimit -n {FILES}; exec \"$0\" up wine.yaml --listen 127.0.0.1:0");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_hedgerow")]);
    let running = Running::start(command, &folder);
    let mut callers: Vec<TcpStream> = (0..CALLERS).map(|_| ask(&running.address)).collect();
    let opened = format!("/proc/{}/fd", running.id());
    let until = Instant::now() + PATIENCE;
    while fs::read_dir(&opened).unwrap().count() < FILES {
        assert!(Instant::now() < until, "it never came to its last file");
        thread::yield_now();
    }
    for caller in &mut callers {
        let mut answer = [0; 15];
        caller.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200 OK");
        // He leaves, and makes room.
        caller.shutdown(std::net::Shutdown::Both).unwrap();
    }
}

fn ask(address: &str) -> TcpStream {
    let mut caller = TcpStream::connect(address).unwrap();
    caller.set_read_timeout(Some(PATIENCE)).unwrap();
    caller.write_all(b"GET /v2/health/live HTTP/1.1\r\nHost: wine\r\n\r\n").unwrap();
    caller
}
