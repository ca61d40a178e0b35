//! Reads archived files back: for tests, and for whoever replays what was asked.

use std::{collections::HashMap, fs, path::Path};

use arrow_array::{
    Array, RecordBatch,
    cast::AsArray,
    types::{Int32Type, Int64Type, TimestampMicrosecondType},
};
use bus::{Received, TopicPartition};
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use wire::{Headers, PolicyRef, Record, RequestId, Timestamp};

use super::{ArchiveError, label::Label};

/// A record as it lay in the log, and what its envelope said.
#[derive(Clone, Debug)]
pub struct ArchivedRecord {
    /// The record, its place and its time.
    pub received: Received,
    /// The request's id, if the record is a request.
    pub request: Option<RequestId>,
    /// When the request was taken in, if the record is a request.
    pub born: Option<Timestamp>,
    /// The policy that decided about the request, if the record is one.
    pub policy: Option<PolicyRef>,
}

/// Reads the file at `path`: its records, in offset order.
pub fn read(path: &Path) -> Result<Vec<ArchivedRecord>, ArchiveError> {
    let file = path.display().to_string();
    let bytes =
        fs::read(path).map_err(|error| ArchiveError::Corrupt { file: file.clone(), reason: error.to_string() })?;
    records(Bytes::from(bytes)).map_err(|reason| ArchiveError::Corrupt { file, reason })
}

/// Reads what a file says about itself; `Err` says in words what is wrong with it.
pub(crate) fn label(bytes: Bytes) -> Result<Label, String> {
    let file = ParquetRecordBatchReaderBuilder::try_new(bytes).map_err(|error| error.to_string())?;
    let metadata = file.metadata().file_metadata().key_value_metadata().map_or(&[][..], Vec::as_slice);
    let texts: HashMap<&str, &str> =
        metadata.iter().filter_map(|entry| Some((entry.key.as_str(), entry.value.as_deref()?))).collect();
    Label::from_metadata(&texts).map_err(|key| format!("`{key}` in its metadata is missing or unknown"))
}

fn records(bytes: Bytes) -> Result<Vec<ArchivedRecord>, String> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes)
        .and_then(ParquetRecordBatchReaderBuilder::build)
        .map_err(|error| error.to_string())?;
    let mut records = Vec::new();
    for batch in reader {
        let batch = batch.map_err(|error| error.to_string())?;
        for row in 0..batch.num_rows() {
            records.push(record(&batch, row).ok_or_else(|| format!("row {row} has not the columns of an archive"))?);
        }
    }
    Ok(records)
}

fn record(batch: &RecordBatch, row: usize) -> Option<ArchivedRecord> {
    let topic = batch.column_by_name("topic")?.as_dictionary_opt::<Int32Type>()?;
    let topic = topic.values().as_string_opt::<i32>()?.value(topic.key(row)?);
    let partition = batch.column_by_name("partition")?.as_primitive_opt::<Int32Type>()?.value(row);
    let received = Received {
        partition: TopicPartition::new(topic, partition),
        offset: batch.column_by_name("offset")?.as_primitive_opt::<Int64Type>()?.value(row),
        appended: instant(batch.column_by_name("appended")?, row)??,
        record: Record {
            key: binary(batch.column_by_name("key")?, row)?,
            headers: headers(batch.column_by_name("headers")?, row)?,
            payload: binary(batch.column_by_name("payload")?, row)?,
        },
    };
    Some(ArchivedRecord {
        received,
        request: text(batch.column_by_name("request_id")?, row)?.and_then(|text| text.parse().ok()),
        born: instant(batch.column_by_name("born")?, row)?,
        policy: text(batch.column_by_name("policy")?, row)?.and_then(|text| text.parse().ok()),
    })
}

fn headers(column: &dyn Array, row: usize) -> Option<Headers> {
    let entries = column.as_list_opt::<i32>()?.value(row);
    let entries = entries.as_struct_opt()?;
    let (names, values) = (entries.column_by_name("name")?, entries.column_by_name("value")?);
    let mut headers = Headers::with_capacity(entries.len());
    for entry in 0..entries.len() {
        headers.push(names.as_string_opt::<i32>()?.value(entry), binary(values, entry)?.as_deref());
    }
    Some(headers)
}

/// A cell of a column that has the type asked for; `None` if the column has not.
type Cell<T> = Option<Option<T>>;

fn binary(column: &dyn Array, row: usize) -> Cell<Bytes> {
    let values = column.as_binary_opt::<i32>()?;
    Some(values.is_valid(row).then(|| Bytes::copy_from_slice(values.value(row))))
}

fn text(column: &dyn Array, row: usize) -> Cell<&str> {
    let values = column.as_string_opt::<i32>()?;
    Some(values.is_valid(row).then(|| values.value(row)))
}

fn instant(column: &dyn Array, row: usize) -> Cell<Timestamp> {
    let values = column.as_primitive_opt::<TimestampMicrosecondType>()?;
    Some(values.is_valid(row).then(|| Timestamp::from_micros(values.value(row))))
}
