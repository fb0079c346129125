"""The same requests to Martlet and to Envoy, with responses compared one by one."""

import pytest
from cases import CASES, Case

HEADERS = {"Content-Type": "application/json"}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_answers_are_the_same(peers, case: Case):
    ours = peers.martlet.ask(case.method, case.path, case.body, HEADERS)
    theirs = peers.envoy.ask(case.method, case.path, case.body, HEADERS)
    if case.difference:
        assert ours.status == case.status, ours
        if case.json is not None:
            assert ours.json == case.json
        # A difference that no longer exists must be removed from the list.
        assert (ours.status, case.json) != (theirs.status, theirs.json if case.json is not None else None)
        return
    assert ours.status == theirs.status, (ours, theirs)
    if ours.status == 200:
        assert ours.headers["content-type"] == theirs.headers["content-type"] == "application/json"
        assert ours.json == theirs.json
        assert ours.is_whole and theirs.is_whole
        return
    # Errors are Martlet's problem documents. The fields that Envoy keeps have the values of the call.
    assert ours.headers["content-type"] == "application/problem+json"
    assert ours.json["status"] == ours.status and ours.json["request_id"] == ours.headers["x-request-id"]
    assert ours.headers.get("grpc-status") == theirs.headers.get("grpc-status")
    assert ours.headers.get("grpc-message") == theirs.headers.get("grpc-message")


def test_there_are_many_cases_and_few_differences():
    assert len(CASES) > 180
    assert sum(bool(case.difference) for case in CASES) <= 20


def test_metadata_is_forwarded_both_ways(peers):
    for peer in (peers.martlet, peers.envoy):
        answer = peer.ask("GET", "/v1/shelves/1")
        assert answer.headers["x-shelf"] == "wood"
        assert answer.headers["grpc-status"] == "0"
    sent = {"Authorization": "Bearer x", "X-Custom": "1", "Cookie": "a=b", "User-Agent": "me", "x-b-bin": "AAEC"}
    ours = peers.martlet.ask("GET", "/v1/metadata", headers=sent).json["metadata"]
    theirs = peers.envoy.ask("GET", "/v1/metadata", headers=sent).json["metadata"]
    for name in ("Authorization", "X-Custom", "Cookie", "User-Agent"):
        assert ours[name.lower()] == theirs[name.lower()] == sent[name]
