"""Everything server managers see and change, on the simulated Discord."""

import csv
import io
from datetime import datetime
from zoneinfo import ZoneInfo

import attrs
import discord
import pytest
import simcord
from PIL import Image

from bot.model import DiscordUserId, GuildId, RoleId
from bot.playground.world import World
from bot.store import refused_words
from tests import make
from tests.flows.seen import buttons, card_says, keep_service_busy, posted, said, until

pytestmark = pytest.mark.usefixtures("world")


async def delivered(world: World, member: simcord.MemberActor, prompt: str) -> None:
    """Request a song for this member and wait until it is delivered."""
    count = len([message for message in world.channel.history() if message.content.startswith("<@")])
    await member.slash(world.channel, "music create", prompt=prompt)
    await posted(world, count + 1)


async def asked(world: World, member: simcord.MemberActor, prompt: str = "one more") -> str:
    """Return the private refusal of a request, or nothing if it was accepted."""
    result = await member.slash(world.channel, "music create", prompt=prompt)
    return said(result) if result.ephemeral else ""


async def ledger(world: World, manager: simcord.MemberActor, **only: object) -> str:
    return said(await manager.slash(world.channel, "quota ledger", **only))


async def told_so(world: World, channel: simcord.ChannelHandle, count: int) -> list[str]:
    """Return the alerts in the channel, once there are this many."""

    def found() -> list[str]:
        there = [message.content for message in channel.history() if message.content.startswith("⚠️")]
        return sorted(there) if len(there) >= count else []

    return await until(world, found)


def shown_in(result: simcord.InteractionResult) -> discord.Message:
    """Return the message that answers a command."""
    assert result.response is not None
    return result.response.message


async def attached(result: simcord.InteractionResult) -> discord.Attachment:
    message = result.response or result.followups[0]
    (attachment,) = message.attachments
    return attachment


# -- limits


async def test_a_members_own_limit_is_enforced_shown_and_cleared(
    world: World, ada: simcord.MemberActor, mia: simcord.MemberActor
) -> None:
    unlimited = await ada.slash(world.channel, "quota member", user=mia)
    changed = await ada.slash(world.channel, "quota member", user=mia, credits=15)
    await delivered(world, mia, "the first")
    refusal = await asked(world, mia)
    left = await mia.slash(world.channel, "music credits")
    await world.restart()
    shown = await ada.slash(world.channel, "quota member", user=mia)
    there = said(shown)
    cleared = await ada.click(shown_in(shown), label="Clear, and use the roles' limits")

    assert "has no limit of their own. Only the server's pool applies." in said(unlimited)
    assert f"Limit of {mia.mention}: none → **15**." in said(changed)
    assert "you have 5 left. 10 of your 15 credits a month are used or held (a personal limit)" in refusal
    assert "<t:" in refusal
    assert "**5 credits** left" in said(left)
    assert "**15 credits** a period" in there
    assert f"Limit of {mia.mention}: 15 → **none**." in said(cleared)
    assert not await asked(world, mia)
    assert "15 → none" in await ledger(world, ada, kind="member")


async def test_the_highest_role_limit_applies_and_everyone_is_the_default(
    world: World, ada: simcord.MemberActor, mia: simcord.MemberActor
) -> None:
    fan, vip = world.guild.create_role("Fan"), world.guild.create_role("VIP")
    noah = world.guild.add_member(world.env.create_user("noah"), roles=[fan, vip])
    await ada.slash(world.channel, "quota role", role=world.guild.default_role, credits=5)
    await ada.slash(world.channel, "quota role", role=fan, credits=10)
    changed = await ada.slash(world.channel, "quota role", role=vip, credits=20)

    for prompt in ("one", "two"):
        await delivered(world, noah, prompt)
    by_role, by_default = await asked(world, noah), await asked(world, mia)
    explained = await ada.slash(world.channel, "quota explain", user=noah)
    shown = await ada.slash(world.channel, "quota role", role=vip)
    await ada.click(shown_in(shown), label="Clear this limit")

    assert f"Limit of <@&{vip.id}>: none → **20**." in said(changed)
    assert f"20 of your 20 credits a month are used or held (the limit of <@&{vip.id}>" in by_role
    assert (
        "you have 5 left. 0 of your 5 credits a month are used or held (the limit of everyone" in by_default
    )
    for part in (f"<@&{fan.id}>: 10", "everyone: 5", f"the limit of <@&{vip.id}>: 20", "Own limit: none"):
        assert part in said(explained)
    assert "the limit of <@&" + str(fan.id) in await asked(world, noah)


