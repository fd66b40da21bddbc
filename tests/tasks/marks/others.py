"""Credentials as other makers' programs write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import c2pa
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from fakelake.tasks.marks import certificate


def sign_as(
    unsigned: Path,
    out: Path,
    issuer: str,
    source_type: str,
    *,
    generator: str = "Example Maker",
    ingredient: Path | None = None,
    kind: str = "video/mp4",
) -> Path:
    """Credentials of `issuer` with one action of that digital source type."""
    address = f"http://cv.iptc.org/newscodes/digitalsourcetype/{source_type}"
    action = {"action": "c2pa.created", "digitalSourceType": address}
    manifest = {
        "claim_generator_info": [{"name": generator, "version": "3.1"}],
        "format": kind,
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [action]}}],
    }
    chain, key = _issued_to(issuer)
    with c2pa.Builder(manifest) as builder, unsigned.open("rb") as source, out.open("w+b") as target:
        if ingredient:
            with ingredient.open("rb") as file:
                builder.add_ingredient({"title": ingredient.name, "relationship": "componentOf"}, kind, file)
        with c2pa.Signer.from_info(c2pa.C2paSignerInfo("es256", chain, key, None)) as signer:
            builder.sign(signer, kind, source, target)
    return out


def _issued_to(issuer: str) -> tuple[bytes, bytes]:
    """PEM chain and key, as an authority would issue them."""
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root = certificate._certificate("Example Root", root_key, root_key, authority=True)
    name = x509.Name([x509.NameAttribute(oid, issuer) for oid in (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME)])
    now, public = datetime.now(UTC), key.public_key()
    usage = x509.KeyUsage(**{**certificate._NO_USAGE, "digital_signature": True})
    leaf = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(root.subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return leaf.public_bytes(pem) + root.public_bytes(pem), private
