import json
import logging

from appliance.api.logs import JsonLines


def _record(message: str, **extra: object) -> logging.LogRecord:
    return logging.getLogger("appliance.test").makeRecord(
        "appliance.test", logging.INFO, "file.py", 1, message, (), None, extra=extra
    )


def test_a_record_is_one_json_line_with_its_fields() -> None:
    line = JsonLines().format(_record("request", fields={"status": 200, "ms": 1.5}))

    assert "\n" not in line
    assert json.loads(line)["status"] == 200
    assert json.loads(line)["message"] == "request"


def test_an_exceptions_text_stays_out() -> None:
    record = _record("unexpected")
    record.exc_info = (ValueError, ValueError("what alice said"), None)

    line = JsonLines().format(record)

    assert json.loads(line)["exception"] == "ValueError"
    assert "alice" not in line
