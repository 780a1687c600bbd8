"""The address of a proxy."""

import pytest

from bot.proxies import Proxy, ProxyKind, parse_proxy

SECRET = "hunter2ThatNobodyMayRead"


@pytest.mark.parametrize(
    ("url", "kind", "host", "port", "login"),
    [
        ("http://proxy.example:3128", ProxyKind.HTTP, "proxy.example", 3128, ("", "")),
        ("http://proxy.example:3128/", ProxyKind.HTTP, "proxy.example", 3128, ("", "")),
        ("https://proxy.example:443", ProxyKind.HTTPS, "proxy.example", 443, ("", "")),
        ("socks5://127.0.0.1:1080", ProxyKind.SOCKS5, "127.0.0.1", 1080, ("", "")),
        ("socks5h://127.0.0.1:1080", ProxyKind.SOCKS5, "127.0.0.1", 1080, ("", "")),
        ("SOCKS5://a:b@[::1]:1080", ProxyKind.SOCKS5, "::1", 1080, ("a", "b")),
        ("http://a%40b:c%2F%3Ad@h:1", ProxyKind.HTTP, "h", 1, ("a@b", "c/:d")),
    ],
)
def test_a_proxy_is_read(url: str, kind: ProxyKind, host: str, port: int, login: tuple[str, str]) -> None:
    user, password = login
    expected = Proxy(kind=kind, host=host, port=port, user=user, password=password)

    assert expected == parse_proxy(url)
    assert expected == parse_proxy(expected.url)


@pytest.mark.parametrize(
    "url",
    [
        *(
            "",
            "proxy",
            "proxy.example:3128",
            "//proxy:1",
            "http://",
            "http://proxy",
            "http://proxy:0",
            "http://:1",
        ),
        *("http://proxy:99999", "http://proxy:x", "ftp://proxy:1", "socks4://proxy:1"),
        *(
            "http://proxy:1/path",
            "http://proxy:1?a=b",
            "http://proxy:1#a",
            "http://pro xy:1",
            "http://próxy:1",
        ),
        *(f"http://{'x' * 254}:1", "http://[::1:1", "http://proxy:1\n", "http://pro\txy:1"),
    ],
)
def test_a_url_of_no_proxy_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"^must be a URL like http://proxy\.example:3128"):
        parse_proxy(url)


@pytest.mark.parametrize(
    "login",
    [
        *(f"{SECRET}@", f":{SECRET}@", f"a%3Ab:{SECRET}@", f"{'x' * 256}:{SECRET}@", f"a:{SECRET}%0A@"),
        *(f"a:{SECRET}%00@", f"ä:{SECRET}@", f"%C3%A4:{SECRET}@"),
    ],
)
def test_an_impossible_login_is_refused_and_not_shown(login: str) -> None:
    with pytest.raises(ValueError, match=r"^(has a|must be) ") as refused:
        parse_proxy(f"socks5://{login}proxy:1080")

    assert SECRET not in str(refused.value)


def test_a_proxy_shows_its_password_nowhere() -> None:
    proxy = parse_proxy(f"socks5://ada:{SECRET}@proxy:1080")

    assert SECRET not in repr(proxy) + proxy.address
