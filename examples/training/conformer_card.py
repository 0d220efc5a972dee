"""Model card and licences of the streaming Conformer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from model_card import describe_machine
from speech_clips import HOP_LENGTH, SAMPLE_RATE

from edgewright_export.models.conformer import StreamingConformerConfig

NAME = "conformer-ctc-en"
JUDGED = ("asterisk", "queen", "unseen flite", "unseen espeak")
"""Development clips by source, whose word error rates make the curve."""
UNMEASURED = "Not measured yet."
LICENSES = {
    "code": ["Apache-2.0"],
    "weights": ["CC-BY-SA-3.0"],
    "data": [
        "Apache-2.0",
        "CC-BY-SA-3.0",
        "LicenseRef-Flight-of-the-Amazon-Queen",
        "LicenseRef-Drascula",
        "LicenseRef-Beneath-a-Steel-Sky",
        "LicenseRef-WordNet-3.0",
        "LicenseRef-SCOWL",
        "LicenseRef-Ispell",
        "MIT-Festival",
    ],
}
NOTICE = (
    "Trained on Asterisk core sounds (English) recorded by Allison Smith, with contributions by "
    "Digium, Inc., CC-BY-SA-3.0; on speech of Flight of the Amazon Queen, (C) John Passfield and "
    "Steven Stamatiadis, modified: cut into clips and turned into model weights; on speech of "
    "Drascula: The Vampire Strikes Back, (C) Alcachofa Soft S.L., and of Beneath a Steel Sky, (C) "
    "Revolution Software Ltd, modified likewise; and on speech of flite, Copyright Carnegie Mellon "
    "University, that reads examples and definitions of WordNet 3.0, Copyright Princeton "
    "University. The lexicon has words of SCOWL, Copyright 2000-2011 by Kevin Atkinson. Their "
    "terms follow in NOTICE."
)
TERMS = Path(__file__).with_name("transcripts") / "NOTICE"

_INTRODUCTION = """\
---
license: cc-by-sa-3.0
language: en
pipeline_tag: automatic-speech-recognition
---

# conformer-ctc-en

A small streaming Conformer-CTC for English at 16 kHz: log-mel features in, one row of logits over
{pieces} every {step:.0f} ms out. No frame sees further ahead than
the end of its chunk of {chunk:.0f} ms, and each layer attends to {left:.1f} s before the chunk. A
lexicon and a word trigram come with it.

## Result

`python examples/training/conformer_evaluate.py --checkpoint HERE --material WORK/material.npz`

{results}
"""
_DATA = """\
## Data

- Asterisk core sounds, English (Debian `asterisk-core-sounds-en-g722`): one professional voice;
  texts by Whisper, used where they agree with the published list, where they have more than five
  words, or where the name of the prompt says the number. CC-BY-SA-3.0.
- Flight of the Amazon Queen (Debian `flight-of-the-amazon-queen`): many actors, 11 kHz MP3, with
  the lines of the game's scripts; which line 2,411 of the clips say was found by Whisper. Free
  with notices; changes are marked; no fee for the game itself.
- Beneath a Steel Sky (Debian `beneath-a-steel-sky`): many actors, 11 kHz, with the game's subtitles
  but those that Whisper contradicts. Free on terms like the above.
- Drascula (Debian `drascula`): acted, 11 kHz. Free on terms like the above.
- Flite's voices slt, rms, awb and kal16 reading 16,000 examples and 16,000 definitions of WordNet
  3.0 (in the last two runs, which had the same; earlier ones had others), telephone prompts from
  templates, and the texts of the Asterisk training prompts; speed, pitch, level and noise vary, a
  fifth sounds as in a room, and a fifth as over a telephone.
- eSpeak NG (a program under the GPL, used offline) with four accents and 13 voices, reading half as
  many others, and the like.
- The checkpoint `fastspeech2-en`, trained on with the Asterisk training prompts until it speaks in
  their voice, reading 2,666 other examples and as many definitions of WordNet, templates, and the
  texts of those prompts.
- Parts of the recordings, cut in the pauses between their words (`conformer_splices.py`): 12.8
  minutes of Asterisk and 288 of games, two to five behind one another.
