// Rows of a tenant on a server: whoever asks as the role of tenants sees and changes only the rows of
// the tenant that its transaction names, whatever the statement says. A file has no roles.
import { AgentError } from "@ossaat/contracts";
import { sql } from "kysely";
import type { Kysely } from "kysely";

import { tenantRole, tenantSetting } from "../src/store/tenant-role.ts";
import { isPostgres } from "./dialect.ts";

const named = sql`current_setting(${sql.lit(tenantSetting)}, true)`;

/** Tables whose rows name their tenant. */
const ownTables = ["plan", "approval", "outbox", "idem", "dead_letter"];

/** Tables whose rows are of the tenant of their plan. */
const planTables = ["event", "step", "step_dep", "attempt", "timer"];

type Standing = { exists: boolean; mayCreate: boolean; isMember: boolean; name: string };

async function standingOf(db: Kysely<unknown>): Promise<Standing> {
  const role = sql.lit(tenantRole);
  const { rows } = await sql<Standing>`
    select
      current_user::text as name,
      exists (select from pg_roles where rolname = ${role}) as exists,
      (select rolsuper or rolcreaterole from pg_roles where rolname = current_user) as "mayCreate",
      coalesce(
        (select pg_has_role(
          current_user, oid,
          case when current_setting('server_version_num')::int >= 160000 then 'SET' else 'MEMBER' end
        ) from pg_roles where rolname = ${role}),
        false
      ) as "isMember"
  `.execute(db);
  const [standing] = rows;
  if (standing === undefined) throw new Error("the server did not say who we are");
  return standing;
}

function askAdministrator({ name }: Standing): AgentError {
  return new AgentError("unavailable", `The user of the database may not use the role ${tenantRole}.`, {
    details: {
      reason: "no_privilege",
      next: `as an administrator of the server: create role ${tenantRole} nologin; grant ${tenantRole} to "${name}"; then \`ossaat db migrate\``,
    },
  });
}

/** Roles belong to the whole server: other databases on it may have made this one, or make it now. */
async function requireRole(db: Kysely<unknown>): Promise<void> {
  const before = await standingOf(db);
  if (!before.exists) {
    if (!before.mayCreate) throw askAdministrator(before);
    await sql`
      do $$ begin
        create role ${sql.id(tenantRole)} nologin;
      exception when duplicate_object or unique_violation then null;
      end $$
    `.execute(db);
  }
  const now = await standingOf(db);
  if (now.isMember) return;
  if (!now.mayCreate) throw askAdministrator(now);
  await sql`grant ${sql.id(tenantRole)} to ${sql.id(now.name)}`.execute(db);
}

async function protect(db: Kysely<unknown>, table: string, isOwn: ReturnType<typeof sql<boolean>>): Promise<void> {
  const name = sql.table(table);
  await sql`alter table ${name} enable row level security`.execute(db);
  // Sweeps and workers are not that role, and are of every tenant.
  await sql`
    create policy tenant_rows on ${name} using (current_user <> ${sql.lit(tenantRole)} or ${isOwn})
  `.execute(db);
  await sql`grant select, insert, update, delete on ${name} to ${sql.id(tenantRole)}`.execute(db);
}

export async function up(db: Kysely<unknown>): Promise<void> {
  if (!isPostgres(db)) return;
  await requireRole(db);
  await sql`
    do $$ begin
      execute format('grant usage on schema %I to %I', current_schema(), ${sql.lit(tenantRole)});
    end $$
  `.execute(db);
  for (const table of ownTables) await protect(db, table, sql<boolean>`tenant_id = ${named}`);
  for (const table of planTables) {
    const planId = sql.ref(`${table}.plan_id`);
    await protect(
      db,
      table,
      sql<boolean>`exists (select from plan where plan.id = ${planId} and plan.tenant_id = ${named})`,
    );
  }
}
