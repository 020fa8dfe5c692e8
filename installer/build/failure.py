"""Why no bundle was made: one class per reason. docs/bundle.md has the table."""

from installer.bundle.refusal import InstallerError


class BuildFailed(InstallerError):
    """No bundle was made."""

    code = "build_failed"


class ComponentsInvalid(BuildFailed):
    """The list of components is wrong."""

    code = "build_components_invalid"


class WrongInterpreter(BuildFailed):
    """The interpreter here is not the target's."""

    code = "build_wrong_interpreter"


class ClientFailed(BuildFailed):
    """A program of this machine failed."""

    code = "build_client_failed"


class FetchFailed(BuildFailed):
    """A file could not be fetched; what has arrived is kept for the next try."""

    code = "build_fetch_failed"


class ChecksumWrong(BuildFailed):
    """A file is not the one that was pinned."""

    code = "build_checksum_wrong"


class Unpinned(BuildFailed):
    """Something has no pinned checksum."""

    code = "build_unpinned"


class NotFetched(BuildFailed):
    """Something has not been fetched yet."""

    code = "build_not_fetched"


class EnvironmentIncomplete(BuildFailed):
    """An environment cannot be installed from the bundle alone."""

    code = "build_environment_incomplete"


class Unproven(BuildFailed):
    """Without a namespace that has no network the offline installation proves nothing."""

    code = "build_unproven"


def every_failure() -> list[type[BuildFailed]]:
    """Return the classes of all reasons, in the order in which they are written here."""
    return BuildFailed.__subclasses__()
