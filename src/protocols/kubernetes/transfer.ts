/**
 * `kubectl cp`: what an archive is taken from, or unpacked to, is judged before anything of it passes, as a transfer by the paths
 * of its arguments and whatever is below them. What it really held is told member by member (archive.ts).
 *
 * Invariant: the target is asked for nothing before the transfer was released; a client that goes meanwhile withdraws it.
 */
import type { CommandDraft } from '../../core/command.ts';
import { effectOfFiles, type FileMeaning, fileOperation, filePath } from '../../core/files.ts';
import type { OutputLimit } from '../../core/judgement.ts';
import type { KubernetesMeaning } from '../../core/kubernetes.ts';
import type { Command } from '../../core/session.ts';
import type { ArchiveDirection } from './archive.ts';
import { startExec } from './exec.ts';
import type { Program, ProgramParts } from './programs.ts';

export class Transfer implements Program {
  readonly #parts: ProgramParts;
  readonly #kubernetes: KubernetesMeaning;
  readonly #transfer: Command;
  /** What runs once it may; null: not yet, or no more. */
  #exec: Promise<Program | null> | null = null;
  #isOver = false;

  constructor(parts: ProgramParts, kubernetes: KubernetesMeaning, direction: ArchiveDirection) {
    this.#parts = parts;
    this.#kubernetes = kubernetes;
    const { conversation, command } = parts;
    const draft = transferDraft(kubernetes, direction, command.ordinal);
    this.#transfer = conversation.session.submit(draft, (decided) => this.#decided(decided));
  }

  cut(text: string): void {
    if (this.#exec !== null) this.#then((program) => program.cut(text));
    else this.#refuse(503, 'kubernetes.cut', text, null);
  }

  limited(limit: OutputLimit): void {
    if (this.#exec !== null) this.#then((program) => program.limited(limit));
    else this.#refuse(403, 'refused', limit.reason, limit.rule);
  }

  clientGone(): void {
    if (this.#exec !== null) {
      this.#then((program) => program.clientGone());
      return;
    }
    if (this.#isOver) return;
    this.#isOver = true;
    const { command, over } = this.#parts;
    for (const one of [this.#transfer, command]) this.#complete(one, 'withdrawn');
    over();
  }

  #decided(transfer: Command): void {
    if (this.#isOver || this.#parts.isGone()) {
      this.#complete(transfer, 'withdrawn');
      return;
    }
    if (transfer.state !== 'released') {
      const { verdict } = transfer;
      this.#refuse(403, 'refused', verdict?.reason ?? 'The transfer was refused.', verdict?.rule ?? null);
      return;
    }
    const { conversation, failed } = this.#parts;
    this.#exec = startExec(this.#parts, this.#kubernetes, null, (result) => {
      conversation.session.complete(transfer, { ...result, bytes: 0 });
    }).then(
      (program) => {
        if (program === null) this.#complete(transfer, 'withdrawn');
        return program;
      },
      (error: unknown) => {
        failed(error);
        this.#complete(transfer, 'failed');
        return null;
      },
    );
  }

  #complete(command: Command, outcome: 'failed' | 'withdrawn'): void {
    const { session } = this.#parts.conversation;
    session.complete(command, { outcome, tag: null, error: null, rows: 0, bytes: 0 });
  }

  #refuse(status: number, code: string, detail: string, rule: string | null): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#parts.refuse({ status, code, detail, rule });
  }

  #then(act: (program: Program) => void): void {
    void this.#exec?.then((program) => {
      if (program !== null) act(program);
    });
  }
}

/** By its arguments, as kubectl spells them; whatever else stands there may be anything. */
function transferDraft(
  { exec, namespace, name }: KubernetesMeaning,
  direction: ArchiveDirection,
  of: number,
): CommandDraft {
  const found = pathsOf(exec!.command.slice(3), direction);
  const operations = (found ?? ['']).map((path) => {
    const at = filePath(Buffer.from(path));
    const more = { direction, canonical: false, tree: true } as const;
    return fileOperation(direction === 'download' ? 'read' : 'write', at, more);
  });
  const file: FileMeaning = { operations, complete: found !== null };
  const text = `tar ${direction} ${operations.map(({ path }) => path.shown).join(' ')}`;
  return {
    kind: 'transfer',
    verb: direction,
    text,
    recordedText: text,
    parameters: null,
    effect: effectOfFiles(file),
    meaning: { language: 'file', file },
    context: { pod: `${namespace}/${name}`, container: exec!.container ?? '' },
    of,
  };
}

/** What is read, or where it is unpacked to; null where an argument is none that is known. */
function pathsOf(words: readonly string[], direction: ArchiveDirection): readonly string[] | null {
  let directory = '';
  const paths: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    if (word === '-C') directory = join(directory, words[++at] ?? '');
    else if (word === '--') {
      paths.push(...words.slice(at + 1).map((one) => join(directory, one)));
      break;
    } else if (word.startsWith('-')) return null;
    else paths.push(join(directory, word));
  }
  if (direction === 'download') return paths.length === 0 ? null : paths;
  return [directory === '' ? '.' : directory];
}

function join(directory: string, path: string): string {
  return directory === '' || path.startsWith('/') ? path : `${directory.replace(/\/+$/, '')}/${path}`;
}
