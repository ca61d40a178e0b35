//! A picture in a terminal that is drawn again and again, over the one before.

use std::io::{self, Write};

/// Where nobody says how wide a terminal is.
const WIDTH: usize = 100;

/// Returns how wide the terminal is.
pub(super) fn width() -> usize {
    size().0
}

/// Draws `picture` from the top left corner over what was there, so that nothing flickers; what is left beside and below
/// goes. What does not fit is left out: it would scroll, and the next picture would begin in the middle of this one.
pub(super) fn draw(out: &mut impl Write, picture: &str) -> io::Result<()> {
    let (width, height) = size();
    write!(out, "\u{1b}[H{}\u{1b}[K\u{1b}[J", fitted(picture, width, height).join("\u{1b}[K\n"))?;
    out.flush()
}

fn size() -> (usize, usize) {
    let size = terminal_size::terminal_size();
    size.map_or((WIDTH, usize::MAX), |(width, height)| (width.0.into(), height.0.into()))
}

/// Returns as much of `picture` as so many columns and rows show; if that is not all, the last line says so.
fn fitted(picture: &str, width: usize, height: usize) -> Vec<String> {
    let cut = |line: &str| line.chars().take(width).collect::<String>();
    let mut lines: Vec<String> = picture.lines().map(cut).collect();
    if lines.len() > height {
        let hidden = lines.len() + 1 - height;
        lines.truncate(height.saturating_sub(1));
        lines.push(cut(&format!("… {hidden} more lines: make the window taller, or name one alone")));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_that_is_too_small_shows_the_beginning_and_says_what_is_missing() {
        let fits = |width, height| fitted("wine@1  –––\n  p50\n  p99\n  decided\n", width, height);
        assert_eq!(fits(80, 4), ["wine@1  –––", "  p50", "  p99", "  decided"]);
        assert_eq!(fits(9, 4), ["wine@1  –", "  p50", "  p99", "  decided"]);
        assert_eq!(fits(80, 3), ["wine@1  –––", "  p50", "… 2 more lines: make the window taller, or name one alone"]);
        assert_eq!(fits(5, 1), ["… 4 m"]);
    }
}
