"""Training on any prefixes: those of true texts, the model's own, or both mixed.

Two things can be chosen, and are confounded wherever there is no oracle: which prefixes a model
reads, and what it is told to say behind them. Maximum likelihood, scheduled sampling, input noise,
DAgger and on-policy distillation are settings of the two.

A source is anything with `vocabulary_size`, `text(key, length)` and `log_law(tokens[T]) -> [T, V]`,
the true law of the next token behind any prefix, such as `tasks.hidden_markov`.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rnnlib.models.batches import read_batch

LABELS, COINS = ("text", "drawn", "law"), ("token", "text")


class Exposure(NamedTuple):
    """What a model reads in training, and what it is told; made by `exposure`.

    The prefix r_1 .. r_T is read instead of a true text x_1 .. x_{T+1}, with r_1 = x_1 and then

        r_t = w_t ~ p(· | r_1 .. r_{t-1})    where the coin of t falls on own: probability own[step]
              u_t ~ uniform                  else, with probability noise
              x_t                            else

        loss = -(1/T) Σ_t Σ_v target_t(v) ln p(v | r_1 .. r_t)

    The target is one token with labels "text", x_{t+1}, the text's next one, whatever was read; and
    with "drawn", y_t ~ o(· | r_1 .. r_t), drawn from the true law behind what *was* read. With
    "law" it is that law, o itself. No gradient goes through what is read.

    With a coin for each text, of a batch exactly the share own[step] (to a whole number of texts)
    is the model's. So

        maximum likelihood         own 0, labels "text"
        scheduled sampling         own rises from step to step, labels "text"
        on-policy distillation     own 1, labels "law"; by samples: "drawn"
        half true, half own        own 0.5, coin "text", labels "drawn" or "law"

    All are numbers, so that one program trains under each of them, and a student can carry its own.
    Every step costs batch · length predictions, whatever the setting.

    Reference: Bengio et al. (2015), "Scheduled sampling for sequence prediction with recurrent
    neural networks"; Ross, Gordon and Bagnell (2011), "A reduction of imitation learning and
    structured prediction to no-regret online learning" (own prefixes, the expert's labels);
    Agarwal et al. (2024), "On-policy distillation of language models". See lesson 09.
    """

    own: jax.Array  # [steps], in 0 .. 1
    told: jax.Array  # [3]: 1 for the kind of label, as in LABELS
    whole: jax.Array  # []: 1 for a coin for each text
    noise: jax.Array  # [], in 0 .. 1

    def loss(
        self, source: Any, model: Any, key: jax.Array, step: jax.Array, *,
        batch: int = 32, length: int = 96,
    ) -> jax.Array:  # fmt: skip
        """Return the loss of the batch of a step, counted from 0, in nats per token.

        Only the model learns: a source that travels with it needs `jax.lax.stop_gradient`.

        Raises: ValueError (a model of another vocabulary than the source's, a size under 1).
        """
        if source.vocabulary_size != model.vocabulary_size:
            raise ValueError(
                f"the source has {source.vocabulary_size} tokens, and the model "
                f"{model.vocabulary_size}: the law of one says nothing of the other's"
            )
        if min(batch, length) < 1:
            raise ValueError(f"batch and length must be >= 1, got {batch} and {length}")
        for_texts, for_reading, for_labels = jax.random.split(key, 3)
        write = lambda key: source.text(key, length + 1)  # noqa: E731
        texts = jax.vmap(write)(jax.random.split(for_texts, batch))
        read = self.read(model, texts[:, :-1], for_reading, step)
        targets = self.targets(source, texts, read, for_labels)
        log_p = jax.nn.log_softmax(read_batch(model, read))
        return -jnp.sum(targets * log_p, axis=-1).mean()

    def read(self, model: Any, texts: jax.Array, key: jax.Array, step: jax.Array) -> jax.Array:
        """Return what is read in place of true texts: texts[B, T] -> [B, T]."""
        (count, length), size = texts.shape, model.vocabulary_size
        for_coin, for_noise, for_token, for_own = jax.random.split(key, 4)
        # A coin for each text is none: the share of a batch is what was asked, without chance.
        rows = (jnp.arange(count)[:, None] + 0.5) / count
        coins = jnp.where(self.whole > 0, rows, jax.random.uniform(for_coin, texts.shape))
        noisy = jax.random.uniform(for_noise, texts.shape) < self.noise
        others = jnp.where(noisy, jax.random.randint(for_token, texts.shape, 0, size), texts)
        gumbel = jax.random.gumbel(for_own, (count, length, size))  # at once: keys are slow
        frozen = jax.lax.stop_gradient(model)

        def one(text: jax.Array, other: jax.Array, own: jax.Array, gumbel: jax.Array) -> jax.Array:
            def write(carry: Any, now: Any) -> tuple[Any, Any]:
                state, logits = carry
                other, own, gumbel = now
                token = jnp.where(own, jnp.argmax(logits + gumbel).astype(other.dtype), other)
                return frozen.step(state, token), token

            rest = (other[1:], own[1:], gumbel[1:])
            tokens = jax.lax.scan(write, frozen.prefill(text[:1]), rest)[1]
            return jnp.concatenate([text[:1], tokens])

        return jax.vmap(one)(texts, others, coins < self.own[step], gumbel)

    def targets(self, source: Any, texts: jax.Array, read: jax.Array, key: jax.Array) -> jax.Array:
        """Return the law that the model is told to say: texts[B, T + 1], read[B, T] -> [B, T, V].

        A label that is one token is a law, too: all of it on that token.
        """
        size = source.vocabulary_size
        law = jax.vmap(source.log_law)(read)  # behind what was read, not behind the text
        drawn = jax.random.categorical(key, law)
        kinds = jax.nn.one_hot(texts[:, 1:], size), jax.nn.one_hot(drawn, size), jnp.exp(law)
        told = jax.lax.stop_gradient(self.told)  # else training would choose its own labels
        return jnp.einsum("k,kbtv->btv", told, jnp.stack(kinds))


def exposure(
    own: float | Sequence[float] | np.ndarray,
    *,
    steps: int,
    labels: str = "text",
    coin: str = "token",
    noise: float = 0.0,
) -> Exposure:
    """Set what is read and told in so many steps of training; see `Exposure`.

    Shapes: own[] or own[steps], in 0 .. 1.
    Raises: ValueError (a share or noise outside of 0 .. 1, a schedule for another number of steps,
    another kind of label or coin).
    """
    for name, value, known in (("labels", labels, LABELS), ("coin", coin, COINS)):
        if value not in known:
            raise ValueError(f"{name} must be one of {', '.join(known)}, got {value!r}")
    shares = np.asarray(own, np.float32)
    if shares.shape not in [(), (steps,)]:  # JAX would repeat the last one, and say nothing
        raise ValueError(
            f"own must be one share or one for each of {steps} steps, got shape {shares.shape}"
        )
    for name, values in (("own", shares), ("noise", np.asarray(noise))):
        if not ((values >= 0) & (values <= 1)).all():
            raise ValueError(f"{name} must be in 0 .. 1, got {values.min()} to {values.max()}")
    schedule = jnp.broadcast_to(jnp.asarray(shares), (steps,))
    told = jnp.array([float(labels == kind) for kind in LABELS])
    return Exposure(schedule, told, jnp.float32(coin == "text"), jnp.float32(noise))
