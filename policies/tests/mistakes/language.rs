//! Mistakes in what the language says beside the plainest policy: options, cases, expressions, keys, warnings.

use super::Mistake;

pub(crate) const SOUND: &str = r#"rendezvous: wine
budget: 50ms
approvals: 1
input:
  features: [alcohol, ash]
  attributes: [tenant, customer]
key: attributes.customer
answer: { value: class, confidence: probability }
executors:
  forest: { onnx: forest.onnx, family: trees, cost: 1.5 }
  boost: { onnx: boost.onnx, family: trees }
  linear: { onnx: linear.onnx }
  next: { onnx: mlp.onnx, canary: { of: forest } }
decide:
  - first: { where: answer.confidence > 0.99 && executor.family == "trees" }
    until: 5ms
  - agree:
      votes: 2
      weights: { forest: 1, boost: 0.5 }
      must_include: [forest]
      from_families: 2
      on: [class, { probability: { within: { abs: 0.05, rel: 0.1 } } }, { price: { bucket: { width: 10 } } }]
      on_tie: [{ prefer: [boost, forest] }, { best: answer.confidence }, next_clause]
    until: 10ms
    extra_wait: { times: 0.5, min: 1ms, max: 2ms }
  - agree: { votes: plurality, min_votes: 2, margin: 1, on: { label: class } }
    until: 15ms
  - best: { score: "answer.confidence * 2.0 - latency_ms / 100.0", at_least: 0.8 }
    until: 20ms
  - combine: { mean: [probability], weights: { linear: 2 }, min_answers: 2 }
    until: 30ms
  - prefer: [forest: { until: 35ms }, boost: { until: p95 }, linear: { until: { quantile: p99, min: 33ms, max: 45ms } }]
  - default: { last_known: { max_age: 1h, otherwise: { class: unknown } } }
cases:
  - case: gold
    when: attributes.tenant == "gold" && input.alcohol > 13.0
    budget: 20ms
    ask: [forest, boost]
    decide:
      - agree: 2
        until: 10ms
      - default: { error: nobody agrees }
  - case: hasty
    when: budget_ms < 10
    decide: [first: any]
examples:
  - name: gold is served by two
    case: gold
    attributes: { tenant: gold }
    input: { alcohol: 13.5 }
    heard: { 3ms: { forest: { class: 1 } }, 4ms: { boost: { class: 1 } } }
    expect: { at: 4ms, answer: { class: 1 } }
  - name: what was known last
    last_known: { class: 3, age: 5m }
    expect: { at: 50ms, decided_by: default }
"#;

