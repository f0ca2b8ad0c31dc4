// The network an attack sees: a host on the step's list, hosts that are not, and names that lead
// where they should not. Every name leads to this machine, as no setting of the product allows.
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { once } from "node:events";
import { isIP } from "node:net";
import type { AddressInfo, Server } from "node:net";

import type { EgressOptions } from "../egress/open-egress.ts";
import { isPublicAddress } from "../egress/public-address.ts";
import type { HostAddress } from "../egress/resolve-host.ts";
import { createRunAuthority } from "../egress/run-authority.ts";
import { openNaiveProxy } from "./naive-proxy.ts";

/** The host of the step's list. */
const listedHost = "api.example.org";

const address = (text: string): HostAddress => ({ address: text, family: text.includes(":") ? 6 : 4 });

/** What names lead to; the n-th time they are asked for, the last answer for all times after. */
const names: Readonly<Record<string, readonly (readonly HostAddress[])[]>> = {
  "other.example.org": [[address("127.0.0.2")]],
  "loopback.example.org": [[address("127.0.0.2")]],
  "metadata.example.org": [[address("169.254.169.254")]],
  "metadata6.example.org": [[address("fd00:ec2::254")]],
  "mixed.example.org": [[address("127.0.0.1"), address("10.0.0.1")]],
  "rebound.example.org": [[address("127.0.0.1")], [address("127.0.0.2")]],
};

type Seen = { requests: string[]; names: string[] };

export type AttackNet = {
  /** Port of the listed host, http. */
  port: number;
  /** Port of the listed host, https. */
  securePort: number;
  /** Same port on another address: the machine's own service. */
  listed: Seen;
  inner: Seen;
  /** Names that were resolved for a box. */
  lookups: string[];
  options: EgressOptions;
  /** Port of a proxy that checks nothing. */
  naivePort: number;
  close(): void;
};

function answer(seen: Seen, who: string) {
  return (request: IncomingMessage, response: ServerResponse): void => {
    const { method = "", url = "", headers } = request;
    seen.requests.push(`${method} ${url} ${headers.host}${headers.upgrade === undefined ? "" : " upgrade"}`);
    if (url.startsWith("/redirect?")) response.writeHead(302, { location: decodeURIComponent(url.slice(10)) });
    request.resume();
    response.end(who);
  };
}

async function listen(server: Server, host: string, port: number): Promise<number> {
  server.listen(port, host);
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

/** Opens it; the caller closes it. */
export async function openAttackNet(): Promise<AttackNet> {
  const [listed, inner]: [Seen, Seen] = [
    { requests: [], names: [] },
    { requests: [], names: [] },
  ];
  const outside = await createRunAuthority(Date.now());
  const context = await outside.contextFor(listedHost);
  const plain = createServer(answer(listed, "listed"));
  const own = createServer(answer(inner, "inner"));
  const secure = createSecureServer(
    {
      SNICallback(name, done) {
        listed.names.push(name);
        done(null, context);
      },
    },
    answer(listed, "listed"),
  );
  const port = await listen(plain, "127.0.0.1", 0);
  await listen(own, "127.0.0.2", port);
  const securePort = await listen(secure, "127.0.0.1", 0);
  const lookups: string[] = [];
  const lookup = (host: string): Promise<readonly HostAddress[]> => {
    const literal = host.replaceAll(/^\[|\]$/gu, "");
    if (isIP(literal) > 0) return Promise.resolve([address(literal)]);
    const asked = lookups.filter((name) => name === host).length;
    lookups.push(host);
    const answers = names[host] ?? [[address("127.0.0.1")]];
    return Promise.resolve(answers[Math.min(asked, answers.length - 1)] ?? []);
  };
  const isAllowedAddress = (text: string): boolean => text === "127.0.0.1" || isPublicAddress(text);
  const naive = await openNaiveProxy(lookup);
  return {
    port,
    securePort,
    listed,
    inner,
    lookups,
    options: { resolver: { lookup, isAllowedAddress }, upstreamCa: [outside.certificate] },
    naivePort: naive.port,
    close: () => {
      naive.close();
      for (const server of [plain, own, secure]) {
        server.closeAllConnections();
        server.close();
      }
    },
  };
}
