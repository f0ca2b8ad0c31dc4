// Replaces limits of this process: of the job engine and of the queues.
import { kafkaLimits } from "../job/adapters/kafka/limits.ts";
import { rabbitmqLimits } from "../job/adapters/rabbitmq/limits.ts";
import { jobEngineLimits } from "../job/limits.ts";

/** Of the job engine and of the queues. */
export type HastenedLimits = {
  engine?: Partial<Record<keyof typeof jobEngineLimits, number>>;
  kafka?: Partial<Record<keyof typeof kafkaLimits, number>>;
  rabbitmq?: Partial<Record<keyof typeof rabbitmqLimits, number>>;
};

/** Lets this process wait for less; called before anything reads them. */
export function hastenLimits({ engine, kafka, rabbitmq }: HastenedLimits): void {
  Object.assign(jobEngineLimits, engine);
  Object.assign(kafkaLimits, kafka);
  Object.assign(rabbitmqLimits, rabbitmq);
}
