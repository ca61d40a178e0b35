"""The station, on a log and a time that stand still unless told otherwise."""

import json
import unittest
import uuid

from confluent_kafka import KafkaError, TopicPartition
from doubles import BORN, BUDGET, Consumer, Message, Producer, Standing

from hedgerow import Abstain, executor
from hedgerow.progress import Progress
from hedgerow.station import Station, Stopped, check_topics

def station(function, messages, at=BORN + 400, **options):
    made = executor("forest", rendezvous="wine", version="3", **options)(function)
    return Station(made, Consumer(messages), Producer(), Standing(at))


def ran(function, messages, **options):
    """Returns what is said about `messages`: kind, payload."""
    one = station(function, messages, **options)
    for _ in messages:
        one.step()
    return [((said.get("ce_failure") or b"answer").decode(), value.decode()) for _, _, said, value in one.producer.said]


class Answering(unittest.TestCase):
    def test_an_answer_goes_to_the_request_s_partition_with_who_said_it_and_how_long_it_took(self):
        one = station(lambda one: {"class": one.features["x"]}, [Message(5, partition=3)])
        one.step()
        ((topic, partition, headers, value),) = one.producer.said
        self.assertEqual((topic, partition, json.loads(value)), ("wine.responses", 3, {"class": 1}))
        self.assertEqual(headers["ce_id"].decode(), str(uuid.UUID(int=6)))
        self.assertEqual((headers["ce_executor"], headers["ce_model"]), (b"forest", b"forest@3"))
        self.assertEqual((headers["ce_fetched"], headers["ce_queued"], headers["ce_scored"]), (b"400", b"0", b"0"))

    def test_whoever_is_not_asked_or_is_asked_something_else_says_nothing(self):
        never = lambda one: self.fail("asked")
        self.assertEqual(ran(never, [Message(0, plan="boost"), Message(1, kind="dev.hedgerow.surprise.v1")]), [])

    def test_what_is_past_its_deadline_is_told_and_not_begun_and_what_is_long_past_is_passed_over(self):
        never = lambda one: self.fail("asked")
        expired = [("expired", "the deadline was past before work began")]
        self.assertEqual(ran(never, [Message(0)], at=BORN + BUDGET), expired)
        self.assertEqual(ran(never, [Message(0)], at=BORN + BUDGET + 5_000_000), [])

    def test_an_exception_none_and_what_is_no_answer_are_failures(self):
        def fails(one):
            raise ValueError("too red")

        def abstains(one):
            raise Abstain("not mine")

        ((kind, text),) = ran(fails, [Message(0)])
        self.assertEqual(kind, "failed")
        self.assertRegex(text, r"^ValueError: too red \(test_station.py, line \d+\)$")
        self.assertEqual(ran(abstains, [Message(0)]), [("abstained", "not mine")])
        self.assertEqual(ran(lambda one: None, [Message(0)])[0][0], "abstained")
        self.assertEqual(ran(lambda one: [1], [Message(0)])[0][0], "failed")
        self.assertEqual(ran(lambda one: {}, [Message(0, body=b"{")])[0][0], "failed")

    def test_a_hedge_starts_when_the_plan_says(self):
        one = station(lambda one: {}, [Message(0, plan="forest+5000"), Message(1)])
        one.step()
        one.step()
        self.assertEqual([said["ce_id"][-1:] for _, _, said, _ in one.producer.said], [b"2"])
        self.assertAlmostEqual(one.pause(), 0.0046)
        one.clock.at = BORN + 5_000
        one.step()
        self.assertEqual(len(one.producer.said), 2)


