"""What the invisible mark says: an asset id and its checksum, coded so that many wrong bits are put right.

The code is the rate 1/3, constraint length 11 convolutional code with generators 2353, 2671, 3175 (octal), decoded from
soft values by Viterbi's algorithm: a fifth of all bits may be wrong.
"""

from __future__ import annotations

import binascii
import re
from functools import cache

import numpy as np

ID_BITS, CRC_BITS = 64, 16
_MEMORY = 10
_STATES = 1 << _MEMORY
_GENERATORS = (0o2353, 0o2671, 0o3175)
STEPS = ID_BITS + CRC_BITS + _MEMORY
CODE_BITS = STEPS * len(_GENERATORS)
_ASSET_ID = re.compile(r"[0-9a-f]{16}")


def checked_id(asset_id: str) -> str:
    """The id itself. Raises ValueError unless it is 16 lower-case hexadecimal digits."""
    if not _ASSET_ID.fullmatch(asset_id):
        raise ValueError(f"An asset id has 16 digits of 0-9 and a-f; {asset_id!r} is none.")
    return asset_id


def encode(asset_id: str) -> np.ndarray:
    """16 hexadecimal digits -> float32 [CODE_BITS] of -1 and 1."""
    data = bytes.fromhex(checked_id(asset_id))
    data += binascii.crc_hqx(data, 0xFFFF).to_bytes(2, "big")
    return _coded(np.unpackbits(np.frombuffer(data, np.uint8)))


def decode(soft: np.ndarray) -> tuple[str, np.ndarray] | None:
    """float [CODE_BITS], the sign the likely bit and the size how likely -> (asset id, its code as in `encode`).

    None where the checksum of the likeliest payload is wrong.
    """
    bits = _viterbi(np.asarray(soft, np.float32))[: ID_BITS + CRC_BITS]
    data = np.packbits(bits).tobytes()
    if binascii.crc_hqx(data[:8], 0xFFFF) != int.from_bytes(data[8:], "big"):
        return None
    return data[:8].hex(), _coded(bits)


def _coded(bits: np.ndarray) -> np.ndarray:
    outputs = _outputs()
    state, code = 0, np.empty((STEPS, len(_GENERATORS)), np.float32)
    for step, bit in enumerate([*bits.tolist(), *[0] * _MEMORY]):
        code[step] = outputs[state, bit]
        state = (bit << _MEMORY | state) >> 1
    return code.ravel()


@cache
def _outputs() -> np.ndarray:
    """float32 [states, bit, generators] of -1 and 1. A state holds the last bits, the newest highest."""
    table = np.empty((_STATES, 2, len(_GENERATORS)), np.float32)
    for state in range(_STATES):
        for bit in (0, 1):
            register = bit << _MEMORY | state
            table[state, bit] = [2 * ((register & g).bit_count() % 2) - 1 for g in _GENERATORS]
    return table


def _viterbi(soft: np.ndarray) -> np.ndarray:
    """The bits of the path from state 0 to state 0 that agrees best with `soft` -> uint8 [STEPS]."""
    into = np.arange(_STATES)
    bit = into >> (_MEMORY - 1)  # of every step into a state
    before = (into << 1 & (_STATES - 1))[:, None] + np.array([0, 1])  # the two states that it can come from
    outputs = _outputs()[before, bit[:, None]]
    merit = np.full(_STATES, -np.inf, np.float32)
    merit[0] = 0.0
    chosen = np.empty((STEPS, _STATES), np.int16)
    for step, values in enumerate(soft.reshape(STEPS, -1)):
        reached = merit[before] + outputs @ values
        better = reached.argmax(axis=1)
        chosen[step], merit = before[into, better], reached[into, better]
    bits, state = np.empty(STEPS, np.uint8), 0
    for step in range(STEPS - 1, -1, -1):
        bits[step], state = bit[state], int(chosen[step, state])
    return bits
