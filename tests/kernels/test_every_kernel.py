"""What holds for every kernel: instruction sets, threads, memory, strides."""

import json
import os
import platform
import resource
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import every_kernel
from edgewright import _core
from edgewright.decoding import softmax
from edgewright.features import LogMel
from edgewright.image import ImageTransform
from edgewright.synthesis import istft, stft

TESTS = Path(__file__).parents[1]
NAMES = ["baseline", "sse4", "avx2", "avx512"]
AVAILABLE = NAMES[: NAMES.index(_core.instruction_set()) + 1]
KERNELS = pytest.mark.parametrize("name", every_kernel.CALLS)


def run_on(instruction_set, code):
    environment = {**os.environ, "EDGEWRIGHT_ISA": instruction_set, "PYTHONPATH": str(TESTS)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.parametrize("instruction_set", AVAILABLE)
def test_every_instruction_set_gives_the_same_bits(instruction_set):
    code = "import every_kernel; print(every_kernel.digests())"
    found = json.loads(run_on(instruction_set, code))
    assert found == json.loads(every_kernel.digests())


@pytest.mark.parametrize(("wanted", "got"), [
    *((name, name) for name in AVAILABLE), ("avx1024", AVAILABLE[-1]), ("", AVAILABLE[-1]),
])  # fmt: skip
def test_the_environment_lowers_the_instruction_set(wanted, got):
    code = "from edgewright import _core; print(_core.instruction_set())"
    assert run_on(wanted, code) == got


@pytest.mark.skipif(platform.machine() != "x86_64", reason="only x86-64 has several")
def test_the_best_instruction_set_is_that_of_the_cpu():
    features = _core.cpu_features()
    assert features["avx2"] == ("avx2" in AVAILABLE)


@KERNELS
def test_eight_threads_get_the_same_result(name):
    call = every_kernel.CALLS[name]
    expected = every_kernel.digest(call())
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: every_kernel.digest(call()), range(64)))
    assert set(found) == {expected}


@KERNELS
def test_memory_does_not_grow(name):
    call = every_kernel.CALLS[name]
    rounds = 10_000
    for _ in range(rounds // 10):
        call()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(rounds):
        call()
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 4096, f"{grown} KiB after {rounds} calls"  # a leak of one byte in 3 a call


def strided(array):
    """Return views with the values of `array` that are not in C order."""
    doubled = np.repeat(array, 2, axis=0)[::2]
    backwards = np.ascontiguousarray(array[::-1])[::-1]
    return [doubled, backwards, np.asfortranarray(array)]


def best_tokens(logits):
    return [token.token_id for token in every_kernel.SEARCH(logits)[0].tokens]


STRIDED = {
    "log_mel": (LogMel(every_kernel.KALDI), every_kernel.WAVEFORM),
    "stft": (lambda x: stft(x, 256, 64, 256), every_kernel.WAVEFORM),
    "istft": (lambda x: istft(x, 256, 64, 256), stft(every_kernel.WAVEFORM, 256, 64, 256)),
    "softmax": (softmax, every_kernel.WIDE),
    "griffin_lim": (every_kernel.GRIFFIN_LIM, every_kernel.CALLS["log_mel_plain"]()),
    "ctc_beam": (best_tokens, every_kernel.LOGITS),
    "image": (every_kernel.BILINEAR, every_kernel.IMAGE),
    "kmer_ids": (every_kernel.TOKENIZER.encode, np.frombuffer(every_kernel.SEQUENCE, np.uint8)),
}  # fmt: skip


@pytest.mark.parametrize("name", STRIDED)
def test_strides_do_not_matter(name):
    call, array = STRIDED[name]
    expected = call(np.ascontiguousarray(array))
    for view in strided(array):
        np.testing.assert_array_equal(call(view), expected)


@pytest.mark.parametrize("height", [1, 2, 15, 16, 17, 33])
@pytest.mark.parametrize("width", [1, 2, 3, 15, 16, 17, 31])
def test_pictures_of_edge_sizes_keep_their_pixels(height, width):
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    same = ImageTransform((height, width), "bilinear", None, 1.0, (0.0,) * 3, (1.0,) * 3)
    np.testing.assert_array_equal(same(pixels), pixels.transpose(2, 0, 1))
