"""The bot as members and managers see it, on the simulated Discord."""

import asyncio
import codecs

import discord
import pytest
import simcord

from bot.model import JobState
from bot.playground.world import World
from bot.store import jobs
from tests.flows.seen import WAIT_S, buttons, card_says, posted, said


def fields(**given: object) -> dict[str, object]:
    return {
        "title": "Neon Rain",
        "style": "synthwave",
        "lyrics": "City lights",
        "vocals": "with_vocals",
    } | given


async def test_a_prompt_becomes_a_song_that_mentions_who_asked(world: World) -> None:
    mia = world.add_member("Mia")

    result = await mia.slash(world.channel, "music create", prompt="Warm synth pop")
    (message,) = await posted(world)

    assert not result.ephemeral
    assert not result.deferred
    assert f"{mia.mention} your song is ready!" == message.content
    assert [
        "warm-synth-pop-1.mp3",
        "warm-synth-pop-2.mp3",
    ] == [attachment.filename for attachment in message.attachments]
    assert result.response is not None
    assert message.reference is not None
    assert message.reference.message_id == result.response.id


@pytest.mark.parametrize(
    ("typed", "body"),
    [
        (
            {},
            {"customMode": True, "title": "Neon Rain", "style": "synthwave", "lyrics": "City lights"}
            | {"instrumental": False},
        ),
        (
            {"vocals": "instrumental", "lyrics": ""},
            {"customMode": True, "title": "Neon Rain", "style": "synthwave", "instrumental": True},
        ),
        (
            {
                "lyrics": "",
                "lyrics_file": [("words.txt", codecs.BOM_UTF16_LE + "Städte".encode("utf-16-le"))],
            },
            {"customMode": True, "title": "Neon Rain", "style": "synthwave", "lyrics": "Städte"}
            | {"instrumental": False},
        ),
    ],
)
async def test_the_form_becomes_the_documented_request(
    world: World, typed: dict[str, object], body: dict[str, object]
) -> None:
    mia = world.add_member("Mia")
    form = await mia.slash(world.channel, "music custom")

    await mia.submit_modal(form, fields(**typed))
    await posted(world)

    assert [{"provider": "kie", "model": "V5"} | body] == world.sandbox.requests


BLANK = "\u200b\u3164\u2800\u00ad\ufe0f\U000e0020"


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [({"title": BLANK}, "title"), ({"style": BLANK}, "style"), ({"lyrics": BLANK}, "Lyrics are missing")],
)
async def test_a_form_with_an_invisible_text_is_refused(
    world: World, typed: dict[str, object], sentence: str
) -> None:
    mia = world.add_member("Mia")

    refused = await mia.submit_modal(await mia.slash(world.channel, "music custom"), fields(**typed))

    assert sentence in said(refused)
    assert "Nothing was charged" in said(refused)
    assert [] == world.sandbox.requests


async def test_an_invisible_prompt_is_refused(world: World) -> None:
    refused = await world.add_member("Mia").slash(world.channel, "music create", prompt=BLANK)

    assert "Nothing was charged" in said(refused)
    assert [] == world.sandbox.requests


async def test_line_breaks_from_forms_and_files_are_normalized(world: World) -> None:
    mia = world.add_member("Mia")
    lyrics = "one\r\ntwo\u2028three\rfour"

    await mia.submit_modal(await mia.slash(world.channel, "music custom"), fields(lyrics=lyrics))
    (song,) = await posted(world)
    form = await mia.click(song, label="Remix (10 credits)")

    assert "one\ntwo\nthree\nfour" == world.sandbox.requests[0]["lyrics"]
    assert form.modal is not None
    assert "one\ntwo\nthree\nfour" == form.modal["components"][2]["component"]["value"]


async def test_mentions_and_emoji_are_sung_by_their_names(world: World) -> None:
    ann, role = world.add_member("Ann"), world.guild.create_role("Band")
    lyrics = f"<@{ann.id}> <@!{ann.id}> <@&{role.id}> <#{world.channel.id}> <:pepe:123456789012345678> <@99>"

    await ann.submit_modal(await ann.slash(world.channel, "music custom"), fields(lyrics=lyrics))
    await posted(world)
    noah = world.add_member("Noah")
    await noah.slash(world.channel, "music create", prompt=f"A song for <@{ann.id}> in <#123456789012345678>")
    await posted(world, 2)

    assert [
        f"@Ann @Ann @Band #{world.channel.name} :pepe: @member",
        "A song for @Ann in #channel",
    ] == [world.sandbox.requests[0]["lyrics"], world.sandbox.requests[1]["prompt"]]


