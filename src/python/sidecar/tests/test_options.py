"""Options of lookups."""

import os
import tempfile
import unittest
from unittest import mock

import tests  # noqa: F401
from rplay_sidecar import options

SPEC = {
    "color": {
        "default": "red",
        "env": [{"name": "RPLAY_TEST_COLOR"}],
        "vars": [{"name": "color_var"}],
        "ini": [{"section": "colors", "key": "color"}],
        "aliases": ["colour"],
    }
}


def color(variables=None, direct=None, config=None):
    return options.resolve(SPEC, variables or {}, direct or {}, config, "p", {})["color"]


class Options(unittest.TestCase):
    def test_the_nearest_origin_wins(self):
        with tempfile.TemporaryDirectory() as folder:
            config = os.path.join(folder, "ansible.cfg")
            with open(config, "w") as file:
                file.write("[colors]\ncolor = green ; a comment\n")
            self.assertEqual(color(), "red")
            self.assertEqual(color(config=config), "green")
            with mock.patch.dict(os.environ, RPLAY_TEST_COLOR="blue"):
                self.assertEqual(color(config=config), "blue")
                self.assertEqual(color({"color_var": "pink"}, config=config), "pink")
                self.assertEqual(color({"color_var": "pink"}, {"colour": "grey"}), "grey")

    def test_values_are_converted_as_ansible_does(self):
        for kind, value, expected in [
            ("bool", "yes", True),
            ("bool", "nonsense", False),
            ("int", "5", 5),
            ("float", "1.5", 1.5),
            ("list", "a, b", ["a", "b"]),
            ("str", 5, "5"),
            ("path", "/a/../b", "/b"),
            ("raw", {"a": 1}, {"a": 1}),
        ]:
            self.assertEqual(options.convert(value, kind), expected)
        with self.assertRaisesRegex(TypeError, "Invalid value provided for 'int': 'x'"):
            options.convert("x", "int")


if __name__ == "__main__":
    unittest.main()
