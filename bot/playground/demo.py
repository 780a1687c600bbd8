"""Play an evening on the simulated Discord and print a transcript: ``tunesmith demo``."""

import asyncio
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

import discord
import simcord

from bot.model import Backend
from bot.music.backends import plain_contract
from bot.music.formats import ending_of
from bot.playground.world import World
from bot.ui.language import ENGLISH

DELAY_S: Final = 1.0
"""Time the sandbox takes for a song."""

PACE: Final = 0.05
"""Factor on the bot's polling intervals."""

SONG_WAIT_MAX_S: Final = 30.0
"""How long to wait for a message from the bot."""

TASKS: Final = 4
"""Number of tasks in the evening: three songs and one failure."""

FILES: Final = 6
"""Number of files in the evening: three songs of two takes."""

UNITS_S: Final = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))
"""Units of a duration and their lengths in seconds, longest first."""

Say = Callable[[str], None]

LYRICS: Final = """City lights and midnight rain
Neon rivers down the lane
Every window hums your name
Nothing here will stay the same"""


class DemoFailed(Exception):
    """The evening did not go as planned."""


async def play(folder: Path, say: Say, contract: Backend = Backend.SSEEDANCE) -> bool:
    """Play the evening and save its songs to ``folder``. Return whether everything went as planned."""
    say("Starting the bot on a simulated Discord, with a sandbox that composes its songs …")
    with tempfile.TemporaryDirectory(prefix="tunesmith-demo-") as scratch:
        async with World.open(
            Path(scratch),
            delay_s=DELAY_S,
            pace=PACE,
            contract=contract,
            lyrics=plain_contract(contract).capabilities.lyrics is not None,
        ) as world:
            try:
                saved = await _Evening(world, folder, say).play()
            except DemoFailed as failed:
                say(f"\nThe demo failed: {failed}")
                return False
    say(f"\nThat was the evening: {len(saved)} files in {folder}/. Try it yourself: tunesmith playground")
    return True


