"""Cases of `holdfast_sdk.testing`, run by ../test_python_testing.py in a Python that has nothing else."""

import unittest

from holdfast_sdk import HostError, User
from holdfast_sdk.testing import LogLine, MemoryHost


class MemoryHostCases(unittest.TestCase):
    def test_storage_keeps_values_in_order_of_their_keys(self) -> None:
        storage = MemoryHost().storage
        self.assertIsNone(storage.get("a", "x"))
        storage.put("a", "y", "two")
        storage.put_json("a", "x", {"n": 1})
        storage.put("b", "z", b"three")
        self.assertEqual([entry.key for entry in storage.list("a")], ["x", "y"])
        self.assertEqual(storage.get_json("a", "x"), {"n": 1})
        storage.delete("a", "x")
        storage.delete("a", "x")
        self.assertIsNone(storage.get_json("a", "x"))

    def test_an_outdated_revision_is_a_conflict(self) -> None:
        storage = MemoryHost().storage
        first = storage.put("a", "x", "1")
        storage.put("a", "x", "2", revision=first.revision)
        with self.assertRaises(HostError) as raised:
            storage.put("a", "x", "3", revision=first.revision)
        self.assertEqual(raised.exception.code, "conflict")

    def test_log_lines_are_recorded(self) -> None:
        host = MemoryHost()
        host.logging.info("one", n=1)
        host.logging.emit("error", "two")
        self.assertEqual(host.logs, [LogLine("info", "one", {"n": 1}), LogLine("error", "two", {})])

    def test_parts_replace_those_of_the_host(self) -> None:
        self.assertEqual(MemoryHost().user().user_type, "internal")
        user = User("t", "c", "u", "e@example.com", "Uma", "client")
        self.assertEqual(MemoryHost(user=lambda: user).user(), user)
