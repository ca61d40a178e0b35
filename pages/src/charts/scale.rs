//! From numbers to places, and the round numbers that stand at an axis.

use super::Tick;
use crate::words;

/// From so many times the smallest on, one sees more on a logarithmic axis.
const FAR: f64 = 30.0;

/// Puts numbers on a line of places; what lies outside is put at its end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    kind: Kind,
    from: (f64, f64),
    to: (f64, f64),
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Linear,
    Log,
    /// Shares, by how few are left: 90 %, 99 % and 99.9 % are equally far apart.
    Nines,
    /// Near 0 like a linear scale, far from it like a logarithmic one, with both signs.
    Signed,
}

// === impl Scale ===

impl Scale {
    pub(crate) fn linear(from: (f64, f64), to: (f64, f64)) -> Self {
        Self::new(Kind::Linear, from, to)
    }

    pub(crate) fn log(from: (f64, f64), to: (f64, f64)) -> Self {
        Self::new(Kind::Log, (from.0.max(1e-12), from.1.max(1e-12)), to)
    }

    pub(crate) fn nines(from: (f64, f64), to: (f64, f64)) -> Self {
        Self::new(Kind::Nines, from, to)
    }

    pub(crate) fn signed(from: (f64, f64), to: (f64, f64)) -> Self {
        Self::new(Kind::Signed, from, to)
    }

    fn new(kind: Kind, (low, high): (f64, f64), to: (f64, f64)) -> Self {
        // Where all is one number, it stands in the middle.
        let from = if high > low { (low, high) } else { (low - 1.0, low + 1.0) };
        Self { kind, from, to }
    }

    /// Returns the same scale between other places.
    pub(crate) fn between(self, to: (f64, f64)) -> Self {
        Self { to, ..self }
    }

    /// Returns the place of `number`.
    pub(crate) fn at(&self, number: f64) -> f64 {
        let (low, high) = self.from;
        let number = if number.is_nan() { low } else { number.clamp(low, high) };
        let [number, low, high] = [number, low, high].map(|number| self.bent(number));
        let part = (number - low) / (high - low);
        self.to.0 + part * (self.to.1 - self.to.0)
    }

    /// Returns whether `number` lies on the scale.
    pub(crate) fn holds(&self, number: f64) -> bool {
        (self.from.0..=self.from.1).contains(&number)
    }

    /// Returns the places at both ends.
    pub(crate) fn ends(&self) -> (f64, f64) {
        self.to
    }

    fn bent(&self, number: f64) -> f64 {
        match self.kind {
            Kind::Linear => number,
            Kind::Log => libm::log10(number.max(1e-12)),
            Kind::Nines => -libm::log10((1.0 - number).max(1e-6)),
            Kind::Signed => libm::asinh(number),
        }
    }
}

/// Returns about so many round numbers between `low` and `high`: ones, twos or fives of some power of ten.
pub(crate) fn ticks(low: f64, high: f64, about: u32) -> Vec<f64> {
    if !(high > low && low.is_finite() && high.is_finite()) {
        return vec![low];
    }
    let step = step((high - low) / f64::from(about.max(1)));
    // Multiples of the step, not sums of it, so that 0 is 0.
    let first = (low / step - 1e-9).ceil();
    (0..=4 * about.max(1))
        .map(|place| (first + f64::from(place)) * step)
        .take_while(|tick| *tick <= high + step * 1e-9)
        .collect()
}

/// Returns the round number that is next above `rough`.
pub(crate) fn step(rough: f64) -> f64 {
    let power = libm::exp10(libm::log10(rough).floor());
    let part = rough / power;
    let round = [1.0, 2.0, 5.0].into_iter().find(|round| part <= round * 1.000_001).unwrap_or(10.0);
    round * power
}

/// Returns round numbers for a logarithmic axis.
pub(crate) fn decades(low: f64, high: f64) -> Vec<f64> {
    let (low, high) = (low.max(1e-12), high.max(1e-12));
    let many = libm::log10(high / low) > 3.0;
    let parts: &[f64] = if many { &[1.0] } else { &[1.0, 2.0, 5.0] };
    let first = libm::log10(low).floor();
    let powers = (0..24_u32).map(|power| libm::exp10(first + f64::from(power)));
    let all = powers.flat_map(|power| parts.iter().map(move |part| part * power));
    all.filter(|tick| (low..=high).contains(tick)).collect()
}

/// Returns an axis of microseconds that holds all of them.
pub(crate) fn durations(values: impl Iterator<Item = f64> + Clone) -> (Scale, Vec<Tick>) {
    let most = values.clone().fold(1.0, f64::max);
    let least = values.filter(|value| *value > 0.0).fold(most, f64::min);
    let high = most * 1.05;
    let tick = |tick: f64| (tick, words::micros(tick));
    if most / least > FAR {
        let scale = Scale::log((least * 0.8, high), (0.0, 1.0));
        (scale, decades(least * 0.8, high).into_iter().map(tick).collect())
    } else {
        (Scale::linear((0.0, high), (0.0, 1.0)), ticks(0.0, high, 5).into_iter().map(tick).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(numbers: &[f64]) -> String {
        numbers
            .iter()
            .map(|number| format!("{number:.6}").trim_end_matches(['0']).trim_end_matches('.').to_owned())
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn ticks_are_round_and_few() {
        assert_eq!(told(&ticks(0.0, 1.0, 5)), "0 0.2 0.4 0.6 0.8 1");
        assert_eq!(told(&ticks(-0.013, 0.041, 4)), "0 0.02 0.04");
        assert_eq!(told(&ticks(3.0, 3.0, 4)), "3");
        assert_eq!(told(&decades(900.0, 60_000.0)), "1000 2000 5000 10000 20000 50000");
        assert_eq!(told(&decades(1.0, 1e5)), "1 10 100 1000 10000 100000");
        for (low, high) in [(-1e9, 1e9), (1e-7, 2e-7), (-5.0, 0.1), (0.0, 1e-300)] {
            let ticks = ticks(low, high, 5);
            assert!(
                ticks.len() <= 12 && ticks.iter().all(|tick| (low - 1e-9..=high + 1e-9).contains(tick)),
                "{ticks:?}"
            );
        }
    }

    #[test]
    fn every_scale_grows_from_end_to_end_and_leaves_nothing_outside() {
        let scales = [
            Scale::linear((-5.0, 5.0), (10.0, 110.0)),
            Scale::log((0.01, 100.0), (10.0, 110.0)),
            Scale::nines((0.01, 0.999), (10.0, 110.0)),
            Scale::signed((-30.0, 3_000.0), (10.0, 110.0)),
        ];
        for scale in scales {
            let numbers = [f64::NEG_INFINITY, -7.0, 0.01, 0.3, 0.9, 0.99, 2.0, 200.0, f64::INFINITY];
            let places = numbers.map(|number| scale.at(number));
            assert!(places.windows(2).all(|two| two[0] <= two[1]), "{scale:?} {places:?}");
            assert!(places.iter().all(|place| (10.0..=110.0).contains(place)));
            assert!((scale.at(f64::NAN) - 10.0).abs() < 1e-9);
        }
        assert!((Scale::linear((4.0, 4.0), (0.0, 100.0)).at(4.0) - 50.0).abs() < 1e-9);
    }
}
