//! Attributes in headers and parameters.

use std::fmt::Write as _;

use super::*;

type Pairs<'a> = &'a [(&'a str, &'a str)];

fn read(headers: Pairs<'_>, parameters: Pairs<'_>) -> Result<Attributes, InvalidInput> {
    let reader = AttributeReader::new(&["tenant", "customer_tier", "priority"].map(Arc::from));
    let said = |(name, value): &(&str, &str)| ((*name).to_owned(), Bytes::copy_from_slice(value.as_bytes()));
    let given = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let (said, given): (Vec<_>, Vec<_>) = (headers.iter().map(said).collect(), parameters.iter().map(given).collect());
    reader.read(&said, &given)
}

fn check(headers: Pairs<'_>, parameters: Pairs<'_>, expected: &str) {
    assert_eq!(read(headers, parameters).map_err(|refusal| refusal.to_string()), Ok(expected.parse().unwrap()));
}

#[test]
fn attributes_come_in_headers_and_as_parameters() {
    check(&[], &[], "{}");
    check(&[("tenant", " gold ")], &[("customer_tier", "\"a b\"")], r#"{"tenant":"gold","customer_tier":"a b"}"#);
}

#[test]
fn numbers_and_truth_become_the_text_they_were_written_as() {
    check(&[], &[("tenant", "7.50"), ("customer_tier", "true")], r#"{"tenant":"7.50","customer_tier":"true"}"#);
}

#[test]
fn a_header_knows_neither_capitals_nor_underscores() {
    for name in ["customer_tier", "Customer-Tier", "CUSTOMER_TIER"] {
        check(&[(name, "a")], &[], r#"{"customer_tier":"a"}"#);
    }
}

#[test]
fn what_other_servers_clients_send_is_passed_over_unless_it_is_declared() {
    check(&[], &[("binary_data_output", "true"), ("headers", "{\"a\":[1]}")], "{}");
    check(&[], &[("priority", "3")], r#"{"priority":"3"}"#);
}

#[test]
fn what_is_said_twice_is_said_alike_or_refused() {
    check(&[("tenant", "7"), ("Tenant", "7")], &[("tenant", "7"), ("tenant", "\"7\"")], r#"{"tenant":"7"}"#);
    assert!(read(&[("tenant", "7")], &[("tenant", "7.0")]).is_err());
    assert!(read(&[("tenant", "7"), ("tenant", "8")], &[]).is_err());
    assert!(read(&[], &[("tenant", "7"), ("tenant", "8")]).is_err());
}

#[test]
fn at_most_256_bytes_of_visible_text() {
    let longest = "x".repeat(TEXT_BYTES);
    assert_eq!(read(&[("tenant", &longest)], &[]).unwrap().get("tenant"), Some(&*longest));
    assert!(read(&[("tenant", &format!("{longest}x"))], &[]).is_err());
}

#[test]
fn every_bad_attribute_has_its_own_sentence() {
    let bad: [(Pairs<'_>, Pairs<'_>); 12] = [
        (&[("tenent", "gold")], &[]),
        (&[("customer-teir", "gold")], &[]),
        (&[("segment", "gold")], &[]),
        (&[("tenant", "")], &[]),
        (&[("tenant", "a\u{7}b")], &[]),
        (&[("tenant", "gold")], &[("tenant", "\"silver\"")]),
        (&[], &[("tenent", "\"gold\"")]),
        (&[], &[("Tenant", "\"gold\"")]),
        (&[], &[("tenant", "null")]),
        (&[], &[("tenant", "[1]")]),
        (&[], &[("tenant", "{}")]),
        (&[], &[("tenant", "\"\\n\"")]),
    ];
    let mut table = String::new();
    for (headers, parameters) in bad {
        let refusal = read(headers, parameters).unwrap_err();
        writeln!(table, "{headers:?} {parameters:?}\n    {:?}: {refusal}", refusal.reason()).unwrap();
    }
    insta::assert_snapshot!(table);
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    let reader = AttributeReader::new(&[Arc::from("tenant")]);
    let refusal = reader.read(&[("tenant".to_owned(), Bytes::from_static(b"\xff"))], &[]).unwrap_err();
    assert_eq!(refusal.to_string(), "attribute `tenant` must be 1 to 256 bytes of visible text, not `\u{fffd}`");
}
