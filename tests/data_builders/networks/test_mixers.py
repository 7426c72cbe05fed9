"""Mixers against their definitions, token by token in plain loops, which also count their work."""

import math

import numpy as np
import pytest
import torch

from data_builders.networks.mixers import MIXERS

WIDTH, HEADS, LENGTH, WINDOW, TAPS = 16, 2, 21, 8, 4

pytestmark = pytest.mark.usefixtures("one_thread")


class Loop:
    """A mixer that is given one token at a time and keeps what it needs of those before.

    Attributes:
        macs: Multiply-adds so far.
    """

    def __init__(self, state, width, heads, length):
        self.weights = {name: value.numpy() for name, value in state.items()}
        self.width, self.heads, self.length = width, heads, length
        self.macs, self.position = 0, 0
        self.begin()

    def begin(self):
        pass

    def product(self, name, x):
        return np.array([self.dot(row, x) for row in self.weights[name]])

    def dot(self, a, b):
        self.macs += len(a)
        return sum(x * y for x, y in zip(a, b, strict=True))

    def turned(self, x):
        """Pair i of every head's features turned by position * 10000 ** (-2 i / features)."""
        y = np.empty_like(x)
        for i in range(0, len(x), 2):
            angle = self.position * 10_000.0 ** (-i / len(x))
            y[i] = x[i] * math.cos(angle) - x[i + 1] * math.sin(angle)
            y[i + 1] = x[i] * math.sin(angle) + x[i + 1] * math.cos(angle)
        return y

    def step(self, x):
        y = self.token(self.product("into.weight", x))
        self.position += 1
        return self.product("out.weight", y)


class AttentionLoop(Loop):
    sight = None

    def begin(self):
        self.seen = [[] for _ in range(self.heads)]

    def token(self, projected):
        q, k, v = (part.reshape(self.heads, -1) for part in np.split(projected, 3))
        outputs = []
        for head, seen in enumerate(self.seen):
            seen.append((self.turned(k[head]), v[head]))
            if self.sight is not None:
                del seen[: -self.sight]
            query = self.turned(q[head])
            weights = [math.exp(self.dot(query, key) / math.sqrt(len(query))) for key, _ in seen]
            values = zip(*(value for _, value in seen), strict=True)
            outputs += [self.dot(weights, column) / sum(weights) for column in values]
        return np.array(outputs)

    @property
    def state(self):
        """A window's oldest token is out of sight when the next one comes."""
        kept = [seen if self.sight is None else seen[-(self.sight - 1) :] for seen in self.seen]
        return sum(len(key) + len(value) for seen in kept for key, value in seen)


class WindowLoop(AttentionLoop):
    sight = WINDOW


