"""The stand-in as seen by a real discord.py client, or by a plain HTTP client where discord.py would wait."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from typing import TYPE_CHECKING, Any

import aiohttp
import discord as dpy
import pytest
import yarl
from discord import app_commands
from discord.gateway import DiscordWebSocket

from tests.doubles.discord import Answer, FakeDiscord, Impossible, Message, NoAnswerError, Upload
from tests.doubles.discord.faults import hang_up

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

MUSIC = "/channels/*/messages"


class Again(dpy.ui.DynamicItem[dpy.ui.Button[Any]], template=r"again:(?P<job>\d+)"):
    """A button that outlives the process."""

    def __init__(self, job: int) -> None:
        super().__init__(dpy.ui.Button(label="Again", custom_id=f"again:{job}"))
        self.job = job

    @classmethod
    async def from_custom_id(cls, _interaction: Any, _item: Any, match: Any, /) -> Again:  # noqa: ANN401
        """Rebuild the button from its id."""
        return cls(int(match["job"]))

    async def callback(self, interaction: dpy.Interaction[Any]) -> None:
        """Say which job it was."""
        await interaction.response.send_message(f"again {self.job}", ephemeral=True)


class Form(dpy.ui.Modal, title="Write a song"):
    """A form with every kind of field that the project uses."""

    words: dpy.ui.Label[Any] = dpy.ui.Label(
        text="Words",
        component=dpy.ui.TextInput(custom_id="words", max_length=200, default="la la"),
    )
    voice: dpy.ui.Label[Any] = dpy.ui.Label(
        text="Voice",
        component=dpy.ui.RadioGroup(
            custom_id="voice",
            options=[
                dpy.RadioGroupOption(label="High", value="high", default=True),
                dpy.RadioGroupOption(label="Low", value="low"),
            ],
        ),
    )
    file: dpy.ui.Label[Any] = dpy.ui.Label(
        text="Lyrics file",
        component=dpy.ui.FileUpload(custom_id="file", required=False),
    )

    async def on_submit(self, interaction: dpy.Interaction[Any]) -> None:
        """Repeat the submitted values."""
        words, voice, upload = self.words.component, self.voice.component, self.file.component
        assert isinstance(words, dpy.ui.TextInput)
        assert isinstance(voice, dpy.ui.RadioGroup)
        assert isinstance(upload, dpy.ui.FileUpload)
        text = [f"{one.filename} {one.size} {(await one.read()).decode()}" for one in upload.values]
        await interaction.response.send_message(f"{words.value}|{voice.value}|{text}")


class Music(app_commands.Group):
    """One command group."""

    def __init__(self) -> None:
        super().__init__(name="music", description="Songs")

    @app_commands.command(description="Ask for a song")
    @app_commands.describe(prompt="What about", loud="How")
    async def create(self, interaction: dpy.Interaction[Any], prompt: str, loud: bool = False) -> None:
        """Answer with a button."""
        view = dpy.ui.View(timeout=None)
        view.add_item(Again(7))
        roles = sorted(interaction.user._roles) if isinstance(interaction.user, dpy.Member) else []
        embed = dpy.Embed(
            title=prompt, description=f"{loud} {roles} {interaction.app_permissions.attach_files}"
        )
        await interaction.response.send_message(
            f"queued for {interaction.user.mention}", embed=embed, view=view
        )

    @app_commands.command(description="Fill in a form")
    async def form(self, interaction: dpy.Interaction[Any]) -> None:
        """Open the form."""
        await interaction.response.send_modal(Form())

    @app_commands.command(description="Think first")
    async def think(self, interaction: dpy.Interaction[Any]) -> None:
        """Defer, edit, follow up."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        await interaction.edit_original_response(content="thought")
        await interaction.followup.send("more", ephemeral=True)

    @app_commands.command(description="Say nothing")
    async def silent(self, _interaction: dpy.Interaction[Any]) -> None:
        """Do not answer."""

    @app_commands.command(description="Choose a style")
    async def style(self, interaction: dpy.Interaction[Any], name: str) -> None:
        """Answer with the choice."""
        await interaction.response.send_message(name, ephemeral=True)

    @style.autocomplete("name")
    async def _styles(
        self, _interaction: dpy.Interaction[Any], current: str
    ) -> list[app_commands.Choice[str]]:
        return [
            app_commands.Choice(name=one, value=one)
            for one in ("jazz", "jungle", "pop")
            if one.startswith(current)
        ]


