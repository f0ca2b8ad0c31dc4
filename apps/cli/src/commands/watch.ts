// `ossaat watch`: follows a plan to its end and answers its questions.
import type { CommandContext } from "../command-context.ts";
import { onApprovalOf } from "../follow/on-approval.ts";
import { watchRun } from "../follow/watch-run.ts";
import { isUnderWay, resolvePlanId } from "../repository/resolve-plan.ts";

export async function watchCommand(text: string | undefined, context: CommandContext): Promise<number> {
  const rule = onApprovalOf(context);
  const { client } = await context.connect();
  return watchRun(client, context, { planId: await resolvePlanId(client, context, text, isUnderWay), rule });
}
