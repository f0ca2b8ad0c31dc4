// Public names for those who run the queue on Apache Kafka, apart from the others so that nobody else loads its client.
export { parseKafkaAddress } from "./job/adapters/kafka/kafka-address.ts";
export type { KafkaAddress } from "./job/adapters/kafka/kafka-address.ts";
export { createKafkaQueue } from "./job/adapters/kafka/kafka-queue.ts";
export type { KafkaQueue, KafkaQueueOptions } from "./job/adapters/kafka/kafka-queue.ts";
export { StepStates } from "./job/step-states.ts";
export type { StepStateRecord, StepStatesDeps } from "./job/step-states.ts";
