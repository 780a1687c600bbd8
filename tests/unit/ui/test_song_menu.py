"""The menu under a song: what comes back from it is read strictly, since anybody can forge it."""

import pytest

from bot.model import JobId
from bot.ui.buttons import song_menu
from bot.ui.buttons.delete import DeleteButton
from bot.ui.buttons.lyrics import CopyLyricsButton
from bot.ui.buttons.rating import DislikeButton, LikeButton
from bot.ui.buttons.send import SendButton
from bot.ui.language import ENGLISH


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
def test_what_no_menu_offers_means_nothing(custom_id: object, values: object) -> None:
    assert None is song_menu.chosen({"custom_id": custom_id, "values": values})
