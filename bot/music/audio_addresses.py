"""Find the addresses of a song's audio and pictures in an answer, the most reliable first.

A paid song must not be lost because a field is spelled or nested differently: whatever plainly names its
audio is understood.
"""

import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final
from urllib.parse import urlsplit

from msgspec import Struct, field

from bot.lazy import lazy_pattern
from bot.music.json_answers import (
    DEPTH_MAX,
    FIELDS_MAX,
    NESTS,
    Budget,
    JsonObject,
    fields_of,
    places_within,
    plain_name,
)

URLS_MAX: Final = 64
"""Maximum number of addresses returned; a song has at most a few takes."""
COVER_URL_MAX: Final = 2_048
"""Maximum length of a picture's address, in characters."""
COVERS_MAX: Final = 8
"""Maximum number of picture addresses returned."""
CANDIDATES_MAX: Final = 1_000
"""Maximum number of addresses checked."""
URL_MAX: Final = 100_000
"""Maximum length of an address, in characters."""
TEXT_MAX: Final = 100_000
"""Maximum length of a text searched for addresses, in characters."""

AUDIO_NAMES: Final = (
    *("audiourls", "audiourl", "audios", "audio", "songs", "song", "tracks", "track", "clips", "sunodata"),
    *("output", "outputs", "results", "resulturls", "mp3urls", "files", "urls"),
)
"""Audio fields: an address, the description of a take, or a list of these; the most reliable first."""
_ADDRESS_NAMES: Final = (
    *("url", "src", "downloadurl", "sourceaudiourl", "mp3url", "fileurl", "cdnurl", "mediaurl"),
    *("mp3", "file", "link", "href"),
)
"""Fields for a take's address, which elsewhere hold other things."""
_COVER_NAMES: Final = frozenset(
    [
        *("imageurls", "imageurl", "images", "image", "imagelargeurl", "coverurls", "coverurl", "cover"),
        *("coverimageurl", "coverimage", "albumart", "artworkurl", "artwork"),
    ]
)
"""Fields for the picture of a take or of the song."""
_STREAM_NAMES: Final = ("streamaudiourl", "audiostreamurl", "streamurl", "stream", "sourcestreamaudiourl")
_TYPED: Final = frozenset(
    [
        *("prompt", "gptdescriptionprompt", "lyrics", "lyric", "title", "style", "tags", "negativetags"),
        *("request", "input", "params", "param", "parameters", "options", "error", "errors", "errormessage"),
        *("callbackurl", "webhook", "webhookurl", "notifyhook", "uploadurl"),
    ]
)
"""Fields that repeat the request or hold an error: an address in them is not the song's."""
_AUDIO_SUFFIXES: Final = (
    *(".mp3", ".m4a", ".wav", ".flac", ".ogg", ".oga", ".opus", ".aac", ".aif", ".aiff", ".weba", ".mp4a"),
    *(".wave", ".mp2", ".m4b", ".caf"),
)
_OTHER_SUFFIXES: Final = (
    *(".jpg", ".jpeg", ".png", ".webp", ".gif", ".svg", ".avif", ".bmp", ".json", ".txt", ".lrc", ".srt"),
    *(".vtt", ".html", ".htm", ".xml", ".pdf", ".mp4", ".mov", ".zip", ".mid", ".midi"),
)
_URL: Final = lazy_pattern(r"https://(?:(?!https://)[^\s\"'<>\\]){1,2000}", re.IGNORECASE)
_PUNCTUATION: Final = ".,;:!?)]}*_|"
"""Characters that end a sentence or a link in a text, rather than an address."""


def audio_urls(root: JsonObject, usable: Callable[[str], bool]) -> tuple[str, ...]:
    """Return the usable addresses in audio fields, in order and without duplicates.

    An address that streams an unfinished song is returned only if there is no other.
    """
    budget, addresses = Budget(), _Addresses(usable)
    for place in places_within(root, budget):
        _collect_object(place, addresses, budget, depth=0, audio=False)
        if addresses.final:
            break  # other places repeat the same takes
    for urls in (addresses.final, addresses.unsure, addresses.streams):
        if urls:
            return tuple(urls)[:URLS_MAX]
    return ()


def any_urls(root: JsonObject, usable: Callable[[str], bool]) -> tuple[str, ...]:
    """Return all usable addresses that end like an audio file's, as a last resort."""
    budget, addresses = Budget(), _Addresses(usable)
    stack: list[tuple[object, int]] = [(root, 0)]
    while stack and budget.take() and not addresses.full:
        value, depth = stack.pop()
        value = budget.unwrap(value)
        if isinstance(value, str):
            for url in _urls_in(value[:TEXT_MAX]):
                if _suffix(url) in _AUDIO_SUFFIXES:
                    addresses.add(url)
        elif depth > DEPTH_MAX:
            continue
        elif isinstance(value, dict):
            fields = [one for key, one in islice(value.items(), FIELDS_MAX) if plain_name(key) not in _TYPED]
            stack += [(one, depth + 1) for one in reversed(fields)]
        elif isinstance(value, list):
            stack += [(one, depth + 1) for one in reversed(value[:CANDIDATES_MAX])]
    return tuple(addresses.final or addresses.streams)[:URLS_MAX]


