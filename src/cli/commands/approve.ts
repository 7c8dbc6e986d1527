/**
 * `sallyport approve`: approves or refuses a sign-on or step-up of one's own elsewhere, by the code that the other terminal
 * shows. A step-up takes the password where the login is not of just now.
 *
 * Invariant: nothing is approved that was not named by its code. One that was begun by somebody else shows its code there,
 * not here, to whoever compares.
 */
import { escapeLine } from '../../base/escape.ts';
import type { Api } from '../api.ts';
import type { CommandContext, CommandSpec } from '../command.ts';
import { cliError } from '../errors.ts';
import { relativeTime } from '../output/time.ts';
import { readSecret } from '../parse.ts';
import { askText, canPrompt } from '../prompt.ts';
import { type GivenProof, withProof } from '../prove.ts';

interface SignOn {
  readonly id: string;
  readonly code: string;
  readonly source: string;
  /** What it is the step-up for. */
  readonly resource: string | null;
  readonly command: string | null;
  readonly requestedAt: string;
  readonly expiresAt: string;
}

export const approveCommand: CommandSpec = {
  name: 'approve',
  group: 'Connect',
  summary: 'Approve a sign-on of yours that waits at another terminal, by ssh say.',
  arguments: [{ name: '[code]', description: 'The code that the other terminal shows; asked for when left out.' }],
  options: [
    { flags: '--refuse', description: 'Refuse it: you did not start it.' },
    { flags: '--list', description: 'Only list what waits.' },
    { flags: '--password-stdin', description: 'Read the password that a step-up may take from standard input.' },
    { flags: '--code <code>', description: 'The code of your second factor, where a step-up takes one.' },
  ],
  examples: ['sallyport approve', 'sallyport approve 4F7K-2M9Q', 'sallyport approve 4F7K-2M9Q --refuse'],
  async run(context) {
    const { options, output } = context;
    const api = await context.api();
    const { signOns } = await api.client.call('listSignOns');
    const isListed = options.flag('list') || output.format !== 'table';
    const given = context.args[0];
    if (given === undefined && (isListed || !canPrompt(context) || signOns.length === 0)) {
      return await list(context, signOns);
    }
    if (given === undefined) await list(context, signOns);
    const code = given ?? (await askText(context, 'The code that the other terminal shows:'));
    await decide(context, api, signOns, code);
  },
};

async function list({ io, output }: CommandContext, signOns: readonly SignOn[]): Promise<void> {
  const now = io.clock.now();
  await output.result(signOns, async () => {
    if (signOns.length === 0) return output.note('Nothing waits for you.');
    await output.table(
      [{ title: 'CODE' }, { title: 'FOR' }, { title: 'FROM', widest: 45 }, { title: 'BEGUN' }],
      signOns.map(({ code, source, resource, command, requestedAt }) => [
        { text: code, paint: output.palette.strong },
        whatFor({ resource, command }),
        source,
        relativeTime(Date.parse(requestedAt), now),
      ]),
    );
    output.note('Approve only what you started yourself: sallyport approve CODE, or CODE --refuse.');
  });
}

async function decide(context: CommandContext, api: Api, signOns: readonly SignOn[], given: string): Promise<void> {
  const plain = (code: string): string => code.replaceAll(/[^A-Za-z0-9]/g, '').toUpperCase();
  const found = signOns.find(({ code }) => plain(code) === plain(given));
  if (found === undefined) {
    throw cliError('cli.no', {
      what: `No sign-on of yours waits with the code ${given}.`,
      todo: 'It may have waited too long: start again at the other terminal. See: sallyport approve --list',
    });
  }
  const decision = context.options.flag('refuse') ? 'refuse' : 'approve';
  const send = (proof: GivenProof = {}): Promise<unknown> =>
    api.client.call('decideSignOn', { params: { id: found.id }, body: { decision, ...proof } });
  if (context.options.flag('passwordStdin')) {
    await send({ password: await readSecret(context.io.stdin, 'The password') });
  } else await withProof(context, api, send, 'Run it at a terminal, or with --password-stdin or --code.');
  const done = decision === 'approve' ? 'Approved; the other terminal goes on' : 'Refused';
  const what = found.resource === null ? '' : `${escapeLine(whatFor(found))}, `;
  context.output.note(`✔ ${done} (${what}${found.code} from ${found.source}).`);
}

/** What a confirmation lets happen. */
function whatFor({ resource, command }: Pick<SignOn, 'resource' | 'command'>): string {
  if (resource === null) return 'signing on';
  return command === null ? `opening ${resource}` : `running on ${resource}: ${command}`;
}
