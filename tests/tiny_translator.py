"""A translator so small that NumPy can say the right logits: `marian` for `tiny_bundles.MAKERS`.

The logits of a token are a row of a table for the source token in its place, one for the last
token, and the sum over all tokens so far of a vector times a matrix: the states keep the vectors.
"""

import io
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import helper
from sentencepiece import SentencePieceProcessor, SentencePieceTrainer

from edgewright.bundle import BundleWriter
from edgewright.bundle.golden import write_golden
from edgewright.bundle.manifest import StatePair
from edgewright.specs import TensorSpec
from tiny_graphs import make_graph
from tiny_voice import Graph, manifest_of

SENTENCES = ("ab ba aab", "abba b a", "ba bab ab aa", "b ab aba")
CODES = (">>one<<", ">>two<<")
SIZE, MOST = 4, 40
"""Values of a state's vector; most source tokens and most target tokens."""


@cache
def pieces() -> bytes:
    """Return a SentencePiece model of a few letters."""
    model = io.BytesIO()
    SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES), model_writer=model, vocab_size=12, minloglevel=2,
        hard_vocab_limit=False, num_threads=1,
    )  # fmt: skip
    return model.getvalue()


@cache
def vocabulary() -> dict[str, int]:
    """Return {piece: id}; one piece of SentencePiece is missing, as in public checkpoints."""
    model = SentencePieceProcessor(model_proto=pieces())
    known = sorted(model.id_to_piece(i) for i in range(3, model.get_piece_size()))
    names = ("</s>", "<unk>", *(one for one in known if one != "b"), *CODES, "<pad>")
    return {name: index for index, name in enumerate(names)}


@cache
def tables() -> tuple[NDArray[np.float32], ...]:
    """Return the tables: by source token, by last token, vectors of tokens, and their matrix."""
    rng, count = np.random.default_rng(3), len(vocabulary())
    shapes = ((count, count), (count, count), (count, SIZE), (SIZE, count))
    return tuple(rng.normal(0, 1.5, shape).astype(np.float32) for shape in shapes)


def logits_of(source: Sequence[int], target: Sequence[int]) -> NDArray[np.float32]:
    """Answer of the bundle: what follows each prefix of `target`, (tokens, vocabulary)."""
    by_source, by_last, vectors, matrix = tables()
    given = [vocabulary()["<pad>"], *target[:-1]]
    rows = [
        by_source[source[min(t, len(source) - 1)]]
        + by_last[given[t]]
        + vectors[given[: t + 1]].sum(axis=0) @ matrix
        for t in range(len(target))
    ]
    return np.array(rows, np.float32)


def marian(output: Path, *, codes: bool = True, **changes: Any) -> Path:
    """Write the translator; `changes` replace `config` and `search` entries."""
    ids = vocabulary()
    search = {
        "num_beams": 3, "max_new_tokens": 20, "length_penalty": 1.0, "early_stopping": "no",
        "start_id": ids["<pad>"], "eos_id": 0, "banned_ids": [ids["<pad>"]], "forced_eos": True,
        "renormalize": True, **changes.get("search", {}),
    }  # fmt: skip
    config = {
        "pad_id": ids["<pad>"], "max_source_tokens": MOST, "max_target_tokens": MOST,
        "search": search, **changes.get("config", {}),
    }  # fmt: skip
    names = {one: index for one, index in ids.items() if codes or one not in CODES}
    source, target = np.array([4, 3, 5, 0]), np.array([2, 6, 3, 4, 0])
    sample = {"token_ids": source, "target_ids": target}
    answer = {"logits": logits_of(source.tolist(), target.tolist())}
    graphs = {"encoder": _encoder(), "decoder": _decoder()}
    states = {"decoder": tuple(StatePair(one, f"next_{one}") for one in STATES)}
    with BundleWriter(output) as writer:
        writer.add("NOTICE", b"Made for the tests of Edgewright.\n")
        writer.add("assets/vocab.json", json.dumps(names).encode())
        for name in ("source", "target"):
            writer.add(f"assets/{name}.spm", pieces())
        for name, (graph, _, _) in graphs.items():
            writer.add(f"variants/fp32/{name}.onnx", graph)
        writer.add("golden/00.npz", write_golden(sample, answer))
        return writer.finish(manifest_of("marian", "translate-text", config, graphs, states))


