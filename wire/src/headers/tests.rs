//! Headers come out as they went in, whatever they are.

use proptest::prelude::*;

use super::*;

#[test]
fn the_last_value_under_a_name_is_what_it_says() {
    let mut headers = Headers::default();
    headers.push("ce_id", Some(b"1"));
    headers.push("mine", Some(b"2"));
    headers.push("ce_id", Some(b"3"));
    assert_eq!((headers.get("ce_id"), headers.get("mine")), (Some(&b"3"[..]), Some(&b"2"[..])));
    headers.push("ce_id", None);
    assert_eq!((headers.get("ce_id"), headers.get("ce_key")), (None, None));
}

#[test]
fn every_name_of_ours_is_found_at_its_own_number() {
    for (number, name) in Name::ALL.iter().enumerate() {
        assert_eq!((Name::find(name.as_str()), *name as usize), (Some(*name), number));
    }
    assert!(Name::COUNT <= usize::from(OTHER));
}

#[test]
fn they_are_readable_when_a_test_fails() {
    let mut headers = Headers::default();
    headers.push("ce_id", Some(b"7\xff"));
    headers.push("mine", None);
    assert_eq!(format!("{headers:?}"), r#"[("ce_id", Some("7\\xff")), ("mine", None)]"#);
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![proptest::sample::select(Name::ALL).prop_map(|name| name.as_str().to_owned()), ".{0,9}"]
}

proptest! {
    #[test]
    fn whatever_is_pushed_comes_out_in_order(
        pushed in proptest::collection::vec((name(), proptest::option::of(any::<Vec<u8>>())), 0..9),
    ) {
        let mut headers = Headers::default();
        for (name, value) in &pushed {
            headers.push(name, value.as_deref());
        }
        let read: Vec<_> = headers.iter().map(|(name, value)| (name.to_owned(), value.map(<[u8]>::to_vec))).collect();
        prop_assert_eq!(headers.len(), pushed.len());
        prop_assert_eq!(read, pushed);
    }

    #[test]
    fn what_is_written_in_place_is_what_is_pushed(value in ".{0,40}") {
        let (mut written, mut put, mut pushed) = (Headers::default(), Headers::default(), Headers::default());
        written.write(Name::Key, &value);
        put.put(Name::Key, value.as_bytes());
        pushed.push("ce_key", Some(value.as_bytes()));
        prop_assert_eq!(&written, &put);
        prop_assert_eq!(&written, &pushed);
    }
}
