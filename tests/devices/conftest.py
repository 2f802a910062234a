import pytest

from .channel_programs import Channel


@pytest.fixture
def channel():
    channel = Channel()
    with channel.storage:
        yield channel
