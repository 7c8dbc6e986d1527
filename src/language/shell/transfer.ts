/**
 * Transfer programs at the target's end, as clients start them over exec: `scp -t|-f path`, `rsync --server … . path`,
 * `git-upload-pack 'repo'`, `sftp-server`.
 *
 * Invariant: given only where the text is nothing but that one command, without redirects.
 */
import type { ShellAnalysis, ShellCommand, ShellTransfer } from '../../core/shell.ts';

type Draft = Pick<ShellAnalysis, 'commands' | 'redirects' | 'complete'>;

export function transferOf({ commands, redirects, complete }: Draft): ShellTransfer | null {
  const [command] = commands;
  if (command === undefined || commands.length !== 1 || redirects.length > 0 || !complete || command.via.length > 0)
    return null;
  const { program, argv } = command;
  const args = argv.slice(1);
  switch (program) {
    case 'scp':
      return scp(args);
    case 'rsync':
      return rsync(args);
    case 'git-upload-pack':
    case 'git-upload-archive':
      return git(args, 'download');
    case 'git-receive-pack':
      return git(args, 'upload');
    case 'git':
      return gitVerb(args);
    case 'sftp-server':
    case 'internal-sftp':
      return { program: 'sftp', direction: 'both', paths: [], isRecursive: true };
    default:
      return null;
  }
}

type Words = ShellCommand['argv'];

function scp(args: Words): ShellTransfer | null {
  let direction: 'upload' | 'download' | null = null;
  let isRecursive = false;
  let index = 0;
  for (; index < args.length; index += 1) {
    const text = args[index];
    if (text == null || !/^-\w+$/.test(text)) break;
    if (text.includes('t')) direction = 'upload';
    if (text.includes('f')) direction = 'download';
    if (text.includes('r')) isRecursive = true;
  }
  if (args[index] === '--') index += 1;
  if (direction === null) return null;
  return { program: 'scp', direction, paths: args.slice(index), isRecursive };
}

function rsync(args: Words): ShellTransfer | null {
  if (args[0] !== '--server') return null;
  const isSender = args.includes('--sender');
  const dot = args.indexOf('.');
  if (dot < 0) return null;
  const options = args.slice(1, dot).filter((text) => text !== null);
  // Files beside the operands: `--log-file=`, `--files-from=`, `--link-dest`, …; what is done with them is not followed.
  const isMore = options.length < dot - 1 || options.some((text) => /^[^-].*\/|=.*\/|^--[a-z]+-from(?:=|$)/.test(text));
  const cluster = options.find((text) => /^-[a-zA-Z]/.test(text)) ?? '';
  const isRecursive = /r/.test(cluster.replace(/e.*/, '')) || options.includes('--recursive');
  const paths = [...args.slice(dot + 1), ...(isMore ? [null] : [])];
  return { program: 'rsync', direction: isSender ? 'download' : 'upload', paths, isRecursive };
}

function git(args: Words, direction: 'upload' | 'download'): ShellTransfer | null {
  const operands = args.filter((text) => text === null || !text.startsWith('-'));
  return operands.length === 1 ? { program: 'git', direction, paths: operands, isRecursive: true } : null;
}

function gitVerb(args: Words): ShellTransfer | null {
  const [verb, ...rest] = args;
  if (verb === 'upload-pack' || verb === 'upload-archive') return git(rest, 'download');
  return verb === 'receive-pack' ? git(rest, 'upload') : null;
}
