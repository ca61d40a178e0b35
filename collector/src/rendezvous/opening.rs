//! How a request is opened: at once, later when its version has come, or never, when it is answered without waiting.

use std::sync::Arc;

use policies::{Circumstances, Definition, Evaluation, Reason};
use wire::{Request, Timestamp};

use super::{Decision, Open, Output, Parked, Pin, Place, Rendezvous, Tried};
use crate::surroundings::Surroundings;

// === impl Rendezvous ===

impl Rendezvous {
    /// Opens a request under `definition`.
    pub(super) fn open(
        &mut self,
        request: &Request,
        place: Place,
        definition: Arc<Definition>,
        surroundings: &mut Surroundings,
    ) {
        let (pin, is_strange) = Pin::new(request, definition);
        if is_strange {
            self.outputs.push_back(Output::NoSuchCase(request.id));
        }
        let budget = request.budget.min(pin.policy().budget());
        let Place { offset, appended, born } = place;
        let open = Open { evaluation: None, due: Timestamp::EPOCH, offset, born, asked: appended, budget, pin };
        if budget.deadline(born) <= appended {
            self.refuse(request, open, (Reason::StaleOnArrival, self.latest), surroundings);
        } else if self.open.len() >= self.open_max.0 {
            self.refuse(request, open, (Reason::Shed, self.latest), surroundings);
        } else {
            self.admit(request, open, surroundings);
        }
        self.deliver(&request.id, surroundings);
    }

    fn admit(&mut self, request: &Request, open: Open, surroundings: &Surroundings) {
        let open_breakers = self.breakers.open(&request.plan, &open.pin.definition, open.born);
        let circumstances = Circumstances { open_breakers, ..surroundings.circumstances(request) };
        self.contest.on_open(request, open.born, &open.pin, (surroundings, &circumstances));
        let (policy, lead) = (Arc::clone(open.pin.policy()), surroundings.lead(open.budget));
        let step = Evaluation::open(policy, &request.plan, open.born, open.budget, lead, &circumstances);
        self.due.insert((open.due, request.id));
        self.open.insert(request.id, Box::new(open));
        self.settle(&request.id, step, None);
    }

    /// Lets a request wait for its version, or answers it at once if too many do.
    pub(super) fn park(&mut self, request: Request, place: Place, surroundings: &mut Surroundings) {
        let (id, lead) = (request.id, surroundings.lead(request.budget));
        match self.parking.park(request, place, lead) {
            None => self.outputs.push_back(Output::Parked(id)),
            Some(request) => self.refuse_unheard(&request, place, (Reason::Shed, self.latest), surroundings),
        }
    }

    /// Answers a request whose version has not come.
    pub(super) fn give_up(&mut self, parked: &Parked, surroundings: &mut Surroundings) {
        let Parked { request, place, due } = parked;
        self.refuse_unheard(request, *place, (Reason::Deadline, *due), surroundings);
    }

    fn refuse_unheard(
        &mut self,
        request: &Request,
        place: Place,
        when: (Reason, Timestamp),
        surroundings: &mut Surroundings,
    ) {
        let (pin, _) = Pin::new(request, surroundings.newest());
        let Place { offset, born, appended: asked } = place;
        let open = Open { evaluation: None, due: Timestamp::EPOCH, offset, born, asked, budget: request.budget, pin };
        self.outputs.push_back(Output::Unheard(request.id));
        self.refuse(request, open, when, surroundings);
        self.deliver(&request.id, surroundings);
    }

    /// Answers a request with its default without letting it wait.
    fn refuse(
        &mut self,
        request: &Request,
        open: Open,
        (reason, at): (Reason, Timestamp),
        surroundings: &Surroundings,
    ) {
        let circumstances = &surroundings.circumstances(request);
        let Open { offset, born, asked, budget, pin, .. } = open;
        let verdict = Evaluation::refuse(pin.policy(), &request.plan, born, reason, at, circumstances);
        self.decided.remember(request.id, born, self.latest);
        let decision = Decision { request: request.id, offset, born, asked, budget, pin, verdict, due: None };
        self.emit(decision, Tried::No);
    }
}
