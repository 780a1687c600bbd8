"""Drive the playground through every screen in Chromium and save screenshots.

``uv run --group screens python -m tests.screens --folder screenshots``
"""

import argparse
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page, sync_playwright
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from bot.ui.language import CODES

CHROMIUM = "/usr/bin/chromium"
SIZES = {"desk": (1280, 900), "phone": (400, 860)}
SEED = 17
READY_MAX_MS = 60_000
"""Maximum time until the page accepts the next click, in milliseconds, on a busy machine."""
PROGRESS_EVERY = 50
"""Number of random actions between two progress lines."""
COMPOSER = "#channel-composer-input"
MESSAGES = "[data-message-id]"
ARROW = "#channel-composer button[type=submit]:visible"
DIALOG = ".modal-dialog"
FAILED = "#channel-message-list > :last-child :is(.mention, .button-style-1)"
"""The last message after a song has failed: somebody's name, or a button to press first."""
PROMPTS = {
    "en": "Warm synth pop about the last train home",
    "de": "Warmer Synthpop über den letzten Zug nach Hause",
    "ja": "終電で帰る夜の、あたたかいシンセポップ",
}
FORM = {
    "en": ("Neon Rain", "dreamy synthwave", "City lights and midnight rain\nNeon rivers down the lane"),
    "de": (
        "Neonregen",
        "verträumter Synthwave",
        "Lichter und Regen um Mitternacht\nEin Fluss aus Neon, der leise lacht",
    ),
    "ja": ("ネオンの雨", "ドリーミーなシンセウェイヴ", "街の灯り、真夜中の雨\nネオンの川が流れていく"),
}
"""Title, style and lyrics."""
MEMBERS_COMMANDS = ("music status", "music history", "music top", "music credits", "privacy view")
MANAGERS_COMMANDS = (
    *("quota view", "quota ledger", "quota usage"),
    *("quota words", "quota channels", "quota managers"),
)
SETTLED = """() => {
    const timeline = document.getElementById("channel-timeline");
    return timeline.scrollTop + timeline.clientHeight >= timeline.scrollHeight - 1
        && [...document.images].every((one) => one.closest("[hidden]") || one.naturalWidth > 0);
}"""
"""Whether all pictures are loaded, and the page has scrolled to the newest message."""
TOO_WIDE = """() =>
    [...document.querySelectorAll("body, .preview-toolbar, .channel-message, .embed-card, .modal-dialog")]
        .filter((one) => one.scrollWidth > one.clientWidth + 1)
        .map((one) => one.className)
"""
READY = """() => {
    const now = window.simcordPreview;
    return now.ready && !now.pendingAction && !now.transport.uncertainRequestId
        && !(now.awaitingRevision > now.publishedRevision);
}"""
"""Whether the page accepts the next click: earlier ones are done, and their changes are shown."""
REFUSED = "() => window.simcordPreview.lastAction.rejected"
"""Whether the last click was not forwarded to the bot."""
GONE = """(key) => ![...document.querySelectorAll("button:not([disabled])")]
    .some((one) => one.dataset.controlKey === key)"""
"""Whether the button no longer exists."""
STATE = """() => {
    const names = ["ready", "pendingAction", "awaitingRevision", "publishedRevision", "transport"];
    return JSON.stringify(simcordPreview, names.concat("lastAction", "kind", "state", "rejected"));
}"""
"""The page's state while waiting, for the error."""
NEWER = (
    "([messages, before]) => [...document.querySelectorAll(messages)].at(-1)?.dataset.messageId !== before"
)
"""Whether a message has arrived after this one."""


class Stuck(Exception):
    """The page does not react as requested."""


