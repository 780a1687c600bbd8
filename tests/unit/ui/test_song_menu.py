"""The menu under a song. Its values are parsed strictly, since anybody can forge them."""

import discord
import pytest

from bot.model import JobId
from bot.ui.buttons import song_menu
from bot.ui.buttons.delete import DeleteButton
from bot.ui.buttons.lyrics import CopyLyricsButton
from bot.ui.buttons.rating import DislikeButton, LikeButton
from bot.ui.buttons.send import SendButton
from bot.ui.buttons.views import BUTTONS_MAX, song_view
from bot.ui.language import ENGLISH
from tests import make


@pytest.mark.parametrize("menu", [song_menu.SongMenu, song_menu.CopySongMenu])
@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("words", CopyLyricsButton),
        ("like", LikeButton),
        ("dislike", DislikeButton),
        ("send", SendButton),
        ("delete", DeleteButton),
    ],
)
def test_a_choice_does_what_its_button_does(
    menu: type[song_menu.SongMenu], value: str, kind: type[object]
) -> None:
    sent = menu(JobId(7), ENGLISH, {value: "label"})

    button = song_menu.chosen({"custom_id": sent.custom_id, "values": [sent.options[0].value]})

    assert (kind, 7) == (type(button), getattr(button, "job_id", None))


NO_VALUES: list[object] = [[], ["erase"], ["send", "delete"], [None], "send", None, 7]
FORGED: list[tuple[object, object]] = [
    *((f"lyrics:{number}", ["send"]) for number in ("", "007", "9" * 40, "1\n", "\u0661")),
    *((custom_id, ["send"]) for custom_id in ("again:7", "edit:7", "also", "erase", "", None)),
    *(("lyrics:7", values) for values in NO_VALUES),
]


@pytest.mark.parametrize(("custom_id", "values"), FORGED)
def test_a_value_that_no_menu_offers_has_no_meaning(custom_id: object, values: object) -> None:
    assert None is song_menu.chosen({"custom_id": custom_id, "values": values})


@pytest.mark.parametrize("links", range(5))
def test_at_most_five_buttons_always_include_the_ratings(links: int) -> None:
    job = make.job(request=make.custom())
    addresses = {take: f"https://x.test/{take}" for take in range(1, links + 1)}

    items = song_view(ENGLISH, job, addresses, direct=False, copy=False).children

    labels = [item.label for item in items if isinstance(item, discord.ui.Button)]
    (menu,) = [item for item in items if isinstance(item, discord.ui.Select)]
    choices = [option.value for option in menu.options]
    assert len(labels) <= BUTTONS_MAX
    assert (["👍", "👎"] == labels[-2:]) is not ({"like", "dislike"} <= set(choices))
    assert ("Lyrics" in labels) is not ("words" in choices)
