"""Frames values by Confluent's own serializers: prints one JSON object a line with the schema's number and the bytes.

Usage: frames.py REGISTRY. It registers what it needs there.
"""

import datetime
import decimal
import json
import sys
import uuid

from confluent_kafka.schema_registry import Schema, SchemaReference, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.schema_registry.json_schema import JSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, timestamp_pb2, wrappers_pb2  # noqa: F401

registry = SchemaRegistryClient({"url": sys.argv[1]})


def show(name, serializer, value, expected):
    framed = serializer(value, SerializationContext(name, MessageField.VALUE))
    schema = registry.get_schema(int.from_bytes(framed[1:5], "big"))
    references = all_references(schema)
    vector = {"name": name, "kind": schema.schema_type, "schema": schema.schema_str, "references": references}
    print(json.dumps({**vector, "framed": framed.hex(), "json": expected}))


def all_references(schema):
    """What a schema refers to, and before it what that refers to."""
    gathered = []
    for reference in schema.references or []:
        found = registry.get_version(reference.subject, reference.version).schema
        gathered += all_references(found) + [[reference.name, found.schema_str]]
    return [entry for index, entry in enumerate(gathered) if entry not in gathered[:index]]


def avro(name, schema, value, expected, references=()):
    text = Schema(json.dumps(schema), "AVRO", list(references))
    show(name, AvroSerializer(registry, text), value, expected)


def record(name, **fields):
    return {"type": "record", "name": name, "fields": [{"name": field, "type": of} for field, of in fields.items()]}


avro("avro-numbers", record("Numbers", i="int", l="long", f="float", d="double", b="boolean", n="null"),
     {"i": -7, "l": 2**62 + 1, "f": 0.1, "d": 12.5, "b": True, "n": None},
     {"i": -7, "l": 2**62 + 1, "f": 0.1, "d": 12.5, "b": True, "n": None})
avro("avro-texts", record("Texts", s="string", e={"type": "enum", "name": "Suit", "symbols": ["HEARTS", "SPADES"]}, raw="bytes",
                          four={"type": "fixed", "name": "Four", "size": 4}),
     {"s": "größer", "e": "SPADES", "raw": b"\x00\xff", "four": b"abcd"},
     {"s": "größer", "e": "SPADES", "raw": "AP8=", "four": "YWJjZA=="})
avro("avro-unions", record("Unions", absent=["null", "double"], there=["null", "double"], either=["string", "long"]),
     {"absent": None, "there": 1.5, "either": 7}, {"absent": None, "there": 1.5, "either": 7})
avro("avro-nested", record("Outer", inner=record("Inner", xs={"type": "array", "items": "int"}), by={"type": "map", "values": "string"}),
     {"inner": {"xs": [1, 2, 3]}, "by": {"a": "b"}}, {"inner": {"xs": [1, 2, 3]}, "by": {"a": "b"}})


def logical(of, kind, **more):
    return {"type": of, "logicalType": kind, **more}


avro("avro-logical",
     record("Logical", price=logical("bytes", "decimal", precision=9, scale=2), owed=logical("bytes", "decimal", precision=9, scale=2),
            day=logical("int", "date"), at=logical("long", "timestamp-millis"), fine=logical("long", "timestamp-micros"),
            of_day=logical("int", "time-millis"), id=logical("string", "uuid")),
     {"price": decimal.Decimal("12.34"), "owed": decimal.Decimal("-0.05"), "day": datetime.date(1970, 1, 11),
      "at": datetime.datetime(1970, 1, 1, 0, 0, 1, 500000, datetime.timezone.utc),
      "fine": datetime.datetime(1970, 1, 1, 0, 0, 0, 7, datetime.timezone.utc), "of_day": datetime.time(0, 0, 2),
      "id": uuid.UUID(int=7)},
     {"price": 12.34, "owed": -0.05, "day": 10, "at": 1500, "fine": 7, "of_day": 2000,
      "id": "00000000-0000-0000-0000-000000000007"})

