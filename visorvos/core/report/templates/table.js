"use strict";
// Tables whose headings sort their rows, and fields that choose the rows to show.
const collator = new Intl.Collator("en", { numeric: true });

/** What a cell sorts by: its number in data-v, or else its text. */
function sortKey(row, column) {
  const { dataset, textContent } = row.cells[column];
  return dataset.v === undefined ? textContent : Number(dataset.v);
}

function sortBy(table, heading) {
  const column = heading.cellIndex, before = heading.getAttribute("aria-sort");
  const ascending = before ? before === "descending" : !heading.classList.contains("n");
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", ascending ? "ascending" : "descending");
  const keyed = [...table.tBodies[0].rows].map((row) => [sortKey(row, column), row]);
  keyed.sort(([a], [b]) => (typeof a === "number" ? a - b : collator.compare(a, b)) * (ascending ? 1 : -1));
  table.tBodies[0].append(...keyed.map(([, row]) => row));
}

/** Shows the rows of the chosen kitchens whose first cell has every typed word, and counts them. */
function filterRows(section) {
  const words = section.querySelector("input[type=search]").value.toLowerCase().split(/\s+/);
  const kitchens = section.querySelector("select")?.value || "";
  for (const table of section.querySelectorAll("table.sortable")) {
    const rows = [...table.tBodies[0].rows];
    for (const row of rows) {
      const text = row.cells[0].textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word)) || !(row.dataset.kitchens || "").startsWith(kitchens);
    }
    const shown = rows.filter((row) => !row.hidden).length;
    table.closest("[data-unit]").querySelector("[role=status]").textContent =
      `${shown.toLocaleString("en")} of ${rows.length.toLocaleString("en")} ${table.closest("[data-unit]").dataset.unit}`;
  }
}

for (const table of document.querySelectorAll("table.sortable")) {
  for (const heading of table.tHead.rows[0].cells) {
    heading.firstElementChild.addEventListener("click", () => sortBy(table, heading));
  }
}
for (const section of document.querySelectorAll("section:has(table.sortable)")) {
  section.addEventListener("input", () => filterRows(section));
  filterRows(section);
}
