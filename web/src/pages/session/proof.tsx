/**
 * Whether the recording is as it was written: said by the gateway for this recording, and how anybody repeats it offline, without
 * having to believe the gateway.
 */
import { BadgeCheck, CircleDashed, Copy, Download, ShieldAlert } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { type AnswerOf, download, saveAs } from '../../api/client.ts';
import { useAsk } from '../../api/query.ts';
import { useMay } from '../../app/me.tsx';
import { bytes, exactTime, number } from '../../format/format.ts';
import { safeText } from '../../format/safe.tsx';
import { Button, cx, IconButton } from '../../ui/controls.tsx';
import { attempt, Dialog } from '../../ui/overlays.tsx';
import { Facts } from '../../ui/page.tsx';
import { Failure, Loading } from '../../ui/states.tsx';

type Proof = AnswerOf<'proveRecording'>;

const words: Readonly<
  Record<Proof['state'], { readonly badge: string; readonly text: string; readonly tone: 'good' | 'bad' | 'plain' }>
> = {
  intact: {
    badge: 'Verified',
    text: 'Every byte of this recording has the digest that was written into the journal while it happened.',
    tone: 'good',
  },
  unfinished: {
    badge: 'Verified, unfinished',
    text: 'Every byte has its digest in the journal, and the recording was never closed: the gateway was stopped while it went on.',
    tone: 'good',
  },
  damaged: {
    badge: 'Not as recorded',
    text: 'This recording is not what was written. Do not rely on what this page shows of it, and tell whoever runs the gateway.',
    tone: 'bad',
  },
  deleted: {
    badge: 'Deleted',
    text: 'The recording was deleted and its key destroyed. Its digests, and that it was deleted, stay in the journal.',
    tone: 'plain',
  },
  elsewhere: {
    badge: 'Not checked here',
    text: 'It lies in an archive or was recorded by another gateway, so its bytes were not looked at. The offline check does that.',
    tone: 'plain',
  },
  absent: {
    badge: 'No recording',
    text: 'Nothing was asked for in this session, so nothing was recorded.',
    tone: 'plain',
  },
  live: {
    badge: 'Being written',
    text: 'The session goes on. Each part gets its digest in the journal as it is written; the whole can be checked at its end.',
    tone: 'plain',
  },
};
const tones = { good: 'bg-good-soft text-good', bad: 'bg-bad-soft text-bad', plain: 'bg-raised text-quiet' } as const;

export function ProofBadge({ id, live }: { readonly id: string; readonly live: boolean }): ReactNode {
  const [isOpen, setOpen] = useState(false);
  const asked = useAsk('proveRecording', { params: { id } }, { enabled: !live });
  const state: Proof['state'] | null = live ? 'live' : (asked.data?.state ?? null);
  const { badge, tone } =
    state === null
      ? { badge: asked.error === null ? 'Checking…' : 'Not checked', tone: 'plain' as const }
      : words[state];
  const Icon = tone === 'good' ? BadgeCheck : tone === 'bad' ? ShieldAlert : CircleDashed;
  return (
    <>
      <button
        type="button"
        aria-haspopup="dialog"
        onClick={() => setOpen(true)}
        className={cx(
          'inline-flex h-5 items-center gap-1 rounded px-1.5 text-2xs font-medium hover:underline',
          tones[tone],
        )}
      >
        <Icon className="size-3" aria-hidden="true" />
        {badge}
      </button>
      <Dialog open={isOpen} onClose={() => setOpen(false)} title="Is this what happened?" wide>
        {asked.error !== null ? (
          <Failure error={asked.error} retry={() => void asked.refetch()} />
        ) : state === null ? (
          <Loading rows={3} />
        ) : (
          <ProofText id={id} state={state} proof={asked.data ?? null} />
        )}
      </Dialog>
    </>
  );
}

function ProofText({
  id,
  state,
  proof,
}: {
  readonly id: string;
  readonly state: Proof['state'];
  readonly proof: Proof | null;
}): ReactNode {
  const { text, tone } = words[state];
  const checkpoint = proof?.checkpoint ?? null;
  return (
    <div className="grid gap-4">
      <p className={cx(tone === 'bad' && 'font-medium text-bad')}>
        {text} {proof?.problem ?? ''}
      </p>
      {proof === null || proof.parts === 0 ? null : (
        <Facts
          of={[
            [
              'Recording',
              <span key="id" className="font-mono text-xs break-all">
                {safeText(id)}
              </span>,
            ],
            ['Parts', `${number(proof.parts)}, ${bytes(proof.bytes)}`],
            [
              'In the journal',
              proof.events === null
                ? 'nowhere'
                : `events ${number(proof.events.first)} to ${number(proof.events.last)}`,
            ],
            [
              'Covered by',
              checkpoint === null
                ? 'no signed checkpoint yet'
                : `the checkpoint over ${number(checkpoint.size)} events, signed ${exactTime(checkpoint.at)}`,
            ],
            ...(checkpoint === null
              ? []
              : [
                  [
                    'Journal',
                    <span key="journal" className="font-mono text-xs break-all">
                      {safeText(checkpoint.journal)}
                    </span>,
                  ] as const,
                ]),
          ]}
        />
      )}
      <Offline />
    </div>
  );
}

const commands = [
  {
    about: 'Keep a checkpoint somewhere that the gateway cannot reach:',
    command: 'sallyport checkpoint > checkpoint.txt',
  },
  {
    about: 'Check the journal and all recordings against it, on a copy, with the public key that you kept:',
    command: 'sallyport verify --journal ./copy --key signing.pub --checkpoint checkpoint.txt',
  },
] as const;

/** The same, without the gateway. */
function Offline(): ReactNode {
  const mayRead = useMay('journal.read') !== null;
  return (
    <section className="grid gap-2 border-t pt-3">
      <h3 className="text-xs font-semibold text-quiet">Repeat it without trusting this gateway</h3>
      {commands.map(({ about, command }) => (
        <div key={command} className="grid gap-1">
          <p className="text-quiet">{about}</p>
          <div className="flex items-center gap-2 rounded-md bg-raised py-1 pr-1 pl-3">
            <code className="min-w-0 flex-1 overflow-x-auto font-mono text-xs whitespace-nowrap">{command}</code>
            <IconButton
              label={`Copy: ${command}`}
              onClick={() => void attempt(() => navigator.clipboard.writeText(command), 'Copied.')}
            >
              <Copy />
            </IconButton>
          </div>
        </div>
      ))}
      {mayRead ? (
        <div>
          <Button
            size="small"
            icon={<Download className="size-3.5" />}
            onClick={() => void attempt(async () => saveAs(await download('checkpoint', {}), 'checkpoint.txt'))}
          >
            Save the checkpoint of now
          </Button>
        </div>
      ) : null}
    </section>
  );
}
