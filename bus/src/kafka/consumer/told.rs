//! What a consumer makes of what it is told: by librdkafka, by its group, and by the threads that asked for it.

use rdkafka::{Offset, error::KafkaError, types::RDKafkaErrorCode as Code};

use super::{Away, KafkaConsumer, Outcome, asking, member::Question};
use crate::{
    BusError, Event, TopicPartition,
    kafka::{error, inbox::Told},
};

impl KafkaConsumer {
    pub(super) fn on_told(&mut self, told: Told) -> Outcome {
        match told {
            Told::Given(partitions) => {
                let question = self.member.as_mut()?.on_given(partitions);
                self.ask(question)
            }
            Told::Taken(partitions) => self.on_taken(partitions),
            Told::Committed(round, assigned) => {
                let current = self.member.as_mut()?.on_committed(round, &assigned);
                current.then_some(Ok(Event::Assigned(assigned)))
            }
            Told::CommitReturned => {
                self.member.as_mut()?.on_commit_returned();
                self.send_commits();
                None
            }
            Told::Located(epoch, offset) => {
                let partition = self.reading.on_located(epoch, offset)?;
                self.assign(&partition, Offset::Offset(offset)).err().map(Err)
            }
            Told::Gone(epoch, gone) => {
                let partition = self.reading.on_gone(epoch)?;
                self.unassign(&partition);
                Some(Err(gone))
            }
            Told::Away(reason) => {
                self.away = Away::Yes;
                Some(Err(BusError::Unavailable(reason)))
            }
            Told::Back => {
                self.away = Away::No;
                None
            }
            Told::Failed(error) => self.on_error(&error),
            Told::Broken(error) => Some(Err(error)),
        }
    }

    fn on_taken(&mut self, partitions: Vec<TopicPartition>) -> Outcome {
        let (told, question) = self.member.as_mut()?.on_taken(partitions);
        for partition in &told {
            self.reading.forget(partition);
        }
        if told.is_empty() {
            self.let_go();
            return self.ask(question);
        }
        // A question that cannot be asked, for want of a thread, is no reason to keep what was taken back to oneself.
        if let Some(Err(error)) = self.ask(question) {
            self.inbox.tell(Told::Broken(error));
        }
        Some(Ok(Event::Revoked(told)))
    }

    fn ask(&self, question: Option<Question>) -> Outcome {
        let Question { round, given } = question?;
        asking::committed(self.client(), &self.inbox, round, given).err().map(Err)
    }

    fn on_error(&mut self, error: &KafkaError) -> Outcome {
        let reason = self.inbox.reason();
        match (error, error.rdkafka_error_code()) {
            (_, Some(Code::UnsupportedFeature | Code::UnsupportedVersion)) => Some(Err(BusError::Fatal(format!(
                "the cluster cannot do what is asked of it ({reason}); older than Kafka 4.0, it needs the option \
                 group.protocol=classic"
            )))),
            (KafkaError::MessageConsumptionFatal(_), _) => {
                Some(Err(BusError::Fatal(format!("Kafka's client has failed: {reason}"))))
            }
            (_, Some(Code::AutoOffsetReset | Code::OffsetOutOfRange | Code::LogTruncation)) => {
                asking::gone(self.client(), &self.inbox, self.reading.positions()).err().map(Err)
            }
            (_, Some(code)) if error::is_fatal(code) => Some(Err(BusError::Fatal(format!("cannot read: {reason}")))),
            (_, Some(code)) if error::is_absence(code) => {
                if self.away != Away::No {
                    return None;
                }
                self.away = Away::Asking;
                asking::whether_away(self.client(), &self.inbox).err().map(Err)
            }
            _ => {
                tracing::warn!(%error, reason, "reading goes on");
                None
            }
        }
    }
}
