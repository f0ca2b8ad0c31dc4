// Named limits of gRPC calls between the product's own services.

export const grpcLimits = {
  /** Bytes of one message, both ways: gRPC's own default, so that any client keeps to it. */
  maxMessageBytes: 4 * 1024 * 1024,
  /** Characters of a call's token: 128 bits written in hex. */
  minTokenChars: 32,
  /** Bytes of error details in the trailer; HTTP/2 headers hold 16 KiB in all. */
  maxDetailsBytes: 2 * 1024,
  /** Characters of an error message in the status line. */
  maxErrorChars: 2_000,
  /** Milliseconds between pings on an idle connection: a dead peer is noticed. */
  keepaliveMs: 30_000,
  /** Milliseconds between two looks at certificate files: a rotation is hours before the old one ends. */
  certificatePollMs: 10_000,
  /** Milliseconds a connection with certificates lives: then its peer has to show a valid one again. */
  maxSecureConnectionMs: 3_600_000,
} as const;
