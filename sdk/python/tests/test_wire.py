"""The wire, beside the vectors by which hedgerow itself is tested."""

import json
import pathlib
import unittest
import uuid

from hedgerow import wire

VECTORS = pathlib.Path(__file__).parents[3] / "wire" / "vectors"


def vectors(file):
    found = json.loads((VECTORS / file).read_text(encoding="utf-8"))
    assert len(found) > 5
    return found


class Vectors(unittest.TestCase):
    def test_requests_are_read_as_the_vectors_say(self):
        for vector in vectors("requests.json"):
            headers = [(name, value.encode()) for name, value in vector["headers"]]
            with self.subTest(vector["name"]):
                if "means" not in vector:
                    with self.assertRaises(wire.Unreadable):
                        wire.decode_request(headers, vector["payload"].encode())
                    continue
                read = wire.decode_request(headers, vector["payload"].encode())
                means = {
                    "id": str(read.id),
                    "born_us": read.born_us,
                    "budget_us": read.budget_us,
                    "deadline_us": read.deadline_us,
                    "policy": read.policy,
                    "case": read.case,
                    "plan": [vars(asked) for asked in read.plan],
                    "key": read.key,
                    "attributes": read.attributes,
                    "traceparent": read.traceparent,
                }
                self.assertEqual(means, vector["means"])
                self.assertEqual(read.body, vector["payload"].encode())

    def test_responses_are_written_as_the_vectors_say(self):
        for vector in vectors("responses.json"):
            with self.subTest(vector["name"]):
                means = dict(vector["means"], request=uuid.UUID(vector["means"]["request"]))
                if means["answer"] is not None:
                    means["answer"] = means["answer"].encode()
                key, headers, payload = wire.encode_response(wire.Response(**means))
                self.assertEqual(key.hex(), vector["key"])
                self.assertEqual([[name, value.decode()] for name, value in headers], vector["headers"])
                self.assertEqual(payload.decode(), vector["payload"])


class Answers(unittest.TestCase):
    def test_what_is_no_finite_number_is_null(self):
        said = {"a": float("nan"), "b": [1.5, float("inf")]}
        self.assertEqual(json.loads(wire.encode_answer(said)), {"a": None, "b": [1.5, None]})

    def test_what_json_does_not_know_is_refused(self):
        for said in ([1], {"a": {1, 2}}):
            with self.assertRaises(TypeError):
                wire.encode_answer(said)


if __name__ == "__main__":
    unittest.main()
