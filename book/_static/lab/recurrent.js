// A trained LSTM in plain JavaScript: load it, step it, choose the next token, find a loop. No page in here, so that
// Node can test it against rnnlib (tests/pages/test_lab.py), and other pages can use it.
const Recurrent = (() => {
  // All float16 numbers; Float16Array is not everywhere yet.
  const HALF = Float32Array.from({ length: 65536 }, (_, bits) => {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    if (exponent === 0) return sign * fraction * 2 ** -24;
    return exponent === 31 ? NaN : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  });

  // What tools/lab.py writes -> a model. The embedding is folded into the input's product: a row for each token.
  const load = ({ vocabulary, hidden: H, weights }) => {
    const bytes = Uint8Array.from(atob(weights), (byte) => byte.charCodeAt(0));
    const halves = new Uint16Array(bytes.buffer);
    const V = vocabulary.length;
    let at = 0;
    const take = (count) => Float32Array.from(halves.subarray(at, (at += count)), (bits) => HALF[bits]);
    const model = { vocabulary, V, H, table: take(V * 4 * H), recurrent: take(H * 4 * H), readout: take(H * V) };
    model.bias = take(V);
    if (at !== halves.length) throw new Error("the weights have another size than the model");
    return model;
  };

  const start = ({ V, H }) => ({
    h: new Float32Array(H),
    c: new Float32Array(H),
    gates: new Float32Array(4 * H), // input, forget, candidate, output
    logits: new Float32Array(V),
  });

  const sigmoid = (x) => 1 / (1 + Math.exp(-x));

  // Read one token: changes the state, and returns the logits of the next one.
  const step = ({ V, H, table, recurrent, readout, bias }, state, token) => {
    const { h, c, gates, logits } = state;
    const W = 4 * H;
    gates.set(table.subarray(token * W, (token + 1) * W));
    for (let i = 0; i < H; i++) {
      const x = h[i];
      for (let j = 0, at = i * W; j < W; j++, at++) gates[j] += x * recurrent[at];
    }
    for (let k = 0; k < H; k++) {
      gates[k] = sigmoid(gates[k]);
      gates[H + k] = sigmoid(gates[H + k]);
      gates[2 * H + k] = Math.tanh(gates[2 * H + k]);
      gates[3 * H + k] = sigmoid(gates[3 * H + k]);
      c[k] = gates[H + k] * c[k] + gates[k] * gates[2 * H + k];
      h[k] = gates[3 * H + k] * Math.tanh(c[k]);
    }
    logits.set(bias);
    for (let i = 0; i < H; i++) {
      const x = h[i];
      for (let v = 0, at = i * V; v < V; v++, at++) logits[v] += x * readout[at];
    }
    return logits;
  };

  const greedy = (logits) => logits.indexOf(Math.max(...logits));

  // The distribution that a token is drawn from: rnnlib.decoding.strategies.sample says the same in Python.
  const distribution = (logits, { temperature = 1, topK = 0, topP = 1, minP = 0 }) => {
    const highest = Math.max(...logits);
    const order = [...logits.keys()].sort((a, b) => logits[b] - logits[a] || a - b);
    const sorted = order.map((v) => Math.exp((logits[v] - highest) / temperature));
    const all = sorted.reduce((sum, x) => sum + x, 0);
    const p = sorted.map((x) => x / all);
    let kept = p.map((_, rank) => !topK || rank < topK);
    const share = p.reduce((sum, x, rank) => sum + (kept[rank] ? x : 0), 0);
    let before = 0;
    kept = p.map((x, rank) => {
      const inside = kept[rank] && (topP >= 1 || before < topP) && x >= minP * p[0];
      before += kept[rank] ? x / share : 0;
      return inside;
    });
    const left = p.reduce((sum, x, rank) => sum + (kept[rank] ? x : 0), 0);
    const result = new Float64Array(logits.length);
    order.forEach((v, rank) => (result[v] = kept[rank] ? p[rank] / left : 0));
    return result;
  };

  const draw = (probabilities, random) => {
    let left = random();
    let last = 0;
    for (let v = 0; v < probabilities.length; v++) {
      if (!probabilities[v]) continue;
      last = v;
      left -= probabilities[v];
      if (left < 0) break;
    }
    return last;
  };

  // mulberry32 (T. Ettinger, public domain): the same numbers for a seed in every browser.
  const randomFrom = (seed) => () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };

  // The loop in which a text ends, as rnnlib.texts.loops.find_loop finds it; null where it ends in none.
  const findLoop = (tokens, laps = 3) => {
    const T = tokens.length;
    for (let period = 1; period * laps <= T; period++) {
      let transient = T;
      while (transient > 0 && (transient > T - period || tokens[transient - 1] === tokens[transient - 1 + period]))
        transient--;
      if (T - transient >= laps * period) return { transient, period };
    }
    return null;
  };

  const models = {};
  const arrived = (name, content) => (models[name] = load(content));
  return { arrived, distribution, draw, findLoop, greedy, load, models, randomFrom, start, step };
})();
if (typeof module !== "undefined") module.exports = Recurrent;
