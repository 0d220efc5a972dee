"""Train the small English to Spanish translator for telephone, travel, emergencies and household.

    python examples/training/translation_english_spanish.py     # --output, --work, --start-from

A Marian transformer from nothing, on the phrases in `translation/corpus` and the parallel lines of
the game Drascula. Choices are made on the development rows; the test rows are scored at the end.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from model_card import publish
from torch import nn
from torch.nn import functional
from training_loop import TrainingPlan, TrainingResult, train
from transformers import GenerationConfig, MarianConfig, MarianMTModel
from translation_card import make_card, notices
from translation_corpus import Pair, transcript
from translation_data import Batches, Material, evaluation_pairs, training_material
from translation_evaluate import evaluate_all
from translation_scoring import LONGEST, score, translate
from translation_tokens import VOCABULARY, TranslationTokens, read_tokens, train_tokens

SEED = 1
BATCH_SIZE = 64
SOURCE_PIECES, TARGET_PIECES = 2400, 2800
TEXTS_PER_ROW = 16
"""Sentences of a row that the pieces are learned from at most."""
LABEL_SMOOTHING = 0.1

PLAN = TrainingPlan(
    num_steps=3600, learning_rate=1.4e-3, warmup_steps=300, seed=SEED, average_decay=0.998,
    weight_decay=0.02, evaluate_every=400, bfloat16=True,
)  # fmt: skip


def read_or_learn_tokens(work: Path, material: Material) -> TranslationTokens:
    """Return the pieces that the weights in the work folder belong to; begin with new ones."""
    if not (work / VOCABULARY).exists():
        work.mkdir(parents=True, exist_ok=True)
        learn_tokens(material).save(work)
    return read_tokens(work)


def learn_tokens(material: Material) -> TranslationTokens:
    """Return the pieces of the training texts, written and as transcripts."""
    pairs = [pair for row in material.rows for pair in row[:TEXTS_PER_ROW]]
    english = [text for pair in pairs for text in (pair.english, transcript(pair.english))]
    return train_tokens(english, [pair.spanish for pair in pairs], SOURCE_PIECES, TARGET_PIECES)


def build_model(tokens: TranslationTokens, *, width: int = 192, layers: int = 3) -> MarianMTModel:
    """Return a Marian transformer with random weights in the public checkpoints' conventions."""
    torch.manual_seed(SEED)
    size = len(tokens.vocabulary)
    config = MarianConfig(
        vocab_size=size, decoder_vocab_size=size, d_model=width,
        encoder_layers=layers, decoder_layers=layers,
        encoder_attention_heads=4, decoder_attention_heads=4,
        encoder_ffn_dim=4 * width, decoder_ffn_dim=4 * width,
        max_position_embeddings=256, activation_function="swish", scale_embedding=True,
        static_position_embeddings=True, dropout=0.1, init_std=width**-0.5,
        share_encoder_decoder_embeddings=True, tie_word_embeddings=True,
        pad_token_id=tokens.pad_id, eos_token_id=tokens.end_id,
        bos_token_id=tokens.end_id, decoder_start_token_id=tokens.pad_id,
        forced_eos_token_id=tokens.end_id,
        attn_implementation="eager",  # on CPUs, fused attention's backward pass is slower
    )  # fmt: skip
    model = MarianMTModel(config)
    for module in model.model.modules():
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
    model.generation_config = GenerationConfig(
        num_beams=4, max_length=LONGEST, bad_words_ids=[[tokens.pad_id]],
        pad_token_id=tokens.pad_id, eos_token_id=tokens.end_id, bos_token_id=tokens.end_id,
        decoder_start_token_id=tokens.pad_id, forced_eos_token_id=tokens.end_id,
        renormalize_logits=True,
    )  # fmt: skip
    return model


def dev_metric(model: MarianMTModel, tokens: TranslationTokens, pairs: list[Pair]) -> float:
    """Return chrF of greedy translations of the sentences as written and as transcripts."""
    written = [pair.english for pair in pairs]
    texts = [*written, *map(transcript, written)]
    answers = translate(model, tokens, texts, num_beams=1)
    return score([one.text for one in answers], [pair.spanish for pair in pairs] * 2).chrf


def train_model(
    model: MarianMTModel,
    tokens: TranslationTokens,
    material: Material,
    plan: TrainingPlan,
    work_file: Path,
) -> TrainingResult:
    """Train in place, going on from the work file when there is one."""
    batches = Batches(material, tokens, batch_size=BATCH_SIZE, seed=plan.seed)
    dev = evaluation_pairs("dev")

    def loss(model: nn.Module, rng: np.random.Generator, step: int) -> torch.Tensor:
        batch = batches(step)
        logits = model(
            input_ids=batch.source, attention_mask=batch.mask, decoder_input_ids=batch.given
        ).logits
        return functional.cross_entropy(
            logits.flatten(0, 1), batch.target.flatten(), label_smoothing=LABEL_SMOOTHING
        )

    return train(
        model, loss, plan, work_file, evaluate=lambda model: dev_metric(model, tokens, dev)
    )


def write_model(model: MarianMTModel, tokens: TranslationTokens, folder: Path) -> None:
    """Save weights as float16, and all else in the layout of `Helsinki-NLP/opus-mt-*`."""
    model.half().save_pretrained(folder)
    model.float()
    tokens.save(folder)
    (folder / "NOTICE").write_text(notices(), "utf-8")


def main() -> None:
    """Train, score, publish."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    root = Path(__file__).resolve().parents[2]
    parser.add_argument("--output", type=Path, default=root / "examples/checkpoints/marian-en-es")
    parser.add_argument("--work", type=Path, default=root / "build/training/translation")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--start-from", type=Path, help="checkpoint folder whose pieces and weights come first"
    )
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    material = training_material()
    if options.start_from is not None:
        tokens = read_tokens(options.start_from)
        model = build_model(tokens)
        model.load_state_dict(MarianMTModel.from_pretrained(options.start_from).state_dict())
    else:
        tokens = read_or_learn_tokens(options.work, material)
        model = build_model(tokens)
    result = train_model(model, tokens, material, PLAN, options.work / "translation.pt")
    model.half().float()  # what is published is what is scored
    findings = evaluate_all(model, tokens, material)
    parameters = sum(weight.numel() for weight in model.parameters())
    card = make_card(findings, result, parameters, SEED)
    doubtful = {"least_confidence": findings.confidence.dev.value}
    publish(card, options.output, lambda folder: write_model(model, tokens, folder), doubtful)


if __name__ == "__main__":
    main()
