"""Short names of events and fields for listings: they follow from the long ones alone, so they stay what they are.

An event's identifier has nine characters at most: of a fact `AREA.RESE` (area.reserved), of a message, without the
point, `RESEAREA` (ReserveAreas). A field's keyword has eight: `ORIGFRAM` (origin_frame).

A test sees to it that no two events of the vocabulary have the same identifier. A new one that would get that of an
older one is given another in `_GIVEN`: identifiers are never changed.
"""

import re
from functools import lru_cache

IDENTIFIER_CHARACTERS = 9
KEYWORD_CHARACTERS = 8

_GIVEN = {
    "SetAddressLimits": "SETADLMS",  # there is SetAddressLimit
    "AddressLimitsSet": "ADDLMSET",
    "AddressLimitsRefused": "ADDLMREF",
}
_WORD = re.compile(r"[A-Z]?[^A-Z]+|[A-Z]+")
# How many characters each word gets, by the number of words; of more than three, the first four count.
_SHARES = {1: (8,), 2: (4, 4), 3: (3, 2, 3)}
_SHARES_OF_MANY = (2, 2, 2, 2)


@lru_cache(maxsize=1024)
def event_identifier(name: str) -> str:
    """The short name of an event, also of one that the vocabulary doesn't know."""
    if name in _GIVEN:
        return _GIVEN[name]
    noun, point, verb = name.partition(".")
    if point:
        return f"{noun[:4]}.{verb[:4]}".upper()
    words = _WORD.findall(name)
    shares = _SHARES.get(len(words), _SHARES_OF_MANY)
    return "".join(word[:share] for word, share in zip(words, shares, strict=False)).upper()


@lru_cache(maxsize=1024)
def field_keyword(name: str) -> str:
    """The keyword of a field."""
    first, _, second = name.partition("_")
    second = second.replace("_", "")
    first = first[: max(4, KEYWORD_CHARACTERS - len(second))]
    return (first + second)[:KEYWORD_CHARACTERS].upper()
