//! Panels in Grafana's words, placed one beside the other.

use serde_json::{Value, json};

/// Over how long a panel's rates are: what Grafana finds right for the time it shows.
pub(super) const RATE: &str = "$__rate_interval";

/// The page is so many units wide.
const WIDTH: u32 = 24;

/// Panels, placed from left to right and from top to bottom.
#[derive(Default)]
pub(super) struct Board {
    panels: Vec<Value>,
    x: u32,
    y: u32,
    /// Of the tallest beside each other.
    height: u32,
}

pub(super) struct Panel {
    kind: &'static str,
    title: String,
    about: String,
    unit: &'static str,
    targets: Vec<Value>,
    steps: Vec<Value>,
    shows_steps: bool,
    is_stacked: bool,
}

// === impl Board ===

impl Board {
    pub(super) fn row(&mut self, title: &str) {
        self.next_line();
        let place = json!({ "x": 0, "y": self.y, "w": WIDTH, "h": 1 });
        self.panels.push(json!({
            "id": self.panels.len() + 1, "type": "row", "title": title, "collapsed": false, "panels": [], "gridPos": place,
        }));
        self.y += 1;
    }

    pub(super) fn put(&mut self, panel: Panel, (width, height): (u32, u32)) {
        if self.x + width > WIDTH {
            self.next_line();
        }
        let place = json!({ "x": self.x, "y": self.y, "w": width, "h": height });
        self.panels.push(panel.value(self.panels.len() + 1, &place));
        self.x += width;
        self.height = self.height.max(height);
    }

    pub(super) fn panels(self) -> Vec<Value> {
        self.panels
    }

    fn next_line(&mut self) {
        self.y += self.height;
        (self.x, self.height) = (0, 0);
    }
}

// === impl Panel ===

impl Panel {
    pub(super) fn stat(title: &str, unit: &'static str) -> Self {
        Self::new("stat", title, unit)
    }

    pub(super) fn graph(title: &str, unit: &'static str) -> Self {
        Self::new("timeseries", title, unit)
    }

    fn new(kind: &'static str, title: &str, unit: &'static str) -> Self {
        let steps = vec![json!({ "color": "green", "value": null })];
        let (title, about, targets) = (title.to_owned(), String::new(), Vec::new());
        Self { kind, title, about, unit, targets, steps, shows_steps: false, is_stacked: false }
    }

    pub(super) fn about(mut self, text: &str) -> Self {
        text.clone_into(&mut self.about);
        self
    }

    /// Asks for one thing more.
    pub(super) fn ask(mut self, expr: &str, legend: &str) -> Self {
        let letter = char::from(b'A' + u8::try_from(self.targets.len()).unwrap_or(25).min(25));
        self.targets.push(json!({
            "datasource": datasource(), "editorMode": "code", "expr": expr, "instant": self.kind == "stat",
            "legendFormat": legend, "range": self.kind != "stat", "refId": letter.to_string(),
        }));
        self
    }

    /// Colours what lies from each number on; the first has none.
    pub(super) fn steps(mut self, steps: &[(Option<f64>, &str)]) -> Self {
        self.steps = steps.iter().map(|(from, color)| json!({ "color": color, "value": from })).collect();
        self
    }

    /// Draws a line at `value`.
    pub(super) fn line_at(mut self, value: f64) -> Self {
        self.steps =
            vec![json!({ "color": "transparent", "value": null }), json!({ "color": "orange", "value": value })];
        self.shows_steps = true;
        self
    }

    pub(super) fn stacked(mut self) -> Self {
        self.is_stacked = true;
        self
    }

    fn value(self, id: usize, place: &Value) -> Value {
        let is_graph = self.kind == "timeseries";
        let custom = json!({
            "drawStyle": "line", "lineWidth": 1, "fillOpacity": if self.is_stacked { 20 } else { 0 },
            "showPoints": "never", "stacking": { "group": "A", "mode": if self.is_stacked { "normal" } else { "none" } },
            "thresholdsStyle": { "mode": if self.shows_steps { "dashed" } else { "off" } },
        });
        let options = if is_graph {
            json!({
                "legend": { "calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": true },
                "tooltip": { "mode": "multi", "sort": "desc" },
            })
        } else {
            json!({
                "colorMode": "value", "graphMode": "none", "justifyMode": "auto", "orientation": "auto",
                "reduceOptions": { "calcs": ["lastNotNull"], "fields": "", "values": false }, "textMode": "auto",
            })
        };
        let color = if is_graph { "palette-classic" } else { "thresholds" };
        json!({
            "id": id, "type": self.kind, "title": self.title, "description": self.about, "gridPos": place,
            "datasource": datasource(), "targets": self.targets, "options": options,
            "fieldConfig": {
                "defaults": {
                    "color": { "mode": color }, "custom": if is_graph { custom } else { json!({}) }, "mappings": [],
                    "thresholds": { "mode": "absolute", "steps": self.steps }, "unit": self.unit,
                },
                "overrides": [],
            },
        })
    }
}

fn datasource() -> Value {
    json!({ "type": "prometheus", "uid": "${DS_PROMETHEUS}" })
}
