/** What watches or restricts was made weaker, switched off or deleted. */
import { severities } from '../../core/alert.ts';
import type { Event } from '../../core/event.ts';
import { verdictOrder } from '../../core/verdict.ts';
import { define, figure, found, minuteMs, nothing } from './kit.ts';

type Change = Extract<Event, { readonly type: 'configuration.changed' }>;

/** Kinds whose objects only ever restrict or watch: without one there is less of it. */
const watching: ReadonlySet<string> = new Set([
  'Guardrail',
  'Mask',
  'Detection',
  'Sink',
  'Retention',
  'LegalHold',
  'Lock',
]);

const tlsOrder = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full'];

export const weakening = define({
  name: 'weakening',
  title: 'Safeguards weakened',
  explanation:
    'Reads what the gateway journals of its own configuration: rules, masks, detections, sinks, retention and legal holds deleted, switched ' +
    'off, or changed so that they restrict less (a milder verdict, a higher limit, fewer approvals, more exceptions, fewer columns or ' +
    'detectors, recording no longer strict, TLS no longer verified); recordings deleted and events pruned by a person; responses to an alert ' +
    'ended by a person; entries of a sink discarded; a gateway that did not stop in order. It cannot tell a good reason from a bad one: ' +
    'whoever changed it should be able to say. Deletions by a retention rule are not reported; that there is such a rule, and changes of it, are. ' +
    'Not seen: what stands in the gateway’s own configuration file, since no event tells of it.',
  techniques: ['T1562.001', 'T1562.008', 'T1070'],
  tuning: {
    restartMinutes: {
      default: 1,
      meaning: 'Minutes within which several things of one person are one finding.',
      min: 1,
      max: 1440,
    },
  },
  create: ({ restartMinutes }, memory) => {
    const gateway = memory.map<boolean>('gateway', 1);
    const told = memory.map<number>('told', 1000);
    return {
      observe: (observation) => {
        const { activity, atMs, principal, sequence } = observation;
        const what = weakened(activity.event, gateway.peek('') === true);
        if (activity.event.type === 'gateway.started') gateway.set('', true);
        if (activity.event.type === 'gateway.stopped') gateway.set('', false);
        if (what === null) return nothing;
        const who = principal?.name ?? 'gateway';
        const group = `${who} ${what.about}`;
        if (atMs - (told.peek(group) ?? 0) < restartMinutes * minuteMs) return nothing;
        told.set(group, atMs);
        const summary = principal === null ? what.text : `${who} ${what.text}`;
        return [found(observation, { group, summary, evidence: [sequence], facts: { what: what.about } })];
      },
    };
  },
});

interface Weakened {
  readonly about: string;
  readonly text: string;
}

function weakened(event: Event, isRunning: boolean): Weakened | null {
  switch (event.type) {
    case 'configuration.changed':
      return ofConfiguration(event);
    case 'recording.deleted':
      return event.rule === null
        ? { about: `recording ${event.session}`, text: `deleted the recording of ${event.session}: ${event.reason}.` }
        : null;
    case 'journal.pruned':
      return event.rule === null
        ? { about: 'journal', text: `pruned the journal from event ${event.from} to ${event.to}.` }
        : null;
    case 'response.changed':
      return event.action === 'ended' && event.principal !== null
        ? { about: `response ${event.response}`, text: `ended the response ${event.kind} to alert ${event.alert}.` }
        : null;
    case 'sink.changed':
      return event.standing === 'discarded' && event.principal !== null
        ? { about: `sink ${event.sink}`, text: `discarded what sink ${event.sink} could not hand on.` }
        : null;
    case 'journal.recovered':
      return {
        about: 'gateway',
        text: `The gateway had not stopped in order: ${figure(event.cutBytes)} bytes of the journal were torn, ${event.interrupted} sessions cut off.`,
      };
    case 'gateway.started':
      return isRunning
        ? { about: 'gateway', text: 'The gateway started again without having stopped in order.' }
        : null;
    default:
      return null;
  }
}

function ofConfiguration({ kind, name, action, changes }: Change): Weakened | null {
  const about = `${kind} ${name}`;
  if (action === 'deleted') return watching.has(kind) ? { about, text: `deleted ${about}.` } : null;
  // Without a Retention everything is kept.
  if (action === 'created')
    return kind === 'Retention' ? { about, text: `created ${about}: what it selects is deleted in time.` } : null;
  for (const change of changes) {
    const colon = change.indexOf(': ');
    const arrow = change.lastIndexOf(' → ');
    if (colon === -1 || arrow <= colon) continue;
    const path = change.slice(0, colon);
    const [before, after] = [change.slice(colon + 2, arrow), change.slice(arrow + 3)];
    if (isWeaker(kind, path, before, after))
      return { about, text: `made ${about} weaker: ${path}, from ${before} to ${after}.` };
  }
  return null;
}

const none = '(none)';

/** Whether a changed field restricts or watches less. What is not known to be weaker is not. */
function isWeaker(kind: string, path: string, before: string, after: string): boolean {
  const leaf = path.split('.').at(-1) ?? '';
  if (kind === 'Resource') {
    if (leaf === 'recording') return before !== 'best-effort' && after === 'best-effort';
    if (path.includes('tls') && leaf === 'mode') return tlsOrder.indexOf(after) < tlsOrder.indexOf(before);
    return false;
  }
  if (!watching.has(kind) || path.includes('examples') || leaf === 'message' || leaf === 'description') return false;
  if (leaf === 'enabled') return after === 'false';
  if (leaf === 'mode')
    return after === 'off' || (before === 'on' && after === 'dry-run') || (before === none && after === 'dry-run');
  if (leaf === 'verdict') return strictness(after) < strictness(before);
  if (kind === 'Detection' && leaf === 'severity') return rank(after) < rank(before);
  if (leaf === 'approvals') return Number(after === none ? 1 : after) < Number(before === none ? 1 : before);
  if (leaf === 'predicates') return after === 'allow';
  if (path.includes('.limits.')) return after === none || Number(after) > Number(before);
  if (path.includes('except') || path.includes('suppress')) return addsTo(before, after);
  if (path.includes('breakGlass')) return addsTo(before, after);
  if (
    ['columns', 'fields', 'headers', 'detect', 'respond', 'effects', 'statements', 'programs', 'relations'].includes(
      leaf,
    )
  ) {
    return addsTo(after, before);
  }
  if (kind === 'Guardrail' && path.includes('.review.') && leaf === 'stepUp')
    return after !== 'true' && before === 'true';
  if (kind === 'Retention' && /^(?:keep|for|after|days|recordings|events)$/.test(leaf)) return shorter(after, before);
  return false;
}

function rank(severity: string): number {
  return severities.indexOf(severity as (typeof severities)[number]);
}

function strictness(verdict: string): number {
  return verdictOrder.indexOf(verdict as (typeof verdictOrder)[number]);
}

/** Whether `after`, as changes spell lists, has entries that `before` has not. */
function addsTo(before: string, after: string): boolean {
  const had = new Set(entriesOf(before));
  return entriesOf(after).some((entry) => !had.has(entry));
}

function entriesOf(list: string): string[] {
  if (list === none) return [];
  const inner = list.startsWith('[') ? list.slice(1, -1) : list;
  return inner
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
}

const units: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800, y: 31_536_000 };

function shorter(a: string, b: string): boolean {
  const [first, second] = [a, b].map((text) => {
    const match = /^(\d+)([smhdwy])$/.exec(text);
    return match === null ? null : Number(match[1]) * units[match[2]!]!;
  });
  return first != null && second != null && first < second;
}
