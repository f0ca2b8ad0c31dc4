// Starts a broker, stops it, and keeps the classes that it loaded, so that later brokers start in half
// of the time. Argument: the file to write.
import { startKafka } from "../../packages/testkit/src/servers/start-kafka.ts";

const [file] = process.argv.slice(2);
if (file === undefined) throw new Error("say which file to write");
const server = await startKafka({ archiveClassesTo: file });
await server.stop();
await server.remove();
