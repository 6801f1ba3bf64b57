"use strict";
// Tables with sorting, search and selection. Texts from the data only become text nodes.
const pageData = JSON.parse(document.getElementById("data").textContent);
const collator = new Intl.Collator("en", { numeric: true });
const percent = (mille) => (mille / 10).toFixed(1);
const signed = (mille) => (mille > 0 ? "+" : mille < 0 ? "\u2212" : "\u00b1") + percent(Math.abs(mille));

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

function scoreCell(mille) {
  const cell = make("td", { class: "n bar" }, percent(mille));
  cell.style.setProperty("--v", percent(mille) + "%");
  return cell;
}

function changeCell(mille) {
  return make("td", { class: "n " + (mille > 0 ? "gain" : mille < 0 ? "loss" : "") }, signed(mille));
}

/** A table in `root`.
 *  columns: {key, label, cell(row) -> td, wide?: hidden on narrow screens, text?: sorts as text}
 *  options: {columns, rows, sort: [key, ascending], words(row) -> searchable text, choose?(row), unit, batch?}
 *  Returns {show(filter), refresh(options), mark(test)}. */
function makeTable(root, options) {
  let { columns, rows, sort } = options;
  let filter = () => true;
  let shown = options.batch || 100;
  let marked = () => false;
  const head = make("thead"), body = make("tbody");
  const status = make("p", { class: "note", role: "status" });
  const more = make("button", { class: "more", type: "button" });
  root.replaceChildren(make("div", { class: "scroll" }, make("table", {}, head, body)), more, status);

  function drawHead() {
    const cells = columns.map((column) => {
      const button = make("button", { type: "button" }, column.label);
      button.addEventListener("click", () => {
        sort = [column.key, sort[0] === column.key ? !sort[1] : Boolean(column.text)];
        drawHead();
        draw();
        head.querySelector(`th[data-key="${column.key}"] button`).focus();
      });
      const direction = sort[0] === column.key ? (sort[1] ? "ascending" : "descending") : null;
      const kind = (column.text ? "" : "n") + (column.wide ? " wide" : "");
      return make("th", { scope: "col", "data-key": column.key, class: kind, "aria-sort": direction }, button);
    });
    head.replaceChildren(make("tr", {}, ...cells));
  }

  function draw() {
    const [key, ascending] = sort;
    const text = columns.find((column) => column.key === key).text;
    const found = rows.filter(filter);
    found.sort((a, b) => (text ? collator.compare(a[key], b[key]) : a[key] - b[key]) * (ascending ? 1 : -1));
    body.replaceChildren(...found.slice(0, shown).map((row) => {
      const cells = columns.map((column) => {
        const cell = column.cell(row);
        if (column.wide) cell.classList.add("wide");
        return cell;
      });
      const line = make("tr", { class: marked(row) ? "chosen" : null }, ...cells);
      line.row = row;
      if (options.choose) line.querySelector(".choose").addEventListener("click", () => options.choose(row));
      return line;
    }));
    const left = found.length - Math.min(shown, found.length);
    more.hidden = left === 0;
    more.textContent = `Show ${Math.min(left, 200).toLocaleString("en")} more (${left.toLocaleString("en")} left)`;
    status.textContent = `${found.length.toLocaleString("en")} of ${rows.length.toLocaleString("en")} ${options.unit}`;
  }

  more.addEventListener("click", () => { shown += 200; draw(); });
  body.addEventListener("keydown", (event) => {
    const step = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
    const next = step && event.target.closest("tr")[step];
    const button = next && next.querySelector(".choose");
    if (button) { event.preventDefault(); button.focus(); }
  });
  drawHead();
  draw();
  return {
    show(test) { filter = test; shown = options.batch || 100; draw(); },
    refresh(changes) { Object.assign(options, changes); ({ columns, rows, sort } = options); drawHead(); draw(); },
    mark(test) {
      marked = test;
      for (const line of body.rows) line.classList.toggle("chosen", test(line.row));
    },
  };
}

/** Returns a test whether a row's words contain every typed word. */
function matcher(typed, words) {
  const wanted = typed.toLowerCase().split(/\s+/).filter(Boolean);
  return (row) => { const text = words(row).toLowerCase(); return wanted.every((word) => text.includes(word)); };
}
