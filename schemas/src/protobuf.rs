//! Values in Protobuf's binary form, as its JSON form says them but for what models need: whole numbers of 64 bits are
//! numbers, fields have the names of the file, and those that are not there say their defaults.
//!
//! A schema is the text of a file, or, as Confluent's client for Python registers it, a file's descriptor in base64.
//!
//! Pure.

use std::{
    io::{self, Write},
    path::Path,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use prost_reflect::{
    DescriptorPool, DynamicMessage, FileDescriptor, MessageDescriptor, SerializeOptions, prost::Message as _,
    prost_types::FileDescriptorProto,
};
use protox::{
    Compiler,
    file::{ChainFileResolver, File, FileResolver, GoogleFileResolver},
};

use crate::{
    frame,
    schema::{Undecodable, Unusable, Written},
};

/// A file of Protobuf.
#[derive(Debug)]
pub struct Protobuf(FileDescriptor);

/// The files that a schema consists of.
struct Files(Vec<(String, String)>);

/// What is written, as far as it may get: a message of which nothing is set takes two bytes, and says all its defaults.
struct Document(Vec<u8>);

/// The log takes no request of as many bytes.
const DOCUMENT_MAX: usize = 16 << 20;
/// A registry keeps no name of the file itself. No import may have this one.
const ROOT: &str = "hedgerow/schema.proto";

// === impl Protobuf ===

impl Protobuf {
    pub(crate) fn read(written: &Written) -> Result<Self, Unusable> {
        let referred = written.references.iter().map(|reference| (reference.name.clone(), reference.text.clone()));
        let files = referred.chain([(ROOT.to_owned(), written.text.clone())]).collect();
        let mut resolver = ChainFileResolver::new();
        resolver.add(Files(files));
        resolver.add(GoogleFileResolver::new());
        let mut compiler = Compiler::with_file_resolver(resolver);
        let unreadable = |error: protox::Error| Unusable::Unreadable(error.to_string());
        compiler.open_file(ROOT).map_err(unreadable)?;
        let pool: DescriptorPool = compiler.descriptor_pool();
        let file = pool.get_file_by_name(ROOT).ok_or_else(|| Unusable::Unreadable("it has no file".to_owned()))?;
        Ok(Self(file))
    }

    pub(crate) fn decode(&self, payload: &[u8]) -> Result<Bytes, Undecodable> {
        let (path, message) = frame::path(payload)?;
        let of = self.message(&path).ok_or(Undecodable::NoMessage(path))?;
        // Messages in messages are followed to a depth of a hundred.
        let message = DynamicMessage::decode(of, message);
        let message = message.map_err(|error| Undecodable::Foreign(error.to_string()))?;
        let options = SerializeOptions::new()
            .stringify_64_bit_integers(false)
            .use_proto_field_name(true)
            .skip_default_fields(false);
        let mut json = serde_json::Serializer::new(Document(Vec::new()));
        message.serialize_with_options(&mut json, &options).map_err(|error| Undecodable::Foreign(error.to_string()))?;
        Ok(Bytes::from(json.into_inner().0))
    }

    fn message(&self, path: &[usize]) -> Option<MessageDescriptor> {
        let (first, rest) = path.split_first()?;
        let outermost = self.0.messages().nth(*first)?;
        rest.iter().try_fold(outermost, |message, place| message.child_messages().nth(*place))
    }
}

impl Write for Document {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > DOCUMENT_MAX {
            return Err(io::Error::other("written out, it has more than 16 MiB"));
        }
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl FileResolver for Files {
    fn resolve_path(&self, path: &Path) -> Option<String> {
        path.to_str().map(str::to_owned)
    }

    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        let found = self.0.iter().find(|(known, _)| known == name);
        let (name, text) = found.ok_or_else(|| protox::Error::file_not_found(name))?;
        // No text of a file is base64: it has blanks.
        let described = STANDARD.decode(text).ok().and_then(|bytes| FileDescriptorProto::decode(&*bytes).ok());
        match described {
            Some(file) => {
                Ok(File::from_file_descriptor_proto(FileDescriptorProto { name: Some(name.clone()), ..file }))
            }
            None => File::from_source(name, text),
        }
    }
}