class _Evening:
    def __init__(self, world: World, folder: Path, say: Say) -> None:
        self.world = world
        self.folder = folder
        self.say = say
        self.saved: list[Path] = []
        self.seen: set[int] = set()
        """Ids of the messages printed so far."""

    async def play(self) -> list[Path]:
        ada = self.world.add_member("Ada", manager=True)
        mia, noah = self.world.add_member("Mia"), self.world.add_member("Noah")
        self.say(f"Ada, Mia and Noah are on the server “{self.world.guild.name}”; Ada manages it.")

        self._title("Ada sets the daily allowance")
        await self._slash(ada, "quota set", credits=30, period="day")

        self._title("Mia asks for a song in one line")
        await self._slash(mia, "music create", prompt="Warm synth pop about the last train home")
        await self._song_for(mia)

        self._title("Noah fills in the form, and the bot restarts during the song")
        await self._form(noah, title="Neon Rain", style="synthwave, dreamy", lyrics=LYRICS)
        await self.world.restart()
        self.say("        (the bot's process ends, and a new one starts on the same database)")
        await self._song_for(noah)

        self._title("A song fails at the music service")
        await self._slash(mia, "music create", prompt="A lullaby that goes wrong [fail]")
        await self._notice_for(mia)

        self._title("An incomplete form costs nothing and keeps its text")
        refused = await self._form(noah, title="No Words Yet", style="acoustic folk", lyrics="")
        await self._lyrics(noah, refused)

        self._title("Noah spends the last credits on an instrumental, and Mia is too late")
        await self._slash(noah, "music create", prompt="Cinematic ambient, open sky, slow", instrumental=True)
        await self._slash(mia, "music create", prompt="One more, please")
        await self._song_for(noah)

        self._title("Ada grants more credits and checks the balance")
        await self._slash(ada, "quota grant", credits=50, reason="It is a good evening")
        await self._slash(mia, "music credits")
        await self._slash(ada, "quota view")
        self._check_books()
        return self.saved

    def _title(self, text: str) -> None:
        self.say(f"\n— {text}")

    async def _slash(self, who: simcord.MemberActor, command: str, **options: object) -> None:
        typed = " ".join(f"{name}:{value}" for name, value in options.items())
        self.say(f"{_name(who):>7} ▸ /{command} {typed}".rstrip())
        self._answered(await who.slash(self.world.channel, command, **options))

    async def _lyrics(self, who: simcord.MemberActor, refused: simcord.InteractionResult) -> None:
        """Have lyrics written for a refused form, if the music service does that."""
        if self.world.parts.intake.terms.lyrics is None or refused.response is None:
            return
        label = ENGLISH("button-write-lyrics")
        self.say(f"{_name(who):>7} ▸ presses [{label}]")
        self._answered(await who.click(refused.response.message, label=label))

    async def _form(self, who: simcord.MemberActor, **fields: str) -> simcord.InteractionResult:
        self.say(f"{_name(who):>7} ▸ /music custom")
        form = await who.slash(self.world.channel, "music custom")
        if form.modal is None:
            raise DemoFailed("the form did not open")
        for name, value in fields.items():
            first, *more = value.splitlines() or ["(empty)"]
            self.say(f"{'':>9} {name}: {first}{' …' if more else ''}")
        result = await who.submit_modal(form, fields | {"vocals": "with_vocals"})
        self._answered(result)
        return result

    def _answered(self, result: simcord.InteractionResult) -> None:
        if result.response is None:
            raise DemoFailed("the bot did not answer")
        self._show(result.response.message, private=result.ephemeral)

    async def _song_for(self, who: simcord.MemberActor) -> None:
        message = await self._next_post(who)
        self._show(message)
        if not message.attachments:
            raise DemoFailed("the song has no audio")
        self.folder.mkdir(parents=True, exist_ok=True)
        for attachment in message.attachments:
            audio = await attachment.read()
            if ending_of(audio) != ".mp3":
                raise DemoFailed(f"{attachment.filename} is not an mp3 file")
            path = self.folder / attachment.filename
            path.write_bytes(audio)
            self.saved.append(path)
            self.say(f"{'':>9} ♪ {attachment.filename}, {len(audio) / 1e6:.2f} MB, saved as {path}")

    async def _notice_for(self, who: simcord.MemberActor) -> None:
        self._show(await self._next_post(who))

    async def _next_post(self, who: simcord.MemberActor) -> discord.Message:
        """Wait for the next message that mentions this member."""
        try:
            async with asyncio.timeout(SONG_WAIT_MAX_S):
                while True:
                    self.world.changed.clear()
                    for message in self.world.channel.history():
                        if message.id not in self.seen and message.content.startswith(who.mention):
                            self.seen.add(message.id)
                            return message
                    await self.world.changed.wait()
        except TimeoutError:
            raise DemoFailed(
                f"there was no message for {_name(who)} within {SONG_WAIT_MAX_S:.0f} s"
            ) from None

    def _show(self, message: discord.Message, *, private: bool = False) -> None:
        lines = message.content.splitlines()
        for embed in message.embeds:
            lines += [embed.title or "", *(embed.description or "").splitlines()]
            lines += [" · ".join(f"{field.name}: {field.value}" for field in embed.fields)]
            lines += [embed.footer.text or ""]
        buttons = [
            child.label
            for row in message.components
            if isinstance(row, discord.ActionRow)
            for child in row.children
            if isinstance(child, discord.Button) and child.label
        ]
        lines += [" ".join(f"[{label}]" for label in buttons)]
        first, *more = [_readable(line, self.world) for line in lines if line.strip()]
        self.say(f"    bot ◂ {first}{'   (only they can see this)' if private else ''}")
        for line in more:
            self.say(f"{'':>9} {line}")

    def _check_books(self) -> None:
        charged = self.world.sandbox.credits_charged
        tasks, files = self.world.sandbox.tasks_created, len(self.saved)
        self.say(f"\nThe music service created {tasks} tasks and charged {charged} credits for them.")
        if (tasks, files) != (TASKS, FILES):
            raise DemoFailed(f"there are {tasks} tasks and {files} files instead of {TASKS} and {FILES}")


def _name(who: simcord.MemberActor) -> str:
    return who.name.capitalize()


def _readable(line: str, world: World) -> str:
    """Convert Discord's markup to plain text."""
    for user_id, user in world.env.backend.users.items():
        line = line.replace(f"<@{user_id}>", f"@{(user.global_name or user.name)}")
    line = re.sub(r"<t:(\d+):R>", lambda match: _relative_time(int(match[1]), world), line)
    return line.replace("**", "").replace("~~", "").replace("\\", "")


def _relative_time(epoch_s: int, world: World) -> str:
    seconds = round(epoch_s - world.clock().timestamp())
    if seconds == 0:
        return "just now"
    for unit, size in UNITS_S:
        if abs(seconds) >= size or unit == "second":
            count = abs(seconds) // size
            amount = f"{count} {unit}{'' if count == 1 else 's'}"
            return f"in {amount}" if seconds >= 0 else f"{amount} ago"
    raise AssertionError