class Bot(dpy.AutoShardedClient):
    """A small bot structured like the project's."""

    def __init__(self) -> None:
        super().__init__(intents=dpy.Intents.none(), allowed_mentions=dpy.AllowedMentions.none())
        self.tree = app_commands.CommandTree(self)
        self.tree.add_command(Music())
        self.add_dynamic_items(Again)

    async def setup_hook(self) -> None:
        """Register the commands."""
        await self.tree.sync()

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Identify at once, where discord.py would sleep for 5 s."""


@contextlib.asynccontextmanager
async def running(fake: FakeDiscord) -> AsyncIterator[Bot]:
    """Run the bot against the stand-in until the block ends."""
    bot = Bot()
    task = asyncio.create_task(bot.start(fake.token))
    try:
        await fake.until_connected()
        yield bot
    finally:
        await bot.close()
        await asyncio.wait_for(task, 2)


@pytest.fixture
async def fake(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeDiscord]:
    """Return a stand-in to which discord.py connects."""
    async with FakeDiscord() as stand_in:
        monkeypatch.setattr(dpy.http.Route, "BASE", stand_in.url)
        monkeypatch.setattr(DiscordWebSocket, "DEFAULT_GATEWAY", yarl.URL(stand_in.gateway_url))
        yield stand_in
        assert [] == stand_in.unknown_routes


@pytest.fixture
async def http(fake: FakeDiscord) -> AsyncIterator[aiohttp.ClientSession]:
    """Return a plain client with the bot's token."""
    async with aiohttp.ClientSession(headers={"Authorization": f"Bot {fake.token}"}) as session:
        yield session


async def post(
    http: aiohttp.ClientSession,
    fake: FakeDiscord,
    *,
    files: list[bytes] | None = None,
    **payload: object,
) -> tuple[int, Any]:
    """Create a message with the plain client."""
    url = f"{fake.url}/channels/{fake.channel.id}/messages"
    if files is None:
        sent = http.post(url, json=payload)
    else:
        form = aiohttp.FormData(quote_fields=False)
        form.add_field("payload_json", json.dumps(payload))
        for number, data in enumerate(files):
            form.add_field(f"files[{number}]", data, filename=f"song-{number}.mp3")
        sent = http.post(url, data=form)
    async with sent as response:
        return response.status, await response.json()


async def test_a_slash_command_is_answered_and_its_button_works_after_a_restart(fake: FakeDiscord) -> None:
    mira = fake.add_person("mira", roles=[42])
    async with running(fake):
        answer = await fake.slash("music create", prompt="rain", loud=True, user=mira)

    assert 4 == answer.type
    assert fake.messages[0] is answer.message
    assert f"queued for {mira.mention}" == answer.content
    assert set() == answer.message.pings
    assert "rain" == answer.embeds[0]["title"]
    assert "True [42] True" == answer.embeds[0]["description"]
    assert not answer.ephemeral
    assert ["Again"] == answer.message.labels()
    assert 0 < answer.elapsed_s < 1

    async with running(fake):
        pressed = await fake.click(answer, "Again")

    assert ("again 7", True, None) == (pressed.content, pressed.ephemeral, pressed.message)
    assert 2 == fake.command_puts
    assert 2 == len(fake.gateway.identifies)


async def test_a_form_goes_out_and_comes_back_with_its_file(fake: FakeDiscord) -> None:
    async with running(fake):
        form = await fake.slash("music form")
        answer = await fake.submit(form, {"words": "oh my", "Lyrics file": ("a.txt", b"hello")})
        untouched = await fake.submit(await fake.slash("music form"), {"voice": "low"})

        assert form.modal is not None
        assert "Write a song" == form.modal["title"]
        assert "oh my|high|['a.txt 5 hello']" == answer.content
        assert "la la|low|[]" == untouched.content
        with pytest.raises(Impossible):
            fake.submit_payload(form, {"words": "x" * 201})
        with pytest.raises(Impossible):
            fake.submit_payload(form, {"voice": "nobody's"})
        assert [None] == [one.authorization for one in fake.requests if one.path.startswith("/cdn/")]


