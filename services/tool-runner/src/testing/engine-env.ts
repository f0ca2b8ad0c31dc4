// Where a test finds the daemon of a container engine: the one thing it takes from its environment.
const host = process.env["DOCKER_HOST"];

export const engineEnv: Readonly<Record<string, string>> = host === undefined ? {} : { DOCKER_HOST: host };
