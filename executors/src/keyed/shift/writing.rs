//! What a shift writes: transactions of what was learned, and responses behind them.

use std::{
    collections::BTreeSet,
    sync::{Arc, PoisonError},
    time::Duration,
};

use bus::{BusError, Commit, Committed, TopicPartition, TransactError};
use executor::failed;
use keyed::{Kept, Place};
use wire::{Record, Reply, Response};

use super::{Outcome, STALE, Serving, Shift, Written};
use crate::keyed::batch::Pending;

impl Shift<'_> {
    /// Returns the partitions that stand elsewhere than was committed.
    pub(super) fn moved(&self) -> Vec<(i32, Place)> {
        let moved = |(index, serving): (&i32, &Serving)| {
            let place = serving.partition.place();
            (serving.started && serving.committed != Some(place)).then_some((*index, place))
        };
        self.partitions.iter().filter_map(moved).collect()
    }

    pub(super) fn send(&mut self) {
        self.take_acknowledgements();
        let Some(by) = self.member.as_ref().and_then(|member| member.membership()) else { return };
        let (batch, places) = (std::mem::take(&mut self.batch), self.moved());
        let (kept, commands) = (Arc::<str>::from(self.keeper.kept()), self.commands.clone());
        let mut records = Vec::with_capacity(batch.steps().len());
        for Pending { partition, taken, .. } in batch.steps() {
            records.push((TopicPartition { topic: Arc::clone(&kept), partition: *partition }, taken.kept.encode()));
            if let (Some((topic, count)), Some(command)) = (&commands, &taken.command) {
                let key = taken.kept.key.as_ref().map(|key| key.clone().into_bytes().into());
                let record = Record { key, payload: Some(command.clone()), ..Record::default() };
                records.push((TopicPartition { topic: Arc::clone(topic), partition: partition % count }, record));
            }
        }
        let commit = |(index, place): &(i32, Place)| {
            let partition = self.partitions.get(index).map(|serving| serving.requests.clone())?;
            Some(Commit { partition, committed: Committed { offset: place.next, metadata: place.note() } })
        };
        let commits = places.iter().filter_map(commit).collect();
        self.transactions.begin(Written { batch, places }, records, commits, by);
    }

    pub(super) fn on_outcome(&mut self, (written, outcome): (Written, Result<(), TransactError>)) -> Outcome {
        let Written { batch, places } = written;
        let now = self.keeper.clock.now();
        match outcome {
            Ok(()) => {
                for (index, place) in places {
                    if let Some(serving) = self.partitions.get_mut(&index) {
                        serving.committed = Some(place);
                    }
                }
                for Pending { partition, taken, travelled, fetched, scored } in batch.steps() {
                    let queued = now.since(*fetched).saturating_sub(*scored);
                    self.keeper.metrics.responded(&taken.kept.reply, queued, *scored);
                    let Kept { model, reply, .. } = &taken.kept;
                    self.keeper.metrics.uses.called(model, now, *scored, std::slice::from_ref(reply));
                    self.respond(*partition, &taken.kept, [*travelled, queued, *scored]);
                }
                Ok(())
            }
            Err(TransactError::Aborted(why)) => {
                tracing::debug!(%why, "a transaction is tried again");
                let later = std::mem::take(&mut self.batch);
                self.batch = batch.then(later);
                let served: BTreeSet<i32> = self.partitions.keys().copied().collect();
                self.batch.keep_only(&served);
                Ok(())
            }
            Err(why @ (TransactError::Broken(_) | TransactError::TooLarge(_) | TransactError::Forbidden(_))) => {
                Err(why.to_string())
            }
        }
    }

    /// Sends a response. One that the log does not take is held for a successor until nobody waits for it.
    pub(super) fn respond(&mut self, index: i32, kept: &Kept, [fetched, queued, scored]: [Duration; 3]) {
        let Kept { offset, request, due, model, reply, .. } = kept;
        if due.after(STALE) <= self.keeper.clock.now() {
            if let Some(serving) = self.partitions.get_mut(&index) {
                serving.partition.on_answered(*offset);
            }
            return;
        }
        let (executor, to) = (self.keeper.executor.clone(), TopicPartition::new(&self.keeper.topics.responses, index));
        let (request, model, reply) = (*request, model.clone(), reply.clone());
        let response = Response { request, executor, model, fetched, queued, scored, reply };
        let sent = match self.hand_over(&to, *offset, &response) {
            Err(BusError::TooLarge) => {
                let reply = Reply::Failure(failed("the answer is larger than the topic allows"));
                self.hand_over(&to, *offset, &Response { reply, ..response })
            }
            sent => sent,
        };
        if sent.is_err() {
            self.keeper.metrics.lost.inc();
        }
    }

    fn hand_over(&self, to: &TopicPartition, offset: i64, response: &Response) -> Result<(), BusError> {
        let (told, index) = (Arc::clone(&self.acknowledged), to.partition);
        let acknowledge = Box::new(move |outcome: Result<i64, BusError>| {
            told.lock().unwrap_or_else(PoisonError::into_inner).push((index, offset, outcome.is_ok()));
        });
        self.producer.send(to, response.encode(), acknowledge)
    }

    pub(super) fn take_acknowledgements(&mut self) {
        let told = std::mem::take(&mut *self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner));
        for (index, offset, is_taken) in told {
            match self.partitions.get_mut(&index) {
                Some(serving) if is_taken => serving.partition.on_answered(offset),
                _ if !is_taken => drop(self.keeper.metrics.lost.inc()),
                _ => {}
            }
        }
    }
}
