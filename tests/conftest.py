from __future__ import annotations

import pytest

from tests.builders import reference_stm
from visorvos import STM


@pytest.fixture(scope="session", params=["resnet18", "resnet50"])
def golden_stm(request: pytest.FixtureRequest) -> STM:
    """The network that the golden figures were taken with, in each recorded backbone."""
    return reference_stm(request.param)


@pytest.fixture(scope="session")
def small_stm() -> STM:
    """A ResNet-18 network with fixed weights."""
    return reference_stm("resnet18")
