"""The model cards of the Spanish voice and its vocoder."""

from __future__ import annotations

from fastspeech2_data import Corpus
from fastspeech2_training import FEATURES, SEED, Splits
from model_card import Licenses, ModelCard
from training_loop import TrainingResult
from vocoder_data import VocoderCorpus
from vocoder_training import PREDICTED_SHARE
from vocoder_training import SEED as VOCODER_SEED

from edgewright_export.models.fastspeech2 import FastSpeech2
from edgewright_export.models.istft_vocoder import IstftVocoder

COMMAND = "python examples/training/fastspeech2_spanish.py --judge judge/bin/python"
Figures = dict[str, dict[str, float]]


def voice_card(
    model: FastSpeech2,
    corpus: Corpus,
    *,
    splits: Splits,
    result: TrainingResult,
    found: Figures,
    espeak: str,
) -> ModelCard:
    """Return the card; `found` has the errors of "dev", "test" and the "baseline"."""
    test, baseline = found["test"], found["baseline"]
    return ModelCard(
        name="fastspeech2-es",
        task="text-to-speech",
        summary=SUMMARY,
        licenses=Licenses(data=("Apache-2.0", "LicenseRef-WordNet-3.0", "MIT-Festival")),
        notice=f"{NOTICE} {VOCODER_NOTICE}",
        data=DATA.format(
            espeak=espeak, hours=_hours(len(corpus.mel)), sentences=len(corpus),
            test=splits.num_test, dev=splits.num_dev, train=len(corpus) - splits.start,
        ),
        metric_name="mel error, standard deviations, teacher's durations (lower is better)",
        dev_metric=found["dev"]["mel"],
        test_metric=test["mel"],
        test_samples=splits.num_test,
        baseline_name="every token the mean of its frames in training",
        baseline_metric=baseline["mel"],
        training=TRAINING.format(
            frames=test["duration_frames"], milliseconds=12.5 * test["duration_frames"],
            mean_frames=baseline["duration_frames"], context=model.config.decoder_context,
        ),
        curves={"development column: minus the mel error": result.history},
        parameters=sum(weight.numel() for weight in model.parameters()),
        seed=SEED,
        seconds=result.seconds,
        command=COMMAND,
        limits=LIMITS,
    )  # fmt: skip


def vocoder_card(
    model: IstftVocoder,
    recorded: VocoderCorpus,
    *,
    splits: Splits,
    result: TrainingResult,
    heard: Figures,
    espeak: str,
) -> ModelCard:
    """Return the card; `heard` has PESQ on "dev", "test", and of the vocoder "before"."""
    number = len(recorded.frame_ends)
    return ModelCard(
        name="istft-vocoder-es",
        task="text-to-speech",
        summary=VOCODER_SUMMARY.format(context=model.config.context),
        licenses=Licenses(data=("Apache-2.0", "LicenseRef-WordNet-3.0", "MIT-Festival")),
        notice=f"{NOTICE} {VOCODER_NOTICE}",
        data=VOCODER_DATA.format(
            espeak=espeak, hours=_hours(len(recorded.mel)), sentences=number,
            test=splits.num_test, dev=splits.num_dev, train=number - splits.start,
            share=round(100 * PREDICTED_SHARE),
        ),
        metric_name="PESQ (wide band) of the teacher's mel beside the teacher (higher is better)",
        dev_metric=heard["dev"]["vocoder"],
        test_metric=heard["test"]["vocoder"],
        test_samples=min(50, splits.num_test),
        baseline_name="by Griffin-Lim, 60 iterations",
        baseline_metric=heard["test"]["Griffin-Lim"],
        training=VOCODER_TRAINING.format(before=heard["before"]["vocoder"]),
        curves={"development column: minus the spectral losses": result.history},
        parameters=sum(weight.numel() for weight in model.parameters()),
        seed=VOCODER_SEED,
        seconds=result.seconds,
        command=COMMAND,
        limits=VOCODER_LIMITS,
    )  # fmt: skip


