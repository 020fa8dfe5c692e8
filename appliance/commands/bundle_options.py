"""What the commands of `meeshy bundle` share."""

import re
from typing import Any

import click

from appliance.errors import MeeshyError
from installer.bundle.refusal import InstallerError

SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(B|KiB|MiB|GiB)?")
UNITS = {None: 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}


class BundleGroup(click.Group):
    """Ends a command that was refused or failed with one line on standard error and exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except InstallerError as refusal:
            raise click.ClickException(f"refused {refusal}") from refusal
        except MeeshyError as failure:
            raise click.ClickException(failure.detail) from failure
        except OSError as failure:
            raise click.ClickException(f"failed: {failure.filename or ''} {failure.strerror or failure}") from failure


def parse_size(text: str) -> int:
    """Return the bytes that `4GiB`, `700MiB` or `4096` mean; ValueError for anything else."""
    found = SIZE.fullmatch(text.strip())
    if found is None:
        raise ValueError("a size reads 4GiB, 700MiB or 4096")
    return int(float(found[1]) * UNITS[found[2]])


def say(line: str) -> None:
    """Print a line."""
    click.echo(line)
