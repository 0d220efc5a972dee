import sys
from pathlib import Path

# The training scripts are run as files and import their neighbours by name.
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "examples" / "training"))