async def test_a_limit_names_whom_it_affects(
    world: World, ada: simcord.MemberActor, mia: simcord.MemberActor
) -> None:
    await delivered(world, mia, "the first")
    world.sandbox.delay_s = 3600.0
    await asked(world, mia, "still composing")

    member = await ada.slash(world.channel, "quota member", user=mia, credits=15)
    role = await ada.slash(world.channel, "quota role", role=world.guild.default_role, credits=0)

    assert "1 member has already used more and must wait until it renews." in said(member)
    assert "1 song in progress continues." in said(member)
    assert "used more" not in said(role)


async def test_a_public_card_shows_what_the_tightest_rule_leaves(
    world: World, ada: simcord.MemberActor, mia: simcord.MemberActor
) -> None:
    await ada.slash(world.channel, "quota member", user=mia, credits=30)
    keep_service_busy(world)

    await mia.slash(world.channel, "music create", prompt="anything")
    card = await card_says(world, "left of their limit")

    assert "10 credits · 20 credits left of their limit · V5" in str(card.embeds[0].footer.text)


# -- the pause


async def test_a_pause_refuses_new_songs_with_its_reason_until_it_ends(
    world: World, ada: simcord.MemberActor, mia: simcord.MemberActor
) -> None:
    paused = await ada.slash(world.channel, "quota pause", reason="**Exams** @everyone")
    refusal = await asked(world, mia)
    await world.restart()
    seen = await ada.slash(world.channel, "quota view")
    resumed = await ada.slash(world.channel, "quota resume")
    again = await ada.slash(world.channel, "quota resume")

    assert said(paused).startswith("Open → **paused**: ")
    assert refusal.startswith("New songs are paused in this server: “\\*\\*Exams\\*\\*")
    assert "@everyone" not in refusal
    assert "**Paused**" in said(seen)
    assert "Paused → **open**: new songs are accepted again." == said(resumed)
    assert "New songs were not paused." == said(again)
    assert not await asked(world, mia)
    assert "open → paused" in await ledger(world, ada, kind="pause")


# -- refunds


async def test_a_song_is_refunded_once_by_its_title_or_its_members_name(
    world: World, ada: simcord.MemberActor, mia: simcord.MemberActor
) -> None:
    await delivered(world, mia, "Rain on the roof")
    by_song = await ada.autocomplete(world.channel, "quota refund", "job", "ROOF")
    by_member = await ada.autocomplete(world.channel, "quota refund", "job", "mia")
    by_nothing = await ada.autocomplete(world.channel, "quota refund", "job", "somebody else")
    (choice,) = by_song

    first = await ada.slash(world.channel, "quota refund", job=choice["value"], reason="it was off key")
    second = await ada.slash(world.channel, "quota refund", job=choice["value"], reason="again")

    assert choice["name"].startswith("Rain on the roof · Mia · ")
    assert [choice["value"]] == [other["value"] for other in by_member]
    assert not by_nothing
    assert said(first).startswith("Refunded **10 credits** for “Rain on the roof” by <@")
    assert said(first).endswith("Can be spent: 90 → **100**.")
    assert "That song has already been refunded. Nothing was changed." == said(second)
    assert "**100 credits** left" in said(await mia.slash(world.channel, "music credits"))
    assert "it was off key" in await ledger(world, ada, kind="refund")
    assert not (await ada.autocomplete(world.channel, "quota refund", "job", "roof"))


