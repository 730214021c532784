"""What plugins see of the run."""

import unittest

import tests  # noqa: F401
from rplay_sidecar import context
from tests.conversation import Controller

VARIABLES = {"a": 1, "b": 2}


def controller():
    return Controller(
        resolve=lambda scope, name: [VARIABLES[name]] if name in VARIABLES else [],
        knows=lambda scope, name: name in VARIABLES,
        variables=lambda scope: list(VARIABLES),
        assigned=lambda scope: ["a"],
        plugin=lambda kind, name: name == "upper",
        filter=lambda scope, name, args, kwargs: [name, args, kwargs],
    )


class Variables(unittest.TestCase):
    def test_nothing_is_asked_that_is_not_read(self):
        talk = controller()
        variables = context.Variables(talk, 0)
        self.assertEqual(talk.asked, [])
        self.assertEqual((variables["a"], variables.get("z", 9), "b" in variables), (1, 9, True))
        self.assertEqual([op for op, _ in talk.asked], ["resolve", "resolve", "knows"])

    def test_it_is_a_dict_that_can_be_copied_and_changed(self):
        variables = context.Variables(controller(), 0)
        other = variables.copy()
        other["c"] = 3
        del other["a"]
        self.assertIsInstance(variables, dict)
        self.assertEqual(dict(variables), VARIABLES)
        self.assertEqual(dict(other), {"b": 2, "c": 3})
        self.assertEqual(other.pop("c"), 3)
        self.assertRaises(KeyError, other.__getitem__, "a")
        self.assertEqual(sorted(variables.items()), [("a", 1), ("b", 2)])


class Contexts(unittest.TestCase):
    def test_the_context_is_jinjas(self):
        seen = context.Context(controller(), 0)
        self.assertEqual((seen["a"], seen.get("z"), seen.resolve("b"), "z" in seen), (1, None, 2, False))
        self.assertEqual(seen.vars, {"a": 1})
        self.assertEqual(seen.environment.call_filter("upper", "x", [1], {"k": 2}), ["upper", ["x", 1], {"k": 2}])
        self.assertEqual(seen.environment.filters["upper"]("x"), ["upper", ["x"], {}])
        self.assertRaises(KeyError, seen.environment.filters.__getitem__, "lower")

    def test_decorators_of_all_ages_are_known(self):
        import jinja2

        seen = context.Context(controller(), 0)
        new = jinja2.pass_environment(lambda environment, value: value)
        self.assertEqual(context.pass_first(new, seen), (seen.environment,))

        def old(given, value):
            return value

        old.contextfilter = True
        self.assertEqual(context.pass_first(old, seen), (seen,))
        self.assertEqual(context.pass_first(len, seen), ())


if __name__ == "__main__":
    unittest.main()
