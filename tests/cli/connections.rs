//! More connections than the process may have files: who is too many waits, and is served when there is room.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

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

/// Killed when the test is over, however it ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn whoever_is_one_connection_too_many_waits_and_is_served_when_there_is_room() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("wine.yaml"), POLICY).unwrap();
    let mut command = Command::new("sh");
    let script = format!("ulimit -n {FILES}; exec \"$0\" up wine.yaml --listen 127.0.0.1:0");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_hedgerow")]);
    command.current_dir(folder.path()).env("NO_COLOR", "1").env_remove("BROKERS").stderr(Stdio::piped());
    let mut running = Running(command.spawn().unwrap());
    let mut lines = BufReader::new(running.0.stderr.take().unwrap()).lines().map_while(Result::ok);
    let address = lines.find_map(|line| line.split_once("at http://").map(|(_, address)| address.to_owned()));
    let address = address.expect("it says where it listens");
    // Reads on: a full pipe would stop it.
    thread::spawn(move || lines.for_each(|line| eprintln!("{line}")));
    let mut callers: Vec<TcpStream> = (0..CALLERS).map(|_| ask(&address)).collect();
    let opened = format!("/proc/{}/fd", running.0.id());
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
    let mut caller = TcpStream::connect(address.trim()).unwrap();
    caller.set_read_timeout(Some(PATIENCE)).unwrap();
    caller.write_all(b"GET /v2/health/live HTTP/1.1\r\nHost: wine\r\n\r\n").unwrap();
    caller
}
