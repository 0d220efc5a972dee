import itertools
from pathlib import Path
from types import SimpleNamespace

import conformer_texts
import numpy as np
import pytest
import speech_clips
from conformer_checkpoint import TEXT_SHARES
from conformer_data import Material, Utterances
from conformer_texts import SpokenTexts, TextCounts
from speech_text import prompt_texts


def letters(count):
    return ["".join(found) for found in itertools.product("abcdefghij", repeat=count)]


def test_voices_say_other_definitions_and_nothing_that_is_held_back(monkeypatch):
    longer = "in the tree behind the house of my old aunt"
    examples = {f"the bird sings {word}" for word in letters(4)}
    examples |= {f"the bird sings {word} {longer}" for word in letters(3)}
    definitions = {f"a bird of {word}" for word in letters(3)}
    monkeypatch.setattr(conformer_texts, "_examples", lambda cache: examples)
    monkeypatch.setattr(
        conformer_texts, "_definitions", lambda cache: {*definitions, "the bird sings aaaa"}
    )
    counts = TextCounts(30, 300, 20)
    alone = SpokenTexts([], Path(), counts, 1)
    held = ("the bird sings abba", "a bird of abc", prompt_texts(20, 3)[3], alone.test[0])
    clips = [speech_clips.Clip("asterisk", text, "test", text, np.zeros(1)) for text in held]
    clips.append(speech_clips.Clip("asterisk", "hours", "train", "hours", np.zeros(1)))
    texts = SpokenTexts(clips, Path(), counts, 1)
    said = (texts.espeak, texts.flite, texts.adapted)
    assert [len(definitions.intersection(voice)) for voice in said] == [300, 600, 98]
    assert [len(examples.intersection(voice)) for voice in said] == [30, 60, 10]
    assert not definitions.union(examples).intersection(*said)
    for voice in said:
        assert not {*held, *texts.test, *texts.dev}.intersection(voice)
        assert max(len(text.split()) for text in voice if text in examples) <= 12
        assert voice.count("hours") == 3
    assert len(texts.test) == 100
    assert len(texts.dev) == 60
    assert not set(texts.test).intersection(texts.dev)
    assert {len(text.split()) for text in texts.test} == {14}
    parts = [texts.split(said[0]) for said in (texts.test, texts.dev, texts.flite)]
    assert parts == ["test", "dev", "train"]
    assert (alone.test, alone.dev) == (texts.test, texts.dev)  # whatever clips are held back


def test_another_seed_gives_other_sentences_but_the_same_that_are_held_back(monkeypatch):
    examples = {f"{bird} sings again" for bird in letters(3)}
    examples |= {f"{bird}{' again' * 12}" for bird in letters(3)}
    monkeypatch.setattr(conformer_texts, "_examples", lambda cache: examples)
    monkeypatch.setattr(conformer_texts, "_definitions", lambda cache: set())
    first, second = (SpokenTexts([], Path(), TextCounts(30, 30, 20), seed) for seed in (1, 2))
    assert (first.test, first.dev) == (second.test, second.dev)
    for voice in ("espeak", "flite", "adapted"):
        said = examples.intersection(getattr(first, voice))
        assert said
        assert len(said.intersection(getattr(second, voice))) < len(said) / 2


def test_texts_are_told_apart_by_kind_and_held_back_ones_left_out(monkeypatch):
    def utterances(*rows):
        return Utterances(
            [s for s, _ in rows], [t for _, t in rows], [np.zeros((1, 80))] * len(rows)
        )

    long = "a bird that nobody who came here this year has seen or heard again"
    monkeypatch.setattr(
        conformer_texts, "_examples", lambda cache: {"a rare bird", "bird song", long}
    )
    monkeypatch.setattr(
        conformer_texts, "fetch_package", lambda name, cache: SimpleNamespace(root="")
    )
    monkeypatch.setattr(
        conformer_texts, "wordnet_definitions", lambda root: ["small animal", "no mail"]
    )
    train = utterances(
        ("asterisk", "press one"), ("queen", "hello joe"), ("noise", ""),
        ("synthetic", "small animal"),
    )  # fmt: skip
    template = prompt_texts(1, 2)[0]
    held = utterances(("asterisk", "no mail"), ("asterisk", template))
    found = conformer_texts.written_texts(Path(), Material(train, held, held))
    assert found["prompts"] == ["press one"]
    assert prompt_texts(2, 2)[1] in found["templates"]
    assert template not in found["templates"]
    assert found["games"] == ["hello joe"]
    assert found["examples"] == ["a rare bird", "bird song"]
    assert found["definitions"] == ["small animal"]
    assert "where is the pharmacy" in found["phrases"]
    assert found.keys() == TEXT_SHARES.keys()
    assert sum(TEXT_SHARES.values()) == pytest.approx(1.0)
