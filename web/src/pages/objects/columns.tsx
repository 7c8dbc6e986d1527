/** The columns that matter of each kind, the narrowest that say it. */
import type { ReactNode } from 'react';
import { compact } from '../../format/format.ts';
import { Safe, safeText } from '../../format/safe.tsx';
import { Badge, Severity, Verdict } from '../../ui/controls.tsx';
import type { Column } from '../../ui/list.tsx';
import { Ago, Until } from '../../ui/time.tsx';
import type { Facts } from './facts.ts';
import { at, type Kind, labelsOf, type Manifest, text, words } from './kinds.ts';
import { matchWords, spokenAccess, withWords } from './words.ts';

type Columns = readonly Column<Manifest>[];

const nothing = <span className="text-faint">–</span>;

/** A text of somebody's, on one line, whole when pointed at. */
export function Line({ of, quiet = false }: { readonly of: string; readonly quiet?: boolean }): ReactNode {
  if (of === '') return nothing;
  return (
    <span title={safeText(of)} className={quiet ? 'text-quiet' : undefined}>
      <Safe text={of} oneLine />
    </span>
  );
}

const chipsShown = 3;

export function Chips({ of }: { readonly of: readonly string[] }): ReactNode {
  if (of.length === 0) return nothing;
  return (
    <span className="flex items-center gap-1 overflow-hidden" title={safeText(of.join(', '))}>
      {of.slice(0, chipsShown).map((one) => (
        <Badge key={one}>
          <span className="max-w-40 truncate">
            <Safe text={one} oneLine />
          </span>
        </Badge>
      ))}
      {of.length > chipsShown ? <span className="text-2xs text-faint">+{of.length - chipsShown}</span> : null}
    </span>
  );
}

const name: Column<Manifest> = {
  id: 'name',
  title: 'Name',
  width: 'minmax(9rem, 1.2fr)',
  cell: ({ metadata }) => (
    <span className="font-medium">
      <Safe text={metadata.name} oneLine />
    </span>
  ),
};

function column(
  id: string,
  title: string,
  width: string,
  cell: (row: Manifest) => ReactNode,
  more: Partial<Column<Manifest>> = {},
): Column<Manifest> {
  return { id, title, width, cell, ...more };
}

const spoken = (
  id: string,
  title: string,
  of: (spec: Manifest['spec']) => string,
  width = 'minmax(10rem, 2fr)',
  from?: number,
) => column(id, title, width, ({ spec }) => <Line of={of(spec)} quiet />, from === undefined ? {} : { from });

const description = spoken(
  'description',
  'Description',
  (spec) => text(spec['description']),
  'minmax(10rem, 2fr)',
  560,
);

const tlsTones = { disable: 'bad', prefer: 'warn', require: 'warn' } as const;

const resource = (facts: Facts): Columns => [
  name,
  column('protocol', 'Protocol', '6rem', ({ spec }) => <Badge>{text(spec['protocol'])}</Badge>),
  column('address', 'Address', 'minmax(9rem, 1.4fr)', ({ spec }) => <Line of={text(spec['address'])} quiet />, {
    from: 560,
  }),
  column('labels', 'Labels', 'minmax(8rem, 1.4fr)', ({ metadata }) => <Chips of={labelsOf(metadata.labels)} />, {
    from: 760,
  }),
  column('tls', 'TLS', '6rem', ({ spec }) => <Tls spec={spec} />, { from: 860 }),
  column(
    'recording',
    'Recording',
    '6rem',
    ({ spec }) =>
      spec['recording'] === 'best-effort' ? (
        <Badge tone="warn">best-effort</Badge>
      ) : (
        <span className="text-quiet">strict</span>
      ),
    { from: 980 },
  ),
  column('access', 'Access', '4.5rem', ({ metadata }) => <Count of={facts.access.get(metadata.name)} none="nobody" />, {
    align: 'right',
    from: 640,
  }),
  column('rules', 'Rules', '4.5rem', ({ metadata }) => <Count of={facts.rules.get(metadata.name)} none="none" />, {
    align: 'right',
  }),
];

