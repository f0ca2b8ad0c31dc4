/** Lines of a table: the head, then the rows, two blanks between columns. */
export function table({ head, rows, align = [] }) {
  const all = [head, ...rows];
  const widths = head.map((_cell, index) => Math.max(...all.map((row) => row[index].length)));
  const pad = (cell, index) => (align[index] === "right" ? cell.padStart(widths[index]) : cell.padEnd(widths[index]));
  return all.map((row) => row.map(pad).join("  ").trimEnd());
}
