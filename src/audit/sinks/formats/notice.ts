/**
 * An event as people are told of it in a chat, by mail, or on a pager: a title, a few facts, a link. Pure.
 *
 * Invariants: everything comes of the document whose fields were hidden; no command's text, no parameter and no result is in it;
 * every text is one line that can move, colour or reorder nothing (A-REC-02), and as long as the places that show it take.
 * What a place takes for mark-up is that place's to escape.
 */
import { escapeLine } from '../../../base/escape.ts';
import type { Severity } from '../../../core/alert.ts';
import type { Event } from '../../../core/event.ts';
import type { SinkRecord, TransportParts } from '../transport.ts';
import type { EventDocument } from './document.ts';
import { messageOf } from './message.ts';
import { severityOf } from './severity.ts';

export interface Notice {
  /** The same of everything that tells of one thing: an alert's id, a review's, an event's own otherwise. */
  readonly key: string;
  readonly type: Event['type'];
  /** What it means for that thing, where somebody keeps a list of what is open. */
  readonly stage: 'open' | 'acknowledged' | 'closed' | 'note';
  readonly severity: Severity;
  readonly title: string;
  readonly facts: readonly (readonly [name: string, value: string])[];
  readonly link: string | null;
  readonly atMs: number;
}

/** Characters of a title: what a header block of Slack takes is 150. */
const titleMax = 150;

/** Characters of one fact. */
const factMax = 500;

/** Facts of one notice: what a section of Slack takes is 10. */
const factsMax = 10;

type Fields = Readonly<Record<string, unknown>>;

export function noticeOf(record: SinkRecord, parts: Pick<TransportParts, 'gateway' | 'link'>): Notice {
  const document: Fields = record.document ?? {};
  const { event } = record.activity;
  const details = objectAt(document, 'details');
  const { title, facts, ...rest } = told(event, document, details, parts);
  return {
    type: event.type,
    severity: severityOf(record.activity),
    atMs: event.at,
    ...rest,
    title: oneLine(title, titleMax),
    facts: [...facts, ...common(document)]
      .flatMap(([name, value]): (readonly [string, string])[] => {
        const text = textOf(value);
        return text === '' ? [] : [[name, oneLine(text, factMax)]];
      })
      .slice(0, factsMax),
  };
}

interface Told extends Pick<Notice, 'key' | 'stage' | 'link'> {
  readonly title: string;
  readonly facts: readonly (readonly [string, unknown])[];
}

function told(event: Event, document: Fields, details: Fields, parts: Pick<TransportParts, 'gateway' | 'link'>): Told {
  switch (event.type) {
    case 'alert.raised':
      return alertTold(event, details, parts);
    case 'alert.changed':
      return {
        key: event.alert,
        stage: alertStages[event.action] ?? 'note',
        link: parts.link('alert', event.alert),
        title: `${textOf(objectAt(document, 'principal')['name']) || 'Somebody'} ${alertDone[event.action]} the alert ${event.alert}`,
        facts: [
          ['To', details['to']],
          ['Said', details['text']],
        ],
      };
    case 'review.requested':
    case 'review.decided':
    case 'review.ended':
      return reviewTold(event, document, details, parts);
    case 'sink.changed':
      if (event.standing === 'tested') {
        return {
          ...about(event, parts),
          title: `A test of the sink ${event.sink}: what it sends arrives`,
          facts: [['Sink', event.sink]],
        };
      }
      return {
        ...about(event, parts),
        title: `The sink ${event.sink} is ${event.standing}`,
        facts: [['Problem', details['problem']]],
      };
    default:
      return { ...about(event, parts), title: eventTitle(event, document), facts: [['Event', event.type]] };
  }
}

const alertStages: Readonly<Record<string, Notice['stage']>> = {
  acknowledge: 'acknowledged',
  resolve: 'closed',
  'false-positive': 'closed',
  reopen: 'open',
};

const alertDone: Readonly<Record<string, string>> = {
  acknowledge: 'acknowledged',
  assign: 'assigned',
  comment: 'commented on',
  resolve: 'resolved',
  'false-positive': 'called a false positive of',
  reopen: 'reopened',
};

