import cpu_precision
import pytest
import torch


@pytest.fixture
def seconds(monkeypatch):
    """What products take in each format."""
    taken = {torch.bfloat16: 1.0, torch.float32: 2.0}
    monkeypatch.setattr(cpu_precision, "_seconds", taken.__getitem__)
    return taken


def test_bfloat16_pays_where_its_products_are_faster(seconds):
    assert cpu_precision.bfloat16_pays()
    seconds[torch.bfloat16] = 3.0
    assert not cpu_precision.bfloat16_pays()


def test_products_take_time_in_both_formats():
    assert cpu_precision._seconds(torch.bfloat16) > 0
    assert cpu_precision._seconds(torch.float32) > 0
