// Loans: borrowing, returning, renewing.
import { addDays, daysBetween } from "./dates.ts";
import type { Day } from "./dates.ts";
import { maxLoansOf } from "./members.ts";
import type { Member } from "./members.ts";

export type Loan = {
  book: string;
  memberId: string;
  due: Day;
  renewals: number;
  returned?: Day;
};

export const loanDays = 21;
const maxRenewals = 2;

export class LoanRefused extends Error {}

export function isOpen(loan: Loan): boolean {
  return loan.returned === undefined;
}

/** Adds a loan. @throws LoanRefused */
export function borrow(loans: readonly Loan[], { book, member, on }: { book: string; member: Member; on: Day }): Loan[] {
  const open = loans.filter(isOpen);
  if (open.some((loan) => loan.book === book)) throw new LoanRefused(`${book} is lent`);
  const own = open.filter((loan) => loan.memberId === member.id);
  if (own.length >= maxLoansOf(member)) throw new LoanRefused(`${member.name} has ${own.length} loans already`);
  if (own.some((loan) => daysBetween(loan.due, on) > 0)) throw new LoanRefused(`${member.name} has something overdue`);
  return [...loans, { book, memberId: member.id, due: addDays(on, loanDays), renewals: 0 }];
}

function change(loans: readonly Loan[], book: string, to: (loan: Loan) => Loan): Loan[] {
  const loan = loans.find((each) => each.book === book && isOpen(each));
  if (loan === undefined) throw new LoanRefused(`${book} is not lent`);
  return loans.map((each) => (each === loan ? to(loan) : each));
}

/** @throws LoanRefused when the book is not lent */
export function giveBack(loans: readonly Loan[], book: string, on: Day): Loan[] {
  return change(loans, book, (loan) => ({ ...loan, returned: on }));
}

/** A loan that is not overdue goes on from the day it was due. @throws LoanRefused */
export function renew(loans: readonly Loan[], book: string, on: Day): Loan[] {
  return change(loans, book, (loan) => {
    if (daysBetween(loan.due, on) > 0) throw new LoanRefused(`${book} is overdue`);
    if (loan.renewals >= maxRenewals) throw new LoanRefused(`${book} was renewed ${maxRenewals} times`);
    return { ...loan, due: addDays(loan.due, loanDays), renewals: loan.renewals + 1 };
  });
}
