//! The worked examples, small: they do what their pages say. Budgets are generous here, because other tests run beside them.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

use super::{hedgerow, text};

fn example(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(file)
}

/// Copies a policy with other words in some places, each of which must be there.
fn patient(file: &str, folder: &Path, changes: &[(&str, &str)]) -> String {
    let models = example(file).with_file_name("models");
    let text = fs::read_to_string(example(file)).unwrap();
    let text = text.replace("onnx: models", &format!("onnx: {}", models.display()));
    let text = changes.iter().fold(text, |text, (from, to)| {
        assert!(text.contains(from), "{file} has no `{from}`");
        text.replace(from, to)
    });
    // The examples in it speak of the times that were.
    let text = text.split("\nexamples:").next().unwrap_or_default().to_owned();
    let copy = folder.join(Path::new(file).file_name().unwrap());
    fs::write(&copy, text).unwrap();
    copy.display().to_string()
}

/// Runs `hedgerow demo` and returns its summary.
fn demo(policy: &str, inputs: &str, more: &[&str]) -> Value {
    let inputs = example(inputs).display().to_string();
    let arguments = ["demo", "--policy", policy, "--inputs", &inputs, "--json"];
    let output = hedgerow(&[&arguments[..], more].concat());
    let said = text(&output.stderr);
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"))
}

fn count(summary: &Value, of: &str, name: &str) -> u64 {
    summary[of][name].as_u64().unwrap_or_default()
}

/// The vendor of the fraud example, stopped when this goes.
struct Vendor {
    process: Child,
    url: String,
}

// === impl Vendor ===

impl Vendor {
    /// Starts it: this share of its answers hangs until nobody waits any more.
    fn start(hang: &str) -> Self {
        let mut command = Command::new("python3");
        command.arg(example("fraud/vendor.py")).args(["--port", "0", "--hang", hang, "--hang-for", "600"]);
        let mut process = command.stdout(Stdio::piped()).spawn().expect("python3 runs the vendor of the example");
        let mut url = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut url).unwrap();
        Self { process, url: url.trim().to_owned() }
    }
}