function Tls({ spec }: { readonly spec: Manifest['spec'] }): ReactNode {
  if (spec['protocol'] === 'ssh') {
    const pins = words(spec['host_keys']).length;
    return pins === 0 ? <Badge tone="bad">no host key</Badge> : <span className="text-quiet">host key</span>;
  }
  const mode = text(at(spec, 'tls', 'mode'));
  const tone = (tlsTones as Readonly<Record<string, 'bad' | 'warn'>>)[mode];
  return tone === undefined ? (
    <span className="text-quiet">{mode}</span>
  ) : (
    <Badge tone={tone}>{mode === 'disable' ? 'off' : mode}</Badge>
  );
}

function Count({ of = [], none }: { readonly of?: readonly string[] | undefined; readonly none: string }): ReactNode {
  return of.length === 0 ? (
    <Badge tone="warn">{none}</Badge>
  ) : (
    <span title={safeText(of.join(', '))} className="tabular-nums">
      {of.length}
    </span>
  );
}

const access: Columns = [
  name,
  spoken('who', 'Who', (spec) => matchWords(at(spec, 'match', 'principals'), 'everybody')),
  spoken('what', 'What', (spec) => matchWords(at(spec, 'match', 'resources'), 'everything')),
  column('how', 'How', 'minmax(8rem, 1fr)', ({ spec }) => <Line of={spokenAccess(spec)} quiet />, { from: 560 }),
  column(
    'until',
    'Until',
    '8rem',
    ({ spec }) => (text(spec['until']) === '' ? nothing : <Until at={text(spec['until'])} />),
    { from: 900 },
  ),
];

const guardrail: Columns = [
  name,
  column('verdict', 'Verdict', '5.5rem', ({ spec }) => <Verdict name={text(spec['verdict'])} />),
  spoken('commands', 'Commands', (spec) => withWords(spec), 'minmax(10rem, 2fr)'),
  spoken(
    'who',
    'Whose',
    (spec) => matchWords(at(spec, 'match', 'principals'), 'everybody’s'),
    'minmax(8rem, 1.2fr)',
    760,
  ),
  spoken(
    'where',
    'Where',
    (spec) => matchWords(at(spec, 'match', 'resources'), 'everywhere'),
    'minmax(8rem, 1.2fr)',
    640,
  ),
  spoken('reviewers', 'Reviewers', (spec) => reviewers(spec), 'minmax(6rem, 1fr)', 980),
  column('examples', 'Examples', '5rem', ({ spec }) => words(spec['examples']).length, { align: 'right', from: 1080 }),
];

function reviewers(spec: Manifest['spec']): string {
  const review = at(spec, 'review');
  if (review === undefined) return '';
  const asked = matchWords(at(review, 'reviewers'), '');
  return at(review, 'stepUp') === true ? [asked, 'step-up'].filter((part) => part !== '').join(' + ') : asked;
}

const mask: Columns = [
  name,
  spoken('values', 'Values', (spec) =>
    ['columns', 'fields', 'headers', 'detect'].flatMap((key) => words(spec[key])).join(', '),
  ),
  column('with', 'Becomes', '8rem', ({ spec }) => <Line of={methodOf(spec['with'])} quiet />),
  spoken('who', 'For', (spec) => matchWords(at(spec, 'match', 'principals'), 'everybody'), 'minmax(8rem, 1.2fr)', 640),
  spoken(
    'where',
    'Where',
    (spec) => matchWords(at(spec, 'match', 'resources'), 'everywhere'),
    'minmax(8rem, 1.2fr)',
    760,
  ),
];

function methodOf(value: unknown): string {
  if (typeof value === 'string') return value;
  const { first, last } = (at(value, 'partial') ?? {}) as { readonly first?: number; readonly last?: number };
  const kept = [first === undefined ? '' : `first ${first}`, last === undefined ? '' : `last ${last}`].filter(Boolean);
  return kept.length === 0 ? 'redact' : `${kept.join(', ')} stay`;
}

const modeTones = { on: 'good', 'dry-run': 'info', off: 'plain' } as const;

