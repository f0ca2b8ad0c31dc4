import fc from "fast-check";
import { expect, test } from "vitest";

import { normalizeHost } from "./host-name.ts";

const spelled = (text: string) => {
  const read = normalizeHost(text);
  return read.ok ? read.host : "refused";
};

test.each([
  ["example.org", "example.org"],
  ["EXAMPLE.Org", "example.org"],
  ["example.org.", "example.org"],
  ["bücher.example", "xn--bcher-kva.example"],
  ["XN--BCHER-KVA.example", "xn--bcher-kva.example"],
  ["ｅｘａｍｐｌｅ．ｏｒｇ", "example.org"],
  ["example。org", "example.org"],
])("%s is %s", (text, host) => {
  expect(spelled(text)).toBe(host);
});

test.each([
  ["an address", "127.0.0.1"],
  ["an address in hexadecimal", "0x7f.0.0.1"],
  ["an address as one number", "2130706433"],
  ["a short address", "127.1"],
  ["an octal address", "0177.0.0.1"],
  ["an address in wide digits", "１２７.0.0.1"],
  ["an address with a trailing dot", "127.0.0.1."],
  ["an IPv6 address", "[::1]"],
  ["an IPv6 address without brackets", "::1"],
  ["an IPv4-mapped address", "[::ffff:169.254.169.254]"],
  ["a NUL byte", "evil.example\0.example.org"],
  ["an encoded NUL byte", "evil.example%00.example.org"],
  ["a line break", "example.org\r\nx: y"],
  ["a space", "example.org evil.example"],
  ["a soft hyphen", "exam\u00adple.org"],
  ["a bidirectional mark", "example\u202e.org"],
  ["a user", "example.org@evil.example"],
  ["a port", "example.org:80"],
  ["a path", "example.org/x"],
  ["a backslash", "example.org\\evil.example"],
  ["a fragment", "example.org#.evil.example"],
  ["one word", "localhost"],
  ["one word with a dot", "localhost."],
  ["an empty label", "example..org"],
  ["a leading dot", ".example.org"],
  ["a leading hyphen", "-x.example.org"],
  ["an underscore", "a_b.example.org"],
  ["a star", "*.example.org"],
  ["a long label", `${"a".repeat(64)}.org`],
  ["a long name", `${"a.".repeat(130)}org`],
  ["nothing", ""],
  ["half a character", "\ud800.example.org"],
])("refuses %s", (_what, text) => {
  expect(spelled(text)).toBe("refused");
});

test("whatever is read has one spelling, which reads as itself and is no address", () => {
  const anything = fc.oneof(fc.string({ unit: "binary" }), fc.domain(), fc.ipV4(), fc.ipV6(), fc.webAuthority());
  fc.assert(
    fc.property(anything, (text) => {
      const read = normalizeHost(text);
      if (!read.ok) return;
      expect(normalizeHost(read.host)).toEqual(read);
      expect(read.host).toMatch(/^[a-z0-9-]+(?:\.[a-z0-9-]+)+$/u);
      expect(read.host).not.toMatch(/^[\d.]+$/u);
      expect(new URL(`https://${read.host}/`).hostname).toBe(read.host);
    }),
    { numRuns: 2_000 },
  );
});

test("case and a trailing dot make no other host", () => {
  fc.assert(
    fc.property(fc.domain(), (domain) => {
      expect([spelled(domain.toUpperCase()), spelled(`${domain}.`)]).toEqual([spelled(domain), spelled(domain)]);
    }),
  );
});
