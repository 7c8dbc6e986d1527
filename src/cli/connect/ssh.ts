/**
 * SSH for `sallyport connect`: stock ssh, sftp, scp and rsync with a key that exists for the connection and a certificate
 * for it, lines for other tools, and a configuration for what drives ssh by itself.
 *
 * Invariant: the gateway's host key is always checked, against what its API says.
 * OpenSSH: ssh_config(5), sshd(8) "SSH_KNOWN_HOSTS FILE FORMAT".
 */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { usage } from '../errors.ts';
import type { ClientAdapter, Invocation, PrepareOptions, PrintedLine, Target } from './client.ts';
import { shellWord } from './quote.ts';
import { makeThrowAway, prepareSshFiles, removeThrowAway, sshConfig, writeText } from './ssh-files.ts';

const programs = ['ssh', 'sftp', 'scp', 'rsync'] as const;
type SshProgram = (typeof programs)[number];

export const sshClient: ClientAdapter = {
  protocol: 'ssh',
  title: 'SSH',
  programs,
  prepare,
  printedLines,
  forward: null,
  config,
};

async function prepare(target: Target, options: PrepareOptions): Promise<Invocation> {
  const program = (options.program ?? 'ssh') as SshProgram;
  const directory = await makeThrowAway(options.env);
  try {
    const files = await prepareSshFiles(options.api, directory);
    const home = options.env['HOME'] ?? homedir();
    const configPath = join(directory, 'config');
    await writeText(configPath, sshConfig(target, files, [join(home, '.ssh/config'), '/etc/ssh/ssh_config']));
    return {
      program,
      args: argumentsOf(program, target.resource, configPath, options.args),
      env: {},
      dispose: () => removeThrowAway(directory),
    };
  } catch (error) {
    await removeThrowAway(directory);
    throw error;
  }
}

function argumentsOf(program: SshProgram, resource: string, config: string, args: readonly string[]): string[] {
  switch (program) {
    case 'ssh':
      return ['-F', config, resource, ...args];
    case 'sftp':
      return ['-F', config, ...args, resource];
    case 'scp':
    case 'rsync':
      if (!args.some((word) => word.startsWith(`${resource}:`))) {
        throw usage(
          `${program} needs what to copy from where to where.`,
          `Such as: sallyport connect ${resource} --program ${program} -- file.txt ${resource}:/tmp/`,
        );
      }
      return program === 'scp' ? ['-F', config, ...args] : ['-e', `ssh -F ${shellWord(config)}`, ...args];
  }
}

/** A configuration that lasts: for editors, Ansible, rsync, git and whatever else calls ssh. */
async function config(target: Target, { api, directory }: { api: PrepareOptions['api']; directory: string }) {
  const files = await prepareSshFiles(api, directory);
  const renew = `sallyport ssh-certificate -i ${shellWord(`${files.key}.pub`)}`;
  return {
    text: `# Good until ${files.expiresAt} or until you log out; then: ${renew}\n${sshConfig(target, files, [])}`,
    note: `The key and its certificate lie in ${files.directory}. To use it: sallyport connect ${target.resource} --config >> ~/.ssh/config`,
  };
}

function printedLines(target: Target, { isTokenShown }: { readonly isTokenShown: boolean }): readonly PrintedLine[] {
  const port = String(target.port);
  const at = shellWord(`${target.login}@${target.host}`);
  // scp and rsync read a colon as the end of the host.
  const host = target.host.includes(':') ? `[${target.host}]` : target.host;
  const path = shellWord(`${target.login}@${host}:PATH`);
  // sshpass answers what asks for a password; a step-up follows by keyboard-interactive and asks for nothing.
  const withToken = isTokenShown ? `SSHPASS=${shellWord(target.token)} sshpass -e ` : '';
  const asPassword = isTokenShown ? ' -o PreferredAuthentications=password,keyboard-interactive' : '';
  return [
    { title: 'ssh', line: `${withToken}ssh${asPassword} -p ${port} ${at}` },
    { title: 'sftp', line: `${withToken}sftp${asPassword} -P ${port} ${at}` },
    { title: 'scp', line: `${withToken}scp${asPassword} -P ${port} FILE ${path}` },
    { title: 'rsync', line: `${withToken}rsync -e ${shellWord(`ssh${asPassword} -p ${port}`)} FILE ${path}` },
    { title: 'PuTTY', line: `plink -P ${port} ${at}` },
    ...(target.hostKeys ?? []).map((key) => ({ title: 'known_hosts', line: `${knownHost(target)} ${key}` })),
  ];
}

function knownHost({ host, port }: Target): string {
  return port === 22 ? host : `[${host}]:${port}`;
}
