"use strict";
// Sorting and filtering of tables. The page is complete without it.
(function () {
  function key(cell) {
    const given = cell.getAttribute("data-value");
    const text = given !== null ? given : cell.textContent.trim();
    const number = parseFloat(text.replace("\u2212", "-"));
    return { text: text, number: number };
  }

  function compare(a, b) {
    const both = !Number.isNaN(a.number) && !Number.isNaN(b.number);
    return both ? a.number - b.number : a.text.localeCompare(b.text);
  }

  function sortBy(table, column, header) {
    const down = header.getAttribute("aria-sort") === "ascending";
    const body = table.tBodies[0];
    const rows = Array.from(body.rows);
    rows.sort(function (x, y) {
      const order = compare(key(x.cells[column]), key(y.cells[column]));
      return down ? -order : order;
    });
    for (const other of header.parentNode.cells) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", down ? "descending" : "ascending");
    body.append(...rows);
  }

  function addSorting(table) {
    const row = table.tHead.rows[table.tHead.rows.length - 1];
    Array.from(row.cells).forEach(function (header, column) {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...header.childNodes);
      button.addEventListener("click", function () { sortBy(table, column, header); });
      header.append(button);
    });
  }

  function addFilter(table) {
    if (table.tBodies[0].rows.length < 8) return;
    const label = document.createElement("label");
    label.className = "filter";
    label.append("Show rows that contain");
    const input = document.createElement("input");
    input.type = "search";
    label.append(input);
    input.addEventListener("input", function () {
      const wanted = input.value.toLowerCase();
      for (const row of table.tBodies[0].rows) {
        row.hidden = !row.textContent.toLowerCase().includes(wanted);
      }
    });
    const place = table.closest(".scroll") || table;
    place.before(label);
  }

  for (const table of document.querySelectorAll("table[data-sortable]")) {
    addSorting(table);
    addFilter(table);
  }
})();
