// Public names around the queue on RabbitMQ, apart from the others: its client is loaded only where it is used.
export { createRabbitmqQueue } from "./job/adapters/rabbitmq/rabbitmq.ts";
