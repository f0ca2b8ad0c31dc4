// The address of a broker as an operator writes it. It is shown and stored, so it holds no password.

/** A user and no password, then the first of the brokers. */
const kafkaAddress = /^kafkas?:\/\/(?:[^\s@/?:,]+@)?[^\s@/][^\s@]*$/u;

/**
 * Whether a text is `amqp://user@host:port/vhost`, `amqps://…`, `kafka://user@host:port,host:port` or
 * `kafkas://…`, without a password.
 */
export function isBrokerAddress(text: string): boolean {
  // Several hosts are no URL.
  if (/^kafkas?:\/\//u.test(text)) return kafkaAddress.test(text);
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, password } = new URL(text);
  return (protocol === "amqp:" || protocol === "amqps:") && hostname !== "" && password === "";
}