@pytest.mark.parametrize("job", ["0", "1", "9" * 18, "9" * 40, "x", "", "-1", "\u0661"])
async def test_an_unknown_song_is_not_refunded(world: World, ada: simcord.MemberActor, job: str) -> None:
    refused = await ada.slash(world.channel, "quota refund", job=job, reason="no such song")

    assert said(refused).startswith("This server has no such song.")


async def test_typing_nothing_refunds_nothing(
    world: World, ada: simcord.MemberActor, mia: simcord.MemberActor
) -> None:
    await delivered(world, mia, "rain")

    for job in ("", "\u200b", "\ud800", "1"):
        refused = await ada.slash(world.channel, "quota refund", job=job, reason="no such song")
        assert said(refused).startswith("This server has no such song.")
        assert 1 >= len(await ada.autocomplete(world.channel, "quota refund", "job", job))


async def test_a_song_whose_title_is_a_number_is_refunded_by_it(
    world: World, ada: simcord.MemberActor, mia: simcord.MemberActor
) -> None:
    await delivered(world, mia, "1999")
    await delivered(world, mia, "Party like 1999")

    refunded = await ada.slash(world.channel, "quota refund", job="1999", reason="off key")

    assert said(refunded).startswith("Refunded **10 credits** for “1999”")


async def test_a_song_in_progress_is_not_refunded(
    world: World, ada: simcord.MemberActor, mia: simcord.MemberActor
) -> None:
    world.sandbox.delay_s = 3600.0
    await mia.slash(world.channel, "music create", prompt="slow")
    (job,) = await world.parts.database.read(
        lambda tx: [row["id"] for row in tx.execute("SELECT id FROM job")]
    )

    refused = await ada.slash(world.channel, "quota refund", job=str(job), reason="too slow")

    assert said(refused).startswith("That song is still in progress.")


# -- the ledger


async def test_the_ledger_has_pages_that_turn_after_a_restart(world: World, ada: simcord.MemberActor) -> None:
    for number in range(23):
        await ada.slash(world.channel, "quota grant", credits=1, reason=f"number {number:02}")
    first = await ada.slash(world.channel, "quota ledger", kind="grant")
    await world.restart()

    pages = [said(first)]
    pages += [said(await ada.click(shown_in(first), label=label)) for label in ("Older", "Older", "Newer")]

    assert first.ephemeral
    # The first line is the summary for members who do not see embeds.
    assert [10, 10, 3, 10] == [page.partition("\n")[2].count("number") for page in pages]
    assert [True] * 3 == ["number 22" in pages[0], "number 12" in pages[1], "number 00" in pages[2]]
    assert pages[1] == pages[3]


async def test_the_ledger_can_be_read_of_one_member(
    world: World, ada: simcord.MemberActor, mia: simcord.MemberActor
) -> None:
    await delivered(world, ada, "Ada's own")
    await delivered(world, mia, "Mia's own")

    only = await ledger(world, ada, user=mia)

    assert "Mia's own" in only
    assert "Ada's own" not in only


async def test_the_exported_ledger_is_complete_and_free_of_formulas(
    world: World, ada: simcord.MemberActor, mia: simcord.MemberActor
) -> None:
    await ada.slash(world.channel, "quota grant", credits=50, reason='=HYPERLINK("https://evil.example")')
    await ada.slash(world.channel, "quota grant", credits=-5, reason="@SUM(A1)")
    await delivered(world, mia, "+1 to rain")

    result = await ada.slash(world.channel, "quota export")
    file = await attached(result)
    rows = list(csv.DictReader(io.StringIO((await file.read()).decode("utf-8-sig"))))

    assert result.ephemeral
    assert "ledger.csv" == file.filename
    assert ["grant", "grant", "hold", "settle"] == [row["kind"] for row in rows]
    assert ["50", "-5"] == [row["bonus"] for row in rows][:2]
    assert '\'=HYPERLINK("https://evil.example")' == rows[0]["reason"]
    assert "'@SUM(A1)" == rows[1]["reason"]
    assert "'+1 to rain" == rows[2]["song"]
    assert {"": ""} | {f"'{mia.id}": "Mia"} == {row["member"]: row["member_name"] for row in rows}
    assert [f"'{ada.id}"] * 2 == [row["actor"] for row in rows][:2]
    assert ["Ada"] * 2 == [row["actor_name"] for row in rows][:2]
    assert {f"'{world.guild.id}": world.guild.name} == {row["server"]: row["server_name"] for row in rows}