- The templates (`telephone_prompts.toml`) were written for this project, with an eye on what was
  misheard in the development prompts, so the development figures flatter. The test prompts were not
  looked at, and sentences that equal one are left out; others come close, because telephones say
  much the same everywhere.

Recorded clips that say the same words as a test clip are not trained on; their texts are not in the
trigram and lend no words to the lexicon. Development: every eighth Asterisk prompt, four talk keys
of Queen, every twentieth line of Drascula, and 60 examples of WordNet of 13 to 16 words. The test
sentences of the synthetic voices are 100 such examples; those of WordNet that they say in training
have 12 words at most, in all runs. (The figures of the previous card were of 100 shorter examples,
picked from an order that changed with the clips that were held back, so that a run may have heard
some of what a later one was judged by. They do not compare.) What 43 of the 498 development clips
say is said in training, too: 35 of Queen, 6 of Asterisk, 2 of Drascula, half of them of three words
or fewer. In 62 of its 84 minutes the eleventh run had parts that were cut less well, and 302 of
their 20,245 (290 of games, 12 of Asterisk) said what a test clip says, never alone, but with other
parts before or behind: "why", "press", "please try again", out of recordings that every run trained
on whole. Since then no part says what a held-back clip says.

The trigram is a mixture of six (modified Kneser-Ney): telephone prompts, 6,000 sentences of their
templates, the English of the translation corpus without its prompts, lines of the games, examples
and definitions of WordNet. Their shares were chosen on the development texts. The lexicon has the
words of all these texts, and those of SCOWL (Debian `wamerican`) that have three or more letters,
no capitals and no apostrophe; obscene ones are left out.

The weights are offered under CC-BY-SA-3.0, the licence of the Asterisk recordings; the notices of
the other sources below must stay with them.

## Training

Muon for the matrices of the blocks, AdamW for the rest, warm-up, cosine over the wall time,
float32 or bfloat16 products (whichever the machine is faster at), auxiliary CTC in the middle
(weight 0.3). It begins with short clear utterances; when the loss has fallen all sources come, 30 %
of the utterances with another one behind, with changes of tempo, voice, channel and level, and with
masks in time and frequency that grow as the loss falls further (at once for Asterisk): up to 40
frames, though no more than a third of the utterance each, and 28 bins of games, half of this for
Asterisk, a quarter for the adapted voice, a tenth for flite and eSpeak NG, whose sentences no run
learnt by heart. Recordings stand in a batch twice, as two views with other masks, voice, channel
and level, and the network is trained to answer both alike, too (consistency-regularized CTC,
arXiv:2410.05101, weight 0.2). Noise in which nothing is said is 1 %. Global mean and deviation of
the features are inside the network. Weights are stored as float16.

The shipped weights come from twelve runs, each going on from the weights of the one before
(`--start-from`); the history of this card tells of the first ten and has their curves. In short:
the first four, 228 minutes on two threads, had neither eSpeak NG nor rooms and telephones and
narrower feed-forward halves; Beneath a Steel Sky and all clips of Queen came in the sixth, Muon in
the seventh, wide masks, two views and definitions in the eighth, and in the ninth frames 8 ms apart
(10 before), for logits every 60 ms were too few for flite's sentences. What the eighth and ninth
won on synthesizers they lost on Asterisk, so their weights were mixed with those before
(`conformer_average.py`).

The weights before had .007 of the words of 121 Asterisk training prompts wrong and .3 of those of
the development prompts (greedy): it had learnt them by heart. So the eleventh, 84 minutes, had
parts of recordings; and its chunk grew from 384 to 576 ms, its left context from 1.9 to 2.3 s. The
twelfth, 8 minutes at a peak of 3e-4 (the last two lines of the curve), went on from half of the
eleventh and half of the weights before. The shipped weights are half of the eleventh and half of
the twelfth: the best of the table by the mean of the development rates, Asterisk's twice, but not
at Asterisk itself (200 prefixes, weight of the trigram .75, word bonus 0, blank penalty 3). In
chunks of 384 ms, which they were not trained for, they are where the weights before were: so most
of what is won is the longer chunk's, and the parts won nothing on Asterisk's development prompts.
Then the search was tuned. It takes a real-time factor of .0063, network included, on one core of
the machine below. A word is told .17 s behind its end (median; .50 s in nine of ten cases; .10 and
.31 s with the weights and chunks before), over 50 prompts.

