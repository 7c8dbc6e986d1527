/** `sallyport status`: how the gateway is, in one look. */
import { formatAddress } from '../../api/contract/index.ts';
import type { CommandSpec } from '../command.ts';
import { exitCodes } from '../exit.ts';
import type { Cell } from '../output/table.ts';
import { byteSize, duration, groupDigits } from '../output/time.ts';

export const statusCommand: CommandSpec = {
  name: 'status',
  group: 'Look',
  summary: 'Show how the gateway is. Exit code 1 when it takes no sessions.',
  async run(context) {
    const { output } = context;
    const { good, bad, warning } = output.palette;
    const { client, server } = await context.api();
    const status = await client.call('status');
    const { space } = status;
    const isWell =
      status.journal.working &&
      status.recording.working &&
      !status.draining &&
      (space.level === 'ample' || space.level === 'warn');
    const works = (does: boolean, yes: string): Cell =>
      does ? { text: yes, paint: good } : { text: 'FAILED', paint: bad };
    const free =
      space.freeBytes === null
        ? ''
        : `, ${byteSize(space.freeBytes)} free${space.totalBytes === null ? '' : ` of ${byteSize(space.totalBytes)}`}`;
    const levels = { ample: good, warn: warning, refuse: bad, end: bad } as const;
    await output.result(status, async () => {
      await output.fields([
        ['Gateway', server.origin],
        [
          'Version',
          status.version === context.version ? status.version : `${status.version} (this program: ${context.version})`,
        ],
        ['Up', `${duration(status.uptimeSeconds * 1000)}${status.draining ? ', draining' : ''}`],
        [
          'Sessions',
          isWell ? `${status.sessions.live} live` : { text: `${status.sessions.live} live, no new ones`, paint: bad },
        ],
        [
          'Journal',
          works(status.journal.working, `working, durable up to event ${groupDigits(status.journal.durableSequence)}`),
        ],
        ['Recording', works(status.recording.working, 'working')],
        ['Space', { text: `${space.level}${free}`, paint: levels[space.level] }],
        [
          'Disk sync',
          status.diskSync === null
            ? 'not measured yet'
            : `p50 ${duration(status.diskSync.p50Ms)}, p99 ${duration(status.diskSync.p99Ms)}`,
        ],
        ...(status.certificates ?? []).map((one) => ['Certificate', certificateText(one, bad)] as const),
        ...status.listeners.map(
          (listener) =>
            [
              `Listener`,
              `${listener.protocol} on ${formatAddress(listener.host, listener.port)}${listener.tls ? '' : ' (without TLS)'}`,
            ] as const,
        ),
      ]);
    });
    return isWell ? exitCodes.ok : exitCodes.no;
  },
};

/** How a certificate by ACME stands: until when, and why there is no newer one. */
function certificateText(
  { names, expiresAt, problem }: { names: readonly string[]; expiresAt: string | null; problem: string | null },
  paint: (text: string) => string,
): Cell {
  const who = names.length > 3 ? `${names.slice(0, 3).join(', ')} and ${names.length - 3} more` : names.join(', ');
  const until = expiresAt === null ? 'none yet' : `until ${expiresAt.slice(0, 10)}`;
  if (problem === null) return `${who} ${until}`;
  return { text: `${who} ${until}; ${expiresAt === null ? 'the order' : 'renewal'} FAILED: ${problem}`, paint };
}
