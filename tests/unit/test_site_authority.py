"""The site's authority signs once, and anew only for a reason."""

import datetime
import ssl

import pytest
from cryptography import x509

from tests.ansible_code import load

NAMES = ["head", "head.example.org", "127.0.0.1", "10.0.0.10"]
NOW = datetime.datetime(2026, 11, 26, tzinfo=datetime.UTC)


@pytest.fixture(scope="module")
def authority():
    return load("plugins/module_utils/site_authority.py")


@pytest.fixture
def ensure(authority, tmp_path):
    def ensured(name="head", names=NAMES, days=397, now=NOW, **more):
        return authority.ensure_certificate(str(tmp_path / "ca"), name, names, days, now, **more)

    return ensured


def test_the_second_call_changes_nothing(ensure, tmp_path):
    assert ensure() == "there is none"
    before = {path.name: path.read_bytes() for path in (tmp_path / "ca").iterdir()}

    assert ensure(names=[*reversed(NAMES)]) == ""
    assert {path.name: path.read_bytes() for path in (tmp_path / "ca").iterdir()} == before


def test_openssl_takes_the_pair_and_trusts_it_by_the_authority(ensure, tmp_path):
    ensure()
    folder = tmp_path / "ca"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "head.pem", folder / "head.key")
    certificate = x509.load_pem_x509_certificate((folder / "head.pem").read_bytes())
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate((folder / "ca.pem").read_bytes()))
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value

    assert names.get_values_for_type(x509.DNSName) == ["head", "head.example.org"]
    assert sorted(map(str, names.get_values_for_type(x509.IPAddress))) == ["10.0.0.10", "127.0.0.1"]


def test_keys_are_their_owner_s_alone(ensure, tmp_path):
    ensure()

    assert (tmp_path / "ca").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "ca").glob("*.key")} == {0o600}


def test_more_names_a_near_end_and_another_authority_are_reasons(ensure, tmp_path):
    ensure()
    assert ensure(names=[*NAMES, "voice.example.org"]) == "it is for fewer names"
    assert ensure(names=[*NAMES, "voice.example.org"], now=NOW + datetime.timedelta(days=368)) == "it ends soon"
    for file in ("ca.key", "ca.pem"):
        (tmp_path / "ca" / file).unlink()
    assert ensure() == "it cannot be read, or is not of this authority"
    assert ensure() == ""


def test_a_name_that_went_away_is_no_reason(ensure):
    ensure()

    assert ensure(names=NAMES[:-1]) == ""


def test_no_certificate_outlives_the_authority_and_none_is_made_anew_for_its_end(ensure, authority, tmp_path):
    ensure()
    late = NOW + datetime.timedelta(days=3600)
    assert ensure(now=late) == "it ends soon"
    folder = tmp_path / "ca"
    ends = [x509.load_pem_x509_certificate((folder / f"{name}.pem").read_bytes()).not_valid_after_utc
            for name in ("ca", "head")]  # fmt: skip

    assert ends[0] == ends[1]
    assert ensure(now=late + datetime.timedelta(days=40)) == ""


def test_an_authority_that_ends_within_two_years_is_told(ensure, authority, tmp_path):
    ensure()
    folder = str(tmp_path / "ca")

    assert authority.authority_ends_soon(folder, NOW) == ""
    assert "2036" in authority.authority_ends_soon(folder, NOW + datetime.timedelta(days=3000))
    assert authority.authority_ends_soon(str(tmp_path / "none")) == ""


def test_a_key_that_is_another_s_is_a_reason(ensure, tmp_path):
    ensure()
    ensure(name="worker")
    (tmp_path / "ca/head.key").write_bytes((tmp_path / "ca/worker.key").read_bytes())

    assert ensure() == "the key is another one's"


def test_check_mode_writes_nothing(ensure, tmp_path):
    assert ensure(write=False)
    assert not (tmp_path / "ca").exists()


def test_an_authority_whose_halves_do_not_fit_is_refused(ensure, tmp_path):
    ensure()
    kept = (tmp_path / "ca/ca.key").read_bytes()
    for path in (tmp_path / "ca").iterdir():
        path.unlink()
    ensure()
    (tmp_path / "ca/ca.key").write_bytes(kept)

    with pytest.raises(ValueError, match="do not belong together"):
        ensure(name="worker")