| searched alike | asterisk | queen | drascula | unseen flite | unseen espeak | mean |
|---|---|---|---|---|---|---|
| weights before | 0.182 | 0.332 | 0.530 | 0.122 | 0.096 | 0.241 |
| eleventh run | 0.214 | 0.315 | 0.530 | 0.117 | 0.085 | 0.246 |
| half of it, half of those before | 0.182 | 0.318 | 0.530 | 0.120 | 0.083 | 0.236 |
| three quarters of it | 0.186 | 0.317 | 0.517 | 0.126 | 0.080 | 0.235 |
| twelfth run | 0.214 | 0.321 | 0.550 | 0.119 | 0.074 | 0.248 |
| half of it, half of the eleventh | 0.186 | 0.312 | 0.520 | 0.120 | 0.077 | 0.233 |
| the same in chunks of 384 ms | 0.201 | 0.323 | 0.533 | 0.114 | 0.083 | 0.243 |
"""
_LIMITS = """\
## Limits

Made for clean prompts in the voice of Asterisk. Of acted speech two fifths to a half of
the words are wrong, of strangers seven in ten: do not use it for dictation. Numbers come out as
words, and there is no punctuation. With the lexicon no word outside it can be heard.
"""


@dataclass(frozen=True)
class TrainingFacts:
    """What the card tells of a run."""

    steps: int
    """Optimizer steps."""
    seconds: float
    """Wall time of these steps."""
    curve: Sequence[tuple[float, ...]]
    """Step, mean training loss, development WER of each of `JUDGED`."""
    seed: int
    """Of texts, speech, weights, batches and disturbances."""


def notices() -> str:
    """Return the notice with the terms of what the weights and the lexicon were made from."""
    terms = TERMS.read_text("utf-8")
    own, scowl = terms.index("test_split.json"), terms.index("Words of the lexicon")
    return f"{NOTICE}\n\n{terms[:own]}{terms[scowl:]}"


def options(seed: int) -> dict[str, object]:
    """Return `edgewright.json`, before the search is tuned."""
    record = {"name": NAME, "version": "1.0.0", "licenses": LICENSES, "notice": notices()}
    return {**record, "seed": seed}


def render(
    config: StreamingConformerConfig, parameters: int, training: TrainingFacts, results: str
) -> str:
    """Return the card as Markdown; `results` is the table of test figures."""
    frame_ms = 1000.0 * HOP_LENGTH / SAMPLE_RATE
    logits_ms = frame_ms * config.subsampling
    head = _INTRODUCTION.format(
        pieces="192 word pieces and a blank",
        step=logits_ms,
        chunk=frame_ms * config.chunk_frames,
        left=logits_ms * config.left_context / 1000.0,
        results=results,
    )
    facts = [
        f"- parameters: {parameters:,}",
        f"- seed: {training.seed}",
        f"- last two runs: {training.steps:,} steps in {training.seconds / 60:.0f} minutes on "
        f"{describe_machine()}; other jobs shared the machine",
        "- to go on: `python examples/training/conformer_ctc.py --start-from HERE --seed "
        f"{training.seed + 1}`, then `conformer_evaluate.py --tune`; without `--start-from` a run "
        "begins anew. The schedule follows the clock, so another machine ends elsewhere",
        "",
        f"| step | training loss | dev WER {' | dev WER '.join(JUDGED)} |",
        "|---|---" + "|---" * len(JUDGED) + "|",
    ]
    for step, *figures in training.curve:
        facts.append(f"| {step} | {' | '.join(f'{figure:.3f}' for figure in figures)} |")
    licences = [f"- {what}: {', '.join(names)}" for what, names in LICENSES.items()]
    parts = [head, _DATA, "\n".join(facts), "", _LIMITS, "## Licences", "", *licences, "", NOTICE]
    return "\n".join([*parts, ""])
