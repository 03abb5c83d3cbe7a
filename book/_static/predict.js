// Predictions: what gives an answer away is folded until the reader has guessed, or asks for it.
//
// A section called Predict ends with a cell `guess = None  # for example 0.5`, and the cell that answers it
// calls `compare(guess, ...)`. That cell and all below it in its section are folded. Without this script, and
// in print, everything is shown. Guesses are kept in the reader's browser.
(() => {
  const read = (key) => {
    try {
      return JSON.parse(localStorage.getItem(key));
    } catch {
      return null; // no storage, as in some private windows: the page forgets
    }
  };
  const write = (key, value) => {
    try {
      localStorage.setItem(key, JSON.stringify(value));
    } catch {
      // the same
    }
  };
  const make = (html) => {
    const holder = document.createElement("template");
    holder.innerHTML = html.trim();
    return holder.content.firstChild;
  };
  const escaped = (text) => text.replace(/[&<"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
  const PAGE = `guesses:${location.pathname}`;
  const LECTURE = "answers:open"; // the switch holds for the whole site
  const NOTHING = "No guess made.";

  // What compare prints (rnnlib/notebook/predictions.py), with the reader's guess in it.
  const reply = (printed, guess) => {
    if (guess === "") return printed;
    const [, measured, unit] = printed.match(/measured (\S+) ?(.*)\. No guess made\./s) ?? [];
    let end = ` You guessed ${guess} ${unit ?? ""}`.trimEnd() + ".";
    if (isFinite(measured) && isFinite(guess)) {
      const gap = Math.abs(guess - measured);
      end += ` You were ${Number(gap.toPrecision(2))} ${unit === "%" ? "points" : unit}`.trimEnd() + " off.";
    } else if (guess !== measured) end += " Not what you expected?";
    return printed.replace(` ${NOTHING}`, end);
  };

  const form = (name, hint, several) => {
    const label = several ? name.replace(/^guess_/, "").replace(/_/g, " ") : "Your guess";
    const choices = [...hint.matchAll(/"([^"]+)"/g)].map(([, choice]) => escaped(choice));
    const field = choices.length
      ? `<select required><option value="">choose</option>${choices.map((c) => `<option>${c}</option>`).join("")}</select>`
      : '<input type="number" step="any" required>';
    const note = choices.length ? "" : `<small>${escaped(hint)}</small>`;
    return make(`<form class="guess"><label>${escaped(label)} ${field}</label> ${note}
      <span><button>Commit</button> <button type="button">Show me</button></span>
      <span role="status"></span></form>`);
  };

  const predictions = [];

  class Prediction {
    constructor(box, cell, name, hint, several) {
      this.key = `${box.id}.${name}`;
      this.form = form(name, hint, several);
      this.box = box;
      cell.before(this.form);
      this.field = this.form.querySelector("input, select");
      this.status = this.form.querySelector("[role=status]");
      this.form.addEventListener("submit", (event) => {
        event.preventDefault();
        this.keep({ guess: this.field.value, open: true });
      });
      this.form.querySelector("[type=button]").addEventListener("click", () => this.keep({ open: true }));
    }

    // The answer: a cell, and what follows it in its section.
    answered(cell) {
      this.answer = [cell];
      while (this.answer.at(-1).nextElementSibling) this.answer.push(this.answer.at(-1).nextElementSibling);
      const output = [...cell.querySelectorAll("pre")].find((pre) => pre.textContent.includes(NOTHING));
      const lines = output?.textContent.trimEnd().split("\n") ?? [];
      this.printed = lines.find((line) => line.includes(NOTHING)) ?? "";
      this.said = make('<p class="answer-said"></p>');
      if (output) {
        output.textContent = lines.filter((line) => line !== this.printed).join("\n");
        const frame = output.closest(".output");
        frame.hidden = !output.textContent;
        frame.after(this.said);
      }
      cell.id ||= `answer-${this.key}`;
      cell.tabIndex = -1; // focus goes there from a button that disappears
      this.cover = make(`<p class="answer-cover">Folded: the answer to
        <a href="#${this.box.id}">your prediction</a>. <button type="button">Show me</button></p>`);
      this.cover.querySelector("button").addEventListener("click", () => {
        this.keep({ open: true });
        cell.focus();
      });
      cell.before(this.cover);
    }

    keep(change) {
      const kept = read(PAGE) ?? {};
      write(PAGE, { ...kept, [this.key]: { ...kept[this.key], ...change } });
      for (const prediction of predictions) prediction.show();
    }

    get open() {
      return read(PAGE)?.[this.key]?.open === true || read(LECTURE) === true || this.opened === true;
    }

    // Show or fold the answer, as what is kept says; one cell may answer two predictions.
    show() {
      const guess = read(PAGE)?.[this.key]?.guess ?? "";
      const open = this.open;
      for (const part of this.answer) {
        const folded = predictions.some((other) => !other.open && other.answer.includes(part));
        part.classList.toggle("answer-folded", folded);
      }
      this.cover.hidden = open;
      this.said.textContent = reply(this.printed, guess);
      for (const control of this.form.querySelectorAll("input, select, button")) control.disabled = open;
      this.field.value = guess;
      const said = guess ? `You guessed ${escaped(guess)}.` : "";
      this.status.innerHTML = open ? `${said} <a href="#${this.answer[0].id}">The answer</a> is open.` : "";
    }
  }

  const find = () => {
    const asked = new Map();
    for (const cell of document.querySelectorAll(".bd-article div.cell")) {
      const source = cell.querySelector(".cell_input")?.textContent ?? "";
      const box = cell.closest("section.predict");
      const question = box && source.match(/^\s*(\w+(?:, \w+)*) = None.*?(?:# ?(.*))?$/m);
      if (question) {
        const names = question[1].split(", ");
        for (const name of names) asked.set(name, new Prediction(box, cell, name, question[2] ?? "", names.length > 1));
        cell.classList.add("guess-cell");
      }
      for (const [, name] of source.matchAll(/\bcompare\(\s*(\w+)/g)) {
        if (!asked.has(name)) continue;
        asked.get(name).answered(cell);
        predictions.push(asked.get(name));
        asked.delete(name);
      }
    }
    for (const unanswered of asked.values()) unanswered.form.remove();
  };

  document.addEventListener("DOMContentLoaded", () => {
    find();
    if (!predictions.length) return;
    const lecture = make(`<p class="answer-switch"><label>
      <input type="checkbox" role="switch"> Show all answers</label></p>`);
    const toggle = lecture.querySelector("input");
    const show = () => {
      toggle.checked = read(LECTURE) === true;
      for (const prediction of predictions) prediction.show();
    };
    toggle.addEventListener("change", () => {
      write(LECTURE, toggle.checked);
      for (const prediction of toggle.checked ? [] : predictions) {
        prediction.opened = false; // closed again; what was guessed stays
        prediction.keep({ open: false });
      }
      show();
    });
    document.querySelector(".bd-article h1").after(lecture);
    // A link into a folded part opens it.
    const follow = () => {
      const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
      const within = predictions.filter((p) => target && !p.open && p.answer.some((part) => part.contains(target)));
      for (const prediction of within) prediction.opened = true;
      for (const prediction of within) prediction.show();
      if (within.length) target.scrollIntoView();
    };
    window.addEventListener("hashchange", follow);
    show();
    follow();
  });
})();
