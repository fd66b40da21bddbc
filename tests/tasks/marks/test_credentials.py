"""Credentials: what is signed is read back, by us and by c2pa's own reader; what is broken is told as broken."""

import json
import stat
import subprocess
from datetime import UTC, datetime, timedelta

import c2pa
import cv2
import numpy as np
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

from fakelake.tasks.marks import credentials
from fakelake.tasks.marks.certificate import SignerUnfit, configured_signer, how_to_verify, own_signer, sign, signer_of
from fakelake.tasks.marks.credentials import COMPOSITE, NotSigned
from tests.media import face_clip, write_clip
from tests.tasks.marks.marked import ASSET, signed
from tests.tasks.marks.others import sign_as


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("credentials")


@pytest.fixture(scope="module")
def keys(folder):
    return folder / "keys"


@pytest.fixture(scope="module")
def signer(keys):
    return own_signer(keys)


@pytest.fixture(scope="module")
def unsigned(folder):
    return write_clip(folder / "unsigned.mp4", frames=10, sound=True)


@pytest.fixture(scope="module")
def made(folder, signer, unsigned):
    """Signed, with a picture as the source."""
    still = folder / "face.png"
    cv2.imwrite(str(still), np.full((64, 64, 3), 120, np.uint8))
    return signed(unsigned, folder / "made.mp4", signer, source=still, actions=["mouth exchanged", "banner drawn"])


# --- what is signed


def test_what_was_signed_is_read_back(made):
    found = credentials.read(made)
    assert found.ours and found.synthetic and found.validates and not found.problem
    assert found.generator.startswith("fakelake ") and found.issuer == "fakelake"
    assert found.source_types == ("compositeWithTrainedAlgorithmicMedia",)
    assert found.asset_id == ASSET
    assert set(found.ingredients) == {"unsigned.mp4", "face.png"}


def test_c2pa_s_own_reader_finds_it_valid_and_says_what_was_done(made):
    with made.open("rb") as file, c2pa.Reader("video/mp4", file) as reader:
        assert reader.get_validation_state() == "Valid"
        manifest = reader.get_active_manifest()
    assert manifest["title"] == "Made"
    relations = {i["title"]: i["relationship"] for i in manifest["ingredients"]}
    assert relations == {"unsigned.mp4": "parentOf", "face.png": "componentOf"}
    actions = next(a["data"]["actions"] for a in manifest["assertions"] if a["label"].startswith("c2pa.actions"))
    assert [a["action"] for a in actions] == [
        "c2pa.opened", "c2pa.placed", "c2pa.edited", "c2pa.edited", "c2pa.watermarked.bound",
    ]  # fmt: skip
    edits = [a for a in actions if a["action"] == "c2pa.edited"]
    assert [a["description"] for a in edits] == ["mouth exchanged", "banner drawn"]
    assert {a["digitalSourceType"] for a in edits} == {COMPOSITE}
    assert "thumbnail" not in json.dumps(manifest)  # nobody's face goes into a file unasked


def test_our_signer_is_trusted_by_who_has_its_root_and_by_nobody_else(made, keys):
    assert not credentials.read(made).trusted
    assert credentials.read(made, anchors=(keys / "root.pem").read_bytes()).trusted


def test_credentials_of_the_target_are_carried_on(made, unsigned, signer, folder):
    again = signed(unsigned, folder / "again.mp4", signer, target=made, source=unsigned)
    assert set(credentials.read(again).ingredients) == {"made.mp4", "unsigned.mp4"}
    with again.open("rb") as file, c2pa.Reader("video/mp4", file) as reader:
        assert len(json.loads(reader.json())["manifests"]) == 2


@pytest.mark.parametrize("name", ["target.mkv", "target.mpg", "target.avi", "target.mov"])
def test_any_container_may_be_a_target(name, signer, unsigned, folder):
    codec = "mpeg1video" if name.endswith("mpg") else "libx264"
    target = write_clip(folder / name, frames=5, codec=codec)
    out = signed(unsigned, folder / f"of_{name}.mp4", signer, target=target)
    assert credentials.read(out).ours and name in credentials.read(out).ingredients


def test_where_it_cannot_be_signed_nothing_is_left(folder, signer):
    with pytest.raises(NotSigned, match=r"out\.mp4"):
        signed(folder / "missing.mp4", folder / "out.mp4", signer, target=face_clip())
    assert not list(folder.glob("*out.mp4*"))


# --- what is read


def test_videos_without_credentials_have_none(unsigned, folder):
    assert credentials.read(unsigned) is None
    for name in ("a.mkv", "a.mov", "a.avi", "a.ts"):
        assert credentials.read(write_clip(folder / name, frames=5, b_frames=0)) is None
    for name, data in {"empty.mp4": b"", "text.mp4": b"no video at all", "short.mp4": b"\0\0\0\x20ftyp"}.items():
        (folder / name).write_bytes(data)
        assert credentials.read(folder / name) is None


