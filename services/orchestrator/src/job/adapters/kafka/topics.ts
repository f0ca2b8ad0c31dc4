// Names of topics and groups. A namespace keeps installations that share a cluster apart.

/** Messages of a pool, keyed by plan. */
export const jobsTopic = (namespace: string, pool: string): string => `${namespace}.jobs.${pool}`;

/** Records of a pool that no handler could take, as they came, with the reason. */
export const deadLetterTopic = (namespace: string, pool: string): string => `${namespace}.dlq.${pool}`;

/** The group whose members share the messages of a pool. */
export const workersGroup = (namespace: string, pool: string): string => `${namespace}.workers.${pool}`;

/** States of steps for others to read, by plan and step; of each the last is kept. */
export const stateTopic = (namespace: string): string => `${namespace}.job-state`;
