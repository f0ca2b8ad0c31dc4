import fc from "fast-check";
import { expect, test } from "vitest";

import { isPublicAddress } from "./public-address.ts";

test.each(["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "::ffff:1.1.1.1"])("%s is public", (address) => {
  expect(isPublicAddress(address)).toBe(true);
});

test.each([
  ["loopback", "127.0.0.1"],
  ["loopback, far end", "127.255.255.254"],
  ["loopback in IPv6", "::1"],
  ["loopback mapped", "::ffff:127.0.0.1"],
  ["loopback, compatible form", "::127.0.0.1"],
  ["loopback by NAT64", "64:ff9b::7f00:1"],
  ["loopback by 6to4", "2002:7f00:1::"],
  ["by Teredo", "2001:0:7f00:1::1"],
  ["nothing", "0.0.0.0"],
  ["nothing in IPv6", "::"],
  ["private A", "10.0.0.1"],
  ["private B", "172.16.0.1"],
  ["private C", "192.168.1.1"],
  ["private mapped", "::ffff:10.0.0.1"],
  ["unique local", "fd12:3456::1"],
  ["link-local", "169.254.1.1"],
  ["link-local in IPv6", "fe80::1"],
  ["with a zone", "fe80::1%eth0"],
  ["the metadata service", "169.254.169.254"],
  ["the metadata service in IPv6", "fd00:ec2::254"],
  ["a metadata service in the shared range", "100.100.100.200"],
  ["a metadata service in a reserved range", "192.0.0.192"],
  ["a cloud's own public address", "168.63.129.16"],
  ["shared", "100.64.0.1"],
  ["benchmarks", "198.18.0.1"],
  ["documentation", "203.0.113.1"],
  ["documentation in IPv6", "2001:db8::1"],
  ["multicast", "224.0.0.1"],
  ["multicast in IPv6", "ff02::1"],
  ["broadcast", "255.255.255.255"],
  ["future use", "240.0.0.1"],
  ["a name", "example.org"],
  ["one number", "2130706433x"],
])("%s is not", (_what, address) => {
  expect(isPublicAddress(address)).toBe(false);
});

test("wrapping an address in IPv6 never makes it public", () => {
  fc.assert(
    fc.property(fc.ipV4(), (address) => {
      expect(isPublicAddress(`::ffff:${address}`)).toBe(isPublicAddress(address));
      expect(isPublicAddress(`64:ff9b::${address}`)).toBe(false);
    }),
  );
});
