import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import { telemetryLimits } from "./limits.ts";
import { redactText, textRedactor } from "./redact-text.ts";

// NOTE: put together at run time, so that no scanner of the repository takes them for real ones.
const key = (...parts: string[]) => parts.join("");
const body = "Q7x2Lm9Kp4Rt8Vw1Zs6Yb3Nc5Df0Gh";
const pem = (kind: string, end = true) =>
  `-----BEGIN ${kind}PRIVATE KEY-----\nMIIEvQIBADANBg\nkqhkiG9w0BAQEF\n${end ? `-----END ${kind}PRIVATE KEY-----` : ""}`;
const jwt = key("eyJ", "hbGciOiJIUzI1NiJ9", ".eyJ", "zdWIiOiIxMjM0NTY3ODkwIn0", ".dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P");

describe("takes out", () => {
  test.each<[string, string, string]>([
    ["an OpenAI key", `key ${key("sk-", body)} end`, "key [redacted] end"],
    ["an OpenAI project key", `(${key("sk-", "proj-", body)})`, "([redacted])"],
    ["an Anthropic key", `${key("sk-", "ant-", "api03-", body, "-", body)}.`, "[redacted]."],
    ["a short Anthropic canary", key("sk-", "ant-", "canary-value"), "[redacted]"],
    ["an OpenRouter key", key("sk-", "or-v1-", body), "[redacted]"],
    ["a GitHub token", `x=${key("ghp", "_", body)}`, "x=[redacted]"],
    ["a GitHub server token", key("ghs", "_", body), "[redacted]"],
    ["a fine-grained GitHub token", key("github_", "pat_", body, "_", body), "[redacted]"],
    ["a GitLab token", key("glpat", "-", body), "[redacted]"],
    ["an AWS access key id", `id ${key("AKIA", "IOSFODNN7EXAMPLE")},`, "id [redacted],"],
    ["an AWS session key id", key("ASIA", "IOSFODNN7EXAMPLE"), "[redacted]"],
    ["a Google key", key("AIza", body, "abcdE"), "[redacted]"],
    ["a Slack token", key("xoxb", "-12345-", body), "[redacted]"],
    ["a Stripe key", key("sk", "_live_", body), "[redacted]"],
    ["an npm token", key("npm", "_", body), "[redacted]"],
    ["a PyPI token", key("pypi", "-AgEIcHlwaS5vcmc", body), "[redacted]"],
    ["a Hugging Face token", key("hf", "_", body), "[redacted]"],
    ["a Vault token", key("hvs", ".", body), "[redacted]"],
    ["a key inside JSON", `{"a":"${key("sk-", body)}","b":1}`, '{"a":"[redacted]","b":1}'],
    ["a JWT", `got ${jwt}`, "got [redacted]"],
    ["a JWT without signature", `got ${jwt.slice(0, jwt.lastIndexOf(".") + 1)}`, "got [redacted]"],
    ["a bearer token", `sent Bearer ${body}== to`, "sent Bearer [redacted] to"],
    ["an Authorization header", `Authorization: Basic dXNlcjpwYXNz\nnext`, "Authorization: [redacted]\nnext"],
    ["an Authorization field", `{"authorization":"token ${body}"}`, '{"authorization":"[redacted]"}'],
    ["a Cookie header", "Cookie: session=abc; theme=dark\nHost: x", "Cookie: [redacted]\nHost: x"],
    ["a Set-Cookie header", "set-cookie: id=abc; HttpOnly", "set-cookie: [redacted]"],
    ["a private key", `a ${pem("RSA ")} b`, "a [redacted] b"],
    ["two private keys", `${pem("")}|${pem("EC ")}`, "[redacted]|[redacted]"],
    ["a private key that was cut off", `a ${pem("OPENSSH ", false)}`, "a [redacted]"],
    ["a private key in JSON", JSON.stringify({ k: pem("") }), '{"k":"[redacted]"}'],
    ["the password of a URL", "at postgres://app:s3cret@db:5432/x", "at postgres://[redacted]@db:5432/x"],
    ["a password with an @", "https://u:p@ss@host/", "https://[redacted]@host/"],
    ["a password without user", "redis://:s3cret@cache:6379", "redis://[redacted]@cache:6379"],
    [
      "a token as the user of a URL",
      `https://${key("ghp", "_", body)}@github.com/a/b`,
      "https://[redacted]@github.com/a/b",
    ],
    ["an environment variable", "OPENAI_API_KEY=plainvalue next", "OPENAI_API_KEY=[redacted] next"],
    ["a quoted setting", `"client_secret": "plainvalue"`, `"client_secret": "[redacted]"`],
    ["a password in prose", "password: hunter2!", "password: [redacted]"],
    ["a query parameter", "GET /x?access_token=abcdefgh&page=2", "GET /x?access_token=[redacted]&page=2"],
  ])("%s", (_name, text, expected) => {
    expect(redactText(text)).toBe(expected);
  });
});

