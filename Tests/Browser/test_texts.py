"""Every problem code of the platform has a text in every language of the console."""
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Codes that the console never receives: of database errors, of requests that it does not send, and of the gateway's
# administration.
ELSEWHERE = {
    "bad_request", "closed", "configuration", "connection_escaped", "invalid", "invalid_columns", "invalid_gateway_file",
    "invalid_parameter", "invalid_request", "length_required", "malformed_json", "malformed_url", "method_not_allowed",
    "migration", "no_gateway_file", "not_cached", "protocol", "range_not_satisfiable", "read_only", "transaction_aborted",
    "unexpected_rows", "unsupported_media_type",
}


def codes():
    found = {}
    for file in sorted((ROOT / "Sources").rglob("*.swift")):
        for code in re.findall(r'\bcode: (?:String = )?"([a-z_]+)"', file.read_text()):
            found.setdefault(code, file.relative_to(ROOT))
    return found


def texts(language):
    source = (ROOT / "Web/src/i18n" / f"{language}.ts").read_text()
    known = set()
    for block in ("byCode", "fieldErrors"):
        body = re.search(rf"^( *){block}: {{\n(.*?)^\1}},", source, re.M | re.S)
        known |= set(re.findall(r"^ +([a-z_]+): ", body.group(2), re.M))
    return known


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_every_code_has_a_text(language):
    known = texts(language)
    missing = {code: str(file) for code, file in codes().items() if code not in known | ELSEWHERE}
    assert missing == {}


def test_codes_are_found():
    assert {"own_account", "last_superuser", "registration_closed", "out_of_stock", "rate_limited", "too_long"} <= set(codes())


def test_chinese_has_one_word_for_a_product():
    source = (ROOT / "Web/src/i18n/zh-CN.ts").read_text()
    assert "商品" in source and "产品" not in source
