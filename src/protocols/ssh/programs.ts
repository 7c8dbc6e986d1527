/** Which program stands behind a request: the table of everything that a session channel can run. */
import type { CommandDraft } from '../../core/command.ts';
import type { ShellAnalysis } from '../../core/shell.ts';
import { isPlainShell } from '../../language/index.ts';
import { execDraft, subsystemDraft } from './command.ts';
import { Exec } from './exec.ts';
import { FileProgram } from './files.ts';
import { readScpCommand, type ScpCommand } from './scp/index.ts';
import type { Program, ProgramParts } from './session-channel.ts';
import { Shell } from './shell.ts';
import { isOnlySftp, sftpDenial, startsSftp, terminalDenial } from './strict.ts';

export function startProgram(parts: ProgramParts): Program {
  const { request } = parts.asked;
  switch (request.kind) {
    case 'exec':
      return startExec(parts, request.command);
    case 'shell':
      // Without a terminal a shell reads its commands from standard input: a script.
      return parts.pty === null ? new Exec(parts, null, null) : new Shell({ ...parts, pty: parts.pty });
    case 'subsystem': {
      const draft = subsystemDraft(request.name, parts.channel.context());
      if (request.name === 'sftp') return new FileProgram(parts, draft, { kind: 'sftp' });
      return new Refused(
        parts,
        draft,
        `the subsystem ${draft.text} is not one that the gateway can judge`,
        'ssh.subsystem',
      );
    }
  }
}

/** A transfer program has a gate of its own, however it is started (A-SSH-13). */
function startExec(parts: ProgramParts, command: Buffer): Program {
  const draft = execDraft(command, parts.conversation.settings, parts.channel.context(), null);
  const shell = draft.meaning?.language === 'shell' ? draft.meaning.shell : null;
  const { pty, conversation } = parts;
  if (shell !== null && pty !== null && conversation.settings.shell !== 'observed') {
    // A terminal into a shell is a shell, whatever it was asked for by; it is judged as one.
    if (isPlainShell(shell)) return new Shell({ ...parts, pty });
  }
  const denial = pty === null ? null : terminalDenial(conversation.settings, shell);
  if (denial !== null) return new Refused(parts, draft, denial, 'ssh.not-judged');
  if (shell === null || pty !== null) return new Exec(parts, command, draft);
  if (isOnlySftp(shell)) return new FileProgram(parts, draft, { kind: 'sftp' });
  if (startsSftp(shell)) return new Refused(parts, draft, sftpDenial, 'ssh.not-judged');
  const scp = shell.transfer?.program === 'scp' ? scpOf(shell) : null;
  return scp === null ? new Exec(parts, command, draft) : new FileProgram(parts, draft, { kind: 'scp', scp });
}

/** Null where a word is not known: then it is a program like any other, whose paths are not certain. */
function scpOf({ commands }: ShellAnalysis): ScpCommand | null {
  const argv = commands.find(({ program }) => program === 'scp')?.argv ?? [null];
  const words = argv.filter((word) => word !== null);
  return words.length === argv.length ? readScpCommand(words) : null;
}

/** What cannot be judged as it should: refused, and recorded as asked for. */
class Refused implements Program {
  constructor({ conversation, channel, asked }: ProgramParts, draft: CommandDraft, text: string, code: string) {
    conversation.submit(draft, {
      decided: (command) => {
        asked.reply.accept();
        channel.refuse(text, 126);
        conversation.complete(command, { outcome: 'refused', tag: null, error: code, rows: 0, bytes: 0 });
      },
      waiting: () => undefined,
      overdue: () => undefined,
    });
  }
  read(): void {}
  end(): void {}
  drain(): void {}
  notify(): void {}
  clientClosed(): void {}
}
