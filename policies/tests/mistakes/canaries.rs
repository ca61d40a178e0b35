//! Mistakes in how canaries are compared: margins nobody can keep, numbers that mean nothing, acts that change nothing.

use super::Mistake;

pub(crate) const SOUND: &str = r"rendezvous: wine
budget: 50ms
input: { features: [alcohol, ash] }
answer: { value: class, list: { field: items, item: id, top: 5, persistence: 80% } }
executors:
  forest: { onnx: forest.onnx }
  next:
    onnx: mlp.onnx
    canary:
      of: forest
      no_worse_by: { agreement: 2%, overlap: 40%, ranking: 30%, accuracy: 1%, failures: 0.1%, p50: 4ms, p99: 5ms, impact: off }
      confidence: 99%
      warm_up: 10s
      within: 0.05
      largest_difference: 1
      sample: 2%
      budget: 200ms
      hold: true
      acts: { promote: better, reject: worse, after: 10000 }
  again: { onnx: forest.onnx, canary: { of: forest, sample: 3% } }
decide:
  - first: any
examples:
  - name: a list
    heard: { 3ms: { forest: { class: 1, items: [{ id: 1 }, { id: 2 }] } } }
    expect: { at: 3ms }
";

pub(crate) const MISTAKES: &[Mistake] = &[
    ("canary as a word", "canary: { of: forest, sample: 3% }", "canary: forest"),
    ("canary without a reference", "canary: { of: forest, sample: 3% }", "canary: { sample: 3% }"),
    ("canary without a field so called", "confidence: 99%", "confidense: 99%"),
    ("unknown metric", "agreement: 2%", "agrement: 2%"),
    ("metric without a likeness", "agreement: 2%", "kappa: 2%"),
    (
        "no margin at all",
        "{ agreement: 2%, overlap: 40%, ranking: 30%, accuracy: 1%, failures: 0.1%, p50: 4ms, p99: 5ms, impact: off }",
        "{}",
    ),
    (
        "nothing where margins are meant",
        " { agreement: 2%, overlap: 40%, ranking: 30%, accuracy: 1%, failures: 0.1%, p50: 4ms, p99: 5ms, impact: off }",
        "",
    ),
    (
        "everything off",
        "{ agreement: 2%, overlap: 40%, ranking: 30%, accuracy: 1%, failures: 0.1%, p50: 4ms, p99: 5ms, impact: off }",
        "{ agreement: off, failures: off }",
    ),
    ("share as a time", "accuracy: 1%", "accuracy: 1ms"),
    ("time as a share", "p99: 5ms", "p99: 5%"),
    ("margin that is neither", "accuracy: 1%", "accuracy: little"),
    ("time margin without a unit", "p99: 5ms", "p99: 5"),
    ("margin of nothing", "agreement: 2%", "agreement: 0%"),
    ("margin above all", "agreement: 2%", "agreement: 120%"),
    ("time margin of nothing", "p50: 4ms", "p50: 0ms"),
    ("confidence of a coin", "confidence: 99%", "confidence: 50%"),
    ("confidence beyond doubt", "confidence: 99%", "confidence: 100%"),
    ("confidence in words", "confidence: 99%", "confidence: high"),
    ("warm-up without a unit", "warm_up: 10s", "warm_up: 10"),
    ("numbers closer than equal", "within: 0.05", "within: -1"),
    ("tolerance in words", "within: 0.05", "within: close"),
    ("largest difference within the tolerance", "largest_difference: 1", "largest_difference: 0.05"),
    ("sample of nothing", "sample: 2%", "sample: 0%"),
    ("sample of everything", "sample: 2%", "sample: 100%"),
    ("sample in words", "sample: 2%", "sample: few"),
    ("canary without time", "budget: 200ms", "budget: 0ms"),
    ("canary that nobody waits to compare", "budget: 200ms", "budget: 5051ms"),
    (
        "canary that starts when its time is over",
        "canary: { of: forest, sample: 3% }",
        "start: { after: 9ms }, canary: { of: forest, budget: 9ms }",
    ),
    ("hold that is neither", "hold: true", "hold: please"),
    ("hold of what nobody does", "      acts: { promote: better, reject: worse, after: 10000 }\n", ""),
    ("acts that do nothing", "{ promote: better, reject: worse, after: 10000 }", "{ after: 10000 }"),
    ("promotion of the worse", "promote: better", "promote: beter"),
    ("rejection of the better", "reject: worse", "reject: better"),
    ("acts after nothing", "after: 10000", "after: 0"),
    ("unknown act", "reject: worse", "withdraw: worse"),
    ("margin of lists as a time", "overlap: 40%", "overlap: 4ms"),
    ("margin of no list", ", list: { field: items, item: id, top: 5, persistence: 80% }", ""),
    ("list that is one", "{ field: items, item: id, top: 5, persistence: 80% }", "[items]"),
    ("list of nothing", "{ field: items, item: id, top: 5, persistence: 80% }", ""),
    ("list that is nowhere", "field: items, ", ""),
    ("list at no field", "field: items", "field: 1st"),
    ("item known by no field", "item: id", "item: id of it"),
    ("list of which nothing counts", "top: 5", "top: 0"),
    ("list of which too much counts", "top: 5", "top: 1001"),
    ("reader who never begins", "persistence: 80%", "persistence: 0%"),
    ("reader who never stops", "persistence: 80%", "persistence: 100%"),
    ("persistence in words", "persistence: 80%", "persistence: high"),
    ("list without a field so called", "top: 5", "depth: 5"),
    ("what is no list in an example", "items: [{ id: 1 }, { id: 2 }]", "items: { id: 1 }"),
    ("item that nobody knows in an example", "{ id: 2 }", "{ name: 2 }"),
    (
        "what is no list in a constant",
        "  again: {",
        "  fixed: { constant: { answer: { class: 1, items: 7 } } }\n  again: {",
    ),
    ("acts on a twin", "sample: 3% }", "sample: 3%, acts: { reject: worse } }"),
];
