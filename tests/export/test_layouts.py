"""Every public layout: the bundle answers as PyTorch does, for any batch and length it takes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from transformers import BertTokenizer, DeiTImageProcessorPil, ViTImageProcessorPil

import edgewright as ew
from checkpoint_layouts import FULL, HOPPER_OPTIONS, REDUCED, save
from edgewright_export.export import export

TOLERANCE = 1e-4
SHAPES = [(1, 1), (2, 7), (5, 20)]
VIT_CLASSES = {
    "vit": ViTImageProcessorPil,
    "deit": DeiTImageProcessorPil,
    "deit_distilled": DeiTImageProcessorPil,
}
DNA_NAMES = [name for name in REDUCED if name.startswith("dna")]

Reduced = Callable[[str], tuple[Path, Path]]


def pytorch(folder: Path) -> Any:
    """Load a checkpoint as its users do."""
    name = transformers.AutoConfig.from_pretrained(folder).architectures[0]
    return getattr(transformers, name).from_pretrained(folder).eval()


def assert_close(answer: Any, expected: torch.Tensor) -> None:
    difference = np.abs(np.asarray(answer) - expected.numpy()).max()
    assert difference <= TOLERANCE * expected.abs().max()


def graph_inputs(name: str, batch: int, length: int) -> tuple[dict[str, Any], str]:
    """Return inputs of the graph under the names of transformers, and the output's name there."""
    torch.manual_seed(batch)
    mask = torch.ones((batch, length), dtype=torch.int64)
    mask[0, : length // 2] = 0
    if name in VIT_CLASSES:
        return {"pixel_values": torch.randn(batch, 3, 224, 224)}, "logits"
    ids = torch.randint(5, 69, (batch, length))
    output = "hidden" if name.endswith("masked_lm") else "logits"
    return {"input_ids": ids, "attention_mask": mask.flip(1)}, output


@pytest.mark.parametrize("name", [name for name in REDUCED if name != "hopper"])
def test_graph_equals_pytorch_for_any_batch_and_length(name: str, reduced: Reduced) -> None:
    folder, bundle = reduced(name)
    model = pytorch(folder)
    model = model.bert if name.endswith("masked_lm") else model
    with ew.load(bundle) as loaded, torch.no_grad():
        for batch, length in SHAPES:
            inputs, output = graph_inputs(name, batch, length)
            expected = getattr(model(**inputs), output.replace("hidden", "last_hidden_state"))
            arrays = {key.replace("input_ids", "token_ids"): t.numpy() for key, t in inputs.items()}
            answer = torch.from_numpy(loaded.runners["model"].run(arrays)[output])
            if expected.ndim == 3:  # what stands at padding is nobody's answer
                seen = inputs["attention_mask"] == 1
                answer, expected = answer[seen], expected[seen]
            assert_close(answer, expected)


@pytest.mark.parametrize("name", VIT_CLASSES)
def test_images_equal_the_original_processor_and_pytorch(name: str, reduced: Reduced) -> None:
    folder, bundle = reduced(name)
    processor, model = VIT_CLASSES[name].from_pretrained(folder), pytorch(folder)
    generator = np.random.default_rng(0)
    with ew.load(bundle) as loaded, torch.no_grad():
        for height, width in [(224, 224), (37, 301), (500, 333)]:
            image = generator.integers(0, 256, (height, width, 3), dtype=np.uint8)
            expected = model(**processor(image, return_tensors="pt")).logits[0]
            assert_close(loaded.infer({"image": image})["logits"], expected)


@pytest.mark.parametrize("name", DNA_NAMES)
@pytest.mark.parametrize("bases", [6, 60, 300])
def test_sequences_equal_the_original_tokenizer_and_pytorch(
    name: str, bases: int, reduced: Reduced
) -> None:
    folder, bundle = reduced(name)
    k, letters = int(name[3]), "".join(np.random.default_rng(bases).choice(list("ACGT"), bases))
    words = " ".join(letters[i : i + k] for i in range(bases - k + 1))
    ids = BertTokenizer(str(folder / "vocab.txt"), do_lower_case=False)(words, return_tensors="pt")
    with ew.load(bundle) as loaded, torch.no_grad():
        answer = loaded.infer({"sequence": np.frombuffer(letters.encode(), np.uint8)})
        model = pytorch(folder)
        if name.endswith("masked_lm"):
            hidden = model.bert(**ids).last_hidden_state[0, 1:-1]
            assert_close(answer["embedding"], hidden.mean(dim=0))
        else:
            logits = model(**ids).logits[0]
            assert_close(answer["logits"], logits[1:-1] if name == "dna3_token" else logits)


@pytest.mark.parametrize("steps", [1, 5, 19, 20, 21, 45])
def test_actions_equal_the_original_example_and_pytorch(steps: int, reduced: Reduced) -> None:
    folder, bundle = reduced("hopper")
    generator = torch.Generator().manual_seed(steps)
    states = torch.randn((1, steps, 11), generator=generator)
    actions = torch.randn((1, steps, 3), generator=generator)
    actions[:, -1] = 0
    rewards = torch.rand((steps - 1,), generator=generator)
    to_go = (1800 - torch.cat((torch.zeros(1), rewards.cumsum(0)))) / 1000
    mean, std = (torch.tensor(HOPPER_OPTIONS[key]) for key in ("state_mean", "state_std"))

    def window(rows: torch.Tensor) -> torch.Tensor:
        last = rows[:, -20:]
        return torch.cat((torch.zeros(1, 20 - last.shape[1], last.shape[2]), last), dim=1)

    ones, times = torch.ones(1, steps, 1), torch.arange(steps)[None, :, None].float()
    with ew.load(bundle) as loaded, torch.no_grad():
        expected = pytorch(folder)(
            states=window((states - mean) / std),
            actions=window(actions),
            returns_to_go=window(to_go[None, :, None]),
            timesteps=window(times)[..., 0].long(),
            attention_mask=window(ones)[..., 0].long(),
        ).action_preds[0, -1]
        sample = {
            "states": states[0].numpy(),
            "actions": actions[0, :-1].numpy(),
            "rewards": rewards.numpy(),
            "target_return": np.array(1800, np.float32),
        }
        assert_close(loaded.infer(sample)["action"], expected)


@pytest.mark.slow
@pytest.mark.parametrize("name", FULL)
@pytest.mark.filterwarnings("ignore:.*auto_map:UserWarning")
def test_full_public_sizes_pass_their_gates(name: str, tmp_path: Path) -> None:
    folder = save(FULL[name], tmp_path / "checkpoint")
    manifest = export(folder, tmp_path / "full.edge", variants=["fp32"])
    assert ew.verify(tmp_path / "full.edge").ok
    assert manifest.variants[0].receipt.parity.samples == 3
