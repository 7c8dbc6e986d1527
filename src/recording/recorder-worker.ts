/**
 * The recordings' thread: gathers the blocks that arrive together, has them written (recorder.ts), and tells the digests.
 *
 * A thread of its own, so that compressing and syncing content never delays the journal, on which commands wait.
 * Invariant: the first error ends it; sessions being recorded end with it.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { Disk } from './files.ts';
import * as limits from './limits.ts';
import { Recorder } from './recorder.ts';
import type { BlockMessage, FromRecorder, RecorderStart, ToRecorder } from './recording-messages.ts';

const port = parentPort!;
const start = workerData as RecorderStart;
const recorder = new Recorder(new Disk(start.faults), start.directory);
let blocks: BlockMessage[] = [];
/** Sessions of which no more blocks come, behind those that wait. */
let done: string[] = [];
let waitingBytes = 0;
let isScheduled = false;
let isFailed = false;

function commit(): void {
  isScheduled = false;
  const [taken, over] = [blocks, done];
  blocks = [];
  done = [];
  waitingBytes = 0;
  guarded(() => {
    if (taken.length > 0) {
      const chunks = recorder.commit(taken);
      say(
        { type: 'written', chunks },
        chunks.map((chunk) => chunk.memory),
      );
    }
    for (const session of over) recorder.done(session);
  });
}

function say(message: FromRecorder, transfer: ArrayBuffer[] = []): void {
  port.postMessage(message, transfer);
}

function guarded(step: () => void): void {
  if (isFailed) return;
  try {
    step();
  } catch (error) {
    isFailed = true;
    const code = (error as { code?: unknown }).code;
    say({ type: 'failed', code: typeof code === 'string' ? code : 'unknown', detail: (error as Error).message });
    port.close();
  }
}

port.on('message', (message: ToRecorder) => {
  if (isFailed) return;
  if (message.type === 'block') {
    blocks.push(message);
    waitingBytes += message.length;
  } else done.push(message.session);
  // What is large is told of early, so that its sources go on while the next are compressed.
  if (waitingBytes >= limits.recorderBatchBytesMax || blocks.length >= limits.recorderBatchBlocksMax) commit();
  else if (!isScheduled) {
    isScheduled = true;
    setImmediate(commit);
  }
});
