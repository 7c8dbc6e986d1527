/**
 * `sallyport trust`: pins the host keys of an SSH target, after a person compared them.
 *
 * Invariants (A-SSH-18): nothing is pinned without being shown; a key that differs from a pinned one of its type is never
 * pinned in passing, but only with --replace; between asking and pinning the resource must not have changed.
 */
import type { ManifestView } from '../../api/contract/index.ts';
import type { CommandContext, CommandSpec } from '../command.ts';
import { cliError, usage } from '../errors.ts';
import { exitCodes } from '../exit.ts';
import { askYes, canPrompt } from '../prompt.ts';

interface FoundKey {
  readonly publicKey: string;
  readonly fingerprint: string;
  readonly pinned: boolean;
}

type KeyState = 'pinned' | 'new' | 'CHANGED';

export const trustCommand: CommandSpec = {
  name: 'trust',
  group: 'Configure',
  summary: "Fetch the host keys of an SSH resource's target, compare them, and pin them.",
  arguments: [{ name: '<resource>', description: 'The resource, as configured.', complete: 'resource' }],
  options: [
    { flags: '--yes', description: 'Pin without asking; never a key that differs from a pinned one.' },
    { flags: '--replace', description: 'Take changed keys in place of the pinned ones.' },
  ],
  examples: ['sallyport trust web-1', 'ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub   # on the target, to compare'],
  async run(context) {
    const { options, output } = context;
    const name = context.args[0]!;
    const { client } = await context.api();
    const resource = await client.call('getObject', { params: { kind: 'Resource', name } });
    const { address, keys } = await client.call('scanHostKeys', { params: { name } });
    if (keys.length === 0) {
      throw cliError('cli.no', {
        what: `${address} offered no host key of a kind that is known here.`,
        todo: 'Check that an SSH server listens there.',
      });
    }
    const pins = pinsOf(resource);
    const states = keys.map((key) => stateOf(key, keys, pins));
    const unseen = pins.filter((pin) => !keys.some((key) => isPinOf(pin, key)));
    const result = { resource: name, address, keys: keys.map((key, at) => ({ ...key, state: states[at]! })), unseen };
    await output.result(result, () => showKeys(context, result));
    if (states.includes('CHANGED') && !options.flag('replace')) {
      throw cliError('cli.no', {
        what: `THE HOST KEY OF ${name} HAS CHANGED. Either the target was set up anew, or somebody stands in between.`,
        todo: `Nothing was pinned. Find out which; if it was set up anew: sallyport trust ${name} --replace`,
      });
    }
    if (states.every((state) => state === 'pinned') && (unseen.length === 0 || !options.flag('replace'))) {
      output.note(`✔ The keys of ${name} are pinned already.`);
      return exitCodes.ok;
    }
    if (!options.flag('yes') && !(await isAgreed(context, name))) {
      output.note('Nothing was pinned.');
      return exitCodes.no;
    }
    // Pins that were not contradicted stay: the target may offer that key to others.
    const kept = options.flag('replace') ? [] : unseen;
    const hostKeys = [...keys.map(({ publicKey }) => publicKey), ...kept];
    await requireUnchanged(context, resource, name);
    const document = { ...resource, spec: { ...resource.spec, host_keys: hostKeys } };
    await client.call('apply', { body: { documents: [document], dryRun: false } });
    output.note(`✔ Pinned ${hostKeys.length === 1 ? 'one key' : `${hostKeys.length} keys`} of ${name}.`);
    return exitCodes.ok;
  },
};

async function showKeys(
  { output }: CommandContext,
  {
    resource,
    address,
    keys,
    unseen,
  }: {
    readonly resource: string;
    readonly address: string;
    readonly keys: readonly (FoundKey & { readonly state: KeyState })[];
    readonly unseen: readonly string[];
  },
): Promise<void> {
  const { palette } = output;
  output.note(`${resource} at ${address} offers:`);
  const paints = { pinned: palette.good, new: palette.warning, CHANGED: palette.bad };
  await output.table(
    [{ title: '' }, { title: 'TYPE' }, { title: 'FINGERPRINT', widest: 80 }],
    keys.map(({ publicKey, fingerprint, state }) => [
      { text: state, paint: paints[state] },
      publicKey.split(' ')[0] ?? '',
      fingerprint,
    ]),
  );
  for (const pin of unseen) output.note(`Pinned, and not offered: ${pin}`);
}

async function isAgreed(context: CommandContext, name: string): Promise<boolean> {
  if (!canPrompt(context)) {
    throw usage('Whether to pin these keys has to be said.', `Compare them, then: sallyport trust ${name} --yes`);
  }
  return await askYes(context, 'Are these the fingerprints that the target itself shows? Pin them?');
}

/** Somebody else may have changed the resource while a person compared. */
async function requireUnchanged(context: CommandContext, before: ManifestView, name: string): Promise<void> {
  const { client } = await context.api();
  const now = await client.call('getObject', { params: { kind: 'Resource', name } });
  if (JSON.stringify(now) === JSON.stringify(before)) return;
  throw cliError('cli.no', {
    what: `Somebody changed the resource ${name} meanwhile; nothing was pinned.`,
    todo: `Look again: sallyport trust ${name}`,
  });
}

function pinsOf({ spec }: ManifestView): readonly string[] {
  const pins = spec['host_keys'];
  return Array.isArray(pins) ? pins.map(String) : [];
}

/**
 * A key is changed where its type is pinned with another one, or where pins are fingerprints, whose type is not known, and
 * none of the keys is among them.
 */
function stateOf(key: FoundKey, keys: readonly FoundKey[], pins: readonly string[]): KeyState {
  if (key.pinned || pins.some((pin) => isPinOf(pin, key))) return 'pinned';
  const type = key.publicKey.split(' ')[0]!;
  if (pins.some((pin) => pin.split(' ')[0] === type)) return 'CHANGED';
  const isNoneKnown = pins.length > 0 && !keys.some((one) => one.pinned || pins.some((pin) => isPinOf(pin, one)));
  return isNoneKnown ? 'CHANGED' : 'new';
}

function isPinOf(pin: string, { publicKey, fingerprint }: FoundKey): boolean {
  const words = (text: string): string => text.trim().split(/\s+/).slice(0, 2).join(' ');
  return pin.trim() === fingerprint || words(pin) === words(publicKey);
}