async def test_the_exported_ledger_names_roles_and_managers_without_songs(
    world: World, ada: simcord.MemberActor, mia: simcord.MemberActor
) -> None:
    role, ben = world.guild.create_role("=Band"), world.add_member("Ben", manager=True)
    await ben.slash(world.channel, "quota role", role=role, credits=30)
    await ben.slash(world.channel, "quota member", user=mia, credits=20)
    await ben.slash(world.channel, "quota alerts", channel=world.channel)

    file = await attached(await ada.slash(world.channel, "quota export"))
    rows = list(csv.DictReader(io.StringIO((await file.read()).decode("utf-8-sig"))))

    assert [(f"'{role.id}", "'=Band")] == [(row["role"], row["role_name"]) for row in rows if row["role"]]
    assert [(f"'{mia.id}", "Mia")] == [(row["member"], row["member_name"]) for row in rows if row["member"]]
    assert {(f"'{ben.id}", "Ben")} == {(row["actor"], row["actor_name"]) for row in rows}
    assert f"'{world.channel.id}" == rows[2]["after"]


async def test_usage_is_a_picture_with_its_members_named(
    world: World, ada: simcord.MemberActor, mia: simcord.MemberActor
) -> None:
    await delivered(world, mia, "anything")

    result = await ada.slash(world.channel, "quota usage")
    picture = Image.open(io.BytesIO(await (await attached(result)).read()))

    assert result.ephemeral
    assert ("PNG", (800, 600)) == (picture.format, picture.size)
    assert f"1. <@{mia.id}> (Mia): 10" in said(result)


# -- alerts


async def test_a_channel_is_alerted_once_near_and_once_at_the_budget(
    world: World, ada: simcord.MemberActor, mia: simcord.MemberActor
) -> None:
    told = world.guild.create_text_channel("budget")
    changed = await ada.slash(world.channel, "quota alerts", channel=told)
    await ada.slash(world.channel, "quota set", credits=50)

    for number in range(3):
        await delivered(world, mia, f"song {number}")
    quiet = [message.content for message in told.history()]
    await delivered(world, mia, "the fourth")
    await told_so(world, told, 1)
    await world.restart()
    await delivered(world, mia, "the fifth")
    await ada.slash(world.channel, "quota set", credits=55)
    await ada.slash(world.channel, "quota grant", credits=10, reason="one more")
    await delivered(world, mia, "the sixth")
    alerts = await told_so(world, told, 2)

    assert said(changed).startswith(f"Budget alerts: none → **<#{told.id}>**.")
    assert [] == quiet
    assert [
        "⚠️ This server has used 80% of its allowance",
        "⚠️ This server has used up its allowance",
    ] == [alert.partition(":")[0] for alert in alerts]
    assert "40 of 50 credits" in alerts[0]


async def test_no_alert_is_sent_while_no_channel_is_set(
    world: World, ada: simcord.MemberActor, mia: simcord.MemberActor
) -> None:
    told = world.guild.create_text_channel("budget")
    await ada.slash(world.channel, "quota alerts", channel=told)
    changed = await ada.slash(world.channel, "quota alerts")
    await ada.slash(world.channel, "quota set", credits=10)

    await delivered(world, mia, "the only one")

    assert f"Budget alerts: <#{told.id}> → **none**." == said(changed)
    assert [] == told.history()


async def test_a_channel_where_the_bot_may_not_post_is_refused(
    world: World, ada: simcord.MemberActor
) -> None:
    everyone = world.guild.default_role
    closed = world.guild.create_text_channel(
        "closed", overwrites={everyone: discord.PermissionOverwrite(send_messages=False)}
    )

    refused = await ada.slash(closed, "quota alerts", channel=closed)

    assert "**Send Messages**" in said(refused)
    assert "Budget alerts" not in said(refused)


