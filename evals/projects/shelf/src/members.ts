// Members: who may borrow, and how much.

export type MemberKind = "adult" | "child" | "staff";

export type Member = { id: string; name: string; kind: MemberKind };

const maxLoans: Readonly<Record<MemberKind, number>> = { adult: 6, child: 3, staff: 20 };

/** Loans a member may have at a time. */
export function maxLoansOf(member: Member): number {
  return maxLoans[member.kind];
}

/** Members by id. @throws RangeError when an id occurs twice */
export function indexMembers(members: readonly Member[]): Map<string, Member> {
  const byId = new Map<string, Member>();
  for (const member of members) {
    if (byId.has(member.id)) throw new RangeError(`two members have the id ${member.id}`);
    byId.set(member.id, member);
  }
  return byId;
}

/** @throws RangeError when there is none */
export function getMember(byId: ReadonlyMap<string, Member>, id: string): Member {
  const member = byId.get(id);
  if (member === undefined) throw new RangeError(`there is no member ${id}`);
  return member;
}