STATES = ("state_00_sums", "state_01_length")
_IDS = TensorSpec("token_ids", "int64", ("batch", "source"))
_MASK = TensorSpec("attention_mask", "int64", ("batch", "source"))


def _encoder() -> Graph:
    memory = TensorSpec("memory_00_ids", "int64", ("batch", "source"))
    nodes = [helper.make_node("Mul", ["token_ids", "attention_mask"], ["memory_00_ids"])]
    return make_graph(nodes, (_IDS, _MASK), (memory,)), (_IDS, _MASK), (memory,)


def _decoder() -> Graph:
    count = len(vocabulary())
    state = ("batch", "beams", 1, "time", SIZE)
    inputs = (
        TensorSpec("token_ids", "int64", ("batch", "beams")),
        TensorSpec("parents", "int64", ("batch", "beams")),
        _MASK,
        TensorSpec("memory_00_ids", "int64", ("batch", "source")),
        TensorSpec(STATES[0], "float32", state),
        TensorSpec(STATES[1], "int64", ("batch",)),
    )
    outputs = (
        TensorSpec("logits", "float32", ("batch", "beams", count)),
        TensorSpec(f"next_{STATES[0]}", "float32", state),
        TensorSpec(f"next_{STATES[1]}", "int64", ("batch",)),
    )
    node = helper.make_node
    nodes = [
        node("Unsqueeze", ["parents", "last"], ["parent_indices"]),
        node("GatherND", [STATES[0], "parent_indices"], ["moved"], batch_dims=1),
        node("Gather", ["vectors", "token_ids"], ["vector"]),
        node("Unsqueeze", ["vector", "axes_2_3"], ["new"]),
        node("Shape", [STATES[0]], ["time_size"], start=3, end=4),
        node("Squeeze", ["time_size"], ["time"]),
        node("Range", ["zero", "time", "one"], ["times"]),
        node("Unsqueeze", [STATES[1], "last"], ["lengths"]),
        node("Equal", ["times", "lengths"], ["is_here"]),
        node("Unsqueeze", ["is_here", "axes_1_2_4"], ["here"]),
        node("Where", ["here", "new", "moved"], [f"next_{STATES[0]}"]),
        node("Add", [STATES[1], "one"], [f"next_{STATES[1]}"]),
        node("ReduceSum", ["attention_mask", "last"], ["valid"], keepdims=0),
        node("Sub", ["valid", "one"], ["end"]),
        node("Min", [STATES[1], "end"], ["place"]),
        node("Unsqueeze", ["place", "last"], ["place_index"]),
        node("GatherND", ["memory_00_ids", "place_index"], ["source_id"], batch_dims=1),
        node("Gather", ["by_source", "source_id"], ["from_source_row"]),
        node("Unsqueeze", ["from_source_row", "axis_1"], ["from_source"]),
        node("Gather", ["by_last", "token_ids"], ["from_last"]),
        node("ReduceSum", [f"next_{STATES[0]}", "axes_2_3"], ["sums"], keepdims=0),
        node("MatMul", ["sums", "matrix"], ["from_all"]),
        node("Sum", ["from_source", "from_last", "from_all"], ["logits"]),
    ]
    by_source, by_last, vectors, matrix = tables()
    graph = make_graph(
        nodes, inputs, outputs,
        by_source=by_source, by_last=by_last, vectors=vectors, matrix=matrix,
        last=np.array([-1]), axis_1=np.array([1]), axes_2_3=np.array([2, 3]),
        axes_1_2_4=np.array([1, 2, 4]), zero=np.array(0), one=np.array(1),
    )  # fmt: skip
    return graph, inputs, outputs