class Batches(unittest.TestCase):
    def test_what_waits_goes_together(self):
        sizes = []

        def several(inputs):
            sizes.append(len(inputs))
            return [{"class": one.features["x"]} for one in inputs]

        said = ran(several, [Message(offset) for offset in range(5)], batch_max=3)
        self.assertEqual((sizes, said), ([3, 2], [("answer", '{"class": 1}')] * 5))

    def test_one_that_fails_costs_the_others_nothing(self):
        said = ran(lambda inputs: [{"y": 1 / one.features["x"]} for one in inputs],
                   [Message(0), Message(1, body=b'{"x":0}')], batch_max=8)
        self.assertEqual(said[0], ("answer", '{"y": 1.0}'))
        self.assertEqual(said[1][0], "failed")

    def test_a_list_of_another_length_is_a_failure_of_all(self):
        said = ran(lambda inputs: [], [Message(0), Message(1)], batch_max=8)
        self.assertEqual([kind for kind, _ in said], ["failed", "failed"])


class Committing(unittest.TestCase):
    def test_nothing_is_committed_before_the_log_has_the_answer(self):
        one = station(lambda one: {}, [Message(7)])
        one.producer.hold = True
        one.step()
        one.commit()
        self.assertEqual(one.consumer.commits[-1:], [(0, 7)])
        one.progress[0].finish(7)
        one.commit()
        self.assertEqual(one.consumer.commits[-1:], [(0, 8)])

    def test_what_the_log_does_not_take_holds_its_offset_until_its_time_is_past(self):
        one = station(lambda one: {}, [Message(7)])
        one.producer.refuse = KafkaError._MSG_TIMED_OUT
        one.step()
        one.commit()
        self.assertEqual(one.consumer.commits[-1:], [(0, 7)])
        one.clock.at = BORN + BUDGET
        one.commit()
        self.assertEqual(one.consumer.commits[-1:], [(0, 8)])

    def test_an_answer_that_is_too_large_is_a_failure(self):
        one = station(lambda one: {}, [Message(7)])
        one.producer.refuse = KafkaError.MSG_SIZE_TOO_LARGE
        one.step()
        self.assertEqual(one.producer.said[-1][3], b"the answer is larger than the topic allows")
        one.commit()
        self.assertEqual(one.consumer.commits[-1:], [(0, 8)])

    def test_a_partition_that_goes_is_committed_and_what_waits_of_it_is_left(self):
        one = station(lambda one: {}, [Message(3, plan="forest+900000", budget=2_000_000), Message(3, partition=1)])
        one.step()
        one.on_revoke(one.consumer, [TopicPartition("wine.requests", 0), TopicPartition("wine.requests", 1)])
        self.assertEqual((one.waiting, one.progress), ([], {}))
        self.assertIn((1, 4), one.consumer.commits)
        self.assertIn((0, 3), one.consumer.commits)

    def test_a_stop_answers_what_is_in_hand_and_commits_it(self):
        one = station(lambda one: {}, [Message(offset) for offset in range(3)])
        one.read()
        one.finish()
        self.assertEqual((len(one.producer.said), one.consumer.commits, one.consumer.closed), (3, [(0, 3)], True))

    def test_progress_waits_for_the_oldest(self):
        progress = Progress()
        self.assertEqual(progress.to_commit(0), None)
        for offset in (3, 4, 5):
            progress.begin(offset, 100)
        progress.finish(4)
        self.assertEqual(progress.to_commit(0), 3)
        progress.finish(3)
        self.assertEqual(progress.to_commit(0), 5)
        self.assertEqual(progress.to_commit(0), None)
        progress.skip(9)
        progress.finish(5)
        self.assertEqual(progress.to_commit(0), 10)


class Mistakes(unittest.TestCase):
    def test_names_and_sizes_that_cannot_be_are_refused(self):
        for name, rendezvous, most in (("2nd", "wine", 1), ("forest", "wi ne", 1), ("forest", "wine", 0)):
            with self.assertRaises(ValueError):
                executor(name, rendezvous=rendezvous, batch_max=most)

    def test_a_rendezvous_that_is_not_there_is_named(self):
        class Nothing:
            def list_topics(self, timeout):
                return type("Listed", (), {"topics": {}})

        with self.assertRaisesRegex(Stopped, "there is no topic `wine.requests`"):
            check_topics(Nothing(), station(lambda one: {}, []))


if __name__ == "__main__":
    unittest.main()
