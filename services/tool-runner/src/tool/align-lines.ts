// Which lines of an edit stay, go and come: the longest common subsequence of its two sides.

/** One step from old to new lines; indexes are of the respective side. */
export type LineOp =
  | { kind: "keep"; old: number; new: number }
  | { kind: "drop"; old: number }
  | { kind: "add"; new: number };

/** Cells of the table at most; beyond that only shared starts and ends are found. */
const maxCells = 4_000_000;

type Same = (old: number, added: number) => boolean;

function alignMiddle(rows: number, columns: number, same: Same): LineOp[] {
  const table = Array.from({ length: rows + 1 }, () => new Uint32Array(columns + 1));
  const at = (row: number, column: number): number => table[row]?.[column] ?? 0;
  for (let row = rows - 1; row >= 0; row -= 1) {
    const own = table[row];
    if (own === undefined) continue;
    for (let column = columns - 1; column >= 0; column -= 1) {
      own[column] = same(row, column)
        ? at(row + 1, column + 1) + 1
        : Math.max(at(row + 1, column), at(row, column + 1));
    }
  }
  const ops: LineOp[] = [];
  let [row, column] = [0, 0];
  while (row < rows || column < columns) {
    if (row < rows && column < columns && same(row, column)) {
      ops.push({ kind: "keep", old: row, new: column });
      row += 1;
      column += 1;
    } else if (row < rows && (column >= columns || at(row + 1, column) >= at(row, column + 1))) {
      ops.push({ kind: "drop", old: row });
      row += 1;
    } else {
      ops.push({ kind: "add", new: column });
      column += 1;
    }
  }
  return ops;
}

function plainOps(rows: number, columns: number): LineOp[] {
  return [
    ...Array.from({ length: rows }, (_unused, row): LineOp => ({ kind: "drop", old: row })),
    ...Array.from({ length: columns }, (_unused, column): LineOp => ({ kind: "add", new: column })),
  ];
}

function shift(op: LineOp, by: number): LineOp {
  if (op.kind === "keep") return { kind: "keep", old: op.old + by, new: op.new + by };
  return op.kind === "drop" ? { kind: "drop", old: op.old + by } : { kind: "add", new: op.new + by };
}

/** Steps from `old` to `added`; lines are the same when `key` makes them equal. */
export function alignLines(
  old: readonly string[],
  added: readonly string[],
  key: (line: string) => string = (line) => line,
): LineOp[] {
  const [a, b] = [old.map(key), added.map(key)];
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a.at(-1 - end) === b.at(-1 - end)) end += 1;
  const [rows, columns] = [a.length - start - end, b.length - start - end];
  const same: Same = (row, column) => a[start + row] === b[start + column];
  const middle = rows * columns > maxCells ? plainOps(rows, columns) : alignMiddle(rows, columns, same);
  const keep = (count: number, fromOld: number, fromNew: number): LineOp[] =>
    Array.from({ length: count }, (_unused, index) => ({ kind: "keep", old: fromOld + index, new: fromNew + index }));
  return [...keep(start, 0, 0), ...middle.map((op) => shift(op, start)), ...keep(end, a.length - end, b.length - end)];
}

/** The same steps found from the other end: they differ where more than one reading is possible. */
export function alignFromEnd(old: readonly string[], added: readonly string[]): LineOp[] {
  const [lastOld, lastNew] = [old.length - 1, added.length - 1];
  const ops = alignLines(old.toReversed(), added.toReversed()).map((op): LineOp => {
    if (op.kind === "keep") return { kind: "keep", old: lastOld - op.old, new: lastNew - op.new };
    return op.kind === "drop" ? { kind: "drop", old: lastOld - op.old } : { kind: "add", new: lastNew - op.new };
  });
  return ops.toReversed();
}
