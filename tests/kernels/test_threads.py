"""Kernels run beside each other: they share no state and release the interpreter's lock."""

import itertools
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from edgewright import _core
from edgewright.ctc import BeamSearch
from edgewright.decoding import softmax_top_k
from edgewright.features import LogMel, LogMelConfig
from edgewright.image import ImageTransform
from edgewright.sequence import KmerTokenizer, reverse_complement
from edgewright.synthesis import GriffinLim, GriffinLimConfig
from edgewright.voice_activity import VoiceActivity

RNG = np.random.default_rng(0)
SEQUENCE = bytes(RNG.choice(list(b"ACGT"), 1 << 24).astype(np.uint8))
KMERS = ["".join(kmer) for kmer in itertools.product("ACGT", repeat=3)]
LOGITS = RNG.normal(size=(300, 30_000)).astype(np.float32)
IMAGE = RNG.integers(0, 256, (2000, 3000, 3), dtype=np.uint8)
WAVEFORM = RNG.normal(0, 0.1, 1 << 21).astype(np.float32)
LOG_MEL = LogMelConfig(
    16000, 40, 512, 400, 160, "hann", True, "zeros", 0.0, "signal", False, 1.0, 0.0, 8000.0,
    "slaney", "hertz", "slaney", 1.0, 1e-5, "max", "none",
)  # fmt: skip
IDENTITY = (1.0, (0.0,) * 3, (1.0,) * 3)

CALLS = 50

# Each takes tens of milliseconds at least, so that a waiting thread is likely woken up meanwhile.
# They are kernels without their Python fronts, which may release the lock themselves.
LONG_CALLS = {
    "transform_image": lambda: _core.transform_image(
        IMAGE, (1000, 1000), (0, 0), (1000, 1000), True, *IDENTITY
    ),
    "softmax": lambda: _core.softmax(LOGITS),
    "softmax_top_k": lambda: _core.softmax_top_k(LOGITS, 5),
    "reverse_complement": lambda: _core.reverse_complement(SEQUENCE * 4),
    "kmer_encode": lambda: ENCODER.encode(SEQUENCE),
    "parser_feed": lambda: _core.SequenceParser(tuple, bytes.decode).feed(b">x\n" + SEQUENCE * 4),
    "slicer_take": lambda: next(SLICERS).take(40_000),
    "log_mel": lambda: LOG_MEL_KERNEL(WAVEFORM),
    "voice_activity": lambda: VoiceActivity(16000)._kernel.feed(LONG_WAVEFORM),
    "stft": lambda: _core.stft(WAVEFORM, 512, 160, 400),
    "istft": lambda: _core.istft(SPECTRUM, 512, 160, 400, 5999 * 160),
    "griffin_lim": lambda: GRIFFIN_LIM_KERNEL(MEL),
    "regulate_length": lambda: _core.regulate_length(LOGITS, np.full(300, 3), 900),
    "ctc_greedy_decode": lambda: _core.ctc_greedy_decode(LOGITS, 0),
    "ctc_beam_search": lambda: BEAM_SEARCH.decode(LOGITS, 1),
    "ctc_stream_feed": lambda: BeamSearch(0, beam_width=64).stream()._kernel.feed(LOGITS),
    "ctc_stream_best": lambda: FED_STREAM.best(4),
    "context_window": lambda: CONTEXT.arrays(),  # noqa: PLW0108 - made below
}
LONG_WAVEFORM = np.tile(WAVEFORM, 4)
SPECTRUM = np.ones((6000, 257), np.complex64)
MEL = np.zeros((1500, 40), np.float32)
LOG_MEL_KERNEL = LogMel(LOG_MEL)._kernel
GRIFFIN_LIM_KERNEL = GriffinLim(GriffinLimConfig(LOG_MEL, 4))._kernel
ENCODER = _core.KmerEncoder(3, np.arange(64, dtype=np.int32), 64)
BEAM_SEARCH = BeamSearch(0, beam_width=64)._search
FED_STREAM = BeamSearch(0, beam_width=64).stream()
FED_STREAM.feed(RNG.normal(size=(4000, 4)).astype(np.float32))
CONTEXT = _core.ContextWindow(
    4096, np.zeros(2048, np.float32), np.ones(2048, np.float32), 2048, 1.0, 1000
)
CONTEXT.reset(1.0)
CONTEXT.observe(np.zeros(2048, np.float32))


def filled_slicer():
    slicer = _core.WindowSlicer(1 << 12, 1)
    slicer.push(SEQUENCE[: 1 << 16], False)
    return slicer


SLICERS = iter([filled_slicer() for _ in range(CALLS)])


def lets_others_run(call):
    """Say whether another thread runs during one of the calls, with switches forbidden.

    It can only run while the kernel lets it. On a busy machine it may wake up too late for one.
    """
    go, ran = threading.Event(), threading.Event()
    thread = threading.Thread(target=lambda: (go.wait(), ran.set()))
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1000)  # before the thread waits for the lock with the interval of then
    try:
        thread.start()
        go.set()
        for _ in range(CALLS):
            call()
            if ran.is_set():
                return True
        return False
    finally:
        sys.setswitchinterval(interval)
        thread.join()


@pytest.mark.parametrize("name", LONG_CALLS)
def test_lock_is_released(name):
    assert lets_others_run(LONG_CALLS[name])


def test_kept_lock_is_seen():
    assert not lets_others_run(lambda: sum(range(1 << 16)))


def test_eight_threads_get_the_answers_of_one():
    transform = ImageTransform((60, 50), "bicubic", (40, 44), 1 / 255, (0.5,) * 3, (0.2,) * 3)
    tokenizer = KmerTokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *KMERS])

    log_mel, griffin_lim = LogMel(LOG_MEL), GriffinLim(GriffinLimConfig(LOG_MEL, 2))

    def work(seed):
        rng = np.random.default_rng(seed)
        sequence = bytes(rng.choice(list(b"ACGTN"), 500).astype(np.uint8))
        image = rng.integers(0, 256, (rng.integers(1, 99), 70, 3), dtype=np.uint8)
        logits = rng.normal(size=100).astype(np.float32)
        features = log_mel(rng.normal(0, 0.1, rng.integers(1, 3000)).astype(np.float32))
        return (
            features.tobytes(),
            griffin_lim(features).tobytes(),
            transform(image).tobytes(),
            tokenizer.encode(sequence).tobytes(),
            reverse_complement(sequence),
            *(array.tobytes() for array in softmax_top_k(logits, 5)),
        )

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(200))) == list(map(work, range(200)))
