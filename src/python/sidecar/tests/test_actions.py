import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "standin"))

from rplay_sidecar import play, results, values, wire  # noqa: E402


class Guarded(unittest.TestCase):
    def test_text_that_looks_like_a_template_is_told_apart(self):
        found = values.guarded({"a": ["{{ x }}", "plain"], "b": "{% if %}"})
        self.assertEqual(found, {"a": ["{{ x }}", "plain"], "b": "{% if %}"})
        self.assertIs(type(found["a"][0]), values.Data)
        self.assertIs(type(found["a"][1]), str)
        self.assertFalse(values.is_trusted(found["b"]))
        self.assertEqual(values.Codec(None).encode(found["b"]), "{% if %}")


class Tasks(unittest.TestCase):
    def test_a_copy_has_arguments_of_its_own(self):
        task = play.Task({"action": "copy", "args": {"src": "a"}, "role": {"name": "r", "path": "/r", "collection": None}})
        other = task.copy()
        other.args["src"] = "b"
        self.assertEqual((task.args, other.args), ({"src": "a"}, {"src": "b"}))
        self.assertEqual(task.get_name(), "r : copy")
        self.assertEqual(task.modes(), {"check": False, "diff": False, "no_log": False})
        with self.assertRaises(AttributeError):
            task.nothing  # noqa: B018

    def test_passwords_are_fetched_when_they_are_read(self):
        asked = []
        context = play.PlayContext({"remote_user": "me"}, lambda name: asked.append(name) or "secret")
        self.assertEqual((context.remote_user, asked), ("me", []))
        self.assertEqual((context.become_pass, asked), ("secret", ["become_pass"]))


class Results(unittest.TestCase):
    def test_a_loop_has_changed_when_an_item_has(self):
        task = play.Task({"action": "command", "name": "t"})
        made = results.CallbackTaskResult(results.Host("h"), task, {"results": [{"changed": False}, {"changed": True}]}, {})
        self.assertTrue(made.is_changed())
        self.assertFalse(made.is_failed())

    def test_counts_by_their_names(self):
        counts = dict(ok=3, changed=1, unreachable=0, failed=2, skipped=0, rescued=0, ignored=0)
        stats = results.Stats({"h": counts}, {})
        self.assertEqual(stats.summarize("h")["failures"], 2)
        self.assertEqual((stats.ok, stats.dark), ({"h": 3}, {}))


@unittest.skipIf("ansible" in sys.modules, "an installed ansible-core has been imported")
class Shell(unittest.TestCase):
    def test_command_lines_are_quoted(self):
        try:
            import ansible  # noqa: F401
        except ImportError:
            self.skipTest("there is no stand-in on the path")
        from ansible.plugins.shell import ShellBase

        if not hasattr(ShellBase, "_many"):
            self.skipTest("ansible-core is installed")
        shell = ShellBase()
        self.assertEqual(shell.chmod(["a b", "c"], "u+x"), "chmod u+x 'a b' c")
        self.assertEqual(shell.remove("/x y", recurse=True), "rm -f -r '/x y' > /dev/null 2>&1")
        self.assertEqual(shell.join_path("/a", "b"), "/a/b")


class Options(unittest.TestCase):
    def test_failures_are_of_the_kind_that_the_engine_names(self):
        class Pipe:
            def write(self, data):
                pass

            def flush(self):
                pass

        talk = wire.Wire(None, Pipe(), None)
        talk.receive = lambda: {"op": "failed", "message": "gone", "kind": "AnsibleConnectionFailure"}
        try:
            from ansible.errors import AnsibleConnectionFailure
        except ImportError:
            self.skipTest("there is no stand-in on the path")
        with self.assertRaises(AnsibleConnectionFailure):
            talk.ask("module")