def _hours(frames: int) -> float:
    return float(frames * FEATURES["hop_length"] / FEATURES["sample_rate"] / 3600)


SUMMARY = """
A small FastSpeech 2 that turns Spanish phones (of `edgewright.text.spanish`, with stress, syllable
beginnings, allophones and pauses) into log-mel frames, with rate, pitch and energy under control.
One male voice with the accent of Latin America (seseo).
""".strip()

NOTICE = (
    "Trained on Spanish phrases of this project, spoken by eSpeak NG (voice es-419), a program "
    "under GPL-3.0-or-later; no part of it is here, and its licence does not extend to its speech."
)
VOCODER_NOTICE = (
    "The vocoder began with weights trained on example sentences of WordNet 3.0, copyright 2006 by "
    "Princeton University, all rights reserved, spoken by the voice cmu_us_slt of Flite, copyright "
    "Carnegie Mellon University and others; both licences permit use and distribution without fee."
)

DATA = """
{sentences:,} distinct sentences spoken by eSpeak NG {espeak} (voice es-419, its own tempo of 175
words a minute): {hours:.1f} hours at 16 kHz. They are the Spanish sides of the project's parallel
phrases (telephone, travel, emergencies, household; without the prompts of Asterisk), and in the
training a fifth of made-up sentences: words of the phrases in random order, half of them put
together of their syllables. Phones and stress are those of the project's own rules, times those of
eSpeak; sentences in which they differ by more than allophones are left out. Pitch is DIO's.

- test: {test} sentences of templates that are held out
- development: {dev} of others
- train: the other {train:,}
""".strip()

TRAINING = """
L1 of the normalized mel + 0.5 log-duration + 0.1 pitch + 0.1 energy, the decoder fed with the
teacher's durations, pitch and energy. AdamW, warm-up and cosine, bfloat16, moving average of the
weights; the last step's average is published, stored as float16. The decoder is convolutional and
sees {context} frames each way.

On the test split: duration error {frames:.2f} frames = {milliseconds:.0f} ms a token (pauses
included); each token's mean duration in training misses by {mean_frames:.2f} frames.
""".strip()

LIMITS = """
It sounds like eSpeak, a robotic synthesizer by rules. No recognizer of Spanish was at hand, so no
word error rate was measured, and no listener judged it. The teacher speaks within half an octave,
so the pitch that is heard hardly follows its scale upwards (1.1: 1.07, 1.3: 1.11, 1.5: 1.12) and
too much downwards (0.9: 0.79, 0.8: 0.74). Seseo only: θ is never spoken, nor are sounds of other
languages.
""".strip()

VOCODER_SUMMARY = """
Turns the log-mel of `fastspeech2-es` into short-time spectra (magnitude and phase), from which the
inverse STFT of the runtime makes the waveform. ConvNeXt blocks; a frame sees {context} frames each
way.
""".strip()

VOCODER_DATA = """
{sentences:,} of the sentences of `fastspeech2-es`, spoken once more by eSpeak NG {espeak}:
{hours:.1f} hours at 16 kHz. {share} % of the training segments begin with the mel that
`fastspeech2-es` makes with the teacher's durations, pitch and energy.

- test: {test} sentences; judged are the first 50 of them
- development: the next {dev}; judged are the first 50 of them
- train: the other {train:,}
""".strip()

VOCODER_TRAINING = """
It began with the weights of the vocoder of `fastspeech2-en`, whose PESQ on the same test sentences
is {before:.4f}. Spectral convergence and log-magnitude error of the waveform at four resolutions,
log-magnitude of the predicted bins, and their phase differences along time and frequency; no
discriminator. AdamW, warm-up and cosine, bfloat16, moving average of the weights; the last step's
average is published, stored as float16.
""".strip()

VOCODER_LIMITS = """
One voice at 16 kHz. Mels of other voices, and pitch far from this one's, were not heard in this
training; Griffin-Lim (remove the folder `vocoder`) takes them all alike.
""".strip()
