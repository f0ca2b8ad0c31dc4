// Shows that a server knows a token without telling it: a client asks before it sends the token
// to a port that another program may have taken.
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";

import { AgentError } from "./agent-error.ts";

/**
 * HMAC-SHA-256 of the challenge under the token, in hex.
 * @throws AgentError invalid_input for a challenge of another size than 16 to 128 characters
 */
export function proveToken(token: string, challenge: string): string {
  if (challenge.length < 16 || challenge.length > 128) {
    throw new AgentError("invalid_input", "A challenge has 16 to 128 characters.");
  }
  return bytesToHex(hmac(sha256, utf8ToBytes(token), utf8ToBytes(challenge)));
}
