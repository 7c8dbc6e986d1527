/**
 * Captures a conversation of OpenSSH's sftp with its real sftp-server, message by message, into
 * `src/protocols/ssh/sftp/fixtures/goldens.ts`.
 *
 *     node tools/capture-sftp.ts
 *
 * Unique to each capture: paths of the temporary directory, times, inode-like handles, free space. Tests read and write
 * the messages again and compare bytes, so any capture will do.
 */
import { spawn, spawnSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const server = '/usr/lib/openssh/sftp-server';
const [, script, role, log] = process.argv;

/** In the place of the server: passes both streams on, and writes them down frame by frame. */
function relay(path: string): void {
  const child = spawn(server, [], { stdio: ['pipe', 'pipe', 'inherit'] });
  const tap = (from: string) => {
    let held = Buffer.alloc(0);
    return (chunk: Buffer): void => {
      held = Buffer.concat([held, chunk]);
      while (held.length >= 4 && held.length >= 4 + held.readUInt32BE(0)) {
        const end = 4 + held.readUInt32BE(0);
        appendFileSync(path, `${from} ${held.subarray(0, end).toString('hex')}\n`);
        held = held.subarray(end);
      }
    };
  };
  process.stdin.on('data', tap('client'));
  process.stdin.pipe(child.stdin);
  child.stdout.on('data', tap('server'));
  child.stdout.pipe(process.stdout);
}

function capture(): void {
  const directory = mkdtempSync(join(tmpdir(), 'capture-'));
  const path = join(directory, 'log');
  writeFileSync(join(directory, 'a'), 'hello');
  writeFileSync(join(directory, 'batch'), batch);
  const program = `${process.execPath} ${script} relay ${path}`;
  spawnSync('sftp', ['-f', '-b', 'batch', '-D', program], { cwd: directory, stdio: 'inherit' });
  const seen = new Set<string>();
  const lines: string[] = [];
  for (const line of readFileSync(path, 'utf8').trim().split('\n')) {
    const [from, hex] = line.split(' ') as [string, string];
    // A few of each type are enough.
    const kind = `${from}${hex.slice(8, 10)}${hex.slice(8, 10) === 'c8' ? hex.slice(18, 60) : ''}`;
    const same = [...seen].filter((key) => key.startsWith(kind)).length;
    if (same === 2) continue;
    seen.add(`${kind} ${same}`);
    lines.push(`  { from: '${from}', hex: '${hex}' },`);
  }
  const header = "/** Captured by tools/capture-sftp.ts from OpenSSH's sftp and sftp-server. Do not edit. */\n";
  const type = "export const goldens: readonly { readonly from: 'client' | 'server'; readonly hex: string }[] = [";
  writeFileSync(
    new URL('../src/protocols/ssh/sftp/fixtures/goldens.ts', import.meta.url),
    `${header}${type}\n${lines.join('\n')}\n];\n`,
  );
  rmSync(directory, { recursive: true });
  console.log(`${lines.length} messages`);
}

const batch = `pwd
-ls -la
get a got
put got up
mkdir d
rename up d/up
-rename missing a2
ln -s d/up link
ln a hard
chmod 600 a
-chmod -h 600 link
df
copy a copied
cd d
rm up
cd ..
rmdir d
-rm missing
-get missing
`;

if (role === 'relay' && log !== undefined) relay(log);
else capture();
