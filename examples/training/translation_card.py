"""Model card, licences and notices of the translator."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from model_card import Licenses, ModelCard
from training_loop import TrainingResult
from translation_corpus import CORPUS, TRANSCRIPTS
from translation_evaluate import JUDGED_FORM, NUM_BEAMS, Confidence, Findings, Row

NAME = "marian-en-es"
LICENSES = Licenses(
    data=("Apache-2.0", "CC-BY-SA-3.0", "LicenseRef-Drascula"), weights=("CC-BY-SA-3.0",)
)
NOTICE = (
    "Trained on phrases written for this project; on texts of the Asterisk core sounds (English), "
    "copyright Digium, Inc., with translations made for this project, CC-BY-SA-3.0; and on texts "
    "of Drascula: The Vampire Strikes Back, (C) Alcachofa Soft S.L., modified: accents added, "
    "turned into model weights. The file NOTICE has the terms."
)


def make_card(findings: Findings, result: TrainingResult, parameters: int, seed: int) -> ModelCard:
    """Return the card of a scored model."""
    judged = _row(findings, f"this model, {NUM_BEAMS} beams")
    baselines = [row for row in findings.rows if not row.method.startswith("this model")]
    best = max(baselines, key=lambda row: row.dev.chrf)
    return ModelCard(
        name=NAME,
        task="translation",
        summary=_SUMMARY,
        licenses=LICENSES,
        notice=NOTICE,
        data=_DATA.format(
            test=findings.test_sentences, rows=findings.test_rows, dev=findings.dev_sentences
        ),
        metric_name=f"chrF2 of transcripts, {NUM_BEAMS} beams (0 to 100)",
        dev_metric=judged.dev.chrf,
        test_metric=judged.test.chrf,
        test_samples=findings.test_sentences,
        baseline_name=f"{best.method} (the better of two on the development sentences)",
        baseline_metric=best.test.chrf,
        details=_details(findings),
        training=_TRAINING,
        curves={"greedy chrF2 of the development sentences": result.history},
        parameters=parameters,
        seed=seed,
        seconds=result.seconds,
        command="python examples/training/translation_english_spanish.py",
        limits=_LIMITS,
    )


def notices() -> str:
    """Return the terms of the texts that the weights were made from."""
    game = (TRANSCRIPTS / "NOTICE").read_text("utf-8")
    start, end = (
        game.index("drascula_parallel_transcripts.tsv"),
        game.index("steel_sky_transcripts"),
    )
    corpus = (CORPUS / "NOTICE").read_text("utf-8")
    return f"{NOTICE}\n\nThe texts, by file of the training data:\n\n{corpus}\n{game[start:end]}"


def _row(findings: Findings, method: str) -> Row:
    (found,) = (row for row in findings.rows if (row.method, row.form) == (method, JUDGED_FORM))
    return found


def _details(findings: Findings) -> str:
    lines = [
        "Exact: equal to the one reference, capitals and marks included; words: equal without "
        "them. A translation that says the same in other words counts as wrong.",
        "",
        "| what translates | what it is given | chrF2 dev | chrF2 test | exact test | words test |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row.method} | {row.form} | {row.dev.chrf:.1f} | {row.test.chrf:.1f} | "
        f"{row.test.exact:.3f} | {row.test.words:.3f} |"
        for row in findings.rows
    ]
    lines += ["", "### Confidence", "", *_confidence(findings.confidence), "", "### Examples", ""]
    lines += [
        f"Every so many of the test transcripts, not chosen ({NUM_BEAMS} beams):",
        "",
        "| heard | translated | reference | confidence |",
        "|---|---|---|---|",
    ]
    lines += [f"| {_cells(sample[:3])} | {sample[3]:.2f} |" for sample in findings.samples]
    return "\n".join(lines)


def _cells(texts: Sequence[str]) -> str:
    return " | ".join(text.replace("|", "\\|") for text in texts)


def _confidence(found: Confidence) -> Iterable[str]:
    kept, exact = found.exact_when_kept
    yield (
        "The geometric mean of the probabilities of a translation's tokens (`confidence` of the "
        f"runtime). **Flag what is below {found.dev.value:.2f}**: chosen on the development "
        "sentences in all three forms and every other sentence of `translation/out_of_domain.tsv` "
        "(other subjects, definitions, code, other languages, nonsense; as transcripts), where it "
        "separates the two best."
    )
    yield ""
    yield "| split | in-domain flagged | out-of-domain flagged | pairs in the right order |"
    yield "|---|---|---|---|"
    for name, judged, share, counts in (
        ("dev", found.dev, found.dev_separation, found.dev_counts),
        ("test", found.test, found.test_separation, found.test_counts),
    ):
        yield (
            f"| {name} | {judged.flagged_inside:.3f} of {counts[0]} | "
            f"{judged.flagged_outside:.3f} of {counts[1]} | {share:.3f} |"
        )
    yield ""
    yield (
        f"Of the {kept} test transcripts that are kept, {exact} equal their reference. "
        f"Out-of-domain test sentences that are not flagged: {_listed(found.missed)}."
    )


def _listed(texts: Sequence[str]) -> str:
    return "; ".join(f"*{text}*" for text in texts) or "none"


_SUMMARY = """
A small Marian translator from English to Spanish for a closed domain: telephone prompts, travel,
emergencies, household. It takes ordinary text or what a speech recognizer writes (lower case, no
marks, numbers as words), and gives Spanish with accents and marks, in the *usted* of neutral Latin
American Spanish. Layout of `Helsinki-NLP/opus-mt-*`; English is folded to lower case by
`source.spm` itself.
""".strip()

_DATA = """
- Phrases in `examples/training/translation/corpus`, written for this project (Apache-2.0), with
  slots that are filled anew for every batch; the texts of Asterisk's prompts with a translation
  made for this project (CC-BY-SA-3.0). [STYLE.md](../../training/translation/STYLE.md) says how.
