"""The target's installer as one file: it must be on the site before the first bundle can be judged."""

import io
import zipfile

from installer.build.product import Product

ROOMS = ("installer/bundle/", "installer/target/")
"""The target side: it imports nothing of the rest."""
MADE = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip archive can carry; the same for all, so that the same code gives the same file."""


def carrier(product: Product) -> bytes:
    """Return a zip archive that `python3 FILE` runs: the commit's `installer`, its target side only."""
    wanted = [path for path in product.files if path in ("installer/__init__.py", "installer/__main__.py")]
    wanted += [path for path in product.files if path.startswith(ROOMS) and path.endswith(".py")]
    start = b"import sys\n\nfrom installer.__main__ import main\n\nsys.exit(main())\n"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for path, contents in [("__main__.py", start), *((path, product.files[path]) for path in sorted(wanted))]:
            entry = zipfile.ZipInfo(path, MADE)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, contents)
    return buffer.getvalue()
