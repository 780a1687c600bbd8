"""No Discord id is sung or disclosed."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import mentions
from bot.mentions import Names, named

NAMES = Names(
    members={7: "Ann", 8: "<@9>", 9: ""},
    roles={5: "Band", 6: "@everyone"},
    channels={3: "jam"},
)
ID = st.integers(0, 2**64 - 1)
WRITTEN = {
    "<@{}>": "member",
    "<@!{}>": "member",
    "<@&{}>": "role",
    "<#{}>": "channel",
    "<:pepe:{}>": "emoji",
    "<a:dance_2:{}>": "animated emoji",
    "</music create:{}>": "command",
    "<id:linked-roles:{}>": "page",
    "<sound:{0}:{0}>": "sound",
    "https://discord.com/channels/{0}/{0}/{0}": "message link",
    "<https://ptb.discord.com/channels/@me/{0}/{0}>": "direct message link",
    "https://canary.discordapp.com/users/{}": "profile link",
    "discord://-/users/{}": "profile address",
    "https://cdn.discordapp.com/emojis/{}.webp?size=48": "picture",
    "https://media.discordapp.net/attachments/{0}/{0}/a.png?ex=1": "attachment",
}


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("a song for <@7>!", "a song for @Ann!"),
        ("<@!7> and <@1>", "@Ann and @member"),
        ("<@8> <@9>", "@member @member"),
        ("<@&5> <@&6> <@&1>", "@Band @everyone @role"),
        ("in <#3> and <#1>", "in #jam and #channel"),
        ("<:pepe:1> <a:dance_2:1>", ":pepe: :dance_2:"),
        ("</music create:1> </quota:1>", "/music create /quota"),
        ("<t:1618953630> <t:1618953630:R>", "2021-04-20 21:20 2021-04-20"),
        ("<t:1618953630:T> <t:1618953630:s>", "21:20:30 2021-04-20 21:20"),
        ("<t:99999999999999999999:F><t:-1:d>", " 1969-12-31"),
        ("<id:customize> <id:linked-roles:1>", "#customize #linked-roles"),
        ("see https://discord.com/channels/1/2/3 now", "see #channel now"),
        ("<https://discord.com/users/1>", "@member"),
        ("<sound:1:2>boom", " boom"),
        ("I <3 you, 2 < 3 > 1, @Ann #jam <b>", "I <3 you, 2 < 3 > 1, @Ann #jam <b>"),
    ],
)
def test_discords_markup_with_ids_becomes_words(typed: str, words: str) -> None:
    assert words == named(typed, NAMES)


@pytest.mark.parametrize("form", WRITTEN, ids=WRITTEN.values())
@given(number=ID, before=st.text("<@!#:a1 ", max_size=3))
def test_no_id_of_any_kind_is_left(form: str, number: int, before: str) -> None:
    words = named(f"{before}{form.format(number + 10**19)} rain")

    assert not re.search(r"\d{9}", words)
    assert words.endswith("rain")


@given(
    st.lists(
        st.sampled_from(["<", ">", "@", "<@1>", "<sound:1:1>", "1", "t:", "#", "&", " "]), max_size=9
    ).map("".join)
)
def test_converting_mentions_twice_changes_nothing(text: str) -> None:
    assert named(text) == named(named(text))


def test_digits_longer_than_any_id_are_unchanged() -> None:
    text = f"<@{'9' * 5_000}> <@&{'9' * 5_000}>"

    assert ({0}, {0}) == (mentions.member_ids(text), mentions.role_ids(text))
    assert "@member @role" == named(text, NAMES)
