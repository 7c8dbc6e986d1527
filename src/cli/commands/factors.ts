/** `sallyport factors …`: second factors of an account of this gateway: what there is, adding an authenticator, taking away. */
import { escapeLine } from '../../base/escape.ts';
import type { CommandContext, CommandSpec } from '../command.ts';
import { cliError, usage } from '../errors.ts';
import { relativeTime } from '../output/time.ts';
import { askText, canPrompt } from '../prompt.ts';
import { withProof } from '../prove.ts';

const titles = { passkey: 'passkey', totp: 'authenticator', recovery: 'recovery codes' } as const;
const proofOptions = [
  {
    flags: '--code <code>',
    description: 'A code of a factor that you have, where the gateway wants a proof of just now.',
  },
];

export const factorsLsCommand: CommandSpec = {
  name: 'factors ls',
  group: 'Connect',
  summary: 'List your second factors.',
  async run(context) {
    const { io, output } = context;
    const { client } = await context.api();
    const { factors, mayHave } = await client.call('listFactors');
    await output.result(factors, async () => {
      if (!mayHave) return output.note('You prove yourself at your identity provider; there are no factors here.');
      if (factors.length === 0) return output.note('You have none. Add one: sallyport factors add totp');
      const when = (at: string | null): string =>
        at === null ? 'never' : relativeTime(Date.parse(at), io.clock.now());
      await output.table(
        [{ title: 'ID' }, { title: 'KIND' }, { title: 'NAME', widest: 40 }, { title: 'ADDED' }, { title: 'LAST USED' }],
        factors.map(({ id, kind, label, createdAt, lastUsedAt, codesLeft }) => [
          id,
          titles[kind],
          codesLeft === undefined ? label : `${codesLeft} left`,
          when(createdAt),
          when(lastUsedAt),
        ]),
      );
    });
  },
};

export const factorsAddCommand: CommandSpec = {
  name: 'factors add',
  group: 'Connect',
  summary: 'Add an authenticator app. Passkeys are added in the browser.',
  arguments: [{ name: '<kind>', description: 'What to add.', choices: ['totp', 'passkey'] }],
  options: [{ flags: '--name <name>', description: 'What you call it.' }, ...proofOptions],
  examples: ['sallyport factors add totp --name phone'],
  async run(context) {
    const { output, options } = context;
    const api = await context.api();
    if (context.args[0] === 'passkey') {
      const todo = `Open ${api.server.origin}/account.html`;
      throw usage('A passkey is made by the browser that has it.', todo);
    }
    if (!canPrompt(context)) {
      throw usage('There is no terminal to show the secret at.', 'Run it at a terminal, or use the browser.');
    }
    const label = options.text('name') ?? (await askText(context, 'What do you call it?'));
    const begun = await withProof(context, api, (proof) =>
      api.client.call('beginTotp', { body: { label, ...(proof === undefined ? {} : { proof }) } }),
    );
    await output.lines(drawn(begun.qr));
    await output.line(`Or type it: ${escapeLine(begun.secret)}`);
    const code = await askText(context, 'The code that it shows');
    const { factor, recoveryCodes } = await api.client.call('finishTotp', { body: { id: begun.id, code } });
    output.note(`✔ Added ${factor.label}. From now on a login takes a code of it.`);
    if (recoveryCodes !== null) await showCodes(context, recoveryCodes);
  },
};

export const factorsRmCommand: CommandSpec = {
  name: 'factors rm',
  group: 'Connect',
  summary: 'Remove a second factor; with the last, the recovery codes go too.',
  arguments: [{ name: '<id>', description: 'As factors ls shows it.' }],
  options: proofOptions,
  async run(context) {
    const api = await context.api();
    const id = context.args[0]!;
    await withProof(context, api, (proof) =>
      api.client.call('removeFactor', { params: { id }, body: proof === undefined ? {} : { proof } }),
    );
    context.output.note(`✔ Removed ${id}.`);
  },
};

export const factorsCodesCommand: CommandSpec = {
  name: 'factors recovery-codes',
  group: 'Connect',
  summary: 'Make new recovery codes; those before count no more.',
  options: proofOptions,
  async run(context) {
    const api = await context.api();
    const { recoveryCodes } = await withProof(context, api, (proof) =>
      api.client.call('newRecoveryCodes', { body: proof === undefined ? {} : { proof } }),
    );
    await context.output.result(recoveryCodes, () => showCodes(context, recoveryCodes));
  },
};

export const factorsResetCommand: CommandSpec = {
  name: 'factors reset',
  group: 'Connect',
  summary: 'As administrator, remove all second factors of somebody who has lost them.',
  arguments: [{ name: '<principal>', description: 'Whose; never your own.', complete: 'principal' }],
  options: proofOptions,
  async run(context) {
    const api = await context.api();
    const name = context.args[0]!;
    const { removed } = await withProof(context, api, (proof) =>
      api.client.call('resetFactors', { params: { name }, body: proof === undefined ? {} : { proof } }),
    );
    if (removed.length === 0) throw cliError('cli.no', { what: `${name} has no second factors.`, todo: '' });
    const what = removed
      .map(({ kind, label }) => (kind === 'recovery' ? titles[kind] : `${titles[kind]} ${escapeLine(label)}`))
      .join(', ');
    context.output.note(`✔ Removed of ${name}: ${what}. The password alone signs them on now, until they add one.`);
  },
};

async function showCodes({ output }: CommandContext, codes: readonly string[]): Promise<void> {
  output.note(
    'Your recovery codes, shown only now. Each signs you on once, in place of a second factor; keep them on paper:',
  );
  await output.lines(codes.map((code) => escapeLine(code)));
}

/** Two rows of a QR code in one line, light on dark as terminals mostly are, with the quiet zone of four. */
function drawn(rows: readonly string[]): string[] {
  const side = rows.length + 8;
  const isDark = (y: number, x: number): boolean => rows[y - 4]?.[x - 4] === '1';
  return Array.from({ length: Math.ceil(side / 2) }, (_, line) =>
    Array.from({ length: side }, (_cell, x) => {
      const [upper, lower] = [isDark(line * 2, x), isDark(line * 2 + 1, x)];
      return upper ? (lower ? ' ' : '▄') : lower ? '▀' : '█';
    }).join(''),
  );
}
