//! What docs/doors.md says, played with the clients that people use: curl, Triton's for Python, and one that knows no messages.

use std::{
    io::Write as _,
    path::PathBuf,
    process::{Command, Stdio},
};

use tempfile::TempDir;

use crate::process::{Process, hedgerow};

const DOCUMENT: &str = include_str!("../../docs/doors.md");
const POLICY: &str = include_str!("../../policies/consensus.yaml");

/// Returns the examples of the document in `language`, asking `front`.
fn examples(language: &str, front: &str) -> Vec<String> {
    let address = front.trim_start_matches("http://");
    let fence = format!("```{language}\n");
    let blocks = DOCUMENT.split(&*fence).skip(1).map(|rest| rest.split("```").next().unwrap_or_default());
    blocks.map(|block| block.replace("localhost:8080", address)).collect()
}

/// Starts the policy that the document speaks of, with time enough for a loaded machine and without its examples, which
/// are about less.
fn up() -> Process {
    let folder = TempDir::new().unwrap();
    let policy = POLICY.split("\nexamples:").next().unwrap_or_default();
    let policy = policy.replace("budget: 60ms", "budget: 20s").replace("until: 50ms", "until: 15s");
    std::fs::write(folder.path().join("policy.yaml"), policy).unwrap();
    let mut command = hedgerow(&folder);
    command.args(["up", "policy.yaml", "--listen", "127.0.0.1:0"]);
    Process::start(folder, command)
}

/// Returns the Python that has the clients.
fn python() -> PathBuf {
    let set_up = concat!(env!("CARGO_MANIFEST_DIR"), "/target/setup/python/bin/python");
    let python = std::env::var_os("HEDGEROW_TEST_PYTHON").map_or_else(|| PathBuf::from(set_up), PathBuf::from);
    assert!(python.exists(), "there is no Python at {}: run tools/setup.sh python", python.display());
    python
}

/// Runs `program` on `script`, and returns what it prints.
fn run(mut program: Command, script: &str) -> String {
    let mut child = program.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}: {script}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn every_example_of_the_page_about_doors_runs_with_real_clients() {
    let process = up();
    let shell = examples("sh", &process.front);
    assert!(shell.len() >= 3, "{shell:?}");
    for script in &shell {
        let mut sh = Command::new("sh");
        sh.arg("-e");
        let printed = run(sh, script).to_lowercase();
        assert!(printed.contains("\"fine\""), "{script}\n{printed}");
    }
    let scripts = examples("python", &process.front);
    assert!(scripts.len() >= 3, "{scripts:?}");
    // One script of all: each block goes on where the one before it ended.
    run(Command::new(python()), &scripts.concat());
}

/// Takes the server's word for its messages, and holds it against the `.proto` file that Triton's client was made from.
const DESCRIBED: &str = r#"
import sys
import grpc
from google.protobuf import descriptor_pool, message_factory
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from tritonclient.grpc import service_pb2

channel = grpc.insecure_channel(sys.argv[1])
database = ProtoReflectionDescriptorDatabase(channel)
print(*sorted(database.get_services()))
pool = descriptor_pool.DescriptorPool(database)
ours, theirs = pool.FindServiceByName("inference.GRPCInferenceService"), service_pb2.DESCRIPTOR

def kind(field):
    inner = field.message_type
    return field.number, field.type, field.is_repeated, inner and inner.full_name, field.containing_oneof and field.containing_oneof.name

def compare(own, other, seen):
    if own.full_name in seen:
        return
    seen.add(own.full_name)
    assert own.full_name == other.full_name and own.GetOptions().map_entry == other.GetOptions().map_entry, own.full_name
    for field in own.fields:
        assert kind(field) == kind(other.fields_by_name[field.name]), field.full_name
        if field.message_type:
            compare(field.message_type, other.fields_by_name[field.name].message_type, seen)

seen = set()
for call in ours.methods:
    known = theirs.services_by_name["GRPCInferenceService"].methods_by_name[call.name]
    compare(call.input_type, known.input_type, seen)
    compare(call.output_type, known.output_type, seen)
print(len(ours.methods), len(seen))

check = pool.FindServiceByName("grpc.health.v1.Health").methods_by_name["Check"]
made = {side: message_factory.GetMessageClass(side) for side in (check.input_type, check.output_type)}
call = channel.unary_unary("/grpc.health.v1.Health/Check", lambda asked: asked.SerializeToString(), made[check.output_type].FromString)
print(call(made[check.input_type](service="fraud"), timeout=60))
"#;

#[test]
fn whoever_has_no_proto_files_asks_what_there_is_and_it_is_what_the_protocol_s_own_say() {
    let process = up();
    let mut described = Command::new(python());
    described.args(["-", process.front.trim_start_matches("http://")]);
    let printed = run(described, DESCRIBED);
    let told: Vec<&str> = printed.lines().collect();
    let services = "grpc.health.v1.Health grpc.reflection.v1alpha.ServerReflection inference.GRPCInferenceService";
    // Twelve messages of calls, and what lies in them: tensors, parameters and their entries, values.
    assert_eq!(told[..2], [services, "6 23"], "{printed}");
    assert_eq!(told[2], "status: SERVING");
}
