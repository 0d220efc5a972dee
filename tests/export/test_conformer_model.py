import json

import numpy as np
import pytest
import torch

from edgewright.errors import CheckpointError
from edgewright_export.models.conformer import (
    StreamingConformerConfig,
    StreamingConformerForCTC,
    load_checkpoint,
    save_checkpoint,
)
from edgewright_export.models.conformer_chunks import ConformerChunks


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    config = StreamingConformerConfig(
        11, 0, hidden_size=24, num_layers=2, num_heads=2, ffn_size=32, left_context=8
    )
    return StreamingConformerForCTC(config).eval()


@pytest.fixture(scope="module")
def features():
    values = np.random.default_rng(0).uniform(0, 15, (2, 240, 80))
    return torch.from_numpy(values.astype(np.float32))


def test_what_follows_a_chunk_does_not_change_it(model, features):
    with torch.inference_mode():
        whole, half = model(features), model(features[:, :96])
    assert whole.shape == (2, 40, 11)
    torch.testing.assert_close(whole[:, :16], half, atol=1e-5, rtol=0)


def test_a_frame_sees_the_end_of_its_chunk_and_no_further(model, features):
    changed = features.clone()
    changed[:, 95] += 5.0
    with torch.inference_mode():
        moved = (model(features) - model(changed)).abs().amax((0, 2))
    assert moved[:8].max() < 1e-5
    assert moved[8:16].min() > 1e-6


def test_neighbours_in_a_batch_change_nothing(model, features):
    with torch.inference_mode():
        torch.testing.assert_close(model(features)[:1], model(features[:1]), atol=1e-5, rtol=0)


def test_attention_forgets_what_lies_before_its_left_context(model):
    positions = model._positions(40)
    seen = positions.penalty == 0
    assert seen[39].nonzero().flatten().tolist() == list(range(24, 40))
    assert seen[0].nonzero().flatten().tolist() == list(range(8))


def test_scores_depend_on_distances_only(model):
    from edgewright_export.models.conformer import _rotate

    positions = model._positions(30)
    vectors = torch.randn(2, 12, generator=torch.Generator().manual_seed(1))
    query, key = (_rotate(vector.expand(30, 12), positions) for vector in vectors)
    scores = query @ key.T
    torch.testing.assert_close(scores[7, 3], scores[27, 23], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("cuts", [[], [48], [96, 144], [48, 96, 144, 192]])
def test_chunks_with_states_are_the_whole(model, features, cuts):
    chunks, pieces = ConformerChunks(model), []
    states = chunks.first_states(2).values()
    with torch.inference_mode():
        for piece in features.tensor_split(cuts, dim=1):
            logits, *states = chunks(piece, *states)
            pieces.append(logits)
        whole = model(features)
    torch.testing.assert_close(torch.cat(pieces, 1), whole, atol=1e-5, rtol=0)
    assert states[-1].tolist() == [8, 8]


def test_rows_of_a_batch_may_have_heard_differently_long(model, features):
    chunks = ConformerChunks(model)
    with torch.inference_mode():
        _, *old = chunks(features[:1, :96], *chunks.first_states().values())
        both = map(torch.cat, zip(old, chunks.first_states().values(), strict=True))
        logits, *_ = chunks(features[[0, 0], 96:144], *both)
        alone = model(features[:1, :144])[:, 16:], model(features[:1, 96:144])
    torch.testing.assert_close(logits, torch.cat(alone), atol=1e-5, rtol=0)


def test_the_first_states_are_zeros_named_in_order(model):
    states = ConformerChunks(model).first_states()
    kinds = [name.split("_", 2)[2] for name in states]
    assert kinds == ["subsampling"] * 2 + ["attention", "convolution"] * 2 + ["length"]
    assert list(states) == sorted(states)
    assert not any(state.any() for state in states.values())


def test_a_checkpoint_comes_back(model, features, tmp_path):
    save_checkpoint(model, tmp_path)
    again = load_checkpoint(tmp_path)
    with torch.inference_mode():
        torch.testing.assert_close(again(features), model(features), atol=2e-2, rtol=0)


def test_missing_weights_are_named(model, tmp_path):
    save_checkpoint(model, tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"num_layers": 3}))
    with pytest.raises(CheckpointError, match=r"blocks\.2"):
        load_checkpoint(tmp_path)


@pytest.mark.parametrize("change", [{"num_heads": 5}, {"blank_id": 11}, {"vocab_size": None}])
def test_unsound_configurations_are_refused(model, tmp_path, change):
    save_checkpoint(model, tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | change))
    with pytest.raises(CheckpointError):
        load_checkpoint(tmp_path)
