/**
 * Joins an open file with what looks into its content, and says what becomes of a finding.
 *
 * A download stops. An upload that is blocked is closed, and removed where its OPEN made the file; a file that was there
 * before stays as far as it was written, and the person is told. One that is quarantined goes on, so that it can be looked
 * at whole, but nobody else can open it: mode 000 at once, and at its end a name of its own beside it (finish.ts).
 *
 * Deliberately absent: masking in the content (see inspect.ts).
 */
import { noAttributes, sizeOf } from './attributes.ts';
import { openFlag, status } from './constants.ts';
import { cutFile } from './cut.ts';
import { isWrittenElsewhere } from './guards.ts';
import type { OpenFile } from './handles.ts';
import type { ContentStop } from './inspect.ts';
import { InspectedDownload } from './inspected-download.ts';
import { InspectedUpload } from './inspected-upload.ts';
import { answerStatus, type GateParts } from './parts.ts';
import { writeReply } from './replies.ts';

/** Files that were found to have what must not be there, and what becomes of them at their end. */
export const found = new WeakMap<OpenFile, ContentStop>();

/** Null, or why the file cannot be used where its content is looked into. */
export function inspectFile(parts: GateParts, file: OpenFile): string | null {
  const download = file.reads ? parts.host.inspector(file.command, 'download') : null;
  const upload = file.writes ? parts.host.inspector(file.command, 'upload') : null;
  if (download === null && upload === null) return null;
  if (file.reads && file.writes) {
    return 'Content is inspected here, so a file cannot be open for reading and writing at once.';
  }
  if (upload !== null && isWrittenElsewhere(file, parts.handles)) {
    return 'Content is inspected here, and this file is open for writing already. Close it first.';
  }
  if (download !== null) inspectDownload(parts, file, download);
  if (upload !== null) inspectUpload(parts, file, upload);
  return null;
}

function inspectDownload(
  parts: GateParts,
  file: OpenFile,
  inspector: ConstructorParameters<typeof InspectedDownload>[0],
): void {
  const { conversation, host } = parts;
  file.inspectedDownload = new InspectedDownload(inspector, {
    read: (offset, length, take) => {
      const request = { type: 'read' as const, handle: file.upstream, offset, length };
      conversation.send(file.command, request, (reply) => {
        if (reply.type === 'data') take(reply.data.subarray(0, length));
        else take(reply.type === 'status' ? reply.code : status.SSH_FX_FAILURE);
      });
    },
    answerData: (id, offset, pieces) => {
      const data = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
      const limit = host.spend(file.command, 0, data.length);
      if (limit !== null) {
        answerStatus(parts, id, status.SSH_FX_FAILURE, limit.reason);
        return cutFile(parts, file, `${limit.reason} (rule ${limit.rule})`);
      }
      file.down.add(offset, data);
      parts.answer(writeReply({ type: 'data', id, data }));
    },
    answerStatus: (id, code, message) => answerStatus(parts, id, code, message),
    stopped: (stop) => {
      found.set(file, stop);
      cutFile(parts, file, `${stop.reason} (rule ${stop.rule})`);
    },
  });
}

function inspectUpload(
  parts: GateParts,
  file: OpenFile,
  inspector: ConstructorParameters<typeof InspectedUpload>[0],
): void {
  const { conversation, host } = parts;
  let reader: Promise<Buffer | null> | null = null;
  const upload = new InspectedUpload(inspector, file.sizeBytes, file.appends, {
    write: (offset, data, take) => {
      file.up.add(offset, data);
      conversation.send(file.command, { type: 'write', handle: file.upstream, offset, data }, (reply) => {
        const code = reply.type === 'status' ? reply.code : status.SSH_FX_FAILURE;
        if (code !== status.SSH_FX_OK) file.failed = true;
        take(code);
      });
    },
    readBack: async (offset, length) => {
      reader ??= openReader(parts, file);
      const handle = await reader;
      if (handle === null) return status.SSH_FX_FAILURE;
      const reply = await conversation.request(file.command, { type: 'read', handle, offset, length });
      if (reply.type === 'data') return reply.data.subarray(0, length);
      return reply.type === 'status' ? reply.code : status.SSH_FX_FAILURE;
    },
    sizeNow: async () => {
      const reply = await conversation.ask({ type: 'fstat', handle: file.upstream });
      return reply.type === 'attributes' ? sizeOf(reply.attributes) : null;
    },
    answer: (id, code, message) => answerStatus(parts, id, code, message),
    stopped: (stop) => {
      found.set(file, stop);
      if (stop.verdict === 'block') return cutFile(parts, file, `${stop.reason} (rule ${stop.rule})`);
      host.say(`sallyport: ${file.path.shown}: ${stop.reason} The file is put in quarantine. (rule ${stop.rule})`);
      const attributes = { ...noAttributes, permissions: 0 };
      conversation.send(file.command, { type: 'fsetstat', handle: file.upstream, attributes }, (reply) => {
        // What cannot be locked away must not arrive.
        if (reply.type !== 'status' || reply.code !== status.SSH_FX_OK) {
          found.set(file, { ...stop, verdict: 'block' });
          cutFile(parts, file, `${stop.reason} (rule ${stop.rule})`);
        }
      });
    },
    cut: (message) => cutFile(parts, file, message),
    block: () => file.lane.block(),
  });
  file.inspectedUpload = upload;
}

/** A handle of the gate's own on the file that is being written, to scan what stands before and behind. */
async function openReader({ conversation }: GateParts, file: OpenFile): Promise<Buffer | null> {
  const reply = await conversation.request(file.command, {
    type: 'open',
    path: file.path.raw,
    flags: openFlag.SSH_FXF_READ,
    attributes: noAttributes,
  });
  return reply.type === 'handle' ? Buffer.from(reply.handle) : null;
}