# -- permissions


COMMANDS: list[tuple[str, dict[str, object]]] = [
    ("view", {}),
    ("ledger", {}),
    ("export", {}),
    ("usage", {}),
    ("set", {"credits": 1_000}),
    ("grant", {"credits": 1_000, "reason": "for me"}),
    ("refund", {"job": "1", "reason": "for me"}),
    ("pause", {"reason": "for me"}),
    ("resume", {}),
    ("alerts", {}),
]


async def test_every_command_checks_the_permission_again_when_it_runs(
    world: World, mia: simcord.MemberActor
) -> None:
    commands = await world.parts.client.tree.fetch_commands()
    quota = next(command for command in commands if command.name == "quota")
    world.guild.set_command_permissions(quota, {mia: True})
    of_somebody: list[tuple[str, dict[str, object]]] = [
        ("explain", {"user": mia}),
        ("member", {"user": mia, "credits": 1_000}),
        ("role", {"role": world.guild.default_role, "credits": 1_000}),
    ]

    for name, options in [*COMMANDS, *of_somebody]:
        refused = await mia.slash(world.channel, f"quota {name}", **options)

        assert refused.ephemeral
        assert "Only members with the Manage Server permission can do that." == said(refused)
    assert not (await mia.autocomplete(world.channel, "quota refund", "job", ""))
    (entries,) = await world.parts.database.read(
        lambda tx: tx.execute("SELECT COUNT(*) FROM ledger").fetchone()
    )
    assert 0 == entries


async def test_buttons_of_managers_check_the_permission_too(world: World, mia: simcord.MemberActor) -> None:
    manager = world.guild.create_role("For now", permissions=discord.Permissions(manage_guild=True))
    noah = world.guild.add_member(world.env.create_user("noah"), roles=[manager])
    await noah.slash(world.channel, "quota member", user=mia, credits=5)
    shown = await noah.slash(world.channel, "quota member", user=mia)
    await world.parts.client.http.remove_role(world.guild.id, noah.id, manager.id)

    refused = await noah.click(shown_in(shown), label="Clear, and use the roles' limits")

    assert "Only members with the Manage Server permission can do that." == said(refused)
    assert "you have 5 left" in await asked(world, mia)


@pytest.mark.parametrize(
    ("name", "options"),
    [("set", {"credits": -1}), ("set", {"credits": 1_000_001}), ("grant", {"credits": 0, "reason": "none"})],
)
async def test_numbers_out_of_range_change_nothing(
    world: World, ada: simcord.MemberActor, name: str, options: dict[str, object]
) -> None:
    with pytest.raises(simcord.SetupError) if name == "set" else pytest.raises(AssertionError):
        result = await ada.slash(world.channel, f"quota {name}", **options)
        assert "Choose a number" not in said(result)

    assert "100 credits" in said(await ada.slash(world.channel, "quota view"))


async def test_the_view_shows_everything_that_was_set(
    world: World, ada: simcord.MemberActor, mia: simcord.MemberActor
) -> None:
    fan = world.guild.create_role("Fan")
    await ada.slash(world.channel, "quota role", role=world.guild.default_role, credits=20)
    await ada.slash(world.channel, "quota role", role=fan, credits=60)
    await ada.slash(world.channel, "quota member", user=mia, credits=80)
    await delivered(world, mia, "anything")

    view = await ada.slash(world.channel, "quota view")

    assert view.response is not None
    fields = {field.name: field.value for field in view.response.embeds[0].fields}
    assert f"everyone: 20\n<@&{fan.id}>: 60\n<@{mia.id}> (Mia): 80" == fields["Limits"]
    assert f"1. <@{mia.id}> (Mia): 10" == fields["Top members this period"]
    assert "none" == fields["Budget alerts"]
    assert not buttons(shown_in(view))


