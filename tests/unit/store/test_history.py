"""Members' lookups of their own songs in a server: pages, search, autocompletion."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from bot.database.sqlite import Tx
from bot.model import (
    OPEN_STATES,
    SONG_STATES,
    DiscordUserId,
    GuildId,
    Job,
    JobId,
    JobState,
    SongRequest,
)
from bot.store import history, jobs, ledger, members
from bot.store.history import Match, SongChoice, SongPage
from tests import make
from tests.make import GUILD, MEMBER, NOW, OTHER
from tests.unit.store.rows import RICH, found, put

MINUTE = timedelta(minutes=1)
ELSEWHERE = GUILD + 1


def asked(
    tx: Tx,
    request: SongRequest | None = None,
    *,
    state: JobState = JobState.DELIVERED,
    minute: int = 0,
    **who: int,
) -> Job:
    """Return a job in this state, requested in this minute; ``who`` are changes of ``make.origin``."""
    at, origin = NOW + minute * MINUTE, make.origin(**who)
    job = make.job(
        id=jobs.new_id(),
        request=request or make.prompt(),
        origin=origin,
        created_at=at,
        state_since=at,
    )
    member = members.member_number(tx, origin.member_id)
    held = ledger.hold(tx, job.id, origin.guild_id, member, job.price_credits, RICH, at)
    jobs.add(tx, job, member, held, due_at=at)
    return found(tx, job) if state is JobState.QUEUED else put(tx, job, state, due=state in OPEN_STATES)


def titled(tx: Tx, *titles: str) -> list[Job]:
    """Return songs with these titles, oldest first."""
    return [asked(tx, make.custom(title=title), minute=n) for n, title in enumerate(titles)]


def ids(page: SongPage) -> list[int]:
    return [job.id for job in page.songs]


def forget_words(tx: Tx) -> None:
    tx.execute("DELETE FROM text")


# -- unfinished songs


@pytest.mark.parametrize("state", JobState)
def test_each_state_counts_as_unfinished_or_finished_or_neither(tx: Tx, state: JobState) -> None:
    job = asked(tx, state=state)

    making = history.open_jobs(tx, GUILD, MEMBER)
    there = history.songs(tx, GUILD, MEMBER, size=5)

    assert ([job] if state in OPEN_STATES else []) == making
    assert ([job.id] if state in SONG_STATES else []) == ids(there)


def test_unfinished_songs_are_listed_oldest_first_with_parked_ones(tx: Tx) -> None:
    newer = asked(tx, state=JobState.QUEUED, minute=2)
    older = asked(tx, state=JobState.RUNNING, minute=1)
    jobs.move(tx, older, JobState.RUNNING, now=NOW, due_at=None, parked="slow")

    making = history.open_jobs(tx, GUILD, MEMBER)

    assert [(older.id, True), (newer.id, False)] == [(job.id, job.parked) for job in making]


# -- ownership


LOOKS: list[Callable[[Tx, GuildId, DiscordUserId], object]] = [
    history.open_jobs,
    lambda tx, guild, member: list(history.songs(tx, guild, member, size=5).songs),
    lambda tx, guild, member: list(history.songs(tx, guild, member, size=5, word="synth").songs),
    lambda tx, guild, member: list(history.choices(tx, guild, member, "", 25).songs),
    lambda tx, guild, member: [one] if (one := history.find(tx, guild, member, "synth").job) else [],
]


@pytest.mark.parametrize("look", LOOKS)
def test_members_see_only_their_own_songs_of_this_server(
    tx: Tx, look: Callable[[Tx, int, int], list[object]]
) -> None:
    asked(tx)
    asked(tx, state=JobState.QUEUED)

    assert [] == look(tx, ELSEWHERE, MEMBER)
    assert [] == look(tx, GUILD, OTHER)
    assert [] != look(tx, GUILD, MEMBER)


@pytest.mark.parametrize("who", [{"member_id": OTHER}, {"guild_id": ELSEWHERE}])
def test_an_id_of_another_member_or_server_is_unknown(tx: Tx, who: dict[str, int]) -> None:
    theirs = asked(tx, **who)  # type: ignore[arg-type]
    own = [asked(tx, minute=n) for n in (1, 2)]
    newest = history.songs(tx, GUILD, MEMBER, size=1)

    assert [own[1].id] == ids(newest)
    assert newest == history.songs(tx, GUILD, MEMBER, size=1, before_id=theirs.id)
    assert newest == history.songs(tx, GUILD, MEMBER, size=1, after_id=theirs.id)
    assert None is history.find(tx, GUILD, MEMBER, str(theirs.id)).job


def test_songs_of_a_forgotten_member_belong_to_nobody(tx: Tx) -> None:
    asked(tx)
    tx.execute("UPDATE member SET discord_id = NULL")

    assert () == history.songs(tx, GUILD, MEMBER, size=5).songs
    assert () == history.choices(tx, GUILD, MEMBER, "", 25).songs


# -- pages


def test_pages_lead_from_the_newest_to_the_oldest_and_back(tx: Tx) -> None:
    five = [asked(tx, minute=n).id for n in range(5)][::-1]

    def page(**where: int) -> tuple[list[int], bool, bool]:
        read = history.songs(tx, GUILD, MEMBER, size=2, **where)  # type: ignore[arg-type]
        return ids(read), read.newer, read.older

    assert (five[:2], False, True) == page()
    assert (five[2:4], True, True) == page(before_id=five[1])
    assert (five[4:], True, False) == page(before_id=five[3])
    assert (five[1:3], True, True) == page(after_id=five[3])
    assert (five[:2], False, True) == page(after_id=five[2])


def test_the_first_page_is_full_even_if_fewer_songs_are_newer(tx: Tx) -> None:
    three = [asked(tx, minute=n).id for n in range(3)][::-1]

    back = history.songs(tx, GUILD, MEMBER, size=2, after_id=three[1])

    assert three[:2] == ids(back)


def test_simultaneous_songs_are_each_shown_once(tx: Tx) -> None:
    same = {asked(tx).id for _ in range(5)}

    shown: list[int] = []
    page = history.songs(tx, GUILD, MEMBER, size=2)
    while page.songs:
        shown += ids(page)
        page = history.songs(tx, GUILD, MEMBER, size=2, before_id=JobId(shown[-1]))

    assert same == set(shown)
    assert 5 == len(shown)


def test_a_member_without_songs_has_one_empty_page(tx: Tx) -> None:
    assert SongPage(songs=(), newer=False, older=False) == history.songs(tx, GUILD, MEMBER, size=5)


# -- by word


@pytest.mark.parametrize(
    ("word", "fits"),
    [
        ("neon", True),
        ("NEON RAIN", True),
        ("rain neon", True),
        ("neon polka", False),
        ("synthWAVE city", True),
        ("  midnight   ", True),
        ("eon", True),
        ("rainsynthwave", False),
        ("", True),
        ("%", False),
        ("_", False),
        ("n%n", False),
    ],
)
def test_all_words_must_be_in_the_title_style_or_lyrics(tx: Tx, word: str, fits: bool) -> None:
    song = asked(tx, make.custom())

    assert ([song.id] if fits else []) == ids(history.songs(tx, GUILD, MEMBER, size=5, word=word))


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("Die lange Straße", "STRASSE"),
        ("die lange strasse", "straße"),
        ("Über den Äckern Ölspur", "über ÄCKERN öl"),
        ("ΟΔΟΣ", "οδος"),
        ("Ночь", "НОЧЬ"),
        ("İSTANBUL", "istanbul"),
        ("夜の東京タワー", "東京"),
        ("夜の東京ﾀﾜｰ", "タワー"),
        ("夜の 東京", "夜の\u3000東京"),
        ("cafe\u0301", "CAFÉ"),
        ("100 % pure_gold", "100 % pure_gold"),
        (r"back\slash 'quote' \"more\"", r"\slash 'quote'"),
    ],
)
def test_case_and_composition_make_no_difference_in_any_script(tx: Tx, text: str, word: str) -> None:
    asked(tx, make.prompt("Another one"), minute=1)
    song = asked(tx, make.prompt(text))

    assert [song.id] == ids(history.songs(tx, GUILD, MEMBER, size=5, word=word))
    assert [song.id] == [choice.job_id for choice in history.choices(tx, GUILD, MEMBER, word, 25).songs]
    assert song == history.find(tx, GUILD, MEMBER, word).job


def test_pages_of_a_search_contain_only_matches(tx: Tx) -> None:
    songs = titled(tx, "Wet 1", "Sun", "Wet 2", "Sun", "Wet 3")

    first = history.songs(tx, GUILD, MEMBER, size=2, word="wet")
    second = history.songs(tx, GUILD, MEMBER, size=2, word="wet", before_id=first.songs[-1].id)
    back = history.songs(tx, GUILD, MEMBER, size=1, word="wet", after_id=songs[0].id)

    assert ([songs[4].id, songs[2].id], False, True) == (ids(first), first.newer, first.older)
    assert ([songs[0].id], True, False) == (ids(second), second.newer, second.older)
    assert ([songs[2].id], True, True) == (ids(back), back.newer, back.older)


# -- completing


def test_choices_show_the_title_or_start_of_the_prompt_newest_first(tx: Tx) -> None:
    older, newer = asked(tx, make.custom()), asked(tx, make.prompt("Warm synth " + "x" * 200), minute=1)

    assert (
        SongChoice(job_id=newer.id, song=("Warm synth " + "x" * 200)[:80], at=NOW + MINUTE),
        SongChoice(job_id=older.id, song="Neon Rain", at=NOW),
    ) == history.choices(tx, GUILD, MEMBER, "", 25).songs


def test_choices_match_their_label_or_their_id(tx: Tx) -> None:
    song = asked(tx, make.custom())

    def chosen(typed: str) -> list[int]:
        return [choice.job_id for choice in history.choices(tx, GUILD, MEMBER, typed, 25).songs]

    assert [song.id] == chosen("NEON ra")
    assert [song.id] == chosen(str(song.id))
    assert [] == chosen("midnight")


def test_the_number_of_choices_is_within_discords_limit(tx: Tx) -> None:
    for n in range(27):
        asked(tx, minute=n)

    assert 25 == len(history.choices(tx, GUILD, MEMBER, "synth", 25).songs)
    assert NOW + 26 * MINUTE == history.choices(tx, GUILD, MEMBER, "", 25).songs[0].at


def test_a_song_without_texts_is_chosen_and_found_by_its_date(tx: Tx) -> None:
    song = asked(tx, make.custom())
    forget_words(tx)
    asked(tx, make.custom(), minute=60 * 24)

    assert (SongChoice(job_id=song.id, song="", at=NOW),) == history.choices(
        tx, GUILD, MEMBER, "2026-03-14", 25
    ).songs
    assert [song.id] == ids(history.songs(tx, GUILD, MEMBER, size=5, word="2026-03-14"))
    assert found(tx, song) == history.find(tx, GUILD, MEMBER, "2026-03-14").job


# -- finding


def test_a_song_is_found_by_its_autocompleted_id(tx: Tx) -> None:
    songs = titled(tx, "Neon Rain", "Neon Rain")

    assert songs[0] == history.find(tx, GUILD, MEMBER, str(songs[0].id)).job


def test_a_number_that_is_not_an_id_may_be_a_title(tx: Tx) -> None:
    (song,) = titled(tx, "1984")

    assert song == history.find(tx, GUILD, MEMBER, "1984").job


def test_an_exact_title_comes_before_a_newer_song_with_its_words(tx: Tx) -> None:
    songs = titled(tx, "Rain", "Rain", "Neon Rain")

    assert songs[1] == history.find(tx, GUILD, MEMBER, " RAIN ").job
    assert songs[2] == history.find(tx, GUILD, MEMBER, "rain lights").job


@pytest.mark.parametrize(
    "typed",
    ["", "   ", "polka", "0", "-1", "9" * 16, "9" * 17, "9" * 5_000, "٣", "\x00", "1e5", "%", "' OR 1"],
)
def test_text_without_a_match_is_unknown(tx: Tx, typed: str) -> None:
    asked(tx)

    assert None is history.find(tx, GUILD, MEMBER, typed).job


def test_an_unfinished_song_is_not_found(tx: Tx) -> None:
    job = asked(tx, state=JobState.RUNNING)

    assert None is history.find(tx, GUILD, MEMBER, str(job.id)).job


def searched(tx: Tx, word: str, size: int, **edge: JobId) -> tuple[SongPage, int]:
    """Return the result of a search, and the number of looks it took."""
    page, looks = history.songs(tx, GUILD, MEMBER, size=size, word=word, **edge), 1
    while page.read_to is not None:
        page, looks = history.continued(tx, GUILD, MEMBER, page, size=size, word=word), looks + 1
    return page, looks


def test_a_look_of_a_search_reads_a_bounded_number_of_songs(tx: Tx, monkeypatch: pytest.MonkeyPatch) -> None:
    made = titled(tx, "Polka", "Waltz", "Snow", "Waltz", "Snow")
    monkeypatch.setattr(history, "FIRST_LOOK_MAX", 2)
    monkeypatch.setattr(history, "LOOK_MAX", 2)

    page = history.songs(tx, GUILD, MEMBER, size=5, word="waltz")

    assert [made[3].id] == ids(page)
    assert (made[3].id, True, False) == (page.read_to, page.older, page.upward)


@pytest.mark.parametrize(
    ("word", "found", "looks"), [("polka", [0], 3), ("waltz", [3, 1], 3), ("tango", [], 3)]
)
def test_a_search_continues_to_the_oldest_song(
    tx: Tx, monkeypatch: pytest.MonkeyPatch, word: str, found: list[int], looks: int
) -> None:
    made = titled(tx, "Polka", "Waltz", "Snow", "Waltz", "Snow")
    monkeypatch.setattr(history, "FIRST_LOOK_MAX", 2)
    monkeypatch.setattr(history, "LOOK_MAX", 2)

    page, count = searched(tx, word, 5)

    assert ([made[one].id for one in found], looks) == (ids(page), count)
    assert (False, False) == (page.newer, page.older)


def test_a_search_stops_at_a_full_page_and_continues_from_it(tx: Tx, monkeypatch: pytest.MonkeyPatch) -> None:
    made = titled(tx, "Waltz", "Snow", "Waltz", "Snow", "Waltz", "Snow", "Waltz", "Snow")
    monkeypatch.setattr(history, "FIRST_LOOK_MAX", 2)
    monkeypatch.setattr(history, "LOOK_MAX", 2)

    first, _ = searched(tx, "waltz", 2)
    second, _ = searched(tx, "waltz", 2, before_id=first.songs[-1].id)
    back, _ = searched(tx, "waltz", 2, after_id=second.songs[0].id)
    between, _ = searched(tx, "waltz", 1, after_id=made[0].id)

    assert ([made[6].id, made[4].id], True) == (ids(first), first.older)
    assert ([made[2].id, made[0].id], False) == (ids(second), second.older)
    assert [made[6].id, made[4].id] == ids(back)
    assert ([made[2].id], True, True) == (ids(between), between.newer, between.older)


def test_long_texts_end_a_look_early(tx: Tx, monkeypatch: pytest.MonkeyPatch) -> None:
    made = titled(tx, "Polka", "Waltz", "Snow")
    monkeypatch.setattr(history, "LOOK_CHARACTERS_PER_SONG", 0)

    page = history.songs(tx, GUILD, MEMBER, size=5, word="polka")

    assert (made[2].id, []) == (page.read_to, ids(page))
    assert [made[0].id] == ids(searched(tx, "polka", 5)[0])


def test_a_search_ends_at_a_deleted_last_song(tx: Tx) -> None:
    page = SongPage(songs=(), newer=False, older=True, read_to=JobId(12345))

    gone = history.continued(tx, GUILD, MEMBER, page, size=5, word="waltz")

    assert SongPage(songs=(), newer=False, older=True) == gone


def test_a_complete_title_is_found_behind_newer_matches(tx: Tx, monkeypatch: pytest.MonkeyPatch) -> None:
    made = titled(tx, "Waltz", "Snow", "Neon Waltz", "Snow", "Snow")
    monkeypatch.setattr(history, "FIRST_LOOK_MAX", 2)
    monkeypatch.setattr(history, "LOOK_MAX", 2)

    match: Match | None = None
    looks = 0
    while match is None or match.read_to is not None:
        match, looks = history.find(tx, GUILD, MEMBER, "waltz", match), looks + 1

    assert (made[0].id, 3) == (match.job.id if match.job else None, looks)


def test_autocompletion_reports_older_songs(tx: Tx, monkeypatch: pytest.MonkeyPatch) -> None:
    made = titled(tx, "Polka", "Waltz", "Waltz")
    monkeypatch.setattr(history, "CHOICES_READ_MAX", 2)

    found = history.choices(tx, GUILD, MEMBER, "waltz", 25)

    assert ([made[2].id, made[1].id], True) == ([one.job_id for one in found.songs], found.unread)
    assert ((), True) == ((none := history.choices(tx, GUILD, MEMBER, "polka", 25)).songs, none.unread)


@pytest.mark.parametrize("text", ["A  Song\tof RAIN", "", " x ", "\x1c1\x1f2", "I'm İ"])
def test_a_text_is_folded_equally_with_and_without_non_ascii_letters(text: str) -> None:
    assert history.folded(text) == history.folded(text + " é").removesuffix("é").rstrip()
