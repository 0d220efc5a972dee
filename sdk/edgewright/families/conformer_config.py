"""`manifest.config` of Conformer recognizers."""

from dataclasses import dataclass

from edgewright.audio import LEAST_RATE, MOST_RATE
from edgewright.families.base import require
from edgewright.features import LogMelConfig
from edgewright.transcript import Boundary

LONGEST_CHUNK = 1 << 16
"""Frames or samples to whose multiple an input may be padded."""


@dataclass(frozen=True)
class SearchConfig:
    """The beam search over a lexicon that is the default where a bundle carries one."""

    beam_width: int
    """Prefixes kept after each frame."""
    lm_weight: float
    """Factor of the language model's natural logarithm."""
    word_bonus: float
    """Added for each word, natural logarithm."""
    token_threshold: float
    """Natural logarithm below which a token is not tried."""
    beam_threshold: float
    """Prefixes this far below the best are dropped, natural logarithm."""
    lexicon: str = "assets/lexicon.txt"
    """Lines of a word, a tab and token ids separated by spaces."""
    language_model: str | None = "assets/lm.arpa"
    """Word n-gram; none for a lexicon alone."""
    blank_penalty: float = 0.0
    """Taken from the blank of each frame, natural logarithm."""


@dataclass(frozen=True)
class ConformerCTCConfig:
    """`manifest.config` of the family."""

    sample_rate: int
    """Of the audio that the graph or the features take, Hz."""
    features: LogMelConfig | None
    """None where the graph takes the waveform."""
    normalize_waveform: bool
    """Zero mean and unit variance of each segment (Wav2Vec2's `do_normalize`)."""
    blank_id: int
    special_ids: tuple[int, ...]
    """Tokens that are never text."""
    word_boundary: Boundary
    """`prefix` (U+2581 begins a word) or `separator` ("|" stands between words)."""
    chunk_frames: int
    """The input's time is padded to a multiple of this; 1 for none."""
    pad_value: float
    """What it is padded with: silence, in the domain of the features."""
    frame_seconds: float
    """Seconds of audio of one logits frame."""
    subsampling: tuple[tuple[int, int, int], ...]
    """(kernel, stride, padding) of each layer: n steps become (n + 2·padding − kernel) // stride +
    1."""
    search: SearchConfig | None
    """None: greedy decoding is the default."""
    max_segment: float
    """Longest audio given to the graph, seconds; longer audio is cut at pauses."""
    flush_frames: int = 0
    """Steps of silence behind an input, before it is padded to whole chunks: so much that the graph
    has time to say a last word."""
    vocabulary: str = "assets/tokens.txt"
    """One token a line, in UTF-8; the index is the number of the line, from 0."""


def check_config(config: ConformerCTCConfig) -> None:
    """Raise BundleError where a value is out of range."""
    rates = f"{LEAST_RATE} to {MOST_RATE} Hz"
    in_range = LEAST_RATE <= config.sample_rate <= MOST_RATE
    require(in_range, "sample_rate", config.sample_rate, rates)
    if config.features is not None:
        rate = config.features.sample_rate
        require(rate == config.sample_rate, "features.sample_rate", rate, f"{config.sample_rate}")
    chunks = 1 <= config.chunk_frames <= LONGEST_CHUNK
    require(chunks, "chunk_frames", config.chunk_frames, f"1 to {LONGEST_CHUNK}")
    flush = 0 <= config.flush_frames <= LONGEST_CHUNK
    require(flush, "flush_frames", config.flush_frames, f"0 to {LONGEST_CHUNK}")
    for key in ("frame_seconds", "max_segment"):
        require(getattr(config, key) > 0, key, getattr(config, key), "seconds above 0")
    layers = all(k >= 1 and s >= 1 and p >= 0 for k, s, p in config.subsampling)
    require(layers, "subsampling", config.subsampling, "kernels and strides of 1, paddings of 0 up")
