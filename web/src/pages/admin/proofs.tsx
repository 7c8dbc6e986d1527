/** Proofs: the latest checkpoint, who else holds checkpoints, keys, and how a stranger checks everything offline. */
import { useQuery } from '@tanstack/react-query';
import { Download, KeyRound } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { download, saveAs } from '../../api/client.ts';
import { useAct, useAsk } from '../../api/query.ts';
import { useMay } from '../../app/me.tsx';
import { number, plural } from '../../format/format.ts';
import { Safe } from '../../format/safe.tsx';
import { Button } from '../../ui/controls.tsx';
import { Copyable } from '../../ui/copy.tsx';
import { Confirm, say } from '../../ui/overlays.tsx';
import { Facts, Panel } from '../../ui/page.tsx';
import { Answered } from '../../ui/states.tsx';
import { Ago } from '../../ui/time.tsx';
import { readCheckpoint } from './checkpoint.ts';
import { Stand, Table } from './table.tsx';

const everyMs = 30_000;

export function Proofs(): ReactNode {
  return (
    <div className="grid gap-4">
      <div className="grid items-start gap-4 lg:grid-cols-2">
        <Checkpoint />
        <Offline />
      </div>
      <Witnesses />
      <Brought />
      <Keys />
    </div>
  );
}

function Checkpoint(): ReactNode {
  const asked = useQuery({
    queryKey: ['checkpoint'],
    queryFn: async ({ signal }) => (await download('checkpoint', {}, { signal })).text(),
    refetchInterval: everyMs,
  });
  return (
    <Panel title="Latest checkpoint of the journal">
      <Answered of={asked} rows={4}>
        {(note) => {
          const read = readCheckpoint(note);
          return (
            <div className="grid gap-3">
              {read === null ? null : (
                <Facts
                  of={[
                    [
                      'Journal',
                      <code key="j" className="font-mono text-xs break-all">
                        {read.journal}
                      </code>,
                    ],
                    ['Covers', `${number(read.size)} events`],
                    ['Signed', read.at === null ? 'at a time that it does not say' : <Ago key="a" at={read.at} />],
                  ]}
                />
              )}
              <Copyable text={note.trim()} label="Copy the checkpoint" />
              <div className="flex flex-wrap items-center gap-3">
                <Button
                  icon={<Download className="size-3.5" />}
                  onClick={() => saveAs(new Blob([note], { type: 'text/plain' }), `checkpoint-${read?.size ?? 0}.txt`)}
                >
                  Save it
                </Button>
                <span className="text-xs text-quiet">Keep it where no administrator of the gateway reaches.</span>
              </div>
            </div>
          );
        }}
      </Answered>
    </Panel>
  );
}

function Offline(): ReactNode {
  const commands = [
    ['Everything of a data directory', 'sallyport verify --data /var/lib/sallyport'],
    [
      'A copy of the journal, with the key and a checkpoint kept elsewhere',
      'sallyport verify --journal ./copy --key signing.pub --checkpoint checkpoint.txt',
    ],
    [
      'Against witnesses: finds a journal that was put back',
      'sallyport verify --data /var/lib/sallyport --key signing.pub --witness /mnt/witness',
    ],
    ['The latest checkpoint, to keep', 'sallyport checkpoint -O checkpoint-$(date +%F).txt'],
  ] as const;
  return (
    <Panel title="Check it without this gateway">
      <div className="grid gap-3">
        {commands.map(([what, command]) => (
          <div key={what} className="grid min-w-0 gap-1">
            <p className="text-quiet">{what}</p>
            <Copyable text={command} />
          </div>
        ))}
      </div>
    </Panel>
  );
}

