// Apart from the schema of such files, which every command would load with it.

/** The administrator's policy file of a machine: it holds for every server there. */
export const systemPolicyFile = "/etc/ossaat/policy.json";