impl Drop for Vendor {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

#[test]
fn a_vendor_that_hangs_makes_no_payment_late() {
    let (folder, vendor) = (TempDir::new().unwrap(), Vendor::start("0.1"));
    let changes = [
        ("http://127.0.0.1:8700/v2/models/reputation/infer", &*vendor.url),
        ("concurrency: 64", "concurrency: 512"),
        ("budget: 15ms", "budget: 60s"),
        ("within: 15ms", "within: 60s"),
        ("until: 3ms", "until: 500ms"),
        ("until: 9ms", "until: 2s"),
        ("until: 11ms", "until: 2s"),
        ("until: 12ms", "until: 50s"),
    ];
    let policy = patient("fraud/fraud.yaml", folder.path(), &changes);
    let summary = demo(&policy, "fraud/payments.jsonl", &["--requests", "500", "--rate", "250"]);
    assert_eq!((&summary["results"], &summary["missing"], &summary["second"]), (&500.into(), &0.into(), &0.into()));
    assert_eq!(summary["within_budget_share"], 1.0, "{summary:#}");
    // The vendor was heard about most payments, and those about which it hung were decided without it.
    let heard = count(&summary, "in_time", "vendor");
    assert!((100..500).contains(&heard) && count(&summary, "chosen", "vendor") > 0, "{summary:#}");
    assert!(count(&summary, "decided_by", "prefer") > 0 && count(&summary, "decided_by", "agree") > 0, "{summary:#}");
    assert!(count(&summary, "decided_by", "first") > 0, "{summary:#}");
    let agreement = summary["canary_agreement"].as_f64().expect("the canary was compared");
    assert!(agreement > 0.9, "{summary:#}");
}

#[test]
fn one_command_starts_the_vendor_asks_about_payments_and_stops_the_vendor() {
    let mut command = Command::new("sh");
    command.arg(example("fraud/run.sh")).args(["--requests", "50", "--rate", "50", "--json"]);
    let output = command.env("HEDGEROW", env!("CARGO_BIN_EXE_hedgerow")).env_remove("BROKERS").output().unwrap();
    let said = text(&output.stderr);
    assert!(output.status.success(), "{said}");
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"));
    // Whether 15 ms are enough on a machine that runs other tests too says nothing.
    assert_eq!((&summary["results"], &summary["missing"]), (&50.into(), &0.into()), "{summary:#}");
}

#[test]
fn a_factorisation_is_replaced_half_way_and_no_user_goes_without_a_list() {
    let folder = TempDir::new().unwrap();
    let changes = [
        ("budget: 50ms", "budget: 60s"),
        ("until: 30ms", "until: 50s"),
        ("until: 40ms", "until: 55s"),
        ("warm_up: 1s", "warm_up: 0s"),
    ];
    let policy = patient("recommender/recommender.yaml", folder.path(), &changes);
    let second = patient("recommender/second.yaml", folder.path(), &changes);
    let reports = folder.path().join("reports").display().to_string();
    // So few that they all find a place in the ranker's queue, however busy the machine is. The second half may even so have
    // been asked before the first is answered: then there is more time between them.
    let answered = ["100", "20", "4"].into_iter().any(|rate| {
        let more = ["--then", &second, "--reports", &reports, "--requests", "600", "--rate", rate];
        let summary = demo(&policy, "recommender/users.jsonl", &more);
        assert_eq!((&summary["results"], &summary["missing"], &summary["second"]), (&600.into(), &0.into(), &0.into()));
        assert_eq!(
            (&summary["within_budget_share"], count(&summary, "chosen", "ranker")),
            (&1.0.into(), 600),
            "{summary:#}"
        );
        let models: Vec<u64> = summary["models"].as_object().unwrap().values().filter_map(Value::as_u64).collect();
        assert_eq!(models.iter().sum::<u64>(), 600, "{summary:#}");
        models.len() == 2 && models.iter().all(|answers| *answers >= 60)
    });
    assert!(answered, "two versions of one model answered, each about a good part of the users");
    // The one that went is compared by its lists with the one that came.
    let told = fs::read_to_string(folder.path().join("reports/canary-before.json")).unwrap();
    let report: Value = serde_json::from_str(&told).unwrap();
    let lists = &report["lists"];
    assert_eq!((&lists["field"], &lists["n"]), (&"items".into(), &report["requests"]["compared"]), "{lists:#}");
    assert!(lists["n"].as_u64().unwrap() >= 60, "{lists:#}");
    let [overlap, ranking] = ["overlap", "ranking"].map(|measure| lists[measure]["mean"].as_f64().unwrap());
    assert!((0.15..0.3).contains(&overlap) && (0.05..0.3).contains(&ranking), "{lists:#}");
    let judged = report["metrics"].as_array().unwrap().iter().filter(|metric| metric["judged"] == true);
    assert_eq!(judged.map(|metric| metric["metric"].clone()).collect::<Vec<_>>(), ["overlap", "failures"]);
}

#[test]
fn what_does_not_take_the_first_policys_place_is_refused() {
    let folder = TempDir::new().unwrap();
    let policy = patient("recommender/recommender.yaml", folder.path(), &[]);
    let other = patient("recommender/second.yaml", folder.path(), &[("rendezvous: recommender", "rendezvous: other")]);
    let users = example("recommender/users.jsonl").display().to_string();
    let refused = |arguments: &[&str], expected: &str| {
        let output = hedgerow(&[&["demo", "--policy", &policy], arguments].concat());
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(expected), "{said}");
    };
    refused(&["--inputs", &users, "--then", &other], "it is a policy of `other`");
    let elsewhere = example("recommender/second.yaml").display().to_string();
    refused(&["--inputs", &users, "--then", &elsewhere], "it must lie beside the first policy");
    let empty = folder.path().join("empty.jsonl");
    fs::write(&empty, "\n").unwrap();
    refused(&["--inputs", empty.to_str().unwrap()], "there is no input in it");
}