pub(crate) const MISTAKES: &[Mistake] = &[
    // The top.
    ("approvals of a crowd", "approvals: 1", "approvals: 12"),
    ("attribute in capitals", "[tenant, customer]", "[tenant, customer, Region]"),
    ("attribute twice", "[tenant, customer]", "[tenant, customer, tenant]"),
    ("key nowhere", "key: attributes.customer", "key: customer"),
    ("key in an unknown attribute", "key: attributes.customer", "key: attributes.custommer"),
    ("key in an unknown feature", "key: attributes.customer", "key: input.alcool"),
    ("negative cost", "cost: 1.5", "cost: -1.5"),
    // Time.
    ("extra wait of a default", "- default: { last_known", "- extra_wait: 5ms\n    default: { last_known"),
    ("extra wait below nothing", "times: 0.5", "times: -0.5"),
    ("bounds the wrong way round", "min: 1ms, max: 2ms", "min: 3ms, max: 2ms"),
    ("unknown quantile", "until: p95", "until: p42"),
    ("patience longer than the budget", "max: 45ms", "max: 60ms"),
    ("patience over before it begins", "until: 35ms", "until: 25ms"),
    // Agreement.
    ("votes of nothing", "votes: 2\n", "votes: 0\n"),
    ("votes in tenths of thousandths", "votes: 2\n", "votes: 1.00005\n"),
    ("unreachable with weights", "votes: 2\n", "votes: 2.75\n"),
    ("margin without plurality", "votes: 2\n", "votes: 2\n      margin: 1\n"),
    ("min_votes without plurality", "votes: 2\n", "votes: 2\n      min_votes: 1\n"),
    ("margin that cannot be", "margin: 1", "margin: 4"),
    ("min_votes that cannot be", "min_votes: 2", "min_votes: 4"),
    ("weight of a canary", "{ forest: 1, boost: 0.5 }", "{ forest: 1, next: 0.5 }"),
    ("weight of nothing", "boost: 0.5", "boost: 0"),
    ("weight that is text", "boost: 0.5", "boost: half"),
    ("must include a canary", "must_include: [forest]", "must_include: [next]"),
    ("must include nobody", "must_include: [forest]", "must_include: []"),
    ("must include somebody unknown", "must_include: [forest]", "must_include: [forrest]"),
    ("more families than there are", "from_families: 2", "from_families: 3"),
    ("families of nobody", "from_families: 2", "from_families: 0"),
    ("compared twice", "on: [class, {", "on: [class, class, {"),
    ("compared by what there is not", "{ label: class }", "{ label: klass }"),
    ("compared within nothing", "{ within: { abs: 0.05, rel: 0.1 } }", "within"),
    ("compared within an empty distance", "{ abs: 0.05, rel: 0.1 }", "{}"),
    ("compared within a negative distance", "abs: 0.05", "abs: -0.05"),
    ("compared within everything", "rel: 0.1", "rel: 1"),
    ("bucket without width", "width: 10", "width: 0"),
    ("two fields compared at once", "{ label: class }", "[{ label: class, name: exact }]"),
    ("tie broken by what there is not", "next_clause]", "next_claus]"),
    ("tie broken by one thing twice", "{ prefer: [boost, forest] }", "{ prefer: [boost, boost] }"),
    ("tie broken after the end", "next_clause]", "next_clause, plan_order]"),
    ("tie broken by nobody", "{ prefer: [boost, forest] }", "{ prefer: [] }"),
    ("tie broken by who knows what", "{ best: answer.confidence }", "best"),
    ("tie broken by two things at once", "{ best: answer.confidence }", "{ best: answer.confidence, prefer: [boost] }"),
    // Combination.
    ("combine of nothing", "mean: [probability]", "mean: []"),
    ("combine in no way", "mean: [probability], ", ""),
    ("combine in two ways", "mean: [probability]", "mean: [probability], median: [probability]"),
    ("combine twice the same", "mean: [probability]", "mean: [probability, probability]"),
    ("combine more than there are", "min_answers: 2", "min_answers: 4"),
    // Defaults.
    ("last known for nobody", "key: attributes.customer\n", ""),
    ("last known for days", "max_age: 1h", "max_age: 25h"),
    ("last known just now", "max_age: 1h", "max_age: 0s"),
    ("default of two kinds", "- default: { last_known", "- default: { class: 1, last_known"),
    ("last that turns down", "decide: [first: any]", "decide: [first: { where: answer.ok }]"),
    // Cases.
    ("case without a name", "case: hasty\n    when", "when"),
    ("case with a name that is none", "case: hasty", "case: in a hurry"),
    ("cases of one name", "case: hasty", "case: gold"),
    ("case behind one that takes all", "when: attributes.tenant == \"gold\" && input.alcohol > 13.0", "when: 1 < 2"),
    ("case like one above", "when: budget_ms < 10", "when: attributes.tenant == \"gold\" && input.alcohol > 13.0"),
    ("case with more time than all", "budget: 20ms", "budget: 60ms"),
    ("case that asks nobody", "ask: [forest, boost]", "ask: []"),
    ("case that asks a canary", "ask: [forest, boost]", "ask: [forest, boost, next]"),
    ("case that asks somebody unknown", "ask: [forest, boost]", "ask: [forest, boost, liner]"),
    ("case that asks somebody twice", "ask: [forest, boost]", "ask: [forest, boost, boost]"),
    ("case that cannot agree", "ask: [forest, boost]", "ask: [forest]"),
    ("case that prefers whom it does not ask", "- agree: 2\n", "- prefer: [forest, linear]\n"),
    (
        "case that is over before somebody starts",
        "  boost: { onnx: boost.onnx, family: trees }",
        "  boost: { onnx: boost.onnx, family: trees, start: { after: 25ms } }",
    ),
    (
        "case that does not ask whom a judge hears",
        "  boost: { onnx: boost.onnx, family: trees }",
        "  boost: { echo: , hears: [linear], wait: 5ms, family: trees }",
    ),
    // Expressions.
    ("condition on an unknown feature", "input.alcohol > 13.0", "input.alcool > 13.0"),
    ("condition on an unknown attribute", "attributes.tenant ==", "attributes.tennant =="),
    ("condition on an answer", "budget_ms < 10", "answer.confidence < 10"),
    ("condition on all attributes", "budget_ms < 10", "attributes == 10"),
    ("condition that is a number", "budget_ms < 10", "budget_ms"),
    ("number compared with text", "input.alcohol > 13.0", "input.alcohol > \"13.0\""),
    ("number the same as text", "attributes.tenant ==", "input.ash =="),
    ("text and number added", "budget_ms < 10", "attributes.tenant + 1 == \"a\""),
    ("number where truth is meant", "budget_ms < 10", "budget_ms && input.ash < 1.0"),
    ("fact that there is not", "executor.family ==", "executor.famly =="),
    ("score that is true or false", "answer.confidence * 2.0 - latency_ms / 100.0", "answer.confidence > 0.5"),
    ("score that is text", "answer.confidence * 2.0 - latency_ms / 100.0", "executor.name"),
    ("choice by a number", "answer.confidence * 2.0 - latency_ms / 100.0", "latency_ms ? 1.0 : 0.0"),
    ("choice between two kinds", "answer.confidence * 2.0 - latency_ms / 100.0", "latency_ms > 1.0 ? 1.0 : 'low'"),
    ("count among fractions", "answer.confidence * 2.0 - latency_ms / 100.0", "size(answer.list) * latency_ms"),
    ("remainder of a fraction", "answer.confidence * 2.0 - latency_ms / 100.0", "latency_ms % 2"),
    ("size of a number", "answer.confidence * 2.0 - latency_ms / 100.0", "size(latency_ms)"),
    ("too many arguments", "answer.confidence * 2.0 - latency_ms / 100.0", "size(answer.a, answer.b)"),
    ("items of a number", "answer.confidence * 2.0 - latency_ms / 100.0", "latency_ms.map(n, n)[0]"),
    ("equal to null", "answer.confidence > 0.99", "answer.confidence != null"),
    ("pattern that does not read", "answer.confidence > 0.99", "answer.class.matches('(')"),
    ("pattern from an answer", "answer.confidence > 0.99", "executor.name.matches(answer.class)"),
    ("misspelt function", "answer.confidence > 0.99", "answer.class.startWith('a')"),
    ("minus text", "answer.confidence * 2.0", "-executor.name"),
    // Examples.
    ("example of an unknown case", "case: gold\n    attributes", "case: glod\n    attributes"),
    ("example of an unknown attribute", "{ tenant: gold }", "{ tennant: gold }"),
    ("example of an unknown feature", "{ alcohol: 13.5 }", "{ alcool: 13.5 }"),
    ("example of unknown age", "{ class: 3, age: 5m }", "{ class: 3 }"),
    (
        "example that knows what nobody asks",
        "- default: { last_known: { max_age: 1h, otherwise: { class: unknown } } }",
        "- default: { class: unknown }",
    ),
    // Warnings: the policy has a meaning, and probably not the one that was wanted.
    ("attribute that nobody looks at", "[tenant, customer]", "[tenant, customer, region]"),
    (
        "family that nobody looks at",
        " && executor.family == \"trees\" }\n    until: 5ms\n  - agree:\n      votes: 2\n      weights: { forest: 1, boost: 0.5 }\n      must_include: [forest]\n      from_families: 2\n",
        " }\n    until: 5ms\n  - agree:\n      votes: 2\n",
    ),
    ("clause that can never decide", "  - default: { last_known", "  - first: any\n  - default: { last_known"),
    ("misspelt name that every policy has", "\"answer.confidence * 2.0", "\"answer.confidense * 2.0"),
    ("tie of majorities", "votes: 2\n", "votes: majority\n"),
    ("wait behind the first", "decide: [first: any]", "decide: [{ first: any, extra_wait: 2ms }]"),
    ("case that never is", "budget_ms < 10", "1 > 2"),
];
