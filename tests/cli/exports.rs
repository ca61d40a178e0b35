//! What Prometheus reads: the page `/metrics` of a process that serves two rendezvous, and what `hedgerow export` writes.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use crate::{hedgerow_in, running::Running, text};

const POLICY: &str = "rendezvous: NAME
budget: 5s
input: { features: [x] }
answer: { value: x }
executors: { forest: { echo: {} }, mirror: { echo: {}, canary: { of: forest } } }
decide:
  - first: any
  - default: { x: unknown }
decoy: { archive: NAME }
objectives: [{ within: 5s, share: 99.9%, window: 30d }]
";

/// One line of `docs/metrics.md`.
struct Line {
    kind: String,
    labels: BTreeSet<String>,
}

#[test]
fn two_rendezvous_in_one_process_share_one_page_of_metrics_as_it_is_documented() {
    let folder = TempDir::new().unwrap();
    for name in ["wine", "fraud"] {
        fs::write(folder.path().join(format!("{name}.yaml")), POLICY.replace("NAME", name)).unwrap();
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_hedgerow"));
    command.args(["up", "wine.yaml", "fraud.yaml", "--listen", "127.0.0.1:0"]);
    let running = Running::start(command, &folder);
    let address = &running.address;
    for name in ["wine", "fraud", "wine"] {
        assert!(said(address, &format!("POST /v2/models/{name}/infer"), "", "{\"x\": 1}").contains("\"x\""));
    }
    let counted = |name: &str, good: &str, count: u64| {
        let labels = format!("rendezvous=\"{name}\",objective=\"5s\",degraded=\"bad\",good=\"{good}\"");
        format!("hedgerow_objective_results_total{{{labels}}} {count}\n")
    };
    let page = loop {
        let page = said(address, "GET /metrics", "", "");
        if page.contains(&counted("wine", "true", 2)) && page.contains(&counted("fraud", "true", 1)) {
            break page;
        }
    };
    assert!(page.contains(&counted("fraud", "false", 0)), "{page}");
    each_is_documented(&page);
    promtool_takes(&page, folder.path());
    let open = said(address, "GET /metrics", "Accept: application/openmetrics-text;version=1.0.0,text/plain\r\n", "");
    assert!(open.ends_with("# EOF\n") && open.contains("# TYPE hedgerow_results counter\n"), "{open}");
    assert_eq!(open.matches("# TYPE hedgerow_results ").count(), 1, "{open}");
}

/// Each metric once, of the type and with the labels that its line in the document says.
fn each_is_documented(page: &str) {
    let (documented, mut kinds) = (documented(), BTreeMap::new());
    for line in page.lines() {
        if let Some(told) = line.strip_prefix("# TYPE ") {
            let (name, kind) = told.split_once(' ').unwrap();
            assert!(kinds.insert(name, kind).is_none(), "{name} is told twice");
            let line = documented.get(name).unwrap_or_else(|| panic!("docs/metrics.md has no line for {name}"));
            assert_eq!(line.kind, kind, "{name}");
        } else if let Some((sample, _)) = line.rsplit_once(' ').filter(|_| !line.starts_with('#')) {
            let (name, labels) = sample.trim_end_matches('}').split_once('{').unwrap_or((sample, ""));
            let family = ["_bucket", "_sum", "_count"].iter().find_map(|part| name.strip_suffix(part));
            let family = family.filter(|family| kinds.get(family) == Some(&"histogram")).unwrap_or(name);
            let has = &documented[family].labels;
            let labels =
                labels.split("\",").filter_map(|label| label.split_once('=')).map(|(label, _)| label.to_owned());
            let labels: BTreeSet<String> = labels.filter(|label| label != "le").collect();
            assert_eq!(&labels, has, "{line}");
        }
    }
    assert!(kinds.len() > 40, "{page}");
}

fn promtool_takes(page: &str, folder: &Path) {
    let set_up = std::env::var_os("HEDGEROW_PROMTOOL").map(PathBuf::from);
    let set_up = set_up.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target/setup/promtool/promtool"));
    let program = if set_up.exists() { set_up } else { "promtool".into() };
    let file = folder.join("page");
    fs::write(&file, page).unwrap();
    let mut command = Command::new(program);
    command.args(["check", "metrics"]).stdin(fs::File::open(file).unwrap());
    let output = command.output().expect("promtool is there: `tools/setup.sh promtool` fetches it");
    assert!(output.status.success(), "{}{}\n{page}", text(&output.stdout), text(&output.stderr));
}

fn documented() -> BTreeMap<String, Line> {
    let (mut all, mut is_station) = (BTreeMap::new(), false);
    for line in include_str!("../../docs/metrics.md").lines() {
        if line.starts_with("## ") {
            is_station = !line.contains("process");
        }
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, name, kind, labels, ..] = cells[..] else { continue };
        if name.starts_with("`hedgerow_") {
            let labels = labels.split('`').skip(1).step_by(2).map(str::to_owned);
            let labels = labels.chain(is_station.then(|| "rendezvous".to_owned())).collect();
            let line = Line { kind: kind.to_owned(), labels };
            assert!(all.insert(name.trim_matches('`').to_owned(), line).is_none(), "{name} has two lines");
        }
    }
    all
}

fn said(address: &str, what: &str, headers: &str, body: &str) -> String {
    let mut caller = TcpStream::connect(address).unwrap();
    let length = body.len();
    let head =
        format!("{what} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n{body}");
    caller.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    caller.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

#[test]
fn exports_are_written_where_they_are_wanted_and_mistakes_are_refused() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("wine.yaml"), POLICY.replace("NAME", "wine")).unwrap();
    fs::write(folder.path().join("again.yaml"), POLICY.replace("NAME", "wine")).unwrap();
    let printed = hedgerow_in(&folder, &["export", "alerts", "wine.yaml"]);
    assert!(printed.status.success() && text(&printed.stdout).contains("- alert: HedgerowBudgetBurns"));
    for (what, file) in [("alerts", "rules.yml"), ("grafana", "board.json")] {
        let written = hedgerow_in(&folder, &["export", what, "wine.yaml", "--out", file]);
        assert!(written.status.success() && written.stdout.is_empty(), "{}", text(&written.stderr));
        let again = hedgerow_in(&folder, &["export", what, "wine.yaml"]);
        assert_eq!(fs::read_to_string(folder.path().join(file)).unwrap(), text(&again.stdout));
    }
    let twice = hedgerow_in(&folder, &["export", "alerts", "wine.yaml", "again.yaml"]);
    assert_eq!(twice.status.code(), Some(2));
    assert!(
        text(&twice.stderr).contains("again.yaml: another of the files is about `wine` too"),
        "{}",
        text(&twice.stderr)
    );
    let nowhere = hedgerow_in(&folder, &["export", "alerts", "wine.yaml", "--out", "no/such/folder"]);
    assert_eq!(nowhere.status.code(), Some(1));
    assert_eq!(hedgerow_in(&folder, &["export", "grafana", "none.yaml"]).status.code(), Some(2));
}
