//! Which version reads, checks and plans an input: the one that serves its id at that moment, and no other.
//!
//! Laws, each tested by name:
//! - *One version*: an input is read, checked and planned by the version that serves its id.
//! - *From the next input on*: a new version serves the next input; requests that were planned keep theirs.
//! - *Made once*: what a version reads and plans with is made when it is first looked at, and again only when starts
//!   move that follow latencies; at most two are kept.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use policies::{Definition, Latencies, Trial, TrialMode, Versions};
use tokio::sync::watch;
use wire::{Budget, RendezvousName, ReplyTo, Request, RequestId, Timestamp};

use crate::{
    input::{AttributeReader, Digest, Input, InputReader, InvalidInput, Parameter, Protocol, Rows, Said, named},
    plan::{Origin, Planner, Stated, key},
};

/// The versions as they come.
pub(crate) struct Serving {
    versions: watch::Receiver<Arc<Versions>>,
    /// What was made of the newest that was looked at.
    served: Mutex<Arc<Served>>,
    body_bytes: usize,
}

/// The versions that serve new inputs at one moment.
pub(crate) struct Served {
    versions: Arc<Versions>,
    live: Arc<Edition>,
    /// The one that serves a share of the requests.
    trial: Option<Arc<Edition>>,
}

/// One version, ready to be used.
struct Edition {
    reader: InputReader,
    attributes: AttributeReader,
    planner: Planner,
}

/// An input as a front door received it.
pub(crate) struct Incoming<'a> {
    pub(crate) body: &'a Bytes,
    /// What lies behind it: values in binary form.
    pub(crate) binary: &'a Bytes,
    /// The name given beside the body.
    pub(crate) key: Option<&'a str>,
    /// What names it if nobody did.
    pub(crate) otherwise: Origin<'a>,
    pub(crate) said: &'a [Said],
    /// What is said in the parameters of the body that this was taken out of.
    pub(crate) parameters: &'a [Parameter],
    pub(crate) budget: Option<Budget>,
    pub(crate) traceparent: Option<Bytes>,
    /// Where its result is to go besides the results topic; one that the operator allows.
    pub(crate) reply: Option<Arc<ReplyTo>>,
    /// Whether the live version serves it, be it of a trial's share or not.
    pub(crate) live: bool,
    pub(crate) born: Timestamp,
}

/// An input that became a request.
pub(crate) struct Understood {
    pub(crate) request: Request,
    pub(crate) digest: Digest,
    pub(crate) protocol: Protocol,
}

// === impl Serving ===

impl Serving {
    /// Begins with the versions that there are; inputs have at most `body_bytes`.
    pub(crate) fn new(versions: watch::Receiver<Arc<Versions>>, body_bytes: usize) -> Self {
        let first = Arc::clone(&versions.borrow());
        let served = Served::of(first, body_bytes, &[]);
        Self { versions, served: Mutex::new(Arc::new(served)), body_bytes }
    }

    /// Returns who serves now. Held for a comparison, or once per change for some allocations, never across an await.
    pub(crate) fn now(&self) -> Arc<Served> {
        let mut served = self.served.lock().unwrap_or_else(PoisonError::into_inner);
        // Looked at under the lock, so that nobody puts back what is older.
        let newest = self.versions.borrow();
        if !Arc::ptr_eq(&served.versions, &newest) {
            let known: Vec<_> = [&served.live].into_iter().chain(&served.trial).cloned().collect();
            *served = Arc::new(Served::of(Arc::clone(&newest), self.body_bytes, &known));
        }
        Arc::clone(&served)
    }
}

// === impl Served ===

