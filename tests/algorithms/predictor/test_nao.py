import math

import numpy as np
import pytest
from toys import Layers, Unlike, drive, rugged, tell

from nasbench.errors import InvalidArgumentError
from nasbench.spaces.nb201 import NB201

torch = pytest.importorskip("torch", reason="LSTMs need the extra torch")

from algorithms.parts.architecture_autoencoder import ArchitectureAutoencoder  # noqa: E402
from algorithms.predictor.nao import NAO  # noqa: E402

SMALL = {"hidden": 6, "embedding": 4, "width": 5, "epochs": 2}


def made(space=None, seed=0, **changes):
    return NAO(space or NB201(), fidelities=(1,), seed=seed, **changes)


def network(space, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return ArchitectureAutoencoder(
        space, embedding=4, hidden=6, layers=2, width=5, dropout=0.1, generator=generator
    )


def loss_of(arch):
    return 10.0 + 5 * float(np.sum(np.array(arch) == 3))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm_step(lstm, x, state, cell):
    weights = {name: tensor.detach().numpy() for name, tensor in lstm.named_parameters()}
    gates = weights["weight_ih_l0"] @ x + weights["bias_ih_l0"]
    gates += weights["weight_hh_l0"] @ state + weights["bias_hh_l0"]
    added, kept, new, shown = np.split(gates, 4)
    cell = sigmoid(kept) * cell + sigmoid(added) * np.tanh(new)
    return sigmoid(shown) * np.tanh(cell), cell


def unit(vector):
    return vector / np.linalg.norm(vector)


def plain(net, space, arch):
    """Code, prediction and cross-entropy of an architecture, one number after the other."""
    w = {name: tensor.detach().numpy() for name, tensor in net.named_parameters()}
    offsets = np.cumsum([0, *space.options])
    state = cell = np.zeros(6)
    code = []
    for place, option in enumerate(arch):
        x = w["read.weight"][offsets[place] + option]
        state, cell = lstm_step(net.encoder, x, state, cell)
        code.append(unit(state))
    code = np.array(code)
    hidden = unit(code.mean(0))
    for i in range(2):
        hidden = np.maximum(w[f"inner.{i}.weight"] @ hidden + w[f"inner.{i}.bias"], 0)
    predicted = sigmoid(w["last.weight"] @ hidden + w["last.bias"])[0]
    state, cell, before, entropies = code[-1], np.zeros(6), offsets[-1], []
    for place, option in enumerate(arch):
        state, cell = lstm_step(net.decoder, w["before.weight"][before], state, cell)
        scores = code @ (w["attention.weight"] @ state)
        weights = np.exp(scores) / np.exp(scores).sum()
        both = np.concatenate([state, weights @ code])
        logits = w["logits.weight"] @ np.tanh(w["combine.weight"] @ both) + w["logits.bias"]
        own = logits[offsets[place] : offsets[place + 1]]
        entropies.append(math.log(np.exp(own).sum()) - own[option])
        before = offsets[place] + option  # the true option, whatever was more probable
    return code, predicted, np.mean(entropies)


def test_code_prediction_and_teacher_forcing_are_as_written_out():
    space, archs = Layers(), [(1, 2, 3), (0, 3, 0), (1, 0, 1)]
    net = network(space)
    code = net.encode(net.tokens(archs))
    predicted = net.predict(code, None)
    for i, arch in enumerate(archs):
        own_code, own_prediction, own_entropy = plain(net, space, arch)
        assert code[i].detach().numpy() == pytest.approx(own_code, rel=1e-10)
        assert predicted[i].item() == pytest.approx(own_prediction, rel=1e-10)
        entropy = net.cross_entropy(code[i : i + 1], net.tokens([arch]))
        assert entropy.item() == pytest.approx(own_entropy, rel=1e-10)
    entropies = [plain(net, space, arch)[2] for arch in archs]
    errors = [(plain(net, space, arch)[1] - y) ** 2 for arch, y in zip(archs, (0, 1, 0.3))]  # noqa: B905
    targets = torch.tensor([0.0, 1.0, 0.3]).double()
    joint = made(space, **SMALL).loss(net, net.tokens(archs), targets, None)
    assert joint.item() == pytest.approx(0.8 * np.mean(errors) + 0.2 * np.mean(entropies))


def test_a_step_against_the_gradient_lowers_the_predicted_loss():
    space = NB201()
    net, search = network(space), made()
    archs = [space.sample(search.rng) for _ in range(20)]
    code = net.encode(net.tokens(archs)).detach()
    stepped = []
    net.decode = lambda moved: stepped.append(moved) or [(0,) * 6] * len(moved)
    search.seen[(0,) * 6] = None
    assert search.moved(net, archs, 5) == []
    assert len(stepped) == 50
    before, after = net.predict(code, None), net.predict(stepped[0], None)
    assert (after < before).all()
    lengths = [(moved - code).norm().item() for moved in stepped]
    assert lengths == pytest.approx([lengths[0] * eta for eta in range(1, 51)])
    # the derivative by differences
    shift = torch.zeros_like(code)
    shift[3, 2, 1] = 1e-6
    slope = (net.predict(code + shift, None) - net.predict(code - shift, None)).sum() / 2e-6
    assert (code - stepped[0])[3, 2, 1].item() == pytest.approx(slope.item(), rel=1e-4)


@pytest.mark.parametrize("space", [Layers(), Unlike()])
def test_only_legal_architectures_are_decoded(space):
    for seed in range(10):
        net = network(space, seed)
        code = torch.randn(20, 3, 6, generator=torch.Generator().manual_seed(seed)).double()
        assert all(arch in space for arch in net.decode(code))


def test_decoding_is_greedy():
    space = NB201()
    net = network(space)
    archs = [(0, 1, 2, 3, 4, 0), (4, 4, 1, 0, 0, 2)]
    code = net.encode(net.tokens(archs))
    for i, arch in enumerate(net.decode(code)):
        entropies = []
        for option in range(5):  # of the last decision
            tokens = net.tokens([(*arch[:5], option)])
            entropies.append(net.cross_entropy(code[i : i + 1], tokens).item())
        assert int(np.argmin(entropies)) == arch[5]


def test_training_reconstructs_and_ranks():
    search = made(epochs=50, hidden=24, width=32, learning_rate=0.01)
    archs = [search.space.sample(search.rng) for _ in range(80)]
    for trial, arch in enumerate(archs[:60]):
        tell(search, arch, loss_of(arch), trial)
    net = search.trained()
    with torch.no_grad():
        code = net.encode(net.tokens(archs))
        predicted = net.predict(code, None).numpy()
    assert np.mean(np.array(net.decode(code)[:60]) == np.array(archs[:60])) > 0.9
    truth = [loss_of(arch) for arch in archs[60:]]
    assert np.corrcoef(predicted[60:], truth)[0, 1] > 0.7


def test_small_steps_come_first_and_random_ones_fill_the_batch(monkeypatch):
    found = [(1,) * 6, (2,) * 6]
    monkeypatch.setattr(NAO, "moved", lambda *_: list(found))
    search = made(initial=5, batch=6, **SMALL)
    archs = drive(search, loss_of, 11)
    assert archs[5:7] == found
    assert len(set(archs)) == 11
    assert search.fallbacks == 4


def test_the_whole_space_is_found_in_the_end():
    search = made(Unlike(), initial=3, batch=2, **SMALL)
    assert len(set(drive(search, rugged, 30))) == 9


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"trade_off": 1.0}, "trade_off = 1.0 must be between 0 and 1"),
        ({"dropout": 1.0}, "dropout = 1.0 must be in"),
        ({"clip_norm": 0.0}, "clip_norm = 0.0 must be positive"),
        ({"parents": 0}, "parents = 0 must be at least 1"),
    ],
)
def test_impossible_hyperparameters_are_refused(changes, message):
    with pytest.raises(InvalidArgumentError, match=message):
        made(**changes)
