//! Mistakes in when executors start: by whose latency, within which bounds, for how many requests.

use super::Mistake;

pub(crate) const SOUND: &str = r"rendezvous: wine
budget: 50ms
input: { features: [alcohol, ash] }
answer: { value: class }
executors:
  forest: { onnx: forest.onnx }
  linear: { onnx: linear.onnx, start: { after: p99, of: forest } }
  boost: { onnx: boost.onnx, start: { after: p95, min: 2ms, max: 30ms, otherwise: 20ms, budget: 5% } }
  next: { onnx: mlp.onnx, canary: { of: forest } }
  spare: { onnx: spare.onnx, start: { after: 12ms } }
decide:
  - first: any
cases:
  - case: small
    when: input.ash < 1.0
    ask: [forest, boost]
    decide: [first: any]
";

pub(crate) const MISTAKES: &[Mistake] = &[
    ("quantile that is none", "after: p95", "after: p42"),
    ("bound of a fixed start", "{ after: 12ms }", "{ after: 12ms, max: 20ms }"),
    ("somebody else's latency for a fixed start", "{ after: 12ms }", "{ after: 12ms, of: forest }"),
    ("start without its moment", "{ after: 12ms }", "{ budget: 5% }"),
    ("bounds of a start the wrong way round", "min: 2ms, max: 30ms, otherwise: 20ms", "min: 31ms, max: 30ms"),
    ("start out of bounds", "otherwise: 20ms", "otherwise: 40ms"),
    ("hedge when all is over", "max: 30ms, otherwise: 20ms", "max: 50ms"),
    ("hedge budget of nothing", "budget: 5%", "budget: 0%"),
    ("unknown field of a start", "budget: 5%", "buget: 5%"),
    ("latency of nobody", "of: forest } }\n  boost", "of: forrest } }\n  boost"),
    ("latency of a canary", "of: forest } }\n  boost", "of: next } }\n  boost"),
    ("latency of itself", "of: forest } }\n  boost", "of: linear } }\n  boost"),
    ("latency of a hedge", "of: forest } }\n  boost", "of: boost } }\n  boost"),
    ("latency of one of several", "spare.onnx, start: { after: 12ms }", "spare.onnx"),
    (
        "latency of nobody who is there",
        "{ onnx: forest.onnx }\n  linear: { onnx: linear.onnx, start: { after: p99, of: forest } }",
        "{ onnx: forest.onnx, start: { after: 1ms } }\n  linear: { onnx: linear.onnx, start: { after: 2ms } }",
    ),
    ("canary that is a hedge", "canary: { of: forest } }", "canary: { of: forest }, start: { after: p95 } }"),
    ("case without whom a hedge follows", "ask: [forest, boost]", "ask: [boost]"),
    ("case that is over before a hedge", "    ask: [forest, boost]\n", "    budget: 25ms\n    ask: [forest, boost]\n"),
];
