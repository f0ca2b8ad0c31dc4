// The address of a broker as an operator writes it: `amqp://user@host:port/vhost?prefix=team-a`.
import { AgentError } from "@ossaat/contracts";

import type { RabbitmqOptions } from "./broker.ts";

function wrong(what: string): AgentError {
  const next = "`ossaat config explain queue`; it is amqp://USER@HOST:PORT/VHOST[?prefix=NAME]";
  return new AgentError("invalid_input", `The address of RabbitMQ is wrong: ${what}.`, { details: { next } });
}

/** Where to connect to, and what queues are named like. @throws AgentError invalid_input */
export function parseRabbitmqAddress(text: string): Pick<RabbitmqOptions, "url" | "prefix"> {
  if (!URL.canParse(text)) throw wrong("it is no address");
  const url = new URL(text);
  const unknown = [...url.searchParams.keys()].find((name) => name !== "prefix");
  if (unknown !== undefined) throw wrong(`there is no "${unknown}"`);
  const prefix = url.searchParams.get("prefix");
  url.search = "";
  if (prefix === null) return { url: url.href };
  // The broker keeps names that begin with amq. for itself.
  if (!/^(?!amq\.)[a-zA-Z0-9._-]{1,100}$/u.test(prefix)) {
    throw wrong("prefix must be letters, digits, dots, dashes or underscores, and not begin with amq.");
  }
  return { url: url.href, prefix };
}
