// Sequences as [name, objects, J&F of A, of B, ...].
const { letters } = pageData;
const rows = pageData.sequences.map(([name, objects, ...scores]) => {
  const row = { name, objects };
  letters.forEach((letter, index) => {
    row[letter] = scores[index];
    row[`${letter}-A`] = scores[index] - scores[0];
  });
  return row;
});
const columns = [{
  key: "name", label: "Sequence", text: true, cell: (row) => make("td", {}, row.name, make("small", { class: "names", title: row.objects }, row.objects)),
}];
letters.forEach((letter, index) => {
  columns.push({ key: letter, label: letter, wide: index > 1, cell: (row) => scoreCell(row[letter]) });
  if (index > 0) {
    const key = `${letter}-A`;
    columns.push({ key, label: `${letter}\u2212A`, cell: (row) => changeCell(row[key]) });
  }
});
const table = makeTable(document.getElementById("sequence-table"), {
  unit: "sequences", rows, columns, sort: [`${letters[1]}-A`, true],
});
const search = document.getElementById("search");
search.addEventListener("input", () => table.show(matcher(search.value, (row) => `${row.name} ${row.objects}`)));