async def test_the_form_has_five_fields_with_labels(world: World) -> None:
    form = await world.add_member("Mia").slash(world.channel, "music custom")

    assert form.modal is not None
    assert [
        "Title",
        "Style",
        "Lyrics",
        "Lyrics file",
        "Vocals",
    ] == [label["label"] for label in form.modal["components"]]


async def test_two_members_fill_the_form_at_once_and_one_does_so_after_a_restart(world: World) -> None:
    mia, noah = world.add_member("Mia"), world.add_member("Noah")
    first = await mia.slash(world.channel, "music custom")
    second = await noah.slash(world.channel, "music custom")

    await noah.submit_modal(second, fields(title="Noah's"))
    await world.restart()
    await mia.submit_modal(first, fields(title="Mia's"))
    await posted(world, 2)

    assert ["Noah's", "Mia's"] == [body["title"] for body in world.sandbox.requests]


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ({"lyrics": ""}, "Lyrics are missing"),
        ({"lyrics_file": [("words.txt", b"x" * 5_001)]}, "5,001"),
        ({"lyrics_file": [("words.txt", b"")]}, "empty"),
        ({"lyrics_file": [("words.txt", b"x" * 33_000)]}, "5,000"),
        ({"lyrics_file": [("words.txt", b"\x00\xff\xfe\x81")]}, "not plain text"),
    ],
)
async def test_an_invalid_form_is_refused_privately_and_keeps_its_words(
    world: World, typed: dict[str, object], number: str
) -> None:
    mia = world.add_member("Mia")
    form = await mia.slash(world.channel, "music custom")

    refused = await mia.submit_modal(form, fields(**typed))
    await world.restart()
    assert refused.response is not None
    again = await mia.click(refused.response.message, label="Edit and try again")

    assert refused.ephemeral
    assert number in said(refused)
    assert again.modal is not None
    assert "Neon Rain" == again.modal["components"][0]["component"]["value"]
    assert "100 credits" in said(await mia.slash(world.channel, "music credits"))
    assert [] == world.sandbox.requests


async def test_lyrics_in_a_prompt_are_offered_the_form_filled_with_them(world: World) -> None:
    mia, prompt = world.add_member("Mia"), "City lights\n\nand midnight rain"
    offered = await mia.slash(world.channel, "music create", prompt=prompt)
    await world.restart()
    assert offered.response is not None

    form = await mia.click(offered.response.message, label="Open the form")
    await mia.submit_modal(form, fields(lyrics=prompt))
    await posted(world)

    assert offered.ephemeral
    assert said(offered).startswith("That reads like lyrics")
    assert form.modal is not None
    assert [None, None, prompt] == [one["component"].get("value") for one in form.modal["components"][:3]]
    assert [prompt] == [body["lyrics"] for body in world.sandbox.requests]


async def test_lyrics_too_long_for_the_field_are_kept_with_the_form(world: World) -> None:
    mia = world.add_member("Mia")
    form = await mia.slash(world.channel, "music custom")
    lyrics = "la " * 1_600

    refused = await mia.submit_modal(form, fields(style="x" * 1_000, lyrics_file=[("a.txt", b"x" * 5_001)]))
    assert refused.response is not None
    form = await mia.click(refused.response.message, label="Edit and try again")
    await mia.submit_modal(form, fields(lyrics="", lyrics_file=[("a.txt", lyrics.encode())]))
    await posted(world)

    assert world.sandbox.requests[0]["lyrics"] == lyrics.strip()


async def test_somebody_elses_draft_opens_nothing(world: World) -> None:
    mia, noah = world.add_member("Mia"), world.add_member("Noah")
    form = await mia.slash(world.channel, "music custom")
    refused = await mia.submit_modal(form, fields(lyrics=""))
    assert refused.response is not None
    stored = world.env.backend.get_message(world.channel.id, refused.response.id)
    stored.flags = 0  # as if he had got hold of it

    pressed = await noah.click(refused.response.message, label="Edit and try again")

    assert pressed.modal is None
    assert "no longer kept" in said(pressed)


