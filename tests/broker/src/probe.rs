//! Waits until a broker answers, in a few bytes of Kafka's protocol, so that this crate needs no client.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use crate::{BrokerError, process::Process};

/// Generous: a cold machine with every core busy.
const PATIENCE: Duration = Duration::from_secs(90);
const PAUSE: Duration = Duration::from_millis(20);

/// `ApiVersions` version 0 without a client id: length 10, api 18, version 0, correlation 7, null.
const QUESTION: [u8; 14] = [0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 7, 0xff, 0xff];

/// Returns once the broker at `port` has answered a request, or says why it never will.
pub(crate) fn wait_until_it_answers(port: u16, process: &mut Process) -> Result<(), BrokerError> {
    let started = Instant::now();
    while started.elapsed() < PATIENCE {
        if ask(port).is_ok() {
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

/// The port opens early, but requests are answered only once the broker serves: so ask for an answer, not for a connection.
fn ask(port: u16) -> io::Result<()> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(Duration::from_secs(1)))?;
    stream.write_all(&QUESTION)?;
    let mut length_and_correlation = [0; 8];
    stream.read_exact(&mut length_and_correlation)?;
    if length_and_correlation.ends_with(&[0, 0, 0, 7]) { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) }
}
