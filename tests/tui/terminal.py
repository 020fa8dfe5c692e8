"""A real terminal for the console: tmux, driven by its own command line."""

import io
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.text import Text

WAIT_S = 240.0
LOOK_EVERY_S = 0.1


def _stands(words: str, screen: str) -> bool:
    """Return whether words stand on a screen, wherever a dialog of this width breaks them into lines."""
    return words in screen or words in " ".join(re.sub("[┃│]", " ", screen).split())


def _svg(drawn: Text, title: str) -> str:
    width = max(map(len, drawn.plain.splitlines()), default=1)
    console = Console(width=width, file=io.StringIO(), record=True, force_terminal=True, color_system="truecolor")
    console.print(drawn, no_wrap=True, crop=True)
    return console.export_svg(title=title)


class Terminal:
    """One tmux session of its own server."""

    def __init__(self, program: str, socket: Path) -> None:
        self._tmux = [program, "-S", str(socket), "-f", "/dev/null"]
        self._folder: Path | None = None
        self._count = 0

    def open(self, command: Sequence[str], size: tuple[int, int], environment: dict[str, str]) -> None:
        width, height = size
        given = [word for name, value in environment.items() for word in ("-e", f"{name}={value}")]
        self._run("new-session", "-d", "-x", str(width), "-y", str(height), *given, *command)

    @property
    def pid(self) -> int:
        """Return the process id of the program."""
        return int(self._run("list-panes", "-F", "#{pane_pid}"))

    def press(self, *keys: str) -> None:
        """Press keys by their tmux names, one after another."""
        for key in keys:
            self._run("send-keys", key)

    def write(self, text: str) -> None:
        self._run("send-keys", "-l", text)

    def screen(self) -> str:
        """Return what stands on the terminal."""
        return self._run("capture-pane", "-p")

    def keep_in(self, folder: Path) -> None:
        """Keep screens from now on as files of this folder."""
        folder.mkdir()
        self._folder = folder

    def kept(self, name: str, *words: str) -> None:
        """Keep what stands on the terminal as text and with its colours, as soon as all these words stand on it.

        Files are numbered in the order of the steps.
        """
        self.shows(*words)
        drawn = Text.from_ansi(self._run("capture-pane", "-p", "-e"))
        assert all(_stands(word, drawn.plain) for word in words), (name, drawn.plain)
        self._count += 1
        file = self._folder / f"{self._count:02} {name}"
        file.with_suffix(".txt").write_text(drawn.plain)
        file.with_suffix(".svg").write_text(_svg(drawn, name))

    def shows(self, *words: str) -> str:
        """Return the screen as soon as all these words stand on it."""
        return self.until(lambda screen: all(_stands(word, screen) for word in words), " and ".join(words))

    def until(self, holds: Callable[[str], bool], what: str) -> str:
        deadline_s = time.monotonic() + WAIT_S
        while True:
            screen = self.screen()
            if holds(screen):
                return screen
            assert time.monotonic() < deadline_s, f"{what} never stood on the terminal:\n{screen}"
            time.sleep(LOOK_EVERY_S)

    def gone(self) -> None:
        """Return when the program has ended."""
        deadline_s = time.monotonic() + WAIT_S
        while subprocess.run([*self._tmux, "has-session"], check=False, capture_output=True).returncode == 0:
            assert time.monotonic() < deadline_s, "the program did not end"
            time.sleep(LOOK_EVERY_S)

    def close(self) -> None:
        subprocess.run([*self._tmux, "kill-server"], check=False, capture_output=True)

    def _run(self, *arguments: str) -> str:
        # A program under it asks these before it asks the terminal how large it is.
        environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
        done = subprocess.run([*self._tmux, *arguments], check=True, capture_output=True, text=True, env=environment)
        return done.stdout


@contextmanager
def terminal(folder: Path) -> Iterator[Terminal]:
    """Yield a terminal that is closed with everything in it."""
    opened = Terminal(str(shutil.which("tmux")), folder / "tmux.socket")
    try:
        yield opened
    finally:
        opened.close()