async def test_limits_of_departed_roles_and_members_can_be_cleared(world: World) -> None:
    mia = world.add_member("Mia", manager=True)
    credit_service, guild_id = world.parts.client.services.credits, GuildId(world.guild.id)
    await credit_service.limit_role(guild_id, RoleId(4_242), 50, make.entry())
    await credit_service.limit_member(guild_id, DiscordUserId(9_191), 30, make.entry())

    listed = await mia.slash(world.channel, "quota limits")
    role = await mia.slash(world.channel, "quota limits", clear="role:4242")
    member = await mia.slash(world.channel, "quota limits", clear="<@9191>")
    again = await mia.slash(world.channel, "quota limits", clear="9191")
    none = await mia.slash(world.channel, "quota limits")

    assert "(4242): 50" in said(listed)
    assert "(9191): 30" in said(listed)
    assert "Limit of <@&4242> (4242): 50 → **none**." == said(role)
    assert "Limit of <@9191> (9191): 30 → **none**." == said(member)
    assert said(again).startswith("This server has no such limit.")
    assert "none, only the pool" in said(none)


# -- names in private answers, and notes about charges


async def test_view_and_explain_name_the_members_with_limits(
    world: World, ada: simcord.MemberActor, mia: simcord.MemberActor
) -> None:
    await ada.slash(world.channel, "quota member", user=mia, credits=30)

    view = said(await ada.slash(world.channel, "quota view"))
    explained = said(await ada.slash(world.channel, "quota explain", user=mia))

    assert f"<@{mia.id}>: 30" in view
    assert f"a limit set for <@{mia.id}>: 30 a month" in explained
    assert "your" not in explained.lower()


async def test_the_ledger_is_a_statement_with_a_line_for_each_song(
    world: World, ada: simcord.MemberActor, mia: simcord.MemberActor
) -> None:
    await ada.slash(world.channel, "quota grant", credits=5, reason="thanks")
    await ada.slash(world.channel, "quota set", credits=100, period="month")
    await delivered(world, mia, "paid for")
    await mia.slash(world.channel, "music create", prompt="[fail] lost")
    await posted(world, 2)

    shown = await ada.slash(world.channel, "quota ledger")
    assert shown.response is not None
    lines = str(shown.response.embeds[0].description).splitlines()

    tails = [one.partition("  ")[2] for one in lines]
    assert f"**±0** · “\\[fail\\] lost” given back <@{mia.id}> · 95 left" == tails[0]
    assert f"**\N{MINUS SIGN}10** · “paid for” paid <@{mia.id}> · 95 left" == tails[1]
    assert f"**+5** · Grant 0 → 5 by <@{ada.id}> (thanks) · 105 left" == tails[2]
    assert 3 == len(tails)


@pytest.mark.parametrize(("bonus", "credits_", "says"), [(0, 0, "from 1 to 1,000,000."), (5, 0, "but not 0")])
async def test_a_refused_grant_states_its_actual_range(
    world: World, ada: simcord.MemberActor, bonus: int, credits_: int, says: str
) -> None:
    if bonus:
        await ada.slash(world.channel, "quota grant", credits=bonus, reason="thanks")

    assert says in said(await ada.slash(world.channel, "quota grant", credits=credits_, reason="none"))


async def test_free_actions_do_not_mention_charges(
    world: World, ada: simcord.MemberActor, mia: simcord.MemberActor
) -> None:
    await delivered(world, mia, "rain")
    (song,) = await posted(world)
    await world.parts.database.write(lambda tx: tx.execute("DELETE FROM text"))

    answers = [
        await mia.click(song, label="Remix (10 credits)"),
        await ada.slash(world.channel, "quota refund", job="none", reason="none"),
        await mia.slash(world.channel, "music get", song="none"),
    ]
    again = await mia.click(song, label="Again (10 credits)")

    assert [] == [said(answer) for answer in answers if "charged" in said(answer)]
    assert said(again).endswith("Nothing was charged.")


