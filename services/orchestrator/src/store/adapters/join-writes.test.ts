import { expect, test } from "vitest";

import { joinWrites } from "./join-writes.ts";

const of = (...texts: string[]) => joinWrites(texts.map((text) => ({ text, values: valuesOf(text) })));
/** A value for each placeholder. */
const valuesOf = (text: string) => (text.match(/\$\d+/gu) ?? []).map((mark) => `${text.slice(0, 6)} ${mark}`);
const textsOf = (...texts: string[]) => of(...texts).map(({ text }) => text);

const insertA = 'insert into "a" ("x", "y") values ($1, $2)';
const deleteB = 'delete from "b" where "id" = $1';
const updateC = 'update "c" set "n" = "n" + $1 where "id" = $2 returning "n"';

test("writes of different tables become one statement, whose values follow each other", () => {
  expect(of(insertA, deleteB, updateC)).toEqual([
    {
      text:
        'with part_0 as (insert into "a" ("x", "y") values ($1, $2)), part_1 as (delete from "b" where "id" = $3) ' +
        'update "c" set "n" = "n" + $4 where "id" = $5 returning "n"',
      values: [...valuesOf(insertA), ...valuesOf(deleteB), ...valuesOf(updateC)],
    },
  ]);
});

test("what is alone stays as it is", () => {
  expect(of(insertA)).toEqual([{ text: insertA, values: valuesOf(insertA) }]);
  expect(of()).toEqual([]);
});

test("a table that was written is neither written nor read in the same statement", () => {
  for (const next of [
    deleteB.replace('"b"', '"a"'),
    'select * from "a" where "x" = $1',
    'select * from "c" inner join "a" on "a"."x" = "c"."x"',
    'update "c" set "n" = 1 where exists (select "x" from "a")',
    'delete from "c" using "a" where "a"."x" = "c"."x"',
    'insert into "c" ("x") select "x" from "a"',
  ]) {
    expect(textsOf(insertA, next)).toEqual([insertA, next]);
  }
  const reading = 'insert into "c" ("x") select "x" from "b"';
  expect(textsOf(reading, deleteB)).toEqual([reading, deleteB]);
});

test("what only reads other tables stands with writes", () => {
  const select = 'select * from "c" where "id" = $1 for update skip locked';
  expect(textsOf(insertA, select)).toEqual([
    `with part_0 as (${insertA}) select * from "c" where "id" = $3 for update skip locked`,
  ]);
});

test("what is not understood stays alone, and keeps its place", () => {
  for (const odd of [
    "begin",
    "commit",
    'set local role "r"; select 1',
    "select extract(epoch from clock_timestamp())",
    "select * from thing",
    'with "w" as (select 1) select * from "w"',
    "notify wakes",
  ]) {
    expect(textsOf(insertA, odd, deleteB)).toEqual([insertA, odd, deleteB]);
  }
});
