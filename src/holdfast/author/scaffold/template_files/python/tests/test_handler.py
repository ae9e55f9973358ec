import json
import unittest

from handler import handler
from holdfast_sdk import Request
from holdfast_sdk.testing import LogLine, MemoryHost


class HandlerTest(unittest.TestCase):
    def test_a_visit_is_counted_stored_and_logged(self) -> None:
        host = MemoryHost()
        answers = [handler(Request(method, "/visits"), host) for method in ("GET", "POST", "GET")]
        self.assertEqual([json.loads(answer.body or b"") for answer in answers], [{"visits": 0}, {"visits": 1}, {"visits": 1}])
        self.assertEqual(host.logs, [LogLine("info", "Visit counted", {"visits": 1})])

    def test_another_path_is_not_found(self) -> None:
        self.assertEqual(handler(Request("GET", "/other"), MemoryHost()).status, 404)


if __name__ == "__main__":
    unittest.main()
