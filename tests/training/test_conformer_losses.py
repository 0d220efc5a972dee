import pytest
import torch
from conformer_losses import consistency_loss, ctc_loss


def test_the_distance_of_views_is_that_of_the_paper():
    torch.manual_seed(0)
    logits = torch.randn(4, 6, 5, requires_grad=True)
    targets = [[1], [2, 3, 1, 2], [2, 3, 1, 2], [1, 1]]
    loss = consistency_loss(logits.log_softmax(-1), targets, [1])
    one, other = (torch.distributions.Categorical(logits=logits[row]) for row in (1, 2))
    both = torch.distributions.kl_divergence(one, other) + torch.distributions.kl_divergence(
        other, one
    )
    assert loss.item() == pytest.approx(both.sum().item() / 4 / 4, rel=1e-5)
    loss.backward()
    # Towards the other view as it is: the gradient of a cross entropy, softmax less target.
    expected = (one.probs - other.probs).detach() / 4 / 4
    torch.testing.assert_close(logits.grad[1], expected)
    assert not logits.grad[[0, 3]].any()


def test_nothing_is_asked_of_a_batch_without_views():
    logits = torch.randn(2, 6, 5, requires_grad=True)
    assert consistency_loss(logits.log_softmax(-1), [[1], [2]], []) == 0.0


def test_the_loss_of_words_is_that_of_all_their_paths():
    log_probs = torch.randn(1, 3, 3).log_softmax(-1)
    paths = [(0, 0, 1), (0, 1, 0), (1, 0, 0), (0, 1, 1), (1, 1, 0), (1, 1, 1)]
    scores = [sum(log_probs[0, time, piece] for time, piece in enumerate(path)) for path in paths]
    expected = -torch.logsumexp(torch.stack(scores), 0)
    torch.testing.assert_close(ctc_loss(log_probs, [[1]], blank_id=0), expected)
