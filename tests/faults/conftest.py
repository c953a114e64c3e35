"""The undisturbed run, once for the whole fault suite."""

import pytest
from disturbed import Truth
from sweep_script import SWEEP


@pytest.fixture(scope="session")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    return Truth(SWEEP.run(tmp_path_factory.mktemp("truth"), workers=1, progress=False).to_frame())
