import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]

# The training scripts are run as files and import their neighbours by name.
sys.path.insert(0, str(REPOSITORY / "examples" / "training"))


@pytest.fixture(scope="session")
def data_folder():
    return REPOSITORY / "examples" / "data"


@pytest.fixture(scope="session")
def checkpoints():
    return REPOSITORY / "examples" / "checkpoints"
