"""Values both ways."""

import collections
import datetime
import io
import json
import struct
import unittest

import tests  # noqa: F401
from rplay_sidecar import values, wire


def there_and_back(value):
    codec = values.Codec(None)
    return json.loads(json.dumps(codec.encode(value)), object_hook=codec.decode)


class Values(unittest.TestCase):
    def test_everything_with_a_kind_of_its_own_comes_back_the_same(self):
        zone = datetime.timezone(datetime.timedelta(hours=-3))
        for value in [
            None,
            True,
            10**40,
            1.5,
            float("inf"),
            "é\U0001f600",
            b"\x00\xff",
            [1, [2]],
            (1, (2,)),
            {1, 2},
            {"a": {"b": 1}},
            {1: "a", None: "b", (1, 2): "c", "$": "d"},
            {"$": "dict"},
            datetime.date(2024, 2, 29),
            datetime.time(1, 2, 3, 4),
            datetime.datetime(2024, 2, 29, 1, 2, 3, 4, tzinfo=zone),
            datetime.datetime(2024, 2, 29),
            datetime.timedelta(days=-1, seconds=5, microseconds=6),
            values.Trusted("{{ a }}"),
        ]:
            back = there_and_back(value)
            self.assertEqual(back, value)
            self.assertIs(type(back), type(value))

    def test_what_only_python_has_becomes_plain(self):
        point = collections.namedtuple("Point", "x y")
        self.assertEqual(there_and_back(point(1, 2)), (1, 2))
        self.assertEqual(there_and_back(collections.OrderedDict(a=1)), {"a": 1})
        self.assertEqual(there_and_back(item for item in range(3)), [0, 1, 2])
        self.assertEqual(there_and_back({"a": 1}.keys()), ["a"])
        text = there_and_back(type("Text", (str,), {})("x"))
        self.assertIs(type(text), str)

    def test_trust_is_lost_with_the_first_change(self):
        self.assertIs(type(values.Trusted("{{ a }}") + ""), str)

    def test_an_object_stays_here(self):
        codec = values.Codec(None)
        thing = object()
        kind = codec.encode(thing)["v"]
        self.assertIs(codec.decode({"$": "object", "v": kind[0]}), thing)

    def test_what_is_undefined_raises_when_it_is_used(self):
        missing = values.Codec(None).decode({"$": "marker", "v": [7, "'x' is undefined"]})
        self.assertTrue(values.is_undefined(missing))
        self.assertEqual(values.Codec(None).encode([missing]), [{"$": "marker", "v": 7}])
        with self.assertRaisesRegex(Exception, "'x' is undefined") as raised:
            missing + 1
        self.assertEqual(raised.exception.rplay_marker, 7)


class Frames(unittest.TestCase):
    def frames(self, *messages):
        texts = [json.dumps(message).encode() for message in messages]
        return io.BytesIO(b"".join(struct.pack(">I", len(text)) + text for text in texts))

    def test_calls_that_come_before_an_answer_are_answered_first(self):
        reader = self.frames({"op": "call", "n": 1}, {"op": "answer", "value": 5})
        writer = io.BytesIO()
        talk = wire.Wire(reader, writer, lambda message: {"op": "done", "value": message["n"]})
        self.assertEqual(talk.ask("resolve", name="x"), 5)
        sent = writer.getvalue()
        self.assertIn(b'{"name":"x","op":"resolve"}', sent)
        self.assertTrue(sent.endswith(b'{"op":"done","value":1}'))

    def test_a_failure_is_raised(self):
        reader = self.frames({"op": "failed", "message": "no", "marker": 3, "undefined": False})
        with self.assertRaisesRegex(wire.Failed, "no") as raised:
            wire.Wire(reader, io.BytesIO(), None).ask("render")
        self.assertEqual(raised.exception.rplay_marker, 3)

    def test_text_that_is_no_text_is_sent_all_the_same(self):
        writer = io.BytesIO()
        wire.Wire(io.BytesIO(), writer, None).send({"op": "done", "value": "\udcff"})
        self.assertTrue(writer.getvalue().endswith(b'"value":"?"}'))


if __name__ == "__main__":
    unittest.main()
