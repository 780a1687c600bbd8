"""kie.ai's jobs API: the requests, and the meaning of each answer."""

import json

import pytest

from bot.model import Backend, ClosedCause, FailReason, SongRequest, TakeDetails, TaskId, Voice
from bot.music import backends, wire
from bot.music.kie import Kie
from tests import make
from tests.fuzz.answers import examine_kie

ORIGIN = "https://api.kie.ai:443"
AUDIO = "https://tempfile.aiquickdraw.com/r/a1.mp3"


def request(**changes: object) -> SongRequest:
    return make.custom(model="V6", **changes)


def sent(song: SongRequest, **options: object) -> object:
    return Kie(options=options).body(song)["input"]


def submitted(status: int = 200, words: tuple[str, ...] = (), **body: object) -> wire.Submitted:
    return Kie().read_submitted(status, json.dumps(body).encode(), words, None)


def checked(status: int = 200, **body: object) -> wire.Checked | wire.Busy:
    return Kie().read_checked(status, json.dumps(body).encode(), ORIGIN)


def record(state: str, **fields: object) -> wire.Checked | wire.Busy:
    return checked(code=200, msg="success", data={"taskId": "281e", "state": state, **fields})


# -- requests


def test_a_prompt_is_sent_alone() -> None:
    body = Kie(options={"style_weight": 0.6}).body(make.prompt("Warm synth pop", model="V6"))

    assert {
        "model": "ai-music-api/generate",
        "input": {"custom_mode": False, "instrumental": False, "model": "V6", "prompt": "Warm synth pop"},
    } == body


def test_a_prompt_states_exclusions_in_words() -> None:
    body = Kie().body(make.prompt("rain", model="V6", avoid="drums"))

    assert {
        "model": "ai-music-api/generate",
        "input": {
            "custom_mode": False,
            "instrumental": False,
            "model": "V6",
            "prompt": "rain\nAvoid: drums",
        },
    } == body


def test_a_custom_song_names_its_duration() -> None:
    assert {
        "custom_mode": True,
        "instrumental": False,
        "model": "V6",
        "title": "Neon Rain",
        "style": "synthwave",
        "lyrics": "City lights and midnight rain",
        "vocal_gender": "f",
        "negative_tags": "metal",
        "duration": 180,
    } == sent(request(voice=Voice.FEMALE, avoid="metal"))


@pytest.mark.parametrize(
    ("request_", "options", "duration"),
    [
        (request(duration_s=45), {}, 45),
        (request(duration_s=45), {"duration": 60}, 45),
        (request(), {"duration": 60}, 60),
        (request(instrumental=True), {}, 180),
        (make.custom(model="V5_5", duration_s=300), {}, 300),
        (make.custom(model="V5", duration_s=300), {}, None),
        (make.prompt("rain", model="V6"), {"duration": 60}, None),
    ],
)
def test_a_chosen_duration_wins_and_is_only_sent_where_supported(
    request_: SongRequest, options: dict[str, int], duration: int | None
) -> None:
    fields = sent(request_, **options)

    assert isinstance(fields, dict)
    assert duration == fields.get("duration")


def test_an_instrumental_request_has_neither_lyrics_nor_a_voice() -> None:
    fields = sent(request(instrumental=True, voice=Voice.MALE))

    assert isinstance(fields, dict)
    assert not {"lyrics", "prompt", "vocal_gender"} & set(fields)


@pytest.mark.parametrize(("model", "field"), [("V6_MINI", "lyrics"), ("V5", "prompt"), ("V4_5", "prompt")])
def test_each_model_gets_its_lyrics_under_one_name(model: str, field: str) -> None:
    fields = sent(make.custom(model=model))

    assert isinstance(fields, dict)
    assert {field} == {"lyrics", "prompt"} & set(fields)


def test_a_members_options_override_the_operators() -> None:
    fields = sent(request(avoid="metal"), title="no", negative_tags="jazz", duration=60, style_weight=0.5)

    assert isinstance(fields, dict)
    assert [
        "Neon Rain",
        "jazz, metal",
        60,
        0.5,
    ] == [fields[name] for name in ("title", "negative_tags", "duration", "style_weight")]


def test_a_task_id_is_quoted() -> None:
    assert "/api/v1/jobs/recordInfo?taskId=a%20b%26c" == Kie().task_path(TaskId("a b&c"))


@pytest.mark.parametrize(("length", "kept"), [(30, True), (1_500, True), (2_048, True), (2_049, False)])
def test_a_pictures_address_is_complete_or_left_out(length: int, kept: bool) -> None:
    image = "https://img.example/".ljust(length, "a")
    song = {"audio_url": AUDIO, "image_url": image}

    answer = record("success", resultJson=json.dumps({"data": [song]}))

    assert isinstance(answer, wire.Done)
    assert [image if kept else ""] == [take.image_url for take in answer.details]


