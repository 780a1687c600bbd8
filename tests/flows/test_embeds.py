"""Members who see no embeds, and screen readers, read a line of text in each message."""

from bot.characters import is_blank
from bot.playground.world import World
from tests.faults.simulated import sent
from tests.flows.seen import choose, posted, until

COMMANDS = (
    *("music status", "music history", "music credits", "music help", "privacy view"),
    *("quota view", "quota ledger", "quota usage", "quota explain"),
)


async def test_every_embed_comes_with_a_line_of_text(world: World) -> None:
    ada = world.add_member("Ada", manager=True)
    await ada.slash(world.channel, "music create", prompt="Warm synth pop")
    (song,) = await posted(world)
    await choose(ada, song, "Send to me")
    await ada.slash(world.channel, "music get", song="Warm")
    await ada.slash(world.channel, "music create", prompt="[fail] rain")
    await posted(world, 2)
    await until(world, lambda: any("there is no song this time" in one.text for one in sent(world)))

    for command in COMMANDS:
        options = {"user": ada} if command == "quota explain" else {}
        await ada.slash(world.channel, command, **options)

    with_embeds = [one for one in sent(world) if one.body.get("embeds")]
    titles = {str(embed.get("title")) for one in with_embeds for embed in one.body["embeds"]}
    assert len(COMMANDS) + 3 <= len(titles)
    assert [] == [one for one in with_embeds if is_blank(str(one.body.get("content") or ""))]


async def test_a_turned_page_has_its_line_of_text(world: World) -> None:
    ada = world.add_member("Ada", manager=True)
    for number in range(12):
        await ada.slash(world.channel, "quota grant", credits=1, reason=f"thanks {number}")

    shown = await ada.slash(world.channel, "quota ledger")
    assert shown.response is not None
    await ada.click(shown.response.message, label="Older")

    pages = [one.body for one in sent(world) if one.body.get("embeds")]
    assert 2 == len(pages)
    assert [] == [page for page in pages if is_blank(str(page.get("content") or ""))]
