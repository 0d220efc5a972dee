from types import SimpleNamespace

import numpy as np
import pytest
import torch
from conformer_card import JUDGED
from conformer_ctc import train_tokenizer
from conformer_data import Material, Utterances
from conformer_trainer import Options, Trainer
from speech_augmentation import Augmentation
from torch import distributed, multiprocessing

TEXTS = ["press one", "press two", "hold the line", "thank you", "goodbye"]


def material():
    rng = np.random.default_rng(0)

    def utterances(sources):
        features = [rng.uniform(0, 15, (90, 80)).astype(np.float16) for _ in sources]
        return Utterances(sources, [TEXTS[i % 5] for i in range(len(sources))], features)

    return Material(
        utterances(["synthetic", "adapted"] * 5), utterances(list(JUDGED)), utterances(["asterisk"])
    )


def trainer(folder, minutes):
    options = Options(
        sources=folder, work=folder, output=folder, minutes=minutes, layers=2, ffn_size=32,
        chunk_frames=72, left_context=24, processes=2, threads=1, learning_rate=1e-3, seed=3,
        bfloat16=True, start_from=None,
    )  # fmt: skip
    return Trainer(options, material(), train_tokenizer(TEXTS * 20))


def momenta(trainer):
    """What this process keeps of Muon's state, one for each of its matrices."""
    muon = trainer.optimizers[0].optim
    kept = [muon.state[weight]["momentum_buffer"] for weight in muon.param_groups[0]["params"]]
    assert kept
    return kept


def train(rank, folder):
    torch.set_num_threads(1)
    distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2
    )
    first = trainer(folder, 0.02)
    first.run(folder / "run.pt")
    clock = (first.step, first.seconds, first.level)
    torch.save((first.model.state_dict(), *clock), folder / f"{rank}.pt")
    distributed.barrier()
    later = trainer(folder, first.seconds / 60 + 0.01)
    later.resume(folder / "run.pt")
    assert (later.step, later.seconds) == (first.step, first.seconds)
    torch.testing.assert_close(momenta(later), momenta(first), rtol=0, atol=0)
    later.run(folder / "run.pt")
    assert later.step > first.step
    distributed.barrier()  # nobody leaves while another still listens
    distributed.destroy_process_group()


def test_a_work_file_of_another_optimizer_is_refused(tmp_path):
    torch.save({"optimizer": {}}, tmp_path / "run.pt")
    with pytest.raises(ValueError, match="delete it or choose another --work"):
        Trainer.resume(None, tmp_path / "run.pt")


def test_views_of_an_utterance_differ_but_in_their_times():
    drawing = SimpleNamespace(
        material=material(), rng=np.random.default_rng(0), _augmentation=lambda _: Augmentation(1.0)
    )
    one, view, other, last = Trainer._rows(drawing, [(0, 3), (0, 3), (4, 1), (4, 2)])
    assert one.shape == view.shape
    assert not np.array_equal(one, view)
    assert other.shape != last.shape


def test_two_processes_have_the_same_weights_and_go_on_from_the_last_save(tmp_path, monkeypatch):
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "lo")
    multiprocessing.spawn(train, (tmp_path,), 2)
    (left, *clock), (right, *other) = (torch.load(tmp_path / f"{rank}.pt") for rank in (0, 1))
    assert clock == other
    assert clock[0] >= 1
    for name, tensor in left.items():
        torch.testing.assert_close(right[name], tensor, rtol=0, atol=0)
