/** `sallyport ssh-certificate`: a certificate for one's own SSH key, which lives as long as the login that asked for it. */
import { stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve as resolvePath } from 'node:path';
import type { CommandSpec } from '../command.ts';
import { certify } from '../connect/ssh-files.ts';
import { usage } from '../errors.ts';

const usualKeys = ['id_ed25519', 'id_ecdsa', 'id_rsa'];

export const sshCertificateCommand: CommandSpec = {
  name: 'ssh-certificate',
  group: 'Connect',
  summary: 'Write a certificate beside your SSH key, with which stock ssh signs on while this login lasts.',
  options: [
    {
      flags: '-i, --identity <file>',
      description: 'Your public key (default: the first of ~/.ssh/id_ed25519.pub, id_ecdsa.pub, id_rsa.pub).',
      complete: 'file',
    },
  ],
  examples: ['sallyport ssh-certificate', 'sallyport ssh-certificate -i ~/.ssh/work.pub'],
  async run(context) {
    const { io, options, output } = context;
    const api = await context.api();
    const given = options.text('identity');
    const home = io.env['HOME'] ?? homedir();
    const path = given === null ? await usualKey(home) : resolvePath(io.cwd, given);
    const { certificatePath, expiresAt } = await certify(api, path.endsWith('.pub') ? path : `${path}.pub`);
    await output.result({ certificate: certificatePath, expiresAt }, async () => {
      output.note(`✔ ${certificatePath}, until ${expiresAt} or until you log out. ssh takes it with the key.`);
    });
  },
};

async function usualKey(home: string): Promise<string> {
  for (const name of usualKeys) {
    const path = join(home, '.ssh', `${name}.pub`);
    const isThere = await stat(path).then(
      () => true,
      () => false,
    );
    if (isThere) return path;
  }
  throw usage('There is no SSH key in ~/.ssh.', 'Make one: ssh-keygen -t ed25519, or name another with -i.');
}
