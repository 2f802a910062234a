"""Page custody: proof that every page and key of a move landed exactly once.

Before a move each page of the zone gets a 64-bit digest, and the keys are copied; afterwards the same is
taken where the pages should stand now. It shares no code with the mover and knows nothing of cursors,
directions or chunks: what it compares is what lies in storage.

What it does not check: pages that storage tells as never touched (`MainStorage.committed`) count as zeros
without being read, before and after, because reading them would cost a sparse zone its sparseness.

The digest of a page is the sum of weight[i] * word[i] modulo 2^64, over its 1024 words of 32 bits, with
odd weights of 64 bits:

- any change of one word changes it, because an odd factor has an inverse;
- it depends on where each word stands: two words that differ can't be swapped unseen, because the weights
  differ in their lower halves;
- a page of zeros has the digest 0.

Weighing words of 64 bits would take half the time, but lose at the top of the sum what a little-endian
machine sees of a guest's counters, which are big-endian. One call of numpy for many pages leaves the GIL
alone meanwhile; folding and weighing in separate passes is as fast, but asks for the GIL thousands of times,
each time up to 5 ms where guests run.

It is no cryptographic digest: it finds faults of a mover, not an adversary. The whole zone's digests are
BLAKE2b over those of the pages, and over the keys.
"""

import hashlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
from attrs import field, frozen

from lparvm.arch.address import PAGE_BYTES, Zone
from lparvm.storage.main_storage import POISON_WORD, MainStorage

_WORDS = PAGE_BYTES // 4
_DIGEST_BYTES = 16

# Pages that don't lie together are gathered in blocks of this many.
_GATHERED_PAGES = 256

_Digests = npt.NDArray[np.uint64]
_Words = npt.NDArray[np.uint32]


def _weights() -> _Digests:
    """Odd numbers without a pattern, one a word, the same everywhere and always (splitmix64)."""
    weights = []
    for index in range(1, _WORDS + 1):
        mixed = index * 0x9E3779B97F4A7C15 & 0xFFFF_FFFF_FFFF_FFFF
        mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9 & 0xFFFF_FFFF_FFFF_FFFF
        mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB & 0xFFFF_FFFF_FFFF_FFFF
        weights.append((mixed ^ mixed >> 31) | 1)
    assert len({weight & 0xFFFF_FFFF for weight in weights}) == _WORDS, "weights differ in their lower halves"
    return np.array(weights, dtype=np.uint64)


_WEIGHTS = _weights()


@frozen(eq=False)
class Custody:
    """What stood in a zone at one moment.

    Attributes:
        zone: the zone, host absolute frames.
        digests: uint64 `(extent,)`, a digest a page; 0 for a page of zeros.
        keys: uint8 `(extent,)`, a copy.
        data_digest: hex digest of all pages.
        key_digest: hex digest of all keys.
    """

    zone: Zone
    digests: _Digests = field(repr=False)
    keys: npt.NDArray[np.uint8] = field(repr=False)
    data_digest: str
    key_digest: str


@frozen
class CustodyReport:
    """How the pages and keys of a zone landed. Every page is counted once: landed, stale, duplicated or lost.

    Attributes:
        pages: pages that landed whole.
        keys: keys that landed with all eight bits.
        lost: pages in whose place stands something that is no page of the zone.
        duplicated: pages in whose place stands another page of the zone.
        stale: pages in whose place still stands what was there before, as far as that is known: another
            page of the zone where old and new area overlap, zeros, or poison.
        keys_wrong: keys that differ.
        data_digest: hex digest of all pages found.
        key_digest: hex digest of all keys found.
    """

    pages: int
    keys: int
    lost: int
    duplicated: int
    stale: int
    keys_wrong: int
    data_digest: str
    key_digest: str

    @property
    def intact(self) -> bool:
        """Whether every page and key landed."""
        return not (self.lost or self.duplicated or self.stale or self.keys_wrong)


def record(storage: MainStorage, zone: Zone, *, threads: int = 1) -> Custody:
    """Take the digests and keys of a zone that nobody stores into meanwhile.

    Args:
        storage: main storage.
        zone: the zone.
        threads: how many threads share the work; the GIL is free meanwhile.
    """
    digests = _page_digests(storage, zone, threads)
    keys = storage.keys[zone.origin : zone.end].copy()
    return Custody(zone, digests, keys, _hex(digests.astype("<u8", copy=False)), _hex(keys))


