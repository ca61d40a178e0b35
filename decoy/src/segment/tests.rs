//! When a file is full, and what it then covers.

use super::*;

const LIMITS: Limits = Limits { rows: 3, bytes: 100, every: Duration::from_millis(10) };

fn at(millis: i64) -> Timestamp {
    Timestamp::from_micros(millis * 1_000)
}

/// Offers each offset with one byte, and says what the segment is afterwards.
fn check(begin: Begin, offsets: &[i64], covered: (i64, i64), gaps: &[Range<i64>]) {
    let mut segment = Segment::open(begin);
    for offset in offsets {
        let _ = segment.admit(*offset, 1, at(0), &LIMITS);
    }
    assert_eq!(segment.covered(), Some(Covered { first: covered.0, last: covered.1 }));
    assert_eq!(segment.gaps(), gaps);
    assert_eq!(segment.next(), covered.1 + 1);
}

#[test]
fn offsets_in_order_leave_no_gap() {
    check(Begin::At(7), &[7, 8, 9], (7, 9), &[]);
}

#[test]
fn holes_are_written_down() {
    check(Begin::At(7), &[9, 10, 13], (9, 13), &[7..9, 11..13]);
}

#[test]
fn nothing_is_missing_before_the_first_record_ever() {
    check(Begin::Anywhere, &[500, 501, 503, 505], (500, 505), &[502..503, 504..505]);
}

#[test]
fn an_offset_is_admitted_once() {
    let mut segment = Segment::open(Begin::At(5));
    assert_eq!(segment.admit(4, 1, at(0), &LIMITS), Admission::Again);
    assert_eq!(segment.admit(5, 1, at(0), &LIMITS), Admission::Next);
    assert_eq!(segment.admit(5, 1, at(0), &LIMITS), Admission::Again);
    assert_eq!((segment.rows(), segment.next()), (1, 6));
}

#[test]
fn a_gap_announced_by_the_log_is_counted_once() {
    let mut segment = Segment::open(Begin::At(5));
    assert_eq!(segment.skip_to(20), Some(5..20));
    assert_eq!(segment.skip_to(20), None);
    assert_eq!(segment.admit(20, 1, at(0), &LIMITS), Admission::Next);
    assert_eq!(segment.admit(22, 1, at(0), &LIMITS), Admission::After(21..22));
    assert_eq!(segment.gaps(), [5..20, 21..22]);
}

#[test]
fn rows_bytes_and_gaps_each_fill_it() {
    let filled = |offsets: &mut dyn Iterator<Item = i64>, size: usize, limits: Limits| {
        let mut segment = Segment::open(Begin::At(0));
        let mut count = 0;
        for offset in offsets {
            count += 1;
            let _ = segment.admit(offset, size, at(0), &limits);
            if segment.is_full(&limits) {
                break;
            }
        }
        count
    };
    let wide = Limits { rows: usize::MAX, bytes: usize::MAX, every: Duration::MAX };
    assert_eq!(filled(&mut (0..), 1, Limits { rows: 3, ..wide }), 3);
    assert_eq!(filled(&mut (0..), 40, Limits { bytes: 100, ..wide }), 3);
    assert_eq!(filled(&mut (1..).step_by(2), 1, wide), GAPS_MAX);
}

#[test]
fn it_is_due_from_its_first_record_on() {
    let mut segment = Segment::open(Begin::At(0));
    assert_eq!(segment.due(), None);
    let _ = segment.admit(0, 1, at(3), &LIMITS);
    let _ = segment.admit(1, 1, at(9), &LIMITS);
    assert_eq!(segment.due(), Some(at(13)));
}

#[test]
fn the_following_segment_expects_what_comes_next() {
    let mut segment = Segment::open(Begin::Anywhere);
    assert_eq!(segment.following(), Segment::open(Begin::Anywhere));
    let _ = segment.admit(4, 1, at(0), &LIMITS);
    assert_eq!(segment.following(), Segment::open(Begin::At(5)));
}
