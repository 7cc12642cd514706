"""Where the fields of many serialized `tf.Example`s lie, without parsing their content.

An Example is nested messages of (tag, length, content): `Example.features` (tag 0x0A) holds one
entry a field (0x0A) of a key (0x0A) and a value (0x12); the value is a list of bytes (0x0A), of
floats (0x12) or of integers (0x1A). Only tags, lengths and keys are read, of all records at
once, so the pages of a memory-mapped file that hold images alone are never touched.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

BYTES, FLOATS, INTEGERS, MISSING = 0x0A, 0x12, 0x1A, 0
_FIRST, _SECOND, _UNPACKED_INTEGER = 0x0A, 0x12, 0x08

Positions = NDArray[np.int64]


class Fields(NamedTuple):
    """One field of each record: where its content starts, its length and the kind of list.

    For a list of bytes this is its first element, for integers the packed list.
    """

    starts: Positions
    lengths: Positions
    kinds: NDArray[np.uint8]


class MalformedRecordError(ValueError):
    """A record is no `tf.Example`; `record` says which."""

    def __init__(self, record: int) -> None:
        super().__init__(f"Record {record} is no tf.Example")
        self.record = record


def locate(
    data: NDArray[np.uint8], starts: Positions, lengths: Positions, keys: list[str]
) -> list[Fields]:
    """The fields named `keys` in the records `data[start : start + length]`.

    Raises:
        MalformedRecordError: A record is no Example.
    """
    tags, content, size = _header(data, starts)
    _require((lengths == 0) | ((tags == _FIRST) & (content + size <= starts + lengths)))
    found = [(np.zeros_like(starts), np.zeros_like(starts)) for _ in keys]
    place = np.where(lengths == 0, starts, content)
    ends = np.where(lengths == 0, starts, content + size)
    rows = np.flatnonzero(place < ends)
    while len(rows):
        tags, entry, size = _header(data, place[rows])
        after = entry + size
        _require((tags == _FIRST) & (after <= ends[rows]), rows)
        key, value = _key_and_value(data, entry, after, rows)
        for number, name in enumerate(keys):
            match = _equal(data, *key, name.encode())
            found[number][0][rows[match]] = value[0][match]
            found[number][1][rows[match]] = value[1][match]
        place[rows] = after
        rows = rows[after < ends[rows]]
    return [_list_content(data, *field) for field in found]


def first_integers(data: NDArray[np.uint8], fields: Fields) -> tuple[Positions, NDArray[np.bool_]]:
    """The first integer of each field, and whether it is the only one."""
    here = (fields.kinds == INTEGERS) & (fields.lengths > 0)
    values = np.zeros(len(here), np.int64)
    alone = np.zeros(len(here), bool)
    read, after = _varints(data, fields.starts[here])
    values[here] = read.view(np.int64)
    alone[here] = after == fields.starts[here] + fields.lengths[here]
    return values, alone


def unpack_bytes(packed: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A packed list of integers, all below 256: one or two bytes each."""
    continues = packed >= 128
    begins = np.concatenate([[True], ~continues[:-1]])
    places = np.flatnonzero(begins)
    values = packed[places] & 127
    longer = continues[places]
    values[longer] |= packed[places[longer] + 1] << 7
    return values.astype(np.uint8)


def _key_and_value(
    data: NDArray[np.uint8], place: Positions, ends: Positions, rows: Positions
) -> tuple[tuple[Positions, Positions], tuple[Positions, Positions]]:
    key = (np.zeros_like(place), np.zeros_like(place))
    value = (np.zeros_like(place), np.zeros_like(place))
    for _ in range(2):  # a key and a value, in either order; an empty one may be left out
        inside = place < ends
        tags, content, size = _header(data, place)
        _require(~inside | (np.isin(tags, (_FIRST, _SECOND)) & (content + size <= ends)), rows)
        for tag, (begin, length) in ((_FIRST, key), (_SECOND, value)):
            here = inside & (tags == tag)
            begin[here], length[here] = content[here], size[here]
        place = np.where(inside, content + size, place)
    return key, value


def _list_content(data: NDArray[np.uint8], starts: Positions, lengths: Positions) -> Fields:
    """From the place of a value to that of what its list holds."""
    present = lengths > 0
    kinds, content, size = _header(data, starts)
    tags, first, of_first = _header(data, content)
    # A single integer that is not packed has no length of its own.
    single = (kinds == INTEGERS) & (tags == _UNPACKED_INTEGER)
    starts = np.where(single, content + 1, first)
    lengths = np.where(single, size - 1, of_first)
    empty = size == 0
    return Fields(
        np.where(empty, content, starts),
        np.where(present & ~empty, lengths, 0),
        np.where(present, kinds, MISSING).astype(np.uint8),
    )


def _header(
    data: NDArray[np.uint8], place: Positions
) -> tuple[NDArray[np.uint8], Positions, Positions]:
    """Tag, place of the content and its length."""
    last = len(data) - 1
    tags = data[np.minimum(place, last)]
    length, after = _varints(data, place + 1)
    return tags, after, np.minimum(length, 2**62).astype(np.int64)


def _varints(data: NDArray[np.uint8], place: Positions) -> tuple[NDArray[np.uint64], Positions]:
    """Integers of seven bits a byte, and the places after them."""
    values = np.zeros(len(place), np.uint64)
    place = place.copy()
    more = np.ones(len(place), bool)
    last = len(data) - 1
    for shift in range(0, 70, 7):
        byte = data[np.minimum(place, last)]
        values |= np.where(more, (byte & 127).astype(np.uint64) << np.uint64(shift), np.uint64(0))
        place += more
        more &= byte >= 128
        if not more.any():
            break
    return values, place


def _equal(
    data: NDArray[np.uint8], starts: Positions, lengths: Positions, text: bytes
) -> NDArray[np.bool_]:
    match = lengths == len(text)
    wanted = np.frombuffer(text, np.uint8)
    candidates = np.flatnonzero(match)
    read = data[starts[candidates, np.newaxis] + np.arange(len(text))]
    match[candidates] = (read == wanted).all(axis=1)
    return match


def _require(good: NDArray[np.bool_], rows: Positions | None = None) -> None:
    if not good.all():
        bad = int(np.argmin(good))
        raise MalformedRecordError(bad if rows is None else int(rows[bad]))