async def test_the_card_ends_with_a_link_to_the_song(world: World) -> None:
    mia = world.add_member("Mia")

    await mia.slash(world.channel, "music create", prompt="Warm synth pop")
    (message,) = await posted(world)
    card = await card_says(world, "Done")

    link = f"https://discord.com/channels/{world.guild.id}/{world.channel.id}/{message.id}"
    assert f"🎵 **Warm synth pop** for {mia.mention} · Done · [Listen]({link})" == card.content
    assert ([], []) == (card.embeds, card.components)


async def test_a_failure_comes_with_a_button_that_makes_a_new_request(world: World) -> None:
    mia = world.add_member("Mia")
    await mia.slash(world.channel, "music create", prompt="goes wrong [fail]")
    (notice,) = await posted(world)

    await world.restart()
    await mia.click(notice, label="Try again")
    await posted(world, 2)

    assert "there is no song this time" in notice.content
    assert "Your 10 credits are back." in str(notice.embeds[0].description)
    assert 2 == world.sandbox.tasks_created
    assert "100 credits" in said(await mia.slash(world.channel, "music credits"))


async def test_pressing_try_again_repeatedly_retries_a_failure_once(world: World) -> None:
    mia = world.add_member("Mia")
    await mia.slash(world.channel, "music create", prompt="anything [fail]")
    (notice,) = await posted(world)

    pressed = [await mia.click(notice, label="Try again") for _ in range(2)]

    assert [False, True] == [shown.ephemeral for shown in pressed]
    assert said(pressed[1]).startswith("You have already tried that song again.")


async def test_an_undelivered_song_is_posted_on_request(world: World) -> None:
    mia, noah = world.add_member("Mia"), world.add_member("Noah")
    world.env.inject_error("POST", "/channels/*/messages", status=403, code=50013, times=2)
    await mia.slash(world.channel, "music create", prompt="anything")
    await card_says(world, "couldn't post this song")
    await world.restart()
    card = next(message for message in world.channel.history() if buttons(message))

    pressed = await noah.click(card, label="Post again")
    (message,) = await posted(world)
    await card_says(world, "Done")

    assert ("I'm posting it now.", True) == (said(pressed), pressed.ephemeral)
    assert [mia.id] == message.raw_mentions
    assert 2 == len(message.attachments)
    assert "90 credits" in said(await mia.slash(world.channel, "music credits"))


async def test_the_texts_of_a_song_are_shown_only_to_the_presser(world: World) -> None:
    mia, noah = world.add_member("Mia"), world.add_member("Noah")
    form = await mia.slash(world.channel, "music custom")
    await mia.submit_modal(form, fields(lyrics="City ``` lights"))
    (message,) = await posted(world)
    await world.restart()

    shown = await noah.click(message, label="Lyrics")

    assert shown.ephemeral
    assert "```\nCity ''' lights\n```" == said(shown)


async def test_a_closed_service_is_named_and_the_next_request_is_refused(world: World) -> None:
    mia = world.add_member("Mia")
    await mia.slash(world.channel, "music create", prompt="anything [closed]")
    (notice,) = await posted(world)

    refused = await mia.slash(world.channel, "music create", prompt="another")

    assert "The music service is not open yet. Your 10 credits are back." == notice.embeds[0].description
    assert ["Open the text", "Prompt"] == [one.label for one in buttons(notice)]
    assert refused.ephemeral
    assert said(refused).startswith("The music service is not open yet.")


async def test_only_managers_change_the_credits(world: World) -> None:
    ada, mia = world.add_member("Ada", manager=True), world.add_member("Mia")

    changed = await ada.slash(world.channel, "quota set", credits=20, period="day")
    granted = await ada.slash(world.channel, "quota grant", credits=15, reason="a good evening")
    taken = await ada.slash(world.channel, "quota grant", credits=-16, reason="too much")
    seen = await ada.slash(world.channel, "quota view")

    assert "100 a month → **20 a day**" in said(changed)
    assert "0 → **15 credits** (+15)" in said(granted)
    assert "from -15 to" in said(taken)
    assert "35 credits" in said(seen)
    assert "35 credits" in said(await mia.slash(world.channel, "music credits"))
    with pytest.raises(simcord.SetupError):
        await mia.slash(world.channel, "quota set", credits=1_000)


