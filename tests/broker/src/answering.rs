//! Waits for a server of HTTP to answer.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use crate::{BrokerError, process::Process};

/// Generous: a cold machine with every core busy. It takes four seconds otherwise.
const PATIENCE: Duration = Duration::from_mins(2);
const PAUSE: Duration = Duration::from_millis(50);

/// Waits until what `process` runs answers at `path` with a first line that `is_there` takes.
pub(crate) fn wait(
    process: &mut Process,
    port: u16,
    path: &str,
    is_there: impl Fn(&str) -> bool,
) -> Result<(), BrokerError> {
    let started = Instant::now();
    while started.elapsed() < PATIENCE {
        if first_line(port, path).is_ok_and(|line| is_there(&line)) {
            return Ok(());
        }
        if process.has_ended() {
            return Err(BrokerError::Ended(process.last_lines()));
        }
        // Another process' start has no event to wait for.
        thread::sleep(PAUSE);
    }
    Err(BrokerError::Silent(PATIENCE.as_secs(), process.last_lines()))
}

fn first_line(port: u16, path: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer.lines().next().unwrap_or_default().to_owned())
}