def _urls_in(text: str) -> Iterator[str]:
    """Yield the addresses in a text, whose slashes may still be escaped."""
    for url in _URL.findall(text.replace("\\/", "/")):
        yield url.rstrip(_PUNCTUATION)


def cover_urls(root: JsonObject, usable: Callable[[str], bool]) -> tuple[str, ...]:
    """Return the usable addresses in cover fields, in order and without duplicates."""
    budget, urls = Budget(), dict[str, None]()
    stack: list[tuple[object, int, bool]] = [(root, 0, False)]
    while stack and budget.take() and len(urls) < COVERS_MAX:
        value, depth, cover = stack.pop()
        value = budget.unwrap(value)
        if isinstance(value, str):
            if cover and len(value) <= COVER_URL_MAX and usable(value.strip()):
                urls[value.strip()] = None
        elif depth > DEPTH_MAX:
            continue
        elif isinstance(value, dict):
            fields = {name: one for name, one in fields_of(value).items() if name not in _TYPED}
            nested = [
                (one, depth + 1, name in _COVER_NAMES or (cover and name in _ADDRESS_NAMES))
                for name, one in fields.items()
            ]
            stack += reversed(nested)
        elif isinstance(value, list):
            stack += [(one, depth + 1, cover) for one in reversed(value[:CANDIDATES_MAX])]
    return tuple(urls)


class _Addresses(Struct):
    """Usable addresses by reliability, in the order found and without duplicates."""

    usable: Callable[[str], bool]
    final: dict[str, None] = field(default_factory=dict)
    unsure: dict[str, None] = field(default_factory=dict)
    """Addresses that may belong to something else, for example to the task itself."""
    streams: dict[str, None] = field(default_factory=dict)
    candidates: int = 0

    @property
    def full(self) -> bool:
        return len(self.final) >= URLS_MAX or self.candidates >= CANDIDATES_MAX

    def add(self, url: str, *, stream: bool = False, unsure: bool = False) -> bool:
        """Add an address if it is usable; return whether it is a final one."""
        url = url.strip()
        if self.full or len(url) > URL_MAX:
            return False
        self.candidates += 1
        if not self.usable(url):
            return False
        kind = self.streams if stream or _is_stream(url) else self.unsure if unsure else self.final
        kind[url] = None
        return kind is self.final


def _collect(value: object, addresses: _Addresses, budget: Budget, *, depth: int) -> bool:
    """Collect the addresses in an audio field's value; return whether one is final."""
    if depth > DEPTH_MAX or addresses.full or not budget.take():
        return False
    value = budget.unwrap(value)
    if isinstance(value, str):
        several = value.lower().count("https:") > 1
        urls = list(_urls_in(value[:TEXT_MAX])) if several else [value.replace("\\/", "/")]
        hits = [_suffix(url) not in _OTHER_SUFFIXES and addresses.add(url) for url in urls]
        return any(hits)
    if isinstance(value, list):
        hits = [_collect(item, addresses, budget, depth=depth + 1) for item in value[:CANDIDATES_MAX]]
        return any(hits)
    if isinstance(value, dict):
        return _collect_object(value, addresses, budget, depth=depth + 1, audio=True)
    return False


def _collect_object(
    place: JsonObject, addresses: _Addresses, budget: Budget, *, depth: int, audio: bool
) -> bool:
    """Collect the addresses in an object's most reliable field, and streams.

    ``audio`` means that the object is in an audio field, so that its "url" is a take's address.
    """
    fields = fields_of(place)
    for name in _STREAM_NAMES:
        if isinstance(url := fields.get(name), str) and addresses.add(url, stream=True):
            break
    for name in (*AUDIO_NAMES, *_ADDRESS_NAMES, *NESTS):
        value = fields.get(name)
        if name in _ADDRESS_NAMES and isinstance(value, str):
            unsure = not audio and name != "sourceaudiourl" and _suffix(value) not in _AUDIO_SUFFIXES
            if _suffix(value) not in _OTHER_SUFFIXES and addresses.add(value, unsure=unsure):
                return True
        elif value and _collect(value, addresses, budget, depth=depth):
            return True
    return False


def _suffix(url: str) -> str:
    try:
        name = urlsplit(url.strip()[:URL_MAX]).path.rpartition("/")[2]
    except ValueError:
        return ""
    return "." + name.rpartition(".")[2].lower() if "." in name else ""


def _is_stream(url: str) -> bool:
    """Return whether a label of the host or a folder begins with "stream"."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    labels = (parts.hostname or "").split(".")[:-2] + parts.path.lower().split("/")[:-1]
    return any(label.startswith("stream") for label in labels)
