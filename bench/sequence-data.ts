/**
 * The sequence model on a public data set: the masquerade data of Schonlau and others (SEA), in the terms in
 * which results on it are published.
 *
 *     node bench/sequence-data.ts [--data DIRECTORY] [--quick]
 *
 * Fifty users with 15,000 UNIX commands each. The first 5,000 are their own; in the rest some blocks of a hundred were
 * replaced by another user's. Each block is judged as the detector `unusual-sequence` judges a run of commands: bits of
 * surprise to the user's own model, against what its own blocks come to (a block of its training is judged by a model that
 * has not seen it). Nothing of other users is known to it. What raised no alarm is learned, as the detector does.
 *
 * The data are not part of the project: they are fetched from their author's page into `.cache/sequence-data`, or read from
 * `--data`, where `User1` to `User50` and `masquerade_summary.txt` lie. Where they cannot be had it says so, and measures nothing.
 *
 * M. Schonlau, W. DuMouchel, W.-H. Ju, A. F. Karr, M. Theus, Y. Vardi: Computer Intrusion: Detecting Masquerades. Statistical
 * Science 16 (2001). R. A. Maxion, T. N. Townsend: Masquerade Detection Using Truncated Command Lines. DSN 2002.
 */
import { access, mkdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { inflateRawSync } from 'node:zlib';
import { type Counts, learn, newCounts, surprise } from '../src/detection/builtin/sequence-model.ts';
import { publish } from './output.ts';

const { values } = parseArgs({ options: { data: { type: 'string' }, quick: { type: 'boolean', default: false } } });
const folder = values.data ?? fileURLToPath(new URL('../.cache/sequence-data', import.meta.url));
const source = 'http://www.schonlau.net/masquerade/';
const archive = 'masquerade-data.zip';
const summary = 'masquerade_summary.txt';

const users = 50;
const blockLength = 100;
const trainingBlocks = 50;
const testedBlocks = 100;
/** Longest file that is taken: the archive has some 2 MB. */
const fetchedBytesMax = 32 * 1024 * 1024;
const limits = { order: 2, symbolsMax: 1_000, contextsMax: 20_000 };

interface Block {
  readonly user: number;
  readonly isMasquerade: boolean;
  /** Standard deviations above the mean of the user's own blocks. */
  readonly deviations: number;
}

/** The users' commands, and by user and block whether it is a masquerade's; null where the data cannot be had. */
async function load(): Promise<{
  readonly commands: readonly (readonly string[])[];
  readonly labels: readonly (readonly boolean[])[];
} | null> {
  if (!(await isThere(summary))) {
    const problem = values.data === undefined ? await fetchAll() : 'the directory does not hold it';
    if (problem !== null) {
      console.log(`The data cannot be had: ${problem}. Nothing was measured.`);
      return null;
    }
  }
  const commands: string[][] = [];
  for (let user = 1; user <= users; user += 1) {
    commands.push((await readFile(`${folder}/User${user}`, 'utf8')).split('\n').filter((line) => line.trim() !== ''));
  }
  // A row a block, a column a user.
  const rows = (await readFile(`${folder}/${summary}`, 'utf8')).trim().split('\n');
  const labels = commands.map((_, user) => rows.map((row) => row.trim().split(/\s+/)[user] === '1'));
  return { commands, labels };
}

async function isThere(name: string): Promise<boolean> {
  return access(`${folder}/${name}`).then(
    () => true,
    () => false,
  );
}

async function fetchAll(): Promise<string | null> {
  try {
    const [packed, text] = await Promise.all([archive, summary].map(fetchOne));
    await mkdir(folder, { recursive: true });
    for (const [name, content] of unpacked(packed!)) {
      if (/^User\d{1,2}$/.test(name)) await writeFile(`${folder}/${name}`, content);
    }
    // Last, since it says that all are there.
    await writeFile(`${folder}/${summary}`, text!);
    return null;
  } catch (error) {
    return `${source} did not answer (${error instanceof Error ? error.message : 'unknown'})`;
  }
}

async function fetchOne(name: string): Promise<Buffer> {
  const response = await fetch(`${source}${name}`, { signal: AbortSignal.timeout(60_000) });
  if (!response.ok) throw new Error(`${name}: ${response.status}`);
  const content = Buffer.from(await response.arrayBuffer());
  if (content.length > fetchedBytesMax) throw new Error(`${name} has more than ${fetchedBytesMax} bytes`);
  return content;
}

/** Files of a ZIP archive by their names without folders, read from its central directory (APPNOTE 6.3, section 4.3.12). */
function* unpacked(zip: Buffer): Generator<readonly [name: string, content: Buffer]> {
  const end = zip.lastIndexOf(Buffer.from('504b0506', 'hex'));
  if (end === -1) throw new Error('this is no archive');
  let at = zip.readUInt32LE(end + 16);
  for (let left = zip.readUInt16LE(end + 10); left > 0; left -= 1) {
    const method = zip.readUInt16LE(at + 10);
    const size = zip.readUInt32LE(at + 20);
    const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((offset) => zip.readUInt16LE(at + offset));
    const local = zip.readUInt32LE(at + 42);
    const name = zip.toString('utf8', at + 46, at + 46 + nameBytes!);
    const begin = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
    const content = zip.subarray(begin, begin + size);
    const inflated = method === 0 ? content : inflateRawSync(content, { maxOutputLength: fetchedBytesMax });
    yield [name.split('/').at(-1)!, inflated];
    at += 46 + nameBytes! + extraBytes! + commentBytes!;
  }
}

function blocksOf(commands: readonly string[]): string[][] {
  return Array.from({ length: trainingBlocks + testedBlocks }, (_, index) =>
    commands.slice(index * blockLength, (index + 1) * blockLength),
  );
}

function teach(model: Counts, block: readonly string[]): void {
  for (const [index, command] of block.entries())
    learn(model, block.slice(Math.max(0, index - limits.order), index), command, limits);
}

function bitsOf(model: Counts, block: readonly string[]): number {
  const bits = block.map((command, index) =>
    surprise(model, block.slice(Math.max(0, index - limits.order), index), command, limits),
  );
  return bits.reduce((sum, one) => sum + one, 0) / block.length;
}

/** Mean and standard deviation of the user's own blocks: each fifth is judged by a model of the others. */
function scaleOf(blocks: readonly (readonly string[])[]): { readonly mean: number; readonly deviation: number } {
  const bits: number[] = [];
  for (let fold = 0; fold < 5; fold += 1) {
    const model = newCounts();
    for (const [index, block] of blocks.entries()) if (index % 5 !== fold) teach(model, block);
    for (const [index, block] of blocks.entries()) if (index % 5 === fold) bits.push(bitsOf(model, block));
  }
  const mean = bits.reduce((sum, one) => sum + one, 0) / bits.length;
  const variance = bits.reduce((sum, one) => sum + (one - mean) ** 2, 0) / bits.length;
  return { mean, deviation: Math.max(0.1, Math.sqrt(variance)) };
}

function judge(user: number, commands: readonly string[], labels: readonly boolean[], threshold: number): Block[] {
  const blocks = blocksOf(commands);
  const training = blocks.slice(0, trainingBlocks);
  const { mean, deviation } = scaleOf(training);
  const model = newCounts();
  for (const block of training) teach(model, block);
  return blocks.slice(trainingBlocks).map((block, index) => {
    const deviations = (bitsOf(model, block) - mean) / deviation;
    if (deviations < threshold) teach(model, block);
    return { user, isMasquerade: labels[index] === true, deviations };
  });
}

function rates(blocks: readonly Block[], threshold: number): { readonly hits: number; readonly falseAlarms: number } {
  const share = (of: readonly Block[]): number =>
    (of.filter(({ deviations }) => deviations >= threshold).length / Math.max(1, of.length)) * 100;
  return {
    hits: share(blocks.filter(({ isMasquerade }) => isMasquerade)),
    falseAlarms: share(blocks.filter(({ isMasquerade }) => !isMasquerade)),
  };
}

const data = await load();
if (data !== null) {
  const rows: (readonly [string, number, number])[] = [];
  const cost = ({ hits, falseAlarms }: { readonly hits: number; readonly falseAlarms: number }): number =>
    100 - hits + 6 * falseAlarms;
  for (const threshold of [1, 1.5, 2, 2.5, 3, 4, 5]) {
    const blocks = data.commands.flatMap((commands, user) => judge(user, commands, data.labels[user]!, threshold));
    const { hits, falseAlarms } = rates(blocks, threshold);
    rows.push([`This model, ${threshold} standard deviations`, hits, falseAlarms]);
  }
  const table = {
    title: 'Masquerades in the data of Schonlau and others',
    head: ['', 'hits, %', 'false alarms, %', 'cost: misses + 6 × false alarms'],
    rows: rows.map(([method, hits, falseAlarms]) => [
      method,
      hits.toFixed(1),
      falseAlarms.toFixed(1),
      cost({ hits, falseAlarms }).toFixed(1),
    ]),
  };
  const notes = [
    'The cost is that of Maxion and Townsend (2002). To be read beside the tables of Schonlau and others (2001) and theirs, most of whose methods know what other users do; this one knows the user alone.',
  ];
  await publish('sequence-data', { quick: values.quick, rounds: 1 }, notes, [table], rows);
}