const detection = (facts: Facts): Columns => [
  name,
  column('mode', 'Mode', '5rem', ({ spec }) => {
    const mode = text(spec['mode']) || 'on';
    return <Badge tone={modeTones[mode as keyof typeof modeTones] ?? 'plain'}>{mode}</Badge>;
  }),
  column('severity', 'Severity', '6rem', ({ spec }) => <Severity name={text(spec['severity'])} />),
  spoken('about', 'Finds', (spec) => text(spec['description']) || text(spec['detector'])),
  column(
    'responds',
    'Responds',
    '8rem',
    ({ spec }) => <Chips of={words(at(spec, 'respond')).length === 0 ? [] : responsesOf(spec)} />,
    { from: 860 },
  ),
  column('alert', 'Last alert', '7rem', ({ metadata }) => <LastAlert name={metadata.name} facts={facts} />, {
    from: 560,
  }),
];

function responsesOf(spec: Manifest['spec']): readonly string[] {
  const given = spec['respond'];
  return Array.isArray(given) ? given.map((one) => text(at(one, 'do'))) : [];
}

function LastAlert({ name: of, facts }: { readonly name: string; readonly facts: Facts }): ReactNode {
  const problem = facts.problems.get(of);
  if (problem !== undefined)
    return (
      <Badge tone="bad" title={safeText(problem)}>
        cannot be used
      </Badge>
    );
  const alert = facts.alerts.get(of);
  return alert === undefined ? nothing : <Ago at={alert.last} />;
}

const standingTones = { working: 'good', failing: 'bad', blocked: 'bad', off: 'plain' } as const;

const sink = (facts: Facts): Columns => [
  name,
  spoken('to', 'To', (spec) => Object.keys((spec['to'] ?? {}) as object).join(', '), '7rem'),
  spoken('events', 'Events', (spec) => words(spec['events']).join(', ') || 'as usual', 'minmax(8rem, 1.5fr)', 640),
  column('standing', 'Standing', '6rem', ({ metadata }) => {
    const gateways = facts.sinks.get(metadata.name)?.gateways ?? [];
    const worst = gateways.find(({ standing }) => standing !== 'working') ?? gateways[0];
    return worst === undefined ? nothing : <Badge tone={standingTones[worst.standing]}>{worst.standing}</Badge>;
  }),
  column(
    'lag',
    'Behind',
    '6rem',
    ({ metadata }) => {
      const gateways = facts.sinks.get(metadata.name)?.gateways ?? [];
      const lag = gateways.reduce((sum, { lagEvents }) => sum + lagEvents, 0);
      return gateways.length === 0 ? nothing : lag === 0 ? 'none' : `${compact(lag)} events`;
    },
    { align: 'right', from: 560 },
  ),
  column(
    'letters',
    'Refused',
    '5rem',
    ({ metadata }) => {
      const letters = (facts.sinks.get(metadata.name)?.gateways ?? []).reduce(
        (sum, { deadLetters }) => sum + deadLetters,
        0,
      );
      return letters === 0 ? <span className="text-faint">0</span> : <Badge tone="bad">{letters}</Badge>;
    },
    { align: 'right', from: 760 },
  ),
  column(
    'problem',
    'Problem',
    'minmax(8rem, 2fr)',
    ({ metadata }) => (
      <Line
        of={
          (facts.sinks.get(metadata.name)?.gateways ?? []).map(({ problem }) => problem).find((one) => one !== '') ?? ''
        }
        quiet
      />
    ),
    { from: 860 },
  ),
];

const principal = (facts: Facts): Columns => [
  name,
  spoken('displayName', 'Called', (spec) => text(spec['displayName']), 'minmax(8rem, 1.4fr)', 640),
  column('kind', 'Kind', '5rem', ({ spec }) => <span className="text-quiet">{text(spec['kind'])}</span>, { from: 480 }),
  column('roles', 'Roles', '7rem', ({ spec }) => <Roles of={words(spec['roles'])} />),
  column(
    'groups',
    'Groups',
    'minmax(8rem, 1.6fr)',
    ({ metadata }) => <Chips of={facts.groups.get(metadata.name) ?? []} />,
    { from: 560 },
  ),
  spoken(
    'provider',
    'Signs on at',
    (spec) => text(at(spec, 'identity', 'issuer')) || 'this gateway',
    'minmax(7rem, 1fr)',
    860,
  ),
  column('state', 'State', '5.5rem', ({ spec }) =>
    spec['disabled'] === true ? <Badge tone="bad">disabled</Badge> : <span className="text-quiet">enabled</span>,
  ),
];

