"""Store the covers of a finished task's takes."""

import logging

from bot.model import TAKES_MAX, Job
from bot.music import wire
from bot.music.downloads import AudioSource
from bot.music.spool import Spool

log = logging.getLogger(__name__)


async def store(job: Job, done: wire.Done, audio: AudioSource, spool: Spool) -> None:
    """Store the takes' covers, as far as they are available right away."""
    images = {take.url: take.image_url for take in done.details if take.image_url}
    pictures: dict[str, bytes] = {}
    for take, url in enumerate(done.urls[:TAKES_MAX], start=1):
        image = images.get(url)
        if image is None:
            continue
        if image not in pictures:
            pictures[image] = await audio.fetch_cover(image)
        if pictures[image]:
            try:
                await spool.threads.run(spool.store_cover, f"{job.id}-{take}", pictures[image])
            except OSError as error:
                log.info("cover not stored", extra={"error": error.strerror})
