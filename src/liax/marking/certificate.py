"""By what certificate marks are signed: the user's, or one that liax has made for this user."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from platformdirs import user_data_path

from liax.bounded import MIB, read_bytes
from liax.errors import LiaxError, OutputExistsError
from liax.files import atomic_file

CERT, KEY = "LIAX_C2PA_CERT", "LIAX_C2PA_KEY"
ORGANIZATION = "liax, self-made certificate"
"""The organization in certificates that liax makes, which prove nobody's name."""

_OWN = "marking.pem"
_DAYS = 3650
_CURVES = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}


@dataclass(frozen=True)
class Certificate:
    """What signs.

    Args:
        chain: The signer's certificate and those that vouch for it, PEM.
        key: Its private key, PEM.
        algorithm: By C2PA's name, such as "es256".
        fingerprint: SHA-256 of the signer's certificate, hexadecimal.
    """

    chain: bytes
    key: bytes
    algorithm: str
    fingerprint: str


def certificate() -> Certificate:
    """The user's certificate, as the environment names it, else liax's own, which is made if there is none.

    Raises:
        LiaxError: If the user's cannot be used.
    """
    cert, key = os.environ.get(CERT), os.environ.get(KEY)
    if cert and key:
        return _users(Path(cert), Path(key))
    if cert or key:
        there, lacking = (CERT, KEY) if cert else (KEY, CERT)
        raise LiaxError(f"{there} is set without {lacking}", "set both, or neither")
    return _own(user_data_path("liax", appauthor=False))


def own_fingerprint() -> str | None:
    """The fingerprint of liax's own certificate here, if there is one already."""
    with suppress(OSError, ValueError):
        return _parsed(read_bytes(user_data_path("liax", appauthor=False) / _OWN, MIB)).fingerprint
    return None


def _users(cert: Path, key: Path) -> Certificate:
    parts = []
    for path, name in ((cert, CERT), (key, KEY)):
        try:
            parts.append(read_bytes(path, MIB))
        except (OSError, ValueError) as error:
            raise LiaxError(f"{path} cannot be read ({error})", f"check {name}") from error
    try:
        found = _parsed(parts[0], parts[1])
    except ValueError as error:
        raise LiaxError(
            f"{cert} and {key} cannot sign ({error})",
            f"give {CERT} a PEM chain, the signer's certificate first, and {KEY} its private key",
        ) from error
    return found


@lru_cache(maxsize=4)
def _own(folder: Path) -> Certificate:
    """liax's own certificate in `folder`; one for this process only where that cannot be written."""
    path = folder / _OWN
    for _ in range(2):  # another process may make one meanwhile
        with suppress(OSError, ValueError):
            return _parsed(read_bytes(path, MIB))
        made = _made()
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with atomic_file(path, overwrite=path.exists()) as file:  # what is there is of no use
                os.chmod(file.name, 0o600)
                file.write(made)
        except OutputExistsError:
            continue
        except (OSError, LiaxError):
            pass
        return _parsed(made)
    return _parsed(_made())


def _parsed(chain: bytes, key: bytes | None = None) -> Certificate:
    """What PEM holds; without `key`, `chain` has the key as well.

    Raises:
        ValueError: If it is none, out of date, or key and certificate are not of each other.
    """
    certificates = x509.load_pem_x509_certificates(chain)
    try:
        private = serialization.load_pem_private_key(chain if key is None else key, None)
    except TypeError as error:
        raise ValueError("the key has a password") from error
    except UnsupportedAlgorithm as error:
        raise ValueError("the key is of a kind that is not known") from error
    signer = certificates[0]
    if _public(private.public_key()) != _public(signer.public_key()):
        raise ValueError("the key is not the certificate's")
    if not signer.not_valid_before_utc <= datetime.now(UTC) <= signer.not_valid_after_utc:
        first, last = signer.not_valid_before_utc, signer.not_valid_after_utc
        raise ValueError(f"the certificate is valid from {first:%Y-%m-%d} to {last:%Y-%m-%d}")
    pem = b"".join(one.public_bytes(serialization.Encoding.PEM) for one in certificates)
    return Certificate(
        pem, _private_pem(private), _algorithm(private), signer.fingerprint(hashes.SHA256()).hex()
    )


def _algorithm(key: Any) -> str:
    match key:
        case ec.EllipticCurvePrivateKey() if key.curve.name in _CURVES:
            return _CURVES[key.curve.name]
        case ed25519.Ed25519PrivateKey():
            return "ed25519"
        case rsa.RSAPrivateKey() if key.key_size >= 2048:
            return "ps256"
    raise ValueError("C2PA does not know keys of this kind")


def _public(key: Any) -> bytes:
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _private_pem(key: Any) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _made() -> bytes:
    """A new certificate with its key, and the one that vouches for it, whose key nobody keeps."""
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root_name, name = _name("root"), _name("signer")
    root = (
        _builder(root_name, root_name, root_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(root_key.public_key()), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    signer = (
        _builder(name, root_name, key)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(digital_signature=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    chain = b"".join(one.public_bytes(serialization.Encoding.PEM) for one in (signer, root))
    return chain + _private_pem(key)


def _name(common: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANIZATION),
            x509.NameAttribute(NameOID.COMMON_NAME, common),
        ]
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=_DAYS))
    )


_USAGES = (
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
    *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
)


def _usage(**allowed: bool) -> x509.KeyUsage:
    usages: Mapping[str, bool] = dict.fromkeys(_USAGES, False) | allowed
    return x509.KeyUsage(**usages)
