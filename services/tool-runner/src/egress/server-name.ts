// The name in a TLS handshake, read from what a program sends through a tunnel that nobody looks into.
// A host that is shared by many sites tells them apart by it: it must be the tunnel's.
import { Transform } from "node:stream";

import { egressLimits } from "./limits.ts";

/** The handshake names another host than the tunnel's, or none. */
export class OtherServerName extends Error {}

type Hello = "incomplete" | "other_protocol" | { name: string | undefined };

const handshakeRecord = 0x16;
const clientHello = 0x01;
const serverNameExtension = 0;
const recordHeader = 5;
const messageHeader = 4;

/** The first handshake message, put together from its records; what is there of it. See RFC 8446, 5.1. */
function handshakeBytes(data: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at + recordHeader <= data.length && data[at] === handshakeRecord;) {
    const end = at + recordHeader + data.readUInt16BE(at + 3);
    parts.push(data.subarray(at + recordHeader, end));
    at = end;
  }
  return Buffer.concat(parts);
}

/** Reads parts whose length stands before them. @throws RangeError where it is cut or lies about its lengths */
class Reader {
  #rest: Buffer;

  constructor(data: Buffer) {
    this.#rest = data;
  }

  get isAtEnd(): boolean {
    return this.#rest.length === 0;
  }

  take(bytes: number): Buffer {
    if (bytes > this.#rest.length) throw new RangeError("the handshake is cut");
    const part = this.#rest.subarray(0, bytes);
    this.#rest = this.#rest.subarray(bytes);
    return part;
  }

  part(lengthBytes: 1 | 2): Reader {
    return new Reader(this.take(this.take(lengthBytes).readUIntBE(0, lengthBytes)));
  }

  number(bytes: 1 | 2): number {
    return this.take(bytes).readUIntBE(0, bytes);
  }

  text(lengthBytes: 1 | 2): string {
    return this.take(this.number(lengthBytes)).toString("latin1");
  }
}

/** Name in the message's body, see RFC 8446, 4.1.2, and RFC 6066, 3. */
function nameIn(body: Buffer): string | undefined {
  const hello = new Reader(body);
  // Version and random bytes.
  hello.take(34);
  hello.part(1);
  hello.part(2);
  hello.part(1);
  if (hello.isAtEnd) return undefined;
  const extensions = hello.part(2);
  while (!extensions.isAtEnd) {
    const kind = extensions.number(2);
    const content = extensions.part(2);
    if (kind !== serverNameExtension) continue;
    const names = content.part(2);
    // The one kind of name there is.
    return names.number(1) === 0 ? names.text(2) : undefined;
  }
  return undefined;
}

/** What the first bytes of a connection say. */
function readHello(data: Buffer): Hello {
  if (data.length === 0) return "incomplete";
  if (data[0] !== handshakeRecord) return "other_protocol";
  const message = handshakeBytes(data);
  if (message.length < messageHeader) return "incomplete";
  if (message[0] !== clientHello) return { name: undefined };
  const end = messageHeader + message.readUIntBE(1, 3);
  if (end > egressLimits.maxHeaderBytes) return { name: undefined };
  if (message.length < end) return "incomplete";
  try {
    return { name: nameIn(message.subarray(messageHeader, end)) };
  } catch (error) {
    if (error instanceof RangeError) return { name: undefined };
    throw error;
  }
}

/**
 * Passes bytes of a program on, the first ones only when they are no TLS handshake or one that names
 * `host`; ends with {@link OtherServerName} otherwise.
 */
export function serverNameGate(host: string): Transform {
  let held: Buffer | undefined = Buffer.alloc(0);
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      if (held === undefined) return done(null, chunk);
      held = Buffer.concat([held, chunk]);
      const hello = readHello(held);
      const isTooLong = held.length > 2 * egressLimits.maxHeaderBytes;
      if (hello === "incomplete" && !isTooLong) return done();
      const isOther = hello === "incomplete" || (hello !== "other_protocol" && hello.name?.toLowerCase() !== host);
      if (isOther) return done(new OtherServerName());
      const first = held;
      held = undefined;
      done(null, first);
    },
  });
}
