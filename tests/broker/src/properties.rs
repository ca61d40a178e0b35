//! The settings of the broker: one replica, quick groups, nothing created behind the tests' backs.

use std::path::Path;

/// Returns `server.properties` for a broker at `clients` that keeps its records in `data`.
pub(crate) fn text(clients: u16, controller: u16, data: &Path) -> String {
    let data = data.display();
    format!(
        "process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{clients},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{clients}
controller.listener.names=CONTROLLER
log.dirs={data}
{REST}"
    )
}

// `group.consumer.assignment.interval.ms`: by default a new member waits a second for its first partition.
// `transaction.abort.timed.out…`: by default a hung transaction is looked for every ten seconds only.
// `broker.session.timeout.ms`: after a kill the same broker may only register again when its old session is over.
const REST: &str = "
auto.create.topics.enable=false
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=2
transaction.abort.timed.out.transaction.cleanup.interval.ms=500
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=500
group.consumer.min.session.timeout.ms=500
group.consumer.session.timeout.ms=700
group.consumer.min.heartbeat.interval.ms=100
group.consumer.heartbeat.interval.ms=100
group.consumer.min.assignment.interval.ms=0
group.consumer.assignment.interval.ms=0
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=3000
controlled.shutdown.enable=false
num.network.threads=2
num.io.threads=4
background.threads=2
log.cleaner.dedupe.buffer.size=8388608
";
