"""The clock, beside the readings by which hedgerow's own is tested, and moved by what a log says."""

import json
import pathlib
import unittest
from unittest import mock

from confluent_kafka import TIMESTAMP_CREATE_TIME, TIMESTAMP_LOG_APPEND_TIME, KafkaError
from doubles import Consumer, Message, Producer, Standing

from hedgerow import executor
from hedgerow.clock import Clock
from hedgerow.skew import Skew
from hedgerow.station import Station
from hedgerow.timekeeping import CLOCK_TOPIC

VECTORS = pathlib.Path(__file__).parents[3] / "wire" / "vectors" / "clocks.json"
START = 1_800_000_000_000_000
SECOND = 1_000_000


class Log:
    """A record of a log whose time is so many microseconds behind the host's."""

    def __init__(self, clock, ahead, kind=TIMESTAMP_LOG_APPEND_TIME):
        self.clock, self.ahead, self.kind = clock, ahead, kind

    def timestamp(self):
        return self.kind, (self.clock.reading_us() - self.ahead) // 1000

    def topic(self):
        return CLOCK_TOPIC


class Readings(unittest.TestCase):
    def test_clocks_are_found_to_be_wrong_as_the_vectors_say(self):
        vectors = json.loads(VECTORS.read_text(encoding="utf-8"))
        self.assertGreater(len(vectors), 5)
        for vector in vectors:
            skew = Skew()
            for place, reading in enumerate(vector["readings"]):
                finds = reading.pop("finds")
                found = skew.on_appended(**reading) if "sent" in reading else skew.on_read(**reading)
                with self.subTest(vector["name"], place=place):
                    self.assertEqual({found.kind: found.by_us}, finds)


class Hands(unittest.TestCase):
    def test_a_clock_that_is_ahead_or_behind_is_right_once_something_was_written(self):
        for ahead in (30 * SECOND, -30 * SECOND):
            clock = Standing(START)
            with self.assertLogs("hedgerow", "WARNING") as told:
                clock.on_appended(START, Log(clock, ahead))
            self.assertAlmostEqual(clock.now_us(), START - ahead, delta=2_000)
            self.assertIn("NTP", told.output[0])

    def test_it_stands_still_rather_than_step_back_by_a_little(self):
        clock = Standing(START)
        clock.on_appended(START, Log(clock, 50_000))
        self.assertEqual(clock.now_us(), START)
        clock.at += 60_000
        self.assertAlmostEqual(clock.now_us(), START + 10_000, delta=2_000)

    def test_what_is_more_than_a_minute_off_is_told_and_not_corrected(self):
        clock = Standing(START)
        with self.assertLogs("hedgerow", "WARNING") as told:
            clock.on_appended(START, Log(clock, 3_600 * SECOND))
            clock.on_appended(START, Log(clock, 3_600 * SECOND))
        self.assertEqual((clock.now_us(), len(told.output)), (START, 1))
        self.assertIn("too much to be corrected", told.output[0])

    def test_times_of_writers_prove_nothing_and_are_told_once(self):
        clock = Standing(START)
        with self.assertLogs("hedgerow", "WARNING") as told:
            clock.on_read(Log(clock, -30 * SECOND, TIMESTAMP_CREATE_TIME))
            clock.on_read(Log(clock, -30 * SECOND, TIMESTAMP_CREATE_TIME))
        self.assertEqual((clock.now_us(), len(told.output)), (START, 1))

    def test_a_clock_of_this_machine_goes_on(self):
        with mock.patch("time.time_ns", return_value=START * 1000):
            clock = Clock()
        self.assertLess(abs(clock.reading_us() - START), 60 * SECOND)
        self.assertLessEqual(clock.now_us(), clock.now_us())


class Stations(unittest.TestCase):
    def station(self, function, ahead):
        """Returns a station on a host whose clock is wrong, with one request that was born just now."""
        clock = Standing(START)
        born = (START - ahead) // 1000 * 1000
        request = Message(0, born=born)
        producer = Producer(appended=lambda: Log(clock, ahead))
        return Station(executor("forest", rendezvous="wine")(function), Consumer([request]), producer, clock)

    def test_whose_clock_is_wrong_learns_before_anything_is_read_and_answers_in_time(self):
        left = []
        for ahead in (30 * SECOND, -30 * SECOND):
            one = self.station(lambda given: {"left": left.append(given.remaining())}, ahead)
            one.timekeeping.begin()
            self.assertEqual({topic for topic, *_ in one.producer.said}, {CLOCK_TOPIC})
            one.step()
            topic, _, headers, _ = one.producer.said[-1]
            self.assertEqual((topic, headers["ce_type"]), ("wine.responses", b"dev.hedgerow.response.v1"))
            self.assertAlmostEqual(left.pop(), 0.05, delta=0.003)

    def test_the_time_is_asked_for_again_and_that_nobody_says_it_is_told_once(self):
        one = self.station(lambda given: {}, 0)
        one.producer.refuse = KafkaError.TOPIC_AUTHORIZATION_FAILED
        with self.assertLogs("hedgerow", "WARNING") as told:
            one.timekeeping.begin()
            one.clock.at += 20 * SECOND
            one.step()
        asked = [topic for topic, *_ in one.producer.said if topic == CLOCK_TOPIC]
        self.assertEqual((len(asked), len(told.output)), (4, 1))


if __name__ == "__main__":
    unittest.main()
