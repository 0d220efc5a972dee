"""The checkpoints that come with the repository, and the real data that they are judged on."""

from dataclasses import dataclass
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[1]
CHECKPOINTS = EXAMPLES / "checkpoints"
DATA = EXAMPLES / "data"


@dataclass(frozen=True)
class Shipped:
    """One checkpoint with its data."""

    name: str
    """Folder under `examples/checkpoints`, and name of its bundle."""
    calibration: Path | None
    """Real samples without labels, of which the golden samples are taken; or the built-in ones."""
    evaluation: str
    """Labelled samples, or the environment, for the task metric."""

    @property
    def checkpoint(self) -> Path:
        """Folder in Hugging Face layout."""
        return CHECKPOINTS / self.name


SHIPPED = (
    Shipped("vit-fashion-mnist", DATA / "fashion-mnist-calibration", str(DATA / "fashion-mnist")),
    Shipped("decision-transformer-hopper", DATA / "hopper_trajectories.npz", "Hopper-v5"),
    Shipped("dnabert-splice", DATA / "lambda_virus.fa", str(DATA / "splice.tsv")),
    Shipped("dnabert-promoters", DATA / "lambda_virus.fa", str(DATA / "promoters.tsv")),
    Shipped("conformer-ctc-en", DATA / "speech-calibration", str(DATA / "speech")),
    Shipped("fastspeech2-en", None, str(DATA / "sentences.txt")),
    Shipped("fastspeech2-es", None, str(DATA / "sentences_es.txt")),
    Shipped("marian-en-es", DATA / "phrases_calibration.txt", str(DATA / "phrases.tsv")),
)
