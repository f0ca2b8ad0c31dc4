// Fees for late books, in cents.
import { daysBetween } from "./dates.ts";
import type { Day } from "./dates.ts";
import type { Loan } from "./loans.ts";
import type { Member } from "./members.ts";

const centsADay = 20;
const maxCents = 600;
/** Days after the due day that cost nothing. */
const graceDays = 2;

/** Fee of one loan on a day; a returned book costs no more after its return. */
export function feeOf(loan: Loan, member: Member, today: Day): number {
  if (member.kind !== "adult") return 0;
  const late = daysBetween(loan.due, loan.returned ?? today);
  if (late <= graceDays) return 0;
  return Math.min(late * centsADay, maxCents);
}

export function formatCents(cents: number): string {
  return `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, "0")}`;
}