- Parallel lines of the game Drascula, 5 % of the sentences drawn, without those of the speech
  recognizer's test split. Their Spanish is free, says *tú*, and lacks accents; what the corpus has
  with accents only gets them back.
- The fillers of the slots alone, 5 % of the sentences drawn.

Splits are by row: held-out sentences are other sentences, not known ones with other fillers. At
most three sentences of a row are scored: {test} test sentences of {rows} names of rows, {dev}
development sentences. No form of a held-out sentence, and nothing that a test clip of the speech
corpora says, is trained on. The held-out rows were written in one piece with the first 2,400
training rows, so they have one style. 1,890 training rows came later, after the same guide and at
least two words away from each held-out row; of those their writer had seen the twelve examples
above, in the card before this one. Without these twelve, .34 of the test transcripts are exact.
""".strip()

_TRAINING = """
Cross-entropy with label smoothing 0.1, dropout 0.1, AdamW, warm-up and cosine, moving average of
the weights; those of the best development score are published, as float16. 30 % of the English
sentences come as written and the others as transcripts, with contractions or without, 30 % of these
with slips: short words dropped or confused with others that sound like them. 12 % have a second
sentence behind, 30 % are cut into other pieces than the likeliest, and a tenth of what the decoder
has written is hidden from it.
""".strip()

_LIMITS = """
It was made from some 4,700 rows of phrases: what they do not say, it does not know, and it then
writes fluent Spanish that says something else, at times the opposite and with a high confidence.
Do not use it where a mistranslation does harm, in an emergency above all. The confidence catches
other subjects, not mistakes in the domain, and the out-of-domain sentences above are easier than
what people will say near the domain. Words outside the vocabulary, names included, are often
replaced by known ones. Long texts want to be translated sentence by sentence; without marks, two or
three short sentences at once work.
""".strip()