function Roles({ of }: { readonly of: readonly string[] }): ReactNode {
  return (
    <span className="flex gap-1">
      {of.map((role) => (
        <Badge key={role} tone={role === 'admin' ? 'accent' : role === 'auditor' ? 'info' : 'plain'}>
          {role}
        </Badge>
      ))}
    </span>
  );
}

const others: Readonly<
  Record<Exclude<Kind, 'Resource' | 'Access' | 'Guardrail' | 'Mask' | 'Detection' | 'Sink' | 'Principal'>, Columns>
> = {
  Group: [
    name,
    column('count', 'Members', '5rem', ({ spec }) => words(spec['members']).length, { align: 'right' }),
    column('members', 'Who', 'minmax(10rem, 2fr)', ({ spec }) => <Chips of={words(spec['members'])} />),
    description,
  ],
  IdentityProvider: [
    name,
    column('type', 'Type', '6rem', ({ spec }) => <Badge>{text(spec['type'])}</Badge>),
    spoken('issuer', 'Issuer', (spec) => text(spec['issuer']) || text(spec['entityId'])),
    column(
      'scim',
      'SCIM',
      '5rem',
      ({ spec }) => (spec['scim'] === undefined ? nothing : <Badge tone="good">on</Badge>),
      { from: 560 },
    ),
  ],
  CertificateAuthority: [
    name,
    column('keys', 'SSH keys', '5.5rem', ({ spec }) => words(spec['keys']).length, { align: 'right' }),
    column('certificates', 'Certificates', '6.5rem', ({ spec }) => words(spec['certificates']).length, {
      align: 'right',
    }),
    spoken('who', 'Vouches for', (spec) => matchWords(spec['principals'], 'nobody')),
    description,
  ],
  Lock: [
    name,
    spoken(
      'target',
      'Locks',
      (spec) =>
        Object.entries((spec['target'] ?? {}) as object)
          .map(([key, one]) => `${key} ${one}`)
          .join(', '),
      'minmax(8rem, 1fr)',
    ),
    spoken('reason', 'Reason', (spec) => text(spec['reason'])),
    column('until', 'Until', '9rem', ({ spec }) =>
      text(spec['until']) === '' ? (
        <span className="text-quiet">it is deleted</span>
      ) : (
        <Until at={text(spec['until'])} />
      ),
    ),
  ],
  Search: [
    name,
    column('query', 'Query', 'minmax(10rem, 2fr)', ({ spec }) => (
      <span className="font-mono text-xs">
        <Line of={text(spec['query'])} quiet />
      </span>
    )),
    description,
  ],
  Retention: [
    name,
    column('of', 'Of', '7rem', ({ spec }) => <Badge>{text(spec['of'])}</Badge>),
    spoken('keep', 'Kept', (spec) => text(spec['keep']), '6rem'),
    spoken('where', 'Where', (spec) => matchWords(at(spec, 'match', 'resources'), 'everywhere')),
    description,
  ],
  LegalHold: [
    name,
    spoken('reason', 'Reason', (spec) => text(spec['reason'])),
    spoken('who', 'Whose', (spec) => matchWords(at(spec, 'match', 'principals'), 'everybody’s')),
    spoken(
      'where',
      'Where',
      (spec) => matchWords(at(spec, 'match', 'resources'), 'everywhere'),
      'minmax(8rem, 1.2fr)',
      640,
    ),
  ],
};

export function columnsOf(kind: Kind, facts: Facts): Columns {
  switch (kind) {
    case 'Resource':
      return resource(facts);
    case 'Access':
      return access;
    case 'Guardrail':
      return guardrail;
    case 'Mask':
      return mask;
    case 'Detection':
      return detection(facts);
    case 'Sink':
      return sink(facts);
    case 'Principal':
      return principal(facts);
    default:
      return others[kind];
  }
}
