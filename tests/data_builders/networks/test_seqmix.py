"""Networks of the space ``seqmix``: composition, costs, initial values."""

from itertools import product

import numpy as np
import pytest
import torch
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from data_builders.network import Network
from data_builders.networks.mixers import MIXERS
from data_builders.networks.seqmix import SeqMixNetwork
from data_builders.training.initial_values import initialise
from nasbench.errors import InvalidArgumentError
from nasbench.spaces.seqmix import SeqMix

SPACE = SeqMix()
CLASSES = [arch for arch in SPACE.archs() if SPACE.canonical(arch) == arch]
SIZES = {"width": 16, "heads": 2, "vocabulary": 11, "length": 12}
NAMES = SPACE.decisions[0].labels
ARCHS = [(0, 0, 0, 0), *((option, 0, 0, 0) for option in range(1, 7)), (4, 1, 5, 6), (2, 3, 3, 1)]

pytestmark = pytest.mark.usefixtures("one_thread")


def network(arch, seed=0, **sizes):
    made = SeqMixNetwork(arch, **(SIZES | sizes)).double()
    initialise(made, arch, seed)
    return made


def sequences(n=3, length=12):
    return torch.randint(11, (n, length), generator=torch.Generator().manual_seed(0))


def test_the_network_is_one_of_the_space():
    assert SeqMixNetwork.space == SPACE.name


@pytest.mark.parametrize("arch", ARCHS, ids=SPACE.to_text)
def test_forward_pass_is_the_composition(arch):
    made, tokens = network(arch), sequences()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for value in made.parameters():
            if value.dim() == 1:  # scales and biases have usual values
                noise = torch.rand(value.shape, generator=generator, dtype=torch.float64)
                value.add_(noise - 0.5)
    state = made.state_dict()

    def norm(x, name):
        centred = x - x.mean(dim=-1, keepdim=True)
        return centred / (centred.square().mean(dim=-1, keepdim=True) + 1e-5).sqrt() * state[name]

    x = 4.0 * state["embedding.weight"][tokens]
    for i, option in enumerate(option for option in arch if option):
        mixer = MIXERS[NAMES[option]](16, 2, 12).double()
        prefix = f"blocks.{i}.mixer."
        own = {name.removeprefix(prefix): state[name] for name in state if name.startswith(prefix)}
        mixer.load_state_dict(own)
        x = x + mixer(norm(x, f"blocks.{i}.norm.weight"))
    expected = norm(x, "norm.weight") @ state["head.weight"].T
    torch.testing.assert_close(made(tokens), expected, rtol=0, atol=1e-12)


def test_an_answer_depends_on_no_later_token():
    for arch in ARCHS[1:]:
        made, tokens = network(arch), sequences()
        for t in (0, 5, 11):
            other = tokens.clone()
            other[:, t] = (other[:, t] + 1) % 11
            same = (made(other) == made(tokens)).all(dim=2).all(dim=0)
            assert same[:t].all()
            assert not same[t]


def test_members_of_a_class_are_one_network_as_built():
    for arch in ((0, 4, 0, 1), (4, 0, 1, 0), (0, 0, 4, 1)):
        canonical = SPACE.canonical(arch)
        a, b = SeqMixNetwork(arch, **SIZES), SeqMixNetwork(canonical, **SIZES)
        for made in (a, b):
            initialise(made, canonical, 3)
        assert torch.equal(a(sequences()), b(sequences()))


def test_all_train_the_one_without_layers_too():
    assert all(SeqMixNetwork.trains(arch) for arch in CLASSES)
    made = network((0, 0, 0, 0))
    logits = made(sequences())
    gradients = torch.autograd.grad(
        F.cross_entropy(logits.flatten(0, 1), sequences().flatten()), list(made.parameters())
    )
    assert all(gradient.any() for gradient in gradients)


@pytest.mark.parametrize("option", range(1, 7))
def test_every_parameter_has_a_gradient_and_a_shorter_sequence_will_do(option):
    made, tokens = network((option,) * 4), sequences(length=3)
    logits = made(tokens)
    assert logits.shape == (3, 3, 11)
    loss = F.cross_entropy(logits.flatten(0, 1), tokens.flatten())
    gradients = torch.autograd.grad(loss, list(made.parameters()))
    assert all(gradient.any() for gradient in gradients)


