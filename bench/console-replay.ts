/**
 * How long the console's player takes to show any moment of a terminal session of an hour: the emulator of the page, with its
 * snapshots, over a made-up session (a prompt, builds, a pager, a full-screen program), seeking at random.
 *
 *     node bench/console-replay.ts [MEGABYTES]
 *
 * It also compares what a seek shows with what playing from the start shows, at some of the moments: a snapshot must not differ.
 * Deliberately absent: drawing, which is some milliseconds for the rows that changed, and the way to the worker and back.
 */
import { Emulation } from '../web/src/pages/session/emulation.ts';

const hourMs = 3_600_000;
const megabytes = Number(process.argv[2] ?? 20);
const seeks = 300;
const compared = 12;

/** Numbers from a seed, so that each run is the same. */
let seed = 20_261_122;
function random(): number {
  seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
  return seed / 2 ** 32;
}

function pieceOf(line: number): string {
  const kind = line % 400;
  const colour = 31 + Math.floor(random() * 7);
  if (kind === 300) return '\u001b[?1049h\u001b[2J\u001b[2;23r';
  if (kind > 300 && kind < 340) {
    return `\u001b[${1 + Math.floor(random() * 24)};${1 + Math.floor(random() * 60)}H\u001b[48;5;${kind % 256}mcell ${line}\u001b[0m`;
  }
  if (kind === 340) return '\u001b[r\u001b[?1049l';
  if (kind % 50 === 0)
    return `\r\n\u001b[1;32muser@host\u001b[0m:\u001b[34m~/src\u001b[0m$ make -j8 target-${line}\r\n`;
  const width = 40 + Math.floor(random() * 70);
  return `\u001b[${colour}m[${line}]\u001b[0m \u001b[38;2;${kind % 256};120;200mCC\u001b[0m ${'src/room/file.c '.repeat(8).slice(0, width)}\r\n`;
}

const whole = new Emulation();
const began = performance.now();
const pieces: { readonly ms: number; readonly text: string }[] = [];
whole.push(0, '', 'utf8', [120, 40]);
let chars = 0;
const charsMax = megabytes * 1_000_000;
for (let line = 0; chars < charsMax; line++) {
  const text = pieceOf(line);
  chars += text.length;
  const ms = Math.floor((chars / charsMax) * hourMs);
  pieces.push({ ms, text });
  whole.push(ms, text, 'utf8');
}
await whole.parse();
const parsedMs = performance.now() - began;

const took: number[] = [];
/** CPU of the process: what a busy machine does not blur. */
const cpu: number[] = [];
for (let index = 0; index < seeks; index++) {
  const ms = random() * hourMs;
  const from = performance.now();
  const before = process.cpuUsage();
  await whole.frame(ms);
  const { user, system } = process.cpuUsage(before);
  took.push(performance.now() - from);
  cpu.push((user + system) / 1000);
}
function at(all: number[], share: number): string {
  all.sort((a, b) => a - b);
  return `${all[Math.min(all.length - 1, Math.floor(all.length * share))]!.toFixed(1)} ms`;
}

let different = 0;
const played = new Emulation();
played.push(0, '', 'utf8', [120, 40]);
for (const { ms, text } of pieces) played.push(ms, text, 'utf8');
for (let index = 1; index <= compared; index++) {
  // Without parse() there are no snapshots: this one goes on from where it was.
  const ms = (hourMs / compared) * index - 1;
  const [seen, true_] = [await whole.frame(ms), await played.frame(ms)];
  const rowsOf = (frame: typeof seen): string => frame.lines.map(({ key }) => key).join('\n');
  if (rowsOf(seen) !== rowsOf(true_) || JSON.stringify(seen.cursor) !== JSON.stringify(true_.cursor)) different++;
}

const found = performance.now();
const { hits } = whole.search('target-4000');
process.stdout.write(
  [
    `an hour of a terminal, ${(chars / 1e6).toFixed(0)} MB: parsed in ${(parsedMs / 1000).toFixed(1)} s (${(chars / 1e6 / (parsedMs / 1000)).toFixed(1)} MB/s), beside the page`,
    `${seeks} seeks: p50 ${at(took, 0.5)}, p95 ${at(took, 0.95)}, p99 ${at(took, 0.99)}, longest ${at(took, 1)}`,
    `of it CPU: p50 ${at(cpu, 0.5)}, p95 ${at(cpu, 0.95)}, p99 ${at(cpu, 0.99)}`,
    `search: ${hits.length} lines in ${(performance.now() - found).toFixed(0)} ms`,
    `${different} of ${compared} moments differ from playing`,
    '',
  ].join('\n'),
);
