"""Who signs what fakelake gives away: a certificate of the user's, or a self-made one kept in a directory."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

SIGNER, ROOT = "signer.pem", "root.pem"
_DAYS = 3650
_NO_USAGE = dict.fromkeys(
    ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
     "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"), False,
)  # fmt: skip
_OF_CURVE = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}


class SignerUnfit(Exception):
    """No credentials can be signed with this certificate and key; the text names the file and says what to do."""


@dataclass(frozen=True, slots=True)
class Signer:
    """chain: PEM, the signing certificate first; key: PEM (PKCS 8, not encrypted); algorithm: C2PA's name of it."""

    chain: bytes
    key: bytes
    algorithm: str

    def __repr__(self) -> str:  # never the key, in no log
        return f"Signer({self.algorithm})"


def signer_of(directory: Path, chain: str | None, key: str | None) -> Signer:
    """The user's, where both files are named, else the self-made one of `directory`. Raises SignerUnfit."""
    return configured_signer(Path(chain), Path(key)) if chain and key else own_signer(directory)


def sign(signer: Signer, data: bytes) -> bytes:
    """A detached signature, the same for the same bytes: ECDSA (RFC 6979) or PKCS 1 v1.5 over SHA-256, or Ed25519."""
    private = serialization.load_pem_private_key(signer.key, None)
    if isinstance(private, ec.EllipticCurvePrivateKey):
        return private.sign(data, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
    if isinstance(private, rsa.RSAPrivateKey):
        return private.sign(data, padding.PKCS1v15(), hashes.SHA256())
    return private.sign(data)


def how_to_verify(signer: Signer, certificate: str, signature: str, data: str) -> str:
    """The command for it, with these names of files; any OpenSSL of these days has it."""
    if signer.algorithm == "ed25519":
        check = f"openssl pkeyutl -verify -pubin -inkey key.pem -rawin -in {data} -sigfile {signature}"
    else:
        check = f"openssl dgst -sha256 -verify key.pem -signature {signature} {data}"
    return f"openssl x509 -in {certificate} -noout -pubkey > key.pem; {check}"


def own_signer(directory: Path) -> Signer:
    """The self-made signer of `directory`; the first call makes it, with its key readable by its owner only.

    Readers find its signatures intact but not trusted, unless they are given `root.pem`, which lies beside it.
    Raises SignerUnfit.
    """
    path = directory / SIGNER
    try:
        if not path.exists():
            directory.mkdir(parents=True, exist_ok=True)
            _publish(path, b"".join(_made()), 0o600)
        data = path.read_bytes()
        root = data[data.rindex(b"-----BEGIN CERTIFICATE-----") :] if b"CERTIFICATE" in data else b""
        if not (directory / ROOT).exists():
            _publish(directory / ROOT, root, 0o644)
    except OSError as error:
        raise SignerUnfit(
            f"The certificate that signs made videos cannot be kept in {directory}: {error.strerror}. "
            "Give a directory that can be written, or a certificate of your own."
        ) from error
    return _checked(data, data, f"{path} (delete it, and the next call makes a new one)")


def configured_signer(chain: Path, key: Path) -> Signer:
    """A signer from the user's files: PEM certificates, the signing one first, and its PEM key. Raises SignerUnfit."""
    try:
        return _checked(chain.read_bytes(), key.read_bytes(), f"{chain} with {key}")
    except OSError as error:
        raise SignerUnfit(f"{error.filename} cannot be read: {error.strerror}. Give a PEM file.") from error


def _checked(chain: bytes, key: bytes, where: str) -> Signer:
    try:
        certificates = x509.load_pem_x509_certificates(chain)
        private = serialization.load_pem_private_key(key, None)
    except (ValueError, TypeError) as error:
        raise SignerUnfit(f"No signing certificate and unencrypted key can be read from {where}: {error}") from error
    if _public(private.public_key()) != _public(certificates[0].public_key()):
        raise SignerUnfit(f"The key is not that of the first certificate: {where}")
    if certificates[0].not_valid_after_utc < datetime.now(UTC):
        raise SignerUnfit(f"The certificate ran out on {certificates[0].not_valid_after_utc:%Y-%m-%d}: {where}")
    if isinstance(private, ec.EllipticCurvePrivateKey) and private.curve.name in _OF_CURVE:
        algorithm = _OF_CURVE[private.curve.name]
    elif isinstance(private, rsa.RSAPrivateKey):
        algorithm = "ps256"
    elif isinstance(private, ed25519.Ed25519PrivateKey):
        algorithm = "ed25519"
    else:
        raise SignerUnfit(f"C2PA signs with P-256, P-384, P-521, RSA or Ed25519 keys; this is another kind: {where}")
    return Signer(b"".join(_pem(c) for c in certificates), _private(private), algorithm)


def _publish(path: Path, data: bytes, mode: int) -> None:
    """Put a whole file there, or leave the one that another process was quicker with."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        with suppress(FileExistsError):
            os.link(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _made() -> tuple[bytes, bytes, bytes]:
    """PEM of a new key, its certificate, and the root that signed it, whose own key is thrown away."""
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root = _certificate("fakelake self-made root", root_key, root_key, authority=True)
    return _private(key), _pem(_certificate("fakelake", key, root_key, authority=False)), _pem(root)


def _certificate(
    subject: str, key: ec.EllipticCurvePrivateKey, root_key: ec.EllipticCurvePrivateKey, *, authority: bool
) -> x509.Certificate:
    """As C2PA asks of certificates (specification 2.2, section 14.5)."""
    now, public = datetime.now(UTC), key.public_key()
    usage = {"key_cert_sign": True, "crl_sign": True} if authority else {"digital_signature": True}
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name("fakelake self-made root"))
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))  # clocks differ
        .not_valid_after(now + timedelta(days=_DAYS))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=0 if authority else None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False)
        .add_extension(x509.KeyUsage(**{**_NO_USAGE, **usage}), critical=True)
    )
    if not authority:
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
    return builder.sign(root_key, hashes.SHA256())


def _name(common: str) -> x509.Name:
    parts = {NameOID.COMMON_NAME: common, NameOID.ORGANIZATION_NAME: "fakelake"}
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in parts.items()])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _private(key) -> bytes:
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def _public(key) -> bytes:
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
