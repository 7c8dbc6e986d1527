/** `sallyport logout`: revokes the stored token and forgets it. */
import type { CommandSpec } from '../command.ts';
import { cliError } from '../errors.ts';

export const logoutCommand: CommandSpec = {
  name: 'logout',
  group: 'Connect',
  summary: 'Revoke the stored token and forget it. Live sessions that it opened end.',
  async run(context) {
    const name = await context.profileName();
    const stored = await context.profiles.find(name);
    if (stored?.token == null) throw cliError('cli.not-logged-in');
    // Forgotten first: whatever the gateway answers, the token does not stay on this machine.
    await context.profiles.save(name, { ...stored, token: null, tokenExpiresAtMs: null });
    const { client } = await context.openApi(stored);
    try {
      await client.call('logout');
    } catch (error) {
      context.output.warn('The token was forgotten here but could not be revoked; it stays valid until it expires.');
      throw error;
    }
    context.output.note(`✔ Logged out of ${stored.server}.`);
  },
};
