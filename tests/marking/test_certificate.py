"""What signs: the user's certificate, or one that is made on first use and stays private."""

from __future__ import annotations

import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from liax.errors import LiaxError
from liax.marking import certificate as certificates
from liax.marking.certificate import CERT, KEY, certificate
from liax.marking.verify import read_mark
from liax.media.images import write_image

pytestmark = pytest.mark.usefixtures("read_here")

KEYS: dict[str, Any] = {
    "es256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "es384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "es512": lambda: ec.generate_private_key(ec.SECP521R1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
    "ps256": lambda: rsa.generate_private_key(65537, 2048),
}
PIXELS = np.zeros((16, 16, 3), np.uint8)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where liax's own certificate is made, still empty."""
    monkeypatch.setattr(certificates, "user_data_path", lambda *_, **__: tmp_path / "home" / "liax")
    certificates._own.cache_clear()
    yield tmp_path / "home" / "liax"
    certificates._own.cache_clear()


def issued(folder: Path, key: Any, *, days: int = 10, password: bytes | None = None) -> tuple[Path, Path]:
    """A certificate for `key` by an authority, with the authority's, and the key; as PEM files."""
    authority = ec.generate_private_key(ec.SECP256R1())
    builders = []
    for common, public in (("root", authority.public_key()), ("Ada", key.public_key())):
        subject = x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Example Studio"),
                x509.NameAttribute(NameOID.COMMON_NAME, common),
            ]
        )
        issuer = x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Example Studio"),
                x509.NameAttribute(NameOID.COMMON_NAME, "root"),
            ]
        )
        is_root = common == "root"
        usage = dict.fromkeys(certificates._USAGES, False)
        usage["key_cert_sign" if is_root else "digital_signature"] = True
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=20))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(x509.BasicConstraints(is_root, None), critical=True)
            .add_extension(x509.KeyUsage(**usage), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        )
        if not is_root:
            builder = builder.add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False
            ).add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()), critical=False
            )
        builders.append(builder.sign(authority, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    root, signer = builders
    (folder / "chain.pem").write_bytes(signer + root)
    encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    )
    return folder / "chain.pem", folder / "key.pem"


def use(monkeypatch: pytest.MonkeyPatch, chain: Path, key: Path) -> None:
    monkeypatch.setenv(CERT, str(chain))
    monkeypatch.setenv(KEY, str(key))


def test_one_is_made_once_and_kept_private(home: Path) -> None:
    first = certificate()
    (file,) = home.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    made = file.read_bytes()
    assert made.count(b"PRIVATE KEY") == 2  # one, with its end: the authority's own is thrown away
    certificates._own.cache_clear()
    assert certificate() == first
    assert file.read_bytes() == made
    assert first.fingerprint == x509.load_pem_x509_certificate(first.chain).fingerprint(hashes.SHA256()).hex()


@pytest.mark.parametrize("damage", [b"", b"rubbish", b"-----BEGIN CERTIFICATE-----\nAA==\n"])
def test_a_damaged_one_is_made_anew(home: Path, damage: bytes) -> None:
    first = certificate()
    (home / "marking.pem").write_bytes(damage)
    certificates._own.cache_clear()
    second = certificate()
    assert second.fingerprint != first.fingerprint
    certificates._own.cache_clear()
    assert certificate() == second


def test_one_that_ran_out_is_made_anew(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificates, "_DAYS", -0.5)  # it began a day ago, and ended half a day ago
    home.mkdir(parents=True)
    (home / "marking.pem").write_bytes(certificates._made())
    monkeypatch.undo()
    monkeypatch.setattr(certificates, "user_data_path", lambda *_, **__: home)
    assert certificate().chain not in (home / "marking.pem").read_bytes()[:0]
    assert x509.load_pem_x509_certificate(certificate().chain).not_valid_after_utc > datetime.now(UTC)


@pytest.mark.skipif(os.name == "nt", reason="a file in the folder's place")
def test_without_a_place_to_keep_it_one_serves_for_the_process(home: Path) -> None:
    home.parent.mkdir()
    home.write_bytes(b"no folder")
    assert certificate() == certificate()
    assert home.read_bytes() == b"no folder"


@pytest.mark.parametrize("algorithm", KEYS)
def test_the_users_signs(algorithm: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, *issued(tmp_path, KEYS[algorithm]()))
    write_image(tmp_path / "a.png", PIXELS)
    mark = read_mark(tmp_path / "a.png")
    assert (mark.finding, mark.signer, mark.self_made, mark.trusted) == (
        "signed",
        "Example Studio",
        False,
        False,
    )
    assert not home.exists()


def test_one_of_the_two_is_not_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY, str(tmp_path / "key.pem"))
    with pytest.raises(LiaxError, match=f"{KEY} is set without {CERT}; set both, or neither"):
        write_image(tmp_path / "a.png", PIXELS)


def test_what_cannot_sign_is_told_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(match: str) -> None:
        with pytest.raises(LiaxError, match=match):
            write_image(tmp_path / "a.png", PIXELS)
        assert not (tmp_path / "a.png").exists()

    chain, key = issued(tmp_path, KEYS["es256"]())
    use(monkeypatch, chain, tmp_path / "gone.pem")
    refused(f"gone.pem cannot be read .* check {KEY}")
    use(monkeypatch, key, chain)  # the wrong way round
    refused("cannot sign")
    (tmp_path / "other").mkdir()
    use(monkeypatch, chain, issued(tmp_path / "other", KEYS["es256"]())[1])
    refused("the key is not the certificate's")
    use(monkeypatch, *issued(tmp_path, KEYS["es256"](), password=b"secret"))
    refused("the key has a password")
    use(monkeypatch, *issued(tmp_path, KEYS["es256"](), days=-1))
    refused("the certificate is valid from")
    use(monkeypatch, *issued(tmp_path, rsa.generate_private_key(65537, 1024)))
    refused("C2PA does not know keys of this kind")
    # A certificate that vouches for itself is none that C2PA takes.
    chain, key = issued(tmp_path, KEYS["es256"]())
    own = x509.load_pem_x509_certificates(chain.read_bytes())
    chain.write_bytes(own[0].public_bytes(serialization.Encoding.PEM)[:-40])
    use(monkeypatch, chain, key)
    refused("cannot sign")
