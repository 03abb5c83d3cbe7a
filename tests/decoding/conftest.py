"""The two models that decoding is tried on: one whose law is known, and an LSTM."""

import pytest
from markov import make_chain, make_lstm


@pytest.fixture(scope="module")
def chain():
    return make_chain()


@pytest.fixture(scope="module")
def lstm():
    return make_lstm()
