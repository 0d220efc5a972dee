"""A process that holds a peer whose libraries exclude ours: optimum-onnx, and transformers 4.

It reads lines of JSON and answers each with one: first `task`, `folder` (a checkpoint) and whether
to use `optimum` (a graph of its own export, ONNX Runtime, fp32) or PyTorch, answered with the
`version`; then `input` and `calls`, answered with `answer` of the last call and `seconds` of CPU
time a call.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"
answers, sys.stdout = sys.stdout, sys.stderr  # what libraries print is no answer

import onnxruntime  # noqa: E402
import torch  # noqa: E402
import transformers  # noqa: E402
from fasta import windows_of, words  # noqa: E402 - it lies beside this script
from optimum import onnxruntime as optimum  # noqa: E402

MODELS = {
    "image-classification": (
        optimum.ORTModelForImageClassification, transformers.ViTForImageClassification
    ),
    "text-classification": (
        optimum.ORTModelForSequenceClassification, transformers.BertForSequenceClassification
    ),
    "translation": (optimum.ORTModelForSeq2SeqLM, transformers.MarianMTModel),
}  # fmt: skip


def main() -> None:
    """Serve until nothing comes any more."""
    torch.set_num_threads(1)
    wanted = json.loads(sys.stdin.readline())
    ask = opened(**wanted)
    tell({"version": version("optimum-onnx" if wanted["optimum"] else "transformers")})
    for line in sys.stdin:
        asked = json.loads(line)
        began = time.thread_time()
        for _ in range(asked["calls"]):
            answer = ask(asked["input"])
        tell({"answer": answer, "seconds": (time.thread_time() - began) / asked["calls"]})


def opened(task: str, folder: str, optimum: bool) -> Callable[[str], Any]:
    """Return a pipeline, the way that its users make one."""
    by_optimum, by_torch = MODELS[task]
    if optimum:
        session = onnxruntime.SessionOptions()
        session.intra_op_num_threads = session.inter_op_num_threads = 1
        model = by_optimum.from_pretrained(folder, export=True, session_options=session)
    else:
        model = by_torch.from_pretrained(folder, dtype=torch.float32)
    if task == "image-classification":
        processor = transformers.ViTImageProcessor.from_pretrained(folder)
        classify = transformers.pipeline(task, model, image_processor=processor)
        return lambda path: [one["label"] for one in classify(path, top_k=5)]
    if task == "text-classification":
        tokenizer = transformers.BertTokenizer.from_pretrained(folder, do_lower_case=False)
        label = transformers.pipeline(task, model, tokenizer=tokenizer)
        return lambda path: [label(words(bases))[0]["label"] for bases in windows_of(path)]
    tokenizer = transformers.MarianTokenizer.from_pretrained(folder)
    translate = transformers.pipeline("translation_en_to_es", model, tokenizer=tokenizer)
    return lambda text: translate(text)[0]["translation_text"]


def tell(answer: dict[str, Any]) -> None:
    """Write a line."""
    print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