class Screens:
    """One language at one width."""

    def __init__(self, page: Page, language: str, size: str, folder: Path) -> None:
        self.page = page
        self.language = language
        self.size = size
        self.folder = folder
        self.taken = 0
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def keep(self, name: str) -> None:
        """Take a screenshot, and check for anything that no screen may contain."""
        self.page.evaluate("document.fonts.ready")
        self.page.wait_for_function(SETTLED)
        self.taken += 1
        path = self.folder / f"{self.language}-{self.size}-{self.taken:02d}-{name}.png"
        self.page.screenshot(path=path, animations="disabled")
        wide = self.page.evaluate(TOO_WIDE)
        if wide or self.errors:
            raise Stuck(f"{path.name}: too wide: {wide}; errors: {self.errors}")

    def type_command(self, command: str, *values: str) -> None:
        self.page.locator(COMPOSER).click()
        self.page.keyboard.type(f"/{command}")
        self.page.locator("[role=option]:visible").first.wait_for()
        self.page.keyboard.press("Tab")
        for number, value in enumerate(values):
            if number:
                self.page.keyboard.press("Tab")
            self.page.keyboard.type(value)

    def send(self) -> None:
        self.page.locator(ARROW).last.click()

    def run(self, command: str, *values: str) -> Locator:
        """Run a command and return its answer."""
        before = self.newest()
        self.type_command(command, *values)
        self.send()
        self.page.wait_for_function(NEWER, arg=[MESSAGES, before])
        self.ready()
        return self.page.locator(MESSAGES).last

    def newest(self) -> str | None:
        # Typed here, because the browser's package is not installed where types are checked.
        message_id: str | None = self.page.locator(MESSAGES).last.get_attribute("data-message-id")
        return message_id

    def fill_form(self, title: str, style: str, lyrics: str) -> None:
        for field, text in (("title", title), ("prompt", style), ("style", style), ("lyrics", lyrics)):
            # A form may have fewer fields: that of a song from a prompt has no title.
            for entry in self.page.locator(f"{DIALOG} [data-custom-id={field}] :is(input, textarea)").all():
                entry.fill(text)

    def submit_form(self) -> None:
        self.page.locator(f"{DIALOG} button[type=submit], {DIALOG} .modal-actions button").last.click()
        self.page.locator(DIALOG).wait_for(state="hidden")

    def switch(self, number: int) -> None:
        button = self.page.locator(".viewers button").nth(number)
        button.click()
        self.page.locator(f".viewers button:nth-of-type({number + 1})[aria-pressed=true]").wait_for()

    def tour(self) -> None:
        """Go through every screen."""
        self.keep("start")
        self.page.locator(COMPOSER).click()
        self.page.keyboard.type("/music")
        self.page.locator("[role=option]").nth(3).wait_for()
        self.keep("commands")
        self.page.locator(COMPOSER).fill("")
        self.type_command("music create", PROMPTS[self.language])
        self.keep("create")
        self.send()
        self.page.locator(f"{MESSAGES} .embed-card").first.wait_for()
        self.keep("card")
        song = self.page.locator(f"{MESSAGES}:has(.component-button):has(.media-player-status)")
        song.last.wait_for()
        self.page.wait_for_function(
            "() => [...document.querySelectorAll('.media-player-status')].every((one) => !one.textContent)"
        )
        self.keep("song")
        self.run("music help")
        self.keep("help")

        self.type_command("music custom")
        self.send()
        self.page.locator(DIALOG).wait_for()
        title, style, lyrics = FORM[self.language]
        self.fill_form(title, style, lyrics)
        self.keep("form")
        self.fill_form(title, style, "")
        before = self.newest()
        self.submit_form()
        self.page.wait_for_function(NEWER, arg=[MESSAGES, before])
        self.keep("form-refused")
        self.run("music create", f"{PROMPTS[self.language]} [fail]")
        self.page.locator(
            "#channel-message-list > :last-child :is(.mention, .button-style-1)"
        ).first.wait_for()
        self.keep("failure")
        for command in MEMBERS_COMMANDS:
            self.run(command)
            self.keep(command.replace(" ", "-"))
        self.run("quota grant", "50", "🎉")
        for command in MANAGERS_COMMANDS:
            self.run(command)
            self.page.wait_for_load_state()
            self.keep(command.replace(" ", "-"))
        self.switch(1)
        self.run("music credits")
        self.keep("second-member")

    def ready(self) -> None:
        """Wait until the page accepts the next click."""
        try:
            self.page.wait_for_function(READY, timeout=READY_MAX_MS)
        except PlaywrightTimeout:
            raise Stuck(f"the page takes no click: {self.page.evaluate(STATE)}") from None

    def close_form(self) -> None:
        """Close a form without sending it."""
        self.page.keyboard.press("Escape")
        self.page.locator(DIALOG).wait_for(state="hidden")

    def play(self, actions: int) -> None:
        """Click around at random; each time, the page has to become ready for the next click."""
        choose = random.Random(SEED)  # noqa: S311 - no secret
        for number in range(actions):
            self.ready()
            try:
                self.act(choose)
            except PlaywrightTimeout as error:
                raise Stuck(f"after {number} actions: {error}; {self.page.evaluate(STATE)}") from error
            if self.errors:
                raise Stuck(f"after {number} actions: {self.errors}")
            if number % PROGRESS_EVERY == PROGRESS_EVERY - 1:
                sys.stdout.write(f"{self.size}: {number + 1} actions\n")
                sys.stdout.flush()
        self.ready()
        if self.page.locator(DIALOG).is_visible():
            self.close_form()
        self.run("music help")

    def press(self, button: Locator) -> None:
        """Press a button. It may only be refused if the bot has just removed it, as the page then shows."""
        key = button.get_attribute("data-control-key")
        button.click()
        self.ready()
        if self.page.evaluate(REFUSED):
            self.page.wait_for_function(GONE, arg=key)

    def act(self, choose: random.Random) -> None:
        """Do one thing that a person could do now."""
        if self.page.locator(DIALOG).is_visible():
            if choose.random() < 0.5:
                self.close_form()
            else:
                self.fill_form("Rain", "folk", "Rain")
                self.submit_form()
            return
        kind = choose.random()
        pressable = self.page.locator(f"{MESSAGES} button.component-button:not([disabled])")
        if kind < 0.1:
            self.switch(choose.randrange(2))
        elif kind < 0.6 and (count := pressable.count()):
            self.press(pressable.nth(choose.randrange(count)))
        elif kind < 0.7:
            self.run("music create", f"{PROMPTS[self.language]} {choose.choice(['', '[fail]'])}")
        elif kind < 0.8:
            self.type_command("music custom")
            self.send()
            self.page.locator(DIALOG).wait_for()
        else:
            self.run(choose.choice(MEMBERS_COMMANDS))


