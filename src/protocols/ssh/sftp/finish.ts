/**
 * The end of an open file: the last of an inspected upload, CLOSE, what becomes of a file in which something was found,
 * and the summary that is recorded.
 *
 * Invariants: the command ends exactly once, after the target answered CLOSE. A CLOSE is answered with an error where the
 * file is not what the client sent.
 */
import { randomBytes } from 'node:crypto';
import { noAttributes } from './attributes.ts';
import { status } from './constants.ts';
import { quarantinePrefix } from './guards.ts';
import type { OpenFile } from './handles.ts';
import type { ContentStop } from './inspect.ts';
import { found } from './inspection.ts';
import type { GateParts } from './parts.ts';
import type { TransferSummary } from './transfer.ts';

/** NAME_MAX of Linux. */
const nameBytesMax = 255;

/** What CLOSE is answered with. */
export interface Closed {
  readonly code: number;
  readonly message: string;
}

export async function closeFile(parts: GateParts, file: OpenFile): Promise<Closed> {
  const { conversation } = parts;
  const writeFailed = (await file.inspectedUpload?.finish()) ?? null;
  const size = await sizeAtEnd(parts, file);
  const reply = await conversation.request(file.command, { type: 'close', handle: file.upstream });
  const code = reply.type === 'status' ? reply.code : status.SSH_FX_FAILURE;
  const stop = found.get(file);
  let message = '';
  if (stop !== undefined && file.writes) message = await dealWith(parts, file, stop);
  else if (file.cut !== null) message = file.cut;
  record(parts, file, size, message !== '' || code !== status.SSH_FX_OK || file.failed ? 'failed' : 'completed');
  // A download that was cut has said so at its READs.
  if (message !== '' && file.writes) return { code: status.SSH_FX_FAILURE, message };
  if (writeFailed !== null && writeFailed !== status.SSH_FX_OK) return { code: writeFailed, message: '' };
  return { code, message: '' };
}

/** As `closeFile`, for a client that is gone. What it had open is unfinished. */
export async function finished(parts: GateParts, file: OpenFile): Promise<void> {
  const stop = found.get(file);
  file.inspectedUpload?.stop();
  if (stop !== undefined && file.writes) {
    await parts.conversation.request(file.command, { type: 'close', handle: file.upstream });
    await dealWith(parts, file, stop);
  }
  record(parts, file, file.sizeBytes, 'unfinished');
}

/** Whether a download is whole is asked of the size that the file has by now, for it may have grown. */
async function sizeAtEnd({ conversation }: GateParts, file: OpenFile): Promise<number | null> {
  if (!file.writes || file.cut !== null) return file.sizeBytes;
  const reply = await conversation.ask({ type: 'fstat', handle: file.upstream });
  if (reply.type !== 'attributes' || reply.attributes.size === null) return null;
  return Number(reply.attributes.size);
}

/** Removes or puts aside what must not be there; says what was done. */
async function dealWith({ conversation, host }: GateParts, file: OpenFile, stop: ContentStop): Promise<string> {
  const { command } = file;
  const said = (what: string): string => {
    const message = `${stop.reason} ${what} (rule ${stop.rule})`;
    host.say(`sallyport: ${file.path.shown}: ${what}`);
    return message;
  };
  if (stop.verdict === 'quarantine') {
    const aside = quarantineName(file.path.raw);
    const reply = await conversation.request(command, { type: 'rename', path: file.path.raw, target: aside });
    if (reply.type === 'status' && reply.code === status.SSH_FX_OK)
      return said('The file is in quarantine beside its place.');
    const locked = await conversation.request(command, {
      type: 'setstat',
      path: file.path.raw,
      attributes: { ...noAttributes, permissions: 0 },
    });
    if (!file.created && locked.type === 'status' && locked.code === status.SSH_FX_OK) {
      return said('The file could not be moved; nobody may open it.');
    }
  }
  if (!file.created) return said('What was sent until then is in the file at the target, which was there before.');
  const reply = await conversation.request(command, { type: 'remove', path: file.path.raw });
  const isGone = reply.type === 'status' && reply.code === status.SSH_FX_OK;
  return said(
    isGone
      ? 'The file was removed from the target.'
      : 'The file could not be removed: what was sent until then is at the target.',
  );
}

function quarantineName(path: string): string {
  const at = path.lastIndexOf('/') + 1;
  const name = `${quarantinePrefix}${randomBytes(6).toString('hex')}-${path.slice(at)}`;
  return path.slice(0, at) + name.slice(0, nameBytesMax);
}

function record(
  { host, commands }: GateParts,
  file: OpenFile,
  size: number | null,
  outcome: 'completed' | 'failed' | 'unfinished',
): void {
  const summaries: [string, TransferSummary][] = [];
  if (file.reads) summaries.push(['download', file.down.summary(size)]);
  if (file.writes) summaries.push(['upload', file.up.summary(size)]);
  let bytes = 0;
  for (const [direction, summary] of summaries) {
    bytes += summary.bytes;
    host.observe({
      type: 'message',
      command: file.command.ordinal,
      level: 'gateway',
      code: 'sftp.transfer',
      text: spell(direction, summary, size),
      fields: fieldsOf(direction, summary, file, size),
    });
  }
  const tag = summaries.map(([direction, summary]) => spell(direction, summary, size)).join('; ');
  commands.complete(file.command, { outcome, tag, bytes, error: file.cut === null ? null : 'SSH_FX_FAILURE' });
}

function spell(direction: string, { bytes, isWhole, sha256, ranges }: TransferSummary, size: number | null): string {
  const whole = isWhole ? 'whole' : `of ${size ?? 'unknown'} bytes`;
  const digest = sha256 ?? (ranges.length === 1 ? ranges[0]!.sha256 : null);
  return `${direction} ${bytes} bytes, ${whole}${digest === null ? '' : `, sha256 ${digest}`}`;
}

function fieldsOf(
  direction: string,
  summary: TransferSummary,
  file: OpenFile,
  size: number | null,
): Readonly<Record<string, string>> {
  const { bytes, covered, isWhole, sha256, ranges, isPartial } = summary;
  return {
    direction,
    path: file.path.shown,
    bytes: String(bytes),
    covered: String(covered),
    whole: String(isWhole),
    ...(size === null ? {} : { size: String(size) }),
    ...(file.mode === null ? {} : { mode: file.mode.toString(8).padStart(4, '0') }),
    ...(sha256 === null ? {} : { sha256 }),
    ranges: ranges.map(({ from, until, sha256: digest }) => `${from}-${until}:${digest}`).join(' '),
    ...(isPartial ? { digests: 'partial' } : {}),
  };
}
