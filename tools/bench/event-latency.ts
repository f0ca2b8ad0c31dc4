// How long an event takes into the log, and to a reader of the event stream in another process,
// while 20 plans run; against the same with none.
import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { get } from "node:http";
import type { IncomingMessage } from "node:http";
import { fileURLToPath } from "node:url";

import type { LoadAnswer, LoadRequest } from "./event-load.ts";
import { quantile, toResult } from "./measure.ts";
import type { Result, Series } from "./measure.ts";
import type { Bench } from "./report.ts";

const loadEntry = fileURLToPath(new URL("event-load.ts", import.meta.url));
const plansAtOnce = 20;
/** Events of one figure. */
const probes = 150;
const rounds = 3;
const p95 = (values: readonly number[]) => quantile(values, 0.95);

/** Milliseconds since the epoch with fractions, the same for every process of the machine. */
const wallNow = () => performance.timeOrigin + performance.now();

async function ask(child: ChildProcess, request: LoadRequest): Promise<LoadAnswer> {
  const answer = once(child, "message");
  child.send(request);
  const [message] = (await answer) as [LoadAnswer];
  return message;
}

/** Notes when each event arrives, by its number in the log. */
async function listen(url: string, arrived: Map<number, number>): Promise<IncomingMessage> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get(url, { headers: { accept: "text/event-stream" } }, resolve).on("error", reject);
  });
  response.setEncoding("utf8");
  response.on("data", (text: string) => {
    const now = wallNow();
    for (const [, seq] of text.matchAll(/^id: (\d+)$/gmu)) arrived.set(Number(seq), now);
  });
  return response;
}

type Latencies = { append: number; delivery: number };

async function probe(child: ChildProcess, arrived: Map<number, number>, running: number): Promise<Latencies> {
  const { sent } = await ask(child, { kind: "probe", count: probes, running });
  // The last event may still be on its way.
  const last = sent.at(-1)?.seq ?? 0;
  for (let tries = 0; !arrived.has(last) && tries < 200; tries += 1) await new Promise((go) => setTimeout(go, 10));
  const deliveries = sent.map(({ seq, askedAt }) => (arrived.get(seq) ?? Number.NaN) - askedAt);
  return { append: p95(sent.map(({ tookMs }) => tookMs)), delivery: p95(deliveries) };
}

async function run(): Promise<Result[]> {
  const child = fork(loadEntry, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  const exited = once(child, "exit");
  const failed = exited.then(([code]) => Promise.reject(new Error(`the load ended with ${String(code)}`)));
  failed.catch(() => undefined);
  const series: Record<keyof Latencies, Series> = {
    append: { ours: [], baseline: [] },
    delivery: { ours: [], baseline: [] },
  };
  try {
    const { url } = await Promise.race([ask(child, { kind: "start" }), failed]);
    const arrived = new Map<number, number>();
    const stream = await listen(url, arrived);
    for (let round = 0; round < rounds; round += 1) {
      const idle = await Promise.race([probe(child, arrived, 0), failed]);
      const busy = await Promise.race([probe(child, arrived, plansAtOnce), failed]);
      for (const name of ["append", "delivery"] as const) {
        series[name].baseline.push(idle[name]);
        series[name].ours.push(busy[name]);
      }
    }
    stream.destroy();
  } finally {
    child.kill("SIGTERM");
    await exited;
  }
  const row = { unit: "ms p95", goal: null, baselineName: "no plan runs" };
  return [
    toResult({ ...row, id: "event.append" }, series.append),
    toResult({ ...row, id: "event.delivery" }, series.delivery),
  ];
}

export const eventLatency: Bench = { ids: ["event.append", "event.delivery"], run };