async def test_thinking_an_edit_and_a_followup_belong_to_one_answer(fake: FakeDiscord) -> None:
    async with running(fake):
        answer = await fake.slash("music think")
        await fake.until(lambda: answer.followups)

    assert 5 == answer.type
    assert answer.ephemeral
    assert "thought" == answer.content
    assert ["more"] == [one.content for one in answer.followups]
    assert [] == fake.messages


async def test_choices_are_offered_while_typing(fake: FakeDiscord) -> None:
    async with running(fake):
        choices = await fake.autocomplete("music style", "name", "j")
        answer = await fake.slash("music style", name="jazz", channel=fake.dm(fake.user))

    assert ["jazz", "jungle"] == [one["value"] for one in choices]
    assert "jazz" == answer.content


async def test_actions_that_a_client_would_not_send_are_impossible(fake: FakeDiscord) -> None:
    async with running(fake):
        for wrong in ({}, {"prompt": "x", "volume": 3}):
            with pytest.raises(Impossible):
                await fake.slash("music create", options=wrong)
        with pytest.raises(Impossible):
            await fake.slash("music destroy")


async def test_no_answer_and_a_late_answer_raise(fake: FakeDiscord) -> None:
    async with running(fake):
        with pytest.raises(NoAnswerError):
            await fake.slash("music silent", timeout_s=0.1)
        fake.answer_deadline_s = 0.0
        with pytest.raises(NoAnswerError, match="10062"):
            await fake.slash("music style", name="pop")


async def test_the_same_event_twice_is_refused_once(fake: FakeDiscord) -> None:
    async with running(fake):
        payload = fake.click_payload(fake.say("a button?"), "again:7", unchecked=True)
        payload["message"]["components"] = [
            {
                "type": 1,
                "id": 1,
                "components": [{"type": 2, "id": 2, "style": 1, "custom_id": "again:7", "label": "A"}],
            },
        ]
        assert 1 == await fake.dispatch(payload)
        assert 1 == await fake.dispatch(payload)
        answer = await fake.answer_to(payload)
        await fake.until(lambda: answer.interaction.refusals)

    assert "again 7" == answer.content
    assert [40060] == answer.interaction.refusals


async def test_a_file_with_a_nonce_is_posted_once(fake: FakeDiscord) -> None:
    async with running(fake) as bot:
        channel = bot.get_partial_messageable(fake.channel.id, guild_id=fake.guild.id)
        card = await channel.send("card")
        sent = [
            await channel.send(
                f"{fake.user.mention} ready",
                file=dpy.File(__file__, "neon.mp3"),
                nonce="n1",
                reference=dpy.MessageReference(
                    message_id=card.id, channel_id=channel.id, fail_if_not_exists=False
                ),
                allowed_mentions=dpy.AllowedMentions(users=[dpy.Object(fake.user.id)], replied_user=False),
            )
            for _ in range(2)
        ]
        history = [one.content async for one in channel.history(limit=10)]
        since = [one.id async for one in channel.history(after=card)]
        await sent[0].delete()
        with pytest.raises(dpy.NotFound) as gone:
            await channel.send("again", nonce="n1")

    assert sent[0].id == sent[1].id
    message = fake.messages[1]
    assert {fake.user.id} == message.pings
    assert ["neon.mp3"] == [one.filename for one in message.attachments]
    assert message.attachments[0].size_bytes == sent[0].attachments[0].size
    assert message.message_reference is not None
    assert [f"{fake.user.mention} ready", "card"] == history
    assert [message.id] == since
    assert 10008 == gone.value.code
    assert message.deleted
    assert ["card"] == [one.content for one in fake.posted()]


async def test_a_direct_message_reaches_a_person_or_not(fake: FakeDiscord) -> None:
    async with running(fake) as bot:
        user = await bot.fetch_user(fake.user.id)
        await user.send("hello")
        fake.user.accepts_dms = False
        with pytest.raises(dpy.Forbidden) as closed:
            await user.send("hello?")

    assert 50007 == closed.value.code
    assert ["hello"] == [one.content for one in fake.posted(fake.dm(fake.user))]


async def test_discord_py_waits_out_a_429_and_reads_channels_and_servers(fake: FakeDiscord) -> None:
    thread = fake.add_channel("a thread", thread_of=fake.channel)
    async with running(fake) as bot:
        one = fake.fault("POST", MUSIC, 429, retry_after_s=0.02)
        everywhere = fake.fault("POST", MUSIC, 429, retry_after_s=0.02, is_global=True)
        await bot.get_partial_messageable(fake.channel.id).send("patient")
        channel = await bot.fetch_channel(thread.id)
        guild = await bot.fetch_guild(fake.guild.id)
        info = await bot.application_info()

    assert (1, 1) == (one.hits, everywhere.hits)
    assert ["patient"] == [m.content for m in fake.posted()]
    assert isinstance(channel, dpy.Thread)
    assert fake.guild.name == guild.name
    assert fake.application_id == info.id


