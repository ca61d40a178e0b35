//! Values in Avro's binary form. Logical types that are numbers stay the number that is written, but decimals, which become
//! what they mean; bytes become base64, as in Protobuf's JSON.
//!
//! Pure.

use std::io::{self, Read};

use apache_avro::{
    Schema as Type,
    reader::datum::GenericDatumReader,
    schema::{Name, NamesRef, ResolvedSchema},
    types::Value,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use num_bigint::BigInt;
use serde_json::{Map, Number, Value as Json, json};

use crate::schema::{Undecodable, Unusable, Written};

/// A schema in Avro.
#[derive(Debug)]
pub struct Avro {
    root: Type,
    /// What it refers to.
    others: Vec<Type>,
}

/// What is left of a value's bytes. The library takes what ends too early for null in some places, so that is noticed here.
struct Left<'a> {
    bytes: &'a [u8],
    is_short: bool,
}

/// A way through a type, which finds out whether values of it are bounded by their bytes.
struct Walk<'a> {
    names: &'a NamesRef<'a>,
    /// The records that it is in.
    within: Vec<&'a Name>,
    /// How many types it came by.
    parts: usize,
}

/// So much may be made of one value at a time; inputs are smaller.
const ALLOCATION_MAX: usize = 4 << 20;
/// People write no types of more parts, and none that lie in more others. A few lines can: where each record holds the one
/// before it twice, nobody lives to see the end of a value of the fortieth.
const PARTS_MAX: usize = 10_000;
const DEPTH_MAX: usize = 100;
/// No number has as many digits, and to write out those of a megabyte would take seconds.
const DECIMAL_BITS_MAX: u64 = 1 << 13;

// === impl Avro ===

impl Avro {
    pub(crate) fn read(written: &Written) -> Result<Self, Unusable> {
        // The library knows one limit for the process; what is set first counts.
        apache_avro::util::max_allocation_bytes(ALLOCATION_MAX);
        let unreadable = |error: apache_avro::Error| Unusable::Unreadable(error.to_string());
        let others = written.references.iter().map(|reference| reference.text.as_str());
        let (root, others) = Type::parse_str_with_list(&written.text, others).map_err(unreadable)?;
        let avro = Self { root, others };
        let resolved = avro.resolved().map_err(unreadable)?;
        Walk { names: resolved.get_names(), within: Vec::new(), parts: 0 }.through(&avro.root, 0)?;
        Ok(avro)
    }

    pub(crate) fn decode(&self, payload: &[u8]) -> Result<Bytes, Undecodable> {
        let foreign = |error: apache_avro::Error| Undecodable::Foreign(error.to_string());
        let resolved = self.resolved().map_err(foreign)?;
        let reader = GenericDatumReader::builder(&self.root).resolved_writer_schemata(resolved.clone());
        let mut left = Left { bytes: payload, is_short: false };
        let value = reader.build().and_then(|reader| reader.read_value(&mut left)).map_err(foreign)?;
        if left.is_short {
            return Err(Undecodable::Short);
        }
        if !left.bytes.is_empty() {
            return Err(Undecodable::Left(left.bytes.len()));
        }
        let document = document("", &value, &self.root, resolved.get_names())?;
        Ok(Bytes::from(document.to_string()))
    }

    fn resolved(&self) -> Result<ResolvedSchema<'_>, apache_avro::Error> {
        ResolvedSchema::new_with_schemata(self.others.iter().chain([&self.root]).collect())
    }
}

impl Read for Left<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.is_short |= self.bytes.is_empty() && !into.is_empty();
        self.bytes.read(into)
    }
}

// === impl Walk ===

impl<'a> Walk<'a> {
    /// Goes through all of a type, what it refers to included wherever it does; returns whether its values take any bytes.
    fn through(&mut self, of: &'a Type, depth: usize) -> Result<bool, Unusable> {
        self.parts += 1;
        if self.parts > PARTS_MAX || depth > DEPTH_MAX {
            return Err(Unusable::Vast);
        }
        match of {
            Type::Ref { name } => match self.names.get(name) {
                Some(_) if self.within.contains(&name) => Err(Unusable::Endless(name.to_string())),
                Some(meant) => self.through(meant, depth + 1),
                None => Err(Unusable::Unreadable(format!("`{name}` is nowhere"))),
            },
            Type::Record(record) => {
                self.within.push(&record.name);
                let mut takes = false;
                for field in &record.fields {
                    takes |= self.through(&field.schema, depth + 1)?;
                }
                self.within.pop();
                Ok(takes)
            }
            Type::Array(array) if self.through(&array.items, depth + 1)? => Ok(true),
            Type::Array(_) => Err(Unusable::Weightless),
            Type::Map(map) => self.through(&map.types, depth + 1).map(|_| true),
            Type::Union(union) => {
                union.variants().iter().try_for_each(|variant| self.through(variant, depth + 1).map(drop))?;
                Ok(true)
            }
            Type::Fixed(fixed) => Ok(fixed.size > 0),
            other => Ok(!matches!(other, Type::Null)),
        }
    }
}

