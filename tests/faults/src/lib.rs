//! Faults on a real Kafka: processes are killed, stopped and rolled under load, and what is left is audited.
