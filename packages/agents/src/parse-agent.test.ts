import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import { newAgentText } from "./new-agent.ts";
import { parseAgent } from "./parse-agent.ts";

const body = newAgentText("helper").split("---\n").at(-1) ?? "";

function parse(front: string, options: { body?: string; folder?: string } = {}) {
  const text = `---\n${front}\n---\n${options.body ?? body}`;
  return parseAgent({
    path: "agents/helper/agent.md",
    folder: options.folder ?? "helper",
    text,
    source: "repository",
  });
}

function problems(front: string, options: { body?: string; folder?: string } = {}) {
  const parsed = parse(front, options);
  return "problems" in parsed ? parsed.problems : [];
}

describe("a good profile", () => {
  test("has every default when only its name is given", () => {
    const parsed = parse("name: helper");
    expect(parsed).toMatchObject({
      profile: {
        schema_version: 1,
        name: "helper",
        role: "Agent",
        capabilities: ["repo.read"],
        approval_policy: {},
        model: { provider: "auto", routing: "balanced" },
        constraints: [],
        observability: { tracingTags: [] },
        source: "repository",
        path: "agents/helper/agent.md",
      },
    });
  });

  test("keeps every field it gives", () => {
    const parsed = parse(
      [
        "name: helper",
        "role: Writes docs",
        "capabilities: [repo.read, repo.write]",
        "approval_policy: { repo.write: human_approval, network.egress: deny }",
        "model: { provider: anthropic, routing: low_cost, temperature: 0.5 }",
        "constraints: [Be brief.]",
        "observability: { tracingTags: [docs] }",
      ].join("\n"),
    );
    expect(parsed).toMatchObject({
      profile: {
        role: "Writes docs",
        capabilities: ["repo.read", "repo.write"],
        approval_policy: { "repo.write": "human_approval", "network.egress": "deny" },
        model: { provider: "anthropic", routing: "low_cost", temperature: 0.5 },
        constraints: ["Be brief."],
        observability: { tracingTags: ["docs"] },
      },
    });
  });

  test("its body is the instructions, its hash is over the file's text", () => {
    const one = parse("name: helper");
    const other = parse("name: helper\nrole: Agent");
    if ("problems" in one || "problems" in other) throw new Error("rejected");
    expect(one.profile.instructions).toBe(body.trim());
    expect(one.profile.hash).toMatch(/^[0-9a-f]{64}$/);
    expect(one.profile.hash).not.toBe(other.profile.hash);
  });

  test("may have Windows line ends and a byte order mark", () => {
    const text = `\uFEFF${newAgentText("helper").replaceAll("\n", "\r\n")}`;
    const parsed = parseAgent({ path: "p", folder: "helper", text, source: "user" });
    expect(parsed).toHaveProperty("profile");
  });
});

const bomb = [
  "a: &a [x,x,x,x,x,x,x,x]",
  ..."bcdefgh".split("").map((name, index) => {
    const before = "abcdefgh"[index];
    return `${name}: &${name} [*${before},*${before},*${before},*${before},*${before},*${before},*${before}]`;
  }),
].join("\n");

