"""The site's own certificate authority: its key and certificate in a folder, those of machines beside them."""

import datetime
import ipaddress
import os
import secrets
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_DAYS = 3650
RENEW_BEFORE_DAYS = 30
AUTHORITY_ENDS_SOON_DAYS = 730
CLOCK_SKEW = datetime.timedelta(hours=1)
"""New certificates begin so long ago: machines whose clocks are behind accept them."""


def ensure_certificate(
    folder: str, name: str, names: Sequence[str], days: int, now: datetime.datetime | None = None, *, write: bool = True
) -> str:
    """Have `NAME.key` and `NAME.pem` for at least these names signed by the authority in `folder`.

    Returns why they were made anew, an empty text where they were left alone. With `write` off nothing changes.
    Raises OSError and ValueError for an authority that cannot be read.
    """
    now = now or datetime.datetime.now(datetime.UTC)
    root = Path(folder)
    if not (root / "ca.pem").exists():
        if not write:
            return "there is no authority"
        _make_authority(root, now)
    authority = x509.load_pem_x509_certificate((root / "ca.pem").read_bytes())
    wanted = frozenset(_general_name(each) for each in names)
    reason = _why_anew(root, name, wanted, authority, now)
    if reason and write:
        _issue(root, name, wanted, authority, days, now)
    return reason


def authority_ends_soon(folder: str, now: datetime.datetime | None = None) -> str:
    """Return a warning where the authority in `folder` ends within two years, an empty text otherwise."""
    now = now or datetime.datetime.now(datetime.UTC)
    try:
        authority = x509.load_pem_x509_certificate((Path(folder) / "ca.pem").read_bytes())
    except FileNotFoundError:
        return ""
    if authority.not_valid_after_utc - now > datetime.timedelta(days=AUTHORITY_ENDS_SOON_DAYS):
        return ""
    return f"The site's authority ends on {authority.not_valid_after_utc:%Y-%m-%d}, and all certificates with it."


def _why_anew(
    root: Path, name: str, wanted: frozenset[x509.GeneralName], authority: x509.Certificate, now: datetime.datetime
) -> str:
    try:
        certificate = x509.load_pem_x509_certificate((root / f"{name}.pem").read_bytes())
        key = serialization.load_pem_private_key((root / f"{name}.key").read_bytes(), None)
        found = frozenset(certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
        certificate.verify_directly_issued_by(authority)
    except FileNotFoundError:
        return "there is none"
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return "it cannot be read, or is not of this authority"
    if key.public_key() != certificate.public_key():
        return "the key is another one's"
    if not wanted <= found:
        return "it is for fewer names"
    ends = certificate.not_valid_after_utc
    if ends - now < datetime.timedelta(days=RENEW_BEFORE_DAYS) and ends < authority.not_valid_after_utc:
        return "it ends soon"
    return ""


def _make_authority(root: Path, now: datetime.datetime) -> None:
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Meeshy site authority {secrets.token_hex(4)}")])
    usage = x509.KeyUsage(
        digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    certificate = (
        _builder(name, name, key.public_key(), now, now + datetime.timedelta(days=AUTHORITY_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
    )
    _write(root / "ca.key", _pem(key), 0o600)
    _write(root / "ca.pem", certificate.public_bytes(serialization.Encoding.PEM), 0o644)


def _issue(
    root: Path, name: str, wanted: frozenset[x509.GeneralName], authority: x509.Certificate, days: int,
    now: datetime.datetime,
) -> None:  # fmt: skip
    signer = serialization.load_pem_private_key((root / "ca.key").read_bytes(), None)
    if not isinstance(signer, ec.EllipticCurvePrivateKey) or signer.public_key() != authority.public_key():
        raise ValueError("ca.key and ca.pem do not belong together")
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])
    ends = min(now + datetime.timedelta(days=days), authority.not_valid_after_utc)
    purposes = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
    certificate = (
        _builder(subject, authority.subject, key.public_key(), now, ends)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(purposes, critical=False)
        .add_extension(x509.SubjectAlternativeName(sorted(wanted, key=repr)), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .sign(signer, hashes.SHA256())
    )
    _write(root / f"{name}.key", _pem(key), 0o600)
    _write(root / f"{name}.pem", certificate.public_bytes(serialization.Encoding.PEM), 0o644)


def _builder(
    subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey, now: datetime.datetime,
    ends: datetime.datetime,
) -> x509.CertificateBuilder:  # fmt: skip
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(ends)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _general_name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(path: Path, contents: bytes, mode: int) -> None:
    """Write a file in one step, with its mode from the first byte on."""
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(file.fileno(), mode)
        file.write(contents)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