async def test_the_gateway_is_resumed_after_a_drop_and_nothing_is_lost(fake: FakeDiscord) -> None:
    async with running(fake):
        payload = fake.payload(2, _command("style", name="pop"))
        await fake.drop_gateway()
        await fake.until(lambda: not fake.gateway.listening(fake.guild.id))
        await fake.dispatch(payload)
        answer = await fake.answer_to(payload)

    assert "pop" == answer.content
    assert 1 == len(fake.gateway.resumes)


async def test_an_invalid_session_is_followed_by_a_new_identify(fake: FakeDiscord) -> None:
    async with running(fake):
        await fake.invalidate_session()
        await fake.until(lambda: len(fake.gateway.identifies) == 2)
        assert "pop" == (await fake.slash("music style", name="pop")).content
        await fake.gateway.ask_to_reconnect()
        await fake.until(lambda: len(fake.gateway.resumes) == 1)


async def test_a_revoked_token_ends_the_client(fake: FakeDiscord) -> None:
    bot = Bot()
    task = asyncio.create_task(bot.start(fake.token))
    await fake.until_connected()
    await fake.revoke_token()
    with pytest.raises(dpy.ConnectionClosed) as closed:
        await asyncio.wait_for(task, 2)
    async with Bot() as second:
        with pytest.raises(dpy.LoginFailure):
            await second.login(fake.token)

    assert 4004 == closed.value.code


@pytest.mark.parametrize(
    ("kind", "raised", "stored"),
    [
        ("reset before", aiohttp.ClientOSError, 0),
        ("reset after", aiohttp.ClientOSError, 1),
        ("close before", aiohttp.ServerDisconnectedError, 0),
        ("close after", aiohttp.ServerDisconnectedError, 1),
        ("hang", TimeoutError, 1),
        ("hang before", TimeoutError, 0),
    ],
)
async def test_connections_fail_as_ordered(
    fake: FakeDiscord,
    http: aiohttp.ClientSession,
    kind: str,
    raised: type[Exception],
    stored: int,
) -> None:
    fault = fake.fault("POST", MUSIC, kind)
    sending = asyncio.create_task(post(http, fake, content="x", nonce="1", enforce_nonce=True))
    await fake.until(lambda: fault.hits == 1)

    with pytest.raises(raised):
        await asyncio.wait_for(sending, 0.1 if raised is TimeoutError else 5.0)
    assert (1, stored) == (fault.hits, len(fake.posted()))

    assert 200 == (await post(http, fake, content="x", nonce="1", enforce_nonce=True))[0]
    assert 1 == len(fake.posted())


@pytest.mark.parametrize("status", [500, 502, 503, 504, 403, 404, 413, 429])
async def test_an_ordered_status_is_answered(
    fake: FakeDiscord, http: aiohttp.ClientSession, status: int
) -> None:
    fake.fault("POST", MUSIC, status, code=12345, stored=status == 502)
    async with http.post(
        f"{fake.url}/channels/{fake.channel.id}/messages", json={"content": "x"}
    ) as response:
        assert status == response.status
        if status in {403, 404, 413, 429}:
            assert "application/json" == response.headers["Content-Type"]
            assert 12345 == (await response.json())["code"]
        assert (status == 429) == ("Via" in response.headers)
    assert (1 if status == 502 else 0) == len(fake.posted())


async def test_an_ordered_delay_is_observed(fake: FakeDiscord, http: aiohttp.ClientSession) -> None:
    fake.fault("*", MUSIC, "delay 0.05", skip=1)
    await post(http, fake, content="first")
    begun = time.monotonic()
    await post(http, fake, content="second")

    assert time.monotonic() - begun >= 0.05
    with pytest.raises(ValueError, match="explode"):
        fake.fault("*", "*", "explode")


def _no_access(fake: FakeDiscord) -> None:
    fake.channel.bot_permissions = 0


def _read_only(fake: FakeDiscord) -> None:
    fake.channel.bot_permissions = 1 << 10


