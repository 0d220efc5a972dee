import dataclasses
import json
import shutil
import sys

import conformer_average
import pytest
import torch
from conformer_average import average

from edgewright_export.models.conformer import (
    StreamingConformerConfig,
    StreamingConformerForCTC,
    load_checkpoint,
    save_checkpoint,
)

CONFIG = StreamingConformerConfig(9, 0, num_layers=2, hidden_size=20, num_heads=2, ffn_size=16)


FILES = ("tokenizer.json", "preprocessor_config.json")


def test_weights_between_those_of_two_runs(tmp_path, monkeypatch, capsys):
    longer = dataclasses.replace(CONFIG, chunk_frames=72, left_context=9)
    runs = [StreamingConformerForCTC(config) for config in (CONFIG, longer)]
    runs[1].feature_mean.fill_(4.0)
    folders = [tmp_path / name for name in ("first", "second", "mixed")]
    for run, folder in zip(runs, folders, strict=False):
        folder.mkdir()
        save_checkpoint(run, folder, dtype=torch.float32)
        for name in FILES:
            (folder / name).write_text("{}")
    (folders[1] / "edgewright.json").write_text('{"seed": 3, "search": {"beam_width": 8}}')
    words = ["conformer_average.py", *map(str, folders[:2]), "--share", "0.25", "--output"]
    monkeypatch.setattr(sys, "argv", [*words, str(folders[2])])
    conformer_average.main()
    assert json.loads((folders[2] / "edgewright.json").read_text()) == {"seed": 3}
    assert load_checkpoint(folders[2]).config == longer
    first, second = (run.state_dict() for run in runs)
    for name, weight in load_checkpoint(folders[2]).state_dict().items():
        expected = 0.75 * first[name] + 0.25 * second[name]
        torch.testing.assert_close(weight, expected, atol=2e-3, rtol=1e-3)  # stored as float16
    with pytest.raises(SystemExit):
        conformer_average.main()  # the folder is there
    shutil.rmtree(folders[2])
    for name in FILES:
        (folders[0] / name).write_text('{"other": 1}')
        with pytest.raises(SystemExit):
            conformer_average.main()
        assert name in capsys.readouterr().err
        assert not folders[2].exists()
        (folders[0] / name).write_text("{}")


def test_networks_of_other_sizes_are_not_mixed():
    other = StreamingConformerForCTC(dataclasses.replace(CONFIG, ffn_size=24))
    with pytest.raises(ValueError, match="take two runs of one network"):
        average(StreamingConformerForCTC(CONFIG), other, 0.5)
