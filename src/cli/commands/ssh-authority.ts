/** `sallyport ssh-authority`: the key by which SSH targets know the certificates that the gateway signs for its sessions. */
import type { CommandSpec } from '../command.ts';
import { cliError } from '../errors.ts';

export const sshAuthorityCommand: CommandSpec = {
  name: 'ssh-authority',
  group: 'Configure',
  summary: "Print the gateway's public key for TrustedUserCAKeys of SSH targets.",
  examples: ['sallyport ssh-authority | ssh root@web-1.internal "cat > /etc/ssh/sallyport.pub"'],
  async run(context) {
    const { client } = await context.api();
    const { userAuthority } = await client.call('sshKeys');
    // It goes into a file that sshd reads line by line.
    if (!/^[\x20-\x7e]+$/.test(userAuthority)) throw cliError('cli.unexpected-answer', { server: 'the gateway' });
    await context.output.result({ userAuthority }, () => context.output.line(userAuthority));
  },
};
