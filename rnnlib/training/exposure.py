"""Training on any prefixes: those of true texts, the model's own, or both mixed.

Two things can be chosen, and are confounded wherever there is no oracle: which prefixes a model
reads, and what it is told to say behind them. Maximum likelihood, scheduled sampling, input noise,
DAgger and on-policy distillation are settings of the two.

A source is anything with `vocabulary_size`, `text(key, length)` and `log_law(tokens[T]) -> [T, V]`,
the true law of the next token behind any prefix, such as `tasks.hidden_markov`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rnnlib.models.batches import read_batch

LABELS, COINS = ("text", "drawn", "law"), ("token", "text")


class Step(NamedTuple):
    """What a training step begins with: a key, and the share of own tokens at this step."""

    key: jax.Array
    own: jax.Array  # [], in 0 .. 1


def schedule(own: float | Sequence[float] | np.ndarray, steps: int) -> Callable[..., Step]:
    """Make the sampler for `fit`: (key, step) -> Step, with own[step] if `own` is a schedule.

    Shapes: own[] or own[steps], in 0 .. 1.
    Raises: ValueError (a share outside of 0 .. 1, a schedule for another number of steps).
    """
    shares = np.asarray(own, np.float32)
    if shares.shape not in [(), (steps,)]:  # JAX would repeat the last one, and say nothing
        raise ValueError(
            f"own must be one share or one for each of {steps} steps, got shape {shares.shape}"
        )
    check_share("own", shares)
    each = jnp.broadcast_to(jnp.asarray(shares), (steps,))
    return lambda key, step: Step(key, each[step])


@dataclass(frozen=True)
class Exposure:
    """Score a model on prefixes that are true, its own, or mixed, by labels of either kind.

    The prefix r_1 .. r_T is read instead of a true text x_1 .. x_{T+1}, with r_1 = x_1 and then

        r_t = w_t ~ p(· | r_1 .. r_{t-1})    where the coin of t falls on own, with probability own
              u_t ~ uniform                  else, with probability noise
              x_t                            else

        loss = -(1/T) Σ_t Σ_v target_t(v) ln p(v | r_1 .. r_t)

    The target is one token in `labels="text"`, x_{t+1}, the text's next one, whatever was read; and
    in "drawn", y_t ~ o(· | r_1 .. r_t), drawn from the true law behind what *was* read. In "law" it
    is that law, o itself. No gradient goes through what is read.

    With `coin="text"` one coin decides on all of a text, and of a batch exactly the share `own` (to
    a whole number of texts) is the model's. So

        maximum likelihood         own 0, labels "text"
        scheduled sampling         own rises from step to step, labels "text"
        on-policy distillation     own 1, labels "law"; by samples: "drawn"
        half true, half own        own 0.5, coin "text", labels "drawn" or "law"

    Every step costs batch · length predictions, whatever the setting.

    Raises: ValueError (another kind of label or coin, a noise outside of 0 .. 1, a size under 1).
    Reference: Bengio et al. (2015), "Scheduled sampling for sequence prediction with recurrent
    neural networks"; Ross, Gordon and Bagnell (2011), "A reduction of imitation learning and
    structured prediction to no-regret online learning" (own prefixes, the expert's labels);
    Agarwal et al. (2024), "On-policy distillation of language models". See lesson 09.
    """

    labels: str = "text"
    coin: str = "token"
    noise: float = 0.0
    batch: int = 32
    length: int = 96

    def __post_init__(self):
        for name, value, known in (("labels", self.labels, LABELS), ("coin", self.coin, COINS)):
            if value not in known:
                raise ValueError(f"{name} must be one of {', '.join(known)}, got {value!r}")
        check_share("noise", self.noise)
        if min(self.batch, self.length) < 1:
            raise ValueError(f"batch and length must be >= 1, got {self.batch}, {self.length}")

    def __call__(self, source: Any, model: Any, step: Step) -> jax.Array:
        """Return the loss of one batch, in nats per token.

        Raises: ValueError (a model of another vocabulary than the source's).
        """
        if source.vocabulary_size != model.vocabulary_size:
            raise ValueError(
                f"the source has {source.vocabulary_size} tokens, and the model "
                f"{model.vocabulary_size}: the law of one says nothing of the other's"
            )
        for_texts, for_reading, for_labels = jax.random.split(step.key, 3)
        write = lambda key: source.text(key, self.length + 1)  # noqa: E731
        texts = jax.vmap(write)(jax.random.split(for_texts, self.batch))
        read = self.read(model, texts[:, :-1], step._replace(key=for_reading))
        targets = self.targets(source, texts, read, for_labels)
        log_p = jax.nn.log_softmax(read_batch(model, read))
        return -jnp.sum(targets * log_p, axis=-1).mean()

    def read(self, model: Any, texts: jax.Array, step: Step) -> jax.Array:
        """Return what is read in place of true texts: texts[B, T] -> [B, T]."""
        (count, length), size = texts.shape, model.vocabulary_size
        for_coin, for_noise, for_token, for_own = jax.random.split(step.key, 4)
        coins = jax.random.uniform(for_coin, texts.shape)
        if self.coin == "text":  # no chance in how many: the share of a batch is what was asked
            coins = jnp.broadcast_to((jnp.arange(count)[:, None] + 0.5) / count, texts.shape)
        noisy = jax.random.bernoulli(for_noise, self.noise, texts.shape)
        others = jnp.where(noisy, jax.random.randint(for_token, texts.shape, 0, size), texts)
        gumbel = jax.random.gumbel(for_own, (count, length, size))  # at once: keys are slow
        frozen = jax.lax.stop_gradient(model)

        def one(text: jax.Array, other: jax.Array, own: jax.Array, gumbel: jax.Array) -> jax.Array:
            def read_one(carry: tuple, now: tuple) -> tuple[tuple, jax.Array]:
                state, logits = carry
                other, own, gumbel = now
                token = jnp.where(own, jnp.argmax(logits + gumbel).astype(other.dtype), other)
                return frozen.step(state, token), token

            rest = (other[1:], own[1:], gumbel[1:])
            tokens = jax.lax.scan(read_one, frozen.prefill(text[:1]), rest)[1]
            return jnp.concatenate([text[:1], tokens])

        return jax.vmap(one)(texts, others, coins < step.own, gumbel)

    def targets(self, source: Any, texts: jax.Array, read: jax.Array, key: jax.Array) -> jax.Array:
        """Return the law that the model is told to say: texts[B, T + 1], read[B, T] -> [B, T, V].

        A label that is one token is a law, too: all of it on that token.
        """
        if self.labels == "text":
            return jax.nn.one_hot(texts[:, 1:], source.vocabulary_size)
        law = jax.vmap(source.log_law)(read)  # behind what was read, not behind the text
        if self.labels == "law":
            return jnp.exp(law)
        return jax.nn.one_hot(jax.random.categorical(key, law), source.vocabulary_size)


def check_share(name: str, share: Any) -> None:
    """Raise ValueError unless all of the shares lie in 0 .. 1."""
    values = np.asarray(share)
    if not ((values >= 0) & (values <= 1)).all():
        raise ValueError(f"{name} must be in 0 .. 1, got {values.min()} to {values.max()}")
