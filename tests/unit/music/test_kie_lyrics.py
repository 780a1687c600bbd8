"""Lyrics at kie.ai: the requests, and the meaning of each answer."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.model import Backend, FailReason
from bot.music import backends, kie, wire
from tests.make import examples

TEXT = "[Verse]\nCity lights"


def record(state: str, **fields: object) -> wire.LyricsChecked | wire.Busy:
    data = {"taskId": "281e", "state": state, **fields}
    return kie.read_lyrics(200, json.dumps({"code": 200, "msg": "success", "data": data}).encode())


def test_a_request_for_lyrics_names_the_model_and_the_subject() -> None:
    body = {"model": "ai-music-api/generate-lyrics", "input": {"prompt": "a lighthouse"}}

    assert body == kie.lyrics_body("a lighthouse")


def test_one_service_writes_lyrics_today() -> None:
    able = [one for one in Backend if backends.plain_contract(one).capabilities.lyrics is not None]

    assert [Backend.KIE] == able


@pytest.mark.parametrize(
    "result",
    [
        {"resultObject": {"lyricsData": [{"text": TEXT, "title": "Neon"}]}},
        {"code": 200, "data": [{"text": TEXT, "title": "Neon"}]},
        {"resultObject": {"data": [{"title": "empty", "text": " "}, {"text": TEXT, "title": "Neon"}]}},
        [{"text": TEXT, "title": "Neon"}],
        {"text": TEXT, "title": "Neon"},
    ],
)
@pytest.mark.parametrize("packed", [True, False])
def test_lyrics_are_found_anywhere_in_the_result(result: object, packed: bool) -> None:
    told = json.dumps(result) if packed else result

    assert wire.Written(TEXT, "Neon", 0.4) == record("success", resultJson=told, creditsConsumed=0.4)


@pytest.mark.parametrize("state", ["waiting", "queuing", "generating", "GENERATING"])
def test_an_unfinished_lyrics_task_is_running(state: str) -> None:
    assert wire.Running() == record(state)


@pytest.mark.parametrize("result", ["", "{", None, 7, "[]", '{"text": 7}', '{"data": [{"text": ""}]}'])
def test_a_success_without_lyrics_is_queried_again(result: object) -> None:
    assert isinstance(record("success", resultJson=result), wire.Running)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("Generation Failed", FailReason.UPSTREAM_FAILED),
        ("contains sensitive words", FailReason.MODERATED),
        (None, FailReason.UPSTREAM_FAILED),
    ],
)
def test_a_failure_says_whether_the_subject_was_the_reason(message: str | None, reason: FailReason) -> None:
    checked = record("fail", failMsg=message)

    assert isinstance(checked, wire.Rejected)
    assert (reason, None) == (checked.reason, checked.closed)


def test_a_new_task_is_not_known_yet() -> None:
    body = {"code": 422, "msg": "recordInfo is null", "data": None}

    assert wire.NotFound() == kie.read_lyrics(200, json.dumps(body).encode())


def test_long_lyrics_are_cut() -> None:
    checked = record("success", resultJson=json.dumps({"text": "la " * 50_000}))

    assert isinstance(checked, wire.Written)
    assert kie.LYRICS_READ_MAX == len(checked.lyrics)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["text", "data", "title", "resultObject"]), inner, max_size=3)
    ),
    max_leaves=10,
)


@pytest.mark.hypothesis
@settings(max_examples=examples(200), deadline=None)
@given(st.integers(100, 599), JSON, JSON, st.sampled_from(["success", "fail", "generating", 7]))
def test_no_answer_is_unreadable(status: int, data: object, result: object, state: object) -> None:
    for body in (data, {"code": 200, "data": data}, {"data": {"state": state, "resultJson": result}}):
        checked = kie.read_lyrics(status, json.dumps(body).encode())

        assert isinstance(checked, wire.Running | wire.Written | wire.Rejected | wire.NotFound | wire.Busy)