@contextmanager
def playground(language: str) -> Iterator[str]:
    """Run the playground in its own process. Yield its URL."""
    command = [sys.executable, "-m", "tests.screens.server", language]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own program
        try:
            assert process.stdout is not None
            found = re.search(r"http://\S+", process.stdout.readline())
            if found is None:
                raise Stuck("the playground did not start")
            yield found[0]
        finally:
            process.terminate()


@contextmanager
def opened(browser: Browser, language: str, size: str, folder: Path) -> Iterator[Screens]:
    """Open a separate playground; save a screenshot if anything fails."""
    width, height = SIZES[size]
    with playground(language) as url:
        page = browser.new_page(viewport={"width": width, "height": height})
        page.goto(url)
        page.locator(".viewers button[aria-pressed=true]").wait_for()
        try:
            yield Screens(page, language, size, folder)
        except Exception:
            page.screenshot(path=folder / f"{language}-{size}-stuck.png")
            raise
        page.close()


def main() -> None:
    """Visit each screen in each language and width."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("screenshots"))
    parser.add_argument("--chromium", default=CHROMIUM)
    parser.add_argument("--languages", nargs="*", choices=CODES, default=CODES)
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--actions", type=int, default=0, help="random clicks after the tours, on each width")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        # Chromium's sandbox does not start as root. It only opens a local page.
        browser = playwright.chromium.launch(executable_path=options.chromium, args=["--no-sandbox"])
        for language in options.languages:
            for size in options.sizes:
                with opened(browser, language, size, options.folder) as screens:
                    screens.tour()
                sys.stdout.write(f"{language}, {size}: {screens.taken} screens\n")
        for size in options.sizes if options.actions else ():
            with opened(browser, CODES[0], size, options.folder) as screens:
                screens.play(options.actions)
            sys.stdout.write(f"{size}: {options.actions} random actions, and the page was never stuck\n")
        browser.close()


if __name__ == "__main__":
    main()