describe("leaves alone", () => {
  test.each<[string, string]>([
    ["a SHA-256", "planHash 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
    ["a commit id", "commit eceef8c0e1a2b3c4d5e6f708192a3b4c5d6e7f80 (main)"],
    ["a short commit id", "eceef8c Add run_tests"],
    ["a plan id", "plan-63b314a5-0086-4365-b7d5-94b912e573f4/fix-discount attempt 2"],
    ["an invocation id", "plan-63b314a5-0086-4365-b7d5-94b912e573f4:edit:1:2.0"],
    ["a traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"],
    [
      "an integrity hash",
      "sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg==",
    ],
    ["a model reference", "openai/gpt-5.1 scripted:/home/me/demo/replies.json"],
    ["a loopback address", "ossaat is up at http://127.0.0.1:44159/plans?cursor=a@b"],
    ["an ssh remote", "ssh://git@github.com/org/repo.git and git@github.com:org/repo.git"],
    ["a mail address", "someone@example.org"],
    ["a path with @", "/node_modules/@ossaat/telemetry/src/index.ts:12:3"],
    ["token counts", "inputTokens: 1200000, maxTokens=2000000, reserved 16000 tokens: fine"],
    ["names of secrets", "the step may use the secrets NPM_TOKEN and OPENAI_API_KEY; OPENAI_API_KEY is not set"],
    ["the word bearer", "The request carries no valid bearer authentication."],
    ["a header's name", "the Authorization header is missing"],
    ["kebab names that begin like a key", "branch sk-improve-the-pipeline-naming and task-sk-learn"],
    ["a public key", "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQ\n-----END PUBLIC KEY-----"],
    ["a stack frame", "    at parse (file:///srv/src/token-list.ts:10:5)"],
    ["a JSON error", `Unexpected token '}', "{"a":}" is not valid JSON`],
    ["the empty text", ""],
  ])("%s", (_name, text) => {
    expect(redactText(text)).toBe(text);
  });
});

test("redacting twice changes nothing more", () => {
  const words = fc.constantFrom(
    "token=",
    "Bearer ",
    "sk-",
    "://",
    ":",
    "@",
    body,
    jwt,
    pem(""),
    "cookie: a=",
    "\n",
    "[redacted]",
  );
  const texts = fc.array(fc.oneof(words, fc.string())).map((parts) => parts.join(""));
  fc.assert(
    fc.property(texts, (text) => {
      const once = redactText(text);
      expect(redactText(once)).toBe(once);
    }),
  );
});

test("known values are taken out whatever their shape, the longest first", () => {
  const redact = textRedactor(["plain-value", "plain-value-longer", "with space/+&x", "short"]);
  expect(redact("a plain-value-longer b plain-value c with%20space%2F%2B%26x d short")).toBe(
    "a [redacted] b [redacted] c [redacted] d short",
  );
});

// NOTE: a pattern that backtracks takes minutes on these; the test's time limit is the check.
test.each([
  "a.",
  "://a:",
  "eyJaaaaaaaaaaaa-",
  "sk-aaaa-",
  "token=",
  "-----BEGIN PRIVATE KEY-----",
  "cookie: ",
  "Bearer a",
  "authorization a ",
])("a text full of %j is worked off", (piece) => {
  const text = piece.repeat(telemetryLimits.maxScannedChars / piece.length);
  const once = redactText(text);
  expect(redactText(once)).toBe(once);
});