async def test_charges_are_not_mentioned_where_songs_are_free(world: World) -> None:
    world.settings = attrs.evolve(world.settings, song_credits=0)
    await world.restart()

    refused = await world.add_member("Mia").slash(world.channel, "music create", prompt="\u200b")

    assert "The prompt is missing. Fill it in and try again." == said(refused)


# -- refused words


async def test_a_refused_word_is_named_to_its_author_and_holds_no_credits(
    world: World, ada: simcord.MemberActor, mia: simcord.MemberActor
) -> None:
    listed = await ada.slash(world.channel, "quota words", add="Polka")
    await world.restart()

    refused = await mia.slash(world.channel, "music create", prompt="a POLKA about rain")
    form = await mia.slash(world.channel, "music custom")
    texts = {"title": "T", "style": "S", "lyrics": "la polka la", "vocals": "with_vocals"}
    also = await mia.submit_modal(form, texts)
    await ada.slash(world.channel, "quota words", remove="polka")
    await delivered(world, mia, "a polka about rain")

    expected = "Songs in this server can't contain “polka”. Change the text and try again. "
    assert "“polka”" in said(listed)
    assert [f"{expected}Nothing was charged."] * 2 == [said(refused), said(also)]
    assert (True, True) == (refused.ephemeral, also.ephemeral)
    assert ["a polka about rain"] == [body.get("prompt") for body in world.sandbox.requests]
    assert "none yet" in said(await ada.slash(world.channel, "quota words"))


async def test_the_number_of_refused_words_is_limited(
    world: World, ada: simcord.MemberActor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refused_words, "WORDS_MAX", 2)

    answers = [await ada.slash(world.channel, "quota words", add=word) for word in ("a", "b", "A", "c")]
    empty = await ada.slash(world.channel, "quota words", add="\u200b")
    unknown = await ada.slash(world.channel, "quota words", remove="z")

    assert [False, False, False, True] == ["which is the most" in said(answer) for answer in answers]
    assert said(empty).startswith("That word contains nothing")
    assert said(unknown).startswith("That word is not on this server's list.")


# -- the server's time zone


async def test_the_time_zone_is_set_alone_shown_and_kept_over_a_restart(
    world: World, ada: simcord.MemberActor, mia: simcord.MemberActor
) -> None:
    await delivered(world, mia, "the first")
    changed = await ada.slash(world.channel, "quota set", timezone="Asia/Tokyo")
    again = await ada.slash(world.channel, "quota set", timezone="asia/tokyo")
    await world.restart()
    shown = await ada.slash(world.channel, "quota view")
    entries = await ledger(world, ada, kind="set")

    now = world.clock()
    year, month = (now.year + 1, 1) if now.month == 12 else (now.year, now.month + 1)
    midnight = datetime(year, month, 1, tzinfo=ZoneInfo("Asia/Tokyo"))
    assert "Time zone: UTC → **Asia/Tokyo**." in said(changed)
    assert f"<t:{midnight.timestamp():.0f}:F>" in said(changed)
    assert "Nothing was changed." in said(again)
    for part in ("Asia/Tokyo", f"<t:{midnight.timestamp():.0f}:R>", "**90 credits**"):
        assert part in said(shown)
    # Each entry is both in the answer's text and in its embed.
    assert 2 == entries.count("UTC → Asia/Tokyo")
    assert "100" not in entries


async def test_an_unknown_time_zone_is_refused_and_cities_are_offered(
    world: World, ada: simcord.MemberActor
) -> None:
    refused = await ada.slash(world.channel, "quota set", credits=50, timezone="Atlantis")
    offered = await ada.autocomplete(world.channel, "quota set", "timezone", "berl")
    label = await ada.slash(world.channel, "quota set", timezone=offered[0]["name"])
    shown = await ada.slash(world.channel, "quota view")

    assert "There is no such time zone." in said(refused)
    assert "Europe/Berlin" == offered[0]["value"]
    assert "UTC → **Europe/Berlin**" in said(label)
    assert "100 credits" in said(shown) or "100 a month" in said(shown)
