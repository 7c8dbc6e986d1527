/** Held commands and who decides them, break-glass with its review afterwards, and the administrators’ ordinary changes. */
import { sql } from './commands.ts';
import type { Random } from './random.ts';
import { actorOf, type Stream } from './stream.ts';
import { beginMs, dayMs, hourMs, isAway, isHoliday, isWeekend, offices, type Person } from './world.ts';

export interface HeldParts {
  readonly requester: Person;
  readonly reviewer: Person;
  readonly atMs: number;
  readonly characters: number;
  /** From the request to the decision. */
  readonly seconds: number;
  readonly decision?: 'approve' | 'deny';
}

/** A statement that waits for a reviewer; runs where it is approved. */
export function writeHeld(stream: Stream, parts: HeldParts, incident: string | null = null): void {
  const { requester, reviewer, atMs, characters, seconds, decision = 'approve' } = parts;
  const principal = actorOf(requester);
  const client = requester.clients['postgres']!;
  const source = requester.zone === -5 ? offices[1] : offices[0];
  const session = stream.session({ atMs, principal, resource: 'orders-db', source, client });
  const ran = sql('update orders set state = 4 where state = 3', {
    uses: ['write public.orders', 'read public.orders'],
    effects: ['update'],
    rows: [0, 0],
  });
  const command = session.think(5_000).intent(ran, ran.text.padEnd(characters, ' and x'));
  const review = stream.review();
  const asks = { review, kind: 'command' as const, session: session.id, command, principal, resource: 'orders-db' };
  const askedMs = session.atMs;
  const rest = {
    rule: 'writes-need-review',
    digest: 'd',
    approvals: 1,
    expiresAtMs: askedMs + 1_800_000,
    reason: null,
  };
  stream.write(askedMs, { type: 'review.requested', ...asks, ...rest });
  const decidedMs = askedMs + seconds * 1000;
  const state = decision === 'approve' ? 'approved' : 'denied';
  const by = { review, decision, principal: actorOf(reviewer), reason: '', how: 'api' } as const;
  stream.write(decidedMs, { type: 'review.decided', ...by, state }, incident);
  session.atMs = decidedMs + 10;
  if (decision === 'approve') {
    stream.write(session.atMs, { type: 'review.ended', review, outcome: 'executed', reason: null });
    session.end(command, ran);
  } else session.end(command, ran, { blockedBy: 'writes-need-review' });
  session.close();
}

export interface BrokenParts {
  readonly person: Person;
  readonly atMs: number;
  readonly reviewer: Person;
  /** Until somebody looks at it; null: nobody does. */
  readonly hours: number | null;
}

export function writeBreakGlass(
  stream: Stream,
  { person, atMs, reviewer, hours }: BrokenParts,
  incident: string | null = null,
): void {
  const principal = actorOf(person);
  const source = person.home;
  const session = stream.session({
    atMs,
    principal,
    resource: 'orders-db',
    source,
    client: person.clients['postgres']!,
  });
  const ran = sql('delete from carts where state = 9', {
    uses: ['write public.carts'],
    effects: ['delete'],
    rows: [0, 0],
  });
  const command = session.think(5_000).intent(ran);
  const [first, after] = [stream.review(), stream.review()];
  const asks = {
    session: session.id,
    command,
    principal,
    resource: 'orders-db',
    rule: 'writes-need-review',
    digest: 'd',
    approvals: 1,
  };
  const expiresAtMs = session.atMs + 1_800_000;
  session.write({ type: 'review.requested', review: first, kind: 'command', ...asks, expiresAtMs, reason: null });
  session.think(20_000);
  const by = { principal, reason: 'it burns', how: 'break-glass' };
  session.write({ type: 'review.decided', review: first, decision: 'approve', ...by, state: 'approved' });
  const broken = {
    review: after,
    kind: 'break-glass' as const,
    ...asks,
    expiresAtMs: session.atMs + dayMs,
    reason: 'it burns',
  };
  stream.write(session.atMs, { type: 'review.requested', ...broken }, incident);
  session.end(command, ran).close();
  if (hours === null) return;
  const decided = {
    review: after,
    decision: 'approve' as const,
    principal: actorOf(reviewer),
    reason: '',
    state: 'approved' as const,
  };
  stream.write(session.atMs + hours * hourMs, { type: 'review.decided', ...decided, how: 'api' });
}

/** How long people look at something of that length. */
function readingSeconds(random: Random, characters: number): number {
  return 5 + characters / random.between(15, 35) + random.wait(90);
}

export function writeReviews(stream: Stream, random: Random, people: readonly Person[], day: number): void {
  if (isWeekend(day) || isHoliday(day)) return;
  const there = people.filter((person) => !isAway(person, day));
  const reviewers = there.filter(({ isReviewer }) => isReviewer);
  const requesters = there.filter(({ team }) => team === 'engineering' || team === 'sre' || team === 'support');
  if (reviewers.length < 2) return;
  for (let times = random.whole(4, 11); times > 0; times -= 1) {
    const requester = random.pick(requesters);
    const others = reviewers.filter(({ id }) => id !== requester.id);
    // Who is at work; where nobody is, people wait with it.
    const near = others.filter(({ zone: there }) => Math.abs(there - requester.zone) < 3);
    if (near.length === 0) continue;
    const reviewer = random.favourite(near);
    const zone = requester.zone;
    const atMs = beginMs + day * dayMs - zone * hourMs + random.between(9.5, 16) * hourMs;
    const characters = random.skewed(40, 1_500);
    // Some were talked about before.
    const seconds = random.chance(0.02) ? random.between(2, 6) : readingSeconds(random, characters);
    writeHeld(stream, {
      requester,
      reviewer,
      atMs,
      characters,
      seconds,
      decision: random.chance(0.9) ? 'approve' : 'deny',
    });
  }
  const sre = there.filter(({ team }) => team === 'sre');
  if (random.chance(0.08) && sre.length > 0) {
    const person = random.pick(sre);
    const reviewer = random.pick(reviewers.filter(({ id }) => id !== person.id));
    const atMs = beginMs + day * dayMs + random.between(8, 15) * hourMs;
    writeBreakGlass(stream, { person, atMs, reviewer, hours: random.between(0.3, 5) });
  }
}

/** Rules are added and refined; once in a while one is relaxed for a good reason. */
export function writeAdministration(stream: Stream, random: Random, people: readonly Person[], day: number): void {
  if (isWeekend(day)) return;
  const admins = people.filter(({ team, isReviewer }) => team === 'sre' && isReviewer && true).slice(0, 2);
  const principal = actorOf(random.pick(admins));
  const atMs = beginMs + day * dayMs + random.between(9, 15) * hourMs;
  const write = (kind: string, name: string, action: 'created' | 'updated', changes: readonly string[]): void =>
    stream.write(atMs, { type: 'configuration.changed', principal, action, kind, name, changes });
  if (random.chance(0.3)) write('Guardrail', `rule-${day}`, 'created', ['spec.verdict: (none) → block']);
  if (random.chance(0.3))
    write('Access', 'team', 'updated', ['spec.principals.groups: [staff] → [staff, contractors]']);
  if (random.chance(0.2))
    write('Guardrail', 'no-writes-in-production', 'updated', ['spec.message: no → Ask in #data first.']);
  if (random.chance(0.15))
    write('Mask', 'customer-contacts', 'updated', ['spec.columns: [*.email] → [*.email, *.phone]']);
  if (random.chance(0.03)) write('Guardrail', 'big-results', 'updated', ['spec.limits.statement.rows: 10000 → 20000']);
}