/// Returns what `value`, which stands at `place`, is in JSON. The type says what a decimal means.
fn document(place: &str, value: &Value, of: &Type, names: &NamesRef<'_>) -> Result<Json, Undecodable> {
    let differs = || Undecodable::Foreign(format!("`{place}` is of a kind that is not supported"));
    if let Type::Ref { name } = of {
        return document(place, value, names.get(name).ok_or_else(differs)?, names);
    }
    Ok(match (value, of) {
        (Value::Union(index, inner), Type::Union(union)) => {
            let variant = usize::try_from(*index).ok().and_then(|index| union.variants().get(index));
            document(place, inner, variant.ok_or_else(differs)?, names)?
        }
        (Value::Record(fields), Type::Record(record)) => {
            let fields = fields.iter().zip(&record.fields);
            object(fields.map(|((name, value), field)| (name, document(name, value, &field.schema, names))))?
        }
        (Value::Array(items), Type::Array(array)) => {
            let item = |item| document(place, item, &array.items, names);
            Json::Array(items.iter().map(item).collect::<Result<_, _>>()?)
        }
        (Value::Map(members), Type::Map(map)) => {
            object(members.iter().map(|(name, value)| (name, document(name, value, &map.types, names))))?
        }
        (Value::Decimal(decimal), Type::Decimal(known)) => {
            meant(place, &BigInt::from(decimal.clone()), i64::try_from(known.scale).unwrap_or(i64::MAX))?
        }
        (Value::Null, _) => Json::Null,
        (Value::Boolean(truth), _) => Json::Bool(*truth),
        (Value::Int(whole) | Value::Date(whole) | Value::TimeMillis(whole), _) => Json::from(*whole),
        (
            Value::Long(whole)
            | Value::TimeMicros(whole)
            | Value::TimestampMillis(whole)
            | Value::TimestampMicros(whole)
            | Value::TimestampNanos(whole)
            | Value::LocalTimestampMillis(whole)
            | Value::LocalTimestampMicros(whole)
            | Value::LocalTimestampNanos(whole),
            _,
        ) => Json::from(*whole),
        // The shortest text that means the same: 0.1, and not what is nearest to that in 24 bits, to 17 digits.
        (Value::Float(float), _) => number(place, float.to_string().parse().unwrap_or(f64::NAN))?,
        (Value::Double(double), _) => number(place, *double)?,
        (Value::String(text) | Value::Enum(_, text), _) => Json::from(text.as_str()),
        (Value::Bytes(bytes) | Value::Fixed(_, bytes), _) => Json::from(STANDARD.encode(bytes)),
        (Value::Duration(duration), _) => json!({
            "months": u32::from(duration.months()),
            "days": u32::from(duration.days()),
            "milliseconds": u32::from(duration.millis()),
        }),
        (Value::Uuid(uuid), _) => Json::from(uuid.to_string()),
        (Value::BigDecimal(decimal), _) => {
            let (digits, scale) = decimal.as_bigint_and_scale();
            meant(place, &digits, scale)?
        }
        _ => return Err(differs()),
    })
}

fn object<'a>(members: impl Iterator<Item = (&'a String, Result<Json, Undecodable>)>) -> Result<Json, Undecodable> {
    let members: Result<Map<_, _>, _> = members.map(|(name, value)| value.map(|value| (name.clone(), value))).collect();
    members.map(Json::Object)
}

/// Returns the number of these digits, the last `scale` of which are behind the point.
fn meant(place: &str, digits: &BigInt, scale: i64) -> Result<Json, Undecodable> {
    if digits.bits() > DECIMAL_BITS_MAX {
        return Err(Undecodable::Foreign(format!("`{place}` has more digits than a number has")));
    }
    // Through text, because that rounds once.
    number(place, format!("{digits}e{}", -i128::from(scale)).parse().unwrap_or(f64::NAN))
}

fn number(place: &str, number: f64) -> Result<Json, Undecodable> {
    Number::from_f64(number)
        .map(Json::Number)
        .ok_or_else(|| Undecodable::NotFinite(place.to_owned(), number.to_string()))
}