function alertTold(
  event: Extract<Event, { readonly type: 'alert.raised' }>,
  details: Fields,
  parts: Pick<TransportParts, 'gateway' | 'link'>,
): Told {
  const { alert, rule, principal, session } = event;
  const figures = objectAt(objectAt(details, 'alert'), 'facts');
  const said = Object.entries(figures).map(([name, value]) => `${name} ${textOf(value)}`);
  return {
    // One without an id of its own is told apart by its rule and whom it concerns, so that a burst of it is one.
    key: alert?.id ?? `${parts.gateway}/${rule}/${principal?.id ?? ''}`,
    stage: 'open',
    link:
      alert !== undefined ? parts.link('alert', alert.id) : session === null ? null : parts.link('session', session),
    title: textOf(details['reason']) || `${rule} raised an alert`,
    facts: [
      [alert === undefined ? 'Rule' : 'Detection', details['rule']],
      ['Figures', said.join(', ')],
    ],
  };
}

type ReviewEvent = Extract<Event, { readonly type: 'review.requested' | 'review.decided' | 'review.ended' }>;

function reviewTold(event: ReviewEvent, document: Fields, details: Fields, parts: Pick<TransportParts, 'link'>): Told {
  const who = textOf(objectAt(document, 'principal')['name']) || 'Somebody';
  const where = textOf(objectAt(document, 'resource')['name']) || 'a resource';
  const base = { key: event.review, link: parts.link('review', event.review) };
  if (event.type === 'review.requested') {
    const asks = {
      command: `${who} waits to run something on ${where}`,
      access: `${who} asks for access to ${where}`,
      'break-glass': `${who} broke the glass on ${where}: review it`,
    };
    return {
      ...base,
      stage: 'open',
      title: asks[event.kind],
      facts: [
        ['Rule', details['rule']],
        ['Reason', details['reason']],
        ['Approvals', details['approvals']],
        ['Until', new Date(event.expiresAtMs).toISOString()],
      ],
    };
  }
  if (event.type === 'review.decided') {
    const done = event.decision === 'approve' ? 'approved' : 'denied';
    const stage = event.state === 'pending' ? 'acknowledged' : 'closed';
    return {
      ...base,
      stage,
      title: `${who} ${done} the review ${event.review}`,
      facts: [
        ['Reason', details['reason']],
        ['State', details['state']],
      ],
    };
  }
  return {
    ...base,
    stage: 'closed',
    title: `The review ${event.review} is ${event.outcome}`,
    facts: [['Reason', details['reason']]],
  };
}

/** An event that tells of nothing but itself. */
function about(event: Event, parts: Pick<TransportParts, 'gateway' | 'link'>): Pick<Told, 'key' | 'stage' | 'link'> {
  const session = 'session' in event ? event.session : null;
  const link = session === null ? null : parts.link('session', session);
  return { key: `${parts.gateway}:${event.seq}`, stage: 'note', link };
}

/** The sentence that every format has for it, without the command's text, and without what was hidden of it. */
function eventTitle({ type }: Event, document: Fields): string {
  const { principal, resource, ...rest } = document as unknown as EventDocument;
  const isNamed = (part: unknown): boolean => typeof objectAt({ part }, 'part')['name'] === 'string';
  return messageOf({
    ...rest,
    type,
    details: objectAt(document, 'details'),
    principal: isNamed(principal) ? principal : null,
    resource: isNamed(resource) ? resource : null,
    command: null,
  });
}

function common(document: Fields): (readonly [string, unknown])[] {
  return [
    ['Severity', document['severity']],
    ['Who', objectAt(document, 'principal')['name']],
    ['Where', objectAt(document, 'resource')['name']],
    ['Session', objectAt(document, 'session')['id']],
    ['When', document['time']],
    ['Gateway', document['gateway']],
  ];
}

function objectAt(fields: Fields, name: string): Fields {
  const value = fields[name];
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '';
}

function oneLine(text: string, longest: number): string {
  return cut(escapeLine(text), longest);
}

/** Cuts between characters. */
export function cut(text: string, longest: number): string {
  const characters = Array.from(text);
  return characters.length <= longest ? text : `${characters.slice(0, longest - 1).join('')}…`;
}
