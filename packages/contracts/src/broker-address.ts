// The address of a broker as an operator writes it. It is shown and stored, so it holds no password.

/** Whether a text is `amqp://user@host:port/vhost`, `amqps://…` or `kafka://host:port,host:port`, without a password. */
export function isBrokerAddress(text: string): boolean {
  // Several hosts are no URL.
  if (text.startsWith("kafka://")) return /^kafka:\/\/[^\s@/][^\s@]*$/u.test(text);
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, password } = new URL(text);
  return (protocol === "amqp:" || protocol === "amqps:") && hostname !== "" && password === "";
}