function Witnesses(): ReactNode {
  const may = useMay('status.read') !== null;
  const asked = useAsk('listWitnesses', {}, { enabled: may, keep: true, everyMs });
  return (
    <Panel title="Witnesses, which are handed checkpoints" flush>
      <Answered of={asked} rows={2}>
        {({ witnesses }) => (
          <Table
            label="Witnesses"
            heads={[
              { title: 'Witness' },
              { title: 'Kind' },
              { title: 'Has up to event', right: true },
              { title: 'Since' },
              { title: 'State' },
            ]}
            rows={witnesses.map(({ name, kind, size, at, problem }) => ({
              key: name,
              cells: [
                <span key="n" className="font-medium">
                  <Safe text={name} oneLine />
                </span>,
                kind,
                size === null ? '–' : number(size),
                at === null ? 'nothing yet' : <Ago key="a" at={at} />,
                problem === null ? (
                  <Stand key="s" state="good">
                    holds what it was given
                  </Stand>
                ) : (
                  <Stand key="s" state="bad">
                    <Safe text={problem} />
                  </Stand>
                ),
              ],
            }))}
            empty={
              <Stand state="warn">
                There is none: nothing outside this machine would show that the journal was put back to an older state.
                Witnesses are set in the gateway’s configuration.
              </Stand>
            }
          />
        )}
      </Answered>
    </Panel>
  );
}

function Brought(): ReactNode {
  const asked = useAsk('listCheckpoints', { query: { limit: 20 } }, { keep: true });
  if (asked.data?.checkpoints.length === 0) return null;
  return (
    <Panel title="Checkpoints of other gateways, kept here" flush>
      <Answered of={asked} rows={2}>
        {({ checkpoints }) => (
          <Table
            label="Checkpoints of other gateways"
            heads={[{ title: 'Journal' }, { title: 'Events', right: true }, { title: 'Brought by' }, { title: 'When' }]}
            rows={checkpoints.map(({ journal, size, root, source, at }) => ({
              key: `${journal} ${size} ${root}`,
              cells: [
                <code key="j" className="font-mono text-xs">
                  {journal}
                </code>,
                number(size),
                <Safe key="s" text={source} oneLine />,
                <Ago key="a" at={at} />,
              ],
            }))}
            empty="None."
          />
        )}
      </Answered>
    </Panel>
  );
}

function Keys(): ReactNode {
  const mayRotate = useMay('secrets.write') !== null;
  const maySee = useMay('secrets.read') !== null;
  const secrets = useAsk('listSecrets', {}, { enabled: maySee });
  const ssh = useAsk('sshKeys');
  const rotate = useAct('rotateSecrets', ['listSecrets']);
  const [isAsking, setAsking] = useState(false);
  return (
    <Panel
      title="Keys"
      actions={
        mayRotate ? (
          <Button size="small" icon={<KeyRound className="size-3.5" />} onClick={() => setAsking(true)}>
            Rotate the data key
          </Button>
        ) : undefined
      }
    >
      <div className="grid gap-4">
        <p className="text-quiet">
          {secrets.data === undefined
            ? 'Secrets are sealed under a data key.'
            : `${plural(secrets.data.secrets.length, 'secret')} ${secrets.data.secrets.length === 1 ? 'is' : 'are'} sealed under a data key.`}{' '}
          Rotating makes a new one and seals every secret under it again; nothing else changes, and sessions go on.
        </p>
        {ssh.data === undefined ? null : (
          <div className="grid min-w-0 gap-2">
            <p className="text-quiet">The gateway’s own keys of SSH, to be known by clients and trusted by servers:</p>
            {ssh.data.hostKeys.map((key) => (
              <Copyable key={key} text={key} label="Copy the host key" />
            ))}
            <p className="text-quiet">The authority that signs certificates for servers behind it:</p>
            <Copyable text={ssh.data.userAuthority} label="Copy the authority’s key" />
          </div>
        )}
      </div>
      <Confirm
        open={isAsking}
        onClose={() => setAsking(false)}
        title="Rotate the data key?"
        about="Every secret is sealed anew under a new key. It takes a moment, and is recorded."
        action="Rotate"
        danger={false}
        onConfirm={async () => {
          const { resealed } = await rotate.mutateAsync({});
          say(`The data key is new: ${plural(resealed, 'secret')} sealed again.`);
        }}
      />
    </Panel>
  );
}
