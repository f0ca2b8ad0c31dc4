// How the client asks a server. node:http is loaded for what a bare socket cannot do.
import type { ClientFetch } from "@ossaat/client";

import { socketGet } from "./socket-get.ts";

/** Any server. */
export const httpFetch: ClientFetch = async (url, init) =>
  (await import("./node-http-fetch.ts")).nodeHttpFetch(url, init);

/** The embedded server, which is there on this machine and answers most questions in one piece. */
export const embeddedFetch: ClientFetch = async (url, init) => {
  const { method = "GET", headers, signal } = init;
  const accept = headers?.["accept"];
  const isStream = accept === "text/event-stream" || accept === "application/x-tar";
  const answer =
    method === "GET" && !isStream
      ? await socketGet(url, {
          ...(headers === undefined ? {} : { headers }),
          ...(signal === undefined ? {} : { signal }),
        })
      : undefined;
  return answer ?? httpFetch(url, init);
};
