//! What open requests cost in memory: `cargo run -p hedgerow-collector --example memory`.

use std::{
    fs,
    io::{self, Write as _},
    sync::Arc,
};

use hedgerow_collector::{Surroundings, rendezvous::Rendezvous};
use policies::{Definition, Versions};
use wire::{Attributes, Request, RequestId, Timestamp};

const OPEN: u32 = 1_000_000;

fn main() -> io::Result<()> {
    let definition = Definition::parse("wine.yaml", include_str!("../../policies/wine.yaml"));
    let definition = Arc::new(definition.expect("the wine policy is sound"));
    let mut surroundings = Surroundings::new(Arc::new(Versions::only(Arc::clone(&definition))));
    let mut rendezvous = Rendezvous::default();
    rendezvous.on_versions(0, &mut surroundings);
    let (born, before) = (Timestamp::from_micros(1_000_000), resident()?);
    for number in 0..OPEN {
        let request = Request {
            id: RequestId::from_key(definition.name(), &number.to_string()),
            born,
            budget: definition.budget,
            policy: definition.policy_ref.clone(),
            plan: definition.plan(),
            case: None,
            key: None,
            attributes: Attributes::default(),
            traceparent: None,
            body: "{}".into(),
        };
        rendezvous.on_request(request, born, number.into(), &mut surroundings);
    }
    let bytes = resident()? - before;
    let open = rendezvous.open_requests();
    writeln!(io::stdout(), "{open} open requests: {} MB, {} bytes each", bytes >> 20, bytes / u64::from(OPEN))
}

/// Returns the bytes of this process that are in memory.
fn resident() -> io::Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|rest| rest.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kilobytes.map(|kilobytes| kilobytes << 10).ok_or_else(|| io::Error::other("the kernel does not say"))
}
