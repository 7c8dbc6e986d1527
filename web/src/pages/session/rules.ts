/** What the rules did in a session, by command: verdicts, reviews, alerts, limits, how many values were masked. */
import type { SessionEventView } from '../../../../src/api/contract/rule-shapes.ts';
import type { SessionCommand } from './model.ts';

export type RuleEvent<T extends SessionEventView['type']> = Extract<SessionEventView, { type: T }>;

export interface Held {
  readonly asked: RuleEvent<'review.requested'>;
  readonly decisions: readonly RuleEvent<'review.decided'>[];
  readonly ended: RuleEvent<'review.ended'> | null;
}

export interface CommandRules {
  readonly verdicts: readonly RuleEvent<'verdict'>[];
  readonly masked: Readonly<Record<string, number>> | null;
  readonly held: readonly Held[];
  readonly alerts: readonly RuleEvent<'alert'>[];
  readonly limited: readonly RuleEvent<'limited'>[];
}

export interface Rules {
  readonly events: readonly SessionEventView[];
  readonly of: ReadonlyMap<number, CommandRules>;
  /** Of the session: what belongs to no command. */
  readonly alerts: readonly RuleEvent<'alert'>[];
  readonly confirmed: RuleEvent<'confirmed'> | null;
  readonly reviews: readonly Held[];
  readonly maskedTotal: number;
}

export const noRules: CommandRules = { verdicts: [], masked: null, held: [], alerts: [], limited: [] };

export function rulesOf(events: readonly SessionEventView[]): Rules {
  const by = Map.groupBy(events, (event) => event.command);
  const ofType = <T extends SessionEventView['type']>(among: readonly SessionEventView[], type: T): RuleEvent<T>[] =>
    among.filter((event): event is RuleEvent<T> => event.type === type);
  const reviewed = Map.groupBy(
    events.filter((event) => event.type === 'review.decided' || event.type === 'review.ended'),
    ({ review }) => review,
  );
  const held = (asked: RuleEvent<'review.requested'>): Held => {
    const all = reviewed.get(asked.review) ?? [];
    return { asked, decisions: ofType(all, 'review.decided'), ended: ofType(all, 'review.ended').at(-1) ?? null };
  };
  const of = new Map<number, CommandRules>();
  let maskedTotal = 0;
  for (const [command, among] of by) {
    if (command === null) continue;
    const masked: Record<string, number> = {};
    for (const event of ofType(among, 'masked')) {
      for (const [rule, count] of Object.entries(event.masked)) {
        masked[rule] = (masked[rule] ?? 0) + count;
        maskedTotal += count;
      }
    }
    of.set(command, {
      verdicts: ofType(among, 'verdict'),
      masked: Object.keys(masked).length === 0 ? null : masked,
      held: ofType(among, 'review.requested').map(held),
      alerts: ofType(among, 'alert'),
      limited: ofType(among, 'limited'),
    });
  }
  const rest = by.get(null) ?? [];
  return {
    events,
    of,
    alerts: ofType(events, 'alert'),
    confirmed: ofType(events, 'confirmed')[0] ?? null,
    reviews: ofType(rest, 'review.requested').map(held),
    maskedTotal,
  };
}

export type Standing = 'allow' | 'mask' | 'hold' | 'block' | 'terminate' | 'failed' | 'withdrawn';

/** What came of a command, as its mark: what was refused over what was held over what was masked. */
export function standingOf(command: SessionCommand, { verdicts, masked, held }: CommandRules): Standing {
  const names = verdicts.map(({ verdict }) => verdict.name);
  const outcome = command.ended?.entry.outcome ?? null;
  if (names.includes('terminate')) return 'terminate';
  if (names.includes('block') || outcome === 'refused') return 'block';
  if (outcome === 'withdrawn') return 'withdrawn';
  if (outcome === 'failed') return 'failed';
  if (names.includes('hold') || held.length > 0) return 'hold';
  if (masked !== null || names.includes('mask')) return 'mask';
  return 'allow';
}

export const standingNames: readonly Standing[] = [
  'allow',
  'mask',
  'hold',
  'block',
  'terminate',
  'failed',
  'withdrawn',
];

/** Where a rule of a verdict stands; null for what no object says. */
export function objectOf(verdict: string, rule: string): { readonly kind: string; readonly name: string } | null {
  if (!/^[a-z0-9][a-z0-9._-]*$/i.test(rule) || rule === 'none') return null;
  return { kind: verdict === 'mask' ? 'Mask' : 'Guardrail', name: rule };
}