def _kicked(fake: FakeDiscord) -> None:
    fake.guild.bot_is_member = False


def _deleted(fake: FakeDiscord) -> None:
    fake.channel.deleted = True


def _locked(fake: FakeDiscord) -> None:
    fake.channel.archived = fake.channel.locked = True


def _small(fake: FakeDiscord) -> None:
    fake.attachment_limit_bytes = 3


def _as_before(_fake: FakeDiscord) -> None:
    pass


@pytest.mark.parametrize(
    ("change", "payload", "refused"),
    [
        (_no_access, {"content": "x"}, (403, 50001)),
        (_read_only, {"content": "x"}, (403, 50013)),
        (_kicked, {"content": "x"}, (403, 50001)),
        (_deleted, {"content": "x"}, (404, 10003)),
        (_locked, {"content": "x"}, (400, 50083)),
        (_small, {"content": "x", "files": [b"four"]}, (413, 40005)),
        (_as_before, {}, (400, 50006)),
        (_as_before, {"content": "x" * 2001}, (400, 50035)),
        (_as_before, {"content": "x", "nonce": "n" * 26}, (400, 50035)),
        (_as_before, {"embeds": [{"title": "x" * 257}]}, (400, 50035)),
        (_as_before, {"content": "x", "message_reference": {"message_id": "5"}}, (400, 50035)),
    ],
)
async def test_requests_that_discord_rejects_are_rejected(
    fake: FakeDiscord,
    http: aiohttp.ClientSession,
    change: Callable[[FakeDiscord], None],
    payload: dict[str, Any],
    refused: tuple[int, int],
) -> None:
    change(fake)
    status, body = await post(http, fake, **payload)

    assert refused == (status, body["code"])
    assert [] == fake.messages


async def test_files_arrive_whole_and_can_be_fetched(fake: FakeDiscord, http: aiohttp.ClientSession) -> None:
    songs = [bytes(range(256)) * 4 + b"\r\n", b"\r\n--x\r\n"]
    _, body = await post(http, fake, files=songs, content="two", attachments=[{"id": 1, "filename": "b.mp3"}])

    stored = fake.messages[0].attachments
    assert [one.data for one in stored] == songs
    assert ["song-0.mp3", "b.mp3"] == [one.filename for one in stored]
    for sent, song in zip(body["attachments"], songs, strict=True):
        async with http.get(sent["url"]) as response:
            assert song == await response.read()
            assert "audio/mpeg" == response.headers["Content-Type"]


async def test_history_is_newest_first_and_bounded(fake: FakeDiscord, http: aiohttp.ClientSession) -> None:
    said = [fake.say(str(number)) for number in range(6)]
    url = f"{fake.url}/channels/{fake.channel.id}/messages"
    found = []
    for query in (
        {"limit": 2},
        {"limit": 2, "before": said[2].id},
        {"limit": 2, "after": said[2].id},
        {"limit": 2, "around": said[2].id},
    ):
        async with http.get(url, params=query) as response:
            found.append("".join(one["content"] for one in await response.json()))
    fake.channel.bot_permissions = 1 << 10
    async with http.get(url) as response:
        assert [] == await response.json()

    assert ["54", "10", "43", "21"] == found


async def test_interaction_tokens_end_and_unknown_routes_are_recorded(
    fake: FakeDiscord,
    http: aiohttp.ClientSession,
) -> None:
    async with running(fake):
        answer = await fake.slash("music style", name="pop")
    hook = f"{fake.url}/webhooks/{fake.application_id}/{answer.interaction.token}"
    async with http.patch(f"{hook}/messages/@original", json={"content": "edited"}) as response:
        assert 200 == response.status
    fake.token_lifetime_s = 0
    async with http.post(hook, json={"content": "late"}) as response:
        assert (401, 50027) == (response.status, (await response.json())["code"])
    async with http.get(f"{fake.url}/no/such/route") as response:
        assert 404 == response.status
    async with http.get(f"{fake.url}/users/@me", headers={"Authorization": "Bot other"}) as response:
        assert 401 == response.status

    assert "edited" == answer.content
    assert ["GET /no/such/route"] == fake.unknown_routes
    fake.unknown_routes.clear()