impl Served {
    /// Takes over those of `known` that go on serving.
    fn of(versions: Arc<Versions>, body_bytes: usize, known: &[Arc<Edition>]) -> Self {
        let edition = |definition: &Arc<Definition>| {
            let is_it = |known: &&Arc<Edition>| {
                Arc::ptr_eq(known.planner.definition(), definition) && known.planner.knows(versions.usual())
            };
            let known = known.iter().find(is_it);
            known.map_or_else(|| Arc::new(Edition::of(definition, versions.usual(), body_bytes)), Arc::clone)
        };
        let share = versions.trial().filter(|trial| matches!(trial.mode, TrialMode::Share(_)));
        let (live, trial) = (edition(versions.live()), share.map(|Trial { definition, .. }| edition(definition)));
        Self { versions, live, trial }
    }

    /// Returns the versions.
    pub(crate) fn versions(&self) -> &Arc<Versions> {
        &self.versions
    }

    /// Makes the request of an input, or says what is wrong with it.
    pub(crate) fn understand(&self, incoming: Incoming<'_>) -> Result<Understood, InvalidInput> {
        let (edition, id, Input { body, digest, protocol }) = self.read(&incoming)?;
        let parameters = incoming.parameters.iter().chain(protocol.parameters());
        let attributes = edition.attributes.read(incoming.said, parameters)?;
        let digest = digest.beside(&attributes);
        let budget = [incoming.budget, protocol.budget()].into_iter().flatten().min();
        let stated = Stated { body, attributes, budget, traceparent: incoming.traceparent, reply: incoming.reply };
        let request = edition.planner.request(id, incoming.born, stated);
        Ok(Understood { request, digest, protocol })
    }

    /// Takes a body of several rows apart. Which version serves a row depends on its id, so each is read again by that one.
    pub(crate) fn rows(&self, body: &Bytes, binary: &Bytes, most: usize) -> Result<Rows, InvalidInput> {
        self.live.reader.read_rows(body, binary, most)
    }

    fn read(&self, incoming: &Incoming<'_>) -> Result<(&Edition, RequestId, Input), InvalidInput> {
        let rendezvous = self.versions.live().name();
        if !incoming.live && !self.reads_alike() {
            // Which version says what a valid body is depends on the id, and that may stand in the body.
            let found = if incoming.key.is_none() { named(incoming.body) } else { None };
            let id = incoming.id(rendezvous, found.as_deref())?;
            let edition = self.serving(&id);
            return Ok((edition, id, edition.reader.read_framed(incoming.body, incoming.binary)?));
        }
        let input = self.live.reader.read_framed(incoming.body, incoming.binary)?;
        let id = incoming.id(rendezvous, input.protocol.id())?;
        let edition = if incoming.live { &self.live } else { self.serving(&id) };
        Ok((edition, id, input))
    }

    fn serving(&self, id: &RequestId) -> &Arc<Edition> {
        let version = self.versions.serving(id);
        let trial = self.trial.as_ref().filter(|trial| Arc::ptr_eq(trial.planner.definition(), version));
        trial.unwrap_or(&self.live)
    }

    /// Returns whether it makes no difference to reading which version serves.
    fn reads_alike(&self) -> bool {
        self.trial.as_ref().is_none_or(|trial| trial.reader.reads_as(&self.live.reader))
    }
}

// === impl Incoming ===

impl Incoming<'_> {
    /// Returns its id: after its caller's key, else after the name `found` in its body, else after where it came from.
    fn id(&self, rendezvous: &RendezvousName, found: Option<&str>) -> Result<RequestId, InvalidInput> {
        let origin = match (self.key, found) {
            (Some(given), _) => Origin::Key(given),
            (None, Some(found)) => Origin::Key(key("`id`", found.as_bytes())?),
            (None, None) => self.otherwise,
        };
        Ok(origin.id(rendezvous))
    }
}

// === impl Edition ===

impl Edition {
    fn of(definition: &Arc<Definition>, usual: &Latencies, body_bytes: usize) -> Self {
        Self {
            reader: InputReader::new(&definition.input, body_bytes),
            attributes: AttributeReader::new(&definition.attributes),
            planner: Planner::knowing(Arc::clone(definition), usual),
        }
    }
}

#[cfg(test)]
mod tests;
