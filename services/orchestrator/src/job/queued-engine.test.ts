import { describeQueuedEngine } from "./queued-engine.contract.ts";

describeQueuedEngine("embedded", () => ({}));
