import { expect, test } from "vitest";

import { clipStyled, columnsOf } from "./clip-styled.ts";

const red = (text: string) => `\u001b[31m${text}\u001b[39m`;

test("leaves a line that fits, however many colours it has", () => {
  expect(clipStyled(`${red("ab")}${red("cd")}`, 4)).toBe(`${red("ab")}${red("cd")}`);
});

test("cuts by what is seen and ends the colour", () => {
  expect(clipStyled(`x${red("abcdef")}`, 4)).toBe("x\u001b[31mab\u001b[0m…");
  expect(clipStyled("abcdef", 3)).toBe("ab…");
});

test("counts wide characters as two columns and cuts none in half", () => {
  expect(columnsOf("日本")).toBe(4);
  expect(clipStyled("日本語", 4)).toBe("日…");
  expect(clipStyled("👍👍👍", 5)).toBe("👍👍…");
  expect(clipStyled("日本語", 6)).toBe("日本語");
});
