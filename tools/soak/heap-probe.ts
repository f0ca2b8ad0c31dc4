// Preloaded into the server that is soaked: answers with its heap after a collection. With
// SOAK_LEAK=1 it keeps some memory at every answer: the planted leak that the verdict must find.
const kept: string[][] = [];

process.on("message", () => {
  // Twice, because what finalizers free is collected by the next one.
  globalThis.gc?.();
  globalThis.gc?.();
  if (process.env["SOAK_LEAK"] === "1")
    kept.push(Array.from({ length: 4_000 }, (_, n) => `${kept.length}-${n}-${"x".repeat(40)}`));
  process.send?.({ heapBytes: process.memoryUsage().heapUsed });
});
// The listener must not keep the server alive.
process.channel?.unref();
