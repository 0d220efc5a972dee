"""Small calls of every kernel with odd sizes, and a digest of what each gives."""

import hashlib
import itertools
import json
from collections.abc import Callable, Iterable
from typing import TypeVar

import numpy as np

from edgewright import _core
from edgewright.context import ContextWindow
from edgewright.ctc import BeamSearch, CTCStream, CTCWord, WordSearch, greedy_decode, greedy_stream
from edgewright.decoding import softmax, softmax_top_k
from edgewright.features import LogMel, LogMelConfig, LogMelStream
from edgewright.image import ImageTransform
from edgewright.sequence import KmerTokenizer, SequenceChunk, reverse_complement
from edgewright.synthesis import GriffinLim, GriffinLimConfig, istft, regulate_length, stft
from edgewright.voice_activity import VoiceActivity

Result = TypeVar("Result")

RNG = np.random.default_rng(0)
WAVEFORM = RNG.normal(0, 0.1, 5003).astype(np.float32)
LOGITS = RNG.normal(0, 3, (37, 29)).astype(np.float32)
WIDE = RNG.normal(0, 3, (3, 1003)).astype(np.float32)
IMAGE = RNG.integers(0, 256, (67, 131, 3), dtype=np.uint8)
SEQUENCE = bytes(RNG.choice(list(b"ACGTacgtN"), 1031).astype(np.uint8))
KMERS = ["".join(kmer) for kmer in itertools.product("ACGT", repeat=3)]
KALDI = LogMelConfig(
    16000, 23, 512, 400, 160, "povey", False, "none", 0.97, "frame", True, 2.0, 20.0, 7600.0,
    "htk", "mel", "none", 32768.0, 1.0, "max", "none",
)  # fmt: skip
NEMO = LogMelConfig(
    16000, 80, 512, 400, 160, "hann", False, "zeros", 0.97, "signal", False, 2.0, 0.0, 8000.0,
    "slaney", "hertz", "slaney", 1.0, 2.0**-24, "add", "per_feature",
)  # fmt: skip
PLAIN = LogMelConfig(
    16000, 21, 400, 400, 160, "hann", True, "reflect", 0.0, "signal", False, 1.0, 0.0, 8000.0,
    "slaney", "hertz", "slaney", 1.0, 1e-5, "max", "none",
)  # fmt: skip
TOKENIZER = KmerTokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *KMERS])
BILINEAR = ImageTransform((31, 45), "bilinear", (29, 40), 1 / 255, (0.5, 0.4, 0.3), (0.2, 0.3, 0.4))
BICUBIC = ImageTransform((150, 90), "bicubic", None, 1 / 255, (0.5, 0.4, 0.3), (0.2, 0.3, 0.4))
GRIFFIN_LIM = GriffinLim(GriffinLimConfig(PLAIN, iterations=3))
SEARCH = BeamSearch(0, beam_width=8)
WORD_SEARCH = WordSearch(
    [chr(ord("a") + token) for token in range(LOGITS.shape[1])], 0, separator_id=3,
    token_threshold=-9.0, beam_width=8, hotwords={"bed": 2.0},
)  # fmt: skip
FEATURES = {name: LogMel(config) for name, config in
            (("kaldi", KALDI), ("nemo", NEMO), ("plain", PLAIN))}  # fmt: skip


def stream() -> np.ndarray:
    log_mel = LogMelStream(FEATURES["plain"])
    pieces = [log_mel.feed(piece) for piece in np.array_split(WAVEFORM, 7)]
    return np.concatenate([*pieces, log_mel.finish()])


def steps() -> list[np.ndarray]:
    context = ContextWindow(4, [0.5] * 3, [2.0] * 3, 2, 10.0, 1000)
    context.reset(5.0)
    arrays = {}
    for step in range(6):
        arrays = context.step(WAVEFORM[step : step + 3])
        context.act(WAVEFORM[step : step + 2])
        context.reward(0.5)
    return [np.array(array) for array in arrays.values()]


def records() -> list[np.ndarray]:
    parser = _core.SequenceParser(SequenceChunk, bytes.decode)
    lines = [SEQUENCE[start : start + 61] + b"RyK"[: start % 4] for start in range(0, 1031, 61)]
    data = b">a\n" + b"\n".join(lines) + b"\n>b\r\nNNNN\r\n" + SEQUENCE
    chunks = [
        chunk
        for start in range(0, len(data), 301)
        for chunk in parser.feed(data[start : start + 301])
    ]
    return [np.frombuffer(chunk.sequence, np.uint8) for chunk in [*chunks, *parser.finish()]]


def tokens(found: Iterable[object]) -> np.ndarray:
    return np.array([[t.token_id, t.start, t.end, t.confidence] for t in found])  # type: ignore[attr-defined]


def in_pieces(stream: CTCStream[Result]) -> Result:
    for piece in np.array_split(LOGITS, 5):
        stream.feed(piece)
        [best] = stream.best()
    return best


def words(found: Iterable[CTCWord]) -> np.ndarray:
    return np.array([[*map(ord, w.text[:1]), w.start, w.end, w.confidence] for w in found])


CALLS: dict[str, Callable[[], object]] = {
    "log_mel_kaldi": lambda: FEATURES["kaldi"](WAVEFORM),
    "log_mel_nemo": lambda: FEATURES["nemo"](WAVEFORM),
    "log_mel_plain": lambda: FEATURES["plain"](WAVEFORM),
    "log_mel_stream": stream,
    "voice_activity": lambda: VoiceActivity(16000).feed(WAVEFORM),
    "stft": lambda: stft(WAVEFORM, 402, 100, 300),
    "istft": lambda: istft(stft(WAVEFORM, 256, 64, 256), 256, 64, 256),
    "griffin_lim": lambda: GRIFFIN_LIM(FEATURES["plain"](WAVEFORM)),
    "regulate_length": lambda: regulate_length(LOGITS, np.arange(37) % 5),
    "ctc_greedy": lambda: tokens(greedy_decode(LOGITS, 0)),
    "ctc_greedy_wide": lambda: tokens(greedy_decode(WIDE, 0)),
    "ctc_beam": lambda: tokens(SEARCH(LOGITS)[0].tokens),
    "ctc_words": lambda: words(WORD_SEARCH(LOGITS)[0].words),
    "ctc_greedy_stream": lambda: tokens(in_pieces(greedy_stream(0))),
    "ctc_beam_stream": lambda: tokens(in_pieces(SEARCH.stream()).tokens),
    "ctc_words_stream": lambda: words(in_pieces(WORD_SEARCH.stream()).words),
    "records": records,
    "softmax": lambda: softmax(WIDE),
    "softmax_17": lambda: softmax(LOGITS[:, :17]),
    "softmax_top_k": lambda: softmax_top_k(WIDE, 7),
    "image_bilinear": lambda: BILINEAR(IMAGE),
    "image_bicubic": lambda: BICUBIC(IMAGE),
    "kmer_ids": lambda: TOKENIZER.encode(SEQUENCE),
    "reverse_complement": lambda: np.frombuffer(reverse_complement(SEQUENCE), np.uint8),
    "context": steps,
}


def digest(result: object) -> str:
    """Return a hash of dtypes, shapes and bits."""
    arrays = [result] if isinstance(result, np.ndarray) else list(result)  # type: ignore[call-overload]
    parts = (f"{a.dtype}{a.shape}".encode() + np.ascontiguousarray(a).tobytes() for a in arrays)
    return hashlib.sha256(b"".join(parts)).hexdigest()


def digests() -> str:
    """Return the digests of all kernels as JSON."""
    return json.dumps({name: digest(call()) for name, call in CALLS.items()})
