import { startServer } from './server.ts';
import { TestTerminal, type ShellKind } from './terminal.ts';
const server = (await startServer())!;
const client = await server.connect();
for (const shell of (process.argv[2] ?? 'bash').split(',') as ShellKind[]) {
  const t0 = performance.now();
  const t = await TestTerminal.open(client, { shell });
  console.log('==', shell, 'ready', await t.ready(), Math.round(performance.now() - t0));
  await t.quiet();
  for (const keys of process.argv.slice(3)) { t.type(JSON.parse(`"${keys.replaceAll("\\x", "\\u00")}"`)); await t.quiet(200, 3000); }
  console.log(t.gate.phase, JSON.stringify(t.output));
  for (const a of t.actions) if (!['to-user', 'to-target', 'record-input','to-side','open-side','open-pty'].includes(a.do)) console.log(JSON.stringify(a.do === 'ask' ? { ask: a.ask.level, id: a.ask.id, text: a.ask.text, denied: a.ask.denied?.code } : a));
  else if (process.env.V && (a.do==='to-side'||a.do==='to-target')) console.log(a.do, JSON.stringify(a.bytes.toString().slice(0,100)));
  console.log(await t.ledger());
  await t.close();
}
client.end(); await server.stop(); process.exit(0);
