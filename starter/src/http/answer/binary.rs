//! Tensors in binary form: as bytes behind the JSON, or in a message.

use bytes::Bytes;
use oip::tensor::Data;
use serde_json::Value;

use super::outputs::Output;

/// Returns the values. Where a row has none stands NaN, or an empty text.
pub(crate) fn data_of(output: &Output<'_>) -> Data {
    let values = output.data.iter();
    match output.datatype {
        "BOOL" => Data::Bool(values.map(|value| value.as_bool().unwrap_or_default()).collect()),
        "INT64" => Data::Signed(values.map(|value| value.as_i64().unwrap_or_default()).collect()),
        "UINT64" => Data::Unsigned(values.map(|value| value.as_u64().unwrap_or_default()).collect()),
        "FP64" => Data::F64(values.map(|value| value.as_f64().unwrap_or(f64::NAN)).collect()),
        _ => {
            let text = |value: &Value| Bytes::copy_from_slice(value.as_str().unwrap_or_default().as_bytes());
            Data::Bytes(values.map(text).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(datatype: &'static str, data: Value, expected: &[u8]) {
        let Value::Array(data) = data else { panic!("no array") };
        let output = Output { name: "x", shape: vec![data.len()], datatype, data };
        assert_eq!(&*data_of(&output).to_bytes(), expected, "{datatype}");
    }

    #[test]
    fn every_datatype_is_written_as_the_protocol_says() {
        check("BOOL", json!([true, false]), &[1, 0]);
        check("INT64", json!([-2]), &(-2_i64).to_le_bytes());
        check("UINT64", json!([u64::MAX]), &[255; 8]);
        check("FP64", json!([0.5, 1]), &[0.5_f64.to_le_bytes(), 1.0_f64.to_le_bytes()].concat());
        check("BYTES", json!(["ab", ""]), b"\x02\0\0\0ab\0\0\0\0");
        check("BYTES", json!([null]), &[0; 4]);
        check("FP64", json!([null]), &f64::NAN.to_le_bytes());
    }
}
