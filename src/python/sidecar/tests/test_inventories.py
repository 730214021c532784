"""What inventory plugins do is written down, and what they read fits it."""

import unittest

from rplay_sidecar import caches, values
from rplay_sidecar.inventories import InventoryData
from tests import conversation  # noqa: F401


class Inventory(unittest.TestCase):
    def setUp(self):
        from rplay_sidecar import inventories

        inventories.safe_name = lambda name, replacer="_", force=False: name

    def test_changes_are_written_down_in_order(self):
        data = InventoryData()
        data.add_group("web")
        data.add_host("a", "web", 22)
        data.set_variable("a", "x", 1)
        data.set_variable("web", "y", 2)
        data.add_child("all", "web")
        self.assertEqual(data.changes, [
            ["group", "web"], ["host", "a", "web", 22], ["var", "a", "x", 1], ["var", "web", "y", 2], ["child", "all", "web"],
        ])
        self.assertEqual([group.name for group in data.get_host("a").get_groups()], ["all", "web"])
        self.assertEqual(data.get_groups_dict()["all"], ["a"])

    def test_what_was_there_is_fetched_once(self):
        fetched = []

        def fetch():
            fetched.append(1)
            group = {"vars": {"g": 1}, "children": [], "priority": 1}
            return {"groups": {"all": dict(group, children=["web"]), "web": group},
                    "hosts": {"a": {"vars": {"x": 1}, "groups": ["web"]}}}

        data = InventoryData(fetch)
        self.assertEqual(data.get_host("a").get_vars()["group_names"], ["web"])
        data.add_host("a", "web")
        self.assertEqual((fetched, data.changes), ([1], [["host", "a", "web", None]]))

    def test_what_is_not_there_is_an_error(self):
        data = InventoryData()
        for wrong in (lambda: data.add_host("a", "nope"), lambda: data.set_variable("a", "x", 1), lambda: data.add_child("x", "a")):
            self.assertRaises(Exception, wrong)


class Envelope(unittest.TestCase):
    def test_values_come_back_as_they_were(self):
        import datetime

        value = {"a": [1, None, "text"], "day": datetime.date(2020, 1, 2), "t": values.Trusted("{{ a }}")}
        found = caches.unwrapped(caches.wrapped(value))
        self.assertEqual(found, value)
        self.assertTrue(values.is_trusted(found["t"]))


if __name__ == "__main__":
    unittest.main()
