import { describeQueuedEngine } from "./queued-engine.contract.ts";

describeQueuedEngine("the embedded queue", () => ({}), {
  leftOut: {
    C44: "the embedded queue has no relay; that no two get one message is a case of the claims on the outbox",
  },
});