async def test_a_manager_without_the_permission_is_refused_when_the_command_runs(world: World) -> None:
    mia = world.add_member("Mia")
    commands = await world.parts.client.tree.fetch_commands()
    quota = next(command for command in commands if command.name == "quota")
    world.guild.set_command_permissions(quota, {mia: True})

    refused = await mia.slash(world.channel, "quota view")

    assert "Only members with the Manage Server permission can do that." == said(refused)


async def test_the_last_credits_are_spent_once_and_the_refusal_says_until_when(world: World) -> None:
    ada, mia = world.add_member("Ada", manager=True), world.add_member("Mia")
    await ada.slash(world.channel, "quota set", credits=15)

    await mia.slash(world.channel, "music create", prompt="one")
    refused = await mia.slash(world.channel, "music create", prompt="two")

    assert refused.ephemeral
    assert "A song costs 10 credits, and this server has 5 left. 10 of 15 credits a month are" in said(
        refused
    )
    assert "<t:" in said(refused)


async def test_a_channel_without_attachments_is_refused_by_permission_name(world: World) -> None:
    mia = world.add_member("Mia")
    everyone = world.guild.default_role
    channel = world.guild.create_text_channel(
        "no-files", overwrites={everyone: discord.PermissionOverwrite(attach_files=False)}
    )

    refused = await mia.slash(channel, "music create", prompt="anything")

    assert refused.ephemeral
    assert "**Attach Files**" in said(refused)


async def test_hostile_words_ping_nobody_and_format_nothing(world: World) -> None:
    mia = world.add_member("Mia")
    hostile = "@everyone <@&1> **bold** [x](https://evil.example) \u202eRTL Z\u0351\u0352\u0353\u0354algo\x00"

    form = await mia.slash(world.channel, "music custom")
    await mia.submit_modal(form, fields(title=hostile[:80], style=hostile, lyrics=hostile))
    (message,) = await posted(world)

    shown = str([embed.to_dict() for embed in message.embeds])
    assert [mia.id] == message.raw_mentions
    assert not message.mention_everyone
    assert "\u202e" not in shown
    assert "@everyone" not in shown
    assert "**bold**" not in shown


async def test_a_song_too_large_for_the_server_becomes_links(world: World) -> None:
    mia = world.add_member("Mia")
    world.env.inject_error("POST", "/channels/*/messages", status=413, code=40005, times=2)

    await mia.slash(world.channel, "music create", prompt="a long one")
    (message,) = await posted(world)

    assert [] == message.attachments
    assert ["Take 1", "Take 2"] == [button.label for button in buttons(message) if button.url]


async def test_commands_are_registered_again_only_when_they_have_changed(world: World) -> None:
    await world.restart()

    puts = [request for request in world.env.http_requests if request.path.endswith("/commands")]
    assert ["PUT"] == [request.method for request in puts]


async def test_a_request_that_is_answered_too_late_is_withdrawn(world: World) -> None:
    mia = world.add_member("Mia")
    world.env.inject_error("POST", "/interactions/*/callback", status=404, code=10062)

    await mia.slash(world.channel, "music create", prompt="too late")

    found = await world.parts.database.read(
        lambda tx: [jobs.get(tx, row["id"]) for row in tx.execute("SELECT id FROM job").fetchall()]
    )
    assert [JobState.EXPLAINED] == [job.state for job in found if job]
    assert [] == world.sandbox.requests
    assert "100 credits" in said(await mia.slash(world.channel, "music credits"))


async def test_a_song_goes_to_the_member_when_the_channel_is_closed_meanwhile(world: World) -> None:
    mia = world.add_member("Mia")
    world.env.inject_error("POST", f"/channels/{world.channel.id}/messages", status=403, code=50013)

    await mia.slash(world.channel, "music create", prompt="anything")
    async with asyncio.timeout(WAIT_S):
        while not (direct := mia.user.dm_channel.history()):
            world.changed.clear()
            await world.changed.wait()

    assert 2 == len(direct[0].attachments)
