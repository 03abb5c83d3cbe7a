"""The three orders of a linear recurrence: a Python loop in double precision is the oracle."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rnnlib.models.scans import associative, chain, chunked, sequential


def in_chunks(chunk):
    return lambda a, b, **start: chunked(a, b, chunk, **start)


ORDERS = {
    "sequential": sequential,
    "associative": associative,
    **{f"chunks of {chunk}": in_chunks(chunk) for chunk in (1, 4, 100)},
}
H = 3


@pytest.fixture(params=ORDERS.values(), ids=ORDERS.keys())
def order(request):
    return request.param


def problem(length, shape=(H,)):
    """Draw a[T, ...] in (-1, 1), b[T, ...], h_0[...]."""
    keys = jax.random.split(jax.random.key(length), 3)
    a = jax.random.uniform(keys[0], (length, *shape), minval=-1)
    return a, jax.random.normal(keys[1], (length, *shape)), jax.random.normal(keys[2], shape)


def looped(a, b, h):
    """All states, by the definition, in NumPy and double precision."""
    a, b, h = (np.asarray(values, np.float64) for values in (a, b, h))
    states = []
    for a_t, b_t in zip(a, b, strict=True):
        h = a_t * h + b_t
        states.append(h)
    return np.array(states)


def back(a, b, h_0, mix):
    """Gradients of sum(mix * h) by a, b and h_0, in a Python loop backwards through time."""
    a, mix = np.asarray(a, np.float64), np.asarray(mix, np.float64)
    before = np.concatenate([np.asarray(h_0, np.float64)[None], looped(a, b, h_0)[:-1]])
    by_a, by_b, by_h = np.zeros(a.shape), np.zeros(a.shape), np.zeros(a.shape[1:])
    for t in reversed(range(len(a))):
        by_h = by_h + mix[t]
        by_a[t], by_b[t] = by_h * before[t], by_h
        by_h = by_h * a[t]
    return by_a, by_b, by_h


@pytest.mark.parametrize("length", [1, 2, 8, 13])
def test_every_order_is_the_loop_in_values_and_gradients(order, length):
    a, b, h_0 = problem(length)
    mix = jax.random.normal(jax.random.key(99), a.shape)

    @jax.jit
    @functools.partial(jax.grad, argnums=(0, 1, 2), has_aux=True)
    def gradients_and_states(a, b, h_0):
        h = order(a, b, h_0=h_0)
        return (mix * h).sum(), h

    gradients, h = gradients_and_states(a, b, h_0)
    np.testing.assert_allclose(h, looped(a, b, h_0), atol=1e-5)
    for ours, expected in zip(gradients, back(a, b, h_0, mix), strict=True):
        np.testing.assert_allclose(ours, expected, atol=2e-5)


def test_it_starts_from_0(order):
    a, b, h_0 = problem(13)
    np.testing.assert_allclose(order(a, b), looped(a, b, 0 * h_0), atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(), (2, 4)])
def test_a_state_may_have_any_shape(order, shape):
    a, b, h_0 = problem(7, shape)
    np.testing.assert_allclose(order(a, b, h_0=h_0), looped(a, b, h_0), atol=1e-5)


@pytest.mark.slow
def test_a_batch_is_a_vmap(order):
    a, b, h_0 = problem(7, (2, H))
    batch = jax.jit(jax.vmap(order, in_axes=1, out_axes=1))(a, b)
    np.testing.assert_allclose(batch, looped(a, b, 0 * h_0), atol=1e-5)


@pytest.mark.slow
def test_products_that_underflow_do_no_harm(order):
    """0.01^1000 is 0 in float32, and dividing by it would be the end."""
    _, b, _ = problem(1000)
    a = jnp.full(b.shape, 0.01)
    np.testing.assert_allclose(order(a, b), looped(a, b, np.zeros(H)), atol=1e-5)
    assert np.isfinite(jax.jit(jax.grad(lambda a: order(a, b).sum()))(a)).all()


def test_the_future_does_not_reach_the_past(order):
    a, b, _ = problem(13)
    before, after = order(a, b), order(a.at[11].add(1.0), b.at[11].add(1.0))
    np.testing.assert_array_equal(before[:11], after[:11])
    assert np.abs(before[11] - after[11]).min() > 0.1


def test_two_steps_are_chained_in_their_order():
    a, b = chain((2.0, 3.0), (5.0, 7.0))
    assert (a, b) == (10, 22)  # 5 (2 h + 3) + 7


def equations(order, length, name):
    """The equations of one kind in the program that JAX makes of an order, at one number a step."""
    a, b, _ = problem(length, ())
    return [e for e in jax.make_jaxpr(order)(a, b).eqns if e.primitive.name == name]


@pytest.mark.parametrize("log_length", [1, 2, 5, 10])
def test_the_work_and_the_rounds_of_the_tree(log_length):
    """Each chaining multiplies twice; one more product takes in h_0."""
    length = 2**log_length
    sizes = [e.outvars[0].aval.size for e in equations(associative, length, "mul")]
    chained = [size for size in sizes if size][1:]
    assert sizes[0] == 1
    assert sum(chained) / 2 == 2 * length - 2 - log_length
    assert len(chained) / 2 == 2 * log_length - 1


def test_chunks_trade_steps_within_for_steps_between():
    scans = [e.params["length"] for e in equations(in_chunks(8), 1000, "scan")]
    assert scans == [8, 125]
    assert [e.params["length"] for e in equations(sequential, 1000, "scan")] == [1000]


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        ((5, 3), (5, 2), r"both be \[T, ...\] with T >= 1, got \(5, 3\) and \(5, 2\)"),
        ((3,), (5, 3), r"got \(3,\) and \(5, 3\)"),
        ((0, 3), (0, 3), r"got \(0, 3\) and \(0, 3\)"),
        ((), (), r"got \(\) and \(\)"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(order, a, b, message):
    with pytest.raises(ValueError, match=message):
        order(jnp.ones(a), jnp.ones(b))


def test_a_start_or_chunk_that_does_not_fit_is_refused(order):
    with pytest.raises(ValueError, match=r"h_0 must be \(3,\), as a step .* is, got \(1,\)"):
        order(jnp.ones((5, 3)), jnp.ones((5, 3)), h_0=jnp.ones(1))
    for chunk in (0, 2.0):
        with pytest.raises(ValueError, match=f"a whole number of steps >= 1, got {chunk}"):
            chunked(jnp.ones((5, 3)), jnp.ones((5, 3)), chunk)