describe("a bad front matter is rejected with the line and what to write", () => {
  test.each<[string, string, number, string]>([
    ["unknown key", "name: helper\ncapabilites: []", 3, 'Unknown key "capabilites". Did you mean "capabilities"?'],
    ["unknown key without a near one", "name: helper\nsecret_powers: 1", 3, 'Unknown key "secret_powers". Known:'],
    ["unknown key inside", "name: helper\nmodel:\n  routng: x", 4, '"routng" in model. Did you mean "routing"?'],
    [
      "unknown capability",
      "name: helper\ncapabilities:\n  - repo.read\n  - repo.wirte",
      5,
      'Did you mean "repo.write"?',
    ],
    [
      "unknown rule",
      "name: helper\napproval_policy:\n  repo.write: maybe",
      4,
      '"maybe" is not allowed for approval_policy',
    ],
    [
      "rule of an unknown capability",
      "name: helper\napproval_policy:\n  repo.wrte: deny",
      4,
      'Did you mean "repo.write"?',
    ],
    ["person's capability", "name: helper\ncapabilities: [plan.approve]", 3, '"plan.approve" is not allowed'],
    ["unknown routing", "name: helper\nmodel: {routing: cheap}", 3, "Known: balanced, high_quality, low_cost."],
    ["wrong type", "name: helper\nrole: [a]", 3, "role: Invalid input"],
    ["wrong number", "name: helper\nmodel:\n  temperature: 3", 4, "model.temperature"],
    ["name that is not the folder's", "role: x\nname: other", 3, '"other" must be the name of its folder, "helper"'],
    ["no name", "role: x", 2, "name: Invalid input"],
    ["bad name", "name: Helper One", 2, "lower-case letters, digits and -"],
    ["newer schema", "name: helper\nschema_version: 2", 3, "schema_version"],
    ["repeated key", "name: helper\nrole: a\nrole: b", 4, "not valid YAML"],
    ["broken YAML", "name: helper\nrole: [a", 4, "not valid YAML"],
    ["a list", "- name", 2, "Invalid input"],
    ["nothing", "", 1, "Invalid input"],
    ["custom tag", "name: helper\nrole: !!js/function 'function () {}'", 3, "tags (tag:yaml.org,2002:js/function)"],
    ["known tag", "name: helper\nrole: !!binary aGk=", 3, "YAML tags"],
    ["custom tag on a map", "name: helper\nmodel: !Model {}", 3, "YAML tags"],
    ["alias", "name: &n helper\nrole: *n", 3, "YAML aliases"],
    ["merge key", "name: helper\nbase: &b {}\nmodel:\n  <<: *b", 5, "YAML aliases"],
    ["exponential aliases", bomb, 3, "YAML aliases"],
    ["key that is no word", "name: helper\n? [a]\n: b", 3, "Keys must be plain words"],
    ["second document", "name: helper\n...\nrole: x", 4, "not valid YAML"],
  ])("%s", (_name, front, line, message) => {
    const found = problems(front);
    const first = found.find((problem) => problem.message.includes(message));
    expect(found.map((problem) => problem.message).join("\n")).toContain(message);
    expect([first?.path, first?.line]).toEqual(["agents/helper/agent.md", line]);
  });

  test.each<[string, string, number, string]>([
    ["no front matter", body, 1, "must begin with front matter"],
    ["no closing line", "---\nname: helper\n", 1, "no closing line"],
    ["empty file", "", 1, "must begin with front matter"],
    ["hidden characters", newAgentText("helper").replace("Mission", "Mis\u202esion"), 26, "U+202E"],
    ["invisible tag characters", `---\nname: helper\nrole: a\u{e0041}\n---\n${body}`, 3, "U+E0041"],
    ["NUL", `---\nname: helper\u0000\n---\n`, 2, "U+0000"],
  ])("%s", (_name, text, line, message) => {
    const parsed = parseAgent({ path: "p", folder: "helper", text, source: "user" });
    const [first] = "problems" in parsed ? parsed.problems : [];
    expect(first?.message).toContain(message);
    expect(first?.line).toBe(line);
  });

  test("too large", () => {
    const text = newAgentText("helper") + "x".repeat(64 * 1024);
    expect(parseAgent({ path: "p", folder: "helper", text, source: "user" })).toEqual({
      problems: [{ path: "p", message: "The file is larger than 64 KiB." }],
    });
  });

  test("all problems are told at once, in the order of the file", () => {
    const found = problems("name: helper\nroel: x\ncapabilities: [repo.wirte]", { body: "# Nothing\n" });
    const lines = found.map((problem) => problem.line ?? 0);
    expect(found.length).toBeGreaterThan(5);
    expect(lines).toEqual(lines.toSorted((a, b) => a - b));
  });
});

describe("the body", () => {
  const without = (title: string) => body.replace(`## ${title}`, "");
  test.each(["Mission", "Operating procedure", "Guardrails & escalation", "Key outputs", "Tooling checklist"])(
    "needs the section %s",
    (title) => {
      expect(problems("name: helper", { body: without(title) })).toMatchObject([
        { message: expect.stringContaining(`The section "## ${title}" is missing`) as string },
      ]);
    },
  );

  test("a misspelt section is pointed at", () => {
    const [problem] = problems("name: helper", { body: body.replace("## Key outputs", "## Key output") });
    expect(problem.message).toBe('The section "## Key outputs" is missing (line 20 says "Key output").');
    expect(problem.line).toBe(20);
  });

  test("sections have an order", () => {
    const swapped = body
      .replace("## Mission", "## X")
      .replace("## Key outputs", "## Mission")
      .replace("## X", "## Key outputs");
    const [problem] = problems("name: helper", { body: swapped });
    expect(problem.message).toContain('The section "Key outputs" is out of order');
    expect(problem.line).toBe(5);
  });

  test("a section must say something", () => {
    const [problem] = problems("name: helper", {
      body: body.replace("What this agent is for, in two sentences.", ""),
    });
    expect(problem.message).toBe('The section "Mission" is empty.');
  });

  test("headings inside code do not count", () => {
    const fenced = without("Mission").concat("\n```\n## Mission\n```\n");
    expect(problems("name: helper", { body: fenced })[0]?.message).toContain("## Mission");
  });
});

test("any text is either a profile or a list of problems; nothing is thrown", () => {
  const piece = fc.oneof(
    fc.string(),
    fc.constantFrom(
      "---\n",
      "name: helper\n",
      "model:\n",
      "  - ",
      "&a ",
      "*a",
      "!!x ",
      "{",
      "[",
      "? ",
      "\n",
      "## Mission\n",
    ),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
      const parsed = parseAgent({ path: "p", folder: "helper", text: pieces.join(""), source: "repository" });
      expect("profile" in parsed || parsed.problems.length > 0).toBe(true);
    }),
    { numRuns: 500 },
  );
});
