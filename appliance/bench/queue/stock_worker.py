"""A worker of stock Dramatiq on Redis, as a competent user would script it: `python -m … CONFIG`.

One queue, one actor that takes a message through all steps, every default of Dramatiq but what CONFIG says; one thread,
because each engine takes one caller.
"""

import sys
import threading
from collections.abc import Mapping
from pathlib import Path

import dramatiq
import msgspec
from dramatiq.brokers.redis import RedisBroker

from appliance.engines.protocols import SpeakRequest, Speech, TranscribeRequest, Transcription, TranslateRequest
from appliance.errors import EngineFailed
from appliance.testing.diary import Diary
from appliance.testing.engines import scripted_speech
from appliance.testing.pace import PACED, Pace, Timing
from appliance.testing.paced import PacedSynthesizer, PacedTranscriber, PacedTranslator

ACTOR = "translate_message"
SOURCE, TARGET = "en", "fr"


class Stock(msgspec.Struct, frozen=True, kw_only=True):
    """How a stock worker runs; `paces` are first and further seconds by family."""

    url: str
    queue: str
    diary: str
    paces: Mapping[str, tuple[float, float]] = {}
    broker: Mapping[str, int] = {}
    """Arguments of the broker that are not its defaults."""


class Chain:
    """The engines of one process, called for one message at a time."""

    def __init__(self, paces: Mapping[str, tuple[float, float]]) -> None:
        """Build the engines."""
        timings = {family: Timing(family, Pace(*paces.get(family, (0.0, 0.0)))) for family in PACED}
        self._transcriber = PacedTranscriber(timings["hear"])
        self._translator = PacedTranslator(timings["translate"])
        self._synthesizer = PacedSynthesizer(timings["synthesize"])

    def run(self, text: str) -> str:
        """Transcribe a recording of the text, translate, speak, listen to the reading, and return what is heard."""
        (heard,) = self._transcriber.transcribe([TranscribeRequest(scripted_speech(text), SOURCE)])
        assert isinstance(heard, Transcription)
        (translated,) = self._translator.translate([TranslateRequest((heard.text,), SOURCE, TARGET)])
        assert not isinstance(translated, Exception)
        voice = self._synthesizer.stock_voice(TARGET)
        (spoken,) = self._synthesizer.speak([SpeakRequest(translated.text, TARGET, voice)])
        assert isinstance(spoken, Speech)
        (read,) = self._transcriber.transcribe([TranscribeRequest(spoken.samples, TARGET)])
        if not isinstance(read, Transcription):
            raise EngineFailed("The reading could not be heard.")
        return read.text


def main(config: Stock) -> None:
    """Work until standard input ends."""
    broker = RedisBroker(url=config.url, **config.broker)
    diary, chain = Diary(Path(config.diary)), Chain(config.paces)

    def translate_message(text: str) -> None:
        diary.note("start", text=text)
        diary.note("end", text=f"{text}|{chain.run(text)}")

    dramatiq.actor(translate_message, broker=broker, actor_name=ACTOR, queue_name=config.queue)
    worker = dramatiq.Worker(broker, worker_threads=1)
    worker.start()
    diary.note("ready")
    threading.Thread(target=sys.stdin.buffer.read, name="parent-watch").run()
    worker.stop()


if __name__ == "__main__":
    main(msgspec.json.decode(sys.argv[1], type=Stock))
