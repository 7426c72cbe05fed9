import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="LSTMs need the extra torch")

from algorithms.models.networks.lstm_ensemble import LSTMEnsemble  # noqa: E402

ARCHS = [(0, 3, 1), (1, 0, 0), (1, 2, 1), (0, 0, 1)]


def made(sigmoid=False, members=3):
    generator = torch.Generator().manual_seed(0)
    return LSTMEnsemble(
        (2, 4, 2),
        members=members,
        hidden=5,
        embedding=4,
        sigmoid=sigmoid,
        bias=1.8,
        generator=generator,
    )


@pytest.mark.parametrize("sigmoid", [False, True])
def test_members_are_the_lstms_of_pytorch(sigmoid):
    ensemble = made(sigmoid)
    predicted = ensemble.predict(ARCHS)
    for member in range(3):
        embedding, inputs, recurrent, bias, head, last = (
            parameter[member].detach() for parameter in ensemble.parameters
        )
        lstm = torch.nn.LSTM(4, 5, batch_first=True, dtype=torch.float64)
        kept, added, shown, new = (slice(5 * i, 5 * i + 5) for i in range(4))
        order = torch.cat([torch.arange(20)[part] for part in (added, kept, new, shown)])
        with torch.no_grad():  # PyTorch has the gates in another order
            lstm.weight_ih_l0.copy_(inputs.T[order])
            lstm.weight_hh_l0.copy_(recurrent.T[order])
            lstm.bias_ih_l0.copy_(bias[0][order])
            lstm.bias_hh_l0.zero_()
            read = embedding[torch.tensor(ARCHS) + torch.tensor([0, 2, 6])]
            outputs = (lstm(read)[0][:, -1] @ head)[:, 0] + last
        outputs = outputs.sigmoid() if sigmoid else outputs
        assert predicted[member] == pytest.approx(outputs.numpy(), rel=1e-12)
        assert last.item() == 1.8


def test_each_member_learns_its_own_targets_from_its_own_examples():
    ensemble = made(members=2)
    targets = np.array([[1.0, 2.0, 3.0, 4.0], [0.0, -1.0, 5.0, -3.0]])
    rows = np.array([[0, 1, 2], [1, 2, 3]])
    options = {"epochs": 200, "batch_size": 3, "learning_rate": 0.01}
    ensemble.fit(ARCHS, targets, rows, **options)
    predicted = ensemble.predict(ARCHS)
    for member, part in enumerate(rows):
        assert predicted[member, part] == pytest.approx(targets[member, part], abs=0.2)
    assert abs(predicted[0, 3] - 4) > 0.3  # never seen


def test_members_do_not_touch_each_other():
    one, both = made(members=2), made(members=2)
    targets = np.array([[1.0, 2.0, 3.0, 4.0], [0.0, -1.0, 5.0, -9.0]])
    rows, options = np.array([[0, 1], [2, 3]]), {"epochs": 20, "learning_rate": 0.01}
    one.fit(ARCHS, targets, rows, batch_size=8, **options)
    both.fit(ARCHS, targets * [[1.0], [-7.0]], rows, batch_size=8, **options)
    assert one.predict(ARCHS)[0] == pytest.approx(both.predict(ARCHS)[0], rel=1e-12)
    assert one.predict(ARCHS)[1] != pytest.approx(both.predict(ARCHS)[1], rel=1e-3)
