//! What a control stream says: the newest record about each key is the key's setting, one without a payload takes it back.
//!
//! Pure. A setting counts from the step after it was read. What a step was taken by is in the state with it, so a
//! restart takes no step again by another setting.

use bytes::Bytes;
use wire::Record;

use crate::known::Known;

/// The settings of all keys.
#[derive(Clone, Debug, Default)]
pub struct Settings(Known);

// === impl Settings ===

impl Settings {
    /// Hears a record; returns whether it was taken in. One without a key sets nothing, and there is an end to how many
    /// keys are held: what is set of keys known already is always taken, as long as it is no larger.
    pub fn on_record(&mut self, record: &Record) -> bool {
        let key = record.key.as_deref().and_then(|key| std::str::from_utf8(key).ok()).filter(|key| !key.is_empty());
        let Some(key) = key else { return false };
        let size = record.payload.as_ref().map_or(0, Bytes::len);
        let fits = record.payload.is_none() || self.0.has_room(key, size);
        if fits {
            // Its own bytes and not a slice of everything that was fetched with it.
            self.0.put(key, record.payload.as_deref().map(Bytes::copy_from_slice));
        }
        fits
    }

    /// Returns the setting of `key`.
    #[must_use]
    pub fn of(&self, key: &str) -> Option<&Bytes> {
        self.0.get(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(key: Option<&'static str>, payload: Option<&'static str>) -> Record {
        Record { key: key.map(Into::into), payload: payload.map(Into::into), ..Record::default() }
    }

    #[test]
    fn the_newest_record_about_a_key_is_its_setting_and_an_empty_one_takes_it_back() {
        let mut settings = Settings::default();
        assert!(settings.on_record(&record(Some("hall"), Some("20"))));
        assert!(settings.on_record(&record(Some("hall"), Some("21"))));
        assert_eq!(settings.of("hall").unwrap(), "21");
        assert!(settings.on_record(&record(Some("hall"), None)));
        assert_eq!(settings.of("hall"), None);
    }

    #[test]
    fn what_says_no_key_sets_nothing() {
        let mut settings = Settings::default();
        assert!(!settings.on_record(&record(None, Some("20"))));
        assert!(!settings.on_record(&record(Some(""), Some("20"))));
    }
}
