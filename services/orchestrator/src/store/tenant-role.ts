// The names by which row security of a server knows that a transaction acts for one tenant.

/** A role without login; the user of the database is a member of it. */
export const tenantRole = "ossaat_tenant";

/** A setting of the transaction: the tenant it acts for. */
export const tenantSetting = "ossaat.tenant";
