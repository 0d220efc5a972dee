"""Random-weight translators in the layout of `Helsinki-NLP/opus-mt-*`."""

import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from sentencepiece import SentencePieceProcessor, SentencePieceTrainer
from transformers import MarianConfig, MarianMTModel

from checkpoint_layouts import randomized

SOURCES = (
    "The small boat crosses the wide river at night.",
    "Where is the station, please?",
    "Ten tickets to the harbour cost forty-two crowns.",
    "Nobody thought of the garden until the roses opened.",
)
TARGETS = (
    "Das kleine Boot überquert nachts den breiten Fluss.",
    "Wo ist bitte der Bahnhof?",
    "Zehn Karten zum Hafen kosten zweiundvierzig Kronen.",
    "Niemand dachte an den Garten, bis die Rosen aufgingen.",
)
CODES = (">>deu<<", ">>nld<<")


def train_pieces(texts: Iterable[str], size: int) -> bytes:
    """Return a SentencePiece model of about `size` pieces."""
    model = io.BytesIO()
    SentencePieceTrainer.train(
        sentence_iterator=iter(texts), model_writer=model, vocab_size=size,
        hard_vocab_limit=False, minloglevel=2, num_threads=1,
    )  # fmt: skip
    return model.getvalue()


def vocabulary(models: Iterable[bytes], codes: Iterable[str] = ()) -> dict[str, int]:
    """Return {piece: id} in the order of the public checkpoints: the end first, padding last."""
    found: dict[str, None] = {}
    for data in models:
        model = SentencePieceProcessor(model_proto=data)
        found |= dict.fromkeys(model.id_to_piece(i) for i in range(model.get_piece_size()))
    text = [one for one in sorted(found) if one not in {"</s>", "<unk>", "<s>"}]
    return {one: i for i, one in enumerate(("</s>", "<unk>", *text, *codes, "<pad>"))}


def encode(model: bytes, ids: dict[str, int], text: str) -> list[int]:
    pieces = SentencePieceProcessor(model_proto=model).encode(text, out_type=str)
    return [*(ids.get(piece, ids["<unk>"]) for piece in pieces), ids["</s>"]]


def teach(model: MarianMTModel, pairs: Sequence[Sequence[list[int]]], steps: int) -> None:
    """Train `model` on sentences and their translations until it knows them by heart."""
    pad = model.config.pad_token_id
    sources, targets = (
        torch.nn.utils.rnn.pad_sequence(
            [torch.tensor(one) for one in rows], batch_first=True, padding_value=pad
        )
        for rows in pairs
    )
    labels = targets.masked_fill(targets == pad, -100)
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    for _ in range(steps):
        optimizer.zero_grad()
        model(sources, attention_mask=(sources != pad).long(), labels=labels).loss.backward()
        optimizer.step()


def save_translator(
    folder: Path,
    *,
    seed: int = 0,
    as_bin: bool = False,
    codes: Iterable[str] = (),
    eos_bias: float = 2.0,
    taught: int = 0,
    padded: int = 0,
    generation: dict[str, Any] | None = None,
    **sizes: Any,
) -> Path:
    """Write a random `MarianMTModel` to the new folder `folder`.

    Args:
        folder: To write.
        seed: Of its weights.
        as_bin: Whether the weights are a pickle, as published.
        codes: Language codes of a multilingual model.
        taught: Steps of training, after which it knows the translations of `SOURCES`.
        padded: Size of the vocabulary, at least; pieces that no text has fill it up.
        eos_bias: Of the logit that ends a translation: the larger, the shorter they are.
        generation: Changes of `generation_config.json`; None removes an entry.
        sizes: Changes of `config.json`.
    """
    spm = [train_pieces(SOURCES, 60), train_pieces(TARGETS, 60)]
    names = list(vocabulary(spm, codes))
    names[-1:-1] = [f"\u2581\u2581{i}" for i in range(padded - len(names))]
    ids = {name: i for i, name in enumerate(names)}
    pad = ids["<pad>"]
    config = {
        "vocab_size": len(ids), "d_model": 16, "encoder_layers": 1, "decoder_layers": 1,
        "encoder_attention_heads": 2, "decoder_attention_heads": 2, "encoder_ffn_dim": 32,
        "decoder_ffn_dim": 32, "max_position_embeddings": 64, "activation_function": "swish",
        "scale_embedding": True, "pad_token_id": pad, "decoder_start_token_id": pad,
        "eos_token_id": 0, "forced_eos_token_id": 0, **sizes,
    }  # fmt: skip
    torch.manual_seed(seed)
    model = randomized(MarianMTModel(MarianConfig(**config)), seed)
    model.final_logits_bias.normal_(generator=torch.Generator().manual_seed(seed))
    model.final_logits_bias[:, 0] = eos_bias
    for part in (model.model.encoder, model.model.decoder):  # sinusoids, as published
        part.embed_positions.weight.copy_(part.embed_positions.create_weight())
    if taught:
        languages = zip(spm, (SOURCES, TARGETS), strict=True)
        teach(
            model, [[encode(one, ids, text) for text in texts] for one, texts in languages], taught
        )
    model.save_pretrained(folder)
    if as_bin:
        (folder / "model.safetensors").unlink()
        torch.save(model.state_dict(), folder / "pytorch_model.bin")
    settings = {
        "bad_words_ids": [[pad]], "bos_token_id": 0, "decoder_start_token_id": pad,
        "eos_token_id": 0, "forced_eos_token_id": 0, "max_length": 24, "num_beams": 4,
        "pad_token_id": pad, "renormalize_logits": True, **(generation or {}),
    }  # fmt: skip
    kept = {name: value for name, value in settings.items() if value is not None}
    files = {
        "vocab.json": ids, "generation_config.json": kept,
        "tokenizer_config.json": {"source_lang": "eng", "target_lang": "deu"},
    }  # fmt: skip
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content, ensure_ascii=False), "utf-8")
    for name, data in zip(("source.spm", "target.spm"), spm, strict=True):
        (folder / name).write_bytes(data)
    return folder