@pytest.mark.parametrize("message", [None, 5, {"a": 1}, ["x"], True])
def test_a_failure_without_a_message_shows_none(message: object) -> None:
    assert wire.Rejected(FailReason.UPSTREAM_FAILED, "") == record("fail", failMsg=message)


def test_a_failed_task_with_audio_is_delivered() -> None:
    songs = {"data": [{"id": "a1", "audio_url": AUDIO}]}

    assert wire.Done((AUDIO,)) == record("fail", failMsg="late", resultJson=json.dumps(songs))


# -- the answer to the POST


def test_a_task_id_means_accepted() -> None:
    assert wire.Accepted(TaskId("281e")) == submitted(code=200, data={"taskId": "281e", "recordId": "x"})


@pytest.mark.parametrize("code", [0, 201, "200", "0", 200.0, "success", None])
def test_a_task_id_next_to_any_code_but_an_error_means_accepted(code: object) -> None:
    assert wire.Accepted(TaskId("281e")) == submitted(code=code, data={"taskId": "281e"})


@pytest.mark.parametrize(
    ("code", "cause"),
    [(401, ClosedCause.BAD_KEY), (402, ClosedCause.NO_CREDITS), (433, ClosedCause.NO_CREDITS)],
)
@pytest.mark.parametrize("status", [200, 403, 500])
def test_codes_about_the_account_close_the_service(code: int, cause: ClosedCause, status: int) -> None:
    answer = submitted(status, code=code, msg="no")

    assert isinstance(answer, wire.Rejected)
    assert (FailReason.CLOSED, cause) == (answer.reason, answer.closed)


@pytest.mark.parametrize("code", [400, 404, 409, 413, 422, 451, 501, 505, 531])
@pytest.mark.parametrize("message", ["no", "not found", "credits refunded", "coming soon", "balance"])
def test_a_refusal_in_the_body_concerns_only_this_request(code: int, message: str) -> None:
    assert wire.Rejected(FailReason.REFUSED, message) == submitted(code=code, msg=message)


@pytest.mark.parametrize("code", [400, 422, 451, 531])
def test_moderation_is_recognised_by_its_words(code: int) -> None:
    message = "Lyrics contained copyrighted material."

    assert wire.Rejected(FailReason.MODERATED, message) == submitted(code=code, msg=message)


def test_the_members_words_are_not_mistaken_for_moderation() -> None:
    message = "Too short: a song about copyright law"

    answer = submitted(code=422, msg=message, words=("a song about copyright law",))

    assert wire.Rejected(FailReason.REFUSED, message) == answer


@pytest.mark.parametrize("code", [429, 430, 455])
def test_limits_and_maintenance_are_busy(code: int) -> None:
    assert wire.Busy("later") == submitted(code=code, msg="later")


@pytest.mark.parametrize(
    "message", ["This field is required", "It is not within the range of allowed options"]
)
def test_a_validation_error_sent_as_500_is_a_refusal(message: str) -> None:
    assert wire.Rejected(FailReason.REFUSED, message) == submitted(code=500, msg=message)


@pytest.mark.parametrize("body", [{"code": 500, "msg": "Server error"}, {"code": 999}, {"code": 200}, {}])
def test_everything_else_leaves_the_outcome_open(body: dict[str, object]) -> None:
    assert isinstance(Kie().read_submitted(200, json.dumps(body).encode(), (), None), wire.Unknown)


@pytest.mark.parametrize("status", [200, 404, 500, 502])
def test_a_page_leaves_the_outcome_open(status: int) -> None:
    assert isinstance(Kie().read_submitted(status, b"<html>Not found</html>", (), None), wire.Unknown)


# -- the answer to a status query


@pytest.mark.parametrize("state", ["waiting", "queuing", "generating"])
def test_a_task_runs(state: str) -> None:
    assert wire.Running() == record(state)


def test_an_unknown_state_runs_and_is_named() -> None:
    assert wire.Running("dreaming") == record("Dreaming")


def test_a_success_has_its_takes_and_its_cost() -> None:
    songs = [
        {"id": "a1", "audio_url": AUDIO, "stream_audio_url": "https://musicfile.kie.ai/x", "title": "T",
         "image_url": "https://img.example/a1.jpg", "duration": 28.6},
        {"id": "a2", "audio_url": AUDIO.replace("a1", "a2")},
    ]  # fmt: skip

    answer = record("success", creditsConsumed=12, resultJson=json.dumps({"code": 200, "data": songs}))

    assert isinstance(answer, wire.Done)
    assert ((AUDIO, AUDIO.replace("a1", "a2")), 12.0) == (answer.urls, answer.cost_credits)
    assert (
        TakeDetails(
            url=AUDIO, upstream_id="a1", title="T", image_url="https://img.example/a1.jpg", duration_s=28.6
        )
        == answer.details[0]
    )


