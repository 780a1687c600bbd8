"""Lyrics files in any encoding, and files that are not plain text."""

import codecs
import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.refusals import UnreadableFile
from bot.ui.lyrics_file import FILE_MAX_BYTES, decode

RUSSIAN = (
    "Я помню чудное мгновенье\nПередо мной явилась ты\n",
    "[Куплет]\nДождь стучит в моё окно\nГород спит, и мне темно\n\n[Припев]\nПой со мной, пой со мной\n",
    "Привет, мир",
    "ГРУППА КРОВИ НА РУКАВЕ\nМОЙ ПОРЯДКОВЫЙ НОМЕР НА РУКАВЕ",
    "[Verse 1]\nЯ люблю тебя, my love\n[Chorus]\nНа-на-на, hey hey",
)
WESTERN = (
    "Sous le pont Mirabeau coule la Seine\nEt nos amours\nFaut-il qu\u2019il m\u2019en souvienne\n",
    "Été à Paris",
    "Ça va bientôt être la fête\nOù cœur et âme dansent",
    "Über den Wolken\nmuss die Freiheit wohl grenzenlos sein\nAlle Ängste, alle Sorgen sagt man",
    "Schöne Grüße",
    "¿Dónde estás, corazón?\nMañana será otro día\nNiño",
    "Não há solidão maior\nA canção do coração",
    "Sköna vår, du är här\nÅ, ljuva natt",
    "Don\u2019t stop — it\u2019s “only” love…\nI can\u2019t go",
)
SIMPLIFIED = (
    "床前明月光\n疑是地上霜\n举头望明月\n低头思故乡",
    "[主歌]\n夜雨敲打着我的窗\n霓虹灯下的城市在歌唱\n\n[副歌]\n我们一起走到天亮",
    "你好世界",
    "月亮代表我的心",
    "Baby 我爱你\nOh yeah 我不能没有你",
)
TRADITIONAL = (
    "床前明月光\n疑是地上霜\n舉頭望明月\n低頭思故鄉",
    "[主歌]\n夜雨敲打著我的窗\n霓虹燈下的城市在歌唱\n\n[副歌]\n我們一起走到天亮",
    "月亮代表我的心",
    "Baby 我愛你\nOh yeah 我不能沒有你",
)
JAPANESE = (
    "夜の雨が窓を叩く\nネオンの街で歌おう\n君と二人で",
    "桜\n桜\n今咲き誇る",
    "[サビ]\nありがとう、さようなら\nLove you baby",
    "サヨナラ",
    "上を向いて歩こう\n涙がこぼれないように\n思い出す春の日",
)
KOREAN = (
    "밤비가 창문을 두드리고\n네온 도시에서 노래해\n너와 둘이서",
    "사랑해",
    "Oppa 강남스타일\nhey sexy lady",
    "동해물과 백두산이 마르고 닳도록\n하느님이 보우하사 우리나라 만세",
)
CENTRAL = (
    "Kde domov můj\nvoda hučí po lučinách\nbory šumí po skalinách",
    "Zażółć gęślą jaźń\nmiłość i słońce",
)
LEGACY = [
    *((text, codec) for text in RUSSIAN for codec in ("cp1251", "koi8_r")),
    *((text, "cp1252") for text in WESTERN),
    *((text, codec) for text in SIMPLIFIED for codec in ("gbk", "gb18030")),
    *((text, "big5") for text in TRADITIONAL),
    *((text, codec) for text in JAPANESE for codec in ("shift_jis", "euc_jp")),
    *((text, "iso2022_jp") for text in JAPANESE),
    *((text, "euc_kr") for text in KOREAN),
    *((text, "cp1250") for text in CENTRAL),
]
TEXTS = (
    *RUSSIAN,
    *WESTERN,
    *SIMPLIFIED,
    *TRADITIONAL,
    *JAPANESE,
    *KOREAN,
    *CENTRAL,
    "Neon rain\nfalls",
    "हिन्दी",
    "می\u200cخواهم",
)
MARKED = {
    "utf-8": codecs.BOM_UTF8,
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
}


