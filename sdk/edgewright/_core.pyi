"""Types of the compiled kernels (cpp_ext/bindings); the fronts check what is passed to them."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

_Record = TypeVar("_Record", bound=tuple[str, int, bytes, bool])

def cpu_features() -> dict[str, bool]: ...
def instruction_set() -> str: ...
def transform_image(
    image: NDArray[np.uint8],
    resized: tuple[int, int],
    corner: tuple[int, int],
    size: tuple[int, int],
    cubic: bool,
    scale: float,
    mean: tuple[float, ...],
    std: tuple[float, ...],
) -> NDArray[np.float32]: ...
def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]: ...
def softmax_top_k(
    logits: NDArray[np.float32], k: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]: ...
def largest_magnitude(values: NDArray[np.float32]) -> float: ...
def reverse_complement(sequence: bytes) -> bytes: ...

class KmerEncoder:
    def __init__(self, k: int, token_ids: NDArray[np.int32], unknown_id: int) -> None: ...
    @property
    def k(self) -> int: ...
    def encode(self, sequence: bytes) -> NDArray[np.int64]: ...

def regulate_length(
    hidden: NDArray[np.float32], durations: NDArray[np.int64], limit: int
) -> NDArray[np.float32]: ...
def stft(
    waveform: NDArray[np.float32], n_fft: int, hop_length: int, win_length: int
) -> NDArray[np.complex64]: ...
def istft(
    spectrum: NDArray[np.complex64], n_fft: int, hop_length: int, win_length: int, length: int
) -> NDArray[np.float32]: ...

class GriffinLim:
    def __init__(self, options: dict[str, Any], iterations: int, momentum: float) -> None: ...
    def __call__(self, mel: NDArray[np.float32]) -> NDArray[np.float32]: ...

class LogMel:
    def __init__(self, options: dict[str, Any]) -> None: ...
    def num_frames(self, num_samples: int) -> int: ...
    def __call__(self, waveform: NDArray[np.float32]) -> NDArray[np.float32]: ...

class LogMelStream:
    def __init__(self, log_mel: LogMel) -> None: ...
    def feed(self, waveform: NDArray[np.float32]) -> NDArray[np.float32]: ...
    def finish(self) -> NDArray[np.float32]: ...
    def reset(self) -> None: ...

class VoiceActivity:
    def __init__(
        self,
        *,
        sample_rate: float,
        frame_samples: int,
        high_pass_frequency: float,
        speech_margin_db: float,
        silence_margin_db: float,
        least_level_db: float,
        attack_frames: int,
        hangover_frames: int,
        noise_frames: int,
    ) -> None: ...
    def feed(self, waveform: NDArray[np.float32]) -> NDArray[np.bool_]: ...
    def reset(self) -> None: ...

def ctc_greedy_decode(
    logits: NDArray[np.float32], blank_id: int
) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]: ...

class LexiconTrie:
    def __init__(
        self,
        token_ids: NDArray[np.int32],
        offsets: NDArray[np.int64],
        word_ids: NDArray[np.int32],
    ) -> None: ...

class NgramModel:
    def __init__(self, arpa: bytes) -> None: ...
    @property
    def order(self) -> int: ...
    def word_id(self, word: str) -> int: ...
    def score(self, words: list[str], begin: bool, end: bool) -> float: ...

class CtcBeamSearch:
    def __init__(
        self,
        *,
        blank_id: int,
        beam_width: int,
        token_threshold: float,
        beam_threshold: float,
        separator_id: int,
        lm_weight: float,
        word_bonus: float,
        lexicon: LexiconTrie | None,
        language_model: NgramModel | None,
        lm_word_ids: NDArray[np.int32],
        word_scores: NDArray[np.float64],
    ) -> None: ...
    def decode(
        self, logits: NDArray[np.float32], n_best: int
    ) -> list[tuple[list[tuple[int, int, int, float]], list[int], list[int], float]]: ...

class CtcWordSearch:
    def __init__(
        self,
        *,
        blank_id: int,
        beam_width: int,
        token_threshold: float,
        beam_threshold: float,
        lm_weight: float,
        word_bonus: float,
        unknown_offset: float,
        texts: list[str],
        kinds: list[int],
        language_model: NgramModel | None,
        hotwords: list[tuple[str, float]],
    ) -> None: ...
    def decode(
        self, logits: NDArray[np.float32], n_best: int
    ) -> list[tuple[list[tuple[str, int, int, float]], float, float]]: ...

class SequenceParser(Generic[_Record]):
    def __init__(self, record: type[_Record], decode_name: Callable[[bytes], str]) -> None: ...
    def feed(self, data: bytes) -> list[_Record]: ...
    def finish(self) -> list[_Record]: ...

class WindowSlicer:
    def __init__(self, window: int, stride: int) -> None: ...
    def push(self, sequence: bytes, last: bool) -> None: ...
    def take(self, max_windows: int) -> list[tuple[int, int, bytes]]: ...

class ContextWindow:
    def __init__(
        self,
        context_length: int,
        state_mean: NDArray[np.float32],
        state_std: NDArray[np.float32],
        action_dim: int,
        return_scale: float,
        max_ep_len: int,
    ) -> None: ...
    def reset(self, target_return: float) -> None: ...
    def observe(self, state: object) -> bool: ...
    def act(self, action: object) -> bool: ...
    def reward(self, reward: float) -> None: ...
    def arrays(self) -> dict[str, NDArray[np.float32] | NDArray[np.int64]]: ...
    def step(self, state: object) -> dict[str, NDArray[np.float32] | NDArray[np.int64]] | None: ...