@pytest.mark.parametrize(
    "result",
    [
        {"resultUrls": [AUDIO]},
        {"data": {"data": [{"audioUrl": AUDIO}]}},
        {"data": {"sunoData": [{"audio_url": AUDIO}]}},
        {"data": [{"audio_url": AUDIO}]},
    ],
)
def test_every_shape_of_a_result_is_read(result: object) -> None:
    answer = record("success", resultJson=json.dumps(result))

    assert isinstance(answer, wire.Done)
    assert (AUDIO,) == answer.urls


@pytest.mark.parametrize("result", ["", None, "no json", "[]", json.dumps({"data": None})])
def test_a_success_without_audio_is_empty_and_queried_again(result: object) -> None:
    answer = record("success", resultJson=result)

    assert not isinstance(answer, wire.Rejected)
    assert () == getattr(answer, "urls", ())


def test_a_failure_is_reported_with_its_reason() -> None:
    answer = record("fail", failCode="501", failMsg="Generation Failed", resultJson="")

    assert wire.Rejected(FailReason.UPSTREAM_FAILED, "Generation Failed") == answer


@pytest.mark.parametrize("text", ["Description flagged for moderation", "contains an artist name"])
def test_a_moderated_failure_is_recognised(text: str) -> None:
    answer = record("fail", failCode=400, failMsg=text)

    assert wire.Rejected(FailReason.MODERATED, text) == answer


def test_a_task_that_does_not_exist_yet_is_not_found() -> None:
    assert wire.NotFound() == checked(code=422, msg="recordInfo is null", data=None)


def test_a_refused_key_says_nothing_about_the_task() -> None:
    answer = checked(code=401, msg="Unauthorized")

    assert isinstance(answer, wire.Rejected)
    assert ClosedCause.BAD_KEY is answer.closed


# -- money, and the registry


@pytest.mark.parametrize(
    ("body", "balance"),
    [
        ({"code": 200, "data": 987.6}, 987.6),
        ({"code": 200, "data": 0}, 0.0),
        ({"code": 200, "data": -0.4}, -0.4),
        ({"code": 200, "data": "987"}, None),
        ({"code": 200, "data": True}, None),
        ({"code": 401, "data": 5}, None),
        ({}, None),
    ],
)
def test_the_balance_is_a_number_with_a_fraction(body: dict[str, object], balance: float | None) -> None:
    assert balance == Kie().read_balance(json.dumps(body).encode())


@pytest.mark.parametrize("backend", Backend)
def test_each_service_offers_models_that_it_sells(backend: Backend) -> None:
    contract = backends.contract(backend, provider="kie", options={})
    offer = backends.OFFERS[backend]

    assert backend == contract.backend
    assert set(offer.models) <= set(contract.models)
    assert not set(offer.models) & contract.retired_models


@pytest.mark.parametrize("word", ["success", "finished", "SUCCEEDED", "ok", "done"])
def test_a_success_under_another_word_is_read(word: str) -> None:
    result = json.dumps({"data": [{"audio_url": "https://files.example/1.mp3"}]})
    answer = {"code": 200, "data": {"taskId": "t", "state": word, "resultJson": result}}

    checked = Kie().read_checked(200, json.dumps(answer).encode(), "https://api.kie.ai:443")

    assert wire.Done(("https://files.example/1.mp3",)) == checked


@pytest.mark.parametrize(
    "answer", [{"taskId": "t-1234567"}, {"data": {"taskId": "t-1234567"}}, {"data": "t-1234567"}]
)
def test_a_paid_task_is_read_from_an_answer_without_a_code(answer: object) -> None:
    submitted = Kie().read_submitted(200, json.dumps(answer).encode(), (), None)

    assert wire.Accepted(TaskId("t-1234567")) == submitted


def test_an_error_without_a_code_names_no_task() -> None:
    answer = {"error": {"message": "busy"}, "taskId": "t-1234567"}

    submitted = Kie().read_submitted(200, json.dumps(answer).encode(), (), None)

    assert isinstance(submitted, wire.Unknown)


@pytest.mark.parametrize("first", range(0, 300, 20))
def test_random_answers_are_read_without_a_mistake(first: int) -> None:
    assert [] == [problem for seed in range(first, first + 20) for problem in examine_kie(seed)]


def test_a_balance_of_any_size_is_read() -> None:
    assert None is Kie().read_balance(b'{"code": 200, "data": 1' + b"0" * 400 + b"}")