def test_signals_have_about_unit_size_at_the_beginning():
    for arch in ARCHS:
        made = network(arch, width=32)
        with torch.no_grad():
            logits = made(sequences(64))
        assert 0.3 < logits.std() < 1.2, (arch, logits.std())


@pytest.mark.parametrize("arch", ARCHS, ids=SPACE.to_text)
def test_parameters_are_those_of_the_module(arch):
    for sizes in (SIZES, {"width": 48, "heads": 4, "vocabulary": 5, "length": 33}):
        numbers = SeqMixNetwork.arch_numbers(arch, **sizes)
        made = SeqMixNetwork(arch, **sizes)
        assert numbers["parameters"] == sum(p.numel() for p in made.parameters())


@pytest.mark.parametrize("name", MIXERS)
def test_products_with_weights_are_those_that_pytorch_counts(name):
    """What tokens do to each other is counted in loops by tests of the mixers."""
    arch = (NAMES.index(name), 0, 0, 0)
    hidden, length = {"attention": 78, "window_attention": 68}, 12
    own = {
        **{which: 2 * pairs * 16 for which, pairs in hidden.items()},
        "linear_attention": 2 * 12 * 16 * 16 // 4,
        "gated_convolution": 4 * 16 * 12,
        "gated_recurrence": 16 * 12,
        "mlp": 0,
    }
    dense = {"attention": 2, "window_attention": 2, "linear_attention": 1.5}  # with hidden tokens
    with FlopCounterMode(display=False) as counter:
        SeqMixNetwork(arch, **SIZES)(sequences(1))
    executed = counter.get_total_flops() // 2 - int(dense.get(name, 0) * length * length * 16)
    assert SeqMixNetwork.arch_numbers(arch, **SIZES)["macs"] == executed + own[name]


def test_costs_are_linear_in_the_terms_of_the_fit():
    def costs(arch):
        return np.array(list(SeqMixNetwork.arch_numbers(arch, **SIZES).values()))

    constant = costs((0, 0, 0, 0))
    of_term = [constant, *(costs((option, 0, 0, 0)) - constant for option in range(1, 7))]
    for arch in product(range(7), repeat=4):
        amounts = SeqMixNetwork.cost_terms(arch).values()
        expected = sum(n * cost for n, cost in zip(amounts, of_term, strict=True))
        assert (costs(arch) == expected).all()


def test_cost_terms_count_layers():
    assert SeqMixNetwork.cost_terms((1, 0, 5, 1)) == {
        "network": 1.0,
        "attention": 2.0,
        "window_attention": 0.0,
        "linear_attention": 0.0,
        "gated_convolution": 0.0,
        "gated_recurrence": 1.0,
        "mlp": 0.0,
    }


def test_numbers_of_an_architecture_are_the_described_ones_and_those_of_its_class():
    kind: type[Network] = SeqMixNetwork
    for arch in ((0, 4, 0, 1), (1, 2, 3, 6)):
        numbers = kind.arch_numbers(arch, **SIZES)
        assert list(numbers) == list(kind.arch_columns)
        assert numbers == kind.arch_numbers(SPACE.canonical(arch), **SIZES)


def test_attention_keeps_most_and_costs_most():
    sizes = {"width": 32, "heads": 2, "vocabulary": 33, "length": 64}
    numbers = [SeqMixNetwork.arch_numbers((o, 0, 0, 0), **sizes) for o in range(7)]
    state = [n["state_bytes"] for n in numbers]
    assert state == [0, 4 * 2 * 64 * 32, 4 * 2 * 7 * 32, 4 * 32 * 8, 4 * 3 * 32, 4 * 32, 0]
    macs = [n["macs"] for n in numbers]
    assert max(macs) == macs[1]


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"width": 20}, "width = 20 .* heads = 2.* a multiple of 8"),
        ({"heads": 0}, "heads = 0"),
        ({"width": 0}, "width = 0"),
        ({"length": 8}, "length = 8 .* more than 8, the window"),
    ],
)
def test_impossible_sizes_are_refused(sizes, message):
    with pytest.raises(InvalidArgumentError, match=message):
        SeqMixNetwork((1, 0, 0, 0), **(SIZES | sizes))
    with pytest.raises(InvalidArgumentError, match=message):
        SeqMixNetwork.arch_numbers((1, 0, 0, 0), **(SIZES | sizes))
