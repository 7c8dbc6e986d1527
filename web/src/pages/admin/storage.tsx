/** Storage: recordings by where they are, what retention would delete now, what holds keep, and the journal's own length. */
import { Link } from '@tanstack/react-router';
import { Scale } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import type { AnswerOf } from '../../api/client.ts';
import { useAct, useAsk } from '../../api/query.ts';
import { useMay } from '../../app/me.tsx';
import { bytes, number, plural } from '../../format/format.ts';
import { Safe } from '../../format/safe.tsx';
import { Badge, Button } from '../../ui/controls.tsx';
import { Confirm, say } from '../../ui/overlays.tsx';
import { Facts, Panel } from '../../ui/page.tsx';
import { Answered } from '../../ui/states.tsx';
import { Ago } from '../../ui/time.tsx';
import { Stand, Table } from './table.tsx';

type Kept = AnswerOf<'showRetention'>;

const states: Readonly<Record<Kept['recordings'][number]['state'], string>> = {
  open: 'being written',
  none: 'nothing was recorded',
  local: 'sealed, here',
  stored: 'sealed, here and in the object store',
  released: 'sealed, in the object store',
  deleted: 'deleted; digests stay in the journal',
};

export function Storage(): ReactNode {
  const asked = useAsk('showRetention', {}, { keep: true, everyMs: 30_000 });
  return (
    <Answered of={asked}>
      {(kept) => (
        <div className="grid gap-4">
          <div className="grid items-start gap-4 lg:grid-cols-2">
            <Panel title="Recordings of this gateway" flush>
              <Table
                label="Recordings"
                heads={[{ title: 'Where' }, { title: 'Recordings', right: true }, { title: 'Size', right: true }]}
                rows={kept.recordings.map(({ state, count, bytes: size }) => ({
                  key: state,
                  cells: [states[state], number(count), bytes(size)],
                }))}
                empty="Nothing was recorded yet."
              />
            </Panel>
            <Panel title="Journal and archive">
              <Journal of={kept} />
            </Panel>
          </div>
          <Due of={kept} />
          <Holds of={kept.holds} />
        </div>
      )}
    </Answered>
  );
}

function Journal({ of: { journal, archive, lastRunAt } }: { readonly of: Kept }): ReactNode {
  return (
    <Facts
      of={[
        ['Events', number(journal.events)],
        ['Pruned', journal.prunedTo === 0 ? 'nothing' : `everything up to event ${number(journal.prunedTo)}`],
        [
          'Could go now',
          journal.prunableTo > journal.prunedTo ? `up to event ${number(journal.prunableTo)}` : 'nothing',
        ],
        ...(journal.because === null
          ? []
          : ([['The rest stays, because', <Safe key="b" text={journal.because} />]] as const)),
        [
          'Object store',
          archive === null ? (
            'none is configured: recordings stay on this disk'
          ) : (
            <Stand key="a" state={archive.problem === null ? 'good' : 'bad'}>
              <Safe text={archive.problem ?? `${archive.store}, ${plural(archive.waiting, 'recording')} waiting`} />
            </Stand>
          ),
        ],
        ['Retention last ran', lastRunAt === null ? 'not yet' : <Ago key="l" at={lastRunAt} />],
      ]}
    />
  );
}

function Due({ of: { due } }: { readonly of: Kept }): ReactNode {
  const mayRun = useMay('retention.delete') !== null;
  const run = useAct('runRetention', ['showRetention', 'listSessions']);
  const [isAsking, setAsking] = useState(false);
  const free = due.filter(({ heldBy }) => heldBy.length === 0);
  const size = free.reduce((sum, one) => sum + one.bytes, 0);
  return (
    <Panel
      title="Due to be deleted"
      flush
      actions={
        mayRun ? (
          <Button size="small" tone="danger" onClick={() => setAsking(true)}>
            Delete what is due
          </Button>
        ) : undefined
      }
    >
      <Table
        label="Due to be deleted"
        heads={[
          { title: 'Session' },
          { title: 'Who' },
          { title: 'Resource' },
          { title: 'Ended' },
          { title: 'Rule' },
          { title: 'Held by' },
          { title: 'Size', right: true },
        ]}
        rows={due.map(({ session, principal, resource, endedAt, rule, heldBy, bytes: one }) => ({
          key: session,
          cells: [
            <Link
              key="s"
              to="/sessions/$id"
              params={{ id: session }}
              className="font-mono text-xs text-accent hover:underline"
            >
              {session}
            </Link>,
            <Safe key="p" text={principal} oneLine />,
            <Safe key="r" text={resource} oneLine />,
            <Ago key="e" at={endedAt} />,
            <Safe key="u" text={rule} oneLine />,
            heldBy.length === 0 ? (
              ''
            ) : (
              <Badge key="h" tone="warn">
                {heldBy.join(', ')}
              </Badge>
            ),
            bytes(one),
          ],
        }))}
        empty={
          <>
            Nothing is due. How long recordings are kept says{' '}
            <Link to="/objects/$kind" params={{ kind: 'Retention' }} className="text-accent underline">
              Retention
            </Link>
            .
          </>
        }
      />
      <Confirm
        open={isAsking}
        onClose={() => setAsking(false)}
        title="Delete what is due now?"
        about={
          free.length === 0
            ? 'No recording is due, or all of those are held. Entries of the index and closed alerts whose time is over go too.'
            : `${plural(free.length, 'recording')} shown here, ${bytes(size)}, and what else is due, cannot be had back. What a legal hold keeps stays. The gateway does the same by itself each hour.`
        }
        action="Delete"
        onConfirm={async () => {
          const { recordings, entries, alerts } = await run.mutateAsync({});
          say(
            `Deleted: ${plural(recordings, 'recording')}, ${plural(entries, 'entry', 'entries')}, ${plural(alerts, 'alert')}.`,
          );
        }}
      />
    </Panel>
  );
}

function Holds({ of }: { readonly of: Kept['holds'] }): ReactNode {
  return (
    <Panel
      title="Legal holds"
      flush
      actions={
        <Link to="/objects/$kind" params={{ kind: 'LegalHold' }} className="text-xs text-accent hover:underline">
          All legal holds
        </Link>
      }
    >
      {of.length === 0 ? (
        <p className="px-4 py-4 text-quiet">None: retention deletes whatever is due.</p>
      ) : (
        <ul className="divide-y">
          {of.map(({ name, reason }) => (
            <li key={name} className="flex gap-3 px-4 py-2.5">
              <Scale aria-hidden="true" className="mt-0.5 size-4 shrink-0 text-quiet" />
              <span>
                <Link
                  to="/objects/$kind/$name"
                  params={{ kind: 'LegalHold', name }}
                  className="font-medium text-accent hover:underline"
                >
                  {name}
                </Link>
                <span className="block text-quiet">
                  <Safe text={reason} />
                </span>
              </span>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}
