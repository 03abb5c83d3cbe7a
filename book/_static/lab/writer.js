// <text-writer>: the reader types a beginning, and a trained network of the course goes on.
//
// Its weights are a script of their own, fetched at the first use: from file:// a page may load nothing else.
(() => {
  const LENGTH = 600; // characters, as in lesson 10
  const SETTINGS = { way: "greedy", temperature: "0.8", top_k: "0", top_p: "1", min_p: "0", seed: "1", pace: "60" };
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  let count = 0;

  const range = (id, name, label, min, max, step, note) => `<label for="${id}-${name}">${label}
    <input type="range" id="${id}-${name}" name="${name}" min="${min}" max="${max}" step="${step}">
    <output>${note}</output></label>`;

  const form = (id, small) => `<form class="lab">
    <p class="lab-title" id="${id}-title">Write with the LSTM of lesson 1</p>
    <label class="lab-wide" for="${id}-begin">How the text begins
      <textarea id="${id}-begin" name="begin" rows="2" spellcheck="false"></textarea></label>
    <div class="lab-dials">
      <label for="${id}-way">The next character is
        <select id="${id}-way" name="way">
          <option value="greedy">the likeliest</option><option value="sample">drawn</option></select></label>
      ${range(id, "temperature", "temperature", 0.1, 2, 0.1, "")}
      <div class="lab-more"${small ? " hidden" : ""}>
        ${range(id, "top_k", "top-k", 0, 64, 1, "")}
        ${range(id, "top_p", "nucleus", 0.05, 1, 0.05, "")}
        ${range(id, "min_p", "min-p", 0, 0.5, 0.01, "")}
        <label for="${id}-seed">seed <input type="number" id="${id}-seed" name="seed" min="0" max="999999" step="1"></label>
        <label for="${id}-pace">pace
          <select id="${id}-pace" name="pace"><option value="10">slow</option><option value="60">fast</option>
            <option value="0">all at once</option></select></label>
      </div>
    </div>
    <p class="lab-buttons"><button type="submit">Write</button> <button type="button" disabled>Stop</button>
      <span role="status"></span></p>
    <div class="lab-text" role="group" tabindex="0" aria-labelledby="${id}-title" hidden></div>
    <canvas class="lab-units" width="256" height="40" role="img" hidden
      aria-label="The 256 units while they write: input, forget and output gates, and the state, a row each."></canvas>
    <p class="lab-units" hidden>One column a unit. Rows: input, forget and output gate, the fuller
      the more open, and the state, in another colour where it is negative.</p>
  </form>`;

  class TextWriter extends HTMLElement {
    connectedCallback() {
      if (this.form) return;
      const id = `lab-${++count}`;
      this.innerHTML = form(id, this.hasAttribute("small"));
      this.form = this.querySelector("form");
      this.status = this.querySelector("[role=status]");
      this.page = this.querySelector(".lab-text");
      [this.writeButton, this.stopButton] = this.querySelectorAll("button");
      const given = new URLSearchParams(location.search);
      for (const [name, usual] of Object.entries({ ...SETTINGS, begin: "ROMEO:\n" })) {
        const field = this.form.elements[name];
        const value = given.get(name) ?? usual;
        const number = /range|number/.test(field.type);
        field.value = number && !(value && isFinite(value)) ? usual : value;
        if (field.value === "" && name !== "begin") field.value = usual; // also nonsense in a link
      }
      this.form.addEventListener("input", () => this.label());
      this.form.addEventListener("submit", (event) => {
        event.preventDefault();
        this.write();
      });
      this.stopButton.addEventListener("click", () => this.stop("Stopped"));
      this.label();
      if (given.has("begin") && count === 1) {
        this.scrollIntoView({ block: "center" });
        this.write();
      }
    }

    // Show the dials' values, and only those that matter.
    label() {
      const { way, temperature, top_k, top_p, min_p } = this.form.elements;
      const drawn = way.value === "sample";
      for (const dial of [temperature, top_k, top_p, min_p]) dial.closest("label").hidden = !drawn;
      this.form.elements.seed.closest("label").hidden = !drawn;
      temperature.nextElementSibling.textContent = temperature.value;
      top_k.nextElementSibling.textContent = top_k.value === "0" ? "off" : top_k.value;
      top_p.nextElementSibling.textContent = top_p.value === "1" ? "off" : top_p.value;
      min_p.nextElementSibling.textContent = min_p.value === "0" ? "off" : min_p.value;
    }

    // The weights' script, added once.
    model() {
      const name = this.getAttribute("model");
      TextWriter.loading ??= {};
      TextWriter.loading[name] ??= new Promise((resolve, reject) => {
        const script = document.createElement("script");
        script.src = this.getAttribute("src");
        script.onload = () => resolve(Recurrent.models[name]);
        script.onerror = () => {
          delete TextWriter.loading[name];
          reject(new Error("The network's weights could not be loaded."));
        };
        document.head.append(script);
      });
      return TextWriter.loading[name];
    }

    async write() {
      this.stop();
      const run = (this.run = {});
      this.stopButton.disabled = false;
      this.status.textContent = "Loading the network.";
      let model;
      try {
        model = await this.model();
      } catch (error) {
        return this.stop(error.message);
      }
      if (this.run !== run) return;
      // Where the seed cannot be seen, each press draws another text.
      if (this.hasAttribute("small") && this.written) this.form.elements.seed.value = this.written;
      this.written = (this.written ?? 1) + 1;
      const values = Object.fromEntries(new FormData(this.form));
      const characters = [...values.begin.replace(/\r/g, "")];
      const known = characters.filter((character) => model.vocabulary.includes(character));
      const unknown = new Set(characters.filter((character) => !model.vocabulary.includes(character)));
      this.begin(run, model, known.length ? known : ["\n"], values);
      this.note = unknown.size ? ` It does not know ${[...unknown].slice(0, 8).join(" ")}, which is left out.` : "";
      this.status.textContent = `Writing.${this.note}`;
      this.remember(values);
      this.tick(run, performance.now());
    }

    begin(run, model, known, values) {
      Object.assign(run, { model, state: Recurrent.start(model), written: [], read: 0, shown: performance.now() });
      run.beginning = known.map((character) => model.vocabulary.indexOf(character));
      run.random = Recurrent.randomFrom(Number(values.seed) || 0);
      const filters = { topK: Number(values.top_k), topP: Number(values.top_p), minP: Number(values.min_p) };
      const cut = { temperature: Number(values.temperature), ...filters };
      run.next =
        values.way === "greedy"
          ? Recurrent.greedy
          : (logits) => Recurrent.draw(Recurrent.distribution(logits, cut), run.random);
      run.pace = calm.matches ? 0 : Number(values.pace);
      this.page.hidden = false;
      for (const part of this.querySelectorAll(".lab-units")) part.hidden = this.hasAttribute("small") || !run.pace;
      this.page.textContent = "";
    }

    // Read what is left of the beginning, then write as many characters as the pace allows, for 20 ms at the most.
    tick(run, now) {
      if (this.run !== run) return;
      const due = run.pace ? Math.floor(((now - run.shown) * run.pace) / 1000) : LENGTH;
      const until = performance.now() + 20;
      while (run.read < run.beginning.length && performance.now() < until)
        run.logits = Recurrent.step(run.model, run.state, run.beginning[run.read++]);
      if (run.read < run.beginning.length) run.shown = now;
      else
        while (run.written.length < Math.min(due, LENGTH) && performance.now() < until) {
          run.written.push(run.next(run.logits));
          run.logits = Recurrent.step(run.model, run.state, run.written.at(-1));
        }
      const done = run.written.length >= LENGTH;
      if (run.pace || done) this.show(run);
      if (done) return this.stop("Done");
      setTimeout(() => this.tick(run, performance.now()), run.pace ? 30 : 0);
    }

    show(run) {
      const text = (tokens) => tokens.map((token) => run.model.vocabulary[token]).join("");
      const beginning = document.createElement("b");
      beginning.textContent = text(run.beginning);
      this.page.replaceChildren(beginning, text(run.written));
      if (run.pace) this.page.scrollTop = this.page.scrollHeight; // the line that is being written
      const canvas = this.querySelector("canvas");
      if (canvas.hidden) return;
      const { H } = run.model;
      const { gates, h } = run.state;
      const context = canvas.getContext("2d");
      const style = getComputedStyle(this);
      const [petrol, ember] = ["petrol", "ember"].map((name) => style.getPropertyValue(`--course-${name}`));
      context.clearRect(0, 0, canvas.width, canvas.height);
      [0, H, 3 * H].forEach((offset, row) => {
        for (let k = 0; k < H; k++) {
          context.globalAlpha = gates[offset + k];
          context.fillStyle = petrol;
          context.fillRect(k, row * 10, 1, 9);
        }
      });
      for (let k = 0; k < H; k++) {
        context.globalAlpha = Math.abs(h[k]);
        context.fillStyle = h[k] < 0 ? ember : petrol;
        context.fillRect(k, 30, 1, 9);
      }
    }

    // End a run, if there is one, and say how it ended.
    stop(how) {
      const run = this.run;
      this.run = undefined;
      this.stopButton.disabled = true;
      if (!run || !how) return;
      if (!run.written) {
        this.status.textContent = how;
        return;
      }
      this.show(run);
      const loop = Recurrent.findLoop(run.written);
      const found = loop
        ? `a loop of ${loop.period} characters after ${loop.transient}`
        : "no loop that came round three times";
      this.status.textContent = `${how}: ${run.written.length} characters, ${found}.${this.note}`;
    }

    // The address leads to this text.
    remember(values) {
      const { pace, ...kept } = values;
      const changed = Object.entries(kept).filter(([name, value]) => value !== SETTINGS[name]);
      try {
        history.replaceState(null, "", `?${new URLSearchParams(changed)}${location.hash}`);
      } catch {
        // some browsers refuse it for files
      }
    }
  }
  customElements.define("text-writer", TextWriter);
})();
