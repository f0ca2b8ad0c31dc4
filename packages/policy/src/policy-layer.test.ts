import { policyFileLimits } from "@ossaat/contracts";
import { describe, expect, test } from "vitest";

import { parsePolicyFile } from "./policy-layer.ts";

const parse = (text: string) => parsePolicyFile(text, { file: "p.json", name: "user" });
const messages = (text: string) => {
  const parsed = parse(text);
  return "problems" in parsed ? parsed.problems.map(({ message }) => message) : [];
};
const rule = (fields: string) =>
  `{\n  "rules": [\n    { "effect": "deny", "tools": ["read_file"] },\n    {\n${fields}\n    }\n  ]\n}`;

test("a policy file gives its rules, each with id and line", () => {
  const text = rule('      "id": "own",\n      "effect": "ask",\n      "paths": ["a/**"]');
  expect(parse(text)).toEqual({
    layer: {
      name: "user",
      file: "p.json",
      rules: [
        { id: "rule-1", line: 3, effect: "deny", tools: ["read_file"] },
        { id: "own", line: 4, effect: "ask", paths: ["a/**"] },
      ],
    },
  });
});

describe("a fault is told with file and line", () => {
  test.each([
    ["", ["p.json:1: the file is empty"]],
    ['{\n  "rules": [,]\n}', [expect.stringMatching(/^p\.json:2: not valid JSON/u)]],
    ['{\n  "rules": [], // why\n}', [expect.stringMatching(/^p\.json:2: not valid JSON/u)]],
    ["[]", ["p.json:1: must be an object, not a list"]],
    ['{\n "rules": [],\n "runMode": "enterprise"\n}', ['p.json:3: does not know "runMode"']],
    [
      rule('      "effect": "allow",\n      "tools": ["read_file"]'),
      [expect.stringMatching(/^p\.json:5: rules\[1\]\.effect must be/u)],
    ],
    [
      rule('      "effect": "deny",\n      "tools": ["read_fil"]'),
      [expect.stringMatching(/^p\.json:6: rules\[1\]\.tools\[0\] must be/u)],
    ],
    [
      rule('      "effect": "deny",\n      "tols": ["read_file"]'),
      [
        expect.stringMatching(/^p\.json:6: rules\[1\] does not know "tols"/u),
        expect.stringMatching(/^p\.json:4: rules\[1\]: the rule names nothing/u),
      ],
    ],
    [rule('      "effect": "deny"'), [expect.stringMatching(/^p\.json:4: rules\[1\]: the rule names nothing/u)]],
    [
      rule('      "effect": "deny",\n      "paths": []'),
      [expect.stringMatching(/^p\.json:6: rules\[1\]\.paths must have at least 1 entry/u)],
    ],
    [rule('      "effect": "deny",\n      "commands": [" "]'), [expect.stringMatching(/^p\.json:6: .*needs a word/u)]],
    ...(
      [
        ["https://api.example.org/v1", "api.example.org"],
        ["api.example.org:8443", "api.example.org"],
        ["API.Example.org", "api.example.org"],
        ["https://*.example.org", "*.example.org"],
      ] as const
    ).map(([host, form]): [string, unknown[]] => [
      rule(`      "effect": "deny",\n      "hosts": ["${host}"]`),
      [`p.json:6: rules[1].hosts[0]: "${host}" meets no host: write ${form}`],
    ]),
    [
      rule('      "effect": "deny",\n      "hosts": ["api.*.org", "localhost"]'),
      [
        'p.json:6: rules[1].hosts[0]: "api.*.org" meets no host: write a host such as api.example.org or *.example.org',
        'p.json:6: rules[1].hosts[1]: "localhost" meets no host: write a host such as api.example.org or *.example.org',
      ],
    ],
    [
      rule('      "id": "rule-1",\n      "effect": "deny",\n      "tools": ["read_file"]'),
      ['p.json:5: the id "rule-1" is used twice'],
    ],
    [rule(`      "effect": "deny",\n      "paths": ["${"{a,b}".repeat(16)}"]`), ["p.json:6: the glob is too complex"]],
  ])("%#", (text, expected) => {
    expect(messages(text)).toEqual(expected);
  });

  test("a file that is too large is not read", () => {
    expect(messages(" ".repeat(policyFileLimits.maxBytes + 1))).toEqual([
      `p.json:1: the file is larger than ${policyFileLimits.maxBytes} bytes`,
    ]);
  });
});
