"""The container holds regular files in one form only; everything else that tar can say is refused."""

import io
import tarfile

import pytest

from installer.bundle.container import (
    LARGEST_MEMBER_BYTES,
    Member,
    contents,
    header,
    padding,
    read_header,
    safe_path,
)
from installer.bundle.refusal import Damaged, MemberRefused, Truncated

TIME_S = 1_790_000_000
LONG = "/".join(["folder" * 8] * 3) + "/" + "name" * 20


def tar_of(member: tarfile.TarInfo, raw: bytes = b"", form: int = tarfile.GNU_FORMAT) -> io.BytesIO:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=form) as tar:
        tar.addfile(member, io.BytesIO(raw))
    stream.seek(0)
    return stream


def hostile(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, link
    return member


@pytest.mark.parametrize("path", ["a", "product/meeshy", "debs/x_1%3a2-3+b1~rc_amd64.deb", "x" * 100, LONG])
def test_a_header_reads_back_and_tar_understands_it(path):
    raw = b"contents\n"
    member = Member(path, len(raw), TIME_S, executable=True)
    stream = io.BytesIO(header(member) + raw + padding(len(raw)) + bytes(1024))

    assert read_header(stream) == member
    assert b"".join(contents(stream, member)) == raw
    assert read_header(stream) is None
    stream.seek(0)
    with tarfile.open(fileobj=stream) as tar:
        entry = tar.getmembers()[0]
        assert (entry.name, entry.size, entry.mtime, entry.mode) == (path, len(raw), TIME_S, 0o755)
        assert (entry.uid, entry.gid, entry.uname, entry.gname) == (0, 0, "root", "root")
        assert tar.extractfile(entry).read() == raw


@pytest.mark.parametrize(
    "path",
    ["", "/", "/etc/passwd", "../x", "a/../../x", "a/./b", "a//b", "a/", "./a", "..", "a\\b", "a\nb", "a\0b", "a b",
     "caf\u00e9", "x" * 101, "a/" + "y" * 241],
)  # fmt: skip
def test_paths_that_lead_elsewhere_or_read_badly_are_none(path):
    assert not safe_path(path)


@pytest.mark.parametrize("name", ["../../etc/cron.d/x", "/etc/cron.d/x", "a/../../x"])
def test_a_member_that_would_lie_outside_is_refused(name):
    with pytest.raises(MemberRefused, match="no path inside"):
        read_header(io.BytesIO(hostile(name).tobuf(tarfile.USTAR_FORMAT)))


@pytest.mark.parametrize(
    ("kind", "said"),
    [(tarfile.SYMTYPE, "a link"), (tarfile.LNKTYPE, "a hard link"), (tarfile.CHRTYPE, "a device"),
     (tarfile.BLKTYPE, "a device"), (tarfile.FIFOTYPE, "a pipe"), (tarfile.DIRTYPE, "a folder"),
     (tarfile.CONTTYPE, "not a file"), (tarfile.GNUTYPE_SPARSE, "a sparse file")],
)  # fmt: skip
def test_a_member_that_is_no_regular_file_is_refused(kind, said):
    block = hostile("x", kind, "/etc/passwd").tobuf(tarfile.USTAR_FORMAT)

    with pytest.raises(MemberRefused, match=said):
        read_header(io.BytesIO(block))


@pytest.mark.parametrize(("form", "name"), [(tarfile.GNU_FORMAT, "long/" * 60), (tarfile.PAX_FORMAT, "long/" * 60)])
def test_extensions_of_tar_are_refused(form, name):
    with pytest.raises((MemberRefused, Damaged)):
        read_header(tar_of(hostile(name + "x"), form=form))


def test_a_sparse_member_of_pax_is_refused():
    member = hostile("x")
    member.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.realsize": str(1 << 50)}

    with pytest.raises(MemberRefused, match="an extension"):
        read_header(tar_of(member, form=tarfile.PAX_FORMAT))


def test_a_huge_member_ends_where_the_bytes_end():
    member = Member("x", LARGEST_MEMBER_BYTES, TIME_S)
    stream = io.BytesIO(header(member) + b"little")

    assert read_header(stream) == member
    with pytest.raises(Truncated):
        for _ in contents(stream, member):
            pass


def test_a_size_beyond_eleven_digits_is_refused_not_believed():
    block = bytearray(header(Member("x", 1, TIME_S)))
    block[124:136] = b"\x80" + (1 << 60).to_bytes(11, "big")

    with pytest.raises(Damaged):
        read_header(io.BytesIO(bytes(block)))
    with pytest.raises(ValueError, match="fits no header"):
        header(Member("x", LARGEST_MEMBER_BYTES + 1, TIME_S))


def test_a_header_that_was_written_in_another_way_is_refused():
    canonical = header(Member("x", 1, TIME_S))
    for place in range(512):
        changed = bytearray(canonical)
        changed[place] ^= 0x01
        with pytest.raises((Damaged, MemberRefused)):
            read_header(io.BytesIO(bytes(changed) + bytes(1024)))


@pytest.mark.parametrize("tail", [b"x", bytes(512), b"\0" * 511 + b"x"])
def test_nothing_may_follow_the_end(tail):
    with pytest.raises(Damaged):
        read_header(io.BytesIO(bytes(1024) + tail))


@pytest.mark.parametrize("length", [0, 1, 511, 512, 1023])
def test_an_end_that_is_cut_is_a_truncation(length):
    with pytest.raises(Truncated):
        read_header(io.BytesIO(bytes(length)))


def test_padding_must_be_empty():
    member = Member("x", 1, TIME_S)
    stream = io.BytesIO(header(member) + b"a" + b"\0" * 510 + b"!")
    read_header(stream)

    with pytest.raises(Damaged):
        list(contents(stream, member))
