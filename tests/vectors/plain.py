"""The canonical encoding a second time, straight from docs/PROTOCOL.md and without msgpack: golden bytes shall not vouch for themselves.

Also the form of vectors in JSON: bytes are {"bytes": hex}, and hex is cut where one byte repeats: "9a41*1000.ff" is 9a, 1000 times 41, ff.
"""

import re
from typing import Any


def canonical(value: Any) -> bytes:
    """The bytes of a value: the shortest msgpack form of each part."""
    match value:
        case None:
            return b"\xc0"
        case bool():
            return b"\xc3" if value else b"\xc2"
        case int():
            return _sized(value, (0x00, 0x80), (0xCC, 0xCD, 0xCE, 0xCF))
        case str():
            data = value.encode()
            return _sized(len(data), (0xA0, 32), (0xD9, 0xDA, 0xDB)) + data
        case bytes():
            return _sized(len(value), (0, 0), (0xC4, 0xC5, 0xC6)) + value
        case list() | tuple():
            return _sized(len(value), (0x90, 16), (None, 0xDC, 0xDD)) + b"".join(map(canonical, value))
    raise TypeError(type(value).__name__)


def _sized(number: int, short: tuple[int, int], tags: tuple[int | None, ...]) -> bytes:
    base, below = short
    if number < below:
        return bytes([base + number])
    for power, tag in enumerate(tags):
        if tag is not None and number < 256**2**power:
            return bytes([tag]) + number.to_bytes(2**power, "big")
    raise OverflowError(number)


def to_json(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"bytes": squeeze(value)}
    return [to_json(item) for item in value] if isinstance(value, list | tuple) else value


def from_json(value: Any) -> Any:
    if isinstance(value, dict):
        return stretch(value["bytes"])
    return [from_json(item) for item in value] if isinstance(value, list) else value


def squeeze(data: bytes) -> str:
    """Hex, with runs of 40 and more of one byte written as `41*1000.`, point included."""
    parts, at = [], 0
    for run in re.finditer(rb"(?s)(.)\1{39,}", data):
        parts += [data[at : run.start()].hex(), f"{run[1].hex()}*{len(run[0])}."]
        at = run.end()
    return "".join(parts) + data[at:].hex()


def stretch(text: str) -> bytes:
    return bytes.fromhex(re.sub(r"(..)\*(\d+)\.", lambda run: run[1] * int(run[2]), text))
