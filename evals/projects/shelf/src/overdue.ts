// What is overdue, for the person at the desk.
import { columns } from "column-text";

import { daysBetween } from "./dates.ts";
import type { Day } from "./dates.ts";
import { feeOf, formatCents } from "./fees.ts";
import { isOpen } from "./loans.ts";
import type { Loan } from "./loans.ts";
import { getMember } from "./members.ts";
import type { Member } from "./members.ts";

export type OverdueRow = { member: string; book: string; days: number; cents: number };

/** Overdue loans, the latest first. */
export function listOverdue(loans: readonly Loan[], members: ReadonlyMap<string, Member>, today: Day): OverdueRow[] {
  return loans
    .filter((loan) => isOpen(loan) && daysBetween(loan.due, today) > 0)
    .map((loan) => {
      const member = getMember(members, loan.memberId);
      const days = daysBetween(loan.due, today);
      return { member: member.name, book: loan.book, days, cents: feeOf(loan, member, today) };
    })
    .sort((a, b) => b.days - a.days || (a.book < b.book ? -1 : 1));
}

export function renderOverdue(rows: readonly OverdueRow[]): string {
  if (rows.length === 0) return "nothing is overdue";
  return columns([
    ["member", "book", "days", "fee"],
    ...rows.map(({ member, book, days, cents }) => [member, book, String(days), formatCents(cents)]),
  ]);
}
