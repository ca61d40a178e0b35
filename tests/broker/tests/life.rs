//! A broker starts, dies, comes back at the same place, and leaves nothing behind.

use std::{
    env,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use hedgerow_broker::Broker;

#[test]
fn a_broker_answers_dies_or_stops_and_comes_back_where_it_was() {
    let mut broker = Broker::start().unwrap_or_else(|error| panic!("{error}"));
    let place = broker.bootstrap();
    assert!(answers(&place));
    broker.kill();
    assert!(!answers(&place));
    broker.restart().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(broker.bootstrap(), place);
    assert!(answers(&place));
    broker.stop();
    assert!(!answers(&place));
    broker.restart().unwrap_or_else(|error| panic!("{error}"));
    assert!(answers(&place));
    drop(broker);
    assert!(!answers(&place));
}

#[test]
fn a_frozen_broker_keeps_its_port_and_says_nothing() {
    let mut broker = Broker::start().unwrap_or_else(|error| panic!("{error}"));
    let place = broker.bootstrap();
    broker.freeze();
    wait_until(|| TcpStream::connect(&place).is_ok() && !answers(&place));
    broker.thaw();
    wait_until(|| answers(&place));
}

#[test]
fn a_test_process_that_dies_hard_takes_its_broker_with_it() {
    const CHILD: &str = "HEDGEROW_BROKER_TEST_CHILD";
    const MARK: &str = "broker at ";
    if env::var_os(CHILD).is_some() {
        let broker = Broker::start().unwrap_or_else(|error| panic!("{error}"));
        writeln!(std::io::stdout(), "\n{MARK}{}", broker.bootstrap()).unwrap();
        std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
        return;
    }
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "--nocapture", "a_test_process_that_dies_hard_takes_its_broker_with_it"])
        .env(CHILD, "yes")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let place = lines.map_while(Result::ok).find_map(|line| line.strip_prefix(MARK).map(str::to_owned)).unwrap();
    assert!(answers(&place));
    child.kill().unwrap();
    child.wait().unwrap();
    wait_until(|| !answers(&place));
}

fn wait_until(holds: impl Fn() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < Duration::from_secs(30), "it never came to that");
    }
}

/// Asks for `ApiVersions` and gives half a second for the answer.
fn answers(place: &str) -> bool {
    let Ok(mut stream) = TcpStream::connect(place) else { return false };
    let asked = stream.set_read_timeout(Some(Duration::from_millis(500))).is_ok()
        && stream.write_all(&[0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 7, 0xff, 0xff]).is_ok();
    asked && stream.read_exact(&mut [0; 8]).is_ok()
}
