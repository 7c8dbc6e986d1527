/**
 * Look-ups: STAT, LSTAT, READLINK, REALPATH, free space, names of users. They are judged as everything else is, and
 * recorded in a compact way: those of one kind that are on their way together become one command that names each path.
 *
 * Invariants: nothing is answered before its command is released. Where a rule restricts a batch, each of it is asked for
 * by itself, so that one path never decides for another.
 */
import type { Command } from '../../../core/session.ts';
import { status } from './constants.ts';
import { draftOf, type FileIntent, type FileVerb } from './draft.ts';
import * as limits from './limits.ts';
import { answerStatus, deny, type GateParts, isOk, passOn, resultOf } from './parts.ts';
import { type PathRequest, type Plan, planOf, realpathFailure } from './plan.ts';
import { type Reply, writeOneName } from './replies.ts';

interface Lookup {
  readonly request: PathRequest;
  readonly plan: Plan;
  readonly done: () => void;
}

export class Lookups {
  readonly #parts: GateParts;
  /** On their way to a plan. */
  #resolving = 0;
  #batch: Lookup[] = [];
  /** Rules whose denial was said. */
  readonly #said = new Set<string>();

  constructor(parts: GateParts) {
    this.#parts = parts;
  }

  /** Resolves once it is answered. */
  async run(request: PathRequest): Promise<void> {
    this.#resolving++;
    let plan: Plan | number;
    try {
      plan = await this.#plan(request);
    } finally {
      this.#resolving--;
    }
    if (typeof plan === 'number') {
      answerStatus(this.#parts, request.id, plan);
      this.#flushIfDue();
      return;
    }
    const lookup = { request, plan };
    await new Promise<void>((done) => {
      this.#batch.push({ ...lookup, done });
      this.#flushIfDue();
    });
  }

  /** `~user/…` is the target's to expand; what comes of it is judged. */
  async #plan(request: PathRequest): Promise<Plan | number> {
    if (request.type !== 'expand-path') return planOf(request, this.#parts.resolver);
    if (!request.path.startsWith('~')) return planOf({ ...request, type: 'realpath' }, this.#parts.resolver);
    const reply = await this.#parts.conversation.ask({ type: 'expand-path', path: request.path });
    const path = reply.type === 'name' ? reply.entries[0]?.name.toString('latin1') : undefined;
    if (path === undefined || path.includes('\0')) {
      return reply.type === 'status' ? reply.code : status.SSH_FX_FAILURE;
    }
    return planOf({ ...request, type: 'realpath', path }, this.#parts.resolver);
  }

  #flushIfDue(): void {
    if (this.#batch.length === 0 || (this.#resolving > 0 && this.#batch.length < limits.lookupsMax)) return;
    const batch = this.#batch;
    this.#batch = [];
    const kinds = new Map<FileVerb, Lookup[]>();
    for (const lookup of batch) {
      const { verb } = lookup.plan;
      const same = kinds.get(verb);
      if (same === undefined) kinds.set(verb, [lookup]);
      else same.push(lookup);
    }
    for (const lookups of kinds.values()) void this.#submit(lookups).catch(this.#parts.fail);
  }

  async #submit(lookups: readonly Lookup[]): Promise<void> {
    const { commands } = this.#parts;
    const { command, isHeld, released } = commands.submit(draftOf(joined(lookups), 'sftp'));
    if (isHeld && lookups.length > 1) {
      commands.complete(command, { outcome: 'withdrawn' });
      return this.#each(lookups);
    }
    const [only] = lookups;
    // Whoever waits for a human holds nobody up.
    if (isHeld) only!.done();
    if (!(await released)) {
      if (lookups.length > 1) return this.#each(lookups);
      this.#deny(only!, command);
      return;
    }
    if (isHeld) return this.#again(only!, command);
    const replies = lookups.map(async ({ request, plan, done }) => {
      const reply = await this.#reply(plan, request, command);
      if (reply !== null) passOn(this.#parts, request.id, reply);
      done();
      return reply;
    });
    const last = (await Promise.all(replies)).find((reply) => reply !== null && !isOk(reply));
    commands.complete(command, {
      ...(last === undefined || last === null ? {} : resultOf(last)),
      rows: lookups.length,
    });
  }

  /** Released by a human: where the path leads may have changed meanwhile. */
  async #again({ request, plan }: Lookup, command: Command): Promise<void> {
    const now = await this.#plan(request);
    const isSame = typeof now !== 'number' && now.resolved.path === plan.resolved.path;
    const reply: Reply | null = isSame
      ? await this.#reply(now, request, command)
      : { type: 'status', id: 0, code: typeof now === 'number' ? now : status.SSH_FX_FAILURE, message: '' };
    if (reply !== null) passOn(this.#parts, request.id, reply);
    this.#parts.commands.complete(command, { ...(reply === null ? {} : resultOf(reply)), rows: 1 });
  }

  /** A denied look-up is said once per rule: clients make many, and show nothing for most. */
  #deny({ request, done }: Lookup, command: Command): void {
    const rule = command.verdict?.rule ?? '';
    deny(this.#parts, request.id, command, !this.#said.has(rule));
    this.#said.add(rule);
    done();
  }

  async #each(lookups: readonly Lookup[]): Promise<void> {
    await Promise.all(lookups.map((lookup) => this.#submit([lookup])));
  }

  /** The answer; null where it was given already. What the walk over the path has seen is not asked for again. */
  async #reply(plan: Plan, request: PathRequest, command: Command): Promise<Reply | null> {
    const { resolved, forwards } = plan;
    if (plan.failure !== null) return { type: 'status', id: 0, code: plan.failure, message: '' };
    if ((forwards.type === 'stat' || forwards.type === 'lstat') && resolved.attributes !== null) {
      return { type: 'attributes', id: 0, attributes: resolved.attributes };
    }
    if (forwards.type === 'realpath' && resolved.canonical) {
      const code = realpathFailure(resolved);
      if (code !== null) return { type: 'status', id: 0, code, message: '' };
      this.#parts.answer(writeOneName(request.id, resolved.path));
      return null;
    }
    return this.#parts.conversation.request(command, forwards);
  }
}

function joined(lookups: readonly Lookup[]): FileIntent {
  const plans = lookups.map(({ plan }) => plan);
  return {
    verb: plans[0]!.verb,
    meaning: {
      operations: plans.flatMap(({ meaning }) => meaning.operations),
      complete: plans.every(({ meaning }) => meaning.complete),
    },
    paths: plans.flatMap(({ paths }) => paths),
    details: plans.flatMap(({ details }) => details),
  };
}
