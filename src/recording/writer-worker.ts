/**
 * The journal's thread: takes batches, writes and syncs each, answers with how far the journal is durable.
 *
 * Invariant: the first error ends it. It says so and takes nothing more; what to do next is decided by the main thread,
 * which starts a new one on the files (F-03).
 */
import { parentPort, workerData } from 'node:worker_threads';
import { isGatewayError } from '../base/errors.ts';
import { Disk } from './files.ts';
import { recoverJournal } from './recover.ts';
import { SegmentWriter } from './segment.ts';
import type { FromWriter, ToWriter, WriterStart } from './writer-messages.ts';

const port = parentPort!;
const start = workerData as WriterStart;
let writer: SegmentWriter | null = null;

function say(message: FromWriter): void {
  port.postMessage(message);
}

function begin(): void {
  const disk = new Disk(start.faults);
  const recovered = recoverJournal(disk, start.directory, start.durable);
  writer = new SegmentWriter(disk, start, recovered.state, (text, position) =>
    say({ type: 'checkpoint', text, position }),
  );
  say({
    type: 'opened',
    journalId: recovered.state.journalId,
    position: recovered.position,
    cutBytes: recovered.cutBytes,
    isClean: recovered.isClean,
    sessions: recovered.state.sessions,
  });
}

function handle(segments: SegmentWriter, message: ToWriter): void {
  switch (message.type) {
    case 'batch': {
      segments.write(Buffer.from(message.memory), message.bodyEnd, message.count, message.atMs, () =>
        say({ type: 'durable', position: segments.position }),
      );
      if (segments.isCheckpointDue) segments.checkpoint(message.atMs);
      return;
    }
    case 'checkpoint':
      segments.checkpoint(message.atMs);
      return;
    case 'sessions':
      say({ type: 'sessions', sessions: segments.sessions });
      return;
    case 'close': {
      segments.finish(message.atMs);
      say({ type: 'closed' });
      port.close();
      return;
    }
  }
}

/** Runs a step; an error of it is the thread's last word. */
function guarded(step: () => void): void {
  try {
    step();
  } catch (error) {
    writer = null;
    const code = (error as { code?: unknown }).code;
    say({
      type: 'failed',
      code: typeof code === 'string' ? code : 'unknown',
      detail: isGatewayError(error) ? error.publicMessage : String((error as Error).message),
    });
    port.close();
  }
}

guarded(begin);
port.on('message', (message: ToWriter) => {
  if (writer !== null) guarded(() => handle(writer!, message));
});
