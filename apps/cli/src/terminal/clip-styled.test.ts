import { expect, test } from "vitest";

import { clipStyled } from "./clip-styled.ts";

const red = (text: string) => `\u001b[31m${text}\u001b[39m`;

test("leaves a line that fits, however many colours it has", () => {
  expect(clipStyled(`${red("ab")}${red("cd")}`, 4)).toBe(`${red("ab")}${red("cd")}`);
});

test("cuts by what is seen and ends the colour", () => {
  expect(clipStyled(`x${red("abcdef")}`, 4)).toBe("x\u001b[31mab\u001b[0m…");
  expect(clipStyled("abcdef", 3)).toBe("ab\u001b[0m…");
});
