// Settings of a broker for tests: one process that is broker and controller, on loopback.

/** Of the server, by name. */
export type KafkaSettings = Readonly<Record<string, string>>;

export type KafkaPlace = { port: number; controllerPort: number; dataFolder: string };

function listenersOf({ port, controllerPort }: KafkaPlace): KafkaSettings {
  return {
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    "advertised.listeners": `PLAINTEXT://127.0.0.1:${port}`,
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "controller.quorum.voters": `1@127.0.0.1:${controllerPort}`,
  };
}

/** A listener with TLS and a login beside the plain one. */
export type SecureListener = { port: number; cert: string; key: string; user: string; password: string };

/** A text of several lines as a value of a settings file. */
const oneLine = (text: string) => text.trim().replaceAll("\n", "\\n");

export function secureListenerOf(
  place: KafkaPlace,
  { port, cert, key, user, password }: SecureListener,
): KafkaSettings {
  const plain = listenersOf(place);
  const own = `SASL_SSL://127.0.0.1:${port}`;
  const modules = "org.apache.kafka.common.security";
  const scram = `${modules}.scram.ScramLoginModule required;`;
  return {
    listeners: `${plain["listeners"]},${own}`,
    "advertised.listeners": `${plain["advertised.listeners"]},SASL_SSL://localhost:${port}`,
    "listener.security.protocol.map": `${plain["listener.security.protocol.map"]},SASL_SSL:SASL_SSL`,
    "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
    "listener.name.sasl_ssl.plain.sasl.jaas.config": `${modules}.plain.PlainLoginModule required user_${user}="${password}";`,
    "listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config": scram,
    "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": scram,
    "ssl.keystore.type": "PEM",
    "ssl.keystore.certificate.chain": oneLine(cert),
    "ssl.keystore.key": oneLine(key),
  };
}

/** One node keeps one copy of everything. */
const oneNode: KafkaSettings = {
  "process.roles": "broker,controller",
  "node.id": "1",
  "num.partitions": "3",
  "default.replication.factor": "1",
  "min.insync.replicas": "1",
  "offsets.topic.replication.factor": "1",
  "offsets.topic.num.partitions": "3",
  "transaction.state.log.replication.factor": "1",
  "transaction.state.log.min.isr": "1",
  "transaction.state.log.num.partitions": "1",
  "share.coordinator.state.topic.replication.factor": "1",
  "share.coordinator.state.topic.min.isr": "1",
  "share.coordinator.state.topic.num.partitions": "1",
};

const forTests: KafkaSettings = {
  // As in a well-kept cluster: who forgets to make a topic is told so.
  "auto.create.topics.enable": "false",
  "group.initial.rebalance.delay.ms": "0",
  "group.min.session.timeout.ms": "1000",
  "num.network.threads": "2",
  "num.io.threads": "2",
  "log.cleaner.dedupe.buffer.size": "8388608",
  "log.cleaner.backoff.ms": "1000",
  // A killed broker counts as alive for this long, and may not come back before.
  "broker.session.timeout.ms": "2000",
  "broker.heartbeat.interval.ms": "250",
};

/** The text of `server.properties`. */
export function renderSettings(place: KafkaPlace, more: KafkaSettings): string {
  const all = { ...listenersOf(place), ...oneNode, ...forTests, "log.dirs": place.dataFolder, ...more };
  return Object.entries(all)
    .map(([name, value]) => `${name}=${value}\n`)
    .join("");
}

/** Settings of its log: warnings alone, to the standard error. */
export const logSettings = `<Configuration status="ERROR">
  <Appenders><Console name="E" target="SYSTEM_ERR"><PatternLayout pattern="%d{HH:mm:ss.SSS} %p %c{1} %m%n"/></Console></Appenders>
  <Loggers><Root level="WARN"><AppenderRef ref="E"/></Root></Loggers>
</Configuration>
`;
