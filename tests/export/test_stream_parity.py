"""The shipped recognizer as a stream: what PyTorch hears in the whole utterance, in any pieces."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from numpy.typing import NDArray

import edgewright as ew
from edgewright.ctc import greedy_decode
from edgewright.families.conformer_ctc import ConformerCTC
from edgewright.families.conformer_encoders import ChunkEncoder
from edgewright.runtime import Stopwatch
from edgewright_export.calibrate import spread
from edgewright_export.checkpoint import Checkpoint
from edgewright_export.recipes.conformer_ctc import ConformerCTCRecipe

EXAMPLES = Path(__file__).parents[2] / "examples"
CLIPS = spread(sorted((EXAMPLES / "data" / "speech").glob("*.flac")), 10)


@pytest.fixture(scope="module")
def reference():
    recipe = ConformerCTCRecipe.load(Checkpoint(EXAMPLES / "checkpoints" / "conformer-ctc-en"))
    return recipe.reference()


@pytest.fixture(scope="module", params=["fp32", "int8"])
def recognizer(request: pytest.FixtureRequest, demo_bundles: Path) -> Iterator[ConformerCTC]:
    path = demo_bundles / "conformer-ctc-en.edge"
    with ew.load(path, precision=request.param, threads=1) as model:
        assert isinstance(model, ConformerCTC)
        yield model


def read(clip: Path) -> NDArray[np.float32]:
    waveform: NDArray[np.float32] = soundfile.read(clip, dtype="float32")[0]
    return waveform


def cut(waveform: NDArray[np.float32], seed: int) -> list[NDArray[np.float32]]:
    """Return random pieces: many of one sample, some long, some empty."""
    rng = np.random.default_rng(seed)
    cuts = rng.integers(0, waveform.size, rng.integers(1, 40))
    ones = rng.integers(0, waveform.size - 50) + np.arange(50)
    return np.split(waveform, np.sort([*cuts, *ones]))


def heard(encoder: ChunkEncoder, pieces: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    watch = Stopwatch()
    return np.concatenate([*(encoder.feed(one, watch) for one in pieces), encoder.finish(watch)])


def tokens(logits: NDArray[np.float32], blank_id: int) -> list[int]:
    return [token.token_id for token in greedy_decode(logits, blank_id)]


@pytest.mark.parametrize("clip", CLIPS, ids=lambda clip: clip.stem)
def test_a_stream_hears_the_tokens_of_the_whole(
    recognizer: ConformerCTC, reference, clip: Path
) -> None:
    waveform, blank = read(clip), recognizer.config.blank_id
    expected = reference.infer({"waveform": waveform})["logits"]
    if recognizer.runtime.precision == "int8":  # PyTorch has no int8 of these scales
        expected = recognizer.infer({"waveform": waveform})["logits"]
    encoder = ChunkEncoder(recognizer._graph)
    for seed in range(3):
        logits = heard(encoder, cut(waveform, seed))
        assert logits.shape == expected.shape
        assert tokens(logits, blank) == tokens(expected, blank)
        encoder.reset()


@pytest.mark.parametrize("decoding", ["greedy", "beam"])
def test_words_of_a_stream_are_those_of_the_whole(recognizer: ConformerCTC, decoding) -> None:
    """From the pieces of a microphone of another rate to words with times."""
    stream = recognizer.stream(decoding=decoding, sample_rate=48_000, endpoint=None)
    for seed, clip in enumerate(CLIPS[:4]):
        waveform = soxr.resample(read(clip), 16_000, 48_000, "HQ")
        whole = recognizer(waveform, decoding=decoding, sample_rate=48_000)
        pieces = [piece for piece in cut(waveform, seed) if piece.size]
        events = [event for piece in pieces for event in stream.feed(piece)] + stream.finish()
        words = [word for event in events if event.event == "final" for word in event.words]
        assert [(w.text, w.start) for w in words] == [(w.text, w.start) for w in whole.words]
        stream.reset()


@pytest.mark.parametrize("size", [1, None])
def test_single_samples_and_the_whole_file_are_pieces_too(recognizer: ConformerCTC, size) -> None:
    waveform = min(map(read, CLIPS), key=len)[:24_000]
    expected = recognizer.infer({"waveform": waveform})["logits"]
    pieces = np.split(waveform, range(size, waveform.size, size)) if size else [waveform]
    got = heard(ChunkEncoder(recognizer._graph), pieces)
    assert tokens(got, recognizer.config.blank_id) == tokens(expected, recognizer.config.blank_id)


def test_features_of_a_stream_are_those_of_the_whole_bit_for_bit(
    recognizer: ConformerCTC, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = []
    monkeypatch.setattr(
        ChunkEncoder, "_take", lambda self, features, _: taken.append(features) or features
    )
    for seed, clip in enumerate(CLIPS):
        taken.clear()
        heard(ChunkEncoder(recognizer._graph), cut(read(clip), seed))
        expected = recognizer._graph.features(read(clip))
        np.testing.assert_array_equal(np.concatenate(taken)[: len(expected)], expected)


def test_no_last_word_is_cut_wherever_the_chunks_end(recognizer: ConformerCTC) -> None:
    """More silence behind the end brings nothing new, though the end moves through a chunk."""
    graph, blank = recognizer._graph, recognizer.config.blank_id
    silence = np.full((96, 80), recognizer.config.pad_value, np.float32)
    for index, clip in enumerate(CLIPS * 3):
        features = graph.features(read(clip))
        ending = features[: len(features) - (len(features) - 5 * index) % 48]
        later = np.concatenate((ending, silence))
        assert tokens(graph.run(later), blank) == tokens(graph.run(ending), blank)


def test_reset_leaves_the_states_of_a_new_stream_bit_for_bit(recognizer: ConformerCTC) -> None:
    used, new = (ChunkEncoder(recognizer._graph) for _ in range(2))
    heard(used, [read(CLIPS[0])])
    used.reset()
    for mine, fresh in zip(
        (used._step._states, used._step._spare), (new._step._states, new._step._spare), strict=True
    ):
        assert mine.keys() == fresh.keys()
        assert all(np.array_equal(mine[name], fresh[name]) for name in mine)
    waveform = read(CLIPS[1])
    np.testing.assert_array_equal(heard(used, [waveform]), heard(new, [waveform]))
