//! The colours of pages, for light and dark, and which of them stand on which.
//!
//! Reference and canary are the blue and the vermillion of Okabe and Ito ("Color universal design", 2008), which people
//! with any colour vision tell apart, made darker or lighter until they are legible. What a colour says is always said by
//! a word, a sign or a kind of line too.

use std::fmt::Write as _;

/// A colour by its name in CSS.
struct Colour(&'static str, &'static str, &'static str);

/// Name, on light, on dark.
const COLOURS: [Colour; 41] = [
    Colour("page", "#f4f6f8", "#0d1117"),
    Colour("card", "#ffffff", "#161b22"),
    Colour("track", "#eef1f4", "#212830"),
    Colour("ink", "#1b2129", "#e6edf3"),
    Colour("soft", "#57606a", "#9da7b3"),
    Colour("rule", "#d5dbe1", "#303841"),
    Colour("strong-rule", "#8a949e", "#6b7683"),
    Colour("link", "#0b5cad", "#6cb6ff"),
    Colour("reference", "#0b62a8", "#5ab4f0"),
    Colour("canary", "#b4460a", "#ff9d5c"),
    Colour("allowed", "#6a3d8f", "#c9a3ec"),
    // Lines of one chart; each has its own stroke too.
    Colour("line-1", "#0b62a8", "#5ab4f0"),
    Colour("line-2", "#b4460a", "#ff9d5c"),
    Colour("line-3", "#00694d", "#3ecf9f"),
    Colour("line-4", "#6b5200", "#e3bd4f"),
    // The five verdicts, and what lies behind their words.
    Colour("better", "#00694d", "#3ecf9f"),
    Colour("better-wash", "#e2f4ed", "#0f2a22"),
    Colour("no-worse", "#0b5c74", "#5cc4dd"),
    Colour("no-worse-wash", "#e3f2f6", "#0f2830"),
    Colour("worse", "#a8290c", "#ff8f73"),
    Colour("worse-wash", "#fdebe6", "#331711"),
    Colour("open", "#6b5200", "#e3bd4f"),
    Colour("open-wash", "#fbf3dc", "#2b2410"),
    Colour("apart", "#6a3d8f", "#c9a3ec"),
    Colour("apart-wash", "#f3ebfa", "#251a31"),
    Colour("on-verdict", "#ffffff", "#0d1117"),
    // How much of a row lies in a cell of the matrix: the same answers, and others.
    Colour("same-1", "#e4effa", "#13273b"),
    Colour("same-2", "#bfdaf3", "#173c61"),
    Colour("same-3", "#8fc0ea", "#1b5183"),
    Colour("same-4", "#1f6fb5", "#62abeb"),
    Colour("same-5", "#0b4f8f", "#9ccbf5"),
    Colour("other-1", "#fdecde", "#38230f"),
    Colour("other-2", "#fbd2ae", "#573211"),
    Colour("other-3", "#f4ab6d", "#7a430f"),
    Colour("other-4", "#ad4b0a", "#f0a35a"),
    Colour("other-5", "#833503", "#ffc894"),
    Colour("on-1", "#1b2129", "#e6edf3"),
    Colour("on-2", "#1b2129", "#f0f4f8"),
    Colour("on-3", "#1b2129", "#ffffff"),
    Colour("on-4", "#ffffff", "#0d1117"),
    Colour("on-5", "#ffffff", "#0d1117"),
];

/// Returns the custom properties of both themes: what the reader's system prefers, and light on paper.
pub(crate) fn properties() -> String {
    let all = |value: fn(&Colour) -> &'static str| {
        COLOURS.iter().fold(String::new(), |mut all, colour| {
            let _ = write!(all, "--{}:{};", colour.0, value(colour));
            all
        })
    };
    let (light, dark) = (all(|colour| colour.1), all(|colour| colour.2));
    format!(":root{{{light}}}\n@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is written, or drawn, on what.
    const PAIRS: [(&str, &str); 62] = [
        ("soft", "no-worse-wash"),
        ("link", "no-worse-wash"),
        ("on-verdict", "link"),
        ("ink", "page"),
        ("ink", "card"),
        ("ink", "track"),
        ("soft", "page"),
        ("soft", "card"),
        ("soft", "track"),
        ("link", "page"),
        ("link", "card"),
        ("reference", "card"),
        ("reference", "page"),
        ("canary", "card"),
        ("canary", "page"),
        ("allowed", "card"),
        ("line-1", "card"),
        ("line-2", "card"),
        ("line-3", "card"),
        ("line-4", "card"),
        ("apart", "card"),
        ("ink", "apart-wash"),
        ("soft", "better-wash"),
        ("soft", "worse-wash"),
        ("soft", "open-wash"),
        ("soft", "apart-wash"),
        ("link", "better-wash"),
        ("link", "worse-wash"),
        ("link", "open-wash"),
        ("link", "apart-wash"),
        ("worse", "page"),
        ("open", "page"),
        ("better", "page"),
        ("apart", "page"),
        ("better", "card"),
        ("better", "better-wash"),
        ("ink", "better-wash"),
        ("on-verdict", "better"),
        ("no-worse", "card"),
        ("no-worse", "no-worse-wash"),
        ("ink", "no-worse-wash"),
        ("on-verdict", "no-worse"),
        ("worse", "card"),
        ("worse", "worse-wash"),
        ("ink", "worse-wash"),
        ("on-verdict", "worse"),
        ("open", "card"),
        ("open", "open-wash"),
        ("ink", "open-wash"),
        ("on-verdict", "open"),
        ("apart", "apart-wash"),
        ("on-verdict", "apart"),
        ("on-1", "same-1"),
        ("on-2", "same-2"),
        ("on-3", "same-3"),
        ("on-4", "same-4"),
        ("on-5", "same-5"),
        ("on-1", "other-1"),
        ("on-2", "other-2"),
        ("on-3", "other-3"),
        ("on-4", "other-4"),
        ("on-5", "other-5"),
    ];

    fn linear(hex: &str) -> [f64; 3] {
        [1, 3, 5].map(|at| {
            let part = f64::from(u8::from_str_radix(&hex[at..at + 2], 16).expect("two digits")) / 255.0;
            if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        })
    }

    /// As WCAG 2.2 has it.
    fn contrast(one: &str, two: &str) -> f64 {
        let luminance =
            |hex| linear(hex).iter().zip([0.2126, 0.7152, 0.0722]).map(|(part, weight)| part * weight).sum();
        let (one, two): (f64, f64) = (luminance(one), luminance(two));
        (one.max(two) + 0.05) / (one.min(two) + 0.05)
    }

    fn named(name: &str) -> &'static Colour {
        COLOURS.iter().find(|colour| colour.0 == name).unwrap_or_else(|| panic!("no colour is called {name}"))
    }

    #[test]
    fn whatever_is_written_is_legible_in_both_themes() {
        let mut bad = Vec::new();
        for (front, back) in PAIRS {
            let (front, back) = (named(front), named(back));
            for (theme, is) in [("light", contrast(front.1, back.1)), ("dark", contrast(front.2, back.2))] {
                if is < 4.5 {
                    bad.push(format!("{} on {} has {is:.2} in {theme}", front.0, back.0));
                }
            }
        }
        assert!(bad.is_empty(), "less than 4.5: {bad:#?}");
    }

    #[test]
    fn no_colour_is_named_in_the_style_that_is_not_there() {
        let style = [include_str!("style.css"), include_str!("console/console.css"), include_str!("console/pages.css")]
            .concat();
        for used in style.split("var(--").skip(1).filter_map(|rest| rest.split(')').next()) {
            named(used);
        }
    }

    /// Deuteranopia, protanopia and tritanopia after Machado, Oliveira and Fernandes (2009).
    const BLIND: [[[f64; 3]; 3]; 3] = [
        [[0.367_322, 0.860_646, -0.227_968], [0.280_085, 0.672_501, 0.047_413], [-0.011_820, 0.042_940, 0.968_881]],
        [[0.152_286, 1.052_583, -0.204_868], [0.114_503, 0.786_281, 0.099_216], [-0.003_882, -0.048_116, 1.051_998]],
        [[1.255_528, -0.076_749, -0.178_779], [-0.078_411, 0.930_809, 0.147_602], [0.004_733, 0.691_367, 0.303_900]],
    ];

    #[test]
    fn whoever_sees_no_red_green_or_blue_tells_reference_and_canary_apart() {
        let (reference, canary) = (named("reference"), named("canary"));
        for (one, two) in [(reference.1, canary.1), (reference.2, canary.2)] {
            for eye in BLIND {
                let seen = |hex| {
                    let rgb = linear(hex);
                    eye.map(|row| row.iter().zip(rgb).map(|(weight, part)| weight * part).sum::<f64>())
                };
                let (one, two) = (seen(one), seen(two));
                let distance: f64 = one.iter().zip(two).map(|(one, two)| (one - two).powi(2)).sum::<f64>().sqrt();
                assert!(distance > 0.15, "{distance:.2}: {one:?} and {two:?}");
            }
        }
    }
}