async def test_an_incoming_webhook_takes_a_message(fake: FakeDiscord, http: aiohttp.ClientSession) -> None:
    async with http.post(fake.add_webhook(), json={"content": "alert"}) as response:
        assert 204 == response.status

    assert [("alert", "webhook")] == [(one.content, one.via) for one in fake.messages]


async def test_discord_goes_down_and_comes_back_on_the_same_port(
    fake: FakeDiscord,
    http: aiohttp.ClientSession,
) -> None:
    await post(http, fake, content="before")
    before = fake.url
    await fake.go_down()
    with pytest.raises(aiohttp.ClientConnectionError):
        await post(http, fake, content="while down")
    await fake.come_back()
    await post(http, fake, content="after")

    assert fake.url == before
    assert ["before", "after"] == [one.content for one in fake.messages]


async def test_a_refused_gateway_makes_waiting_time_out(
    fake: FakeDiscord, http: aiohttp.ClientSession
) -> None:
    fake.refuse_gateway()
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await http.ws_connect(fake.gateway_url)
    fake.refuse_gateway(refuse=False)
    async with http.ws_connect(fake.gateway_url) as socket:
        assert 10 == (await socket.receive_json())["op"]
        await socket.send_json({"op": 6, "d": {"token": fake.token, "session_id": "gone", "seq": 1}})
        assert {"op": 9, "d": False} == await socket.receive_json()
    with pytest.raises(AssertionError, match="a wonder did not happen"):
        await fake.until(lambda: False, 0.05, "a wonder")


@pytest.mark.parametrize("sent", ["event", "invalid session", "reconnect", "close"])
async def test_whatever_is_sent_to_a_killed_client_is_lost_without_an_error(
    fake: FakeDiscord, http: aiohttp.ClientSession, sent: str
) -> None:
    async with http.ws_connect(fake.gateway_url) as socket:
        await socket.send_json({"op": 2, "d": {"token": fake.token}})
        await fake.until(lambda: fake.gateway.sessions)
        (session,) = fake.gateway.sessions.values()
        hang_up(session.transport, reset=True)
        # The stand-in has not noticed yet: its own task runs at the next await.
        assert session.connected
        match sent:
            case "event":
                assert 0 == await fake.gateway.send("MESSAGE_DELETE", {}, None)
            case "invalid session":
                await fake.invalidate_session()
            case "reconnect":
                await fake.gateway.ask_to_reconnect()
            case _:
                await fake.gateway.drop(code=4000)
        await fake.until(lambda: not session.connected)


def test_ids_grow_and_carry_their_time(fake: FakeDiscord) -> None:
    ids = [fake.snowflakes.new() for _ in range(50)]

    assert ids == sorted(set(ids))
    assert abs(dpy.utils.snowflake_time(ids[-1]).timestamp() - time.time()) < 1


def test_the_exported_names_are_those_that_tests_use() -> None:
    assert Answer.__doc__
    assert Message.__doc__
    assert Upload("a.txt", b"").claimed_size_bytes is None


def _command(subcommand: str, **options: str) -> dict[str, Any]:
    filled = [{"name": key, "type": 3, "value": value} for key, value in options.items()]
    return {
        "id": "1",
        "name": "music",
        "type": 1,
        "options": [{"name": subcommand, "type": 1, "options": filled}],
    }


async def test_a_bot_killed_in_the_middle_of_an_upload_posts_nothing(
    fake: FakeDiscord, caplog: pytest.LogCaptureFixture
) -> None:
    _, writer = await asyncio.open_connection(fake.host, fake.port)
    head = (
        f"POST /api/v10/channels/{fake.channel.id}/messages HTTP/1.1\r\nHost: x\r\n"
        f"Authorization: Bot {fake.token}\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n"
    )
    writer.write(head.encode() + b'{"content": ')
    await writer.drain()
    await asyncio.sleep(0.02)
    writer.transport.abort()
    await asyncio.sleep(0.02)

    assert [] == fake.messages
    assert [] == fake.requests
    assert [] == [one.getMessage() for one in caplog.records]


async def test_requests_hanging_when_discord_goes_down_have_no_effect(
    fake: FakeDiscord, http: aiohttp.ClientSession
) -> None:
    fake.fault("POST", MUSIC, "hang before")
    sending = asyncio.create_task(post(http, fake, content="x"))
    await fake.until(lambda: fake.requests)
    await fake.go_down()
    with pytest.raises(aiohttp.ClientError):
        await sending

    assert [] == fake.messages
