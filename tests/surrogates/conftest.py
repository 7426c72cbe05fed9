import pytest

from surrogates.fit import fit


@pytest.fixture(scope="session")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("surrogates")


@pytest.fixture(scope="session")
def digits(home):
    """Curves of validation and test accuracy, and seconds."""
    return fit("lite201-digits", home, regressor="linear", train=600, searches=3)


@pytest.fixture(scope="session")
def published(home):
    """One number an architecture."""
    return fit("nb201-cifar10", home, regressor="random_forest", train=600, searches=0)
