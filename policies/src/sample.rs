//! Canaries that are asked about a share of the requests alone: which ones, is in the request's id.
//!
//! Laws, each tested by name: the same id is always in or out; whoever is asked about 2% is asked about 10%, so canaries
//! of one reference are compared on the same requests; which requests a trial serves says nothing about it; and nobody
//! makes a plan for a request, they are made once.

use wire::{Asked, Plan, RequestId};

use crate::{Definition, Share};

/// The plans of requests that are asked alike but for sampled canaries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sampled {
    /// The shares of its sampled canaries, ascending, none twice, in parts of 10,000.
    shares: Vec<u16>,
    /// One more than shares: the first asks everybody, each next one leaves those of one more share out.
    plans: Vec<Plan>,
}

/// Another than a trial's, so that the two are independent.
const SALT: u64 = 0x5A3D_1E77_9C0B_42F1;

// === impl Sampled ===

impl Sampled {
    /// Returns the plans of requests for whom `plan`, one of `definition`'s, is what they would be asked without samples.
    #[must_use]
    pub fn of(definition: &Definition, plan: &Plan) -> Self {
        let share = |asked: &Asked| definition.sample(asked).map(Share::parts);
        let mut shares: Vec<u16> = plan.asked().iter().filter_map(share).collect();
        shares.sort_unstable();
        shares.dedup();
        let above = |least: u16| {
            let asked = plan.asked().iter().filter(|asked| share(asked).is_none_or(|parts| parts > least));
            Plan::new(asked.cloned().collect())
        };
        let plans = std::iter::once(plan.clone()).chain(shares.iter().map(|share| above(*share)));
        Self { plans: plans.collect(), shares }
    }

    /// Returns who is asked about `request`.
    #[must_use]
    pub fn plan(&self, request: &RequestId) -> &Plan {
        if self.shares.is_empty() {
            return &self.plans[0];
        }
        let place = place(request);
        &self.plans[self.shares.partition_point(|share| *share <= place)]
    }
}

// === impl Definition ===

impl Definition {
    /// Returns whether it asks some canary about a share of the requests alone.
    #[must_use]
    pub fn samples(&self) -> bool {
        self.executors.iter().any(|spec| spec.canary.as_ref().is_some_and(|canary| canary.sample.is_some()))
    }

    fn sample(&self, asked: &Asked) -> Option<Share> {
        self.executor(asked.executor.as_str())?.canary.as_ref()?.sample
    }
}

/// Where `request` lies among 10,000 parts: those below a share are in it.
fn place(request: &RequestId) -> u16 {
    let (high, low) = request.as_uuid().as_u64_pair();
    // SplitMix64's finisher: ids may be counted up.
    let mixed = high.rotate_left(17) ^ low ^ SALT;
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    u16::try_from((mixed ^ (mixed >> 31)) % 10_000).expect("below 10,000")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn definition(shares: &[u16]) -> Definition {
        let canary = |(index, parts): (usize, &u16)| {
            let percent = f64::from(*parts) / 100.0;
            format!("  c{index}: {{ constant: {{ answer: {{}} }}, canary: {{ of: forest, sample: {percent}% }} }}\n")
        };
        let canaries: String = shares.iter().enumerate().map(canary).collect();
        let text = format!(
            "rendezvous: wine\nbudget: 50ms\ninput: {{ features: [x] }}\nexecutors:\n  forest: {{ echo: }}\n{canaries}  \
             all: {{ echo: , canary: {{ of: forest }} }}\ndecide: [first: any]\n"
        );
        Definition::parse("wine.yaml", &text).unwrap_or_else(|problems| panic!("{problems}"))
    }

    fn id(number: u128) -> RequestId {
        RequestId::from_uuid(Uuid::from_u128(number))
    }

    fn asked(definition: &Definition, request: &RequestId) -> Vec<String> {
        let sampled = Sampled::of(definition, &definition.plan());
        sampled.plan(request).asked().iter().map(|asked| asked.executor.to_string()).collect()
    }

    proptest! {
        #[test]
        fn the_same_id_is_always_in_or_out_and_who_is_in_less_is_in_more(
            number: u128, shares in prop::collection::vec(1..10_000_u16, 0..6),
        ) {
            let definition = definition(&shares);
            let told = asked(&definition, &id(number));
            prop_assert_eq!(&told, &asked(&definition, &id(number)));
            let place = place(&id(number));
            let expected = shares.iter().enumerate().filter(|(_, share)| place < **share);
            let mut expected: Vec<_> = expected.map(|(index, _)| format!("c{index}")).collect();
            expected.insert(0, "forest".to_owned());
            expected.push("all".to_owned());
            prop_assert_eq!(told, expected);
        }

        #[test]
        fn a_share_is_met_among_ids_that_are_counted_up_and_among_random_ones(
            start: u128, step in prop_oneof![Just(1_u128), Just(1 << 64), any::<u128>().prop_map(|step| step | 1)],
            share in 100..9_900_u16,
        ) {
            const ASKED: u32 = 20_000;
            let places = (0..u128::from(ASKED)).map(|index| place(&id(start.wrapping_add(index.wrapping_mul(step)))));
            let hits = places.filter(|place| *place < share).count();
            let (of, p) = (f64::from(ASKED), f64::from(share) / 1e4);
            let off = (f64::from(u32::try_from(hits).unwrap()) - of * p) / (of * p * (1.0 - p)).sqrt();
            // Six deviations: once in half a billion cases.
            prop_assert!(off.abs() < 6.0, "{hits} of {ASKED} for {p}: {off} deviations");
        }
    }

    #[test]
    fn which_requests_a_trial_serves_says_nothing_about_which_are_sampled() {
        let share = Share::new(2_000).unwrap();
        let name = wire::RendezvousName::new("wine").unwrap();
        let random = |index: u32| RequestId::from_key(&name, &index.to_string());
        let both = (0..100_000).map(random).filter(|request| share.has(request) && place(request) < 2_000).count();
        assert!((3_700..4_300).contains(&both), "a fifth of a fifth of 100,000 are 4,000: {both}");
    }

    #[test]
    fn no_plan_is_made_for_a_request() {
        let (plain, sampled) = (definition(&[]), definition(&[200, 200, 5_000]));
        assert!(!plain.samples() && sampled.samples());
        let plans = Sampled::of(&plain, &plain.plan());
        assert!(std::ptr::eq(plans.plan(&id(7)).asked(), plain.plan().asked()));
        let plans = Sampled::of(&sampled, &sampled.plan());
        let mut seen: Vec<*const Asked> = (0..10_000).map(|number| plans.plan(&id(number)).asked().as_ptr()).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 3, "all, none below 50%, none at all");
    }
}
