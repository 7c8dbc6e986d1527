/** Health: the gateway itself, its disk, what it listens to, sinks and the index of what happened. */
import { Link } from '@tanstack/react-router';
import { type ReactNode, useState } from 'react';
import type { AnswerOf } from '../../api/client.ts';
import { useAct, useAsk } from '../../api/query.ts';
import { useMay } from '../../app/me.tsx';
import { bytes, duration, number, plural } from '../../format/format.ts';
import { Safe } from '../../format/safe.tsx';
import { Badge, Button } from '../../ui/controls.tsx';
import { Confirm } from '../../ui/overlays.tsx';
import { Facts, Panel } from '../../ui/page.tsx';
import { Answered } from '../../ui/states.tsx';
import { Ago, Until } from '../../ui/time.tsx';
import { Stand, type State, Table } from './table.tsx';

type Status = AnswerOf<'status'>;
const everyMs = 10_000;

export function Health(): ReactNode {
  const status = useAsk('status', {}, { keep: true, everyMs });
  return (
    <Answered of={status}>
      {(now) => (
        <div className="grid gap-4">
          <div className="grid items-start gap-4 lg:grid-cols-2">
            <Panel title="This gateway">
              <Gateway of={now} />
            </Panel>
            <Panel title="Disk">
              <Disk of={now} />
            </Panel>
          </div>
          <div className="grid items-start gap-4 lg:grid-cols-2">
            <Panel title="Listeners" flush>
              <Table
                label="Listeners"
                heads={[{ title: 'Protocol' }, { title: 'Address' }, { title: 'TLS' }]}
                rows={now.listeners.map(({ protocol, host, port, tls }) => ({
                  key: `${protocol} ${host} ${port}`,
                  cells: [
                    <span key="p" className="font-medium">
                      {protocol}
                    </span>,
                    <code key="a" className="font-mono text-xs">{`${host}:${port}`}</code>,
                    tls ? (
                      'yes'
                    ) : (
                      <Stand key="t" state="warn">
                        no
                      </Stand>
                    ),
                  ],
                }))}
                empty="It listens to nothing but the console."
              />
            </Panel>
            <Panel title="Certificates by ACME" flush>
              <Certificates of={now.certificates ?? []} />
            </Panel>
          </div>
          <Index />
          <Sinks />
        </div>
      )}
    </Answered>
  );
}

function Gateway({ of }: { readonly of: Status }): ReactNode {
  const { version, startedAt, draining, sessions, journal, recording, diskSync } = of;
  return (
    <Facts
      of={[
        [
          'State',
          draining ? (
            <Stand key="d" state="warn">
              ends soon: it takes no new sessions
            </Stand>
          ) : (
            <Stand key="d" state="good">
              takes sessions
            </Stand>
          ),
        ],
        ['Version', version],
        ['Started', <Ago key="s" at={startedAt} />],
        [
          'Live sessions',
          <Link key="l" to="/now" className="text-accent hover:underline">
            {number(sessions.live)}
          </Link>,
        ],
        [
          'Journal',
          <Stand key="j" state={journal.working ? 'good' : 'bad'}>
            {journal.working
              ? `durable to event ${number(journal.durableSequence)}`
              : 'cannot be written: nothing runs'}
          </Stand>,
        ],
        [
          'Recordings',
          <Stand key="r" state={recording.working ? 'good' : 'bad'}>
            {recording.working ? 'are written' : 'cannot be written'}
          </Stand>,
        ],
        [
          'A write is durable in',
          diskSync === null
            ? 'not measured yet'
            : `${duration(diskSync.p50Ms)} mostly, ${duration(diskSync.p99Ms)} at the worst of a hundred`,
        ],
      ]}
    />
  );
}

const levels: Readonly<Record<Status['space']['level'], readonly [State, string]>> = {
  ample: ['good', 'ample'],
  warn: ['warn', 'getting full: make room, or let retention delete more'],
  refuse: ['bad', 'so full that no new session opens'],
  end: ['bad', 'full: live sessions end'],
};

function Disk({ of: { space } }: { readonly of: Status }): ReactNode {
  const { level, freeBytes, totalBytes } = space;
  const [state, words] = levels[level];
  const used = freeBytes === null || totalBytes === null ? null : Math.round((1 - freeBytes / totalBytes) * 100);
  const colour = { good: 'bg-good', warn: 'bg-warn', bad: 'bg-bad' }[state];
  return (
    <div className="grid gap-3">
      <Stand state={state}>Space is {words}.</Stand>
      {used === null ? null : (
        <div role="img" aria-label={`${used} percent is used`} className="h-2 overflow-hidden rounded-full bg-raised">
          <div className={`h-2 rounded-full ${colour}`} style={{ width: `${used}%` }} />
        </div>
      )}
      <p className="text-quiet">
        {freeBytes === null || totalBytes === null
          ? 'How much is free is not known here.'
          : `${bytes(freeBytes)} free of ${bytes(totalBytes)}.`}{' '}
        <Link to="/admin/$part" params={{ part: 'storage' }} className="text-accent underline">
          What is kept
        </Link>
      </p>
    </div>
  );
}

