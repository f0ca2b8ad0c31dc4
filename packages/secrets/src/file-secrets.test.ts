import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { describeSecretSource } from "./secret-source.contract.ts";
import { createFileSecrets } from "./file-secrets.ts";

const entry = (changes: object) => ({ hosts: ["registry.example.org"], ...changes });
const write = (file: string, secrets: object, mode = 0o600) => {
  writeFileSync(file, JSON.stringify({ schemaVersion: 1, secrets }), { mode });
  chmodSync(file, mode);
};

describeSecretSource("a file", () => {
  const folder = mkdtempSync(path.join(tmpdir(), "ossaat-secrets-"));
  const file = path.join(folder, "secrets.json");
  write(file, { npm: entry({ value: "canary-1" }) });
  return Promise.resolve({
    source: createFileSecrets({ file, variable: () => undefined }),
    rotate: (value: string) => Promise.resolve(write(file, { npm: entry({ value }) })),
    remove: () => Promise.resolve(rmSync(folder, { recursive: true })),
  });
});

let folder: string;
let file: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "ossaat-secrets-"));
  file = path.join(folder, "secrets.json");
});
afterAll(() => rmSync(folder, { recursive: true }));
const source = () => createFileSecrets({ file, variable: (name) => ({ NPM_TOKEN: "canary-3" })[name] });
const problem = async (name = "npm") =>
  source()
    .find(name)
    .then(
      () => "none",
      (error: Error) => error.message,
    );

test("a value may stand in a variable, and a user makes it a password", async () => {
  write(file, {
    npm: entry({ variable: "NPM_TOKEN" }),
    git: entry({ value: "p", user: "ann", header: "Authorization" }),
    key: entry({ value: "k", header: "x-api-key", prefix: "" }),
  });
  const found = await Promise.all(["npm", "git", "key"].map((name) => source().find(name)));
  expect(found.map((secret) => `${secret?.header}: ${secret?.reveal()}`)).toEqual([
    "authorization: Bearer canary-3",
    `Authorization: Basic ${Buffer.from("ann:p").toString("base64")}`,
    "x-api-key: k",
  ]);
});

test("a missing file has no secrets", async () => {
  const none = createFileSecrets({ file: path.join(folder, "absent.json"), variable: () => undefined });
  expect(await none.find("npm")).toBeUndefined();
});

test.each([
  [
    "open to others",
    () => write(file, { npm: entry({ value: "canary" }) }, 0o640),
    "The secrets file is open to others: it must be yours alone.",
  ],
  ["no JSON", () => writeFileSync(file, "{canary", { mode: 0o600 }), "The secrets file is not valid JSON."],
  [
    "two values",
    () => write(file, { npm: entry({ value: "canary", variable: "X" }) }),
    "The secrets file is not valid: secrets.npm: give either value or variable.",
  ],
  [
    "a path",
    () => write(file, { npm: { hosts: ["https://registry.example.org/x"], value: "canary" } }),
    "The secrets file is not valid: secrets.npm.hosts[0]: a secret is bound to hosts alone: no scheme, method or path.",
  ],
  [
    "an address",
    () => write(file, { npm: { hosts: ["127.0.0.1"], value: "canary" } }),
    'The secrets file is not valid: secrets.npm.hosts[0]: "127.0.0.1": an address cannot be named, only a host.',
  ],
  ["no host", () => write(file, { npm: { hosts: [], value: "canary" } }), expect.stringContaining("secrets.npm.hosts")],
  [
    "a header that frames",
    () => write(file, { npm: entry({ value: "canary", header: "Host" }) }),
    "The secrets file is not valid: secrets.npm.header: this header is not for secrets.",
  ],
  [
    "a variable that is not set",
    () => write(file, { npm: entry({ variable: "ABSENT" }) }),
    "The secret npm has no value: ABSENT is not set.",
  ],
  [
    "a line break in a value",
    () => write(file, { npm: entry({ value: "canary\r\nx: y" }) }),
    "The secret npm has characters that no header can carry.",
  ],
])("refuses %s, and names no value", async (_what, prepare, message) => {
  chmodSync(file, 0o600);
  prepare();
  const said = await problem();
  expect(said).toEqual(message);
  expect(said).not.toContain("canary");
});