def verify(storage: MainStorage, custody: Custody, zone: Zone, *, threads: int = 1) -> CustodyReport:
    """Compare what was recorded with what stands in `zone` now.

    Args:
        storage: main storage.
        custody: what was recorded before the move.
        zone: where the pages should stand now: the target, or the zone itself after backing out.
        threads: how many threads share the work; the GIL is free meanwhile.
    """
    assert zone.extent == custody.zone.extent, "a move changes the origin, never the extent"
    found = record(storage, zone, threads=threads)
    wrong = np.flatnonzero(found.digests != custody.digests)
    keys_wrong = int(np.count_nonzero(found.keys != custody.keys))
    in_place = found.digests[wrong]
    stale = _stale(custody, wrong, in_place, zone.origin - custody.zone.origin)
    duplicated = ~stale & np.isin(in_place, custody.digests)
    return CustodyReport(
        pages=zone.extent - len(wrong),
        keys=zone.extent - keys_wrong,
        lost=len(wrong) - int(stale.sum()) - int(duplicated.sum()),
        duplicated=int(duplicated.sum()),
        stale=int(stale.sum()),
        keys_wrong=keys_wrong,
        data_digest=found.data_digest,
        key_digest=found.key_digest,
    )


def _stale(
    custody: Custody, wrong: npt.NDArray[np.intp], in_place: _Digests, displacement: int
) -> npt.NDArray[np.bool_]:
    """Which of the wrong pages' frames hold what they held before the move."""
    before = wrong + displacement  # the page of the old area that stood in this frame
    overlapping = (before >= 0) & (before < custody.zone.extent)
    stale: npt.NDArray[np.bool_] = (in_place == 0) | (in_place == _POISON_DIGEST)
    stale[overlapping] |= in_place[overlapping] == custody.digests[before[overlapping]]
    return stale


def _page_digests(storage: MainStorage, zone: Zone, threads: int) -> _Digests:
    digests = np.zeros(zone.extent, dtype=np.uint64)
    pages = np.flatnonzero(storage.committed(zone))
    words = storage.frames[zone.origin : zone.end].view("<u4")
    if threads <= 1 or len(pages) < threads * _GATHERED_PAGES:
        _fill_digests(words, pages, digests)
        return digests
    with ThreadPoolExecutor(threads, thread_name_prefix="lparvm-custody") as pool:
        shares = np.array_split(pages, threads)
        for done in [pool.submit(_fill_digests, words, share, digests) for share in shares]:
            done.result()
    return digests


def _fill_digests(words: _Words, pages: npt.NDArray[np.intp], digests: _Digests) -> None:
    """Digests of some ascending pages, `digests[page]` for each."""
    if _adjacent(pages):
        if len(pages):
            digests[pages[0] : pages[-1] + 1] = _digest(words[pages[0] : pages[-1] + 1])
        return
    for start in range(0, len(pages), _GATHERED_PAGES):
        some = pages[start : start + _GATHERED_PAGES]
        # Adjacent pages are a view; the others must be brought together first.
        digests[some] = _digest(words[some[0] : some[-1] + 1] if _adjacent(some) else words[some])


def _adjacent(pages: npt.NDArray[np.intp]) -> bool:
    return not len(pages) or int(pages[-1] - pages[0]) == len(pages) - 1


def _digest(words: _Words) -> _Digests:
    """Digests of pages of words `(pages, 1024)`."""
    # The words are widened in numpy's own small buffers, not in a copy of all.
    digests: _Digests = np.einsum("ij,j->i", words, _WEIGHTS)
    return digests


def _poison_digest() -> np.uint64:
    page = np.full((1, PAGE_BYTES // 8), POISON_WORD, dtype=">u8").view("<u4")
    digest: np.uint64 = _digest(page)[0]
    return digest


_POISON_DIGEST = _poison_digest()


def _hex(values: npt.NDArray[np.generic]) -> str:
    return hashlib.blake2b(values.tobytes(), digest_size=_DIGEST_BYTES).hexdigest()
