import numpy as np
import pytest

from lparvm.arch.interception import ServiceCall
from lparvm.arch.service_signal import (
    REASON_CHARACTERS_MAX,
    StorageGivenUp,
    StorageGrown,
    StorageKept,
    StorageUsed,
    StorageWanted,
)


@pytest.mark.parametrize("kind", [StorageGrown, StorageWanted, StorageUsed, StorageGivenUp])
def test_an_extent_is_a_number_of_any_sort_and_positive(kind):
    one = kind(np.int64(16))
    assert type(one.extent) is int
    assert one == kind(16)
    with pytest.raises(ValueError, match="extent is 0; expected 1 or more"):
        kind(0)
    with pytest.raises(TypeError):
        kind("16")


def test_a_reason_is_one_short_line():
    assert StorageKept("  in \n use ").reason == "in use"
    assert len(StorageKept("x" * 10_000).reason) == REASON_CHARACTERS_MAX
    with pytest.raises(TypeError, match="reason is 5; expected a text"):
        StorageKept(5)


@pytest.mark.parametrize("answer", [StorageUsed(1), StorageGivenUp(1), StorageKept("no")])
def test_a_service_call_has_an_answer(answer):
    assert ServiceCall(answer).answer is answer


@pytest.mark.parametrize("wrong", [None, 16, StorageGrown(1), StorageWanted(1)])
def test_what_is_no_answer_is_refused(wrong):
    with pytest.raises(TypeError):
        ServiceCall(wrong)