class LinearLoop(Loop):
    def begin(self):
        d = self.width // self.heads
        self.states = np.zeros((self.heads, d // 2, d))

    def token(self, projected):
        d = self.width
        q, k = (projected[i : i + d // 2].reshape(self.heads, -1) for i in (0, d // 2))
        v, gate = projected[d : 2 * d].reshape(self.heads, -1), projected[2 * d :]
        outputs = []
        for head, state in enumerate(self.states):
            key, query = self.turned(k[head]), self.turned(q[head])
            state *= 1 - 2.0 ** (-5 - head)
            state += np.outer(key, v[head])
            self.macs += state.size
            y = np.array([self.dot(query, column) for column in state.T]) / math.sqrt(len(query))
            outputs += ((y - y.mean()) / np.sqrt(y.var() + 1e-5)).tolist()
        return np.array(outputs) * gate / (1 + np.exp(-gate))

    @property
    def state(self):
        return self.states.size


class ConvolutionLoop(Loop):
    def begin(self):
        self.before = [np.zeros(self.width)] * (TAPS - 1)

    def token(self, projected):
        first, value, last = np.split(projected, 3)
        seen = [*self.before, first * value]
        self.before = seen[1:]
        channels = zip(self.weights["filter"], zip(*seen, strict=True), strict=True)
        return last * [self.dot(taps, channel) for taps, channel in channels]

    @property
    def state(self):
        return sum(map(len, self.before))


class RecurrenceLoop(Loop):
    def begin(self):
        self.h = np.zeros(self.width)

    def token(self, projected):
        forgetting, new, gate = np.split(projected, 3)
        tokens = 1 + (self.length - 1) * np.arange(self.width) / (self.width - 1)
        z = 1 / (1 + tokens * np.exp(-forgetting - self.weights["bias"]))
        self.h = (1 - z) * self.h + z * new
        self.macs += self.width
        return self.h * gate / (1 + np.exp(-gate))

    @property
    def state(self):
        return self.h.size


class MlpLoop(Loop):
    state = 0

    def token(self, projected):
        gate, value = np.split(projected, 2)
        return gate / (1 + np.exp(-gate)) * value


LOOPS = {
    "attention": AttentionLoop,
    "window_attention": WindowLoop,
    "linear_attention": LinearLoop,
    "gated_convolution": ConvolutionLoop,
    "gated_recurrence": RecurrenceLoop,
    "mlp": MlpLoop,
}


def disturbed(name, width=WIDTH, heads=HEADS, length=LENGTH):
    """A mixer in double precision, no parameter of which has its usual value."""
    mixer = MIXERS[name](width, heads, length).double()
    generator = torch.Generator().manual_seed(0)
    for parameter in mixer.parameters():
        values = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
        parameter.data = 0.5 * values
    return mixer.requires_grad_(False)


def tokens(*shape):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def test_every_option_with_a_layer_has_a_loop():
    assert list(LOOPS) == list(MIXERS)


@pytest.mark.parametrize("name", LOOPS)
@pytest.mark.parametrize(("heads", "width"), [(2, 16), (3, 24)])
def test_a_mixer_is_its_definition_token_by_token(name, heads, width):
    mixer = disturbed(name, width, heads)
    x = tokens(2, LENGTH, width)
    found = mixer(x)
    for sequence, outputs in zip(x, found, strict=True):
        loop = LOOPS[name](mixer.state_dict(), width, heads, LENGTH)
        expected = np.array([loop.step(token.numpy()) for token in sequence])
        np.testing.assert_allclose(outputs.numpy(), expected, rtol=0, atol=1e-11)
        cost = mixer.cost(width, heads, LENGTH)
        assert (cost.macs, cost.state) == (loop.macs, loop.state)
        assert cost.parameters == sum(p.numel() for p in mixer.parameters())


@pytest.mark.parametrize("name", MIXERS)
def test_shorter_sequences_are_the_beginning_of_longer_ones(name):
    mixer, x = disturbed(name), tokens(3, LENGTH, WIDTH)
    for length in (1, 7, LENGTH - 1):
        torch.testing.assert_close(mixer(x[:, :length]), mixer(x)[:, :length], rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", MIXERS)
def test_leading_dimensions_may_be_several_or_none(name):
    mixer, x = disturbed(name), tokens(2, 3, LENGTH, WIDTH)
    found = mixer(x)
    assert found.shape == x.shape
    for i in range(2):
        torch.testing.assert_close(mixer(x[i]), found[i], rtol=0, atol=1e-12)
    torch.testing.assert_close(mixer(x[1, 2]), found[1, 2], rtol=0, atol=1e-12)


REACH = {"attention": LENGTH, "window_attention": 8, "linear_attention": LENGTH}
REACH |= {"gated_convolution": 4, "gated_recurrence": LENGTH, "mlp": 1}


@pytest.mark.parametrize("name", MIXERS)
def test_a_token_changes_what_follows_as_far_as_the_mixer_reaches_and_nothing_before(name):
    mixer, x = disturbed(name), tokens(LENGTH, WIDTH)
    before = mixer(x)
    for t in range(LENGTH):
        other = x.clone()
        other[t] += 1
        changed = (mixer(other) != before).any(dim=1).tolist()
        assert changed == [t <= place < t + REACH[name] for place in range(LENGTH)]


@pytest.mark.parametrize("name", MIXERS)
def test_single_precision_is_close_to_double(name):
    mixer, x = disturbed(name), tokens(4, LENGTH, WIDTH)
    expected = mixer(x)
    torch.testing.assert_close(mixer.float()(x.float()).double(), expected, rtol=0, atol=1e-3)


@pytest.mark.parametrize("name", MIXERS)
@pytest.mark.parametrize("width", [32, 48, 64, 128])
def test_mixers_have_about_equally_many_parameters(name, width):
    cost = MIXERS[name].cost(width, 2, 64)
    assert abs(cost.parameters / (4 * width**2) - 1) < 0.05


def test_memories_begin_at_one_to_all_tokens():
    mixer = MIXERS["gated_recurrence"](4, 1, 64)
    torch.testing.assert_close(
        mixer.memory.exp(), torch.tensor([1.0, 22.0, 43.0, 64.0], dtype=torch.float64)
    )
    kept = torch.sigmoid(mixer.memory - mixer.bias)
    torch.testing.assert_close(kept, mixer.memory.exp() / (1 + mixer.memory.exp()))