# A schema that refers to one that refers to another.
unit = {"type": "enum", "name": "shop.Unit", "symbols": ["KG", "PIECE"]}
amount = {"type": "record", "name": "shop.Amount", "fields": [{"name": "value", "type": "double"}, {"name": "unit", "type": "shop.Unit"}]}
registry.register_schema("shop-unit", Schema(json.dumps(unit), "AVRO"))
unit_reference = SchemaReference("shop.Unit", "shop-unit", 1)
registry.register_schema("shop-amount", Schema(json.dumps(amount), "AVRO", [unit_reference]))
avro("avro-references", {"type": "record", "name": "shop.Order", "fields": [{"name": "a", "type": "shop.Amount"}, {"name": "b", "type": "shop.Amount"},
                                                                        {"name": "u", "type": "shop.Unit"}]},
     {"a": {"value": 1.5, "unit": "KG"}, "b": {"value": 2, "unit": "PIECE"}, "u": "KG"},
     {"a": {"value": 1.5, "unit": "KG"}, "b": {"value": 2.0, "unit": "PIECE"}, "u": "KG"},
     [SchemaReference("shop.Amount", "shop-amount", 1)])

# Protobuf, without its compiler: the files are described by hand.
Field = descriptor_pb2.FieldDescriptorProto
pool = descriptor_pool.Default()


def field(name, number, of, message=None, many=False):
    label = Field.LABEL_REPEATED if many else Field.LABEL_OPTIONAL
    return Field(name=name, number=number, type=of, label=label, type_name=message)


place = descriptor_pb2.FileDescriptorProto(name="place.proto", package="shop", syntax="proto3")
place.message_type.add(name="Place", field=[field("lat", 1, Field.TYPE_DOUBLE), field("lon", 2, Field.TYPE_DOUBLE)])
pool.Add(place)
shop = descriptor_pb2.FileDescriptorProto(name="shop.proto", package="shop", syntax="proto3",
                                          dependency=["place.proto", "google/protobuf/timestamp.proto", "google/protobuf/wrappers.proto"])
first = shop.message_type.add(name="Order", field=[
    field("amount_due", 1, Field.TYPE_DOUBLE), field("pieces", 2, Field.TYPE_INT64), field("big", 3, Field.TYPE_UINT64), field("who", 4, Field.TYPE_STRING),
    field("gift", 5, Field.TYPE_BOOL), field("small", 6, Field.TYPE_FLOAT), field("place", 7, Field.TYPE_MESSAGE, ".shop.Place"),
    field("at", 8, Field.TYPE_MESSAGE, ".google.protobuf.Timestamp"), field("score", 9, Field.TYPE_MESSAGE, ".google.protobuf.DoubleValue"),
    field("unit", 10, Field.TYPE_ENUM, ".shop.Unit"), field("raw", 11, Field.TYPE_BYTES), field("marks", 12, Field.TYPE_INT32, many=True)])
shop.enum_type.add(name="Unit", value=[descriptor_pb2.EnumValueDescriptorProto(name="KG", number=0),
                                       descriptor_pb2.EnumValueDescriptorProto(name="PIECE", number=1)])
outer = shop.message_type.add(name="Outer")
outer.nested_type.add(name="Zero")
outer.nested_type.add(name="Inner", field=[field("x", 1, Field.TYPE_SINT32)])
pool.Add(shop)
message = lambda name: message_factory.GetMessageClass(pool.FindMessageTypeByName(name))
Order, Place, Inner = message("shop.Order"), message("shop.Place"), message("shop.Outer.Inner")


def protobuf(name, value, expected):
    show(name, ProtobufSerializer(type(value), registry, {"use.deprecated.format": False}), value, expected)


order = Order(amount_due=12.5, pieces=-7, big=2**63 + 1, who="größer", gift=True, small=0.1, place=Place(lat=1.5, lon=-2),
              unit=1, raw=b"\x00\xff", marks=[1, 2])
order.at.FromSeconds(60)
order.score.value = 0.5
protobuf("protobuf-all", order,
         {"amount_due": 12.5, "pieces": -7, "big": 2**63 + 1, "who": "größer", "gift": True, "small": 0.1, "place": {"lat": 1.5, "lon": -2.0},
          "at": "1970-01-01T00:01:00Z", "score": 0.5, "unit": "PIECE", "raw": "AP8=", "marks": [1, 2]})
protobuf("protobuf-defaults", Order(),
         {"amount_due": 0.0, "pieces": 0, "big": 0, "who": "", "gift": False, "small": 0.0, "unit": "KG", "raw": "", "marks": []})
protobuf("protobuf-nested", Inner(x=-3), {"x": -3})

json_schema = json.dumps({"title": "Plain", "type": "object", "properties": {"x": {"type": "number"}}})
show("json-schema", JSONSerializer(json_schema, registry), {"x": 1.5}, {"x": 1.5})