def test_a_picture_changed_after_signing_does_not_validate(made, folder):
    data = bytearray(made.read_bytes())
    data[data.index(b"mdat") + 200] ^= 1
    (folder / "changed.mp4").write_bytes(data)
    found = credentials.read(folder / "changed.mp4")
    assert not found.validates and not found.ours and found.synthetic and "hash" in found.problem


def test_damaged_credentials_are_told_as_such(made, folder):
    for n, mangle in enumerate([slice(0, 60), slice(100, 1500), slice(1500, 1600)]):
        data = bytearray(made.read_bytes())
        at = data.index(b"jumb") - 4
        data[at + mangle.start : at + mangle.stop] = bytes(mangle.stop - mangle.start)
        (folder / f"damaged{n}.mp4").write_bytes(data)
        found = credentials.read(folder / f"damaged{n}.mp4")
        assert found is not None and not found.validates and found.problem
    (folder / "cut.mp4").write_bytes(made.read_bytes()[: made.read_bytes().index(b"jumb") + 300])
    assert not credentials.read(folder / "cut.mp4").validates


def test_other_makers_credentials_are_read(unsigned, folder):
    found = credentials.read(sign_as(unsigned, folder / "ai.mp4", "Example Inc", "trainedAlgorithmicMedia"))
    assert (found.issuer, found.generator) == ("Example Inc", "Example Maker 3.1")
    assert found.synthetic and found.validates and not found.ours and not found.trusted
    camera = credentials.read(sign_as(unsigned, folder / "camera.mp4", "Example Camera", "digitalCapture"))
    assert camera.source_types == ("digitalCapture",) and not camera.synthetic


def test_what_went_into_a_video_counts_too(unsigned, folder):
    """An editor that knows of no model was given a picture made by one."""
    ai = sign_as(unsigned, folder / "part.mp4", "Example Inc", "trainedAlgorithmicMedia")
    edited = sign_as(unsigned, folder / "edited.mp4", "Example Editor", "humanEdits", ingredient=ai)
    assert credentials.read(edited).synthetic


def test_avi_and_mov_can_carry_credentials(folder):
    for name, kind in {"carrier.avi": "video/avi", "carrier.mov": "video/quicktime"}.items():
        plain = write_clip(folder / name, frames=5, b_frames=0)
        out = sign_as(plain, folder / f"signed_{name}", "Example Inc", "trainedAlgorithmicMedia", kind=kind)
        assert credentials.read(out).synthetic


# --- who signs


def test_the_self_made_key_is_its_owner_s_only_and_stays_the_same(keys, signer):
    assert stat.S_IMODE((keys / "signer.pem").stat().st_mode) == 0o600
    assert own_signer(keys) == signer
    assert b"PRIVATE" not in (keys / "root.pem").read_bytes()
    assert "PRIVATE" not in repr(signer)


def test_a_certificate_of_one_s_own_signs(signer, unsigned, folder):
    (folder / "chain.pem").write_bytes(signer.chain)
    (folder / "key.pem").write_bytes(signer.key)
    own = configured_signer(folder / "chain.pem", folder / "key.pem")
    assert credentials.read(signed(unsigned, folder / "own.mp4", own)).validates


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 2048),
        ed25519.Ed25519PrivateKey.generate(),
    ],
    ids=["P-384", "RSA", "Ed25519"],
)  # fmt: skip
def test_what_a_key_of_any_kind_signs_is_verified_by_the_command_that_goes_with_it(key, tmp_path):
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a lab")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now).not_valid_after(now + timedelta(days=1))
        .sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256())
    )  # fmt: skip
    (tmp_path / "own.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (tmp_path / "key").write_bytes(key.private_bytes(*form))
    signer = signer_of(tmp_path, str(tmp_path / "own.pem"), str(tmp_path / "key"))
    (tmp_path / "list").write_bytes(b"what was signed")
    (tmp_path / "list.sig").write_bytes(sign(signer, b"what was signed"))
    command = how_to_verify(signer, "own.pem", "list.sig", "list")
    assert subprocess.run(command, shell=True, cwd=tmp_path).returncode == 0
    (tmp_path / "list").write_bytes(b"something else")
    assert subprocess.run(command, shell=True, cwd=tmp_path).returncode != 0


def test_a_key_that_does_not_fit_is_refused_in_words(signer, folder):
    other = own_signer(folder / "other")
    (folder / "chain.pem").write_bytes(signer.chain)
    (folder / "key.pem").write_bytes(other.key)
    with pytest.raises(SignerUnfit, match="not that of the first certificate"):
        configured_signer(folder / "chain.pem", folder / "key.pem")
    with pytest.raises(SignerUnfit, match=r"missing\.pem cannot be read"):
        configured_signer(folder / "chain.pem", folder / "missing.pem")
    (folder / "key.pem").write_bytes(b"no key")
    with pytest.raises(SignerUnfit, match="No signing certificate"):
        configured_signer(folder / "chain.pem", folder / "key.pem")
