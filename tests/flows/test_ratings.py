"""Ratings under songs and the best of the week, on the simulated Discord, also after a restart."""

import discord
import pytest
import simcord

from bot.playground.world import World
from bot.services import ratings as module
from tests.flows.seen import buttons, choose, menu, posted, said, speak, until

CUSTOM = {"title": "Neon Rain", "style": "synthwave", "lyrics": "City lights", "vocals": "with_vocals"}


async def song(world: World, member: simcord.MemberActor, title: str = "Neon Rain") -> discord.Message:
    """Make a song with the form."""
    count = len([one for one in world.channel.history() if one.content.startswith("<@")])
    form = await member.slash(world.channel, "music custom")
    await member.submit_modal(form, CUSTOM | {"title": title})
    return (await posted(world, count + 1))[-1]


def titles(result: simcord.InteractionResult) -> list[str]:
    """Return the bold titles of a page, in order."""
    assert result.response is not None
    lines = (result.response.embeds[0].description or "").splitlines()
    return [line.split("**")[3] for line in lines if line.startswith("**")]


async def test_ratings_are_the_last_of_at_most_five_buttons(world: World) -> None:
    message = await song(world, world.add_member("Mia"))

    assert ["Again (10 credits)", "Remix (10 credits)", "Lyrics", "👍", "👎"] == [
        one.label for one in buttons(message)
    ]


async def test_a_rating_is_private_counted_changed_and_taken_back(world: World) -> None:
    mia, noah = world.add_member("Mia"), world.add_member("Noah")
    message = await song(world, mia)
    before = world.channel.history()

    liked = await mia.click(message, label="👍")
    await world.restart()
    disliked = await noah.click(message, label="👎")
    changed = await noah.click(message, label="👍")
    gone = await noah.click(message, label="👍")

    answers = [liked, disliked, changed, gone]
    assert [True] * 4 == [one.ephemeral for one in answers]
    assert ["👍 1 · 👎 0", "👍 1 · 👎 1", "👍 2 · 👎 0", "👍 1 · 👎 0"] == [
        said(one).splitlines()[1] for one in answers
    ]
    assert "You like this song. Press 👍 again to take that back." == said(liked).splitlines()[0]
    assert "Your rating is gone. Nobody else saw it." == said(gone).splitlines()[0]
    assert before == world.channel.history()


async def test_a_copy_is_rated_as_the_song_itself(world: World) -> None:
    mia, noah = world.add_member("Mia"), world.add_member("Noah")
    await song(world, mia)
    await mia.slash(world.channel, "music get", song="Neon Rain")
    copy = [one for one in world.channel.history() if one.attachments][-1]

    await mia.click(copy, label="👍")

    assert "👍 1" in said(await noah.slash(world.channel, "music top"))


async def test_the_best_songs_come_first_with_links_and_without_a_mention(world: World) -> None:
    mia, noah, kim = (world.add_member(name) for name in ("Mia", "Noah", "Kim"))
    first, second = await song(world, mia, "First"), await song(world, mia, "Second [live](x)")
    await song(world, mia, "Unrated")
    for person in (mia, noah):
        await person.click(second, label="👍")
    await mia.click(first, label="👍")
    await noah.click(first, label="👎")
    await world.restart()

    shown = await kim.slash(world.channel, "music top")

    assert shown.ephemeral
    assert ["Second \\[live\\]\\(x\\)", "First"] == titles(shown)
    assert [True, True] == [f"{world.channel.id}/{one.id})" in said(shown) for one in (first, second)]
    assert shown.response is not None
    assert [] == shown.response.message.mentions


async def test_deleted_and_erased_songs_are_not_among_the_best(world: World) -> None:
    mia, noah = world.add_member("Mia"), world.add_member("Noah")
    deleted, erased = await song(world, mia, "Deleted"), await song(world, noah, "Erased")
    kept = await song(world, mia, "Kept")
    for message in (deleted, erased, kept):
        await mia.click(message, label="👍")
    await noah.click(kept, label="👎")

    await choose(mia, deleted, "Delete")
    asked = await noah.slash(world.channel, "privacy delete")
    assert asked.response is not None
    await noah.click(asked.response.message, label="Delete everything about me")
    shown = await mia.slash(world.channel, "music top")
    late = await mia.click(erased, label="👎")

    assert ["Kept"] == titles(shown)
    assert "👍 1 · 👎 0" in said(shown)
    assert "The text of that song is no longer kept." == said(late)


async def test_a_manager_posts_the_best_for_everybody_and_others_cannot(world: World) -> None:
    boss, mia = world.add_member("Boss", manager=True), world.add_member("Mia")
    await mia.click(await song(world, mia), label="👍")

    refused = await mia.slash(world.channel, "music top", post=True)
    public = await boss.slash(world.channel, "music top", post=True)

    assert (True, False) == (refused.ephemeral, public.ephemeral)
    assert said(refused).startswith("Only members with the Manage Server permission")
    assert ["Neon Rain"] == titles(public)
    assert public.response is not None
    assert [] == public.response.message.components


async def test_many_songs_have_pages_that_turn_after_a_restart(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BEST_PAGE_MAX", 1)
    mia = world.add_member("Mia")
    for title in ("One", "Two"):
        await mia.click(await song(world, mia, title), label="👍")

    page = await mia.slash(world.channel, "music top")
    await world.restart()
    assert page.response is not None
    message = page.response.message
    before = titles(page), [one.label for one in buttons(message)]
    turned = await mia.click(message, label="Further down")
    assert turned.response is not None

    assert (["One"], ["Further down"]) == before
    assert (["Two"], ["Better"]) == (
        titles(turned),
        [one.label for one in buttons(turned.response.message)],
    )


async def test_without_ratings_the_page_says_how_to_begin(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    mia = world.add_member("Mia")
    await song(world, mia)

    english = said(await mia.slash(world.channel, "music top"))
    speak(monkeypatch, "de", "de")
    german = said(await mia.slash(world.channel, "music top"))

    assert "No song of the last seven days has a 👍 yet." in english
    assert "Noch hat kein Song der letzten sieben Tage ein 👍." in german


async def test_ratings_are_in_their_authors_view_and_export(world: World) -> None:
    mia, noah = world.add_member("Mia"), world.add_member("Noah")
    message = await song(world, mia)
    await noah.click(message, label="👎")

    view = said(await noah.slash(world.channel, "privacy view"))
    other = said(await mia.slash(world.channel, "privacy view"))

    assert "Your 👍 or 👎 on 1 song." in view
    assert "You haven't rated a song yet." in other


async def test_too_many_ratings_are_refused_with_a_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RATINGS_MAX", 1)
    mia = world.add_member("Mia")
    message = await song(world, mia)

    answers = [await mia.click(message, label="👍") for _ in range(2)]

    assert answers[1].ephemeral
    assert said(answers[1]).startswith("You have given 1 ratings within ten minutes")
    assert "👍 1" in said(await mia.slash(world.channel, "music top"))
    assert not menu(message).keys() & {"👍", "👎"}
    await until(world, lambda: True)
