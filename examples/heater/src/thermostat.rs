//! From a reading, what is wanted, and how the heater stands, to how it is to stand.
//!
//! Pure. Laws: nothing happens between the two bounds; a command is given exactly when the heater is to stand otherwise
//! than it did, or when nobody knows how it stands.

use bytes::Bytes;
use executor::{BoxFuture, Keyed, Memory, Step, Turn, failed};
use serde::{Deserialize, Serialize};
use serde_json::json;
use wire::{ExecutorId, Failure, FailureKind, ModelVersion};

/// What is wanted of a sensor: a record of the topic of settings, keyed by the sensor's name.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// The temperature that is wanted.
    pub desired: f64,
    /// So much above it the heater is switched off.
    pub up: f64,
    /// So much below it the heater is switched on.
    pub down: f64,
}

/// How a heater stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Switch {
    /// It heats.
    On,
    /// It does not.
    Off,
}

/// What is known about a sensor: how its heater was told to stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stands {
    /// How.
    pub heater: Switch,
}

/// The executor.
pub struct Thermostat {
    model: ModelVersion,
}

/// Returns how a heater is to stand at this temperature.
#[must_use]
pub fn decide(temperature: f64, setting: &Setting, stands: Option<Switch>) -> Switch {
    if temperature < setting.desired - setting.down {
        Switch::On
    } else if temperature > setting.desired + setting.up {
        Switch::Off
    } else {
        stands.unwrap_or(Switch::Off)
    }
}

// === impl Thermostat ===

impl Thermostat {
    /// Returns the thermostat that calls itself `executor`.
    #[must_use]
    pub fn new(executor: &ExecutorId) -> Self {
        Self { model: ModelVersion::new(executor.as_str(), env!("CARGO_PKG_VERSION")) }
    }

    fn take(turn: &Turn<'_>) -> Result<Step, Failure> {
        let key = turn.key;
        let nothing = || Failure { kind: FailureKind::Abstained, message: format!("nothing is set for `{key}`") };
        let setting: Setting = serde_json::from_slice(turn.setting.ok_or_else(nothing)?)
            .map_err(|error| failed(format!("the setting of `{key}` cannot be read: {error}")))?;
        let stands: Option<Stands> =
            turn.state.map(serde_json::from_slice).transpose().map_err(|error| failed(error.to_string()))?;
        let temperature = turn.input.features()?[0];
        let before = stands.map(|stands| stands.heater);
        let heater = decide(temperature, &setting, before);
        let changes = before != Some(heater);
        let command =
            changes.then(|| json!({ "heater": heater, "temperature": temperature, "desired": setting.desired }));
        let answer = json!({ "heater": heater, "command": changes.then_some(heater) });
        Ok(Step {
            answer: text(&answer),
            state: if changes { Memory::Is(text(&json!(Stands { heater }))) } else { Memory::Same },
            command: command.as_ref().map(text),
        })
    }
}

impl Keyed for Thermostat {
    fn step<'a>(&'a self, turn: Turn<'a>) -> BoxFuture<'a, Result<Step, Failure>> {
        Box::pin(std::future::ready(Self::take(&turn)))
    }

    fn model(&self) -> ModelVersion {
        self.model.clone()
    }
}

fn text(value: &serde_json::Value) -> Bytes {
    value.to_string().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WANTED: Setting = Setting { desired: 20.0, up: 0.5, down: 1.0 };

    #[test]
    fn a_heater_is_switched_on_below_and_off_above_and_left_alone_in_between() {
        use Switch::{Off, On};
        for (temperature, stands, expected) in [
            (18.9, None, On),
            (18.9, Some(Off), On),
            (18.9, Some(On), On),
            (19.0, Some(Off), Off),
            (19.0, Some(On), On),
            (20.0, None, Off),
            (20.5, Some(On), On),
            (20.5, Some(Off), Off),
            (20.6, Some(On), Off),
            (20.6, None, Off),
        ] {
            assert_eq!(decide(temperature, &WANTED, stands), expected, "{temperature} {stands:?}");
        }
    }
}
