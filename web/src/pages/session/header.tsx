/** Who, on what, from where, how long, how much: the lines above a session, and what can be done with it. */
import { Link } from '@tanstack/react-router';
import { Download, Info, Keyboard, Link2 } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import type { SessionView } from '../../../../src/api/contract/shapes.ts';
import { download, saveAs } from '../../api/client.ts';
import { bytes, duration, exactTime, number, plural } from '../../format/format.ts';
import { safeText } from '../../format/safe.tsx';
import { Badge, Button, IconButton } from '../../ui/controls.tsx';
import { attempt, Dialog, Menu } from '../../ui/overlays.tsx';
import { Facts } from '../../ui/page.tsx';
import { Ago, useNow } from '../../ui/time.tsx';
import type { SessionTerminal } from './model.ts';
import { ProofBadge } from './proof.tsx';
import type { Rules } from './rules.ts';

export function whoOf({ principal: { name, agents = [] } }: SessionView): string {
  return safeText(agents.length === 0 ? name : `${name} by ${agents.join(' for ')}`);
}

/** Ends that deserve no second look. */
const usualEnds = ['client-closed', 'upstream-closed', 'idle', 'drained'];
const endWords: Readonly<Record<string, string>> = {
  'client-closed': 'closed by the client',
  'upstream-closed': 'closed by the resource',
  idle: 'ended: idle for too long',
  drained: 'ended: the gateway was stopped in order',
  interrupted: 'cut off when the gateway stopped',
  killed: 'ended',
};

export function SessionFacts({ session, rules }: { readonly session: SessionView; readonly rules: Rules }): ReactNode {
  const now = useNow();
  const { live, endedAt, startedAt, endReason, endedBy, recording } = session;
  const tookMs = Math.max(0, (endedAt === null ? now : Date.parse(endedAt)) - Date.parse(startedAt));
  const end =
    live || endReason === null
      ? null
      : `${endWords[endReason] ?? safeText(endReason)}${endedBy === null ? '' : ` by ${safeText(endedBy)}`}`;
  return (
    <span className="mt-0.5 flex flex-wrap items-center gap-x-2.5 gap-y-1">
      {live ? (
        <Badge tone="good">
          <span className="size-1.5 animate-pulse rounded-full bg-good" aria-hidden="true" />
          Live
        </Badge>
      ) : null}
      <ProofBadge id={session.id} live={live} />
      {recording === 'strict' ? null : (
        <Badge tone="warn" title="What could not be recorded was not kept from running">
          best effort
        </Badge>
      )}
      <span>{safeText(session.protocol)}</span>
      <span>from {safeText(session.source)}</span>
      <span>
        <Ago at={startedAt} />, {duration(tookMs)}
      </span>
      <span>{plural(session.commands, 'command')}</span>
      {rules.maskedTotal === 0 ? null : <span className="text-veil">{plural(rules.maskedTotal, 'value')} masked</span>}
      {end === null ? null : <span className={usualEnds.includes(endReason ?? '') ? '' : 'text-warn'}>{end}</span>}
    </span>
  );
}

const formats = [
  { format: 'ndjson', label: 'As JSON, an entry a line' },
  { format: 'csv', label: 'As CSV' },
  { format: 'text', label: 'As text' },
] as const;

export function SessionActions({
  session,
  terminals,
  onCopyLink,
  onHelp,
}: {
  readonly session: SessionView;
  readonly terminals: readonly SessionTerminal[];
  readonly onCopyLink: () => void;
  readonly onHelp: () => void;
}): ReactNode {
  const [isOpen, setOpen] = useState(false);
  const { id } = session;
  const save = (format: (typeof formats)[number]['format'] | 'asciicast', command?: number): void =>
    void attempt(async () => {
      const query = { format, command };
      const extension = { ndjson: 'ndjson', csv: 'csv', text: 'txt', asciicast: 'cast' }[format];
      const blob = await download('exportSession', { params: { id }, query });
      saveAs(blob, `${id}${command === undefined ? '' : `-${command}`}.${extension}`);
    });
  return (
    <>
      <IconButton label="Copy a link to this moment" onClick={onCopyLink}>
        <Link2 />
      </IconButton>
      <IconButton label="More about this session" onClick={() => setOpen(true)}>
        <Info />
      </IconButton>
      <span className="hidden md:block">
        <IconButton label="Keys of this page" onClick={onHelp}>
          <Keyboard />
        </IconButton>
      </span>
      <Menu
        trigger={<Button icon={<Download className="size-4" />}>Export</Button>}
        items={[
          ...formats.map(({ format, label }) => ({ label, onSelect: () => save(format) })),
          ...(terminals.length === 0 ? [] : (['line'] as const)),
          ...terminals.slice(0, 8).map(({ command }) => ({
            label: `Terminal #${command} as asciicast`,
            onSelect: () => save('asciicast', command),
          })),
        ]}
      />
      <MoreFacts session={session} open={isOpen} onClose={() => setOpen(false)} />
    </>
  );
}

function MoreFacts({
  session,
  open,
  onClose,
}: {
  readonly session: SessionView;
  readonly open: boolean;
  readonly onClose: () => void;
}): ReactNode {
  const { id, principal, resource, access, client, startedAt, endedAt, bytesIn, bytesOut, commands, recording } =
    session;
  return (
    <Dialog open={open} onClose={onClose} title="This session" about="Reading a recording is itself recorded.">
      <Facts
        of={[
          [
            'Session',
            <span key="id" className="font-mono text-xs break-all">
              {safeText(id)}
            </span>,
          ],
          ['Who', `${safeText(principal.name)} (${principal.kind})`],
          [
            'Resource',
            <Link
              key="resource"
              to="/objects/$kind/$name"
              params={{ kind: 'Resource', name: resource }}
              className="text-accent hover:underline"
            >
              {safeText(resource)}
            </Link>,
          ],
          ['Access', safeText(access)],
          ['Recording', recording === 'strict' ? 'strict: nothing unrecorded took effect' : 'best effort'],
          ['Began', exactTime(startedAt)],
          ['Ended', endedAt === null ? 'goes on' : exactTime(endedAt)],
          ['Commands', number(commands)],
          ['Sent', bytes(bytesIn)],
          ['Received', bytes(bytesOut)],
          ...Object.entries(client).map(([name, value]) => [`Client: ${safeText(name)}`, safeText(value)] as const),
        ]}
      />
    </Dialog>
  );
}
