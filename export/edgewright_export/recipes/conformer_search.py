"""The beam search of a checkpoint: its settings, `lexicon.txt` and `lm.arpa` or `lm.arpa.gz`."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from edgewright.ctc import BeamSearch, NgramModel
from edgewright.errors import BundleError, CheckpointError, UsageError
from edgewright.families.conformer_config import SearchConfig
from edgewright.transcript import SEPARATOR, read_lexicon
from edgewright_export.checkpoint import Checkpoint
from edgewright_export.recipes.conformer_recognizer import TokenTable
from edgewright_export.recipes.conformer_tokens import LEXICON, spell_lexicon

LANGUAGE_MODELS = ("lm.arpa", "lm.arpa.gz")


@dataclass(frozen=True)
class SearchOptions:
    """Settings of the beam search over `lexicon.txt` and the language model, if there is one."""

    beam_width: int = 32
    """Prefixes kept after each frame."""
    lm_weight: float = 0.5
    """Factor of the language model's natural logarithm."""
    word_bonus: float = 0.0
    """Added for each word, natural logarithm."""
    token_threshold: float = -7.0
    """Natural logarithm below which a token is not tried."""
    beam_threshold: float = 14.0
    """Prefixes this far below the best are dropped, natural logarithm."""
    blank_penalty: float = 0.0
    """Taken from the blank of each frame, natural logarithm."""


@dataclass(frozen=True)
class Search:
    """A beam search, and what a bundle carries of it."""

    config: SearchConfig
    files: Mapping[str, bytes]
    """By bundle path."""
    beam: BeamSearch
    """The search itself, as the runtime builds it."""


def read_search(checkpoint: Checkpoint, table: TokenTable, options: SearchOptions) -> Search:
    """Read `lexicon.txt` and, where there is one, `lm.arpa` or `lm.arpa.gz`, which stays packed.

    Raises:
        CheckpointError: The lexicon is missing, or the search cannot be built.
    """
    settings = dataclasses.asdict(options)
    found = next(filter(checkpoint.has, LANGUAGE_MODELS), None)
    path = None if found is None else f"assets/{found}"
    config = SearchConfig(**settings, language_model=path)
    lexicon = spell_lexicon(checkpoint.read_bytes(LEXICON), table)
    files, model = {config.lexicon: lexicon}, None
    try:
        if path is not None:
            files[path] = checkpoint.read_bytes(path.removeprefix("assets/"))
            model = NgramModel.from_arpa(files[path])
        separated = table.boundary == "separator"
        beam = BeamSearch(
            table.blank_id,
            lexicon=read_lexicon(lexicon),
            language_model=model,
            separator_id=table.tokens.index(SEPARATOR) if separated else None,
            **settings,
        )
    except (BundleError, UsageError) as error:
        raise CheckpointError(
            f"search: got '{error}', expected a lexicon, a language model and settings that the "
            "beam search takes; correct them"
        ) from error
    return Search(config, files, beam)
