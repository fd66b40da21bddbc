"""C2PA credentials: written into the videos that fakelake makes, and read out of any video."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fakelake import __version__
from fakelake.tasks.marks.invisible import ALGORITHM
from fakelake.tasks.marks.store import has_store, media_type

if TYPE_CHECKING:
    import c2pa

    from fakelake.tasks.marks.certificate import Signer

GENERATOR = "fakelake"
COMPOSITE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
# Of IPTC's digital source types (the last part of each address), those that say a model or a program made the picture.
SYNTHETIC = {
    "trainedAlgorithmicMedia",
    "compositeWithTrainedAlgorithmicMedia",
    "algorithmicMedia",
    "compositeSynthetic",
    "trainedAlgorithmicData",
}
UNTRUSTED = "signingCredential.untrusted"
UNKNOWN = "an unknown maker"
TARGET, SOURCE = "target", "source"


class NotSigned(Exception):
    """Credentials could not be written; the text says into which file and why."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a file's credentials say, and what that is worth.

    issuer: the organisation that the signer's certificate names; generator: the program, with its version
    source_types: of the video and of all that went into it, without IPTC's address
    validates: signature and file agree; trusted: the signer is on the list that the reader was given
    problem: why they do not validate, in the words of c2pa, else empty
    asset_id: of the mark that they say the picture carries
    """

    issuer: str
    generator: str
    source_types: tuple[str, ...] = ()
    validates: bool = False
    trusted: bool = False
    problem: str = ""
    asset_id: str | None = None
    ingredients: tuple[str, ...] = ()

    @property
    def synthetic(self) -> bool:
        """They declare that the picture, or a part of it, was made by a model or a program."""
        return not SYNTHETIC.isdisjoint(self.source_types)

    @property
    def ours(self) -> bool:
        """They validate and name fakelake as the program."""
        return self.validates and self.generator.split(" ")[0] == GENERATOR


def read(path: Path, *, anchors: bytes = b"") -> Credentials | None:
    """The credentials that a file carries; None where it carries none, or is of a kind that cannot.

    anchors: PEM of roots to trust; without any, no signer is trusted. Nothing is fetched from a network: credentials
    that lie elsewhere, and lists of withdrawn certificates, are not read. Damaged credentials come back as such.
    Raises OSError where the file cannot be read.
    """
    if not has_store(path):
        return None
    import c2pa  # a native library of 23 MB, which hardly any video needs

    try:
        with path.open("rb") as file, c2pa.Reader(media_type(path), file, context=_context(anchors)) as reader:
            return _told(json.loads(reader.json()))
    except (c2pa.C2paError, ValueError, KeyError, TypeError) as error:
        return Credentials(UNKNOWN, UNKNOWN, problem=f"they are damaged: {error}")


def sign(
    unsigned: Path,
    out: Path,
    *,
    signer: Signer,
    title: str,
    asset_id: str,
    target: Path,
    source: Path,
    actions: Sequence[str],
) -> None:
    """Write the mp4 `unsigned` as `out`, with credentials: a composite made with a trained model.

    signer: see `certificate`. asset_id: of the mark in the pictures (16 hexadecimal digits), for the soft binding.
    target: the video that was changed (the parent); source: the still or video that gave the face (a component). Both
    are named by their file names and shown by no thumbnail; credentials that they carry are carried on.
    actions: what was done, in words, each an edit. `out` appears under its name only when it is whole.
    Raises NotSigned.
    """
    import c2pa

    temporary = out.with_name(f".{out.name}.signing")
    files = [(target, "parentOf", TARGET), (source, "componentOf", SOURCE)]
    try:
        carried = [each for each in files if (found := read(each[0])) is not None and found.generator != UNKNOWN]
        manifest = _manifest(title, asset_id, actions)
        manifest["ingredients"] = [_ingredient(*each) for each in files if each not in carried]
        with c2pa.Builder(manifest, context=_context()) as builder:
            for each in carried:
                with each[0].open("rb") as file:
                    builder.add_ingredient(_ingredient(*each), media_type(each[0]), file)
            info = c2pa.C2paSignerInfo(signer.algorithm, signer.chain, signer.key, None)
            with c2pa.Signer.from_info(info) as native, unsigned.open("rb") as read_, temporary.open("w+b") as written:
                builder.sign(native, "video/mp4", read_, written)
        temporary.replace(out)
    except (c2pa.C2paError, OSError) as error:
        raise NotSigned(f"{out} could not be given its credentials: {error}") from error
    finally:
        temporary.unlink(missing_ok=True)


def _manifest(title: str, asset_id: str, actions: Sequence[str]) -> dict[str, Any]:
    agent = {"name": GENERATOR, "version": __version__}
    edit = {"action": "c2pa.edited", "softwareAgent": agent, "digitalSourceType": COMPOSITE}
    done = [
        {"action": "c2pa.opened", "softwareAgent": agent, "parameters": {"ingredientIds": [TARGET]}},
        {"action": "c2pa.placed", "softwareAgent": agent, "parameters": {"ingredientIds": [SOURCE]}},
        *({**edit, "description": words} for words in actions or ["Parts of the face were exchanged."]),
        {"action": "c2pa.watermarked.bound", "softwareAgent": agent, "description": f"Invisible mark {asset_id}"},
    ]
    binding = {"alg": ALGORITHM, "blocks": [{"scope": {}, "value": asset_id}]}
    return {
        "claim_generator_info": [agent],
        "title": title,
        "format": "video/mp4",
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": done}},
            {"label": "c2pa.soft-binding", "data": binding},
        ],
    }


def _ingredient(path: Path, relationship: str, name: str) -> dict[str, str]:
    known = {"format": kind} if (kind := media_type(path)) else {}
    return {"title": path.name, "relationship": relationship, "instance_id": name, **known}


def _context(anchors: bytes = b"") -> c2pa.Context:
    """Settings under which c2pa neither asks a network nor adds a picture of anyone."""
    import c2pa

    settings: dict[str, Any] = {
        "version": 1,
        "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_after_sign": False},
        "builder": {"thumbnail": {"enabled": False}},
    }
    if anchors:
        settings["trust"] = {"user_anchors": anchors.decode()}
    return c2pa.Context(c2pa.Settings.from_dict(settings))


def _told(said: dict[str, Any]) -> Credentials:
    """c2pa's report of a manifest store -> what it comes to."""
    active = said["manifests"][said["active_manifest"]]
    signature = active.get("signature_info") or {}
    programs = [*(active.get("claim_generator_info") or []), {"name": active.get("claim_generator") or UNKNOWN}]
    failures = [f for f in said.get("validation_status") or [] if f["code"] != UNTRUSTED]
    return Credentials(
        issuer=signature.get("issuer") or signature.get("common_name") or UNKNOWN,
        generator=" ".join(str(programs[0][key]) for key in ("name", "version") if programs[0].get(key)),
        source_types=tuple(dict.fromkeys(_source_types(said["manifests"], said["active_manifest"], set()))),
        validates=said.get("validation_state") in ("Valid", "Trusted"),
        trusted=said.get("validation_state") == "Trusted",
        problem=failures[0].get("explanation") or failures[0]["code"] if failures else "",
        asset_id=_asset_id(active),
        ingredients=tuple(i.get("title") or UNKNOWN for i in active.get("ingredients") or []),
    )


def _source_types(manifests: dict[str, Any], label: str, seen: set[str]) -> Iterator[str]:
    """Of a manifest and of what went into its picture. A prompt or a training picture (inputTo) did not."""
    if label in seen or label not in manifests:
        return
    seen.add(label)
    for assertion in manifests[label].get("assertions") or []:
        if assertion["label"].startswith("c2pa.actions"):
            for action in assertion["data"].get("actions") or []:
                if address := action.get("digitalSourceType"):
                    yield address.rsplit("/", 1)[-1]
    for ingredient in manifests[label].get("ingredients") or []:
        if ingredient.get("relationship") != "inputTo":
            yield from _source_types(manifests, ingredient.get("active_manifest") or "", seen)


def _asset_id(manifest: dict[str, Any]) -> str | None:
    for assertion in manifest.get("assertions") or []:
        if assertion["label"].startswith("c2pa.soft-binding") and assertion["data"].get("alg") == ALGORITHM:
            return assertion["data"]["blocks"][0]["value"]
    return None
