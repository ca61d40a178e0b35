//! PURE: the protocol as a Protobuf descriptor, for clients that ask a server what it speaks.
//!
//! The same as `messages`, in the words of a `.proto` file. What compares them is a client that has the original:
//! `whoever_has_no_proto_files_asks_what_there_is_and_it_is_what_the_protocol_s_own_say`.

use prost_types::{
    DescriptorProto, FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet, MessageOptions,
    MethodDescriptorProto, OneofDescriptorProto, ServiceDescriptorProto,
    field_descriptor_proto::{Label, Type},
};

use crate::calls::{CALLS, SERVICE};

/// What a field holds.
#[derive(Clone, Copy)]
enum Holds {
    /// One value.
    One(Type),
    /// Any number of values.
    Many(Type),
    /// Any number of messages.
    Messages(&'static str),
    /// At most one message.
    Message(&'static str),
    /// What else is to be known, by name.
    Parameters,
}
use Holds::{Many, Message, Messages, One, Parameters};

/// Returns the service and its messages.
#[must_use]
pub fn descriptor() -> FileDescriptorSet {
    let (package, service) = SERVICE;
    let file = FileDescriptorProto {
        name: Some("open_inference.proto".to_owned()),
        package: Some(package.to_owned()),
        message_type: [servers(), models(), vec![asked(), answered(), parameter(), contents()]].concat(),
        service: vec![ServiceDescriptorProto {
            name: Some(service.to_owned()),
            method: CALLS.iter().map(|(_, call)| method(call)).collect(),
            ..ServiceDescriptorProto::default()
        }],
        syntax: Some("proto3".to_owned()),
        ..FileDescriptorProto::default()
    };
    FileDescriptorSet { file: vec![file] }
}

fn servers() -> Vec<DescriptorProto> {
    let metadata = [("name", One(Type::String)), ("version", One(Type::String)), ("extensions", Many(Type::String))];
    vec![
        message("ServerLiveRequest", &[]),
        message("ServerLiveResponse", &[("live", One(Type::Bool))]),
        message("ServerReadyRequest", &[]),
        message("ServerReadyResponse", &[("ready", One(Type::Bool))]),
        message("ServerMetadataRequest", &[]),
        message("ServerMetadataResponse", &metadata),
    ]
}

fn models() -> Vec<DescriptorProto> {
    let named = [("name", One(Type::String)), ("version", One(Type::String))];
    let metadata = [
        ("name", One(Type::String)),
        ("versions", Many(Type::String)),
        ("platform", One(Type::String)),
        ("inputs", Messages("ModelMetadataResponse.TensorMetadata")),
        ("outputs", Messages("ModelMetadataResponse.TensorMetadata")),
    ];
    let tensor = message("ModelMetadataResponse.TensorMetadata", &TENSOR);
    vec![
        message("ModelReadyRequest", &named),
        message("ModelReadyResponse", &[("ready", One(Type::Bool))]),
        message("ModelMetadataRequest", &named),
        within(message("ModelMetadataResponse", &metadata), [tensor]),
    ]
}

/// What each tensor says first.
const TENSOR: [(&str, Holds); 3] =
    [("name", One(Type::String)), ("datatype", One(Type::String)), ("shape", Many(Type::Int64))];
/// And then, where it has values.
const VALUES: [(&str, Holds); 2] = [("parameters", Parameters), ("contents", Message("InferTensorContents"))];

fn asked() -> DescriptorProto {
    let request = [
        ("model_name", One(Type::String)),
        ("model_version", One(Type::String)),
        ("id", One(Type::String)),
        ("parameters", Parameters),
        ("inputs", Messages("ModelInferRequest.InferInputTensor")),
        ("outputs", Messages("ModelInferRequest.InferRequestedOutputTensor")),
        ("raw_input_contents", Many(Type::Bytes)),
    ];
    let input = message("ModelInferRequest.InferInputTensor", &[&TENSOR[..], &VALUES].concat());
    let named = [("name", One(Type::String)), ("parameters", Parameters)];
    let output = message("ModelInferRequest.InferRequestedOutputTensor", &named);
    within(message("ModelInferRequest", &request), [input, output])
}

fn answered() -> DescriptorProto {
    let response = [
        ("model_name", One(Type::String)),
        ("model_version", One(Type::String)),
        ("id", One(Type::String)),
        ("parameters", Parameters),
        ("outputs", Messages("ModelInferResponse.InferOutputTensor")),
        ("raw_output_contents", Many(Type::Bytes)),
    ];
    let output = message("ModelInferResponse.InferOutputTensor", &[&TENSOR[..], &VALUES].concat());
    within(message("ModelInferResponse", &response), [output])
}

fn parameter() -> DescriptorProto {
    let choices = [
        ("bool_param", One(Type::Bool)),
        ("int64_param", One(Type::Int64)),
        ("string_param", One(Type::String)),
        ("double_param", One(Type::Double)),
        ("uint64_param", One(Type::Uint64)),
    ];
    let mut parameter = message("InferParameter", &choices);
    parameter.field.iter_mut().for_each(|field| field.oneof_index = Some(0));
    let name = Some("parameter_choice".to_owned());
    parameter.oneof_decl = vec![OneofDescriptorProto { name, ..OneofDescriptorProto::default() }];
    parameter
}

fn contents() -> DescriptorProto {
    let values = [
        ("bool_contents", Many(Type::Bool)),
        ("int_contents", Many(Type::Int32)),
        ("int64_contents", Many(Type::Int64)),
        ("uint_contents", Many(Type::Uint32)),
        ("uint64_contents", Many(Type::Uint64)),
        ("fp32_contents", Many(Type::Float)),
        ("fp64_contents", Many(Type::Double)),
        ("bytes_contents", Many(Type::Bytes)),
    ];
    message("InferTensorContents", &values)
}

fn method(call: &str) -> MethodDescriptorProto {
    MethodDescriptorProto {
        name: Some(call.to_owned()),
        input_type: Some(path(&format!("{call}Request"))),
        output_type: Some(path(&format!("{call}Response"))),
        ..MethodDescriptorProto::default()
    }
}

/// Returns the message `name`, which says in which other one it lies, if it does. Fields are numbered from one in all of them.
fn message(name: &str, fields: &[(&str, Holds)]) -> DescriptorProto {
    let numbered = (1..).zip(fields);
    DescriptorProto {
        name: name.rsplit('.').next().map(str::to_owned),
        field: numbered.map(|(number, (of, holds))| field(name, of, number, *holds)).collect(),
        nested_type: fields.iter().filter(|(_, holds)| matches!(holds, Parameters)).map(|_| entry()).collect(),
        ..DescriptorProto::default()
    }
}

fn within<const N: usize>(mut message: DescriptorProto, inner: [DescriptorProto; N]) -> DescriptorProto {
    message.nested_type.extend(inner);
    message
}

fn field(message: &str, name: &str, number: i32, holds: Holds) -> FieldDescriptorProto {
    let (kind, label, of) = match holds {
        One(kind) => (kind, Label::Optional, None),
        Many(kind) => (kind, Label::Repeated, None),
        Message(of) => (Type::Message, Label::Optional, Some(path(of))),
        Messages(of) => (Type::Message, Label::Repeated, Some(path(of))),
        Parameters => (Type::Message, Label::Repeated, Some(path(&format!("{message}.ParametersEntry")))),
    };
    FieldDescriptorProto {
        name: Some(name.to_owned()),
        number: Some(number),
        label: Some(label.into()),
        r#type: Some(kind.into()),
        type_name: of,
        ..FieldDescriptorProto::default()
    }
}

/// A map is written as any number of messages of a key and a value.
fn entry() -> DescriptorProto {
    let fields = [("key", One(Type::String)), ("value", Message("InferParameter"))];
    let options = MessageOptions { map_entry: Some(true), ..MessageOptions::default() };
    DescriptorProto { options: Some(options), ..message("ParametersEntry", &fields) }
}

fn path(name: &str) -> String {
    format!(".{}.{name}", SERVICE.0)
}
