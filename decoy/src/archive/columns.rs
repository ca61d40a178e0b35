//! Records as columns, and columns as Parquet.
//!
//! Records are copied into flat buffers as they come in: a record that waits for its file costs its bytes and little
//! more, and holds no larger fetch buffer alive.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, DictionaryArray, Int32Array, RecordBatch, StringArray,
    builder::{
        ArrayBuilder, BinaryBuilder, Int64Builder, ListBuilder, StringBuilder, StructBuilder,
        TimestampMicrosecondBuilder,
    },
};
use arrow_schema::{ArrowError, DataType, Field, Fields, Schema, TimeUnit};
use bus::{Received, TopicPartition};
use bytes::Bytes;
use parquet::{
    arrow::ArrowWriter,
    basic::{Compression, ZstdLevel},
    errors::ParquetError,
    file::{metadata::KeyValue, properties::WriterProperties},
    schema::types::ColumnPath,
};
use wire::{Decoder, Envelope, Headers};

use super::label::Label;

/// Records in the making of a file.
#[derive(Debug)]
pub(crate) struct Columns {
    offset: Int64Builder,
    appended: TimestampMicrosecondBuilder,
    key: BinaryBuilder,
    headers: ListBuilder<StructBuilder>,
    payload: BinaryBuilder,
    request_id: StringBuilder,
    born: TimestampMicrosecondBuilder,
    policy: StringBuilder,
    decoder: Decoder,
}

const UTC: &str = "UTC";

// === impl Columns ===

impl Columns {
    /// Returns columns without records.
    pub(crate) fn new() -> Self {
        let headers = StructBuilder::new(
            header_fields(),
            vec![Box::new(StringBuilder::new()) as Box<dyn ArrayBuilder>, Box::new(BinaryBuilder::new())],
        );
        Self {
            offset: Int64Builder::new(),
            appended: TimestampMicrosecondBuilder::new().with_timezone(UTC),
            key: BinaryBuilder::new(),
            headers: ListBuilder::new(headers).with_field(header_item()),
            payload: BinaryBuilder::new(),
            request_id: StringBuilder::new(),
            born: TimestampMicrosecondBuilder::new().with_timezone(UTC),
            policy: StringBuilder::new(),
            decoder: Decoder::default(),
        }
    }

    /// Copies a record in.
    pub(crate) fn push(&mut self, received: &Received) {
        self.offset.append_value(received.offset);
        self.appended.append_value(received.appended.as_micros());
        self.key.append_option(received.record.key.as_deref());
        self.push_headers(&received.record.headers);
        self.payload.append_option(received.record.payload.as_deref());
        self.push_envelope(received);
    }

    /// Returns the records as one batch.
    pub(crate) fn finish(mut self, partition: &TopicPartition) -> Result<RecordBatch, ArrowError> {
        let offset = self.offset.finish();
        let rows = arrow_array::Array::len(&offset);
        let topic = StringArray::from(vec![partition.topic.as_ref()]);
        let columns: Vec<ArrayRef> = vec![
            Arc::new(DictionaryArray::try_new(Int32Array::from(vec![0; rows]), Arc::new(topic))?),
            Arc::new(Int32Array::from(vec![partition.partition; rows])),
            Arc::new(offset),
            Arc::new(self.appended.finish()),
            Arc::new(self.key.finish()),
            Arc::new(self.headers.finish()),
            Arc::new(self.payload.finish()),
            Arc::new(self.request_id.finish()),
            Arc::new(self.born.finish()),
            Arc::new(self.policy.finish()),
        ];
        RecordBatch::try_new(Arc::new(schema()), columns)
    }

    fn push_headers(&mut self, headers: &Headers) {
        let entries = self.headers.values();
        for (name, value) in headers.iter() {
            entries.field_builder::<StringBuilder>(0).expect("the first field is the name").append_value(name);
            let values = entries.field_builder::<BinaryBuilder>(1).expect("the second field is the value");
            values.append_option(value);
            entries.append(true);
        }
        self.headers.append(true);
    }

    /// For convenience only: whatever a record is, its exact bytes are in the other columns.
    fn push_envelope(&mut self, received: &Received) {
        if let Ok(Envelope::Request(request)) = self.decoder.decode(&received.record) {
            self.request_id.append_value(request.id.to_string());
            self.born.append_value(request.born.as_micros());
            self.policy.append_value(request.policy.to_string());
        } else {
            self.request_id.append_null();
            self.born.append_null();
            self.policy.append_null();
        }
    }
}

/// Returns how many bytes of memory `received` takes up in columns, to the nearest few.
pub(crate) fn size_of(received: &Received) -> usize {
    // Offset, instants, lengths and validity of the columns, and the id that is repeated as text.
    const FIXED: usize = 100;
    const FIXED_PER_HEADER: usize = 10;
    let record = &received.record;
    let bytes = |bytes: Option<&[u8]>| bytes.map_or(0, <[u8]>::len);
    let headers: usize = record.headers.iter().map(|(name, value)| FIXED_PER_HEADER + name.len() + bytes(value)).sum();
    FIXED + bytes(record.key.as_deref()) + headers + bytes(record.payload.as_deref())
}

/// Writes a batch as a Parquet file. Takes some milliseconds a megabyte: not for a loop that others wait for.
pub(crate) fn encode(batch: &RecordBatch, label: &Label) -> Result<Bytes, ParquetError> {
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties(label)))?;
    writer.write(batch)?;
    writer.into_inner().map(Bytes::from)
}

fn properties(label: &Label) -> WriterProperties {
    let metadata = label.to_metadata().into_iter().map(|(key, value)| KeyValue::new(key.to_owned(), value)).collect();
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_key_value_metadata(Some(metadata));
    // Values that hardly ever repeat: a dictionary of them is work for nothing.
    for column in ["offset", "appended", "key", "payload", "request_id", "born"] {
        properties = properties.set_column_dictionary_enabled(ColumnPath::from(column), false);
    }
    properties.build()
}

fn schema() -> Schema {
    let instant = || DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into()));
    let topic = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    Schema::new(vec![
        Field::new("topic", topic, false),
        Field::new("partition", DataType::Int32, false),
        Field::new("offset", DataType::Int64, false),
        Field::new("appended", instant(), false),
        Field::new("key", DataType::Binary, true),
        Field::new("headers", DataType::List(Arc::new(header_item())), false),
        Field::new("payload", DataType::Binary, true),
        Field::new("request_id", DataType::Utf8, true),
        Field::new("born", instant(), true),
        Field::new("policy", DataType::Utf8, true),
    ])
}

fn header_item() -> Field {
    Field::new("item", DataType::Struct(header_fields()), false)
}

fn header_fields() -> Fields {
    Fields::from(vec![Field::new("name", DataType::Utf8, false), Field::new("value", DataType::Binary, true)])
}