def zipped() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("word/document.xml", "<w:t>Neon rain</w:t>")
    return packed.getvalue()


NOT_TEXT = {
    "pdf": b"%PDF-1.7\nstream Neon rain endstream\n%%EOF\n",
    "pdf after a line": b"\n\n%PDF-1.4\nNeon rain",
    "docx": zipped(),
    "old doc": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512),
    "rtf": rb"{\rtf1\ansi Neon rain\par}",
    "page": b"<!DOCTYPE html>\n<html><body>Neon rain</body></html>",
    "page with a mark": codecs.BOM_UTF8 + b"\n <HTML><p>Neon rain</p>",
    "page in a legacy encoding": "<html><body>Дождь стучит в моё окно".encode("cp1251"),
    "xml": b'<?xml version="1.0"?><lyrics>Neon rain</lyrics>',
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg'></svg>",
    "png": b"\x89PNG\r\n\x1a\n" + bytes(64),
    "jpeg": b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(64),
    "gif": b"GIF89a Neon rain",
    "mp3": b"ID3\x04\x00" + bytes(64),
    "gzip": b"\x1f\x8b\x08\x00" + bytes(20),
    "zeros": bytes(100),
    "controls in ascii": b"Neon\x01rain",
    "every byte": bytes(range(256)),
    "UTF-32": "Neon rain".encode("utf-32"),
    "a wrong mark": codecs.BOM_UTF8 + b"caf\xe9",
    "half a character": codecs.BOM_UTF16_LE + b"N\x00e",
}


@pytest.mark.parametrize(("text", "codec"), LEGACY)
def test_lyrics_in_a_legacy_encoding_are_read_and_marked_as_a_guess(text: str, codec: str) -> None:
    for typed in (text, text.replace("\n", "\r\n") + "\r\n"):
        reading = decode(typed.encode(codec))

        assert text.strip() == reading.text
        assert reading.guessed


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("text", [text for text in TEXTS if text not in ("हिन्दी", "می\u200cخواهم")])
def test_utf_16_without_a_mark_is_read_and_marked_as_a_guess(text: str, codec: str) -> None:
    reading = decode(text.encode(codec))

    assert (text.strip(), True) == (reading.text, reading.guessed)


@pytest.mark.parametrize("codec", MARKED)
@pytest.mark.parametrize("text", TEXTS)
def test_a_byte_order_mark_leaves_nothing_to_guess(text: str, codec: str) -> None:
    reading = decode(MARKED[codec] + text.encode(codec))

    assert (text.strip(), False) == (reading.text, reading.guessed)


@pytest.mark.parametrize("text", TEXTS)
def test_utf_8_leaves_nothing_to_guess(text: str) -> None:
    reading = decode(text.encode() + b"\x1a")

    assert (text.strip(), False) == (reading.text, reading.guessed)


@pytest.mark.parametrize("content", NOT_TEXT.values(), ids=NOT_TEXT.keys())
def test_a_file_that_is_not_plain_text_is_refused_whatever_its_name(content: bytes) -> None:
    with pytest.raises(UnreadableFile) as refused:
        decode(content)

    assert "not_text" == refused.value.cause


@pytest.mark.parametrize("text", ["", " \r\n", "\u200b\u3164", "\ufeff", "\u2800\n\u00ad"])
def test_a_file_without_visible_characters_is_empty(text: str) -> None:
    with pytest.raises(UnreadableFile) as refused:
        decode(text.encode())

    assert "empty" == refused.value.cause


def test_a_file_over_the_limit_is_not_read() -> None:
    assert FILE_MAX_BYTES == len(decode(b"x" * FILE_MAX_BYTES).text)
    with pytest.raises(UnreadableFile) as refused:
        decode(b"x" * (FILE_MAX_BYTES + 1))

    assert "too_big" == refused.value.cause


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    try:
        text = decode(content).text
    except UnreadableFile:
        return

    assert "\x00" not in text
    assert text.strip()
