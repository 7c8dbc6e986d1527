/**
 * What an alert rests on, as people read it: the events of its evidence with the commands that they belong to.
 *
 * Invariants: read from the journal, never copied beside it: what was pruned there is gone here too. What lies near together is
 * read in one go.
 *
 * Honest limit: evidence in another gateway's journal is known by its sequences only.
 */
import type { EvidenceRecord } from '../api/index.ts';
import { isGatewayError } from '../base/errors.ts';
import { Activities, type Activity } from '../core/activity.ts';
import type { Actor, Event } from '../core/event.ts';
import { readEvents as readJournal } from '../recording/index.ts';
import type { StoredAlert } from '../store/index.ts';
import type { AlertParts } from './alerts.ts';
import { journalLookups } from './journal-lookups.ts';
import * as limits from './limits.ts';

/** Events that are passed over rather than looked up anew. */
const nearEvents = 20_000;

export async function readEvidence(
  { gateway, config, journal, store, readEvents }: AlertParts,
  alert: Pick<StoredAlert, 'gateway' | 'evidence'>,
): Promise<readonly EvidenceRecord[]> {
  const shown = alert.evidence.slice(-limits.evidenceShownMax);
  if (alert.gateway !== gateway) return shown.map(unread);
  const activities = new Activities(journalLookups({ gateway, store, readEvents }));
  const found = new Map<number, EvidenceRecord>();
  const wanted = shown.filter((one) => one <= journal.durableSequence);
  for (const near of togetherOf(wanted)) {
    try {
      const range = { from: near[0]!, to: near.at(-1)! };
      for await (const event of readJournal(config.dataDirectory, range)) {
        if (near.includes(event.seq)) found.set(event.seq, evidenceOf(await activities.join(event)));
      }
    } catch (error) {
      // A damaged journal is `verify`'s to name; the alert is shown all the same.
      if (!isGatewayError(error)) throw error;
    }
  }
  return shown.map((one) => found.get(one) ?? unread(one));
}

/** Ascending sequences in groups of what lies near together. */
function togetherOf(sequences: readonly number[]): number[][] {
  const groups: number[][] = [];
  for (const one of sequences) {
    const last = groups.at(-1);
    if (last === undefined || one - last.at(-1)! > nearEvents) groups.push([one]);
    else last.push(one);
  }
  return groups;
}

function unread(sequence: number): EvidenceRecord {
  const nothing = {
    type: null,
    atMs: null,
    session: null,
    command: null,
    offsetMs: null,
    principal: null,
    resource: null,
  };
  return { sequence, ...nothing, text: '', outcome: null, rows: null, bytes: null };
}

/** An event as people read it: a command by its text, anything else by what it says. */
function evidenceOf({ event, opened, command }: Activity): EvidenceRecord {
  const own: Actor | null = 'principal' in event ? event.principal : null;
  const session = opened?.session ?? ('session' in event ? event.session : null);
  const at = command?.intent ?? event;
  return {
    sequence: event.seq,
    type: event.type,
    atMs: event.at,
    session,
    command: command?.intent.command ?? ('command' in event ? event.command : null),
    offsetMs: opened === null ? null : Math.max(0, at.at - opened.at),
    principal: own?.name ?? opened?.principal.name ?? null,
    resource: opened?.resource ?? ('resource' in event ? event.resource : null),
    text: command?.intent.text ?? textOf(event),
    outcome: event.type === 'command.ended' ? event.outcome : (command?.verdict?.name ?? null),
    rows: event.type === 'command.ended' ? event.rows : null,
    bytes: event.type === 'command.ended' ? event.bytes : null,
  };
}

function textOf(event: Event): string {
  switch (event.type) {
    case 'identity.refused':
      return `sign-on as ${event.login} from ${event.source} refused: ${event.code}`;
    case 'session.refused':
      return `session on ${event.resource} from ${event.source} refused: ${event.code}`;
    case 'session.opened':
      return `session on ${event.resource} from ${event.source}`;
    case 'session.ended':
      return `session ended: ${event.reason}, ${event.commands} commands`;
    case 'configuration.changed':
      return `${event.action} ${event.kind} ${event.name}: ${event.changes.join('; ')}`;
    case 'review.requested':
      return `asked for a review of ${event.resource}: ${event.reason ?? event.rule}`;
    case 'review.decided':
      return `${event.decision} of ${event.review}: ${event.reason}`;
    case 'alert.raised':
      return event.reason;
    case 'violation':
      return `${event.code}: ${event.detail}`;
    case 'token.issued':
      return `token for ${event.owner}`;
    case 'recording.read':
      return `read the recording of ${event.session}`;
    default:
      return event.type;
  }
}
