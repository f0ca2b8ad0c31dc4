// A wire between a client and a server that a test can cut or block.
import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";

export type TcpProxy = {
  port: number;
  /** Ends every connection at once, as a machine that is gone would. New ones are let through. */
  cut(): void;
  /** Lets nothing through any more, on connections of now and later, and says nothing about it. */
  hold(): void;
  /** Lets everything through again, what was held back first. */
  release(): void;
  /** Blocks the connections of now for ever; new ones are let through. */
  freezeCurrent(): void;
  remove(): Promise<void>;
};

type Wire = { client: Socket; server: Socket };

function pause({ client, server }: Wire): void {
  client.pause();
  server.pause();
}

export async function startProxy(target: number): Promise<TcpProxy> {
  const wires = new Set<Wire>();
  const frozen = new Set<Wire>();
  let isHeld = false;
  const listener = createServer((client) => {
    const server = connect(target, "127.0.0.1");
    const wire = { client, server };
    wires.add(wire);
    const end = () => {
      wires.delete(wire);
      client.destroy();
      server.destroy();
    };
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      from.setNoDelay(true);
      from.on("data", (chunk: Buffer) => to.write(chunk));
      from.on("error", end);
      from.on("close", end);
    }
    if (isHeld) pause(wire);
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  return {
    port: (listener.address() as AddressInfo).port,
    cut() {
      for (const { client, server } of wires) {
        client.resetAndDestroy();
        server.destroy();
      }
    },
    hold() {
      isHeld = true;
      wires.forEach(pause);
    },
    release() {
      isHeld = false;
      for (const { client, server } of wires) {
        client.resume();
        server.resume();
      }
    },
    freezeCurrent() {
      for (const wire of wires) {
        pause(wire);
        wires.delete(wire);
        frozen.add(wire);
      }
    },
    async remove() {
      listener.close();
      for (const { client, server } of [...wires, ...frozen]) {
        client.destroy();
        server.destroy();
      }
      await once(listener, "close");
    },
  };
}
