//! What was counted, as tests of conditions and of health need it.

use measures::{Latency, Overview, Promise, Runner};

/// An executor of the live version that failed and was late.
pub(crate) fn runner(name: &str) -> Runner {
    Runner {
        name: name.to_owned(),
        canary: false,
        live: true,
        models: Vec::new(),
        breaker_open: false,
        latency: Latency::default(),
        curve: Vec::new(),
        queued: Latency::default(),
        computed: Latency::default(),
        heard: 0,
        useful: 0,
        late: 2,
        failed: 31,
        expired: 0,
        overloaded: 0,
        abstained: 0,
        spared: 0,
        struck: 0,
        pending: 0,
        useful_us: 0,
        wasted_us: 0,
        compared_us: 0,
    }
}

/// Somebody was asked in the last minute.
pub(crate) fn overview(objectives: Vec<Promise>, executors: Vec<Runner>) -> Overview {
    Overview {
        rendezvous: "wine".to_owned(),
        version: 3,
        at_us: 1_000,
        window_us: 600_000_000,
        rate: 1.0,
        results: 100,
        degraded: 0,
        degraded_share: None,
        latency: Latency::default(),
        over_time: Vec::new(),
        objectives,
        decided: Vec::new(),
        misses: 0,
        blame: Vec::new(),
        executors,
    }
}
