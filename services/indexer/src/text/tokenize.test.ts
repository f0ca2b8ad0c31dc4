import { assert, property, uint8Array } from "fast-check";
import { expect, test } from "vitest";

import { stem } from "./stem.ts";
import { TermTable } from "./term-table.ts";
import { Tokenizer } from "./tokenize.ts";

function tokensOf(text: string | Buffer): {
  has(term: string): boolean;
  definitions: Set<number>;
  table: TermTable;
  lines: number[];
} {
  const table = new TermTable();
  const seen = new Set<number>();
  const definitions = new Set<number>();
  const lines: number[] = [];
  new Tokenizer(table, "add").run(Buffer.from(text as string), {
    term: (id, line) => {
      seen.add(id);
      lines.push(line);
    },
    definition: (ids, count) => ids.subarray(0, count).forEach((id) => definitions.add(id)),
  });
  return { has: (term) => seen.has(table.idOf(stem(term), "known")), definitions, table, lines };
}

test.each([
  ["maxContentWidth", ["max", "content", "width", "maxcontentwidth"]],
  ["max_content_width", ["max", "content", "width", "maxcontentwidth"]],
  ["HTTPServerError", ["http", "server", "error", "httpservererror"]],
  ["parseUTF8", ["parse", "utf8", "parseutf8"]],
  ["größe", ["größe"]],
])("%s is split and kept whole", (text, terms) => {
  const tokens = tokensOf(text);
  expect(terms.filter((term) => !tokens.has(term))).toEqual([]);
});

test.each([
  ["parsing", "parse"],
  ["parsed", "parse"],
  ["dependencies", "dependency"],
  ["validation", "validate"],
  ["stopped", "stop"],
  ["classes", "class"],
])("%s meets %s", (word, other) => {
  expect(stem(word)).toBe(stem(other));
});

test.each([
  ["function cartTotal(", "carttotal"],
  ["def cart_total(", "carttotal"],
  ["func (c *Command) Execute() {", "execute"],
  ["  async handle(request) {", "handle"],
  ["const limit = 1", "limit"],
])("%s looks like a definition", (text, name) => {
  const { definitions, table } = tokensOf(`${text}\n`);
  expect(definitions.has(table.idOf(stem(name), "known"))).toBe(true);
});

test.each(["  if (ready(x)) {", "  const local = 1", "call(argument)", "return total(items) {"])(
  "%s does not",
  (text) => {
    expect([...tokensOf(`${text}\n`).definitions]).toEqual([]);
  },
);

test("any bytes can be read; lines never go back", () => {
  assert(
    property(uint8Array({ maxLength: 400 }), (bytes) => {
      const { lines } = tokensOf(Buffer.from(bytes));
      expect(lines).toEqual([...lines].sort((left, right) => left - right));
    }),
  );
});

test("the table gives one number for one term, also when it grows", () => {
  const table = new TermTable();
  const terms = Array.from({ length: 100_000 }, (_, n) => `term${n}`);
  const ids = terms.map((term) => table.idOf(term, "add"));
  expect(new Set(ids).size).toBe(terms.length);
  expect(terms.map((term) => table.idOf(term, "known"))).toEqual(ids);
  expect(table.idOf("unseen", "known")).toBe(-1);
});