function Certificates({ of }: { readonly of: NonNullable<Status['certificates']> }): ReactNode {
  return (
    <Table
      label="Certificates"
      heads={[{ title: 'Names' }, { title: 'Ends' }, { title: 'State' }]}
      rows={of.map(({ names, expiresAt, problem }) => ({
        key: names.join(' '),
        cells: [
          <Safe key="n" text={names.join(', ')} />,
          expiresAt === null ? 'there is none' : <Until key="e" at={expiresAt} />,
          problem === null ? (
            <Stand key="s" state="good">
              renewed by itself
            </Stand>
          ) : (
            <Stand key="s" state={expiresAt === null ? 'bad' : 'warn'}>
              <Safe text={problem} />
            </Stand>
          ),
        ],
      }))}
      empty="None is had by ACME: the gateway’s own authority signs its certificates, or files are configured."
    />
  );
}

const behindMuch = 1_000;

function Index(): ReactNode {
  const asked = useAsk('indexStatus', {}, { keep: true, everyMs });
  const mayRebuild = useMay('index.rebuild') !== null;
  const rebuild = useAct('rebuildIndex', ['indexStatus']);
  const [isAsking, setAsking] = useState(false);
  return (
    <Panel
      title="Index of what happened"
      flush
      actions={
        mayRebuild ? (
          <Button size="small" onClick={() => setAsking(true)} disabled={asked.data?.rebuilding != null}>
            Build anew
          </Button>
        ) : undefined
      }
    >
      <Answered of={asked} rows={3}>
        {({ working, lag, rebuilding, gateways }) => (
          <>
            <div className="flex flex-wrap gap-x-6 gap-y-1 px-4 py-3">
              <Stand state={!working ? 'bad' : lag > behindMuch ? 'warn' : 'good'}>
                {!working
                  ? 'It cannot be asked just now: searches and reports wait.'
                  : lag === 0
                    ? 'Up to date.'
                    : `${plural(lag, 'event')} behind.`}
              </Stand>
              {rebuilding === null ? null : (
                <span className="text-warn">
                  Being built anew: {number(rebuilding.sequence)} of {number(rebuilding.of)} events. Searches find less
                  until it is done.
                </span>
              )}
            </div>
            <Table
              label="Gateways in the index"
              heads={[
                { title: 'Gateway' },
                { title: 'Up to event', right: true },
                { title: 'As of' },
                { title: 'Entries', right: true },
              ]}
              rows={gateways.map(({ gateway, sequence, at, entries }) => ({
                key: gateway,
                cells: [
                  <code key="g" className="font-mono text-xs">
                    {gateway}
                  </code>,
                  number(sequence),
                  at === null ? 'nothing yet' : <Ago key="a" at={at} />,
                  number(entries),
                ],
              }))}
              empty="No gateway has written anything yet."
            />
          </>
        )}
      </Answered>
      <Confirm
        open={isAsking}
        onClose={() => setAsking(false)}
        title="Build the index anew?"
        about="It is made from the journal again, in the background. Until that is done, searches and reports find less. Nothing is lost: the journal has everything."
        action="Build anew"
        danger={false}
        onConfirm={() => rebuild.mutateAsync({})}
      />
    </Panel>
  );
}

const standings: Readonly<Record<string, State>> = { working: 'good', failing: 'bad', blocked: 'bad', off: 'warn' };

function Sinks(): ReactNode {
  const may = useMay('sinks.read') !== null;
  const asked = useAsk('listSinks', {}, { enabled: may, keep: true, everyMs });
  if (!may) return null;
  return (
    <Panel title="Sinks" flush>
      <Answered of={asked} rows={2}>
        {({ sinks }) => (
          <Table
            label="Sinks"
            heads={[
              { title: 'Sink' },
              { title: 'Gateway' },
              { title: 'State' },
              { title: 'Behind', right: true },
              { title: 'Dead letters', right: true },
            ]}
            rows={sinks.flatMap((sink) =>
              (sink.gateways.length === 0 ? [null] : sink.gateways).map((at) => ({
                key: `${sink.name} ${at?.gateway ?? ''}`,
                cells: [
                  <span key="n" className="flex items-center gap-2">
                    <Link
                      to="/objects/$kind/$name"
                      params={{ kind: 'Sink', name: sink.name }}
                      className="font-medium text-accent hover:underline"
                    >
                      {sink.name}
                    </Link>
                    <Badge>{sink.target}</Badge>
                  </span>,
                  <code key="g" className="font-mono text-xs">
                    {at?.gateway ?? '–'}
                  </code>,
                  at === null ? (
                    'not begun'
                  ) : (
                    <Stand key="s" state={standings[at.standing] ?? 'warn'}>
                      {at.standing}
                      {at.problem === '' ? null : (
                        <span className="block text-xs text-quiet">
                          <Safe text={at.problem} />
                        </span>
                      )}
                    </Stand>
                  ),
                  at === null || at.lagEvents === 0
                    ? '0'
                    : `${number(at.lagEvents)} events, ${duration(at.lagSeconds * 1000)}`,
                  at === null ? '0' : number(at.deadLetters),
                ],
              })),
            )}
            empty={
              <>
                Events go nowhere else.{' '}
                <Link to="/objects/$kind" params={{ kind: 'Sink' }} className="text-accent underline">
                  Add a sink
                </Link>{' '}
                to send them to syslog, a SIEM or a webhook.
              </>
            }
          />
        )}
      </Answered>
    </Panel>
  );
}
